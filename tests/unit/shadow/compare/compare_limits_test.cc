// What LIMIT and OFFSET cut of rows that tie, and what tolerances make equal: against windows of
// one table in two sequences, and against all ways to pair rows.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <set>

#include "tests/unit/shadow/compare/random_source.h"
#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;

constexpr int kRuns = 4'000;

// A window of a table that is sorted by its column 1; column 0 is the primary key.
struct Window {
  std::vector<Row> legacy;
  std::vector<Row> rewrite;
  SortOrder order;
  std::size_t rows_of_table = 0;
  std::size_t offset = 0;
  bool keyed = false;
};

Window random_window(RandomSource& random) {
  Window out;
  out.keyed = random.one_in(2);
  out.rows_of_table = 3 + random.below(12);
  const bool ordered = !random.one_in(4);
  std::vector<Row> table;
  for (std::size_t i = 0; i < out.rows_of_table; ++i) {
    table.push_back({std::to_string(i + 10),
                     random.one_in(6) ? kNull : Cell(std::to_string(random.below(3))),
                     std::string(1, static_cast<char>('a' + random.below(3)))});
  }
  const auto by_key = [](const Row& row) { return row[1]; };
  const auto sequence = [&] {
    std::shuffle(table.begin(), table.end(), random.engine());
    if (ordered) std::ranges::stable_sort(table, std::less(), by_key);
    return table;
  };
  out.offset = random.one_in(2) ? 0 : 1 + random.below(2);
  const std::size_t end = random.one_in(4)
                              ? out.rows_of_table
                              : out.offset + 1 + random.below(out.rows_of_table - out.offset);
  const auto window = [&](const std::vector<Row>& rows) {
    return std::vector<Row>(rows.begin() + static_cast<std::ptrdiff_t>(out.offset),
                            rows.begin() + static_cast<std::ptrdiff_t>(std::min(end, rows.size())));
  };
  out.legacy = window(sequence());
  out.rewrite = window(sequence());
  if (ordered) out.order = {true, {{"", 1, ""}}, false, false};
  out.order.limit_cuts = end < out.rows_of_table;
  out.order.offset_cuts = out.offset > 0;
  return out;
}

Comparison compare(const Window& window) {
  Rule rule;
  rule.root().order = window.order;
  const auto catalog = catalog_of_tests();
  const auto columns = typed({kInt4, kInt4, kText});
  return compare_results(
      result_of(columns, window.legacy), result_of(columns, window.rewrite),
      {rule,
       straight(3, window.keyed ? std::vector<std::size_t>{0} : std::vector<std::size_t>{}),
       catalog,
       {}});
}

TEST_CASE("windows of one table differ only where LIMIT and OFFSET cut rows that tie") {
  RandomSource random("windows");
  int cut = 0;
  int equal = 0;
  for (int run = 0; run < kRuns; ++run) {
    const Window window = random_window(random);
    auto legacy = window.legacy;
    auto rewrite = window.rewrite;
    std::ranges::sort(legacy);
    std::ranges::sort(rewrite);
    const Comparison out = compare(window);
    INFO("seed " << random.seed() << ": " << out.detail);
    REQUIRE_FALSE(out.difference);
    REQUIRE(out.cut_tie == (legacy != rewrite));
    REQUIRE(out.steps.empty() == out.cut_tie);
    (out.cut_tie ? cut : equal) += 1;
  }
  CHECK(cut > kRuns / 10);
  CHECK(equal > kRuns / 10);
}

TEST_CASE("a row of the same key with another value is no cut tie") {
  RandomSource random("changed rows in windows");
  int met = 0;
  for (int run = 0; run < kRuns; ++run) {
    Window window = random_window(random);
    window.keyed = true;
    Row& changed = window.rewrite[random.below(window.rewrite.size())];
    const bool on_both_sides =
        std::ranges::any_of(window.legacy, [&](const Row& row) { return row[0] == changed[0]; });
    changed[2] = "z";
    if (!on_both_sides) continue;
    ++met;
    const Comparison out = compare(window);
    INFO("seed " << random.seed() << ": " << out.detail);
    REQUIRE(out.kinds.contains(MismatchKind::value));
  }
  CHECK(met > kRuns / 2);
}

TEST_CASE("a row that differs outside of the ties that are cut is a mismatch") {
  RandomSource random("changed rows between the cuts");
  int met = 0;
  for (int run = 0; run < kRuns; ++run) {
    Window window = random_window(random);
    window.keyed = false;
    const std::size_t place = random.below(window.rewrite.size());
    const auto key = window.rewrite[place][1];
    const bool at_an_edge =
        !window.order.ordered || key == window.legacy.back()[1] || key == window.legacy.front()[1];
    window.rewrite[place][2] = "z";
    if (at_an_edge) continue;
    ++met;
    const Comparison out = compare(window);
    INFO("seed " << random.seed() << ": " << out.detail);
    REQUIRE(out.difference);
    REQUIRE_FALSE(out.cut_tie);
  }
  CHECK(met > 100);
}

