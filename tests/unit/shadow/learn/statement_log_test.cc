#include "shadow/learn/statement_log.h"

#include "tests/unit/shadow/learn/support.h"

namespace parallax::shadow::test {
namespace {

TEST_CASE("learn: all are counted, the newest are kept") {
  Traffic traffic(StatementLog::Limits{.statements = 10, .examples = 3, .bytes = 1 << 20});
  for (int i = 0; i < 8; ++i)
    traffic.legacy("select a from t where id = $1", {std::to_string(i)}, {{"x"}}, "op");
  const auto taken = traffic.take();
  REQUIRE(taken.statements.size() == 1);
  const auto& one = taken.statements.front();
  CHECK(one.count == 8);
  CHECK(one.let_go == 5);
  CHECK(one.operations == std::map<std::string, std::uint64_t>{{"op", 8}});
  REQUIRE(one.examples.size() == 3);
  CHECK(one.examples.front().inputs[0].members[0] == "5");
}

TEST_CASE("learn: memory is bounded over all; a rare statement keeps its examples") {
  const std::size_t bytes = 40'000;
  Traffic traffic(StatementLog::Limits{.statements = 10, .examples = 1'000, .bytes = bytes});
  traffic.legacy("select rare from t", {}, {{"x"}});
  for (int i = 0; i < 200; ++i)
    traffic.legacy("select a from t where id = $1", {"1"}, {{std::string(500, 'x')}});
  const auto taken = traffic.take();
  REQUIRE(taken.statements.size() == 2);
  CHECK(taken.statements[0].examples.size() == 1);
  CHECK(taken.statements[1].count == 200);
  CHECK(taken.statements[1].let_go > 100);
  CHECK(taken.statements[1].let_go + taken.statements[1].examples.size() == 200);
  CHECK(taken.statements[0].example_bytes + taken.statements[1].example_bytes <= bytes);
}

TEST_CASE("learn: statements that are too many are counted together") {
  Traffic traffic(StatementLog::Limits{.statements = 2, .examples = 3, .bytes = 1 << 20});
  for (const char* sql :
       {"select a from t", "select b from t", "select c from t", "select d from t"})
    traffic.legacy(sql, {}, {});
  const auto taken = traffic.take();
  CHECK(taken.statements.size() == 2);
  CHECK(taken.beyond == 2);
}

TEST_CASE("learn: the two sides are told apart, and a list is kept as it is written with members") {
  Traffic traffic;
  traffic.legacy("select a from t where id in (null)", {}, {});
  traffic.legacy("select a from t where id in ($1::int)", {"1"}, {});
  traffic.rewrite("select a from t where id in ($1::int)", {"1"}, {});
  const auto taken = traffic.take();
  REQUIRE(taken.statements.size() == 3);
  CHECK(taken.statements[1].side == Side::legacy);
  CHECK(taken.statements[2].side == Side::rewrite);
}

}  // namespace
}  // namespace parallax::shadow::test
