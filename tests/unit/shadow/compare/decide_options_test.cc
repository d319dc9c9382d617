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

constexpr std::uint32_t kFloat4 = 700;
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
  const auto pairing = straight(snapshot.legacy_first.result.columns().size(), {0});
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
  // One row is missing, another one is too many.
  const SnapshotResult both = {numbers({{"1"}, {"2"}}), numbers({{"1"}, {"2"}}),
                               numbers({{"2"}, {"3"}})};
  const auto end = [&](std::vector<Expectation> expect) {
    return decide_with(expecting(std::move(expect)), both).end;
  };
  const auto missing = expectation({MismatchKind::missing_row});
  const auto extra = expectation({MismatchKind::extra_row});
  const auto over = expectation({MismatchKind::extra_row}, kToday - std::chrono::days(1));
  CHECK(end({missing}) == End(Verdict::mismatch));
  CHECK(end({extra}) == End(Verdict::mismatch));
  CHECK(end({missing, over}) == End(Verdict::mismatch));
  CHECK(end({missing, extra}) == End(Verdict::expected));
  CHECK(end({expectation({MismatchKind::missing_row, MismatchKind::extra_row})}) ==
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
  CHECK(refused.detail == "equal only by `numeric_scale`, which `treat` makes a mismatch");
  CHECK(refused.steps.empty());
  CHECK(decide_with(rule, {legacy, legacy, legacy}).end == End(Verdict::match));
  rule.source.compare.treat_as_mismatch = {EqualStep::type_width};
  CHECK(decide_with(rule, {legacy, legacy, scaled}).end == End(Verdict::match));
}

TEST_CASE("decide: a refused step may be expected") {
  const StepResult legacy = numbers({{"1"}, {"2"}});
  const StepResult other = numbers({{"2"}, {"1"}});
  Rule rule = expecting({expectation({MismatchKind::order})});
  rule.source.compare.treat_as_mismatch = {EqualStep::order};
  const Outcome out = decide_with(rule, {legacy, legacy, other});
  CHECK(out.end == End(Verdict::expected));
  CHECK(out.kind == MismatchKind::order);
  rule.source.expect = {expectation({MismatchKind::value})};
  CHECK(decide_with(rule, {legacy, legacy, other}).end == End(Verdict::mismatch));
}

TEST_CASE("decide: each refused step must be expected, also beside another difference") {
  Rule rule = expecting({expectation({MismatchKind::order})});
  rule.source.compare.treat_as_mismatch = {EqualStep::order, EqualStep::numeric_scale};
  const StepResult legacy = rows({kNumeric}, {{"1.0"}, {"2"}});
  CHECK(decide_with(rule, {legacy, legacy, rows({kNumeric}, {{"2"}, {"1.0"}})}).end ==
        End(Verdict::expected));
  CHECK(decide_with(rule, {legacy, legacy, rows({kNumeric}, {{"2"}, {"1.00"}})}).end ==
        End(Verdict::mismatch));
  // Row 3 has another value, and the others have changed places.
  rule.source.expect = {expectation({MismatchKind::value})};
  const StepResult several = rows({kInt4, kInt4}, {{"1", "1"}, {"2", "2"}, {"3", "3"}});
  const auto end = [&](const std::vector<Row>& rewrite) {
    return decide_with(rule, {several, several, rows({kInt4, kInt4}, rewrite)}).end;
  };
  CHECK(end({{"1", "1"}, {"2", "2"}, {"3", "4"}}) == End(Verdict::expected));
  CHECK(end({{"2", "2"}, {"1", "1"}, {"3", "4"}}) == End(Verdict::mismatch));
  // A row that is missing moves the ones behind it, and no sequence.
  rule.source.expect = {expectation({MismatchKind::missing_row})};
  CHECK(end({{"2", "2"}, {"3", "3"}}) == End(Verdict::expected));
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

TEST_CASE("decide: what LIMIT cuts of rows that tie is unstable, whatever is expected") {
  Rule rule = expecting(
      {expectation({MismatchKind::missing_row, MismatchKind::extra_row, MismatchKind::value})});
  rule.root().order.ordered = true;
  rule.root().order.keys = {{"a", std::nullopt, "a"}};
  rule.root().order.limit_cuts = true;
  const StepResult legacy = rows({kInt4, kInt4}, {{"1", "1"}, {"2", "1"}});
  const StepResult other = rows({kInt4, kInt4}, {{"1", "1"}, {"2", "2"}});
  const auto catalog = catalog_of_tests();
  const auto pairing = straight(2, {1});
  const auto end = [&] {
    return decide({rule, pairing, catalog, {}, kToday}, {legacy, legacy, other}, {}).end;
  };
  CHECK(end() == End(Verdict::unstable));
  rule.root().order.limit_cuts = false;
  CHECK(end() != End(Verdict::unstable));
}

TEST_CASE("decide: a LIMIT or OFFSET that is a name cuts by its value") {
  Rule rule;
  const StepResult legacy = rows({kInt4}, {{"1"}, {"2"}});
  const StepResult other = rows({kInt4}, {{"1"}, {"3"}});
  const auto catalog = catalog_of_tests();
  const auto pairing = straight(1, {0});
  NamedValues values;
  const auto end = [&](std::optional<std::string> value) {
    Value given;
    given.null = !value;
    given.bytes = value.value_or("");
    values["n"] = {false, {given}};
    return decide({rule, pairing, catalog, {}, kToday, &values}, {legacy, legacy, other}, {}).end;
  };
  rule.root().order.limit_cuts = true;
  CHECK(end("50") == End(Verdict::unstable));  // nobody has said that it is `n`
  rule.root().order.limit_name = "n";
  CHECK(end("50") == End(Verdict::mismatch));
  CHECK(end("2") == End(Verdict::unstable));
  CHECK(end(std::nullopt) == End(Verdict::mismatch));
  CHECK(end("what cannot be read") == End(Verdict::unstable));
  rule.root().order = {};
  rule.root().order.offset_cuts = true;
  rule.root().order.offset_name = "n";
  CHECK(end("0") == End(Verdict::mismatch));
  CHECK(end(std::nullopt) == End(Verdict::mismatch));
  CHECK(end("5") == End(Verdict::unstable));
}

TEST_CASE("decide: the client's rows have the types of the snapshot, not those of verification") {
  const StepResult wide = rows({kInt8}, {{"5"}});
  const auto catalog = catalog_of_tests();
  const auto pairing = straight(1, {0});
  const auto end = [&](const char* value) {
    LiveResult live{{}, 1, std::make_shared<ResultSet>(result_of(typed({kInt4}), {{value}}))};
    return decide({Rule{}, pairing, catalog, {}, kToday}, {wide, wide, rows({kInt4}, {{"5"}})},
                  live)
        .end;
  };
  CHECK(end("5") == End(Verdict::match));
  CHECK(end("6") == End(Verdict::race));
}

TEST_CASE("decide: a float4 is no float8 of another value, whatever the sequence of rows") {
  const StepResult legacy = rows({kFloat8}, {{"0.1"}, {"0.2"}});
  const auto catalog = catalog_of_tests();
  const auto pairing = straight(1);
  const auto end = [&](const std::vector<Row>& rewrite) {
    return decide({Rule{}, pairing, catalog, {}, kToday},
                  {legacy, legacy, rows({kFloat4}, rewrite)}, {})
        .end;
  };
  CHECK(end({{"0.1"}, {"0.2"}}) == End(Verdict::mismatch));
  CHECK(end({{"0.2"}, {"0.1"}}) == End(Verdict::mismatch));
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
