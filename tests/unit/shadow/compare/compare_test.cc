#include "shadow/compare/compare.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <random>

#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;
using Steps = std::vector<EqualStep>;

constexpr bool kOrdered = true;
constexpr bool kUnordered = false;

Comparison compare(const ResultSet& legacy, const ResultSet& rewrite, const Pairing& pairing,
                   bool ordered) {
  Rule rule;
  if (ordered) rule.root().order = by_first_column();
  const auto catalog = catalog_of_tests();
  return compare_results(legacy, rewrite, {rule, pairing, catalog, {}});
}

Comparison compare(std::initializer_list<std::uint32_t> types, const std::vector<Row>& legacy,
                   const std::vector<Row>& rewrite, bool ordered,
                   std::vector<std::size_t> keys = {}) {
  return compare(result_of(typed(types), legacy), result_of(typed(types), rewrite),
                 straight(types.size(), std::move(keys)), ordered);
}

TEST_CASE("equal results: exact alone") {
  const std::vector<Row> rows = {{"1", "x"}, {"2", kNull}, {"2", kNull}};
  for (const bool ordered : {kOrdered, kUnordered}) {
    const Comparison out = compare({kInt4, kText}, rows, rows, ordered);
    CHECK_FALSE(out.difference);
    CHECK(out.steps == Steps{EqualStep::exact});
    CHECK(out.detail.empty());
    CHECK(out.differences.empty());
  }
  CHECK(compare({kInt4}, {}, {}, kOrdered).steps == Steps{EqualStep::exact});
}

TEST_CASE("another sequence: order of multisets, mismatch of sequences") {
  const std::vector<Row> legacy = {{"1"}, {"2"}, {"2"}, {"3"}};
  const std::vector<Row> rewrite = {{"1"}, {"2"}, {"3"}, {"2"}};
  const Comparison multiset = compare({kInt4}, legacy, rewrite, kUnordered);
  CHECK_FALSE(multiset.difference);
  CHECK(multiset.steps == Steps{EqualStep::order});

  const Comparison sequence = compare({kInt4}, legacy, rewrite, kOrdered);
  CHECK(sequence.difference == MismatchKind::order);
  CHECK(sequence.detail == "the same rows in another order, from row 3 of 4");
  CHECK(sequence.steps.empty());
  REQUIRE(sequence.differences.size() == 2);
  CHECK(sequence.differences[0].kind == MismatchKind::order);
  CHECK(sequence.differences[0].legacy == ReportRow{"2"});
  CHECK(sequence.differences[0].rewrite == ReportRow{"3"});
}

TEST_CASE("numeric is equal by value, recorded when the texts differ") {
  const Comparison scale = compare({kNumeric, kText}, {{"1.0", "x"}, {"5", "y"}},
                                   {{"1.00", "x"}, {"5.0", "y"}}, kOrdered);
  CHECK_FALSE(scale.difference);
  CHECK(scale.steps == Steps{EqualStep::numeric_scale});
  CHECK(compare({kNumeric}, {{"1.0"}}, {{"1.0"}}, kOrdered).steps == Steps{EqualStep::exact});
  CHECK(compare({kNumeric}, {{"1.0"}}, {{"1.01"}}, kUnordered).difference == MismatchKind::value);
  CHECK(compare({kNumeric}, {{"1.0"}}, {{kNull}}, kUnordered).difference == MismatchKind::null);
  CHECK(compare({kText}, {{"1.0"}}, {{"1.00"}}, kOrdered).difference.has_value());

  const Comparison both = compare({kNumeric}, {{"1.0"}, {"2"}}, {{"2.0"}, {"1"}}, kUnordered);
  CHECK_FALSE(both.difference);
  CHECK(both.steps == Steps{EqualStep::order, EqualStep::numeric_scale});
  // The same texts in another sequence meet each other.
  const Comparison texts = compare({kNumeric}, {{"1.0"}, {"1"}, {"5"}, {"6"}},
                                   {{"5"}, {"6"}, {"1"}, {"1.0"}}, kUnordered);
  CHECK(texts.steps == Steps{EqualStep::order});
}

TEST_CASE("int2, int4 and int8 are one type") {
  for (const std::uint32_t left : {kInt2, kInt4, kInt8}) {
    for (const std::uint32_t right : {kInt2, kInt4, kInt8}) {
      const Comparison out = compare(result_of(typed({left}), {{"5"}}),
                                     result_of(typed({right}), {{"5"}}), straight(1), kOrdered);
      CHECK_FALSE(out.difference);
      CHECK(out.steps == Steps{left == right ? EqualStep::exact : EqualStep::type_width});
    }
  }
  CHECK(compare(result_of(typed({kInt4}), {{"5"}}), result_of(typed({kInt8}), {{"6"}}), straight(1),
                kUnordered)
            .difference == MismatchKind::value);
}

