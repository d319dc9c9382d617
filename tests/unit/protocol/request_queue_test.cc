#include "protocol/request_queue.h"

#include <catch2/catch.hpp>

namespace parallax::protocol {
namespace {

TEST_CASE("requests leave the queue in the order they came, over many turns of the ring",
          "[queue]") {
  RequestQueue queue;
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  for (int round = 0; round < 500; ++round) {
    for (int i = 0; i < round % 23; ++i) queue.push(RequestKind::execute).requested_ns = in++;
    for (int i = 0; i < round % 19 && !queue.empty(); ++i) {
      REQUIRE(queue.front().requested_ns == out++);
      queue.pop_front();
    }
    REQUIRE(queue.size() == in - out);
    for (std::size_t i = 0; i < queue.size(); ++i) REQUIRE(queue.at(i).requested_ns == out + i);
  }
}

TEST_CASE("a used slot comes back as new", "[queue]") {
  RequestQueue queue;
  for (int i = 0; i < 100; ++i) {
    Request& request = queue.push(RequestKind::bind);
    CHECK(request.name.empty());
    CHECK(request.bound.empty());
    CHECK(request.statement == nullptr);
    CHECK(request.binding == nullptr);
    CHECK(request.portal_serial == 0);
    CHECK_FALSE((request.tracked || request.described || request.answered || request.failed ||
                 request.bound_known));
    request.name = request.bound = "name";
    request.statement = std::make_shared<StatementNote>();
    request.binding = std::make_shared<BindingNote>();
    request.portal_serial = 1;
    request.tracked = request.described = request.answered = request.failed = request.bound_known =
        true;
    queue.pop_front();
  }
}

TEST_CASE("requests behind the front are removed", "[queue]") {
  for (std::uint64_t count = 0; count < 6; ++count) {
    RequestQueue queue;
    for (std::uint64_t i = 0; i < 6; ++i) queue.push(RequestKind::sync).requested_ns = i;
    queue.remove_behind_front(count);
    REQUIRE(queue.size() == 6 - count);
    CHECK(queue.front().requested_ns == 0);
    for (std::size_t i = 1; i < queue.size(); ++i) CHECK(queue.at(i).requested_ns == i + count);
  }
}

TEST_CASE("a queue that was very long works on after it ran empty", "[queue]") {
  RequestQueue queue;
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t i = 0; i < 3 * RequestQueue::kSlotsKept; ++i)
      queue.push(RequestKind::sync).requested_ns = i;
    for (std::uint64_t i = 0; i < 3 * RequestQueue::kSlotsKept; ++i) {
      REQUIRE(queue.front().requested_ns == i);
      queue.pop_front();
    }
    CHECK(queue.empty());
  }
}

}  // namespace
}  // namespace parallax::protocol
