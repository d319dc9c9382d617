#include "shadow/compare/pairing.h"

#include <catch2/catch.hpp>
#include <utility>

#include "shadow/rules/select_list.h"
#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;
using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

constexpr std::uint32_t kUsers = 16500;
constexpr std::uint32_t kRoles = 16600;

ColumnInfo column(const std::string& label, std::uint32_t table, int attribute) {
  return {label, table, static_cast<std::int16_t>(attribute), kText};
}
ColumnInfo expression(const std::string& label) { return {label, 0, 0, kText}; }

struct Case {
  std::vector<ColumnInfo> legacy;
  std::vector<ColumnInfo> rewrite;
  std::string rewrite_sql = {};
  std::map<std::string, std::string> columns = {};
  std::vector<std::string> ignore = {};
  Catalog catalog = {};
  std::vector<ColumnInfo> legacy_uncast = {};
  std::vector<ColumnInfo> rewrite_uncast = {};

  std::variant<Pairing, std::string> run() const {
    Rule rule;
    rule.rewrite.front().source.text = rewrite_sql;
    for (const auto& [label, text] : columns) rule.source.columns[label].text = text;
    for (const std::string& label : ignore) rule.source.ignore[label].text = "a reason";
    return pair_columns(rule, {legacy, legacy_uncast}, {rewrite, rewrite_uncast}, catalog);
  }
  Pairing paired() const {
    auto out = run();
    if (const auto* problem = std::get_if<std::string>(&out)) FAIL(*problem);
    return std::get<Pairing>(std::move(out));
  }
  Pairs pairs() const {
    Pairs out;
    for (const ColumnPair& pair : paired().pairs) out.emplace_back(pair.legacy, pair.rewrite);
    return out;
  }
  std::string problem() const {
    auto out = run();
    return std::holds_alternative<std::string>(out) ? std::get<std::string>(out) : "paired";
  }
};

TEST_CASE("pairing: by origin, whatever the labels") {
  const Case swapped{{column("id", kUsers, 1), column("name", kUsers, 2)},
                     {column("id", kUsers, 2), column("x", kUsers, 1)}};
  CHECK(swapped.pairs() == Pairs{{0, 1}, {1, 0}});
  const Pairing out = swapped.paired();
  CHECK(out.legacy_columns == 2);
  CHECK(out.rewrite_columns == 2);
  CHECK(out.notes == std::vector<std::string>{
                         "pairs cross: \"name\" (column 2) is column 1 of the rewrite, \"id\""});
  const Case straight_case{{column("id", kUsers, 1), column("name", kUsers, 2)},
                           {column("a", kUsers, 1), column("b", kUsers, 2)}};
  CHECK(straight_case.pairs() == Pairs{{0, 0}, {1, 1}});
  CHECK(straight_case.paired().notes.empty());
}

TEST_CASE("pairing: through a plain cast") {
  Case cast{{column("id", kUsers, 1), expression("role"), expression("sum")},
            {expression("role"), column("id", kUsers, 1), expression("sum")}};
  CHECK(cast.problem() ==
        "legacy columns \"role\", \"sum\" have no pair (free in the rewrite: \"role\", \"sum\"); "
        "write under columns: 'role': 'label, table.column or expression of the rewrite', or under "
        "ignore: 'role': 'why it does not matter'");
  cast.legacy_uncast = {column("id", kUsers, 1), column("role", kUsers, 3), expression("sum")};
  cast.rewrite_uncast = {column("role", kUsers, 3), column("id", kUsers, 1), expression("sum")};
  CHECK(cast.pairs() == Pairs{{0, 1}, {1, 0}, {2, 2}});
  CHECK(cast.paired().pairs[1].by == PairedBy::column);
  CHECK(cast.paired().pairs[2].by == PairedBy::left_over);
  // A shape that does not fit says nothing.
  cast.rewrite_uncast.pop_back();
  CHECK(cast.problem() != "paired");
}

TEST_CASE("pairing: a column several times") {
  Case twice{{column("id", kUsers, 1), column("parent", kUsers, 1)},
             {column("a", kUsers, 1), column("b", kUsers, 1)}};
  CHECK(twice.pairs() == Pairs{{0, 0}, {1, 1}});
  twice.rewrite.pop_back();
  CHECK(twice.problem() ==
        "ambiguous: one table column is 2 times in legacy (\"id\", \"parent\") and once in the "
        "rewrite (\"a\"); say under columns: which pair, or under ignore: why not");
  twice.ignore = {"id"};
  CHECK(twice.pairs() == Pairs{{1, 0}});
  twice.ignore = {"id", "parent"};
  CHECK(twice.pairs().empty());
  CHECK(twice.paired().notes.empty());
  const Case thrice{{column("id", kUsers, 1)}, {column("a", kUsers, 1), column("b", kUsers, 1)}};
  CHECK(thrice.problem().starts_with("ambiguous: one table column is once in legacy"));
  // An ignored one of two pairs too where the rewrite has both: it is not compared.
  const Case both{{column("id", kUsers, 1), column("parent", kUsers, 1)},
                  {column("a", kUsers, 1), column("b", kUsers, 1)},
                  "",
                  {},
                  {"id"}};
  CHECK(both.pairs() == Pairs{{1, 1}});
  CHECK(both.paired().notes.empty());
}

