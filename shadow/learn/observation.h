#pragma once

// What `parallax learn` keeps of the statements that pass: values, no pointer into a session.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shadow/compare/result_set.h"
#include "shadow/rules/statement_shape.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

// What stood in one slot of a statement; nothing = NULL. Binary values that are not read are in
// hexadecimal, as bytea writes them.
struct LearnInput {
  bool list = false;
  std::vector<std::optional<std::string>> members;  // one, unless a list
  bool operator==(const LearnInput&) const = default;
  // A value of which something may be made, or a list with a member.
  bool has_value() const;
};

// One statement that ran, with all that is needed to compare it with others.
struct Observation {
  std::string operation;  // of its tag; empty without one
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
  std::vector<LearnInput> inputs;  // by slot of its shape
  // All rows; null: failed, not taken to the end, too large, or never run.
  std::shared_ptr<ResultSet> result;
  std::size_t bytes() const;
};

// All statements of one side with one key.
struct LearnedStatement {
  Side side = Side::legacy;
  std::string text;  // of the first one, without outer comments
  StatementShape shape;
  std::uint64_t count = 0;
  std::uint64_t failed = 0;
  double seconds = 0;
  std::map<std::string, std::uint64_t> operations;  // by tag; empty: without
  std::deque<Observation> examples;                 // the newest that had room, oldest first
  std::size_t example_bytes = 0;
  std::uint64_t let_go = 0;  // examples that had no room
};

struct LearnedTraffic {
  std::vector<LearnedStatement> statements;             // in the order of their first
  std::map<std::string, std::uint64_t> other_commands;  // no SELECT: by the tag's first word
  std::uint64_t unreadable = 0;
  std::uint64_t beyond = 0;    // more statements than are told apart
  std::uint64_t unchosen = 0;  // of sessions that are of neither side
};

}  // namespace parallax::shadow
