// Digests: what they take for equal, and that they agree with the comparison of rows.

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "shadow/compare/compare.h"
#include "shadow/compare/digest_compare.h"
#include "tests/support/seed.h"
#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;
using End = std::variant<Verdict, SkipReason, DropReason>;

struct World {
  Rule rule;
  Pairing pairing = straight(2);
  Catalog catalog = catalog_of_tests();
  std::vector<ColumnInfo> legacy_columns = typed({kInt4, kNumeric});
  std::vector<ColumnInfo> rewrite_columns = legacy_columns;

  std::shared_ptr<const DigestBasis> digest_basis() const {
    return std::make_shared<const DigestBasis>(
        DigestBasis{pairing, legacy_columns, rewrite_columns, catalog.types, {}});
  }
  static StepResult step(const std::vector<ColumnInfo>& columns, const std::vector<Row>& rows) {
    StepResult out;
    out.ran = true;
    out.result = result_of(columns, rows);
    return out;
  }
  // As the replay leaves it when the rows were too many.
  static StepResult digested(const StepResult& step,
                             const std::shared_ptr<const DigestBasis>& basis, Side side) {
    StepResult out = step;
    out.result = ResultSet(step.result.columns());
    out.digest = std::make_shared<const DigestedResult>(digest_of(step, basis, side));
    return out;
  }
  Outcome decide_of(const StepResult& first, const StepResult& second, const StepResult& rewrite,
                    const LiveResult& live = {}) const {
    return decide({rule, pairing, catalog, {}}, {first, second, rewrite}, live);
  }
  // All three over the limit.
  Outcome large(const std::vector<Row>& legacy, const std::vector<Row>& second,
                const std::vector<Row>& rewrite, const LiveResult& live = {}) const {
    const auto basis = digest_basis();
    return decide_of(digested(step(legacy_columns, legacy), basis, Side::legacy),
                     digested(step(legacy_columns, second), basis, Side::legacy),
                     digested(step(rewrite_columns, rewrite), basis, Side::rewrite), live);
  }
  Outcome large(const std::vector<Row>& legacy, const std::vector<Row>& rewrite) const {
    return large(legacy, legacy, rewrite);
  }
};

const std::vector<Row> kRows = {{"1", "1.5"}, {"2", kNull}, {"3", "2.50"}};
const std::vector<Row> kShuffled = {{"3", "2.5"}, {"1", "1.50"}, {"2", kNull}};
const std::vector<Row> kOneValue = {{"1", "1.5"}, {"2", "0"}, {"3", "2.50"}};
const std::vector<Row> kOneLess = {{"1", "1.5"}, {"3", "2.50"}};
const std::vector<Row> kTwice = {{"1", "1.5"}, {"1", "1.5"}, {"3", "2.50"}};

TEST_CASE("digest: equal rows are a match, by value") {
  World world;
  for (const bool ordered : {false, true}) {
    world.rule.root().order.ordered = ordered;
    const Outcome out = world.large(kRows, {{"1", "1.500"}, {"2", kNull}, {"3", "2.5"}});
    CHECK(out.end == End(Verdict::match));
    CHECK(out.steps == std::vector{EqualStep::digest});
    CHECK(out.legacy_rows == 3);
    CHECK(out.rewrite_rows == 3);
    CHECK_FALSE(out.vacuous);
  }
}

TEST_CASE("digest: another value, another row") {
  World world;
  for (const bool ordered : {false, true}) {
    world.rule.root().order.ordered = ordered;
    for (const auto& other : {kOneValue, kTwice}) {
      const Outcome value = world.large(kRows, other);
      CHECK(value.end == End(Verdict::mismatch));
      CHECK(value.kind == MismatchKind::value);
      CHECK(value.detail == "other values among 3 rows");
    }
    const Outcome less = world.large(kRows, kOneLess);
    CHECK(less.end == End(Verdict::mismatch));
    CHECK(less.kind == MismatchKind::row_count);
    CHECK(less.detail == "legacy: 3 rows, rewrite: 2");
  }
}

TEST_CASE("digest: another order") {
  World world;
  CHECK(world.large(kRows, kShuffled).end == End(Verdict::match));
  world.rule.root().order.ordered = true;
  const Outcome ties = world.large(kRows, kShuffled);
  CHECK(ties.end == End(SkipReason::too_large));
  CHECK(ties.detail ==
        "over the capture limit, and digests do not tell: the same rows in another order, which "
        "ties of ORDER BY may allow");
  world.rule.source.compare.order = OrderMode::ignore;
  CHECK(world.large(kRows, kShuffled).end == End(Verdict::match));
  world.rule.source.compare.order = OrderMode::strict;
  world.rule.root().order.ordered = false;
  const Outcome strict = world.large(kRows, kShuffled);
  CHECK(strict.end == End(Verdict::mismatch));
  CHECK(strict.kind == MismatchKind::order);
  CHECK(world.large(kRows, kRows).end == End(Verdict::match));
}