TEST_CASE("an enum and text are one type, two enums are not") {
  const auto types = [](std::uint32_t left, std::uint32_t right) {
    return compare(result_of(typed({left}), {{"ok"}}), result_of(typed({right}), {{"ok"}}),
                   straight(1), kOrdered);
  };
  for (const std::uint32_t text : {kText, kVarchar}) {
    CHECK(types(kMood, text).steps == Steps{EqualStep::enum_text});
    CHECK(types(text, kMood).steps == Steps{EqualStep::enum_text});
  }
  CHECK(types(kMood, kMood).steps == Steps{EqualStep::exact});
  const Comparison enums = types(kMood, kColour);
  CHECK(enums.difference == MismatchKind::column_type);
  CHECK(enums.detail == "column \"a\": mood against colour");
  CHECK(types(kMood, kInt4).difference == MismatchKind::column_type);
  CHECK(types(kText, 16999).detail == "column \"a\": text against type 16999");
}

TEST_CASE("any other difference of types is column_type, and the types are named") {
  const Comparison out =
      compare(result_of(typed({kInt8, kInt4, kText}), {{"5", "1", "x"}}),
              result_of(typed({kNumeric, kInt4, kBool}), {{"5", "1", "t"}}), straight(3), kOrdered);
  CHECK(out.difference == MismatchKind::column_type);
  CHECK(out.detail == "column \"a\": int8 against numeric; column \"c\": text against bool");
  // Arrays of one class are not one type: int4[] against int8[].
  CHECK(compare(result_of(typed({1007}), {}), result_of(typed({1016}), {}), straight(1), kOrdered)
            .detail == "column \"a\": int4[] against int8[]");
}

TEST_CASE("another number of columns than at verification is column_count") {
  const ResultSet two = result_of(typed({kInt4, kInt4}), {{"1", "2"}});
  const ResultSet one = result_of(typed({kInt4}), {{"1"}});
  CHECK(compare(two, one, straight(2), kOrdered).difference == MismatchKind::column_count);
  CHECK(compare(two, one, straight(2), kOrdered).detail ==
        "the rewrite has 1 column, at verification it had 2");
  CHECK(compare(one, two, straight(2), kOrdered).difference == MismatchKind::column_count);
  CHECK(compare(two, two, straight(1), kOrdered).difference == MismatchKind::column_count);
}

TEST_CASE("rows missing and extra, as multisets") {
  const Comparison missing = compare({kInt4}, {{"1"}, {"2"}, {"2"}}, {{"2"}, {"1"}}, kUnordered);
  CHECK(missing.difference == MismatchKind::missing_row);
  CHECK(missing.detail == "1 row missing of 3 and 2");
  REQUIRE(missing.differences.size() == 1);
  CHECK(missing.differences[0].legacy == ReportRow{"2"});
  CHECK_FALSE(missing.differences[0].rewrite);

  const Comparison extra = compare({kInt4}, {{"1"}}, {{"1"}, {"1"}}, kOrdered);
  CHECK(extra.difference == MismatchKind::extra_row);
  CHECK(extra.detail == "1 row extra of 1 and 2");
  REQUIRE(extra.differences.size() == 1);
  CHECK_FALSE(extra.differences[0].legacy);
  CHECK(extra.differences[0].rewrite == ReportRow{"1"});

  const Comparison both = compare({kInt4}, {{"1"}, {"2"}, {"3"}}, {{"1"}, {"4"}}, kOrdered);
  CHECK(both.difference == MismatchKind::missing_row);
  CHECK(both.detail == "2 rows missing, 1 extra of 3 and 2");
  CHECK(both.differences.size() == 3);

  // Without keys a changed row of an unordered result is one that is missing and one that is extra.
  CHECK(compare({kInt4}, {{"1"}, {"5"}}, {{"2"}, {"5"}}, kUnordered).detail ==
        "1 row missing, 1 extra of 2 and 2");
}

