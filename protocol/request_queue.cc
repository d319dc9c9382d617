#include "protocol/request_queue.h"

#include <algorithm>
#include <utility>

namespace parallax::protocol {
namespace {

constexpr std::size_t kFirstSlots = 16;

}  // namespace

void Request::reset() {
  kind = RequestKind::sync;
  tracked = described = answered = failed = bound_known = false;
  name.clear();
  bound.clear();
  statement.reset();
  binding.reset();
  statement_serial = portal_serial = requested_ns = 0;
}

Request& RequestQueue::push(RequestKind kind) {
  if (size_ == slots_.size()) grow();
  Request& request = at(size_++);
  request.kind = kind;
  return request;
}

void RequestQueue::pop_front() {
  front().reset();  // now, not when the slot is used again: notes live no longer than their request
  head_ = (head_ + 1) & (slots_.size() - 1);
  if (--size_ == 0 && slots_.size() > kSlotsKept) {
    std::vector<Request>().swap(slots_);
    head_ = 0;
  }
}

void RequestQueue::remove_behind_front(std::size_t count) {
  if (count == 0) return;
  std::swap(front(), at(count));
  for (std::size_t i = 0; i < count; ++i) pop_front();
}

void RequestQueue::grow() {
  std::vector<Request> larger(std::max(kFirstSlots, slots_.size() * 2));
  for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(at(i));
  slots_.swap(larger);
  head_ = 0;
}

}  // namespace parallax::protocol