TEST_CASE("digest: a cell is not its neighbour, and NULL is not a text") {
  World world;
  world.legacy_columns = world.rewrite_columns = typed({kText, kText});
  const auto end = [&](const Row& legacy, const Row& rewrite) {
    return world.large({legacy}, {rewrite}).end;
  };
  CHECK(end({"ab", "c"}, {"ab", "c"}) == End(Verdict::match));
  CHECK(end({"ab", "c"}, {"a", "bc"}) == End(Verdict::mismatch));
  CHECK(end({"", kNull}, {kNull, ""}) == End(Verdict::mismatch));
  CHECK(end({"", ""}, {"", kNull}) == End(Verdict::mismatch));
}

TEST_CASE("digest: what digests do not tell is too large") {
  World world;
  const auto detail = [&] {
    const Outcome same = world.large(kRows, kRows);
    CHECK(same.end == End(SkipReason::too_large));
    CHECK(world.large(kRows, kOneValue).end == End(SkipReason::too_large));
    return same.detail;
  };
  const std::string before = "over the capture limit, and digests do not tell: ";
  world.rule.source.compare.float_tolerance = 1e-9;
  CHECK(detail() == before + "float_tolerance");
  world.rule = {};
  world.rule.source.compare.clock["a"] = std::chrono::seconds(1);
  CHECK(detail() == before + "clock");
  world.rule = {};
  world.rule.source.compare.treat_as_mismatch = {EqualStep::numeric_scale};
  CHECK(detail() == before + "treat");
}

TEST_CASE("digest: rows that LIMIT may have cut off are no mismatch") {
  World world;
  world.rule.root().order.limit_cuts = true;
  CHECK(world.large(kRows, kOneValue).end == End(SkipReason::too_large));
  CHECK(world.large(kRows, kRows).end == End(Verdict::match));
  CHECK(world.large(kRows, kOneLess).kind == MismatchKind::row_count);
  world.rule.root().order.limit = 3;
  CHECK(world.large(kRows, kOneValue).end == End(SkipReason::too_large));
  world.rule.root().order.limit = 4;  // which the rows do not reach
  CHECK(world.large(kRows, kOneValue).kind == MismatchKind::value);
  world.rule.root().order.offset_cuts = true;
  CHECK(world.large(kRows, kOneValue).end == End(SkipReason::too_large));
}

TEST_CASE("digest: the shape comes first") {
  World world;
  world.rewrite_columns = typed({kInt4, kText});
  CHECK(world.large(kRows, kRows).kind == MismatchKind::column_type);
  World narrower;
  const auto verified = narrower.digest_basis();
  narrower.rewrite_columns = typed({kInt4});
  const auto legacy =
      World::digested(World::step(narrower.legacy_columns, kRows), verified, Side::legacy);
  const auto rewrite = World::digested(World::step(narrower.rewrite_columns, {{"1"}, {"2"}, {"3"}}),
                                       verified, Side::rewrite);
  CHECK(narrower.decide_of(legacy, legacy, rewrite).kind == MismatchKind::column_count);
}

TEST_CASE("digest: digests that only count rows never match") {
  World world;
  const auto other = std::make_shared<const DigestBasis>(
      DigestBasis{straight(3), typed({kInt4, kInt4, kInt4}), typed({kInt4, kInt4, kInt4}), {}, {}});
  const auto digested = [&](const std::vector<Row>& rows, Side side) {
    return World::digested(World::step(typed({kInt4, kNumeric}), rows), other, side);
  };
  const StepResult legacy = digested(kRows, Side::legacy);
  CHECK(world.decide_of(legacy, legacy, digested(kOneValue, Side::rewrite)).end ==
        End(SkipReason::too_large));
}

