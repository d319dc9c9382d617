// Which child belongs to which operation, and what becomes of those that are not whole.

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <utility>

#include "tests/unit/shadow/assembly_world.h"

namespace parallax::shadow {
namespace {

using tests::kWindow;
using tests::World;

TEST_CASE("a call whose children come in any order on any connection") {
  World world;
  world.root({{"1", "a", "e"}, {"2", "b", "e"}});
  CHECK(world.open.any(world.rule));
  world.take(world.users({"e", "e"}, 2));
  world.take(world.users({"a", "b"}, 3));
  CHECK(world.complete.empty());
  world.take(world.badges({"a", "b"}, "gold", 4));
  REQUIRE(world.complete.size() == 1);
  CHECK(world.complete[0].parts == 4);
  CHECK(world.complete[0].held.size() == 4);
  CHECK(world.complete[0].operation.values.at("kind").members[0].bytes == "gold");
  CHECK_FALSE(world.complete[0].operation.values.contains("page.author"));
  CHECK(world.assembly.empty());
  CHECK_FALSE(world.open.any(world.rule));
}

TEST_CASE("in whose transaction blocks an operation was read is known") {
  const auto in_block = [](CapturedStatement statement) {
    statement.strict = StrictHold{
        {.worker = 0, .session_id = statement.session_id, .serial = 1, .in_transaction = true},
        {statement.children.front().place.rule}};
    return statement;
  };
  World world;
  world.root({{"1", "a", "e"}});
  world.take(in_block(world.users({"e"}, 2)));
  world.take(in_block(world.users({"a"}, 2)));
  world.take(in_block(world.badges({"a"}, "gold", 3)));
  REQUIRE(world.complete.size() == 1);
  CHECK(world.complete[0].operation.blocks == std::set<std::uint64_t>{2, 3});

  World none;
  none.root({{"1", "a", "e"}});
  none.take(none.users({"e"}, 2));
  none.take(none.users({"a"}, 2));
  none.take(none.badges({"a"}, "gold", 3));
  REQUIRE(none.complete.size() == 1);
  CHECK(none.complete[0].operation.blocks.empty());
}

TEST_CASE("what stands in a child's way depends on whether its answer is held for the rule") {
  const auto child = [](World& world, bool strict) {
    auto statement = world.users({"e"});
    if (strict) statement.strict = StrictHold{{}, {&world.rule}};
    statement.skip = SkipReason::txn_wrote;
    return statement;
  };
  World shadowed;
  shadowed.root({{"1", "a", "e"}});
  shadowed.take(child(shadowed, false));
  REQUIRE(shadowed.ended.size() == 1);
  CHECK(shadowed.ended[0] == Assembly::End(SkipReason::txn_wrote));

  World strict;
  strict.root({{"1", "a", "e"}});
  strict.take(child(strict, true));
  CHECK(strict.ended.empty());
}

TEST_CASE("a list may be the distinct values, and the list in order goes before that") {
  World world;
  world.root({{"1", "a", std::nullopt}, {"2", "b", "e"}, {"3", "a", "e"}});
  world.take(world.users({"b", "a"}));
  world.take(world.users({"e"}));
  world.take(world.badges({"b", "a"}, "gold"));
  CHECK(world.complete.size() == 1);

  World two;
  two.root({{"1", "a", "x"}, {"2", "b", "x"}}, 1);
  two.root({{"1", "b", "y"}, {"2", "a", "y"}}, 2);
  auto child = two.users({"b", "a"}, 9);
  child.live.seconds = 5;
  two.take(std::move(child));
  two.take(two.users({"y", "y"}, 9));
  two.take(two.badges({"b", "a"}, "gold", 9));
  REQUIRE(two.complete.size() == 1);
  CHECK(two.complete[0].operation.session_id == 2);
  CHECK(two.complete[0].operation.live.seconds == 5);
}

TEST_CASE("the same shape and list twice in one call takes two statements") {
  World world;
  world.root({{"1", "a", "a"}});
  world.take(world.users({"a"}));
  world.take(world.badges({"a"}, "gold"));
  CHECK(world.complete.empty());
  world.take(world.users({"a"}));
  CHECK(world.complete.size() == 1);
}

TEST_CASE("children of an empty parent may come or not") {
  World world;
  world.root({{"1", "a", std::nullopt}});
  world.take(world.users({"a"}));
  world.take(world.badges({"a"}, "gold"));
  CHECK(world.complete.size() == 1);  // nobody waits for the editors
  world.take(world.users({std::nullopt}));
  world.take(world.users({}));
  world.assembly.expire(world.now + kWindow);
  CHECK(world.unused == std::vector<std::optional<OrphanReason>>{std::nullopt, std::nullopt});
}

TEST_CASE("where an empty child alone gives a value, the call waits for it") {
  World world;
  world.root({});
  CHECK(world.complete.empty());
  world.take(world.badges({}, "gold"));
  REQUIRE(world.complete.size() == 0);
  world.take(world.users({}));
  world.assembly.expire(world.now + kWindow);
  CHECK(world.ended.size() + world.complete.size() == 1);
}

TEST_CASE("a child that comes before its parent waits for it") {
  World world;
  world.take(world.badges({"a"}, "gold", 3));
  world.take(world.users({"a"}, 2));
  world.root({{"1", "a", std::nullopt}});
  CHECK(world.complete.size() == 1);
}

TEST_CASE("what does not come in time is incomplete, and its child is nobody's") {
  World world;
  world.root({{"1", "a", "e"}});
  world.take(world.users({"zz"}));
  world.assembly.expire(world.now + kWindow - 1);
  CHECK(world.unused.size() == 1);
  CHECK(world.unused[0] == OrphanReason::no_parent);
  CHECK(world.ended.empty());
  world.assembly.expire(world.now + kWindow);
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::incomplete});
  CHECK(world.given_back == 2);
  CHECK(world.assembly.empty());
}