TEST_CASE("a LIMIT that was not reached has cut nothing") {
  Window window;
  window.legacy = {{"1", "1", "a"}, {"2", "1", "b"}};
  window.rewrite = {{"1", "1", "a"}, {"3", "1", "c"}};
  window.order = {true, {{"", 1, ""}}, true, false};
  CHECK(compare(window).cut_tie);
  window.order.limit = 2;
  CHECK(compare(window).cut_tie);
  window.order.limit = 3;
  CHECK(compare(window).difference == MismatchKind::value);
  window.order.limit.reset();
  window.rewrite.pop_back();
  CHECK(compare(window).difference == MismatchKind::missing_row);
}

// SELECT DISTINCT ON (b) a, b, c … ORDER BY b
TEST_CASE("of rows that tie DISTINCT ON gives any one") {
  Window window;
  window.keyed = true;
  window.order = {true, {{"", 1, ""}}, false, false};
  window.legacy = {{"1", "1", "a"}, {"2", "2", "b"}};
  window.rewrite = {{"3", "1", "c"}, {"2", "2", "b"}};
  CHECK(compare(window).difference == MismatchKind::missing_row);
  window.order.picks = true;
  window.order.picked_by = {{"", 1, ""}};
  CHECK(compare(window).cut_tie);
  SECTION("not with other values of the same row, nor with another group, nor with more") {
    window.rewrite[0] = {"1", "1", "z"};
    CHECK(compare(window).difference == MismatchKind::value);
    window.rewrite[0] = {"3", "7", "c"};
    CHECK(compare(window).difference);
    window.rewrite[0] = {"3", "1", "c"};
    window.rewrite.push_back({"4", "1", "d"});
    CHECK(compare(window).difference);
  }
  SECTION("without an ORDER BY") {
    window.order.ordered = false;
    window.order.keys.clear();
    CHECK(compare(window).cut_tie);
    window.rewrite[0] = {"3", "7", "c"};
    CHECK(compare(window).difference);
  }
  SECTION("not where it goes by something that is not in the output") {
    window.order.keys.push_back({"gone", std::nullopt, ""});
    CHECK(compare(window).difference);
    window.order.keys.pop_back();
    window.order.picked_by.push_back({"gone", std::nullopt, ""});
    CHECK(compare(window).difference);
  }
}

// A join: column 0 is the parent's key, and the rows are told apart by nothing.
TEST_CASE("a parent's key does not tell the rows of a join apart that LIMIT cuts") {
  Window window;
  window.keyed = true;
  window.order = {true, {{"", 1, ""}}, true, false};
  window.legacy = {{"1", "1", "a"}, {"1", "1", "b"}, {"1", "1", "c"}};
  window.rewrite = {{"1", "1", "b"}, {"1", "1", "c"}, {"1", "1", "d"}};
  CHECK(compare(window).cut_tie);
  window.legacy = {{"1", "1", "a"}, {"2", "1", "b"}};
  window.rewrite = {{"1", "1", "a"}, {"2", "1", "z"}};
  CHECK(compare(window).difference == MismatchKind::value);
  // Only a rewrite that joins where legacy does not repeats it.
  window.rewrite = {{"1", "1", "y"}, {"1", "1", "z"}};
  CHECK(compare(window).difference == MismatchKind::missing_row);
}

TEST_CASE("a row with another sort key stands where that says: a value, and no order beside it") {
  Window window;
  window.keyed = true;
  window.order = {true, {{"", 1, ""}}, false, false};
  window.legacy = {{"1", "1", "a"}, {"2", "2", "b"}, {"3", "3", "c"}};
  window.rewrite = {{"2", "2", "b"}, {"3", "3", "c"}, {"1", "9", "a"}};
  CHECK(compare(window).kinds == std::set{MismatchKind::value});
  window.rewrite[2] = {"1", "1", "z"};  // the same sort key, in the wrong place
  CHECK(compare(window).kinds == std::set{MismatchKind::value, MismatchKind::order});
}

struct Floats {
  std::vector<Row> legacy;
  std::vector<Row> rewrite;
};

