#include "proxy/render_evidence.h"

#include <catch2/catch.hpp>

namespace parallax::proxy {
namespace {

shadow::Standings hostile() {
  shadow::RuleStanding rule;
  rule.rule = "<script>alert('&\"')</script>";
  rule.failures = {"1 mismatch"};
  rule.current.first = shadow::EvidenceTime();
  rule.current.verdicts["mismatch"] = 1;
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

}  // namespace
}  // namespace parallax::proxy
