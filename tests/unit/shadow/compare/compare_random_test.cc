// The comparer against itself: random results with one change each, and against multisets of the
// standard library.

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "tests/unit/shadow/compare/random_source.h"
#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;

constexpr int kRuns = 3'000;

// A result, and the same seen by a rewrite that has its columns in another sequence.
struct Sample {
  std::vector<std::uint32_t> legacy_types;
  std::vector<std::uint32_t> rewrite_types;  // by legacy column
  std::vector<std::size_t> places;           // legacy column -> rewrite column
  std::vector<Row> legacy;
  std::vector<Row> rewrite;  // cells in legacy order
  bool keyed = false;        // column 0 identifies a row
};

std::string random_value(RandomSource& random, std::uint32_t type) {
  switch (type) {
    case kNumeric:
      return (random.one_in(4) ? "-" : "") + std::to_string(1 + random.below(20)) + "." +
             std::to_string(random.below(100)) + std::string(random.below(3), '0');
    case kBool:
      return random.one_in(2) ? "t" : "f";
    case kMood:
      return random.one_in(2) ? "happy" : "sad";
    case kText:
      return std::string(random.below(4), static_cast<char>('a' + random.below(3)));
    default:
      return std::to_string(random.below(50));
  }
}

std::vector<ColumnInfo> described(const std::vector<std::uint32_t>& types) {
  std::vector<ColumnInfo> out;
  for (const std::uint32_t type : types) {
    out.push_back({"c" + std::to_string(out.size()), 0, 0, type});
  }
  return out;
}

Sample random_sample(RandomSource& random) {
  constexpr std::array kTypes = {kInt2, kInt4, kInt8, kText, kNumeric, kBool, kMood, kFloat8};
  Sample out;
  out.keyed = random.one_in(2);
  const std::size_t columns = 2 + random.below(4);
  for (std::size_t i = 0; i < columns; ++i) {
    out.legacy_types.push_back(i == 0 ? kInt8 : kTypes[random.below(kTypes.size())]);
    out.places.push_back(i);
  }
  out.rewrite_types = out.legacy_types;
  std::shuffle(out.places.begin(), out.places.end(), random.engine());
  const std::size_t rows = 1 + random.below(25);
  for (std::size_t r = 0; r < rows; ++r) {
    Row row;
    for (std::size_t c = 0; c < columns; ++c) {
      const bool null = !(out.keyed && c == 0) && random.one_in(6);
      row.push_back(null ? kNull : Cell(random_value(random, out.legacy_types[c])));
    }
    if (out.keyed) row[0] = std::to_string(1000 + r);
    out.legacy.push_back(std::move(row));
  }
  out.rewrite = out.legacy;
  return out;
}

Comparison compare(const Sample& sample, bool ordered) {
  Pairing pairing = straight(sample.legacy_types.size());
  if (sample.keyed) pairing.key_pairs = {0};
  std::vector<std::uint32_t> types(sample.rewrite_types.size());
  for (std::size_t c = 0; c < types.size(); ++c) {
    pairing.pairs[c].rewrite = sample.places[c];
    types[sample.places[c]] = sample.rewrite_types[c];
  }
  std::vector<Row> rewrite;
  for (const Row& row : sample.rewrite) {
    Row placed(row.size());
    for (std::size_t c = 0; c < row.size(); ++c) placed[sample.places[c]] = row[c];
    rewrite.push_back(std::move(placed));
  }
  Rule rule;
  if (ordered) rule.root().order = by_first_column();
  const auto catalog = catalog_of_tests();
  return compare_results(result_of(described(sample.legacy_types), sample.legacy),
                         result_of(described(types), rewrite), {rule, pairing, catalog, {}});
}

void expect_equal(const Sample& sample, bool ordered, EqualStep step, std::uint64_t seed) {
  const Comparison out = compare(sample, ordered);
  INFO("seed " << seed << ": " << out.detail);
  REQUIRE_FALSE(out.difference);
  REQUIRE(std::find(out.steps.begin(), out.steps.end(), step) != out.steps.end());
  REQUIRE((step != EqualStep::exact || out.steps.size() == 1));
}

void expect_kind(const Sample& sample, bool ordered, MismatchKind kind, std::uint64_t seed) {
  const Comparison out = compare(sample, ordered);
  INFO("seed " << seed << ": " << out.detail);
  REQUIRE(out.difference);
  REQUIRE(name(*out.difference) == name(kind));
  REQUIRE(out.steps.empty());
  REQUIRE_FALSE(out.detail.empty());
}

