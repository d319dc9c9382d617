#pragma once

// One libpq connection on a loop, in pipeline mode, never blocking (PostgreSQL manual,
// "Asynchronous Command Processing" and "Pipeline Mode"). It knows how bytes and results flow; what
// is sent and what an answer means is its user's business.

#include <libpq-fe.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "proxy/io/loop.h"
#include "proxy/io/name_lookup.h"
#include "proxy/io/poll_watch.h"
#include "proxy/io/timer.h"
#include "shadow/captured.h"
#include "shadow/options.h"
#include "shadow/replay/connection_error.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// Parameters of one statement at most (Int16 count in Bind, read unsigned).
inline constexpr std::size_t kParametersMax = 65535;

// Takes libpq's environment variables (PGHOST, PGOPTIONS, PGTZ, ...) out of the process: some have
// no keyword that overrides them, so giving every keyword is not enough. To be called before
// threads exist that read the environment.
void forget_libpq_environment();

class Connection {
 public:
  // Who uses the connection now. Calls come from the loop, never from within a call to the
  // connection. Any of them may close the connection; destroying it must wait for the end of the
  // loop's turn (Loop::defer_destroy).
  class User {
   public:
    virtual ~User() = default;
    // A result of the statement at the head of the pipeline: a row, the end of the rows, an error,
    // ...
    virtual void on_result(const PGresult& result) = 0;
    // That statement is done. The place to call single_row() for the next one.
    virtual void on_statement_end() = 0;
    // ReadyForQuery after sync().
    virtual void on_sync(PGTransactionStatusType status) = 0;
    // Closed by the other side or broken. Not called for close().
    virtual void on_lost(const ConnectionError& error) = 0;
  };

  // References must outlive it.
  Connection(io::Loop& loop, const Options& options, io::NameLookup& names);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Once. Resolves the host and tries its addresses in turn, each within Options::connect_timeout.
  // The callback (nothing = connected) comes from the loop, and not after close().
  using Connected = std::function<void(std::optional<ConnectionError>)>;
  void connect(Connected done);

  // Null: nobody; results are then dropped.
  void set_user(User* user) { user_ = user; }
  bool open() const { return pg_ != nullptr && !connecting_; }
  // Open, nothing in the pipeline, no transaction.
  bool idle() const;

  // Put into the pipeline; sync() sends it. Rows come in text format unless `binary`.
  void query(const std::string& sql, std::span<const Value> parameters, bool binary = false);
  void prepare(const std::string& sql);  // as the unnamed statement
  void describe();                       // the unnamed statement
  // Has the server send what it has so far, so that the end of a statement is seen when it happens.
  void flush_request();
  // Ends the pipeline. False when something could not be queued (error_message() says why): close()
  // is all that is left.
  bool sync();
  // Rows of the statement at the head of the pipeline come one by one.
  void single_row();
  std::string error_message() const;
  // As the server or a pooler in front of it has told at login.
  int backend_pid() const;

  // Custom settings (names with a dot) that were made here: after the rollback the server knows
  // their names, and gives '' where it gave NULL. A pooler hands such a connection to others.
  std::set<std::string>& custom_settings() { return custom_settings_; }
  bool knows_no_other_than(const ReplayContextRef& context) const;
  bool shared() const { return shared_; }
  void set_shared() { shared_ = true; }

  void close();
  // The same for an idle connection, with a goodbye. A duplicate of its socket, on which the end
  // comes when the server has let go; -1 when there is none. The caller closes it.
  int hang_up();
  // The other side has closed it, or it broke.
  bool lost() const { return lost_; }
  // This side has closed it while the server was at work on it.
  bool left_working() const { return left_working_; }

 private:
  void on_resolved(io::Resolved resolved);
  void try_address();
  void poll_connect();
  void established();
  void address_failed(ConnectionError error);
  void end_connect(std::optional<ConnectionError> error);
  std::map<std::string, std::string> keywords(const std::string& address) const;

  void watch(bool readable, bool writable);
  void on_ready(io::PollWatch::Ready ready);
  bool consume_input();
  bool flush();
  void drain_results();
  void lost(const std::string& what);
  void queued(int accepted);

  io::Loop& loop_;
  const Options& options_;
  io::NameLookup& names_;
  PGconn* pg_ = nullptr;
  std::unique_ptr<io::PollWatch> watch_;
  io::Timer timer_;
  std::shared_ptr<const io::NameLookup::Callback> resolve_;
  std::vector<std::string> addresses_;
  std::size_t address_ = 0;
  bool connecting_ = false;
  Connected connected_;
  User* user_ = nullptr;
  std::size_t outstanding_ = 0;  // statements and syncs that have not been answered in full
  bool in_statement_ = false;    // the one at the head has given a result
  bool send_failed_ = false;
  bool lost_ = false;
  bool left_working_ = false;
  std::set<std::string> custom_settings_;
  bool shared_ = false;  // by a pooler: another server process answers than the one of the login
  std::string last_sqlstate_;  // of the last error result: what a closing server said
};

}  // namespace parallax::shadow