TEST_CASE("rows without a key are aligned by the sort keys") {
  const Comparison out = compare({kInt4, kText}, {{"1", "x"}, {"2", "y"}, {"3", kNull}},
                                 {{"1", "x"}, {"2", "z"}, {"3", "z"}}, kOrdered);
  CHECK(out.difference == MismatchKind::null);
  CHECK(out.detail == "1 row NULL on one side, 1 with other values of 3 and 3; column \"b\"");
  REQUIRE(out.differences.size() == 2);
  CHECK(out.differences[0].kind == MismatchKind::null);
  CHECK(out.differences[0].legacy == ReportRow{"3", kNull});
  CHECK(out.differences[0].rewrite == ReportRow{"3", "z"});
  CHECK(out.differences[1].kind == MismatchKind::value);
}

TEST_CASE("rows are aligned by key columns, ordered or not") {
  for (const bool ordered : {kOrdered, kUnordered}) {
    const Comparison value = compare({kInt4, kText}, {{"1", "x"}, {"2", "y"}, {"3", "z"}},
                                     {{"3", "z"}, {"2", "other"}, {"1", "x"}}, ordered, {0});
    CHECK(value.difference == MismatchKind::value);
    const std::string moved = ordered ? ", in another order" : "";
    CHECK(value.detail == "1 row with other values of 3 and 3" + moved + "; column \"b\"");

    const Comparison null =
        compare({kInt4, kText}, {{"1", "x"}, {"2", "y"}}, {{"2", kNull}, {"1", "x"}}, ordered, {0});
    CHECK(null.difference == MismatchKind::null);

    const Comparison missing = compare({kInt4, kText}, {{"1", "x"}, {"2", "y"}, {"3", "z"}},
                                       {{"3", "other"}, {"1", kNull}}, ordered, {0});
    CHECK(missing.difference == MismatchKind::missing_row);
    CHECK(missing.detail == "1 row missing, 1 NULL on one side, 1 with other values of 3 and 2" +
                                moved + "; column \"b\"");
    REQUIRE(missing.differences.size() == (ordered ? 4 : 3));
    CHECK(missing.differences[0].legacy == ReportRow{"2", "y"});
    CHECK(missing.differences[1].kind == MismatchKind::null);
    CHECK(missing.differences[2].kind == MismatchKind::value);

    const Comparison extra =
        compare({kInt4, kText}, {{"1", "x"}}, {{"2", "x"}, {"1", "y"}}, ordered, {0});
    CHECK(extra.difference == MismatchKind::extra_row);
    CHECK(extra.detail == "1 row extra, 1 with other values of 1 and 2; column \"b\"");
  }
}

TEST_CASE("rows of one key pair in order of occurrence, equal ones with each other") {
  // A repeated key, or one that is NULL (the optional side of a join).
  for (const Cell& key : {Cell("1"), kNull}) {
    const Comparison out = compare({kInt4, kText}, {{key, "a"}, {key, "b"}, {key, "c"}},
                                   {{key, "c"}, {key, "a"}, {key, "x"}}, kUnordered, {0});
    CHECK(out.difference == MismatchKind::value);
    REQUIRE(out.differences.size() == 1);
    CHECK(out.differences[0].legacy == ReportRow{key, "b"});
    CHECK(out.differences[0].rewrite == ReportRow{key, "x"});
  }
}

TEST_CASE("of more rows of one key than the other side has, the last are left over") {
  const Comparison out = compare({kInt4, kText}, {{"1", "a"}, {"1", "b"}, {"1", "c"}},
                                 {{"1", "x"}, {"1", "y"}}, kUnordered, {0});
  CHECK(out.difference == MismatchKind::missing_row);
  REQUIRE(out.differences.size() == 3);
  CHECK(out.differences[0].legacy == ReportRow{"1", "c"});
  CHECK(out.differences[1].legacy == ReportRow{"1", "a"});
  CHECK(out.differences[1].rewrite == ReportRow{"1", "x"});
}

TEST_CASE("only paired columns are compared, through the pairs") {
  Pairing pairing;
  pairing.pairs = {{0, 2}, {2, 0}};
  pairing.legacy_columns = pairing.rewrite_columns = 3;
  const ResultSet legacy = result_of(typed({kInt4, kText, kNumeric}), {{"1", "left", "2.5"}});
  const auto types = typed({kNumeric, kBool, kInt4});
  CHECK(compare(legacy, result_of(types, {{"2.5", "t", "1"}}), pairing, kOrdered).steps ==
        Steps{EqualStep::exact});
  const Comparison out = compare(legacy, result_of(types, {{"2.6", "t", "1"}}), pairing, kOrdered);
  CHECK(out.detail == "1 row with other values of 1 and 1; column \"c\"");
  REQUIRE(out.differences.size() == 1);
  CHECK(out.differences[0].legacy == ReportRow{"1", "2.5"});
  CHECK(out.differences[0].rewrite == ReportRow{"1", "2.6"});
}

