// What a rule's options make of a comparison: wanted differences, refused steps; and which line of
// the outcome table comes first.

#include <catch2/catch.hpp>
#include <chrono>

#include "shadow/compare/compare.h"
#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;
using End = std::variant<Verdict, SkipReason, DropReason>;

constexpr std::chrono::sys_days kToday = std::chrono::year(2026) / 6 / 15;

StepResult rows(std::initializer_list<std::uint32_t> types, const std::vector<Row>& of) {
  StepResult out;
  out.ran = true;
  out.result = result_of(typed(types), of);
  return out;
}
StepResult numbers(const std::vector<Row>& of) { return rows({kInt4}, of); }
StepResult error(const std::string& sqlstate) {
  StepResult out;
  out.ran = true;
  out.sqlstate = sqlstate;
  return out;
}

Expectation expectation(std::set<MismatchKind> kinds, std::chrono::sys_days until = kToday) {
  return {std::move(kinds), until, "wanted", {}};
}

Outcome decide_with(const Rule& rule, const SnapshotResult& snapshot, const std::string& live = {},
                    std::chrono::sys_days today = kToday) {
  const auto pairing = straight(snapshot.legacy_first.result.columns().size());
  const auto catalog = catalog_of_tests();
  return decide({rule, pairing, catalog, {}, today}, snapshot, {live, {}, {}});
}

Rule expecting(std::vector<Expectation> expect) {
  Rule rule;
  rule.source.expect = std::move(expect);
  return rule;
}

TEST_CASE("decide: a difference whose kind is expected is expected") {
  const SnapshotResult missing = {numbers({{"1"}, {"2"}}), numbers({{"1"}, {"2"}}),
                                  numbers({{"1"}})};
  const Outcome out = decide_with(expecting({expectation({MismatchKind::missing_row})}), missing);
  CHECK(out.end == End(Verdict::expected));
  CHECK(out.kind == MismatchKind::missing_row);
  CHECK_FALSE(out.detail.empty());
  CHECK(out.differences.size() == 1);
  CHECK(out.steps.empty());
  CHECK(decide_with(expecting({expectation({MismatchKind::extra_row})}), missing).end ==
        End(Verdict::mismatch));
  CHECK(decide_with(expecting({}), missing).end == End(Verdict::mismatch));
}

TEST_CASE("decide: an expectation holds until the end of its day") {
  const SnapshotResult missing = {numbers({{"1"}}), numbers({{"1"}}), numbers({})};
  const Rule rule = expecting({expectation({MismatchKind::missing_row}, kToday)});
  const auto end = [&](std::chrono::sys_days today) {
    return decide_with(rule, missing, {}, today).end;
  };
  CHECK(end(kToday - std::chrono::days(400)) == End(Verdict::expected));
  CHECK(end(kToday) == End(Verdict::expected));
  CHECK(end(kToday + std::chrono::days(1)) == End(Verdict::mismatch));
}

TEST_CASE("decide: every kind that was found must be expected, by one expectation or another") {
  const StepResult legacy = numbers({{"1"}, {"2"}});
  const SnapshotResult both = {legacy, legacy, rows({kInt8}, {{"2"}, {"1"}})};
  const auto end = [&](std::vector<Expectation> expect) {
    Rule rule = expecting(std::move(expect));
    rule.source.compare.treat_as_mismatch = {EqualStep::type_width, EqualStep::order};
    return decide_with(rule, both).end;
  };
  const auto type = expectation({MismatchKind::column_type});
  const auto order = expectation({MismatchKind::order});
  const auto over = expectation({MismatchKind::order}, kToday - std::chrono::days(1));
  CHECK(end({type}) == End(Verdict::mismatch));
  CHECK(end({order}) == End(Verdict::mismatch));
  CHECK(end({type, over}) == End(Verdict::mismatch));
  CHECK(end({type, order}) == End(Verdict::expected));
  CHECK(end({expectation({MismatchKind::column_type, MismatchKind::order})}) ==
        End(Verdict::expected));
}

TEST_CASE("decide: another error may be expected, an error of the rewrite alone may not") {
  const Rule rule = expecting({expectation({MismatchKind::error})});
  const auto legacy_fails = [&](const StepResult& rewrite) {
    return decide_with(rule, {error("22012"), {}, rewrite}, "22012").end;
  };
  CHECK(legacy_fails(error("22P02")) == End(Verdict::expected));
  CHECK(legacy_fails(numbers({{"1"}})) == End(Verdict::expected));
  CHECK(legacy_fails(error("22012")) == End(Verdict::match));
  CHECK(decide_with(rule, {numbers({}), numbers({}), error("42703")}).end ==
        End(Verdict::rewrite_error));
}