// Where a changed row is the same row: by keys, sort keys, or because there is no other. Else it is
// one missing and one extra.
MismatchKind kind_of_changed_row(const Sample& sample, bool ordered, std::size_t column,
                                 MismatchKind aligned) {
  const bool is_aligned = sample.keyed || sample.legacy.size() == 1 || (ordered && column != 0);
  return is_aligned ? aligned : MismatchKind::missing_row;
}

// A place in the rewrite whose column is not the key.
Cell& random_cell(Sample& sample, RandomSource& random, std::size_t& column) {
  column = sample.keyed ? 1 + random.below(sample.legacy_types.size() - 1)
                        : random.below(sample.legacy_types.size());
  return sample.rewrite[random.below(sample.rewrite.size())][column];
}

TEST_CASE("results that were not changed are equal") {
  RandomSource random("unchanged results");
  for (int run = 0; run < kRuns; ++run) {
    Sample sample = random_sample(random);
    expect_equal(sample, random.one_in(2), EqualStep::exact, random.seed());
    const auto before = sample.rewrite;
    std::shuffle(sample.rewrite.begin(), sample.rewrite.end(), random.engine());
    expect_equal(sample, false, sample.rewrite == before ? EqualStep::exact : EqualStep::order,
                 random.seed());
  }
}

TEST_CASE("a changed value or NULL is found and classified") {
  RandomSource random("changed cells");
  for (int run = 0; run < kRuns; ++run) {
    const bool ordered = random.one_in(2);
    Sample sample = random_sample(random);
    std::size_t column = 0;
    Cell& cell = random_cell(sample, random, column);
    if (cell && !random.one_in(3)) {
      cell = *cell + "7";  // of a numeric: another value, as there is always a fraction
      expect_kind(sample, ordered,
                  kind_of_changed_row(sample, ordered, column, MismatchKind::value), random.seed());
    } else {
      cell = cell ? kNull : Cell("");
      expect_kind(sample, ordered, kind_of_changed_row(sample, ordered, column, MismatchKind::null),
                  random.seed());
    }
  }
}

TEST_CASE("a changed key is a row missing and a row extra") {
  RandomSource random("changed keys");
  for (int run = 0; run < kRuns; ++run) {
    Sample sample = random_sample(random);
    sample.keyed = false;
    for (std::size_t r = 0; r < sample.legacy.size(); ++r) {
      sample.legacy[r][0] = sample.rewrite[r][0] = std::to_string(1000 + r);
    }
    sample.keyed = true;
    sample.rewrite[random.below(sample.rewrite.size())][0] = "999";
    expect_kind(sample, random.one_in(2), MismatchKind::missing_row, random.seed());
  }
}

TEST_CASE("a row dropped, a row added, a row twice") {
  RandomSource random("dropped and added rows");
  for (int run = 0; run < kRuns; ++run) {
    const bool ordered = random.one_in(2);
    Sample sample = random_sample(random);
    auto& rows = sample.rewrite;
    const auto at = [&] {
      return rows.begin() + static_cast<std::ptrdiff_t>(random.below(rows.size()));
    };
    if (!ordered) std::shuffle(rows.begin(), rows.end(), random.engine());
    if (random.one_in(2)) {
      rows.erase(at());
      expect_kind(sample, ordered, MismatchKind::missing_row, random.seed());
    } else {
      Row row = *at();
      if (random.one_in(2)) row[0] = "999";
      rows.insert(at(), row);
      expect_kind(sample, ordered, MismatchKind::extra_row, random.seed());
    }
  }
}

TEST_CASE("two rows swapped") {
  RandomSource random("swapped rows");
  int swapped = 0;
  for (int run = 0; run < kRuns; ++run) {
    Sample sample = random_sample(random);
    auto& rows = sample.rewrite;
    std::swap(rows[random.below(rows.size())], rows[random.below(rows.size())]);
    // Rows that differ in the scale of a numeric only may be swapped without a change of values.
    if (!compare(sample, true).difference) continue;
    ++swapped;
    expect_kind(sample, true, MismatchKind::order, random.seed());
    expect_equal(sample, false, EqualStep::order, random.seed());
  }
  CHECK(swapped > kRuns / 2);
}

