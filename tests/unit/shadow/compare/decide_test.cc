#include <catch2/catch.hpp>

#include "shadow/compare/compare.h"
#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;
using End = std::variant<Verdict, SkipReason, DropReason>;

StepResult rows(const std::vector<Row>& of) {
  StepResult out;
  out.ran = true;
  out.result = result_of(typed({kInt4}), of);
  out.seconds = 0.25;
  return out;
}

StepResult error(const std::string& sqlstate) {
  StepResult out;
  out.ran = true;
  out.sqlstate = sqlstate;
  out.message = "message of " + sqlstate;
  return out;
}

const StepResult kNotRun;
const StepResult kOne = rows({{"1"}});
const StepResult kTwo = rows({{"2"}});
const StepResult kNone = rows({});

Outcome decide_of(const StepResult& first, const StepResult& second, const StepResult& rewrite,
                  const std::string& live = {}, bool ordered = true) {
  static Rule rule;
  rule.root().order = ordered ? by_first_column() : SortOrder{};
  const auto pairing = straight(1);
  const auto catalog = catalog_of_tests();
  return decide({rule, pairing, catalog, {}}, {first, second, rewrite}, {live, {}, {}});
}

struct Line {
  const char* what;
  StepResult first;
  StepResult second;
  StepResult rewrite;
  std::string live;
  End end;
};

void check(const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    const Outcome out = decide_of(line.first, line.second, line.rewrite, line.live);
    INFO(line.what << ": " << out.detail);
    CHECK(out.end == line.end);
    const bool is_match = out.end == End(Verdict::match);
    CHECK(out.detail.empty() == is_match);
    CHECK(out.steps.empty() == !is_match);
    CHECK(out.kind.has_value() == (out.end == End(Verdict::mismatch)));
  }
}

TEST_CASE("decide: errors that stop a comparison, in whichever step") {
  const std::vector<std::pair<std::string, End>> ends = {
      {"57014", Verdict::timeout},   {"55P03", Verdict::timeout},   {"42501", SkipReason::rights},
      {"08006", SkipReason::server}, {"40001", SkipReason::server}, {"40P01", SkipReason::server},
      {"53300", SkipReason::server}, {"57P01", SkipReason::server}, {"58030", SkipReason::server},
      {"XX000", SkipReason::server}};
  for (const auto& [sqlstate, end] : ends) {
    const StepResult failed = error(sqlstate);
    check({{"in the first legacy run", failed, kNotRun, kNotRun, "", end},
           {"also when the client got the same", failed, kNotRun, failed, sqlstate, end},
           {"in the second", kOne, failed, kNotRun, "", end},
           {"in the rewrite", kOne, kOne, failed, "", end},
           {"in the rewrite, which ran first", kNotRun, kNotRun, failed, "", end}});
  }
}

TEST_CASE("decide: a timeout comes before rights, rights before the server's errors") {
  check({{"timeout, rights", error("42501"), kNotRun, error("57014"), "", Verdict::timeout},
         {"server, timeout", error("40001"), kNotRun, error("55P03"), "", Verdict::timeout},
         {"server, rights", error("40001"), kNotRun, error("42501"), "", SkipReason::rights}});
}

TEST_CASE("decide: legacy fails") {
  const StepResult division = error("22012");
  const StepResult cast = error("22P02");
  check(
      {{"in the snapshot only", division, kNotRun, kNotRun, "", SkipReason::context},
       {"in the snapshot only, the rewrite too", division, kNotRun, division, "",
        SkipReason::context},
       {"as the client's, so does the rewrite", division, kNotRun, division, "22012",
        Verdict::match},
       {"as the client's, the rewrite otherwise", division, kNotRun, cast, "22012",
        Verdict::mismatch},
       {"as the client's, the rewrite does not", division, kNotRun, kOne, "22012",
        Verdict::mismatch},
       {"as the client's, the rewrite was not run", division, kNotRun, kNotRun, "22012",
        SkipReason::server},
       {"not as the client's, the rewrite as legacy", cast, kNotRun, cast, "22012", Verdict::race},
       {"not as the client's, the rewrite otherwise", cast, kNotRun, division, "22012",
        Verdict::mismatch},
       {"not as the client's, the rewrite was not run", cast, kNotRun, kNotRun, "22012",
        SkipReason::context}});

  const Outcome match = decide_of(division, kNotRun, division, "22012");
  CHECK(match.steps == std::vector{EqualStep::exact});
  CHECK(match.vacuous);
  const Outcome mismatch = decide_of(division, kNotRun, kOne, "22012");
  CHECK(mismatch.kind == MismatchKind::error);
  CHECK(mismatch.detail == "legacy: SQLSTATE 22012, rewrite: no error");
}

