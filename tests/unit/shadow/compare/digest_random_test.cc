// Digests of random results of all types, in both formats and other spellings, against what their
// rows say.

#include <algorithm>
#include <catch2/catch.hpp>

#include "shadow/compare/digest_compare.h"
#include "tests/unit/shadow/compare/random_source.h"
#include "tests/unit/shadow/compare/typed_cells.h"

namespace parallax::shadow {
namespace {

using namespace tests;

constexpr int kRuns = 3'000;
constexpr std::size_t kColumns = 3;

struct RandomSide {
  std::vector<ColumnInfo> columns;
  std::vector<Spelling> spellings;

  static RandomSide random(const std::vector<std::uint32_t>& types, RandomSource& random) {
    RandomSide out;
    for (const std::uint32_t type : types) {
      out.columns.push_back({"c", 0, 0, type, random.one_in(2)});
      out.spellings.push_back(
          {random.one_in(2), random.one_in(2), random.one_in(2), random.one_in(2)});
    }
    return out;
  }

  StepResult step(const std::vector<std::vector<std::int64_t>>& rows) const {
    std::vector<Row> cells;
    for (const auto& row : rows) {
      Row& out = cells.emplace_back();
      for (std::size_t c = 0; c < row.size(); ++c) {
        const auto encode = columns[c].binary ? binary_cell : text_cell;
        out.push_back(row[c] < 0 ? kNull : Cell(encode(columns[c].type_oid, row[c], spellings[c])));
      }
    }
    StepResult step;
    step.ran = true;
    step.result = result_of(columns, cells);
    return step;
  }
};

StepResult digested(const StepResult& step, const std::shared_ptr<const DigestBasis>& basis,
                    Side side) {
  StepResult out;
  out.ran = true;
  out.result = ResultSet(step.result.columns());
  out.digest = std::make_shared<const DigestedResult>(digest_of(step, basis, side));
  return out;
}

TEST_CASE("digests of all types say what the rows say") {
  RandomSource random("digests of all types");
  const Rule rule;
  const auto pairing = straight(kColumns);
  const auto catalog = catalog_of_tests();
  std::size_t equal = 0;
  std::size_t different = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<std::uint32_t> types;
    for (std::size_t c = 0; c < kColumns; ++c) {
      types.push_back(kTypesOfCells[random.below(kTypesOfCells.size())]);
    }
    const RandomSide legacy_side = RandomSide::random(types, random);
    const RandomSide rewrite_side = RandomSide::random(types, random);
    std::vector<std::vector<std::int64_t>> rows(1 + random.below(8));
    for (auto& row : rows) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        row.push_back(random.one_in(8) ? -1
                                       : static_cast<std::int64_t>(
                                             random.below(static_cast<std::size_t>(kNumbers))));
      }
    }
    const StepResult legacy = legacy_side.step(rows);
    std::shuffle(rows.begin(), rows.end(), random.engine());
    if (random.one_in(2)) {
      auto& cell = rows[random.below(rows.size())][random.below(kColumns)];
      cell = cell < 0 ? 1 : cell + 1;
    }
    const StepResult rewrite = rewrite_side.step(rows);

    const ComparisonBasis by{rule, pairing, catalog, {}};
    const auto basis = std::make_shared<const DigestBasis>(
        DigestBasis{pairing, legacy.result.columns(), rewrite.result.columns(), catalog.types, {}});
    const Comparison by_rows = compare_results(legacy.result, rewrite.result, by);
    const auto by_digest = compare_digests(digested(legacy, basis, Side::legacy),
                                           digested(rewrite, basis, Side::rewrite), by);
    INFO("run " << run << ", seed " << random.seed() << ": " << by_rows.detail);
    const auto* compared = std::get_if<Comparison>(&by_digest);
    if (compared == nullptr) {
      REQUIRE(by_rows.incomparable);
      continue;
    }
    REQUIRE_FALSE(by_rows.incomparable);
    REQUIRE(compared->difference.has_value() == by_rows.difference.has_value());
    ++(by_rows.difference ? different : equal);
  }
  CHECK(equal > kRuns / 10);
  CHECK(different > kRuns / 10);
}

}  // namespace
}  // namespace parallax::shadow
