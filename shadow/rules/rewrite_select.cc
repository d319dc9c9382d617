#include "shadow/rules/rewrite_select.h"

#include <pg_query/pg_query.pb-c.h>

#include <utility>
#include <variant>

#include "shadow/rules/concat.h"
#include "shadow/rules/prepared_text.h"
#include "shadow/rules/select_check.h"
#include "shadow/rules/statement_shape.h"
#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

constexpr std::string_view kTable = "\"rewrite\"";

bool begins_with_with(const std::string& sql) {
  const auto scanned = scan_tokens(sql);
  const auto* tokens = std::get_if<std::vector<Token>>(&scanned);
  return tokens != nullptr && !tokens->empty() && tokens->front().type == PG_QUERY__TOKEN__WITH;
}

void check_names(const SourceText& select, const StatementShape& shape,
                 std::vector<ConfigProblem>& problems) {
  for (const SlotGroup& group : shape.slots) {
    for (const Slot& slot : group.members) {
      if (slot.kind == SlotKind::literal) continue;
      problems.push_back(
          {mark_inside(select.mark, select.text, slot.begin),
           concat({"`", spelling_of(slot), "`: `select` has no names, the rewrite has them"})});
    }
  }
}

}  // namespace

std::string with_select(const RuleSource& source, std::string rewrite) {
  if (source.compare.select.text.empty()) return rewrite;
  // Without the `;` at its end. Comments before it stay, so that places are told as ever.
  const auto inner = without_outer_comments(rewrite);
  rewrite.resize(static_cast<std::size_t>(inner.data() - rewrite.data()) + inner.size());
  return concat({kSelectBefore, rewrite, kSelectBetween, source.compare.select.text});
}

const std::string& replayed_select(const RuleSource& source, const std::string& rewrite) {
  const std::string& select = source.compare.select.text;
  return select.empty() ? rewrite : select;
}

void check_rewrite_select(const RuleSource& source, std::vector<ConfigProblem>& problems) {
  const SourceText& select = source.compare.select;
  if (select.text.empty()) return;
  const auto add = [&](std::size_t offset, std::string message) {
    problems.push_back({mark_inside(select.mark, select.text, offset), std::move(message)});
  };
  if (source.rewrite.size() > 1)
    return add(0, "`select` is over a rewrite of one statement; this one has several");
  const auto shape = shape_of(select.text, ShapeDialect::rule);
  if (const auto* error = std::get_if<ShapeError>(&shape))
    return add(error->offset, error->message);
  const auto before = problems.size();
  check_names(select, std::get<StatementShape>(shape), problems);
  if (problems.size() != before) return;
  const auto checked = check_select(select.text);
  if (const auto* found = std::get_if<std::vector<SqlProblem>>(&checked)) {
    for (const SqlProblem& problem : *found) add(problem.offset, problem.message);
    return;
  }
  if (begins_with_with(select.text))
    return add(0, "`select` begins with SELECT: the rewrite is its WITH");
  const auto& tables = std::get<SelectFacts>(checked).tables;
  if (tables.size() == 1 && tables.front() == kTable) return;
  add(0, "`select` reads from `rewrite` and from nothing else: `select … from rewrite`");
}

}  // namespace parallax::shadow
