#include "shadow/strict/client_run.h"

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/framer.h"
#include "protocol/messages.h"
#include "tests/support/wire.h"

namespace parallax::shadow {
namespace {

namespace be = parallax::test::be;
using parallax::test::Values;

// Letters of the messages of a client, and the SQL of each Parse.
struct Said final : protocol::FramerVisitor {
  explicit Said(const std::vector<std::byte>& bytes) {
    protocol::Framer framer;
    REQUIRE(framer.feed(bytes, *this));
    CHECK(framer.at_boundary());
  }
  std::size_t wanted(char, std::uint32_t length) override { return length; }
  void message(const protocol::Message& message) override {
    letters += message.type;
    if (message.type != 'P') return;
    const auto view = protocol::view_parse(message.body);
    REQUIRE(view);
    CHECK_FALSE(view->name.empty());  // the client's unnamed statement stays
    sql.emplace_back(view->sql);
  }
  std::string letters;
  std::vector<std::string> sql;
};

be::Column int_column() {
  be::Column column;
  column.name = "n";
  column.type_oid = 23;
  return column;
}

struct Runner {
  std::vector<std::byte> begin(std::vector<ClientStep> steps, bool first, bool last,
                               std::size_t bytes = 1000) {
    end.reset();
    ClientRound round;
    round.first = first;
    round.last = last;
    round.steps = std::move(steps);
    round.result_bytes = bytes;
    round.done = [this](ClientRoundEnd how) { end = std::move(how); };
    return run->begin(std::move(round), 0);
  }
  std::vector<std::byte> server(const std::string& messages) {
    struct Each final : protocol::FramerVisitor {
      explicit Each(ClientRun& owner) : run(owner) {}
      std::size_t wanted(char, std::uint32_t length) override { return length; }
      void message(const protocol::Message& message) override {
        for (const auto byte : run.message(message.type, message.body, 5)) more.push_back(byte);
      }
      ClientRun& run;
      std::vector<std::byte> more;
    } each(*run);
    protocol::Framer framer;
    REQUIRE(framer.feed(parallax::test::bytes(messages), each));
    return each.more;
  }
  std::string done(const std::string& tag) {
    return be::parse_complete() + be::bind_complete() + be::command_complete(tag) +
           be::close_complete() + be::close_complete();
  }
  std::string rows(const std::vector<std::string>& cells) {
    std::string all =
        be::parse_complete() + be::bind_complete() + be::row_description({int_column()});
    for (const auto& cell : cells) all += be::data_row(Values{cell});
    return all + be::command_complete("SELECT") + be::close_complete() + be::close_complete();
  }
  const std::vector<StepResult>& results() {
    REQUIRE(end);
    REQUIRE(std::holds_alternative<std::vector<StepResult>>(*end));
    return std::get<std::vector<StepResult>>(*end);
  }