TEST_CASE("another context is another client's") {
  World world;
  world.root({{"1", "a", std::nullopt}});
  auto child = world.users({"a"});
  child.context = std::make_shared<ReplayContext>(ReplayContext{{{"role", "other"}}, {}, {}});
  world.take(std::move(child));
  world.take(world.badges({"a"}, "gold"));
  CHECK(world.complete.empty());
}

TEST_CASE("two calls that wait for the same child: whose values they are cannot be told") {
  World world;
  for (const std::uint64_t session : {1U, 2U}) {
    world.root({{"1", "a", std::nullopt}}, session);
    world.take(world.users({"a"}, session));
  }
  world.take(world.badges({"a"}, "gold", 7));
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::ambiguous, SkipReason::ambiguous});
  CHECK(world.complete.empty());

  World own;  // a connection serves one call at a time
  for (const std::uint64_t session : {1U, 2U}) {
    own.root({{"1", "a", std::nullopt}}, session);
    own.take(own.users({"a"}, session));
  }
  own.take(own.badges({"a"}, "gold", 2));
  REQUIRE(own.complete.size() == 1);
  CHECK(own.complete[0].operation.session_id == 2);
}

TEST_CASE("a child that cannot be compared takes its operation along") {
  World world;
  world.root({{"1", "a", std::nullopt}});
  auto child = world.users({"a"});
  child.skip = SkipReason::txn_wrote;
  world.take(std::move(child));
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::txn_wrote});
}

TEST_CASE("a parent whose rows were not captured has no lists") {
  World world;
  CapturedStatement root = world.captured(3, {}, 1);
  root.root = RuleSet::match(world.rules.know("SELECT id, author, editor FROM posts WHERE id > $1"),
                             World::values({"0"}))
                  .root;
  root.live.result = nullptr;
  world.take(std::move(root));
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::too_large});
}

TEST_CASE("an error ends the operation: nothing follows it") {
  World world;
  world.root({{"1", "a", "e"}});
  auto child = world.users({"a"});
  child.live.result = nullptr;
  child.live.sqlstate = "22012";
  world.take(std::move(child));
  REQUIRE(world.complete.size() == 1);
  CHECK(world.complete[0].operation.live.sqlstate == "22012");
}

TEST_CASE("a drain ends all that waits") {
  World world;
  world.root({{"1", "a", "e"}});
  world.take(world.users({"zz"}));
  world.assembly.drop_all(DropReason::drain);
  CHECK(world.ended == std::vector<Assembly::End>{DropReason::drain});
  CHECK(world.unused.size() == 1);
  CHECK(world.assembly.empty());
  CHECK_FALSE(world.open.any(world.rule));
}

}  // namespace
}  // namespace parallax::shadow
