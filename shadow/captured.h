#pragma once

// What travels from a worker to the shadow loop: values and ids, no pointer into a session.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/compare/result_set.h"
#include "shadow/compare/value_reader.h"
#include "shadow/open_operations.h"
#include "shadow/rules/rule.h"
#include "shadow/rules/statement_tags.h"
#include "shadow/strict/ticket.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

// What a session's statement meant when it ran, for a replay to mean the same. Immutable; one value
// is shared by all operations between two changes.
struct ReplayContext {
  // Settings in the order in which they are to be made (set_config): those of the startup packet
  // (TimeZone, search_path, -c options) and all that SET, set_config and the like have changed
  // since, `role` among them. Never user, database, application_name, client_encoding, replication,
  // timeouts, transaction settings.
  std::vector<std::pair<std::string, std::string>> settings;
  std::string user;  // that the session has logged in as
  TextStyle style;   // how the session's texts are written
  bool operator==(const ReplayContext&) const = default;
};
using ReplayContextRef = std::shared_ptr<const ReplayContext>;

// What the client got.
struct LiveResult {
  std::string sqlstate;  // of its error; empty = a result
  std::optional<std::uint64_t>
      rows;  // how many, from the command tag; nothing when that is not known
  // The rows themselves: of the columns the tap knows the formats, the engine adds what was
  // verified of the same statement. Null: not captured.
  std::shared_ptr<ResultSet> result;
  double seconds = 0;        // as the client saw it
  Side side = Side::legacy;  // that it sent

  // What is known of the columns of the same statement; `result` must be there. Without a row the
  // wire says nothing of them; another number of columns stays as it is.
  void describe(const std::vector<ColumnInfo>& verified);
  // Where they are not what is compared: how many there were as they came says nothing.
  void forget_rows() {
    result = nullptr;
    rows.reset();
  }
};

std::size_t bytes_of(const BoundStatement& statement);
std::size_t bytes_of(const NamedValues& values);

// A matched and sampled operation whose result is complete.
struct CapturedOperation {
  const Rule* rule = nullptr;
  std::uint64_t session_id = 0;
  ReplayContextRef context;
  BoundStatement statement;  // the client's own text and parameters, of the root
  NamedValues values;
  LiveResult live;
  double live_seconds = 0;             // that the client waited for it
  std::optional<StrictTicket> strict;  // its answer is held for it
  // Of several statements: the sessions in whose transaction blocks they were read. What such a
  // block has written, its own connection alone shows.
  std::set<std::uint64_t> blocks;
  std::size_t bytes() const;  // for the queue's limit
};

// One statement of an operation that has several, complete: its root, or what may be a child.
struct CapturedStatement {
  std::optional<RootMatch> root;
  OpenMark mark;  // of the root
  StatementTags tags;
  std::vector<ChildMatch> children;  // the places that it may have; of the root none
  std::uint64_t session_id = 0;
  ReplayContextRef context;
  BoundStatement statement;  // the client's own text and parameters, of the root
  LiveResult live;
  std::optional<StrictHold> strict;  // its answer is held for rules that it may belong to
  // Of a child: why its operation cannot be compared; and why not where its answer is held for it.
  std::optional<SkipReason> skip;
  std::optional<SkipReason> strict_skip;
  std::size_t bytes() const;
};

// A statement that no rule covers, first time on this worker.
struct UncoveredStatement {
  std::string sql;               // --dev only
  std::string skeleton;          // --dev only, already made
  const Rule* tagged = nullptr;  // whose operation it says it belongs to; null: none, --dev only
  std::size_t statement = 0;     // a hash that tells it from others
};

using Captured = std::variant<CapturedOperation, CapturedStatement, UncoveredStatement>;

}  // namespace parallax::shadow
