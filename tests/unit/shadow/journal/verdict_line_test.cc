#include <catch2/catch.hpp>

#include "tests/unit/shadow/journal/journal_support.h"

namespace parallax::shadow::tests {
namespace {

using namespace std::chrono_literals;

const KeyedHash kHash("key of sixteen bytes");

// Every place that can hold a value holds a secret.
Outcome secretive(const Rule& rule) {
  auto outcome = outcome_of(rule, Verdict::mismatch, values_of("secret-id", {"secret-kind"}));
  outcome.kind = MismatchKind::value;
  outcome.detail = "column \"name\" differs in 1 row";
  outcome.legacy_sqlstate = "22012";
  outcome.legacy_message = "secret-message";
  outcome.rewrite_message = "secret-message";
  outcome.columns = {"name", "note"};
  outcome.differences = {
      {MismatchKind::value, ReportRow{"secret-cell", std::nullopt}, ReportRow{"SECRET", "x"}},
      {MismatchKind::missing_row, ReportRow{"secret-cell", "secret-note"}, std::nullopt}};
  outcome.legacy_rows = 2;
  outcome.rewrite_rows = 1;
  outcome.live_seconds = 0.0012345;
  outcome.legacy_seconds = 0.002;
  outcome.live_compared = true;
  outcome.context = std::make_shared<const ReplayContext>(
      ReplayContext{{{"app.claims", "secret-claim"}}, "secret-user", {}});
  return outcome;
}

Json line_of(const Outcome& outcome, bool full = false, std::uint64_t suppressed = 0) {
  const auto text = verdict_line(
      outcome, std::get<Verdict>(outcome.end),
      {"a1-7", JournalTime(std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + 1234ms),
       suppressed},
      {kHash, full});
  CHECK(text.find('\n') == std::string::npos);
  return Json::parse(text);
}

TEST_CASE("a line says what happened, of which rule, with what SQL and how long") {
  const auto rules = one_rule();
  const auto line = line_of(secretive(*rules->rules()[0]), false, 3);
  CHECK(line["v"] == 1);
  CHECK(line["type"] == "verdict");
  CHECK(line["time"] == "2026-11-24T00:00:01.234Z");
  CHECK(line["id"] == "a1-7");
  CHECK(line["rule"] == "userRouter.get");
  CHECK(line["version"] == rules->rules()[0]->version);
  CHECK(line["verdict"] == "mismatch");
  CHECK(line["kind"] == "value");
  CHECK(line["side"] == "legacy");
  CHECK(line["detail"] == "column \"name\" differs in 1 row");
  CHECK(line["legacy_sql"] == "SELECT name FROM users WHERE id = :id AND kind IN (:kinds)");
  CHECK(line["rewrite_sql"] == "select name from users where id = :id and kind in (:kinds)");
  CHECK(line["legacy_sqlstate"] == "22012");
  CHECK_FALSE(line.contains("rewrite_sqlstate"));
  CHECK(line["legacy_rows"] == 2);
  CHECK(line["rewrite_rows"] == 1);
  CHECK(line["live_ms"] == 1.235);
  CHECK(line["legacy_ms"] == 2.0);
  CHECK(line["live_differs"] == false);
  CHECK(line["suppressed"] == 3);
  CHECK(line["columns"] == Json({"name", "note"}));
}

TEST_CASE("hashed: no value anywhere, and equal values can be seen to be equal") {
  const auto rules = one_rule();
  const auto line = line_of(secretive(*rules->rules()[0]));
  auto text = line.dump();
  std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(tolower(c)); });
  CHECK(text.find("secret") == std::string::npos);
  CHECK(line["values"] == "hashed");
  CHECK(line["parameters"]["id"] == kHash.text("secret-id"));
  CHECK(line["parameters"]["kinds"] == Json::array({kHash.text("secret-kind")}));
  CHECK(line["settings"][0] == Json::array({"app.claims", kHash.text("secret-claim")}));
  CHECK(line["differences"][0]["legacy"][0] == line["differences"][1]["legacy"][0]);
  CHECK(line["differences"][0]["legacy"][1] == nullptr);
  CHECK(line["differences"][1]["kind"] == "missing_row");
  CHECK(line["differences"][1]["rewrite"] == nullptr);
}

TEST_CASE("full: the values, never a message") {
  const auto rules = one_rule();
  auto outcome = secretive(*rules->rules()[0]);
  Value unread = binary_value("\x01\xff");
  unread.type_oid = 1184;
  outcome.values["id"].members = {unread};
  outcome.values["kinds"].members.push_back(null_value());
  outcome.differences[0].legacy->at(0) = std::string(2000, 'x');
  const auto line = line_of(outcome, true);
  CHECK(line["values"] == "full");
  CHECK(line["parameters"]["id"] == Json{{"type", 1184}, {"hex", "01ff"}});
  CHECK(line["parameters"]["kinds"] == Json::array({"secret-kind", nullptr}));
  CHECK(line["settings"][0] == Json::array({"app.claims", "secret-claim"}));
  CHECK(line["user"] == "secret-user");
  CHECK(line["differences"][0]["legacy"][0] == std::string(1024, 'x') + "... (2000 bytes)");
  CHECK(line["differences"][0]["rewrite"][0] == "SECRET");
  CHECK(line.dump().find("secret-message") == std::string::npos);
}

TEST_CASE("a line that is too long leaves out its parameters and says so") {
  const auto rules = one_rule();
  auto outcome = secretive(*rules->rules()[0]);
  outcome.values = values_of(std::string(2 * kJournalLineBytesMax, 'x'));
  const auto line = line_of(outcome, true);
  CHECK(line["cut"] == Json({"differences", "parameters"}));
  CHECK_FALSE(line.contains("parameters"));
  CHECK(line["verdict"] == "mismatch");
}

TEST_CASE("bytes that are no UTF-8 do not break the line") {
  const auto rules = one_rule();
  auto outcome = secretive(*rules->rules()[0]);
  outcome.values = values_of("\xe4\xff");
  CHECK(line_of(outcome, true)["parameters"]["id"] == "\ufffd\ufffd");
}

}  // namespace
}  // namespace parallax::shadow::tests
