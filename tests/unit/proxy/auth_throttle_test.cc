#include "proxy/auth_throttle.h"

#include <catch2/catch.hpp>
#include <string>

namespace parallax::proxy {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kBegin = 1000 * kSecond;  // a machine's uptime

void fail(AuthThrottle& throttle, int times, std::string_view address, std::string_view user,
          std::uint64_t now = kBegin) {
  for (int i = 0; i < times; ++i) throttle.failed(address, user, now);
}

bool refused(const AuthThrottle& throttle, std::string_view address, std::string_view user,
             std::uint64_t now = kBegin) {
  return throttle.wait(address, user, now).count() > 0;
}

TEST_CASE("a user is refused after as many failures as allowed", "[auth_throttle]") {
  for (const int allowed : {1, 2, 5}) {
    AuthThrottle throttle(static_cast<std::size_t>(allowed));
    CHECK_FALSE(refused(throttle, "10.0.0.1", "app"));
    fail(throttle, allowed - 1, "10.0.0.1", "app");
    CHECK_FALSE(refused(throttle, "10.0.0.1", "app"));
    fail(throttle, 1, "10.0.0.1", "app");
    CHECK(refused(throttle, "10.0.0.1", "app"));
  }
}

TEST_CASE("another user and another address are not refused with it", "[auth_throttle]") {
  AuthThrottle throttle(5);
  fail(throttle, 5, "10.0.0.1", "app");
  CHECK_FALSE(refused(throttle, "10.0.0.1", "other"));
  CHECK_FALSE(refused(throttle, "10.0.0.2", "app"));
  CHECK_FALSE(refused(throttle, "10.0.0.1", ""));
  CHECK_FALSE(refused(throttle, "", "app"));
}

TEST_CASE("an address that tries many users is refused as a whole", "[auth_throttle]") {
  AuthThrottle throttle(5);
  for (int i = 0; i < 19; ++i) fail(throttle, 1, "10.0.0.1", "user" + std::to_string(i));
  CHECK_FALSE(refused(throttle, "10.0.0.1", "nobody"));
  fail(throttle, 1, "10.0.0.1", "user19");
  CHECK(refused(throttle, "10.0.0.1", "nobody"));
  CHECK_FALSE(refused(throttle, "10.0.0.2", "nobody"));
}

TEST_CASE("who has logged in from an address is not refused for what others do there",
          "[auth_throttle]") {
  AuthThrottle throttle(5);
  throttle.succeeded("10.0.0.1", "app");
  for (int i = 0; i < 20; ++i) fail(throttle, 1, "10.0.0.1", "user" + std::to_string(i));
  CHECK(refused(throttle, "10.0.0.1", "nobody"));
  CHECK_FALSE(refused(throttle, "10.0.0.1", "app"));
  fail(throttle, 5, "10.0.0.1", "app");  // its own
  CHECK(refused(throttle, "10.0.0.1", "app"));
}

TEST_CASE("waiting ends with the window that the first failure began", "[auth_throttle]") {
  AuthThrottle throttle(2);
  throttle.failed("a", "app", kBegin);
  throttle.failed("a", "app", kBegin + 40 * kSecond);
  CHECK(throttle.wait("a", "app", kBegin + 40 * kSecond + 1).count() == 20);
  CHECK(throttle.wait("a", "app", kBegin + 60 * kSecond - 1).count() == 1);
  CHECK(throttle.wait("a", "app", kBegin + 60 * kSecond).count() == 0);
  // A new window begins with the next failure.
  throttle.failed("a", "app", kBegin + 61 * kSecond);
  CHECK_FALSE(refused(throttle, "a", "app", kBegin + 61 * kSecond));
  throttle.failed("a", "app", kBegin + 62 * kSecond);
  CHECK(throttle.wait("a", "app", kBegin + 62 * kSecond + 1).count() == 59);
}

TEST_CASE("a success clears its user's failures, not those of its address", "[auth_throttle]") {
  AuthThrottle throttle(2);
  fail(throttle, 2, "a", "app");
  throttle.succeeded("a", "app");
  CHECK_FALSE(refused(throttle, "a", "app"));
  fail(throttle, 2, "a", "app");
  CHECK(refused(throttle, "a", "app"));
  throttle.succeeded("a", "other");
  throttle.succeeded("b", "app");
  CHECK(refused(throttle, "a", "app"));
  fail(throttle, 4, "a", "app");
  throttle.succeeded("a", "app");
  CHECK(refused(throttle, "a", "stranger"));  // eight failures from this address
  CHECK_FALSE(refused(throttle, "a", "app"));
}

TEST_CASE("names of any form are told apart", "[auth_throttle]") {
  AuthThrottle throttle(1);
  fail(throttle, 1, "a", "x\ny");
  CHECK(refused(throttle, "a", "x\ny"));
  CHECK_FALSE(refused(throttle, "a", "y"));
  CHECK_FALSE(refused(throttle, "a", "x"));
  const std::string longest(10'000, 'n');  // no server takes it: its beginning is the name
  fail(throttle, 1, "b", longest);
  CHECK(refused(throttle, "b", longest + "more"));
  CHECK_FALSE(refused(throttle, "b", "n"));
}

TEST_CASE("full of this minute's failures, those that are known stay known", "[auth_throttle]") {
  AuthThrottle throttle(2);
  fail(throttle, 2, "known", "app");
  for (std::size_t i = 0; i < AuthThrottle::kEntriesMax; ++i) {
    throttle.failed("address" + std::to_string(i), "app", kBegin);
  }
  fail(throttle, 5, "late", "app");
  CHECK(refused(throttle, "known", "app"));
  CHECK_FALSE(refused(throttle, "late", "app"));
  // The next minute has room again.
  const auto later = kBegin + 60 * kSecond;
  fail(throttle, 2, "late", "app", later);
  CHECK(refused(throttle, "late", "app", later));
  CHECK_FALSE(refused(throttle, "known", "app", later));
}

}  // namespace
}  // namespace parallax::proxy
