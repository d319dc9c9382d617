// Results of random types in both formats with one change each: found, and classified; what is the
// same value in another spelling is never called a mismatch. The expectations come from the numbers
// that the cells were made from.

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <set>

#include "tests/unit/shadow/compare/random_source.h"
#include "tests/unit/shadow/compare/typed_cells.h"

namespace parallax::shadow {
namespace {

using namespace tests;

constexpr int kRuns = 4'000;

using Number = std::optional<std::int64_t>;  // nothing = NULL
using Numbers = std::vector<Number>;         // a row

// Column 0 is the primary key, column 1 the sort key.
struct Table {
  std::vector<std::uint32_t> legacy_types;
  std::vector<std::uint32_t> rewrite_types;
  std::vector<bool> legacy_binary;
  std::vector<bool> rewrite_binary;
  std::vector<Spelling> spellings;  // of the rewrite's columns
  std::vector<Numbers> legacy;
  std::vector<Numbers> rewrite;
  SortOrder order;
  bool keyed = true;
};

const SortOrder kByColumnOne = {true, {{"", 1, ""}}, false, false};

Number sort_key(const Table& table, const Numbers& row) {
  return row[1] ? Number(identity(table.legacy_types[1], *row[1])) : Number();
}

Table random_table(RandomSource& random) {
  Table out;
  out.keyed = random.one_in(2);
  const std::size_t columns = 3 + random.below(4);
  for (std::size_t c = 0; c < columns; ++c) {
    out.legacy_types.push_back(c == 0 ? kInt8 : kTypesOfCells[random.below(kTypesOfCells.size())]);
    out.legacy_binary.push_back(random.one_in(2));
    out.rewrite_binary.push_back(random.one_in(2));
    out.spellings.emplace_back();
  }
  out.rewrite_types = out.legacy_types;
  const std::size_t rows = 2 + random.below(20);
  for (std::size_t r = 0; r < rows; ++r) {
    Numbers row = {100 + static_cast<std::int64_t>(r)};
    for (std::size_t c = 1; c < columns; ++c) {
      const std::size_t limit = c == 1 ? 5 : static_cast<std::size_t>(kNumbers);
      row.push_back(random.one_in(8) ? Number() : Number(random.below(limit)));
    }
    out.legacy.push_back(std::move(row));
  }
  std::shuffle(out.legacy.begin(), out.legacy.end(), random.engine());
  if (random.one_in(2)) {
    std::ranges::stable_sort(out.legacy, std::less(),
                             [&](const Numbers& row) { return sort_key(out, row); });
    out.order = kByColumnOne;
  }
  out.rewrite = out.legacy;
  return out;
}

ResultSet rendered(const std::vector<Numbers>& rows, const std::vector<std::uint32_t>& types,
                   const std::vector<bool>& binary, const std::vector<Spelling>& spellings) {
  std::vector<ColumnInfo> columns;
  for (std::size_t c = 0; c < types.size(); ++c) {
    columns.push_back({"c" + std::to_string(c), 0, 0, types[c], binary[c]});
  }
  std::vector<Row> cells;
  for (const Numbers& row : rows) {
    Row out;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const auto encode = binary[c] ? binary_cell : text_cell;
      out.push_back(row[c] ? Cell(encode(types[c], *row[c], spellings[c])) : kNull);
    }
    cells.push_back(std::move(out));
  }
  return result_of(std::move(columns), cells);
}

Comparison compare(const Table& table, const CompareOptions& options = {}) {
  Rule rule;
  rule.root().order = table.order;
  rule.source.compare = options;
  Pairing pairing = straight(table.legacy_types.size());
  if (table.keyed) pairing.key_pairs = {0};
  const std::vector<Spelling> plain(table.legacy_types.size());
  const auto catalog = catalog_of_tests();
  return compare_results(
      rendered(table.legacy, table.legacy_types, table.legacy_binary, plain),
      rendered(table.rewrite, table.rewrite_types, table.rewrite_binary, table.spellings),
      {rule, pairing, catalog, {}});
}

bool is_json(std::uint32_t type) { return type == kJson || type == kJsonb; }

bool has_values(const Table& table, std::size_t column) {
  return std::ranges::any_of(table.legacy, [&](const Numbers& row) { return !!row[column]; });
}

// The steps that the columns' formats and spellings need.
std::set<EqualStep> steps_of_columns(const Table& table) {
  std::set<EqualStep> out;
  for (std::size_t c = 0; c < table.legacy_types.size(); ++c) {
    if (!has_values(table, c)) continue;
    const std::uint32_t type = table.legacy_types[c];
    const Spelling& spelling = table.spellings[c];
    if (table.legacy_binary[c] != table.rewrite_binary[c]) out.insert(EqualStep::format);
    if (spelling.scale && (type == kNumeric || is_json(type))) out.insert(EqualStep::numeric_scale);
    if (spelling.json_order && is_json(type)) out.insert(EqualStep::json_order);
    if (spelling.json_blanks && is_json(type)) out.insert(EqualStep::json_text);
    if (spelling.zone && type == kTimestamptz && !table.legacy_binary[c] &&
        !table.rewrite_binary[c])
      out.insert(EqualStep::time_zone);
  }
  return out;
}

std::string described(const Table& table, const Comparison& out) {
  std::string text = out.detail + (out.cut_tie ? " cut" : "") + "; columns";
  for (std::size_t c = 0; c < table.legacy_types.size(); ++c) {
    text += " " + std::to_string(table.legacy_types[c]) + (table.legacy_binary[c] ? "b" : "t") +
            (table.rewrite_binary[c] ? "b" : "t");
  }
  text += table.order.ordered ? "; ordered" : "; unordered";
  text += table.keyed ? ", keyed; steps" : "; steps";
  for (const EqualStep step : out.steps) text.append(" ").append(name(step));
  return text;
}

void expect_equal(const Table& table, std::set<EqualStep> steps, std::uint64_t seed) {
  const Comparison out = compare(table);
  INFO("seed " << seed << ": " << described(table, out));
  REQUIRE_FALSE(out.difference);
  REQUIRE_FALSE(out.cut_tie);
  REQUIRE_FALSE(out.incomparable);
  if (steps.empty()) steps = {EqualStep::exact};
  REQUIRE(std::set<EqualStep>(out.steps.begin(), out.steps.end()) == steps);
}

void expect_kinds(const Table& table, const std::set<MismatchKind>& kinds, std::uint64_t seed) {
  const Comparison out = compare(table);
  INFO("seed " << seed << ": " << described(table, out));
  REQUIRE(out.difference);
  REQUIRE(name(*out.difference) == name(*kinds.begin()));
  REQUIRE(out.kinds == kinds);
  REQUIRE(out.steps.empty());
  REQUIRE_FALSE(out.detail.empty());
  REQUIRE_FALSE(out.differences.empty());
}

TEST_CASE("the same values in another format and spelling are equal, and it is said why") {
  RandomSource random("respelled results");
  for (int run = 0; run < kRuns; ++run) {
    Table table = random_table(random);
    for (Spelling& spelling : table.spellings) {
      spelling = {random.one_in(2), random.one_in(2), random.one_in(2), random.one_in(2)};
    }
    expect_equal(table, steps_of_columns(table), random.seed());
  }
}

TEST_CASE("rows that no ORDER BY keeps apart may change places") {
  RandomSource random("shuffled results");
  for (int run = 0; run < kRuns; ++run) {
    Table table = random_table(random);
    std::shuffle(table.rewrite.begin(), table.rewrite.end(), random.engine());
    if (table.order.ordered) {
      std::ranges::stable_sort(table.rewrite, std::less(),
                               [&](const Numbers& row) { return sort_key(table, row); });
    }
    auto steps = steps_of_columns(table);
    if (table.rewrite != table.legacy) steps.insert(EqualStep::order);
    expect_equal(table, steps, random.seed());
    if (table.rewrite == table.legacy) continue;
    CompareOptions strict;
    strict.order = OrderMode::strict;
    REQUIRE(compare(table, strict).difference == MismatchKind::order);
    CompareOptions refused;
    refused.treat_as_mismatch = {EqualStep::order};
    REQUIRE(compare(table, refused).difference == MismatchKind::order);
  }
}

TEST_CASE("rows of other sort keys must not change places, unless these are not in the output") {
  RandomSource random("moved rows");
  int moved = 0;
  for (int run = 0; run < kRuns; ++run) {
    Table table = random_table(random);
    const auto key = [&](const Numbers& row) { return sort_key(table, row); };
    std::ranges::stable_sort(table.legacy, std::less(), key);
    table.order = kByColumnOne;
    table.rewrite = table.legacy;
    const auto other = std::ranges::find_if(
        table.rewrite, [&](const Numbers& row) { return key(row) != key(table.rewrite[0]); });
    if (other == table.rewrite.end()) continue;
    std::swap(table.rewrite[0], *other);
    ++moved;
    expect_kinds(table, {MismatchKind::order}, random.seed());
    CompareOptions any;
    any.order = OrderMode::ignore;
    REQUIRE_FALSE(compare(table, any).difference);
    table.order.keys.insert(table.order.keys.begin(), SortKey{});  // not in the output
    auto steps = steps_of_columns(table);
    steps.insert(EqualStep::order_unproven);
    expect_equal(table, steps, random.seed());
  }
  CHECK(moved > kRuns / 4);
}

TEST_CASE("one value changed, wherever it is: value or NULL of that row") {
  RandomSource random("changed values");
  for (int run = 0; run < kRuns; ++run) {
    Table table = random_table(random);
    for (Spelling& spelling : table.spellings) spelling.scale = random.one_in(3);
    const std::size_t column = 2 + random.below(table.legacy_types.size() - 2);
    Number& cell = table.rewrite[random.below(table.rewrite.size())][column];
    auto kind = MismatchKind::value;
    if (!cell || random.one_in(3)) {
      kind = MismatchKind::null;
      cell = cell ? Number() : Number(random.below(static_cast<std::size_t>(kNumbers)));
    } else {
      const std::int64_t step =
          random.one_in(2) ? 1 : 1 + 2 * static_cast<std::int64_t>(random.below(50));
      cell = *cell >= step ? *cell - step : *cell + step;
    }
    if (table.keyed) {
      expect_kinds(table, {kind}, random.seed());
    } else if (!table.order.ordered) {
      expect_kinds(table, {MismatchKind::missing_row, MismatchKind::extra_row}, random.seed());
    } else {
      // Of the rows that tie, one is aligned with one: the only one of each side that is left.
      expect_kinds(table, {kind}, random.seed());
    }
  }
}

TEST_CASE("a row dropped, added, or there twice") {
  RandomSource random("dropped and added rows");
  for (int run = 0; run < kRuns; ++run) {
    Table table = random_table(random);
    const auto at =
        table.rewrite.begin() + static_cast<std::ptrdiff_t>(random.below(table.rewrite.size()));
    if (random.one_in(3)) {
      table.rewrite.erase(at);
      expect_kinds(table, {MismatchKind::missing_row}, random.seed());
    } else {
      Numbers row = *at;
      if (random.one_in(2)) row[0] = 99;
      table.rewrite.insert(at, row);
      expect_kinds(table, {MismatchKind::extra_row}, random.seed());
    }
  }
}

TEST_CASE("another type is a mismatch, but not of the types that have the same values") {
  RandomSource random("changed types");
  for (int run = 0; run < kRuns; ++run) {
    Table table = random_table(random);
    const std::size_t column = random.below(table.legacy_types.size());
    std::uint32_t& type = table.rewrite_types[column];
    auto steps = steps_of_columns(table);
    if (type == kInt2 || type == kInt4 || type == kInt8) {
      type = type == kInt4 ? kInt8 : kInt4;
      steps.insert(EqualStep::type_width);
    } else if (type == kText) {
      type = kVarchar;
      steps.insert(EqualStep::text_type);
    } else if (is_json(type)) {
      type = type == kJson ? kJsonb : kJson;
      steps.insert(EqualStep::json_text);
    } else {
      type = type == kUuid ? kText : kUuid;
      table.rewrite_binary[column] = false;
      const Comparison out = compare(table);
      REQUIRE(out.difference == MismatchKind::column_type);
      REQUIRE(out.kinds == std::set{MismatchKind::column_type});
      continue;
    }
    expect_equal(table, steps, random.seed());
  }
}

}  // namespace
}  // namespace parallax::shadow
