#include "shadow/replay/error_place.h"

#include <catch2/catch.hpp>

#include "shadow/rules/let_select.h"
#include "shadow/rules/prepared_text.h"
#include "shadow/rules/rewrite_select.h"

namespace parallax::shadow {
namespace {

// Line and column of the error at character `position` of the prepared text.
std::pair<int, int> place(const std::string& text, std::size_t position,
                          std::string_view before = {}) {
  const SourceText source{text, {.file = "a", .line = 10, .column = 7, .block = true}};
  const auto shape = shape_of(text, ShapeDialect::rule);
  StepResult step;
  step.position = position;
  const auto mark = error_place(source, std::get<StatementShape>(shape), step, before);
  return {mark.line, mark.column};
}

TEST_CASE("the server's position is one in the rule's text") {
  using Place = std::pair<int, int>;
  CHECK(place("select a\nfrom t", 0) == Place{11, 7});
  CHECK(place("select a\nfrom t", 8) == Place{11, 14});
  CHECK(place("select a\nfrom t", 15) == Place{12, 12});
  // `:identity` is sent as $1.
  CHECK(place("select :identity, wrong", 12) == Place{11, 25});
  CHECK(place("select :identity, wrong", 8) == Place{11, 14});
  // Characters there, bytes here.
  CHECK(place("select 'äöü', wrong", 15) == Place{11, 24});
  CHECK(place("select 'äöü', wrong", 500) == Place{11, 29});
  CHECK(place(":a || wrong", kLetBefore.size() + 7, kLetBefore) == Place{11, 13});
}

TEST_CASE("an error of what is replayed is in the rewrite or in the SELECT over it") {
  Rule rule;
  RuleStatement& rewrite = rule.rewrite.front();
  rewrite.source = {"select a\nfrom t", {.file = "a", .line = 10, .column = 7, .block = true}};
  rule.source.compare.select = {"select 'ä', b\nfrom rewrite",
                                {.file = "a", .line = 20, .column = 9, .block = true}};
  rewrite.shape = std::get<StatementShape>(shape_of(rewrite.source.text, ShapeDialect::rule));
  rewrite.prepared = with_select(rule.source, rewrite.source.text);
  const auto at = [&](std::string_view word) {
    StepResult step;
    step.position = rewrite.prepared.find(word) + 1;
    const auto mark = rewrite_error_place(rule, 0, step);
    return std::pair(mark.line, mark.column);
  };
  CHECK(at("a\nfrom t") == std::pair(11, 14));
  CHECK(at("t\n)") == std::pair(12, 12));
  CHECK(at("select 'ä'") == std::pair(21, 9));
  StepResult behind_two_bytes;
  behind_two_bytes.position = rewrite.prepared.find(", b") + 2;
  CHECK(rewrite_error_place(rule, 0, behind_two_bytes).column == 22);
}

TEST_CASE("what the parameters of a prepared text are in the rule") {
  const std::string text = "select :a, $4, :_, :a, $4, 'x' where id in (:ids)";
  const auto shape = shape_of(text, ShapeDialect::rule);
  CHECK(prepare_text(text, std::get<StatementShape>(shape)).parameters ==
        std::vector<std::string>{":a", "$4", "", ":a", ":ids"});
}

}  // namespace
}  // namespace parallax::shadow