  std::unique_ptr<ClientRun> run = std::make_unique<ClientRun>();
  std::optional<ClientRoundEnd> end;
};

TEST_CASE("one round: savepoint, settings, steps, and back", "[client_run]") {
  Runner runner;
  const Said said(runner.begin({{"SELECT 1", {}, false}, {"SELECT 2", {}, false}}, true, true));
  REQUIRE(said.sql.size() == 6);
  CHECK(said.sql[0].starts_with("SAVEPOINT"));
  CHECK(said.sql[1].find("transaction_read_only") != std::string::npos);
  CHECK(said.sql[2] == "SELECT 1");
  CHECK(said.sql[4].starts_with("ROLLBACK TO SAVEPOINT"));
  CHECK(said.sql[5].starts_with("RELEASE SAVEPOINT"));
  CHECK(said.letters.back() == 'S');
  runner.server(runner.done("SAVEPOINT") + runner.done("SELECT 1"));
  CHECK(runner.run->open());
  runner.server(runner.rows({"7", "8"}) + runner.rows({}) + runner.done("ROLLBACK") +
                runner.done("RELEASE"));
  CHECK_FALSE(runner.run->open());
  CHECK_FALSE(runner.end);
  CHECK(runner.server(be::ready('T')).empty());
  const auto& results = runner.results();
  REQUIRE(results.size() == 2);
  CHECK(results[0].result.rows() == 2);
  CHECK(results[0].result.cell(1, 0) == "8");
  CHECK(results[0].result.columns()[0].type_oid == 23);
  CHECK((results[1].ran && results[1].result.rows() == 0));
  CHECK_FALSE(runner.run->broken());
}

TEST_CASE("a step that fails is rolled back before its round ends", "[client_run]") {
  Runner runner;
  runner.begin({{"SELECT 1", {}, false}, {"SELECT 2", {}, false}}, true, false);
  runner.server(runner.done("SAVEPOINT") + runner.done("SELECT 1"));
  runner.server(be::parse_complete() + be::error("22012"));
  const auto more = runner.server(be::ready('E'));
  const Said said(more);
  CHECK_FALSE(runner.end);
  REQUIRE(said.sql.size() == 2);
  CHECK(said.sql[0].starts_with("ROLLBACK TO SAVEPOINT"));
  CHECK(said.letters.starts_with("CC"));  // what the failed step has left
  runner.server(be::close_complete() + be::close_complete() + runner.done("ROLLBACK") +
                runner.done("RELEASE") + be::ready('T'));
  CHECK(runner.results()[0].sqlstate == "22012");
  CHECK_FALSE(runner.results()[1].ran);
  CHECK_FALSE(runner.run->open());
  CHECK_FALSE(runner.run->broken());
}

TEST_CASE("several rounds share the savepoint", "[client_run]") {
  Runner runner;
  runner.begin({{"SELECT 1", {}, false}}, true, false);
  runner.server(runner.done("SAVEPOINT") + runner.done("SELECT 1") + runner.rows({"1"}) +
                be::ready('T'));
  CHECK(runner.results().size() == 1);
  CHECK(runner.run->open());
  const Said said(runner.begin({}, false, true));
  CHECK(said.sql.size() == 2);
  runner.server(runner.done("ROLLBACK") + runner.done("RELEASE") + be::ready('T'));
  CHECK(runner.results().empty());
  CHECK_FALSE(runner.run->open());
}

TEST_CASE("what cannot go on as it was is broken", "[client_run]") {
  Runner runner;
  runner.begin({{"SELECT 1", {}, false}}, true, true);
  runner.server(be::error("25P02") + be::ready('E'));
  REQUIRE(runner.end);
  CHECK(std::holds_alternative<ClientRoundSkip>(*runner.end));
  CHECK(runner.run->broken());
}

TEST_CASE("a result over the limit ends as too large", "[client_run]") {
  Runner runner;
  runner.begin({{"SELECT 1", {}, false}}, true, true, 20);
  runner.server(runner.done("SAVEPOINT") + runner.done("SELECT 1") +
                runner.rows({std::string(50, 'x')}) + runner.done("ROLLBACK") +
                runner.done("RELEASE") + be::ready('T'));
  REQUIRE(runner.end);
  CHECK(std::get<ClientRoundSkip>(*runner.end).reason == SkipReason::too_large);
}

TEST_CASE("a round over the limit takes the savepoint with it, as no other will come",
          "[client_run]") {
  Runner runner;
  runner.begin({{"SELECT 1", {}, false}}, true, false, 20);
  const Said said(runner.server(runner.done("SAVEPOINT") + runner.done("SELECT 1") +
                                runner.rows({std::string(50, 'x')}) + be::ready('T')));
  CHECK_FALSE(runner.end);
  REQUIRE(said.sql.size() == 2);
  CHECK(said.sql[0].starts_with("ROLLBACK TO SAVEPOINT"));
  CHECK(said.sql[1].starts_with("RELEASE SAVEPOINT"));
  runner.server(be::close_complete() + be::close_complete() + runner.done("ROLLBACK") +
                runner.done("RELEASE") + be::ready('T'));
  REQUIRE(runner.end);
  CHECK(std::get<ClientRoundSkip>(*runner.end).reason == SkipReason::too_large);
  CHECK_FALSE(runner.run->open());
  CHECK_FALSE(runner.run->broken());
}

TEST_CASE("a message larger than a result may be ends its round as too large", "[client_run]") {
  Runner runner;
  runner.begin({{"SELECT 1", {}, false}}, true, true, 5000);
  CHECK(runner.run->message_bytes_max() > 5000 + 1664 * 80);
  runner.server(runner.done("SAVEPOINT") + runner.done("SELECT 1") + be::parse_complete() +
                be::bind_complete() + be::row_description({int_column()}));
  runner.run->too_large();
  // What was kept of the row: its one cell would have had more.
  const std::string cut("\0\1\0\1\0\0xxx", 9);
  CHECK(runner.run->message('D', protocol::as_bytes(cut), 5).empty());
  runner.server(be::command_complete("SELECT") + be::close_complete() + be::close_complete() +
                runner.done("ROLLBACK") + runner.done("RELEASE") + be::ready('T'));
  REQUIRE(runner.end);
  const auto& skip = std::get<ClientRoundSkip>(*runner.end);
  CHECK((skip.reason == SkipReason::too_large && skip.detail.find("5000") != std::string::npos));
  CHECK_FALSE(runner.run->open());
}

TEST_CASE("a client that goes ends its round", "[client_run]") {
  Runner runner;
  runner.begin({{"SELECT 1", {}, false}}, true, true);
  runner.run.reset();
  REQUIRE(runner.end);
  CHECK(std::holds_alternative<ClientRoundSkip>(*runner.end));
}

TEST_CASE("the error's text survives its quoting", "[client_run]") {
  const StrictRefusal refusal{"PLX01", "it's a \\ \"text\"\n100 % $$"};
  const Said extended(raise_by_execute(refusal));
  CHECK(extended.letters == "PBCEH");
  REQUIRE(extended.sql.size() == 1);
  CHECK(extended.sql[0] ==
        "DO LANGUAGE plpgsql E'BEGIN RAISE EXCEPTION USING ERRCODE = E''PLX01'', MESSAGE = "
        "E''it''''s a \\\\\\\\ \"text\" 100 % $$''; END'");
  CHECK(Said(raise_by_query(refusal)).letters == "Q");
}

}  // namespace
}  // namespace parallax::shadow
