// Results over the capture limit: decided by digests in the snapshot, in bounded memory.

#include <catch2/catch.hpp>
#include <fstream>
#include <memory>

#include "tests/integration/cpp/database.h"
#include "tests/integration/cpp/engine_rig.h"

using namespace parallax;
using namespace parallax::pgtest;
using namespace parallax::shadow;

namespace {

constexpr std::size_t kLimit = 20'000;

Options limited(std::size_t bytes = kLimit) {
  auto options = options_on(shared_server());
  options.capture_bytes = bytes;
  return options;
}

// Rows of 100 bytes and more; n is their number.
const std::string kLong =
    "SELECT n AS id, repeat('x', 90) || n AS label, n / 4.0 AS part FROM generate_series(1, $1) n";
const std::string kLongRule =
    "SELECT n AS id, repeat('x', 90) || n AS label, n / 4.0 AS part FROM generate_series(1, :n) n";
std::string rewrite(const std::string& label, const std::string& end,
                    const std::string& count = ":n") {
  return "select n as a, " + label + " as b, n * 0.25000 as c from generate_series(1, " + count +
         ") n " + end;
}
const std::string kLabel = "repeat('x', 90) || n";
const std::map<std::string, std::string> kColumns = {{"id", "a"}, {"label", "b"}, {"part", "c"}};

RuleText rule(const std::string& rewrite, const std::string& legacy = kLongRule) {
  RuleText text{"long", legacy, rewrite};
  text.columns = kColumns;
  return text;
}

// Both orders of the steps.
Outcome outcome_of(EngineRig& rig, const EngineRig::Call& call) {
  const auto first = rig.run(call);
  auto second = rig.run(call);
  CHECK(end_of(first) == end_of(second));
  return second;
}

Outcome outcome_of(const RuleText& text, const std::string& sql = kLong,
                   const std::string& n = "3000") {
  EngineRig rig(limited(), {text});
  REQUIRE(rig.wait_verified());
  INFO(rig.report().reasons["long"]);
  REQUIRE(rig.state(0) == RuleState::ready);
  const EngineRig::Call call{sql, {pgtest::text(n)}};
  auto outcome = outcome_of(rig, call);
  // The next one, within the limit, on the same connection.
  rig.run({sql, {pgtest::text("3")}});
  CHECK(rig.report().pool_errors.empty());
  CHECK(rig.engine().connections().idle == 1);
  CHECK(rig.law_holds());
  return outcome;
}

}  // namespace

TEST_CASE("over the limit, equal rows are a match, by value and in any order") {
  const auto same = outcome_of(rule(rewrite(kLabel, "")));
  CHECK(end_of(same) == "match");
  CHECK(same.steps == std::vector{EqualStep::digest});
  CHECK(same.legacy_rows == 3000);
  CHECK(same.rewrite_rows == 3000);
  CHECK(same.legacy_seconds > 0);
  CHECK(same.rewrite_seconds > 0);
  CHECK(end_of(outcome_of(rule(rewrite(kLabel, "order by md5(n::text)")))) == "match");
}

TEST_CASE("over the limit, one value, one row") {
  const auto value =
      outcome_of(rule(rewrite(kLabel + " || case n when 2999 then '!' else '' end", "")));
  CHECK(end_of(value) == "mismatch value");
  CHECK(value.detail == "other values among 3000 rows");
  CHECK(value.differences.empty());
  const auto row = outcome_of(rule(rewrite(kLabel, "where n <> 1500")));
  CHECK(end_of(row) == "mismatch row_count");
  CHECK(row.detail == "legacy: 3000 rows, rewrite: 2999");
  CHECK(end_of(outcome_of(rule(rewrite(kLabel, "", "greatest(0, :n::int - 1) * 0 + 5")))) ==
        "mismatch row_count");
}

TEST_CASE("over the limit, the order counts where legacy has one") {
  const std::string sql = kLong + " ORDER BY n";
  const std::string legacy = kLongRule + " ORDER BY n";
  CHECK(end_of(outcome_of(rule(rewrite(kLabel, "order by n"), legacy), sql)) == "match");
  const auto other = outcome_of(rule(rewrite(kLabel, "order by n desc"), legacy), sql);
  CHECK(end_of(other) == "skipped too_large");
  auto strict = rule(rewrite(kLabel, "order by n desc"), legacy);
  strict.compare.order = OrderMode::strict;
  CHECK(end_of(outcome_of(strict, sql)) == "mismatch order");
  strict.compare.order = OrderMode::ignore;
  CHECK(end_of(outcome_of(strict, sql)) == "match");
}