// Whether some bijection pairs rows of the same text whose numbers are within the tolerance.
bool can_be_paired(const Floats& floats, double tolerance) {
  std::vector<std::size_t> places(floats.rewrite.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  const auto near = [&](const Row& a, const Row& b) {
    if (a[0] != b[0] || !a[1] != !b[1]) return false;
    if (!a[1]) return true;
    const double x = std::stod(*a[1]);
    const double y = std::stod(*b[1]);
    return std::abs(x - y) <= tolerance * std::max(std::abs(x), std::abs(y));
  };
  do {
    bool all = true;
    for (std::size_t i = 0; i < places.size(); ++i) {
      all = all && near(floats.legacy[i], floats.rewrite[places[i]]);
    }
    if (all) return true;
  } while (std::ranges::next_permutation(places).found);
  return false;
}

TEST_CASE("a tolerance pairs every row with one other, wherever there is a way") {
  RandomSource random("tolerances");
  constexpr double kTolerance = 0.05;
  int equal = 0;
  for (int run = 0; run < kRuns; ++run) {
    Floats floats;
    const std::size_t rows = 1 + random.below(5);
    const auto row = [&](std::size_t around) {
      const double value =
          (random.one_in(2) ? 100.0 : -100.0) + static_cast<double>(random.below(around));
      return Row{std::string(1, static_cast<char>('a' + random.below(2))),
                 random.one_in(9) ? kNull : Cell(std::to_string(value))};
    };
    for (std::size_t i = 0; i < rows; ++i) {
      floats.legacy.push_back(row(16));
      Row other = floats.legacy.back();
      if (other[1])
        other[1] =
            std::to_string(std::stod(*other[1]) + static_cast<double>(random.below(11)) - 5.0);
      floats.rewrite.push_back(random.one_in(10) ? row(16) : other);
    }
    std::shuffle(floats.rewrite.begin(), floats.rewrite.end(), random.engine());
    Rule rule;
    rule.source.compare.float_tolerance = kTolerance;
    const auto catalog = catalog_of_tests();
    const auto columns = typed({kText, kFloat8});
    const Comparison out =
        compare_results(result_of(columns, floats.legacy), result_of(columns, floats.rewrite),
                        {rule, straight(2), catalog, {}});
    const bool paired = can_be_paired(floats, kTolerance);
    equal += paired ? 1 : 0;
    INFO("seed " << random.seed() << ": " << out.detail);
    REQUIRE(out.difference.has_value() == !paired);
  }
  CHECK(equal > kRuns / 10);
  CHECK(equal < kRuns * 9 / 10);
}

TEST_CASE("a tolerance is a step of its own, and only of the columns that have one") {
  const auto compared = [](std::uint32_t type, const Cell& legacy, const Cell& rewrite,
                           const CompareOptions& options) {
    Rule rule;
    rule.source.compare = options;
    const auto catalog = catalog_of_tests();
    return compare_results(result_of(typed({type}), {{legacy}}),
                           result_of(typed({type}), {{rewrite}}), {rule, straight(1), catalog, {}});
  };
  constexpr std::uint32_t kTimestamptz = 1184;
  CompareOptions options;
  options.float_tolerance = 1e-6;
  options.clock["a"] = std::chrono::seconds(5);
  using Steps = std::vector<EqualStep>;
  CHECK(compared(kFloat8, "1", "1.0000001", options).steps == Steps{EqualStep::float_tolerance});
  CHECK(compared(kFloat8, "1", "1.00001", options).difference == MismatchKind::value);
  CHECK(compared(kFloat8, "NaN", "1", options).difference == MismatchKind::value);
  CHECK(compared(kFloat8, "Infinity", "1e308", options).difference == MismatchKind::value);
  CHECK(compared(kFloat8, "1", kNull, options).difference == MismatchKind::null);
  CHECK(compared(kNumeric, "1", "1.0000001", options).difference == MismatchKind::value);
  const Cell time = "2024-05-17 08:15:30+00";
  CHECK(compared(kTimestamptz, time, "2024-05-17 10:15:35+02", options).steps ==
        Steps{EqualStep::clock});
  CHECK(compared(kTimestamptz, time, "2024-05-17 08:15:35.000001+00", options).difference ==
        MismatchKind::value);
  CHECK(compared(kTimestamptz, time, "infinity", options).difference == MismatchKind::value);
  options.treat_as_mismatch = {EqualStep::clock, EqualStep::float_tolerance};
  CHECK(compared(kTimestamptz, time, "2024-05-17 08:15:31+00", options).difference ==
        MismatchKind::value);
  CHECK(compared(kFloat8, "1", "1.0000001", options).difference == MismatchKind::value);
  CHECK(compared(kFloat8, "1", "1", options).steps == Steps{EqualStep::exact});
}

}  // namespace
}  // namespace parallax::shadow
