#include "shadow/power/mutants.h"

#include <pg_query.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

namespace parallax::shadow::tests {
namespace {

RuleSource rule_of(const std::string& legacy, const std::string& rewrite) {
  RuleSource rule;
  rule.name.text = "r";
  rule.legacy.front().sql.text = legacy;
  rule.rewrite.front().sql.text = rewrite;
  return rule;
}

// A legacy side that gives the names.
RuleSource rewrite_of(const std::string& rewrite, const std::string& names = "") {
  return rule_of("SELECT legacy FROM t " + names, rewrite);
}

std::vector<std::string> told(const Mutants& mutants) {
  std::vector<std::string> out;
  for (const auto& mutant : mutants.all) out.push_back(mutant.description);
  return out;
}

// The rewrite with the mistake of this description.
std::string with(const RuleSource& rule, const std::string& description,
                 const RewriteFacts& facts = {}) {
  const auto mutants = mutants_of(rule, facts);
  for (const auto& mutant : mutants.all) {
    if (mutant.description == description) return mutant.rule().source.rewrite.front().sql.text;
  }
  INFO(description);
  for (const auto& one : told(mutants)) UNSCOPED_INFO("there is: " << one);
  FAIL("no such mistake");
  return {};
}

bool has(const RuleSource& rule, const std::string& description, const RewriteFacts& facts = {}) {
  return std::ranges::count(told(mutants_of(rule, facts)), description) != 0;
}

TEST_CASE("a condition that is forgotten keeps its place and its names") {
  const auto rule = rewrite_of(R"(select id from t where "a" = :a and "deletedAt" is null)",
                               "WHERE a = :a AND b IS NULL");
  CHECK(with(rule, R"(without and "deletedAt" is null)") ==
        R"(select id from t where "a" = :a and ("deletedAt" is null or true))");
  CHECK(with(rule, R"(without and "a" = :a)") ==
        R"(select id from t where ("a" = :a or true) and "deletedAt" is null)");
  CHECK(with(rewrite_of("select id from t where not b"), "without where not b") ==
        "select id from t where (not b or true)");
}

TEST_CASE("nobody forgets a whole list in brackets, as ORMs write it") {
  const auto rule = rewrite_of("select id from t where (a = 1 and b = 2)");
  CHECK(has(rule, "without and a = 1"));
  CHECK_FALSE(has(rule, "without where (a = 1 and b = 2)"));
}

TEST_CASE("an operand of OR is forgotten as one that is never true") {
  const auto rule = rewrite_of("select id from t where a = 1 and (b = 2 or c = 3)");
  CHECK(with(rule, "without or c = 3") ==
        "select id from t where a = 1 and (b = 2 or (c = 3 and false))");
  CHECK(with(rule, "without and (b = 2 or c = 3)") ==
        "select id from t where a = 1 and ((b = 2 or c = 3) or true)");
}

TEST_CASE("the AND of BETWEEN joins no conditions") {
  const auto rule = rewrite_of("select id from t where a between 1 and 5 and b = 2");
  CHECK(has(rule, "without and a between 1 and 5"));
  CHECK(with(rule, "or in place of and before b = 2") ==
        "select id from t where a between 1 and 5 or b = 2");
  CHECK_FALSE(has(rule, "or in place of and before 5"));
}

TEST_CASE("a join loses one of its conditions, never all, and no OR makes a product of it") {
  const auto rule =
      rewrite_of(R"(select id from t left join u on t.id = u.t and u.gone is null where t.x = 1)");
  CHECK(with(rule, "without and u.gone is null") ==
        "select id from t left join u on t.id = u.t and (u.gone is null or true) where t.x = 1");
  CHECK_FALSE(has(rule, "or in place of and before u.gone is null"));
  CHECK_FALSE(has(rewrite_of("select 1 from t join u on t.id = u.t"), "without where t.id = u.t"));
}

TEST_CASE("conditions of subqueries, FILTER and HAVING are seen") {
  CHECK(has(rewrite_of("select id from t where exists (select 1 from u where u.t = t.id and u.x)"),
            "without and u.x"));
  CHECK(has(rewrite_of("select count(*) filter (where a and b) from t"), "without and b"));
  CHECK(has(rewrite_of("select a from t group by a having count(*) > 1 and min(b) = 2"),
            "without and min(b) = 2"));
}

TEST_CASE("what names no column is no condition to forget") {
  const auto mutants = mutants_of(
      rewrite_of("select 1 from t left join lateral (select 2) x on true where 1=1"), {});
  for (const auto& one : told(mutants)) CHECK(one.find("without") == std::string::npos);
}

TEST_CASE("bounds and LIKE are confused, names and columns of these words are not") {
  const auto rule = rewrite_of(R"(select id from t where a < :x and b >= 2 and c ilike :like)",
                               "WHERE a < :x AND c LIKE :like");
  CHECK(with(rule, "<= in place of < in a < :x") ==
        R"(select id from t where a <= :x and b >= 2 and c ilike :like)");
  CHECK(has(rule, "> in place of >= in b >= 2"));
  CHECK(with(rule, "like in place of ilike in c ilike :like") ==
        R"(select id from t where a < :x and b >= 2 and c like :like)");
  CHECK(mutants_of(rewrite_of(R"(select t."like" from t)"), {}).all.empty());
}

TEST_CASE("joins keep rows or lose them") {
  const auto rule =
      rewrite_of(R"(select id from t left outer join "u" on t.id = u.t inner join v using (id))");
  CHECK(with(rule, R"(inner join in place of left join "u")") ==
        R"(select id from t inner join "u" on t.id = u.t inner join v using (id))");
  CHECK(with(rule, "left join in place of inner join v") ==
        R"(select id from t left outer join "u" on t.id = u.t left join v using (id))");
  CHECK(has(rewrite_of("select id from t join u on t.id = u.t"),
            "left join in place of inner join u"));
  CHECK(mutants_of(rewrite_of("select left(a, 2) from t cross join u"), {}).all.empty());
}

TEST_CASE("an aggregate always gives a row: its join loses none") {
  const auto lost = [](const std::string& inner) {
    const std::string lateral = "left join lateral (select " + inner + ") x";
    return has(rewrite_of("select id from t " + lateral + " on true"),
               "inner join in place of " + lateral);
  };
  CHECK_FALSE(lost("coalesce(json_agg(u.a), '[]') d from u where u.t = t.id"));
  CHECK(lost("u.a from u where u.t = t.id"));
  CHECK(lost("max(u.a) from u where u.t = t.id group by u.b"));
}

TEST_CASE("a mistake at a second place is told apart") {
  const auto rule = rewrite_of(
      "select id from (select id from t where a limit 1) x, (select b from t limit 1) y");
  CHECK(has(rule, "without limit 1"));
  CHECK(has(rule, "without limit 1 (2)"));
}

TEST_CASE("sort keys are forgotten, turned, and their NULLs put elsewhere") {
  const auto rule = rewrite_of("select id from t order by a desc nulls last, lower(b), c asc");
  CHECK(with(rule, "without order by a desc nulls last") ==
        "select id from t order by   lower(b), c asc");
  CHECK(with(rule, "without order by c asc") ==
        "select id from t order by a desc nulls last, lower(b) ");
  CHECK(with(rule, "order by a asc in place of desc") ==
        "select id from t order by a asc nulls last, lower(b), c asc");
  CHECK(with(rule, "order by lower(b) desc in place of asc") ==
        "select id from t order by a desc nulls last, lower(b) desc, c asc");
  CHECK(with(rule, "order by a desc nulls first") ==
        "select id from t order by a desc nulls first, lower(b), c asc");
  CHECK(with(rewrite_of("select id from t order by a limit 5"), "without order by a") ==
        "select id from t   limit 5");
  CHECK(has(rewrite_of("select array_agg(x order by y) from t"), "without order by y"));
}

TEST_CASE("LIMIT and OFFSET go, or count one more; their names stay") {
  const auto rule =
      rewrite_of("select id from t limit :take offset :skip", "LIMIT :take OFFSET :skip");
  CHECK(with(rule, "without limit :take") ==
        "select id from t limit case when true then null else (:take)::bigint end offset :skip");
  CHECK(with(rule, "one row more than limit :take") ==
        "select id from t limit (:take)::bigint + 1 offset :skip");
  CHECK(with(rule, "without offset :skip") ==
        "select id from t limit :take offset (:skip)::bigint * 0");
  CHECK_FALSE(has(rewrite_of("select id from t limit 1 offset 0"), "without offset 0"));
}

TEST_CASE("of one row there is no order and no page") {
  RewriteFacts facts;
  facts.one_row = true;
  const auto rule = rewrite_of(
      "select id, (select x from u order by x limit 2) y from t where id = 1 order by id limit 1");
  CHECK_FALSE(has(rule, "without limit 1", facts));
  CHECK_FALSE(has(rule, "without order by id", facts));
  CHECK(has(rule, "without limit 2", facts));
  CHECK(has(rule, "without order by x", facts));
  CHECK(has(rule, "without limit 1"));
}

TEST_CASE("a sequence that is not compared matters only to a page") {
  RewriteFacts facts;
  facts.order_free = true;
  CHECK_FALSE(has(rewrite_of("select id from t order by id"), "without order by id", facts));
  CHECK(has(rewrite_of("select id from t order by id limit 3"), "without order by id", facts));
  CHECK(has(rewrite_of("select array_agg(a order by b) from t"), "without order by b", facts));
}

TEST_CASE("DISTINCT and UNION lose rows or keep them") {
  CHECK(with(rewrite_of("select distinct a from t"), "without distinct") == "select   a from t");
  CHECK(with(rewrite_of("select a from t union all select b from u"),
             "union in place of union all") == "select a from t union select b from u");
  CHECK(with(rewrite_of("select a from t union select b from u"), "union all in place of union") ==
        "select a from t union all select b from u");
  RewriteFacts facts;
  facts.columns = {{.label = "a", .type = 25, .expression = false, .legacy = ""}};
  CHECK(with(rewrite_of("select a from t"), "with distinct", facts) == "select distinct a from t");
  CHECK_FALSE(has(rewrite_of("select count(a) from t"), "with distinct", facts));
  facts.has_key = true;
  CHECK_FALSE(has(rewrite_of("select a from t"), "with distinct", facts));
  CHECK_FALSE(has(rewrite_of("select id from t where a is distinct from b"), "without distinct"));
}

TEST_CASE("aggregates are confused, a default is forgotten") {
  CHECK(with(rewrite_of("select min(a) from t"), "max in place of min(a)") ==
        "select max(a) from t");
  CHECK(with(rewrite_of("select Max(a) from t"), "min in place of Max(a)") ==
        "select min(a) from t");
  CHECK(with(rewrite_of("select count(a) from t"), "count(*) in place of count(a)") ==
        "select count(*) from t");
  CHECK(with(rewrite_of("select count(distinct a) from t"),
             "without distinct in count(distinct a)") == "select count(  a) from t");
  CHECK(with(rewrite_of("select coalesce(a, :x) from t", "WHERE a = :x"),
             "without the default of coalesce(a, :x)") ==
        "select coalesce(a, case when true then (a) else (:x) end) from t");
}

TEST_CASE("two names of one type are exchanged wherever they stand") {
  const auto rule = rewrite_of("select id from t where a > :x and b < :y and c = :x and d = :z",
                               "WHERE a = :x AND b = :y AND d = :z");
  RewriteFacts facts;
  facts.names = {{"x", 23}, {"y", 23}, {"z", 25}};
  CHECK(with(rule, ":x exchanged with :y", facts) ==
        "select id from t where a > :y and b < :x and c = :y and d = :z");
  CHECK_FALSE(has(rule, ":y exchanged with :z", facts));
  CHECK_FALSE(has(rule, ":x exchanged with :y"));
}

TEST_CASE("a column is NULL under its own label and keeps its partner") {
  RewriteFacts facts;
  facts.columns = {{"id", 23, false, "id"},
                   {"id", 23, false, ""},
                   {"name", 25, false, "t.name"},
                   {"n", 20, true, "count"}};
  const auto rule = rewrite_of(R"(select t.id, u.id, name, count(*) as "n" from t, u)");
  const auto mutants = mutants_of(rule, facts);
  const auto found =
      std::ranges::find(mutants.all, std::string("NULL in place of name"), &Mutant::description);
  REQUIRE(found != mutants.all.end());
  CHECK(
      found->rule().source.rewrite.front().sql.text ==
      R"(select t.id, u.id, case when false then (name) end as "name", count(*) as "n" from t, u)");
  CHECK(found->rule().source.columns.at("t.name").text == "name");
  CHECK(
      with(rule, "NULL in place of t.id", facts) ==
      R"(select case when false then (t.id) end as "parallax column 1", u.id, name, count(*) as "n" from t, u)");
  CHECK(with(rule, "NULL in place of count(*)", facts) ==
        R"(select t.id, u.id, name, case when false then (count(*)) end as "n" from t, u)");
  CHECK_FALSE(has(rule, "NULL in place of u.id", facts));
  CHECK_FALSE(has(rewrite_of("select * from t"), "NULL in place of *", facts));
}

TEST_CASE("what a rewrite puts into JSON is NULL one by one") {
  const auto rule =
      rewrite_of("select json_build_array(a, max(b)), json_build_object('k', c) from t");
  CHECK(with(rule, "NULL in place of max(b) in JSON") ==
        "select json_build_array(a, case when false then (max(b)) end), "
        "json_build_object('k', c) from t");
  CHECK(has(rule, "NULL in place of a in JSON"));
  CHECK(has(rule, "NULL in place of c in JSON"));
  CHECK_FALSE(has(rule, "NULL in place of 'k' in JSON"));
}

TEST_CASE("two expressions of one type are exchanged, table columns are not") {
  RewriteFacts facts;
  facts.columns = {
      {"low", 23, true, "low"}, {"name", 23, false, "name"}, {"high", 23, true, "high"}};
  const auto rule = rewrite_of("select min(a) low, name, max(a) as high from t");
  CHECK(with(rule, "min(a) exchanged with max(a)", facts) ==
        R"(select max(a) as "low", name, min(a) as "high" from t)");
  CHECK_FALSE(has(rule, "name exchanged with max(a)", facts));
}

TEST_CASE("each mistake is a statement of its own that the server's parser reads") {
  const auto rule = rule_of("SELECT a FROM t WHERE a = :a AND b IN (:bs) AND c < :c LIMIT :n",
                            R"(with w as (select id, max(x) m from v where v.y > 3 group by id)
         select distinct t.a, coalesce(w.m, 0) as "m", case when t.b > 1 and t.c then 2 end
         from "t" left join w on w.id = t.id and w.m > 1 inner join (select 1 as one) o on o.one = t.a
         where (t.a = :a or t.z is null) and t.b in (:bs) and t.c < :c and t.d like 'x%'
         order by t.a desc nulls last, "m" limit :n -- end)");
  RewriteFacts facts;
  facts.names = {{"a", 23}, {"c", 23}};
  facts.columns = {{"a", 23, false, "a"}, {"m", 23, true, "m"}, {"case", 23, true, "case"}};
  const auto mutants = mutants_of(rule, facts);
  CHECK(mutants.all.size() > 25);
  CHECK(mutants.left_out == 0);
  std::set<std::string> versions;
  std::set<std::string> descriptions;
  for (const auto& mutant : mutants.all) {
    INFO(mutant.description << ": " << mutant.rule().source.rewrite.front().sql.text);
    CHECK(versions.insert(mutant.rule().version).second);
    CHECK(descriptions.insert(mutant.description).second);
    auto parsed = pg_query_parse(mutant.rule().rewrite.front().prepared.c_str());
    CHECK(parsed.error == nullptr);
    pg_query_free_parse_result(parsed);
  }
}

TEST_CASE("there are so many mistakes and no more, and what is left out is told") {
  std::string sql = "select id from t where a = 0";
  for (int i = 1; i < 100; ++i) sql += " and a = " + std::to_string(i);
  const auto mutants = mutants_of(rewrite_of(sql), {});
  CHECK(mutants.all.size() == kMutantsMax);
  CHECK(mutants.left_out == 199 - kMutantsMax);
}

TEST_CASE("of a rewrite of several statements each has its own mistakes, and links stay") {
  auto rule = rule_of("SELECT a FROM t WHERE a = :a", "");
  rule.rewrite = {{"top", {"select id from t where a = :a and b", {}}},
                  {"kids", {R"(select tid from k where tid in (:top.id) and k.x)", {}}}};
  const auto mutants = mutants_of(rule, {});
  CHECK(std::ranges::count(told(mutants), "top: without and b") == 1);
  CHECK(std::ranges::count(told(mutants), "kids: without and k.x") == 1);
  for (const auto& one : told(mutants)) CHECK(one.find("without and tid") == std::string::npos);
}

}  // namespace
}  // namespace parallax::shadow::tests
