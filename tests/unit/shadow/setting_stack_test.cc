#include "shadow/setting_stack.h"

#include <malloc.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <tuple>

#include "shadow/rules/concat.h"

// Measured at the allocator, so where a sanitizer has its own they say nothing of memory.

namespace parallax::shadow {

namespace {

using Kind = SettingEffect::Kind;

constexpr std::size_t kMib = std::size_t{1024} * 1024;

SettingEffect effect(Kind kind, const std::string& name = "", const std::string& value = "") {
  SettingEffect made;
  made.kind = kind;
  made.name = name;
  made.value = value;
  return made;
}

std::string numbered(const char* name, std::size_t i) { return concat({name, std::to_string(i)}); }

// What the stack holds more than at the beginning.
class Heap {
 public:
  std::size_t grown() const {
    const auto now = allocated();
    return now > began_ ? now - began_ : 0;
  }

 private:
  static std::size_t allocated() {
    const auto heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
  }
  std::size_t began_ = allocated();
};

}  // namespace

TEST_CASE("settings that are too large or too many are not kept, and not known") {
  SettingStack stack(SettingStack::Settings{{"timezone", "UTC"}});
  const Heap heap;
  const auto [kind, count, bytes] =
      GENERATE(std::tuple(Kind::set, 64, kMib), std::tuple(Kind::set_local, 64, kMib),
               std::tuple(Kind::set, 20'000, std::size_t{100}));
  for (int i = 0; i < count; ++i)
    stack.apply(effect(kind, concat({"n", std::to_string(i)}), std::string(bytes, 'x')));
  CHECK(heap.grown() < 2 * kMib);
  CHECK_FALSE(stack.known());
  SECTION("a rollback goes back to what was known") {
    stack.rolled_back();
    CHECK(stack.known());
    CHECK(stack.settings() == SettingStack::Settings{{"timezone", "UTC"}});
  }
  SECTION("DISCARD ALL as well, a commit does not") {
    stack.committed();
    CHECK_FALSE(stack.known());
    stack.apply(effect(Kind::discard_all));
    CHECK(stack.known());
    CHECK(stack.settings() == SettingStack::Settings{{"timezone", "UTC"}});
  }
}

TEST_CASE("as many settings as sessions have are followed") {
  SettingStack stack(SettingStack::Settings{});
  for (std::size_t i = 0; i < 200; ++i)
    stack.apply(effect(Kind::set, numbered("n", i), std::string(1000, 'x')));
  CHECK(stack.known());
  CHECK(stack.settings().size() == 200);
  // The same one again and again is one.
  for (std::size_t i = 0; i < 1000; ++i)
    stack.apply(effect(Kind::set_local, "claims", std::string(i, 'y')));
  CHECK(stack.known());
  CHECK(stack.value("claims") == std::string(999, 'y'));
  stack.committed();
  CHECK(stack.value("claims").empty());
}

TEST_CASE("savepoints and commits copy no settings that have not changed") {
  SettingStack stack(SettingStack::Settings{});
  for (std::size_t i = 0; i < 10; ++i)
    stack.apply(effect(Kind::set, numbered("n", i), std::string(20'000, 'x')));
  const Heap heap;
  stack.committed();
  for (std::size_t i = 0; i < 250; ++i) stack.apply(effect(Kind::savepoint, numbered("s", i)));
  CHECK(heap.grown() < kMib / 4);
  stack.apply(effect(Kind::set, "n0", "other"));
  stack.apply(effect(Kind::rollback_to, "s249"));
  CHECK(stack.known());
  CHECK(stack.value("n0").size() == 20'000);
}

TEST_CASE("savepoints that each have other values are kept within bounds, the latest of them") {
  SettingStack stack(SettingStack::Settings{});
  const Heap heap;
  for (std::size_t i = 0; i < 200; ++i) {
    stack.apply(effect(Kind::set, "claims", concat({numbered("", i), std::string(200'000, 'x')})));
    stack.apply(effect(Kind::savepoint, numbered("s", i)));
  }
  CHECK(heap.grown() < 4 * kMib);
  stack.apply(effect(Kind::set, "claims", "none"));
  stack.apply(effect(Kind::rollback_to, "s199"));
  CHECK(stack.known());
  CHECK(stack.value("claims").starts_with("199x"));
  stack.apply(effect(Kind::rollback_to, "s0"));
  CHECK_FALSE(stack.known());
  stack.rolled_back();
  CHECK(stack.known());
  CHECK(stack.settings().empty());
}

// An import that makes one for each row.
TEST_CASE("names of savepoints are no settings, however many there are") {
  SettingStack stack({});
  for (std::size_t i = 0; i < 3000; ++i) {
    stack.apply(effect(Kind::savepoint, numbered("s", i)));
    stack.apply(effect(i % 2 == 0 ? Kind::release : Kind::rollback_to, numbered("s", i)));
  }
  stack.committed();
  CHECK(stack.known());
  CHECK(stack.idle());
}

TEST_CASE("names of settings take no memory without end") {
  SettingStack stack(SettingStack::Settings{});
  const Heap heap;
  SECTION("that were put back") {
    for (std::size_t i = 0; i < 5000; ++i)
      stack.apply(effect(Kind::reset, concat({numbered("n", i), std::string(1000, 'x')})));
    CHECK(heap.grown() < 2 * kMib);
    CHECK_FALSE(stack.known());
    stack.rolled_back();
    CHECK(stack.known());
  }
  SECTION("of custom settings, which the server never forgets") {
    for (std::size_t i = 0; i < 5000; ++i) {
      stack.apply(effect(Kind::set_local, concat({numbered("a.n", i), std::string(1000, 'x')})));
      stack.committed();
    }
    CHECK(heap.grown() < 2 * kMib);
    CHECK_FALSE(stack.known());
    stack.apply(effect(Kind::discard_all));
    CHECK_FALSE(stack.known());
  }
}

}  // namespace parallax::shadow
