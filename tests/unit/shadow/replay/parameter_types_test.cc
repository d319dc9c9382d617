// Types of names, as the server gives them.

#include "shadow/replay/parameter_types.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <variant>

#include "shadow/rules/rule.h"

namespace parallax::shadow {
namespace {

constexpr std::uint32_t kBytea = 17;
constexpr std::uint32_t kInt4 = 23;
constexpr std::uint32_t kText = 25;

RuleSet compiled(const std::string& legacy, const std::string& rewrite) {
  RuleSource source;
  source.name = {"r", {}};
  source.legacy.front().sql = {legacy, {}};
  source.rewrite.front().sql = {rewrite, {}};
  return std::get<RuleSet>(RuleSet::compile({source}));
}

TEST_CASE("a name has the type of its places, if they agree") {
  const auto set = compiled(
      "SELECT 1 WHERE a = :code AND b = :n AND c = :n AND d = :two AND e = :two AND f = $1",
      "select 1 where a = :code and b = :n and d = :two and f = $1");
  const auto types =
      name_types(set.rules().front()->legacy, {{kBytea, kInt4, kInt4, kInt4, kText, kText}});
  CHECK(types == NameTypes{{"code", kBytea}, {"n", kInt4}, {"$1", kText}});
}

TEST_CASE("binary values that came without a type get their name's") {
  const Value untyped{.binary = true, .bytes = "x"};
  NamedValues values{
      {"code", {false, {untyped}}},
      {"n", {true, {Value{.bytes = "1"}, Value{.null = true, .bytes = {}}, untyped}}},
      {"typed", {false, {Value{.binary = true, .type_oid = kText, .bytes = "y"}}}}};
  const NameTypes types{{"code", kBytea}, {"n", kInt4}, {"typed", kInt4}};
  REQUIRE(type_values(values, types));
  CHECK(values["code"].members[0].type_oid == kBytea);
  CHECK(values["n"].members[0].type_oid == 0);
  CHECK(values["n"].members[1].type_oid == 0);
  CHECK(values["n"].members[2].type_oid == kInt4);
  CHECK(values["typed"].members[0].type_oid == kText);
  NamedValues unknown{{"two", {false, {untyped}}}};
  CHECK_FALSE(type_values(unknown, types));
  NamedValues text{{"two", {false, {Value{.bytes = "1"}}}}};
  CHECK(type_values(text, types));
}

}  // namespace
}  // namespace parallax::shadow
