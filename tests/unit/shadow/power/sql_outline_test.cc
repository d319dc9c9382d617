#include "shadow/power/sql_outline.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

#include "shadow/power/mistakes.h"

namespace parallax::shadow::tests {
namespace {

std::vector<std::string> texts(const SqlOutline& sql, const std::vector<TokenSpan>& spans) {
  std::vector<std::string> out;
  out.reserve(spans.size());
  for (const TokenSpan span : spans) out.emplace_back(sql.text(span));
  return out;
}

using Texts = std::vector<std::string>;

TEST_CASE("clauses of a SELECT are found, words that are names or labels are none") {
  const std::string text =
      "select t.order, a as limit, b \"from\", extract(year from c) from t where t.limit = :where "
      "order by a limit :limit offset 3";
  const SqlOutline sql(text);
  REQUIRE(sql.selects().size() == 1);
  const auto& select = sql.selects().front();
  CHECK(select.outermost);
  REQUIRE(select.columns.size() == 4);
  CHECK(select.columns[1].alias == "limit");
  CHECK(select.columns[2].alias == "\"from\"");
  CHECK(sql.text(select.columns[3].expression) == "extract(year from c)");
  CHECK(sql.text(*select.limit) == ":limit");
  CHECK(sql.text(*select.offset) == "3");
  REQUIRE(sql.conditions().size() == 1);
  CHECK(texts(sql, sql.conditions().front().operands) == Texts{"t.limit = :where"});
  REQUIRE(sql.sorts().size() == 1);
  CHECK(texts(sql, sql.sorts().front().keys) == Texts{"a"});
}

TEST_CASE("types of several words are no labels") {
  const std::string text =
      "select a::timestamp with time zone, b::double precision, c::text, d collate \"C\", e f from "
      "t";
  const SqlOutline sql(text);
  Texts aliases;
  for (const auto& column : sql.selects().front().columns) aliases.push_back(column.alias);
  CHECK(aliases == Texts{"", "", "", "", "f"});
}

TEST_CASE("each ON has its own condition, also in brackets") {
  const std::string text =
      "select 1 from (a join b on a.x = b.x and a.y) left join c on c.z or c.w, d where d.v";
  const SqlOutline sql(text);
  Texts on;
  for (const auto& list : sql.conditions()) {
    for (const auto& operand : texts(sql, list.operands)) {
      if (list.of == ConditionList::Of::on) on.push_back(operand);
    }
  }
  std::ranges::sort(on);
  CHECK(on == Texts{"a.x = b.x", "a.y", "c.w", "c.z"});
}

TEST_CASE("of a UNION neither arm is the whole, and its columns are not those of one list") {
  const std::string text = "(select a from t) union (select b from u) order by 1";
  const SqlOutline sql(text);
  const auto outermost = std::ranges::find_if(sql.selects(), &SelectOutline::outermost);
  REQUIRE(outermost != sql.selects().end());
  CHECK(outermost->set_operation);
  CHECK(outermost->columns.empty());
  CHECK(std::ranges::count_if(sql.selects(), &SelectOutline::outermost) == 1);
}

TEST_CASE("a link is told from a name") {
  const std::string text = "select 1 from t where a in (:top.id) and b = :top";
  const SqlOutline sql(text);
  const auto& operands = sql.conditions().front().operands;
  CHECK(sql.has_link(operands[0]));
  CHECK(sql.has_name(operands[1]));
  CHECK_FALSE(sql.has_link(operands[1]));
}

TEST_CASE("no text leads an outline or an edit out of it") {
  constexpr std::array kWords = {"select",   "from",      "where",
                                 "and",      "or",        "between",
                                 "(",        ")",         "[",
                                 "]",        "case",      "end",
                                 "order by", "limit",     "offset",
                                 "join",     "left",      "on",
                                 ",",        ".",         ":",
                                 ":x",       "a",         "\"b\"",
                                 "1",        "'s'",       "union",
                                 "all",      "as",        "is",
                                 "distinct", "*",         "count(",
                                 "min(",     "coalesce(", "desc",
                                 "nulls",    "last",      "<",
                                 ">=",       "like",      "lateral",
                                 "true",     "group by",  ";",
                                 "having",   "filter",    "using",
                                 "with",     "not",       "json_build_array("};
  const char* given = std::getenv("PARALLAX_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  INFO("PARALLAX_SEED=" << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20000; ++round) {
    std::string text = "select ";
    for (auto words = random() % 30; words > 0; --words)
      text.append(kWords.at(random() % kWords.size())).append(random() % 4 == 0 ? "" : " ");
    INFO(text);
    const SqlOutline sql(text);
    RewriteFacts facts;
    facts.names = {{"x", 23}};
    for (const auto& select : sql.selects()) {
      if (select.outermost) facts.columns.assign(select.columns.size(), {"c", 23, true, "c"});
    }
    Mistakes mistakes;
    add_condition_mistakes(sql, mistakes);
    add_row_mistakes(sql, facts, mistakes);
    add_page_mistakes(sql, facts, mistakes);
    add_name_mistakes(text, facts, mistakes);
    add_column_mistakes(sql, facts, mistakes);
    for (const auto& mistake : mistakes) {
      std::size_t at = 0;
      for (const auto& edit : mistake.edits) {
        REQUIRE(at <= edit.begin);
        REQUIRE(edit.begin <= edit.end);
        REQUIRE(edit.end <= text.size());
        at = edit.end;
      }
    }
  }
}

}  // namespace
}  // namespace parallax::shadow::tests