TEST_CASE("a changed type is found, inside the classes it is recorded") {
  RandomSource random("changed types");
  for (int run = 0; run < kRuns; ++run) {
    const bool ordered = random.one_in(2);
    Sample sample = random_sample(random);
    const std::size_t column = random.below(sample.legacy_types.size());
    std::uint32_t& type = sample.rewrite_types[column];
    if (type == kInt2 || type == kInt4 || type == kInt8) {
      type = type == kInt8 ? kInt4 : kInt8;
      expect_equal(sample, ordered, EqualStep::type_width, random.seed());
    } else if (type == kMood) {
      type = random.one_in(2) ? kText : kVarchar;
      expect_equal(sample, ordered, EqualStep::enum_text, random.seed());
    } else {
      type = type == kNumeric ? kFloat8 : kNumeric;
      expect_kind(sample, ordered, MismatchKind::column_type, random.seed());
    }
  }
}

TEST_CASE("another scale of a numeric keeps results equal") {
  RandomSource random("numeric scales");
  int changed = 0;
  for (int run = 0; run < kRuns; ++run) {
    Sample sample = random_sample(random);
    bool any = false;
    for (Row& row : sample.rewrite) {
      for (std::size_t c = 0; c < row.size(); ++c) {
        if (sample.legacy_types[c] != kNumeric || !row[c] || random.one_in(2)) continue;
        row[c] = *row[c] + "00";
        any = true;
      }
    }
    if (!any) continue;
    ++changed;
    expect_equal(sample, true, EqualStep::numeric_scale, random.seed());
    std::shuffle(sample.rewrite.begin(), sample.rewrite.end(), random.engine());
    const Comparison out = compare(sample, false);
    INFO("seed " << random.seed() << ": " << out.detail);
    REQUIRE_FALSE(out.difference);
  }
  CHECK(changed > kRuns / 10);
}

// A numeric of these tests without the zeros at its end.
Row canonical(Row row, const std::vector<std::uint32_t>& types) {
  for (std::size_t c = 0; c < row.size(); ++c) {
    if (types[c] != kNumeric || !row[c]) continue;
    row[c] = row[c]->substr(0, row[c]->find_last_not_of('0') + 1);
  }
  return row;
}

TEST_CASE("unrelated small results compare as sequences and multisets of the standard library do") {
  RandomSource random("against the standard library");
  int equal = 0;
  int multisets_equal = 0;
  for (int run = 0; run < 5 * kRuns; ++run) {
    Sample sample;
    sample.legacy_types = sample.rewrite_types = {kNumeric, kText};
    sample.places = {1, 0};
    const auto fill = [&random](std::vector<Row>& rows, std::size_t count) {
      const std::vector<Cell> numbers = {"1.5", "1.50", "2.5", kNull};
      const std::vector<Cell> texts = {"x", "", kNull};
      for (std::size_t i = 0; i < count; ++i) {
        rows.push_back({numbers[random.below(4)], texts[random.below(3)]});
      }
    };
    const std::size_t rows = random.below(4);
    fill(sample.legacy, rows);
    fill(sample.rewrite, random.one_in(4) ? random.below(4) : rows);
    // Legacy's rows come in the sequence that it asks for.
    std::stable_sort(sample.legacy.begin(), sample.legacy.end(), [&](const Row& a, const Row& b) {
      return canonical(a, sample.legacy_types)[0] < canonical(b, sample.legacy_types)[0];
    });
    std::vector<Row> legacy;
    std::vector<Row> rewrite;
    for (const Row& row : sample.legacy) legacy.push_back(canonical(row, sample.legacy_types));
    for (const Row& row : sample.rewrite) rewrite.push_back(canonical(row, sample.legacy_types));
    // Rows of the same sort key may change places.
    const auto by_key = [](const Row& a, const Row& b) { return a[0] == b[0]; };
    const bool same_keys =
        std::equal(legacy.begin(), legacy.end(), rewrite.begin(), rewrite.end(), by_key);
    const bool same_multiset = std::multiset<Row>(legacy.begin(), legacy.end()) ==
                               std::multiset<Row>(rewrite.begin(), rewrite.end());
    const bool same_sequence = same_multiset && same_keys;
    equal += same_sequence ? 1 : 0;
    multisets_equal += same_multiset && !same_sequence ? 1 : 0;
    const Comparison ordered = compare(sample, true);
    const Comparison unordered = compare(sample, false);
    INFO("seed " << random.seed());
    REQUIRE(ordered.difference.has_value() == !same_sequence);
    REQUIRE(unordered.difference.has_value() == !same_multiset);
    REQUIRE((ordered.difference == MismatchKind::order) == (same_multiset && !same_sequence));
  }
  CHECK(equal > kRuns / 2);
  CHECK(multisets_equal > 20);
}

}  // namespace
}  // namespace parallax::shadow
