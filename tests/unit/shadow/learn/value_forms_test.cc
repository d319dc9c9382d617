#include "shadow/learn/value_forms.h"

#include "tests/unit/shadow/learn/support.h"

namespace parallax::shadow::test {
namespace {

LearnInput one(std::optional<std::string> text) {
  return {.list = false, .members = {std::move(text)}};
}
LearnInput list(Texts texts) { return {.list = true, .members = std::move(texts)}; }
bool forms(ValueForm form, const char* legacy, const char* rewrite) {
  return comes_from(form, one(legacy), one(rewrite));
}

TEST_CASE("learn: one value in two spellings") {
  for (const auto& [a, b] : std::vector<std::pair<const char*, const char*>>{
           {"usr_1", "usr_1"},
           {"1.50", "1.5"},
           {"2024-04-02T00:05:00.250Z", "2024-04-02 00:05:00.25"},
           {"2024-04-02 00:05:00+00", "2024-04-02T00:05:00.000Z"},
           {"2020-02-28", "2020-02-28T00:00:00.000Z"},
           {"{issue:create}", "{\"issue:create\"}"},
           {"{a,\"b,c\"}", "{\"a\",\"b,c\"}"},
           {"true", "t"}}) {
    CAPTURE(a, b);
    CHECK(same_input(one(a), one(b)));
    CHECK(same_input(one(b), one(a)));
  }
}

TEST_CASE("learn: other values are no spellings") {
  for (const auto& [a, b] : std::vector<std::pair<const char*, const char*>>{
           {"usr_1", "usr_2"},
           {"1.5", "1.51"},
           {"2024-04-02T00:05:00.250Z", "2024-04-02 00:05:00.26"},
           {"2024-04-02 00:05:00+02", "2024-04-02T00:05:00Z"},
           {"2020-02-28", "2020-02-28T01:00:00.000Z"},
           {"{a,b}", "{b,a}"},
           {"{a,b", "{a,b}"},
           {"true", "f"},
           {"t", "1"},
           {"", "NULL"}}) {
    CAPTURE(a, b);
    CHECK_FALSE(same_input(one(a), one(b)));
  }
  CHECK_FALSE(same_input(one(std::nullopt), one("")));
  CHECK(same_input(one(std::nullopt), one(std::nullopt)));
}

TEST_CASE("learn: lists") {
  CHECK(same_input(list({"a", "b"}), list({"a", "b"})));
  CHECK_FALSE(same_input(list({"a", "b"}), list({"b", "a"})));
  CHECK(same_input(list({"a", "b"}), one("{a,b}")));
  CHECK_FALSE(same_input(list({"a", std::nullopt}), one("{a,b}")));
}

TEST_CASE("learn: what the application computes") {
  CHECK(forms(ValueForm::contains, "x", "%x%"));
  CHECK_FALSE(forms(ValueForm::contains, "x", "%x"));
  CHECK_FALSE(forms(ValueForm::contains, "100%", "%100\\%%"));
  CHECK(forms(ValueForm::starts_with, "x", "x%"));
  CHECK(forms(ValueForm::ends_with, "x", "%x"));
  CHECK(forms(ValueForm::only_member, "{tag0}", "tag0"));
  CHECK(forms(ValueForm::only_member, "{\"has \\\"quote\\\", comma\"}", "has \"quote\", comma"));
  CHECK_FALSE(forms(ValueForm::only_member, "{a,b}", "a"));
  CHECK(forms(ValueForm::json_string, "\"Stern\"", "Stern"));
  CHECK_FALSE(forms(ValueForm::json_string, "{\"a\":1}", "a"));
  CHECK_FALSE(forms(ValueForm::json_string, "\"open", "open"));
  CHECK(forms(ValueForm::lower_case, "A@B.test", "a@b.test"));
  CHECK(let_expression(ValueForm::contains, "title") == "'%' || :title || '%'");
  CHECK(let_expression(ValueForm::same, "title").empty());
}

}  // namespace
}  // namespace parallax::shadow::test
