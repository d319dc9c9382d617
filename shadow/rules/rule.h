#pragma once

// Compiled rules, and the way from a statement on the wire to the values of a rule's names.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "shadow/rule_source.h"
#include "shadow/rules/sort_order.h"
#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

// A parameter or literal as it was given. Text format unless `binary`.
struct Value {
  bool null = false;
  bool binary = false;
  std::uint32_t type_oid = 0;  // as declared in Parse; 0 = left to the server
  std::string bytes;
  bool operator==(const Value&) const = default;
};

// A name's value: one, or a list's members.
struct NamedValue {
  bool list = false;
  std::vector<Value> members;
};
using NamedValues =
    std::map<std::string, NamedValue, std::less<>>;  // "$3" is the name of parameter 3

bool same_values(const NamedValue& a, const NamedValue& b);

// SQL and parameters ready for PQsendQueryParams.
struct BoundStatement {
  std::string sql;
  std::vector<Value> parameters;
};

// A `let`: an expression over the names of legacy.
struct LetValue {
  std::string name;
  StatementShape shape;  // of the expression, dialect rule
  std::string prepared;  // SELECT of the expression, its names as $1..$n
};

// `IN (:parent.column)`, `= :parent.column`: the values of a child's list are a column of its
// parent.
struct Link {
  std::size_t parent = 0;     // index of the statement, of the same side
  std::string parent_column;  // its label in the parent
  std::size_t group = 0;      // the list among the child's slots
  std::size_t column = 0;     // of the child's output: what the list is compared with
  std::string list_name;      // as NamedValues have it: "parent.column"
  // The key of the statement with `= ` in place of `IN (...)`, as ORMs write it for one parent;
  // empty where the rule has it so.
  std::string single_key = {};
};

// One statement of a side.
struct RuleStatement {
  std::string name;  // empty where it is the only one of its side
  SourceText source;
  StatementShape shape;  // dialect rule
  // Names, links and :_ as $1..$n (each place its own, `$n` one for all its places), lists of one
  // member, pins as they stand: what verification prepares.
  std::string prepared;
  // The same with plain casts of columns in the select list removed (`a::text` -> `a`), for
  // pairing; empty when there is none. Same number and order of columns.
  std::string uncast;
  SortOrder order;
  std::optional<Link> link;  // none: the root
};

struct Rule {
  std::uint32_t index = 0;  // place in the rule set
  std::string name;
  std::string version;  // first 12 hex digits of SHA-256 over all that it compares
  double sample = 1.0;
  RuleSource source;

  // The root first, every child behind its parent.
  std::vector<RuleStatement> legacy = std::vector<RuleStatement>(1);
  std::vector<RuleStatement> rewrite = std::vector<RuleStatement>(1);
  std::vector<LetValue> lets;                // by name
  std::set<std::string, std::less<>> lists;  // names that are lists in legacy
  // Legacy can be made again from the rewrite's values: no let, no `:_`.
  bool reversible = true;
  // Functions called by either side or a let, as pg_proc.proname has them (lower case unless
  // quoted), without schema, sorted, each once. These and the next two are what the catalog is
  // asked about (SelectFacts).
  std::vector<std::string> functions;
  std::vector<std::string> tables;
  std::vector<std::string> names;

  // The name that its statements carry in tags.
  const std::string& operation() const {
    return source.operation.empty() ? name : source.operation;
  }
  const std::vector<RuleStatement>& of(Side side) const {
    return side == Side::legacy ? legacy : rewrite;
  }
  RuleStatement& root() { return legacy.front(); }
  const RuleStatement& root() const { return legacy.front(); }
  bool has_children(Side side) const { return of(side).size() > 1; }

  // A statement with these values, of a child its list among them (Link::list_name). A scalar name
  // becomes one parameter at each place (as ORMs write it), `$n` one for all its places, a list in
  // IN (...) one parameter for each member (none: NULL), a list elsewhere (= any(:x)) one array.
  // Texts get type 0 (the server infers it from the place); binary values keep the type that they
  // were declared as. An array is text; members in a binary format that values.h does not read make
  // it ARRAY[$1, $2, ...].
  BoundStatement bind(Side side, std::size_t statement, const NamedValues& values) const;
  // One for each of `lets`: a SELECT of one row and one column, whose text is the value of that
  // name.
  std::vector<BoundStatement> bind_lets(const NamedValues& values) const;
};

// One statement of a rule.
struct StatementPlace {
  const Rule* rule = nullptr;
  Side side = Side::legacy;
  std::size_t statement = 0;
  const RuleStatement& written() const { return rule->of(side)[statement]; }
};

// What is known of one statement text. Immutable, shared by all sessions of a worker.
struct KnownText {
  StatementShape shape;  // key empty when the text could not be read
  // Of this key: those of legacy before those of rewrites, each in file order.
  std::vector<StatementPlace> roots;
  std::vector<StatementPlace> children;
  bool covered() const { return !roots.empty() || !children.empty(); }
  // It may be one of several statements of an operation.
  bool in_operations() const;
  // A rule could be made of it: a SELECT that neither writes, locks nor sets anything.
  bool may_be_covered() const;
};

struct RootMatch {
  const Rule* rule = nullptr;
  NamedValues values;
  Side side = Side::legacy;
};
struct ChildMatch {
  StatementPlace place;
  NamedValues values;  // its list under Link::list_name
};
struct Matches {
  std::optional<RootMatch> root;
  // Without a root: the first whose shape fits, where no rule's pins or equal names do.
  std::optional<StatementPlace> shape_of;
  std::vector<ChildMatch> children;  // links decide which of them it is
};

class RuleSet {
 public:
  // All problems of all rules by their places, or the whole set. Checks what needs no server:
  // syntax, one SELECT, no locking clause, no data-changing CTE, no function known to have side
  // effects; every name of the rewrite is provided by legacy; every slot of legacy is named in the
  // rewrite, pinned or :_; no statement could be legacy of two rules. As a rewrite a statement may
  // recur: the first rule has it, and legacy comes before rewrites.
  static std::variant<RuleSet, std::vector<ConfigProblem>> compile(std::vector<RuleSource> sources);

  const std::vector<std::unique_ptr<Rule>>& rules() const { return rules_; }
  // What is worth a look and no reason to refuse: legacy's ORDER BY is not the rewrite's.
  const std::vector<ConfigProblem>& warnings() const { return warnings_; }

  // Whose operations are tagged with this name; of several the one that has it as its own name,
  // else the first.
  const Rule* tagged(std::string_view operation) const;

  // Scans the text (3 to 25 us); the caller caches it by text.
  KnownText know(std::string_view sql) const;

  // `parameters`: values of $1..$n of the statement in order; empty for the simple protocol.
  static Matches match(const KnownText& text, std::span<const Value> parameters);

 private:
  std::vector<std::unique_ptr<Rule>> rules_;
  std::vector<ConfigProblem> warnings_;
  std::unordered_map<std::string, std::vector<StatementPlace>> by_key_;
  std::map<std::string, const Rule*, std::less<>> by_operation_;
};

// A rule for a statement that no rule covers, ready to be pasted under `rules:`: literals and
// parameters as names (:p1, :list1), the rewrite left to be written. Never contains a value or a
// comment of the statement: what stays as it stands is LIMIT and OFFSET, ordinals (ORDER BY 1),
// type modifiers, TRUE, FALSE, NULL and 1=1; where the grammar wants a constant (interval '...') it
// is
// '?'. Empty when no rule can be made of it: no SELECT, not readable, or strings or line breaks
// that would have to be written out.
std::string rule_skeleton(std::string_view sql);

}  // namespace parallax::shadow