TEST_CASE("decide: legacy differs from itself") {
  check({{"another value", kOne, kTwo, kOne, "", Verdict::unstable},
         {"another number of rows", kOne, kNone, kOne, "", Verdict::unstable},
         {"an error in the second run", kOne, error("22012"), kOne, "", Verdict::unstable},
         {"before an error of the rewrite", kOne, kTwo, error("42703"), "", Verdict::unstable}});
  const StepResult ab = rows({{"1"}, {"2"}});
  const StepResult ba = rows({{"2"}, {"1"}});
  CHECK(decide_of(ab, ba, ab, "", true).end == End(Verdict::unstable));
  const Outcome multiset = decide_of(ab, ba, ba, "", false);
  CHECK(multiset.end == End(Verdict::match));
  CHECK(multiset.steps == std::vector{EqualStep::order});
}

TEST_CASE("decide: the rewrite fails, differs or agrees") {
  check({{"fails", kOne, kOne, error("42703"), "", Verdict::rewrite_error},
         {"fails, and the client had an error", kOne, kOne, error("22012"), "22012",
          Verdict::rewrite_error},
         {"differs", kOne, kOne, kTwo, "", Verdict::mismatch},
         {"differs, and the client had an error", kOne, kOne, kTwo, "22012", Verdict::mismatch},
         {"agrees", kOne, kOne, kOne, "", Verdict::match},
         {"agrees, but the client had an error", kOne, kOne, kOne, "22012", Verdict::race}});
  CHECK(decide_of(kOne, kOne, kTwo).kind == MismatchKind::value);
  CHECK(decide_of(kOne, kOne, error("42703")).detail == "SQLSTATE 42703");
}

TEST_CASE("decide: what did not run is never a match") {
  check({{"nothing ran", kNotRun, kNotRun, kNotRun, "", SkipReason::server},
         {"legacy ran once", kOne, kNotRun, kOne, "", SkipReason::server},
         {"the rewrite did not run", kOne, kOne, kNotRun, "", SkipReason::server},
         {"legacy did not run", kNotRun, kNotRun, kOne, "", SkipReason::server},
         {"legacy did not run, the rewrite failed", kNotRun, kNotRun, error("42703"), "",
          SkipReason::server}});
}

TEST_CASE("decide: two empty results are a vacuous match") {
  CHECK(decide_of(kNone, kNone, kNone).vacuous);
  CHECK_FALSE(decide_of(kOne, kOne, kOne).vacuous);
  CHECK_FALSE(decide_of(kNone, kNone, kOne).vacuous);
  CHECK_FALSE(decide_of(kNone, kNone, kNone, "22012").vacuous);
}

TEST_CASE("decide: another shape than at verification") {
  StepResult wide;
  wide.ran = true;
  wide.result = result_of(typed({kInt4, kInt4}), {{"1", "2"}});
  const Outcome rewrite = decide_of(kOne, kOne, wide);
  CHECK(rewrite.end == End(Verdict::mismatch));
  CHECK(rewrite.kind == MismatchKind::column_count);
  CHECK(rewrite.detail == "the rewrite has 2 columns, at verification it had 1");
  const Outcome legacy = decide_of(wide, wide, kOne);
  CHECK(legacy.end == End(SkipReason::broken));
  CHECK(legacy.detail == "legacy has 2 columns, at verification it had 1");
  // No pair of a result without columns is looked at.
  StepResult empty;
  empty.ran = true;
  CHECK(decide_of(empty, empty, kOne).end == End(SkipReason::broken));
  CHECK(decide_of(kOne, kOne, empty).kind == MismatchKind::column_count);
}