TEST_CASE("pairing: the one left over on each side, when one of them is an expression") {
  const Case left{{column("id", kUsers, 1), expression("_count")},
                  {column("id", kUsers, 1), expression("count")}};
  CHECK(left.pairs() == Pairs{{0, 0}, {1, 1}});
  CHECK(left.paired().notes ==
        std::vector<std::string>{"\"_count\" of legacy and \"count\" of the rewrite are paired "
                                 "because they are the only ones left on each side"});
  const Case half{{expression("total")}, {column("total", kUsers, 4)}};
  CHECK(half.pairs() == Pairs{{0, 0}});
  const Case plain{{column("email", kUsers, 4)}, {column("name", kUsers, 2)}};
  CHECK(
      plain.problem() ==
      "\"email\" of legacy and \"name\" of the rewrite are left without a pair, and are different "
      "table columns; if they are meant to be equal, say so under columns:, else say under "
      "ignore: why not");
  const Case none{{column("id", kUsers, 1), expression("x")}, {column("id", kUsers, 1)}};
  CHECK(none.problem().starts_with(
      "legacy column \"x\" has no pair (free in the rewrite: none); write under columns:"));
  const Case choice{{expression("x")}, {expression("y"), expression("z")}};
  CHECK(choice.problem().find("free in the rewrite: \"y\", \"z\"") != std::string::npos);
}

TEST_CASE("pairing: columns that only the rewrite has are noted") {
  const Case more{{column("id", kUsers, 1)},
                  {column("id", kUsers, 1), column("name", kUsers, 2), expression("n")}};
  CHECK(more.pairs() == Pairs{{0, 0}});
  CHECK(more.paired().notes ==
        std::vector<std::string>{
            "columns of the rewrite without a pair, not compared: \"name\", \"n\""});
}

TEST_CASE("pairing: ignored columns need no pair and are not compared") {
  Case ignored{{column("id", kUsers, 1), expression("hash"), column("at", kUsers, 5)},
               {column("id", kUsers, 1), column("at", kUsers, 5)},
               "",
               {},
               {"hash", "at"}};
  CHECK(ignored.pairs() == Pairs{{0, 0}});
  CHECK(ignored.paired().notes.empty());
  ignored.ignore = {"hsh"};
  CHECK(ignored.problem() ==
        "ignore: legacy has no column \"hsh\"; it has \"id\", \"hash\", \"at\"");
  ignored.ignore = {"hash"};
  ignored.columns = {{"hash", "id"}};
  CHECK(ignored.problem() == "columns: \"hash\" is under ignore: too; remove one of them");
}

TEST_CASE("pairing: named by label") {
  Case named{{column("id", kUsers, 1), column("email", kUsers, 4), expression("n")},
             {column("id", kUsers, 1), column("mail", kUsers, 7), expression("n")}};
  named.columns = {{"email", "mail"}};
  CHECK(named.pairs() == Pairs{{0, 0}, {1, 1}, {2, 2}});
  // What is named does not cross.
  named.columns = {{"id", "mail"}, {"email", "id"}, {"n", "n"}};
  CHECK(named.pairs() == Pairs{{0, 1}, {1, 0}, {2, 2}});
  CHECK(named.paired().notes.empty());
  named.columns = {{"email", "nail"}};
  CHECK(named.problem() ==
        "columns: \"email\": the rewrite has no column or expression \"nail\"; "
        "it has \"id\", \"mail\", \"n\"");
  named.columns = {{"mail", "mail"}};
  CHECK(named.problem() ==
        "columns: legacy has no column \"mail\"; it has \"id\", \"email\", \"n\"");
  named.columns = {{"email", "mail"}, {"n", "mail"}};
  CHECK(named.problem().find("named twice") != std::string::npos);
  named.legacy[2].label = "id";
  named.columns = {{"id", "id"}};
  CHECK(named.problem() ==
        "columns: \"id\" is ambiguous, legacy has it 2 times; only a label that "
        "occurs once can be named");
}

TEST_CASE("pairing: named by expression") {
  Case named{{expression("_avg$year"), expression("_sum$year"), expression("top")},
             {expression("avg"), expression("sum"), expression("coalesce")},
             "select AVG(\"year\") , sum(year)::int, coalesce(max(cost), :least) "
             "from machines where id in (:ids) and kind = :kind"};
  named.columns = {{"_avg$year", "avg( \"year\" )"},
                   {"_sum$year", "sum(\"year\") :: int"},
                   {"top", "coalesce(max(cost), :least)"}};
  CHECK(named.pairs() == Pairs{{0, 0}, {1, 1}, {2, 2}});
  named.columns["top"] = "coalesce(max(cost), :kind)";
  CHECK(named.problem().find("no column or expression") != std::string::npos);
  named.columns["top"] = "coalesce(max(cost), :unknown)";
  CHECK(named.problem().find("no column or expression") != std::string::npos);
  named.columns["top"] = "coalesce(max(\"Cost\"), :least)";
  CHECK(named.problem().find("no column or expression") != std::string::npos);
  named.columns["top"] = "coalesce(max(cost), :least) from machines";
  CHECK(named.problem().find("no column or expression") != std::string::npos);
  named.columns["top"] = "this is not ) an expression";
  CHECK(named.problem().find("no column or expression") != std::string::npos);
}

