#pragma once

// A rule as the configuration gives it, before it is compiled. Public face of shadow/ (used by
// proxy/config).

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/mode.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

// A place in a configuration file; 1-based. For SQL scalars `block` says that the text starts on
// the line after the mark, indented by `column - 1` characters, so that a position inside the SQL
// can be turned into line and column.
struct SourceMark {
  std::string file;
  int line = 0;
  int column = 0;
  bool block = false;
  // The text does not stand in the file as it is (escapes, folded lines): only the place of the
  // whole is known.
  bool inexact = false;
};
// Place of byte `offset` of `text`, which stands at `mark`. Columns count bytes.
SourceMark mark_inside(const SourceMark& mark, std::string_view text, std::size_t offset);

struct SourceText {
  std::string text;
  SourceMark mark;
};

enum class OrderMode {
  automatic,  // the top-level ORDER BY of legacy is the contract
  strict,     // the sequence of rows must be the same
  ignore      // multisets
};

// `compare: {json: …}`: what a JSON column holds, in the order of its arrays.
struct JsonMember {
  std::string key;  // label of the column, or the key where it stands in an object
  // A value: the column that it is held against, `_` for none. A child: its statement.
  std::string name;
  bool child = false;
  bool each = false;  // an array of children
  std::vector<JsonMember> members;
  SourceMark mark;
};

// `compare:` of a rule.
struct CompareOptions {
  bool snapshot_only = false;  // when: snapshot
  OrderMode order = OrderMode::automatic;
  // Of several statements: those whose ORDER BY means nothing.
  std::map<std::string, SourceMark> unordered_statements;
  double float_tolerance = 0;  // relative, of float4 and float8
  // Legacy label -> how far apart two timestamps of that column may be.
  std::map<std::string, std::chrono::microseconds> clock;
  std::set<EqualStep> treat_as_mismatch;  // treat: {step: mismatch}
  std::vector<JsonMember> json;           // by column, in the file's order
  SourceText select;                      // over `rewrite`; empty = none
};

// `expect:`: differences of these kinds, and no others, are wanted until the end of that day (UTC).
struct Expectation {
  std::set<MismatchKind> kinds;
  std::chrono::year_month_day until;
  std::string reason;
  SourceMark mark;
  bool in_force(std::chrono::sys_days today) const { return today <= std::chrono::sys_days(until); }
};
std::chrono::sys_days today_utc();

// One statement of a side.
struct StatementSource {
  std::string name;  // empty where it is the only one
  SourceText sql;    // with names, pins, links, $n and, in legacy, :_
};

struct RuleSource {
  SourceText name;
  // Each in the file's order.
  std::vector<StatementSource> legacy = std::vector<StatementSource>(1);
  std::vector<StatementSource> rewrite = std::vector<StatementSource>(1);
  const std::vector<StatementSource>& of(Side side) const {
    return side == Side::legacy ? legacy : rewrite;
  }
  // A legacy label is `label`, or `statement.label` where legacy has several statements.
  std::map<std::string, SourceText> ignore;  // legacy label -> reason
  std::map<std::string, SourceText>
      columns;  // legacy label -> rewrite label, table.column or expression
  // Name -> SQL expression over the names of legacy, which the server evaluates in the snapshot.
  std::map<std::string, SourceText> let;
  CompareOptions compare;
  std::vector<Expectation> expect;
  double sample = 1.0;       // share of operations that are shadowed
  std::optional<Mode> mode;  // nothing: the configuration's
  // As statements are tagged; empty: with the rule's name.
  std::string operation;
  // Groups of rules that `report` and `ready` judge together. No part of the version.
  std::vector<std::string> part_of;
};

// What is wrong, where, and what to write instead.
struct ConfigProblem {
  SourceMark mark;
  std::string message;
  // "rules.yaml:12:5: message"
  std::string text() const;
};

}  // namespace parallax::shadow
