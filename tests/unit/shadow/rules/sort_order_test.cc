// Which output columns an ORDER BY sorts by, what LIMIT and OFFSET cut, and what is said of a
// rewrite that sorts by something else.

#include <catch2/catch.hpp>

#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

using Places = std::vector<std::optional<std::size_t>>;
using Labels = std::vector<std::string_view>;
constexpr auto kNowhere = std::nullopt;

SortOrder order_of(const std::string& sql) {
  const RuleSet set = test::compile(sql, "select 1");
  return set.rules()[0]->root().order;
}

Places places(const std::string& sql, const Labels& labels) {
  return resolve(order_of(sql).keys, labels);
}

TEST_CASE("sort keys are output columns by label, number or the same expression") {
  CHECK(places("select a, b from t order by b desc, 1", {"a", "b"}) == Places{1, 0});
  CHECK(places("select t.a, t.b as x from t order by t.b, x", {"a", "x"}) == Places{1, 1});
  CHECK(places(R"(select "t"."a" from "t" order by "t"."a" asc)", {"a"}) == Places{0});
  CHECK(places("select lower(a), b from t order by  LOWER( a )", {"lower", "b"}) == Places{0});
  CHECK(places("(select a from t) union select b from t order by a", {"a"}) == Places{0});
  // A bare name is an output column's first: here the second, although it is made of another
  // column.
  CHECK(places("select name as x, other as name from t order by name", {"x", "name"}) == Places{1});
  CHECK(places("select a as x, b from t order by a", {"x", "b"}) == Places{0});
}

TEST_CASE("sort keys that are not in the output, or not known to be") {
  CHECK(places("select a from t order by b", {"a"}) == Places{kNowhere});
  CHECK(places("select a from t order by t.a", {"a"}) == Places{kNowhere});
  CHECK(places("select a from t order by a + 1", {"a"}) == Places{kNowhere});
  CHECK(places("select a from t order by 3", {"a"}) == Places{kNowhere});
  CHECK(places("select t.*, a + b from t order by a + b", {"a", "b", "?column?"}) ==
        Places{kNowhere});
  CHECK(places("select * from t join u using (i) order by t.a", {"i", "a", "a"}) ==
        Places{kNowhere});
}

TEST_CASE("the columns of a star are known by their labels") {
  CHECK(places("select * from t order by b", {"a", "b"}) == Places{1});
  CHECK(places("select * from t order by t.b", {"a", "b"}) == Places{1});
  CHECK(places("select * from t order by 2", {"a", "b"}) == Places{1});
}

TEST_CASE("LIMIT and OFFSET cut, unless they are none") {
  const auto cuts = [](const std::string& tail) {
    const SortOrder order = order_of("select a from t order by a " + tail);
    return std::pair(order.limit_cuts, order.offset_cuts);
  };
  CHECK(cuts("") == std::pair(false, false));
  CHECK(cuts("limit 5 offset 0") == std::pair(true, false));
  CHECK(cuts("limit :_ offset :_") == std::pair(true, true));
  CHECK(cuts("offset 3") == std::pair(false, true));
  CHECK(cuts("limit null") == std::pair(false, false));
  CHECK(cuts("limit all") == std::pair(false, false));
  CHECK(cuts("fetch first 2 rows only") == std::pair(true, false));
  CHECK(cuts("fetch first 2 rows with ties") == std::pair(false, false));
  CHECK(order_of("select a from t limit 7").limit == std::size_t{7});
  CHECK_FALSE(order_of("select a from t limit :_").limit);
  const auto names = [](const std::string& tail) {
    const std::string sql = "select a from t where b = :b order by a " + tail;
    const RuleSet set = test::compile(sql, sql);
    const SortOrder& order = set.rules()[0]->root().order;
    return std::pair(order.limit_name, order.offset_name);
  };
  using Names = std::pair<std::string, std::string>;
  CHECK(names("limit :take offset :skip") == Names("take", "skip"));
  CHECK(names("limit $1::bigint offset 0") == Names("$1", ""));
  CHECK(names("limit :take + 1") == Names("", ""));
  CHECK(names("limit 5") == Names("", ""));
}

std::vector<std::string> warnings(const std::string& legacy, const std::string& rewrite,
                                  OrderMode mode = OrderMode::automatic) {
  RuleSource source = test::source("r", legacy, rewrite);
  source.compare.order = mode;
  const RuleSet set = test::compile({source});
  std::vector<std::string> out;
  for (const ConfigProblem& warning : set.warnings()) out.push_back(warning.text());
  return out;
}

TEST_CASE("DISTINCT ON picks by its expressions, a plain DISTINCT by nothing") {
  const auto picked = order_of("select distinct on (a, t.b) t.b, a, c from t order by a, t.b, c");
  CHECK(picked.picks);
  CHECK(resolve(picked.picked_by, Labels{"b", "a", "c"}) == Places{1, 0});
  CHECK_FALSE(order_of("select distinct a from t").picks);
  CHECK_FALSE(order_of("select a from t").picks);
}

TEST_CASE("columns of one table that are equal to a value") {
  using Columns = std::vector<std::string>;
  const auto columns = [](const std::string& sql) {
    auto found = order_of(sql).equal_columns;
    std::sort(found.begin(), found.end());
    return found;
  };
  CHECK(columns("select a from t where id = 5 limit 1") == Columns{"id"});
  CHECK(columns(R"(select a from "public"."t" where ("public"."t"."id" = 'x'::text AND 1=1))") ==
        Columns{"id"});
  CHECK(columns("select a from t where 5 = id and (b = 'y' and c > 3)") == Columns{"b", "id"});
  CHECK(columns("select a from t where id = 5 or b = 3").empty());
  CHECK(columns("select a from t where id <> 5").empty());
  CHECK(columns("select a from t where id = b").empty());
  CHECK(columns("select a from t where not (id = 5)").empty());
  CHECK(columns("select a from t, u where t.id = 5").empty());
  CHECK(columns("select a from t join u on true where t.id = 5").empty());
  CHECK(columns("select a from t").empty());
}

TEST_CASE("a rewrite that does not sort as legacy does is worth a warning") {
  const std::string legacy = "select a, b from t order by a desc, b";
  const auto none = warnings(legacy, "select a, b from t");
  REQUIRE(none.size() == 1);
  CHECK(none[0].starts_with("r.yaml:110:7: rule `r`: legacy has an ORDER BY and the rewrite has"));
  const auto other = warnings(legacy, "select a, b from t order by a, b");
  REQUIRE(other.size() == 1);
  CHECK(other[0] ==
        "r.yaml:110:7: rule `r`: legacy is ordered by a desc, b, the rewrite by a, b: its rows may "
        "come in another order");
  CHECK(warnings(legacy, "select a, b from t order by a desc").size() == 1);
  CHECK(warnings(legacy, "select a, b from t order by a desc nulls last, b").size() == 1);
  CHECK(warnings(legacy, "select a, b from t", OrderMode::ignore).empty());
  CHECK(warnings(legacy, R"(select a, b from t order by t."a" desc, "b" asc)").empty());
  CHECK(warnings(legacy, "select a, b from t order by a desc nulls first, b, c").empty());
  CHECK(warnings(legacy, "select a, b from t order by 1 desc, 2").empty());  // not seen in the text
  CHECK(warnings("select a from t", "select a from t order by a").empty());
}

}  // namespace
}  // namespace parallax::shadow
