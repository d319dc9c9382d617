#include <catch2/catch.hpp>
#include <sstream>
#include <string>

#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

// The block scalar under `key: |` of a skeleton, as a YAML reader gives it.
std::string block(const std::string& skeleton, const std::string& key) {
  std::istringstream lines(skeleton);
  std::string line;
  std::string text;
  bool inside = false;
  while (std::getline(lines, line)) {
    if (inside && !line.starts_with("      ")) break;
    if (inside) text += line.substr(6) + "\n";
    if (line == "    " + key + ": |") inside = true;
  }
  return text;
}

std::string legacy(const std::string& sql) { return block(rule_skeleton(sql), "legacy"); }

TEST_CASE("a skeleton is a rule under `rules:`") {
  CHECK(rule_skeleton("SELECT \"id\" FROM \"public\".\"users\" WHERE \"id\" = $1 AND a IN ($2,$3) "
                      "LIMIT $4 OFFSET 0") ==
        "  users.158e55:\n"
        "    legacy: |\n"
        "      SELECT \"id\" FROM \"public\".\"users\" WHERE \"id\" = :p1 AND a IN (:list1) LIMIT "
        ":p2 OFFSET 0\n"
        "    rewrite: |\n"
        "      -- Write the statement that replaces it, with the names above; a name that does not "
        "matter: :_ in legacy.\n");
}

TEST_CASE("a filled-in skeleton loads and matches its statement") {
  for (const char* sql :
       {"SELECT a FROM t WHERE b = $1 AND c = $2 AND d = $1 AND e IN (CAST($3::text AS "
        "x),CAST($4::text AS x)) LIMIT 5 OFFSET $5",
        "select a from t where b = 'secret' and c = -42 and e in (1, 2, 3) and f = array['x', 'y'] "
        "and g is null limit 10",
        "select a, ARRAY[]::int[] from t where e in (NULL)",
        "select a[1:b], c[ :d] from t where e = 5",
        "select count(*), date_trunc('day', b) from t group by 2, a order by 2 desc, 1 limit 6",
        "select a::numeric(10, 2), b::varchar(5), cast(c as timestamp(3)) from t where d = 5",
        "with w as (select 1 as a) select a from w join lateral (select 2) x on true where a = 'b'",
        "(select a from t where b = 'x') union select 'y'",
        "select a\nfrom t\n\twhere b = 'x'\n\n  and c = 2",
        "select a from t where b = U&'d!0061ta' uescape '!' and c = E'x\\'y' and d = $$z$$"}) {
    INFO(sql);
    const auto skeleton = rule_skeleton(sql);
    const auto text = block(skeleton, "legacy");
    INFO(skeleton);
    // Each name once: the rewrite may be anything that uses them all.
    const auto set = test::compile(text, text);
    std::vector<Value> parameters(9, test::text("5"));
    const auto found = set.match(set.know(sql), parameters);
    CHECK(found.root.has_value());
    CHECK(test::problems(text, block(skeleton, "rewrite")).size() >= 1);
  }
}

TEST_CASE("no value and no comment of the statement is in it") {
  const auto text = rule_skeleton(
      "/* s3cret */ select a /* s3cret */ from t -- s3cret\n where b = 's3cret' and c in "
      "('s3cret', 's3cret') and "
      "d = date 's3cret' and e = interval 's3cret' and f = timestamp with time zone 's3cret' and g "
      "= E's3cret' "
      "and h = $$s3cret$$ and n = 73317331 and m > -73317331.5 limit 5 -- s3cret");
  CHECK(text.find("s3cret") == std::string::npos);
  CHECK(text.find("73317331") == std::string::npos);
  CHECK(
      block(text, "legacy") ==
      "select a from t\nwhere b = :p1 and c in (:list1) and d = date '?' and e = interval '?' and "
      "f = timestamp with time zone '?' and g = :p2 and h = :p3 and n = :p4 and m > :p5 limit 5\n");
  CHECK(
      text.find(
          "    # '?' and 0 stand for constants that cannot be names here: write their values\n") !=
      std::string::npos);
  CHECK(test::problems(block(text, "legacy"), "select :p1, :p2, :p3, :p4, :p5 where 1 in (:list1)")
            .empty());
}

TEST_CASE("constants that no name can replace") {
  CHECK(legacy("select a at time zone 'UTC' from t") == "select a at time zone :p1 from t\n");
  CHECK(legacy("select f('x')::int[3] from t where b = 'y'") ==
        "select f('?')::int[0] from t where b = '?'\n");
  CHECK(legacy("select a from t order by 1, b + 2, 3 desc") ==
        "select a from t order by 1, b + :p1, 3 desc\n");
  CHECK(legacy("select a from t group by 1, 2 having 3 > 4 fetch first 5 rows only") ==
        "select a from t group by 1, 2 having 3 > 4 fetch first 5 rows only\n");
  CHECK(legacy("select a from t where b in (select c from u order by 1 limit 2) and d = 3") ==
        "select a from t where b in (select c from u order by 1 limit 2) and d = :p1\n");
  CHECK(legacy("select a from t where b is true and c = false and d = null") ==
        "select a from t where b is true and c = false and d = null\n");
}

TEST_CASE("names of skeletons") {
  const auto name = [](const std::string& sql) {
    const auto skeleton = rule_skeleton(sql);
    return skeleton.substr(0, skeleton.find('.'));
  };
  CHECK(name("select 1") == "  query");
  CHECK(name("select a from (select b from x.\"Big Table\") y") == "  BigTable");
  CHECK(name("select a from \"1;\xC3\xA9\"") == "  query");
  CHECK(rule_skeleton("select a from t") ==
        rule_skeleton("SELECT a  FROM t")
            .replace(rule_skeleton("SELECT a  FROM t").find("SELECT a FROM"), 13, "select a from"));
  CHECK(rule_skeleton("select a from t").substr(0, 10) !=
        rule_skeleton("select b from t").substr(0, 10));
}

TEST_CASE("what cannot be written without a value or over lines") {
  CHECK(rule_skeleton("select a from t where 's3cret' = 's3cret'").empty());
  CHECK(rule_skeleton("select \"a\nb\" from t").empty());
  CHECK(legacy("select 'x'a from t") == "select :p1 a from t\n");
  CHECK(legacy("select a from t where 1=1 and b = 2") == "select a from t where 1=1 and b = :p1\n");
}

TEST_CASE("no rule can be made of it") {
  for (const char* sql : {"", "insert into t values (1)", "begin", "select 'x", "select from where",
                          "select 1; select 2 from from", "update t set a = 1"}) {
    INFO(sql);
    CHECK(rule_skeleton(sql).empty());
  }
  std::string deep = "select 1";
  for (int i = 0; i < 60'000; ++i) deep += "+1";
  CHECK(rule_skeleton(deep).empty());
}

}  // namespace
}  // namespace parallax::shadow