TEST_CASE("pairing: literals of an expression count") {
  Case named{{expression("a"), expression("b")},
             {expression("x"), expression("x")},
             "select cost + 1, cost + 2 from machines"};
  named.columns = {{"a", "cost + 2"}, {"b", "cost+1"}};
  CHECK(named.pairs() == Pairs{{0, 1}, {1, 0}});
  named.rewrite_sql = "select cost + 1, cost + 1 from machines";
  named.columns = {{"a", "cost + 1"}};
  CHECK(named.problem() ==
        "columns: \"a\": \"cost + 1\" is ambiguous, the rewrite has it 2 times; write "
        "table.column, or the expression as the rewrite has it");
}

TEST_CASE("pairing: table.column where labels repeat") {
  Case named{{expression("user"), expression("role")},
             {column("id", kUsers, 1), column("id", kRoles, 1)},
             "select \"public\".\"users\".\"id\", r.\"id\" from users join roles r on true"};
  named.columns = {{"user", "id"}};
  CHECK(named.problem().find("is ambiguous, the rewrite has it 2 times") != std::string::npos);
  named.columns = {{"user", "users.id"}, {"role", "r.id"}};
  CHECK(named.pairs() == Pairs{{0, 0}, {1, 1}});
  named.columns = {{"user", "\"users\".\"id\""}, {"role", "R.id"}};
  CHECK(named.pairs() == Pairs{{0, 0}, {1, 1}});
  named.columns = {{"user", "\"Users\".\"id\""}};
  CHECK(named.problem().find("no column or expression") != std::string::npos);
}

TEST_CASE("pairing: a select list with a star has labels only") {
  Case named{{expression("a"), expression("b")}, {expression("x"), expression("y")}};
  for (const char* sql :
       {"select *, f(y) from t", "select t.*, f(y) from t", "select (r).*, f(y) from t"}) {
    named.rewrite_sql = sql;
    named.columns = {{"a", "y"}};
    CHECK(named.pairs() == Pairs{{0, 1}, {1, 0}});
    named.columns = {{"a", "f(y)"}};
    CHECK(named.problem().find("no column or expression") != std::string::npos);
  }
  // A star inside a subquery is none of the select list.
  named.rewrite_sql = "select count(*), exists(select * from t) from t";
  named.columns = {{"a", "exists (select * from t)"}};
  CHECK(named.pairs() == Pairs{{0, 1}, {1, 0}});
}

TEST_CASE("pairing: of a set operation the first SELECT is read") {
  const Case named{
      {expression("a"), expression("b")},
      {expression("x"), expression("x")},
      "with c as (select 9) select f(1), f(2) from c union all select f(2), f(1) from c",
      {{"a", "f(2)"}}};
  CHECK(named.pairs() == Pairs{{0, 1}, {1, 0}});
}

TEST_CASE("pairing: expressions deeper than the limit have no name, labels still have") {
  std::string deep = "1";
  for (int i = 0; i < 2 * kExpressionDepthMax; ++i) deep = "(" + deep + " + 1)";
  Case named{{expression("a")}, {expression("x")}, "select " + deep};
  named.columns = {{"a", deep}};
  CHECK(named.problem().find("no column or expression") != std::string::npos);
  named.columns = {{"a", "x"}};
  CHECK(named.pairs() == Pairs{{0, 0}});
}

TEST_CASE("pairing: primary keys that are whole in the output") {
  Case keys{{column("uid", kUsers, 1), column("name", kUsers, 2), column("a", kRoles, 1),
             column("b", kRoles, 2)},
            {column("uid", kUsers, 1), column("name", kUsers, 2), column("a", kRoles, 1),
             column("b", kRoles, 2)}};
  using Keys = std::vector<std::size_t>;
  CHECK(keys.paired().key_pairs.empty());
  keys.catalog.primary_keys = {{kUsers, {1}}};
  CHECK(keys.paired().key_pairs == Keys{0});
  keys.catalog.primary_keys = {{kUsers, {1}}, {kRoles, {2, 1}}};
  CHECK(keys.paired().key_pairs == Keys{0, 2, 3});
  keys.catalog.primary_keys = {{kUsers, {1}}, {kRoles, {1, 3}}};
  CHECK(keys.paired().key_pairs == Keys{0});
  keys.catalog.primary_keys = {{kRoles, {1, 2}}};
  keys.ignore = {"b"};
  CHECK(keys.paired().key_pairs.empty());
  // Indexes are of pairs, not of columns.
  keys.ignore = {"uid"};
  CHECK(keys.paired().key_pairs == Keys{1, 2});
}

}  // namespace
}  // namespace parallax::shadow