TEST_CASE("the same bytes are no match where the pairs cross") {
  Pairing pairing = straight(2);
  std::swap(pairing.pairs[0].rewrite, pairing.pairs[1].rewrite);
  const ResultSet result = result_of(typed({kInt4, kInt4}), {{"1", "2"}});
  CHECK(compare(result, result, pairing, kUnordered).difference == MismatchKind::value);
  const ResultSet twice = result_of(typed({kInt4, kInt4}), {{"1", "1"}});
  CHECK_FALSE(compare(twice, twice, pairing, kOrdered).difference);
}

TEST_CASE("without paired columns the number of rows still counts") {
  ResultSet two;
  two.add_empty_row();
  two.add_empty_row();
  ResultSet one;
  one.add_empty_row();
  CHECK(compare(two, two, straight(0), kOrdered).steps == Steps{EqualStep::exact});
  CHECK(compare(two, one, straight(0), kOrdered).difference == MismatchKind::missing_row);
  CHECK(compare(one, two, straight(0), kUnordered).difference == MismatchKind::extra_row);
}

TEST_CASE("the first differences are kept, the counts are of all") {
  std::vector<Row> rows;
  for (int i = 0; i < 25; ++i) rows.push_back({std::to_string(i)});
  const Comparison out = compare({kInt4}, rows, {}, kUnordered);
  CHECK(out.detail == "25 rows missing of 25 and 0");
  REQUIRE(out.differences.size() == kDifferencesShown);
  CHECK(out.differences[9].legacy == ReportRow{"9"});
}

TEST_CASE("details hold no values and stay on one line") {
  const std::string secret = "s3cret";
  std::vector<ColumnInfo> columns = typed({kText});
  columns[0].label = "two\nlines";
  const Comparison out = compare(result_of(columns, {{secret}}),
                                 result_of(columns, {{secret + "2"}}), straight(1), kOrdered);
  CHECK(out.detail == "1 row with other values of 1 and 1; column \"two?lines\"");
}

bool same(const ResultSet& first, const ResultSet& second, bool ordered) {
  Rule rule;
  if (ordered) rule.root().order = by_first_column();
  const Pairing pairing;
  const auto catalog = catalog_of_tests();
  return same_result(first, second, {rule, pairing, catalog, {}}, Side::legacy) == Sameness::same;
}

TEST_CASE("same_result: two runs of one statement") {
  const auto of = [](const std::vector<Row>& rows) {
    return result_of(typed({kInt4, kText}), rows);
  };
  const std::vector<Row> rows = {{"1", "x"}, {"2", kNull}};
  CHECK(same(of(rows), of(rows), kOrdered));
  CHECK(same(of(rows), of({{"2", kNull}, {"1", "x"}}), kUnordered));
  CHECK_FALSE(same(of(rows), of({{"2", kNull}, {"1", "x"}}), kOrdered));
  CHECK_FALSE(same(of(rows), of({{"1", "x"}, {"2", ""}}), kUnordered));
  CHECK_FALSE(same(of(rows), of({{"1", "x"}}), kUnordered));
  CHECK_FALSE(same(result_of(typed({kInt4}), {}), result_of(typed({kInt8}), {}), kOrdered));
  CHECK_FALSE(same(result_of(typed({kInt4}), {}), result_of(typed({kInt4, kInt4}), {}), kOrdered));
}

TEST_CASE("many equal rows, and many rows of one key, do not take quadratic time") {
  // A quadratic step would take minutes.
  constexpr int kRows = 50'000;
  ResultSet legacy(typed({kInt4, kText}));
  ResultSet rewrite(typed({kInt4, kText}));
  for (int i = 0; i < kRows; ++i) {
    legacy.add_cell("1");
    legacy.add_cell(i % 2 == 0 ? "even" : "odd");
    rewrite.add_cell("1");
    rewrite.add_cell(i % 2 == 0 ? "odd" : "even");
  }
  CHECK(compare(legacy, rewrite, straight(2), kUnordered).steps == Steps{EqualStep::order});
  rewrite.add_cell("1");
  rewrite.add_cell("new");
  CHECK(compare(legacy, rewrite, straight(2, {0}), kUnordered).difference ==
        MismatchKind::extra_row);
}

}  // namespace
}  // namespace parallax::shadow