TEST_CASE("decide: a step that treat refuses is a mismatch") {
  const StepResult legacy = rows({kNumeric}, {{"1.0"}});
  const StepResult scaled = rows({kNumeric}, {{"1.00"}});
  Rule rule;
  CHECK(decide_with(rule, {legacy, legacy, scaled}).end == End(Verdict::match));
  rule.source.compare.treat_as_mismatch = {EqualStep::numeric_scale};
  const Outcome refused = decide_with(rule, {legacy, legacy, scaled});
  CHECK(refused.end == End(Verdict::mismatch));
  CHECK(refused.kind == MismatchKind::value);
  CHECK(refused.detail == "equal by numeric_scale, which `treat` refuses");
  CHECK(refused.steps.empty());
  CHECK(decide_with(rule, {legacy, legacy, legacy}).end == End(Verdict::match));
  rule.source.compare.treat_as_mismatch = {EqualStep::type_width};
  CHECK(decide_with(rule, {legacy, legacy, scaled}).end == End(Verdict::match));
}

TEST_CASE("decide: the kind of a refused step") {
  Rule rule;
  rule.source.compare.treat_as_mismatch = {EqualStep::type_width, EqualStep::enum_text,
                                           EqualStep::order};
  const auto kind = [&](const StepResult& legacy, const StepResult& rewrite) {
    const Outcome out = decide_with(rule, {legacy, legacy, rewrite});
    CHECK(out.end == End(Verdict::mismatch));
    return out.kind;
  };
  CHECK(kind(numbers({{"1"}}), rows({kInt8}, {{"1"}})) == MismatchKind::column_type);
  CHECK(kind(rows({kMood}, {{"ok"}}), rows({kText}, {{"ok"}})) == MismatchKind::column_type);
  CHECK(kind(numbers({{"1"}, {"2"}}), numbers({{"2"}, {"1"}})) == MismatchKind::order);
  // Of two, the first in the order of precedence.
  CHECK(kind(numbers({{"1"}, {"2"}}), rows({kInt8}, {{"2"}, {"1"}})) == MismatchKind::column_type);
}

TEST_CASE("decide: what treat refuses is not settled live") {
  Rule rule;
  const auto catalog = catalog_of_tests();
  const auto pairing = straight(1);
  auto columns = typed({kNumeric});
  columns[0].table_oid = 7;
  columns[0].attribute = 1;
  LiveResult live;
  live.result = std::make_shared<ResultSet>(result_of(columns, {{"1.0"}}));
  StepResult rewrite;
  rewrite.ran = true;
  rewrite.result = result_of(columns, {{"1.00"}});
  CHECK(decide_live({rule, pairing, catalog, {}}, live, rewrite).has_value());
  rule.source.compare.treat_as_mismatch = {EqualStep::numeric_scale};
  CHECK_FALSE(decide_live({rule, pairing, catalog, {}}, live, rewrite).has_value());
}

// The lines of the table, each with a snapshot in which it and the one below hold.
TEST_CASE("decide: of two lines that hold, the earlier one") {
  const StepResult one = numbers({{"1"}});
  const StepResult two = numbers({{"2"}});
  const StepResult not_run;
  const Rule plain;
  const Rule wanted = expecting(
      {expectation({MismatchKind::missing_row, MismatchKind::extra_row, MismatchKind::value})});
  const auto end = [](const Rule& rule, const SnapshotResult& snapshot,
                      const std::string& live = {}) {
    return decide_with(rule, snapshot, live).end;
  };
  CHECK(end(plain, {error("42501"), not_run, error("57014")}) == End(Verdict::timeout));
  CHECK(end(plain, {error("40001"), not_run, error("42501")}) == End(SkipReason::rights));
  CHECK(end(plain, {error("22012"), not_run, error("40001")}) == End(SkipReason::server));
  CHECK(end(plain, {error("22012"), one, two}) == End(SkipReason::context));
  CHECK(end(plain, {one, two, error("42703")}) == End(Verdict::unstable));
  CHECK(end(wanted, {one, one, error("42703")}) == End(Verdict::rewrite_error));
  CHECK(end(wanted, {one, one, two}) == End(Verdict::expected));
  CHECK(end(plain, {one, one, two}, "22012") == End(Verdict::mismatch));
  CHECK(end(wanted, {one, one, two}, "22012") == End(Verdict::expected));
  CHECK(end(wanted, {one, one, one}, "22012") == End(Verdict::race));
  CHECK(end(wanted, {one, one, one}) == End(Verdict::match));
}

}  // namespace
}  // namespace parallax::shadow
