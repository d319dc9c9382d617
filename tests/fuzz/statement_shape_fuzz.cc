// Texts of statements and rules: shapes, outer comments, tags, skeletons, and rules that are
// compiled, matched and bound.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shadow/rules/rule.h"
#include "shadow/rules/statement_tags.h"
#include "tests/fuzz/fuzz_check.h"

namespace parallax::shadow {
namespace {

// Slots stand in the text in order, members within their group.
void check_shape(const StatementShape& shape, std::string_view sql) {
  std::size_t at = 0;
  for (const auto& group : shape.slots) {
    FUZZ_CHECK(group.begin >= at && group.begin <= group.end && group.end <= sql.size());
    FUZZ_CHECK(group.list || group.members.size() == 1);
    FUZZ_CHECK(group.begin <= group.first_member_begin && group.first_member_end <= group.end);
    for (const auto& member : group.members) {
      FUZZ_CHECK(member.begin >= at && member.begin < member.end && member.end <= group.end);
      at = member.end;
    }
    at = group.end;
  }
}

void check_comments(const StatementShape& whole, std::string_view sql) {
  // Such an end (an operator without its right side) is refused by every server.
  if (whole.key.ends_with("*/")) return;
  const auto inner = shape_of(without_outer_comments(sql), ShapeDialect::statement);
  FUZZ_CHECK(std::holds_alternative<StatementShape>(inner));
  FUZZ_CHECK(std::get<StatementShape>(inner).key == whole.key);
}

// The legacy side of a skeleton, as a reader of YAML gives it, has the statement's key.
void check_skeleton(const StatementShape& whole, std::string_view sql) {
  const std::string skeleton = rule_skeleton(sql);
  if (skeleton.empty()) return;
  constexpr std::string_view kLegacy = "    legacy: |\n";
  const auto begin = skeleton.find(kLegacy) + kLegacy.size();
  const auto end = skeleton.find("\n    rewrite: |\n", begin);
  FUZZ_CHECK(begin > kLegacy.size() && end != std::string::npos);
  const auto legacy =
      shape_of(std::string_view(skeleton).substr(begin, end - begin), ShapeDialect::rule);
  FUZZ_CHECK(std::holds_alternative<StatementShape>(legacy));
  FUZZ_CHECK(std::get<StatementShape>(legacy).key == whole.key);
}

RuleSource rule_source(std::string_view sql) {
  RuleSource source;
  source.name = {"fuzz", {.file = "fuzz.yaml", .line = 1, .column = 1}};
  source.rewrite.front().sql = {std::string(sql),
                                {.file = "fuzz.yaml", .line = 2, .column = 7, .block = true}};
  source.legacy = source.rewrite;
  return source;
}

// Legacy is its own rewrite: what compiles must be found again by the text that a server would be
// given, and be bound.
void check_rule(std::string_view sql) {
  auto compiled = RuleSet::compile({rule_source(sql)});
  if (const auto* problems = std::get_if<std::vector<ConfigProblem>>(&compiled)) {
    FUZZ_CHECK(!problems->empty());
    for (const auto& problem : *problems) FUZZ_CHECK(problem.mark.line >= 1);
    return;
  }
  const auto& set = std::get<RuleSet>(compiled);
  const Rule& rule = *set.rules().front();
  const auto known = set.know(rule.root().prepared);
  FUZZ_CHECK(known.shape.key == rule.root().shape.key);
  FUZZ_CHECK(known.roots.size() == 2 && known.roots.front().side == Side::legacy);
  const std::vector<Value> parameters(100, Value{.bytes = "1"});
  const auto found = set.match(known, parameters);
  if (const auto& match = found.root) {
    FUZZ_CHECK(match->side == Side::legacy);
    const auto bound = match->rule->bind(Side::rewrite, 0, match->values);
    FUZZ_CHECK(set.know(bound.sql).shape.key == rule.rewrite.front().shape.key);
  }
}

// Whatever stands in them, tags are bounded, and the same with and without the rest.
void check_tags(std::string_view sql) {
  const auto code = without_outer_comments(sql);
  const auto tags = read_tags(sql, code, {});
  FUZZ_CHECK(tags.bytes() <= 3 * kTagBytesMax);
  FUZZ_CHECK(tags.traceparent.empty() || tags.traceparent.size() == 55);
  FUZZ_CHECK(tags.operation == read_operation(sql, code, {}));
  FUZZ_CHECK(fit_of(tags, "rule", tags) >= fit_of(tags, "rule", {}));
}

void run(std::string_view sql) {
  constexpr std::size_t kRuleBytesMax = 4096;  // the parser is not what is tested here
  check_tags(sql);
  const auto whole = shape_of(sql, ShapeDialect::statement);
  if (const auto* error = std::get_if<ShapeError>(&whole)) {
    FUZZ_CHECK(error->offset <= sql.size());
  } else {
    check_shape(std::get<StatementShape>(whole), sql);
    check_comments(std::get<StatementShape>(whole), sql);
    if (sql.size() <= kRuleBytesMax) check_skeleton(std::get<StatementShape>(whole), sql);
  }
  const auto rule = shape_of(sql, ShapeDialect::rule);
  if (const auto* shape = std::get_if<StatementShape>(&rule)) check_shape(*shape, sql);
  if (sql.size() > kRuleBytesMax) return;
  check_rule(sql);
}

}  // namespace
}  // namespace parallax::shadow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parallax::shadow::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
