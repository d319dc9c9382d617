#include "proxy/render_evidence.h"

#include <catch2/catch.hpp>

namespace parallax::proxy {
namespace {

shadow::Standings hostile() {
  shadow::RuleStanding rule;
  rule.rule = "<script>alert('&\"')</script>";
  rule.failures = {"1 mismatch"};
  rule.current.first = shadow::EvidenceTime();
  rule.current.told_by["i1"].summaries["mismatch"] = 1;
  shadow::EvidenceExample example;
  example.id = "a-1";
  example.verdict = "mismatch";
  example.parameters = {{"id", "\"</td><img src=x>\""}};
  example.columns = {"<b>"};
  example.differences.push_back({"value", {{"]]>\x01"}}, {{std::nullopt}}});
  rule.current.examples.push_back(example);
  shadow::Standings standings;
  standings.rules.push_back(rule);
  return standings;
}

TEST_CASE("markup of a journal is text in HTML and XML") {
  CHECK(markup("<a href='x'>&\"") == "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
  CHECK(markup("a\x01\xFF\xEF\xBF\xBE") == "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  for (const auto& text : {render_report_html(hostile()), render_report_junit(hostile())}) {
    for (const char* raw : {"<script", "<img", "<b>]", "\x01"})
      CHECK(text.find(raw) == std::string::npos);
  }
}

TEST_CASE("nothing of a journal moves the cursor of a terminal") {
  auto standings = hostile();
  standings.rules[0].rule = "\x1b[2J";
  standings.rules[0].current.examples[0].detail = "\x1b]0;x\x07";
  const auto text = render_report_text(standings, {});
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("FAILED") != std::string::npos);
}

TEST_CASE("power is told with what survived, is not decided or was left out") {
  shadow::RuleStanding rule;
  rule.rule = "r";
  rule.power.emplace();
  rule.power->operations = 32;
  rule.power->planted = 12;
  rule.power->caught = 9;
  rule.power->survivors = {"without and \"deletedAt\" is null", "x\x1b[2J"};
  rule.power->undecided = {{"without limit 5", "timeout 2"}};
  rule.power->left_out = {{"mismatch", 1}};
  shadow::Standings standings;
  standings.rules.push_back(rule);
  auto text = render_ready_text(standings, {});
  for (const char* part :
       {"power: 9 of 12 planted mistakes were caught over 32 recorded operations\n",
        "without and \"deletedAt\" is null: no recorded operation tells the difference\n",
        "without limit 5: not decided: timeout 2\n",
        "left out of the recorded operations: 1, mismatch\n"}) {
    INFO(part);
    CHECK(text.find(part) != std::string::npos);
  }
  CHECK(text.find('\x1b') == std::string::npos);
  standings.rules[0].power->refused = 2;
  standings.rules[0].power->operations = 1;
  standings.rules[0].power->not_planted = 7;
  text = render_ready_text(standings, {});
  CHECK(text.find("were caught over 1 recorded operation; 2 of them by the server\n") !=
        std::string::npos);
  CHECK(text.find("7 more mistakes were not planted\n") != std::string::npos);
  standings.rules[0].power->unknown = "no operation is recorded";
  text = render_ready_text(standings, {});
  CHECK(text.find("power: not known: no operation is recorded\n") != std::string::npos);
  CHECK(text.find("9 of 12") == std::string::npos);
  standings.rules[0].power.reset();
  CHECK(render_ready_text(standings, {}).find("power") == std::string::npos);
}

}  // namespace
}  // namespace parallax::proxy
