// `compare: {json: …}`: what it means, and what is answered to a mistake.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/unit/proxy/config_support.h"

namespace parallax::proxy {
namespace {

using shadow::JsonMember;

// A rule whose `json:` stands in line 5, from column 17 on.
std::string with(const std::string& json) {
  return "listen: 127.0.0.1:6432\n"
         "upstream: postgresql://app:pw@127.0.0.1:5432/shop\n"
         "rules:\n"
         "  a: {legacy: 'select 1', rewrite: 'select 2', compare:\n"
         "        {json: " +
         json + "}}\n";
}

std::vector<JsonMember> good(const std::string& json) {
  auto result = MemoryFiles().parse(with(json));
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&result)) {
    FAIL("refused: " << problems->front().text());
  }
  return std::get<Config>(std::move(result)).rules[0].compare.json;
}

// "key/name" of a value, "key/name[…]" of many, "key/name{…}" of one.
std::string text_of(const std::vector<JsonMember>& members) {
  std::string out;
  for (const JsonMember& member : members) {
    if (!out.empty()) out += ", ";
    out += member.key + '/' + member.name;
    if (!member.child) continue;
    out += (member.each ? '[' : '{') + text_of(member.members) + (member.each ? ']' : '}');
  }
  return out;
}

void check(const std::string& json, const std::string& answer) {
  INFO(json);
  CHECK(MemoryFiles().problems(with(json)) == answer + "\n");
}

TEST_CASE("json: everything it knows") {
  CHECK(text_of(good("{m: {each: [id, userId, {role: [id, name]}]}, r: [id]}")) ==
        "m/m[id/id, userId/userId, role/role{id/id, name/name}], r/r{id/id}");
  CHECK(text_of(good("{data: {of: m, each: [id, {role: {of: roles, one: [id]}}]}}")) ==
        "data/m[id/id, role/roles{id/id}]");
  CHECK(text_of(good("{m: [roles.name, _, {uid: id}, {x: _}, \"a b\"]}")) ==
        "m/m{name/roles.name, /_, uid/id, x/_, a b/a b}");
  const auto marked = good("{m: {each: [id, {role: [name]}]}}");
  CHECK(marked[0].mark.column == 17);
  CHECK(marked[0].members[0].mark.column == 28);
  CHECK(marked[0].members[1].mark.column == 33);
  CHECK(marked[0].members[1].members[0].mark.column == 40);
}

TEST_CASE("json: mistakes") {
  const std::string forms =
      "write what it holds, `[id, name]` for one child, `{each: [id, name]}` for many";
  check("x",
        "f.yaml:5:16: `rules.a.compare.json`: write keys with values, `key: value`, not a single "
        "value");
  check("{m: id}", "f.yaml:5:20: `rules.a.compare.json.m`: " + forms);
  check("{m: {of: m}}", "f.yaml:5:20: `rules.a.compare.json.m`: " + forms);
  check("{m: {eech: [id]}}", "f.yaml:5:20: `rules.a.compare.json.m`: " + forms +
                                 "\nf.yaml:5:21: unknown key `eech`, did you mean `each`?");
  check("{m: {each: [id], one: [id]}}", "f.yaml:5:33: write either `each` or `one`");
  check("{m: {each: id}}",
        "f.yaml:5:27: `rules.a.compare.json.m.each`: write a list of its values, `[id, name]`");
  check("{m: []}",
        "f.yaml:5:20: `rules.a.compare.json.m`: write a list of its values, `[id, name]`");
  check("{m: [id, {a: [x], b: [y]}]}",
        "f.yaml:5:25: `rules.a.compare.json.m[1]`: write one place after the other, `[id, {role: "
        "[id, name]}]`");
  check("{m: [id, [x]]}",
        "f.yaml:5:25: `rules.a.compare.json.m[1]`: write a single value, not a list");
  check("{m: [id, ' ']}", "f.yaml:5:25: `rules.a.compare.json.m[1]`: write the column");
  check("{m: [id], m: [id]}", "f.yaml:5:26: `m` stands here twice; the first is in line 5");
  std::string deep = "[id]";
  for (int i = 0; i < 20; ++i) deep = "[id, {c: " + deep + "}]";
  CHECK(MemoryFiles().problems(with("{m: " + deep + "}")).find("nested too deeply") !=
        std::string::npos);
}

}  // namespace
}  // namespace parallax::proxy
