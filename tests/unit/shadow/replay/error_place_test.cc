#include "shadow/replay/error_place.h"

#include <catch2/catch.hpp>

#include "shadow/rules/let_select.h"
#include "shadow/rules/prepared_text.h"

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

TEST_CASE("what the parameters of a prepared text are in the rule") {
  const std::string text = "select :a, $4, :_, :a, $4, 'x' where id in (:ids)";
  const auto shape = shape_of(text, ShapeDialect::rule);
  CHECK(prepare_text(text, std::get<StatementShape>(shape)).parameters ==
        std::vector<std::string>{":a", "$4", "", ":a", ":ids"});
}

}  // namespace
}  // namespace parallax::shadow
