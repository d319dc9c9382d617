#include "protocol/statement_names.h"

#include <catch2/catch.hpp>

namespace parallax::protocol {
namespace {

Prepared prepared(std::uint64_t serial) { return {std::make_shared<StatementNote>(), serial}; }

TEST_CASE("a name means first what was sent, then what was confirmed", "[names]") {
  for (const char* name : {"", "s"}) {
    StatementNames names(10);
    CHECK(names.sent(name).serial == 0);
    REQUIRE(names.change_sent(name, prepared(1)));
    CHECK(names.sent(name).serial == 1);
    CHECK(names.confirmed(name).serial == 0);
    REQUIRE(names.change_sent(name, {}));
    REQUIRE(names.change_sent(name, prepared(2)));
    CHECK(names.sent(name).serial == 2);
    names.change_done(name, true, prepared(1));
    CHECK(names.sent(name).serial == 2);
    CHECK(names.confirmed(name).serial == 1);
    names.change_dropped(name);
    CHECK(names.sent(name).serial == 2);
    names.change_dropped(name);
    CHECK(names.sent(name).serial == 1);
    names.change_sent(name, {});
    CHECK(names.sent(name).serial == 0);
    names.change_done(name, true, {});
    CHECK(names.confirmed(name).serial == 0);
    CHECK_FALSE(names.any_note());
  }
}

TEST_CASE("whether any statement has a note", "[names]") {
  StatementNames names(10);
  CHECK_FALSE(names.any_note());
  names.change_sent("a", {nullptr, 1});
  CHECK_FALSE(names.any_note());
  names.change_sent("b", prepared(2));
  CHECK(names.any_note());
  names.change_dropped("b");
  CHECK_FALSE(names.any_note());
  names.change_sent("", prepared(3));
  names.change_done("", true, prepared(3));
  names.change_sent("", {});
  CHECK(names.any_note());
  names.change_done("", true, {});
  CHECK_FALSE(names.any_note());
}

TEST_CASE("names over the limit are not remembered and never wrong", "[names]") {
  StatementNames names(1);
  REQUIRE(names.change_sent("a", prepared(1)));
  CHECK_FALSE(names.change_sent("b", prepared(2)));
  CHECK(names.sent("b").serial == 0);
  REQUIRE(names.change_sent("a", {}));
  names.change_done("a", true, prepared(1));
  names.change_done("b", false, prepared(2));
  CHECK(names.confirmed("b").serial == 0);
  names.change_done("a", true, {});
  // Now there is room. The answer to a Parse that was not counted leaves the name unknown.
  REQUIRE(names.change_sent("b", prepared(3)));
  names.change_done("b", false, prepared(2));
  CHECK(names.confirmed("b").serial == 0);
  CHECK(names.sent("b").serial == 3);
  names.change_done("b", true, prepared(3));
  CHECK(names.confirmed("b").serial == 3);
}

TEST_CASE("deallocated names are forgotten, but not those sent since", "[names]") {
  StatementNames names(10);
  for (const char* name : {"", "a", "b"}) {
    names.change_sent(name, prepared(1));
    names.change_done(name, true, prepared(1));
  }
  names.change_sent("b", prepared(2));
  names.forget_named();
  CHECK(names.confirmed("").serial == 1);
  CHECK(names.confirmed("a").serial == 0);
  CHECK(names.confirmed("b").serial == 0);
  CHECK(names.sent("b").serial == 2);
  names.change_done("b", true, prepared(2));
  CHECK(names.confirmed("b").serial == 2);
}

}  // namespace
}  // namespace parallax::protocol