TEST_CASE("decide: the facts of an outcome") {
  StepResult rewrite = rows({{"1"}, {"3"}});
  rewrite.seconds = 0.5;
  const Outcome out = decide_of(kOne, kOne, rewrite);
  CHECK(out.legacy_rows == 1);
  CHECK(out.rewrite_rows == 2);
  CHECK(out.legacy_seconds == 0.25);
  CHECK(out.rewrite_seconds == 0.5);
  CHECK(out.columns == std::vector<std::string>{"a"});
  REQUIRE(out.differences.size() == 1);
  CHECK(out.differences[0].rewrite == ReportRow{"3"});

  const Outcome failed = decide_of(error("22012"), kNotRun, error("22P02"), "22012");
  CHECK(failed.legacy_sqlstate == "22012");
  CHECK(failed.legacy_message == "message of 22012");
  CHECK(failed.rewrite_sqlstate == "22P02");
  CHECK(failed.rewrite_message == "message of 22P02");
  CHECK(failed.detail == "legacy: SQLSTATE 22012, rewrite: SQLSTATE 22P02");
  CHECK(decide_of(kOne, error("22012"), kOne).legacy_sqlstate == "22012");
}

std::vector<ColumnInfo> attribute(std::int16_t number = 1) { return {{"a", 7, number, kInt4}}; }

std::shared_ptr<ResultSet> live_rows(const std::vector<Row>& of, bool binary = false) {
  auto columns = attribute();
  columns[0].binary = binary;
  return std::make_shared<ResultSet>(result_of(std::move(columns), of));
}

StepResult rewrite_rows(const std::vector<Row>& of, std::vector<ColumnInfo> columns = attribute()) {
  StepResult out;
  out.ran = true;
  out.result = result_of(std::move(columns), of);
  return out;
}

TEST_CASE("what the client got against the rewrite alone settles equality and nothing else") {
  Rule rule;
  const auto pairing = straight(1);
  const auto catalog = catalog_of_tests();
  const ComparisonBasis basis{rule, pairing, catalog, {}};
  const auto one = rewrite_rows({{"1"}});
  const auto match = decide_live(basis, {{}, 1, live_rows({{"1"}})}, one);
  REQUIRE(match.has_value());
  CHECK(match->end == End(Verdict::match));
  CHECK(match->live_compared);
  CHECK_FALSE(match->vacuous);
  const auto empty = decide_live(basis, {{}, 0, live_rows({})}, rewrite_rows({}));
  REQUIRE(empty.has_value());
  CHECK(empty->vacuous);
  CHECK_FALSE(decide_live(basis, {{}, 1, live_rows({{"1"}})}, rewrite_rows({{"2"}})).has_value());
  CHECK_FALSE(decide_live(basis, {{}, 1, live_rows({{"1"}})}, error("42703")).has_value());
  CHECK_FALSE(decide_live(basis, {{}, 1, live_rows({{"1"}})}, kNotRun).has_value());
  CHECK_FALSE(decide_live(basis, {"22012", {}, live_rows({{"1"}})}, one).has_value());
  // The rewrite is live, and legacy is what ran.
  LiveResult reversed{{}, 1, live_rows({{"1"}})};
  reversed.side = Side::rewrite;
  CHECK(decide_live(basis, reversed, one).has_value());
  CHECK_FALSE(decide_live(basis, reversed, rewrite_rows({{"2"}})).has_value());
  // "1" as text is not the four bytes "1...": formats are never mixed up
  CHECK_FALSE(decide_live(basis, {{}, 1, live_rows({{"1"}}, true)}, one).has_value());
}

