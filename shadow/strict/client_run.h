#pragma once

// Runs rounds of steps on a client's own connection, as messages: what to send, and what the
// answers mean. Pure. Statements and portals have names of their own, so that those of the client,
// the unnamed ones too, stay as they are (PostgreSQL manual, "Extended Query"); within a
// transaction block a Sync ends nothing.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/bytes.h"
#include "shadow/strict/strict.h"

namespace parallax::shadow {

class ClientRun {
 public:
  ClientRun() = default;
  ~ClientRun();  // a round that has no end yet ends as a skip: the client has gone
  ClientRun(const ClientRun&) = delete;
  ClientRun& operator=(const ClientRun&) = delete;

  // The bytes to send. No other round may be running.
  std::vector<std::byte> begin(ClientRound round, std::uint64_t now_ns);
  // A message of the server, whole. What to send now; mostly nothing.
  std::vector<std::byte> message(char type, protocol::Bytes body, std::uint64_t now_ns);

  // No message has to be put together beyond this: a row is over the limit of results then. What is
  // shown of a larger one may be cut once too_large() has been told.
  std::size_t message_bytes_max() const;
  void too_large();

  bool running() const { return round_.has_value(); }
  // The savepoint exists: another round must come.
  bool open() const { return open_; }
  // The transaction could not be brought back to where it was.
  bool broken() const { return broken_; }

 private:
  enum class Kind { savepoint, settings, step, rollback, release };
  struct Entry {
    Kind kind;
    std::size_t step;
  };

  void add(std::vector<std::byte>& out, Kind kind, std::string_view sql);
  void add_settings(std::vector<std::byte>& out);
  void add_step(std::vector<std::byte>& out, std::size_t index);
  void describe(protocol::Bytes body);
  void take_row(protocol::Bytes body);
  void completed(std::uint64_t now_ns);
  void failed(protocol::Bytes body);
  std::vector<std::byte> ready(char status);
  std::vector<std::byte> roll_back();
  void finish();

  std::optional<ClientRound> round_;
  std::vector<StepResult> results_;
  std::vector<Entry> entries_;
  std::size_t position_ = 0;
  std::optional<ClientRoundSkip> skip_;
  bool open_ = false;
  bool failed_ = false;
  bool recovering_ = false;
  bool broken_ = false;
  std::uint64_t step_began_ns_ = 0;
};

// The statements that make the server raise an error, as messages that leave nothing behind. In the
// simple protocol a Query; in the extended one, in the middle of a unit, up to a Flush. Needs
// PL/pgSQL, as every database has it from the start.
std::vector<std::byte> raise_by_query(const StrictRefusal& refusal);
std::vector<std::byte> raise_by_execute(const StrictRefusal& refusal);

}  // namespace parallax::shadow