TEST_CASE("over the limit, what needs the rows is too large") {
  auto tolerant = rule(rewrite(kLabel, ""));
  tolerant.compare.float_tolerance = 1e-9;
  CHECK(end_of(outcome_of(tolerant)) == "skipped too_large");
  auto treated = rule(rewrite(kLabel, ""));
  treated.compare.treat_as_mismatch = {EqualStep::padding};
  CHECK(end_of(outcome_of(treated)) == "skipped too_large");
}

TEST_CASE("over the limit, errors and timeouts keep their meaning") {
  const auto late = outcome_of(rule(rewrite(kLabel + " || 1 / (n - 2900)", "")));
  CHECK(end_of(late) == "rewrite_error");
  CHECK(late.rewrite_sqlstate == "22012");
  auto options = limited();
  options.statement_timeout = std::chrono::milliseconds(150);
  EngineRig rig(options, {rule(rewrite(kLabel, ""))});
  REQUIRE(rig.wait_verified());
  CHECK(end_of(rig.run({kLong, {text("100000000")}})) == "timeout");
  CHECK(end_of(rig.run({kLong, {text("10")}})) == "match");
  CHECK(rig.law_holds());
}

TEST_CASE("over the limit, what the client got is compared by its count") {
  EngineRig rig(limited(), {rule(rewrite(kLabel, ""))});
  REQUIRE(rig.wait_verified());
  EngineRig::Call call{kLong, {text("3000")}};
  call.live_count = 3000;
  CHECK(end_of(rig.run(call)) == "match");
  call.live_count = 2999;
  CHECK(end_of(rig.run(call)) == "race");
}

TEST_CASE("over the limit, behind a let, rows still come one by one") {
  auto with_let = rule(rewrite(kLabel, "", ":count::int"));
  with_let.let = {{"count", ":n::int + 0"}};
  CHECK(end_of(outcome_of(with_let)) == "match");
  with_let.let = {{"count", ":n::int - 1"}};
  CHECK(end_of(outcome_of(with_let)) == "mismatch row_count");
}

// Address sanitizing keeps what was freed.
#ifndef __SANITIZE_ADDRESS__
namespace {

std::size_t peak_kibibytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::size_t number = 0;
  while (status >> word) {
    if (word == "VmHWM:" && status >> number) return number;
  }
  return 0;
}

}  // namespace

TEST_CASE("over the limit, memory does not grow with the result") {
  auto options = limited();
  options.statement_timeout = std::chrono::seconds(30);
  EngineRig rig(options, {{"wide", "SELECT repeat('x', 1000000) || n FROM generate_series(1, :n) n",
                           "select repeat('x', 1000000) || n as label from generate_series(1, "
                           ":n::int) n"}});
  REQUIRE(rig.wait_verified());
  const std::string sql = "SELECT repeat('x', 1000000) || n FROM generate_series(1, $1) n";
  CHECK(end_of(rig.run({sql, {pgtest::text("2")}})) == "match");
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
  const std::size_t before = peak_kibibytes();
  CHECK(end_of(rig.run({sql, {pgtest::text("60")}})) == "match");
  CHECK(peak_kibibytes() - before < 20 * 1024);  // of 60 MB a result
}
#endif

TEST_CASE("a rewrite over the limit that begins live is decided in the snapshot") {
  Session session(shared_server());
  session.run(
      "CREATE TABLE pages (id int PRIMARY KEY, body text); INSERT INTO pages SELECT n, "
      "repeat('y', 90) || n FROM generate_series(1, 1000) n; GRANT SELECT ON pages TO tester");
  EngineRig rig(limited(), {{"pages", "SELECT id, body FROM pages WHERE id <= :id",
                             "select id, body from pages where id <= :id::int * 100"}});
  REQUIRE(rig.wait_verified());
  for (int i = 0; i < 4; ++i) {
    EngineRig::Call call{"SELECT id, body FROM pages WHERE id <= $1", {text("10")}};
    call.live_rows = std::make_shared<ResultSet>(std::vector<ColumnInfo>(2));
    for (int id = 1; id <= 10; ++id) {
      call.live_rows->add_cell(std::to_string(id));
      call.live_rows->add_cell(std::string(90, 'y') + std::to_string(id));
    }
    CHECK(end_of(rig.run(call)) == "mismatch row_count");
  }
  CHECK(rig.report().pool_errors.empty());
  CHECK(rig.law_holds());
}