TEST_CASE(
    "the client's rows do not say their types: live only where both sides are one attribute") {
  Rule rule;
  const auto pairing = straight(1);
  const auto catalog = catalog_of_tests();
  const ComparisonBasis basis{rule, pairing, catalog, {}};
  const LiveResult live{{}, 1, live_rows({{"1"}})};
  CHECK(decide_live(basis, live, rewrite_rows({{"1"}})).has_value());
  // an expression may have another type with each parameter, another attribute since it was
  // verified
  CHECK_FALSE(decide_live(basis, live, kOne).has_value());
  CHECK_FALSE(decide_live(basis, live, rewrite_rows({{"1"}}, attribute(2))).has_value());
  auto expression = std::make_shared<ResultSet>(result_of(typed({kInt4}), {{"1"}}));
  CHECK_FALSE(decide_live(basis, {{}, 1, expression}, kOne).has_value());
}

TEST_CASE("both sides agree and the client got something else: a race") {
  Rule rule;
  const auto pairing = straight(1);
  const auto catalog = catalog_of_tests();
  const auto with = [&](LiveResult live) {
    return decide({rule, pairing, catalog, {}}, {kOne, kOne, kOne}, live);
  };
  const auto same = with({{}, 1, live_rows({{"1"}})});
  CHECK(same.end == End(Verdict::match));
  CHECK(same.live_compared);
  CHECK_FALSE(same.live_differs);
  const auto rows = with({{}, 1, live_rows({{"2"}})});
  CHECK(rows.end == End(Verdict::race));
  CHECK(rows.live_differs);
  const auto count = with({{}, 3, {}});
  CHECK(count.end == End(Verdict::race));
  CHECK(count.detail.find('3') != std::string::npos);
  CHECK(with({{}, 1, {}}).end == End(Verdict::match));
  CHECK_FALSE(with({{}, {}, {}}).live_compared);
  // binary and text of the same value
  const std::string one("\0\0\0\1", 4);
  CHECK(with({{}, 1, live_rows({{one}}, true)}).end == End(Verdict::match));
  const std::string two("\0\0\0\2", 4);
  CHECK(with({{}, 1, live_rows({{two}}, true)}).end == End(Verdict::race));
}

TEST_CASE("decide: the rewrite is live") {
  Rule rule;
  const auto pairing = straight(1);
  const auto catalog = catalog_of_tests();
  const auto ends = [&](const StepResult& legacy, const StepResult& rewrite,
                        const std::string& sqlstate, const char* row = nullptr) {
    LiveResult live{sqlstate, {}, row == nullptr ? nullptr : live_rows({{row}})};
    live.side = Side::rewrite;
    const auto out = decide({rule, pairing, catalog, {}}, {legacy, legacy, rewrite}, live);
    CHECK(out.side == Side::rewrite);
    return out;
  };
  CHECK(ends(kOne, kOne, "", "1").end == End(Verdict::match));
  CHECK(ends(kOne, kTwo, "", "2").end == End(Verdict::mismatch));
  // What the client got is held against the rewrite.
  CHECK(ends(kOne, kOne, "", "2").end == End(Verdict::race));
  CHECK(ends(kOne, kTwo, "", "1").live_differs);
  CHECK(ends(kOne, kOne, "42703").end == End(Verdict::race));
  CHECK(ends(kOne, error("42703"), "").end == End(SkipReason::context));
  CHECK(ends(kOne, error("42703"), "42703").end == End(Verdict::rewrite_error));
  const auto failed = ends(error("22012"), kOne, "", "1");
  CHECK(failed.end == End(Verdict::mismatch));
  CHECK(failed.kind == MismatchKind::error);
  CHECK(ends(error("22012"), error("22012"), "22012").end == End(Verdict::match));
  CHECK(ends(error("22012"), error("42703"), "42703").kind == MismatchKind::error);
  CHECK(ends(error("22012"), error("22012"), "").end == End(SkipReason::context));
}

}  // namespace
}  // namespace parallax::shadow
