#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "shadow/strict/strict_message.h"
#include "shadow/strict/strict_votes.h"
#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

struct Door final : StrictDoor {
  void answer(StrictAnswer answer) override { answers.push_back(std::move(answer)); }
  void run(ClientRound) override { FAIL("no round"); }
  std::vector<StrictAnswer> answers;
};

const StrictTicket kTicket{.worker = 0, .session_id = 7, .serial = 3, .in_transaction = false};
const Rule kRule;
const Rule kOther;
const StrictHold kHold{kTicket, {&kRule}};

TEST_CASE("a statement that completes nothing is answered at once", "[strict]") {
  Door door;
  StrictVotes votes;
  votes.open(kHold);
  votes.close(&door);
  REQUIRE(door.answers.size() == 1);
  CHECK_FALSE(door.answers[0].refusal);
  CHECK(door.answers[0].ticket.serial == 3);
}

TEST_CASE("nobody waits without a ticket", "[strict]") {
  Door door;
  StrictVotes votes;
  votes.open(std::nullopt);
  CHECK_FALSE(votes.current(kRule));
  votes.close(&door);
  CHECK(door.answers.empty());
}

TEST_CASE("nobody waits for the operation of a rule that the answer is not held for", "[strict]") {
  Door door;
  StrictVotes votes;
  votes.open(kHold);
  CHECK_FALSE(votes.current(kOther));
  votes.close(&door);
  REQUIRE(door.answers.size() == 1);
  CHECK_FALSE(door.answers[0].refusal);
}

TEST_CASE("several operations give one answer, with the first refusal", "[strict]") {
  Door door;
  StrictVotes votes;
  votes.open(kHold);
  REQUIRE(votes.current(kRule));
  REQUIRE(votes.current(kRule));
  votes.close(&door);
  votes.end(kTicket, StrictRefusal{"PLX01", "first"}, &door);
  CHECK(door.answers.empty());
  votes.end(kTicket, StrictRefusal{"PLX02", "second"}, &door);
  REQUIRE(door.answers.size() == 1);
  REQUIRE(door.answers[0].refusal);
  CHECK(door.answers[0].refusal->message == "first");
}

TEST_CASE("two offers of one statement are both answered for", "[strict]") {
  Door door;
  StrictVotes votes;
  votes.open(kHold);
  votes.current(kRule);
  votes.close(&door);
  votes.open(kHold);  // the same statement, as a child
  votes.close(&door);
  CHECK(door.answers.empty());
  votes.end(kTicket, std::nullopt, &door);
  REQUIRE(door.answers.size() == 1);
  CHECK(door.answers[0].offers == 2);
}

TEST_CASE("what becomes of each outcome", "[strict]") {
  const auto rules = test::compile("SELECT a FROM t WHERE b = :b", "select a from t where b = :b");
  Outcome outcome;
  outcome.rule = rules.rules().front().get();
  const StrictOptions fail;
  StrictOptions allow;
  allow.fail_uncompared = false;
  const auto state = [&](decltype(Outcome::end) end, const StrictOptions& options) {
    outcome.end = end;
    const auto refusal = refusal_of(outcome, options);
    return refusal ? refusal->sqlstate : "";
  };
  for (const Verdict verdict : {Verdict::match, Verdict::race, Verdict::expected})
    CHECK(state(verdict, fail).empty());
  for (const Verdict verdict : {Verdict::mismatch, Verdict::rewrite_error}) {
    CHECK(state(verdict, fail) == "PLX01");
    CHECK(state(verdict, allow) == "PLX01");
  }
  for (const auto& end : std::vector<decltype(Outcome::end)>{
           Verdict::unstable, Verdict::timeout, SkipReason::context, DropReason::queue_jobs}) {
    CHECK(state(end, fail) == "PLX02");
    CHECK(state(end, allow).empty());
  }
}

TEST_CASE("the message says operation, difference, row and journal", "[strict]") {
  const auto rules = test::compile("SELECT a FROM t WHERE b = :b", "select a from t where b = :b");
  Outcome outcome;
  outcome.rule = rules.rules().front().get();
  outcome.end = Verdict::mismatch;
  outcome.kind = MismatchKind::value;
  outcome.detail = "1 row with other values";
  outcome.journal_id = "abc-s1";
  outcome.columns = {"id", "name"};
  outcome.differences.push_back(
      {MismatchKind::value, ReportRow{"7", "x"}, ReportRow{"7", std::nullopt}});
  outcome.differences.push_back(
      {MismatchKind::missing_row, ReportRow{"8", std::string(100, 'y')}, std::nullopt});
  const auto refusal = refusal_of(outcome, {});
  REQUIRE(refusal);
  CHECK(refusal->message ==
        "parallax: r: mismatch (value): 1 row with other values; row (id='7', name='x'): name is "
        "'x' in legacy and NULL "
        "in the rewrite; only legacy has (id='8', name='" +
            std::string(60, 'y') + "...') [journal abc-s1]");
}

}  // namespace
}  // namespace parallax::shadow
