// Tags narrow which operation a child belongs to.

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/shadow/assembly_world.h"

namespace parallax::shadow {
namespace {

using tests::World;

StatementTags call(const std::string& request) {
  return {.operation = "posts", .request = request, .traceparent = {}};
}

// Two calls of one page, tagged by their requests, of which each waits for badges.
struct Tagged : World {
  explicit Tagged(const std::vector<StatementTags>& roots) {
    for (const auto& tags : roots) {
      const std::uint64_t session = ++sessions;
      root({{"1", "a", std::nullopt}}, session, "0", tags);
      auto authors = users({"a"}, session);
      authors.tags = tags;
      take(std::move(authors));
    }
  }
  void take_badges(const std::string& kind, const StatementTags& tags) {
    auto child = badges({"a"}, kind, 9);
    child.tags = tags;
    take(std::move(child));
  }
  std::string kind_of(std::size_t call) const {
    return complete.at(call).operation.values.at("kind").members[0].bytes;
  }
  std::uint64_t sessions = 0;
};

TEST_CASE("tags say whose child it is where lists do not") {
  Tagged world({call("r1"), call("r2")});
  world.take_badges("silver", call("r2"));
  world.take_badges("gold", call("r1"));
  REQUIRE(world.complete.size() == 2);
  CHECK(world.complete[0].operation.session_id == 2);
  CHECK(world.kind_of(0) == "silver");
  CHECK(world.complete[1].operation.session_id == 1);
  CHECK(world.kind_of(1) == "gold");

  Tagged operations({{.operation = "a", .request = {}, .traceparent = {}},
                     {.operation = "b", .request = {}, .traceparent = {}}});
  operations.take_badges("gold", {.operation = "b", .request = {}, .traceparent = {}});
  REQUIRE(operations.complete.size() == 1);
  CHECK(operations.complete[0].operation.session_id == 2);
}

TEST_CASE("a child without tags, or calls without: as if there were none") {
  Tagged world({call("r1"), call("r2")});
  world.take_badges("gold", {});
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::ambiguous, SkipReason::ambiguous});

  Tagged untagged({{}, {}});
  untagged.take_badges("gold", call("r1"));
  CHECK(untagged.ended == std::vector<Assembly::End>{SkipReason::ambiguous, SkipReason::ambiguous});
}

TEST_CASE("calls that tags do not tell apart are ambiguous, and others stay") {
  Tagged world({call("r1"), call("r2"), call("r1")});
  world.take_badges("gold", call("r1"));
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::ambiguous, SkipReason::ambiguous});
  world.take_badges("gold", call("r2"));
  CHECK(world.complete.size() == 1);
}

TEST_CASE("a child of another call waits for its own") {
  Tagged world({call("r1")});
  world.take_badges("silver", call("r2"));
  CHECK(world.complete.empty());
  world.root({{"1", "a", std::nullopt}}, 2, "0", call("r2"));
  auto authors = world.users({"a"}, 2);
  authors.tags = call("r2");
  world.take(std::move(authors));
  REQUIRE(world.complete.size() == 1);
  CHECK(world.complete[0].operation.session_id == 2);
  world.take_badges("gold", call("r1"));
  CHECK(world.complete.size() == 2);
  CHECK(world.kind_of(1) == "gold");
  CHECK(world.assembly.empty());
}

TEST_CASE("tags narrow, they are never required: a child that nobody else wants is taken at last") {
  Tagged world({call("r1")});
  world.take_badges("gold", call("r2"));
  world.assembly.expire(world.now + 249'000'000);
  CHECK(world.complete.empty());
  world.assembly.expire(world.now + 250'000'000);
  CHECK(world.complete.size() == 1);
  CHECK(world.unused.empty());
  CHECK(world.assembly.empty());

  World each_its_own;  // a whole call whose statements have nothing in common
  each_its_own.root({{"1", "a", std::nullopt}}, 1, "0", call("r1"));
  auto badges = each_its_own.badges({"a"}, "gold", 3);
  badges.tags = call("r3");
  each_its_own.take(std::move(badges));
  auto users = each_its_own.users({"a"}, 2);
  users.tags = call("r2");
  each_its_own.take(std::move(users));
  each_its_own.assembly.expire(each_its_own.now + 250'000'000);
  CHECK(each_its_own.complete.size() == 1);
}

TEST_CASE("a list as a set of the same call goes before a list in order of another") {
  World world;
  world.root({{"1", "a", "x"}, {"2", "b", "x"}}, 1, "0", call("r1"));
  world.root({{"1", "b", "y"}, {"2", "a", "y"}}, 2, "0", call("r2"));
  auto child = world.users({"b", "a"}, 9);
  child.tags = call("r1");
  world.take(std::move(child));
  world.take(world.users({"x", "x"}, 9));
  world.take(world.badges({"a", "b"}, "gold", 9));
  REQUIRE(world.complete.size() == 1);
  CHECK(world.complete[0].operation.session_id == 1);
}

}  // namespace
}  // namespace parallax::shadow
