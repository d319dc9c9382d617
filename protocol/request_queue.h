#pragma once

// Requests that wait for their answer, oldest first: a ring whose slots are used again, so that a
// warmed-up session queues requests without allocating.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/notes.h"

namespace parallax::protocol {

enum class RequestKind : std::uint8_t {
  query,
  function_call,
  parse,
  bind,
  describe_statement,
  describe_portal,
  execute,
  close_statement,
  close_portal,
  sync,
  copy_end  // CopyDone or CopyFail: gets no answer of its own, but ends the COPY IN before it
};

struct Request {
  RequestKind kind = RequestKind::sync;
  bool tracked = false;  // parse, close_statement, query: counted in StatementNames; others: `name`
                         // could be kept
  bool described = false;  // describe_statement: ParameterDescription has come
  bool answered = false;   // query, function_call: at least one result has come
  bool failed = false;     // an ErrorResponse was the answer
  std::string name;   // statement of Parse, Describe and Close of statements; portal of the others
  std::string bound;  // bind: name of the statement
  bool bound_known = false;  // bind: `bound` could be kept
  StatementRef statement;    // query, parse, bind
  BindingRef binding;        // bind
  std::uint64_t statement_serial =
      0;                            // of the Parse that this request makes or refers to; 0 unknown
  std::uint64_t portal_serial = 0;  // of the Bind that this request is; 0 for others
  std::uint64_t requested_ns = 0;

  // Back to the state of a new request, but for the storage of the strings.
  void reset();
};

class RequestQueue {
 public:
  // Slots kept when the queue runs empty; more are given back.
  static constexpr std::size_t kSlotsKept = 1024;

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // Index 0 is the oldest; must be below size().
  Request& at(std::size_t index) { return slots_[(head_ + index) & (slots_.size() - 1)]; }
  Request& front() { return at(0); }

  // A reset request at the end. Invalidates references to others.
  Request& push(RequestKind kind);
  // Invalidates references.
  void pop_front();
  // Removes `count` requests that follow the oldest one.
  void remove_behind_front(std::size_t count);

 private:
  void grow();

  std::vector<Request> slots_;  // its size is zero or a power of two
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace parallax::protocol