TEST_CASE("digest: legacy against itself, and against what the client got") {
  World world;
  CHECK(world.large(kRows, kOneValue, kRows).end == End(Verdict::unstable));
  CHECK(world.large(kRows, kOneLess, kRows).end == End(Verdict::unstable));
  CHECK(world.large(kRows, kShuffled, kRows).end == End(Verdict::match));
  CHECK(world.large(kRows, kRows, kRows, {"", 2, nullptr}).end == End(Verdict::race));
  CHECK(world.large(kRows, kRows, kRows, {"", 3, nullptr}).end == End(Verdict::match));
  CHECK(world.large(kRows, kRows, kRows, {"22012", {}, nullptr}).end == End(Verdict::race));
  const auto got = [&](const std::vector<Row>& rows) {
    return LiveResult{"", rows.size(),
                      std::make_shared<ResultSet>(result_of(typed({kInt4, kNumeric}), rows))};
  };
  CHECK(world.large(kRows, kRows, kRows, got(kShuffled)).end == End(Verdict::match));
  CHECK(world.large(kRows, kRows, kRows, got(kOneValue)).end == End(Verdict::race));
}

TEST_CASE("digest: one side over the limit, the other kept") {
  const World world;
  const auto basis = world.digest_basis();
  const StepResult kept = World::step(typed({kInt4, kNumeric}), kRows);
  const StepResult legacy = World::digested(kept, basis, Side::legacy);
  const StepResult rewrite = World::digested(kept, basis, Side::rewrite);
  const StepResult value = World::step(typed({kInt4, kNumeric}), kOneValue);
  CHECK(world.decide_of(legacy, kept, kept).end == End(Verdict::match));
  CHECK(world.decide_of(kept, legacy, kept).end == End(Verdict::match));
  CHECK(world.decide_of(kept, kept, rewrite).end == End(Verdict::match));
  CHECK(world.decide_of(legacy, legacy, value).end == End(Verdict::mismatch));
  CHECK(world.decide_of(kept, legacy, value).end == End(Verdict::mismatch));
  CHECK(world.decide_of(value, legacy, kept).end == End(Verdict::unstable));
}

TEST_CASE("digest: a wanted difference is expected") {
  World world;
  const auto expect = [&world](std::set<MismatchKind> kinds) {
    world.rule.source.expect = {{std::move(kinds), std::chrono::year(2999) / 1 / 1, "w", {}}};
  };
  // Whether a value differs or another row came is not known.
  expect({MismatchKind::value});
  CHECK(world.large(kRows, kOneValue).end == End(Verdict::mismatch));
  expect({MismatchKind::value, MismatchKind::null, MismatchKind::missing_row,
          MismatchKind::extra_row});
  const Outcome out = world.large(kRows, kOneValue);
  CHECK(out.end == End(Verdict::expected));
  CHECK(out.kind == MismatchKind::value);
  CHECK(world.large(kRows, kOneLess).end == End(Verdict::mismatch));
}

// Digests say match, mismatch or nothing; where they speak, the comparison of rows says the same.
TEST_CASE("digest: agrees with the comparison of rows on random results") {
  std::mt19937_64 random(test::run_seed());
  const auto below = [&](std::size_t n) { return random() % n; };
  std::size_t matches = 0;
  std::size_t mismatches = 0;
  for (int round = 0; round < 2000; ++round) {
    World world;
    world.rule.root().order.ordered = below(2) == 0;
    std::vector<Row> legacy;
    const auto some_row = [&] {
      static const std::vector<Cell> kCells = {"1",  "1.0", "1.00", "-1", "0",
                                               "-0", "2e3", "2000", kNull};
      return Row{std::to_string(below(3)), kCells[below(kCells.size())]};
    };
    for (auto i = below(6); i > 0; --i) legacy.push_back(some_row());
    std::vector<Row> rewrite = legacy;
    switch (below(4)) {
      case 0:
        std::shuffle(rewrite.begin(), rewrite.end(), random);
        break;
      case 1:
        if (!rewrite.empty()) rewrite[below(rewrite.size())] = some_row();
        break;
      case 2:
        rewrite.push_back(some_row());
        break;
      default:
        break;
    }
    const StepResult kept = World::step(typed({kInt4, kNumeric}), legacy);
    const Outcome rows =
        world.decide_of(kept, kept, World::step(typed({kInt4, kNumeric}), rewrite));
    const Outcome digest = world.large(legacy, rewrite);
    INFO("round " << round << ": " << rows.detail << " / " << digest.detail);
    if (digest.end == End(SkipReason::too_large)) {
      CHECK(rows.kind.value_or(MismatchKind::order) == MismatchKind::order);
      continue;
    }
    CHECK(digest.end == rows.end);
    ++(digest.end == End(Verdict::match) ? matches : mismatches);
  }
  CHECK(matches > 200);
  CHECK(mismatches > 200);
}

}  // namespace
}  // namespace parallax::shadow
