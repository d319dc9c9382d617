#pragma once

// Name resolution on libuv's thread pool, so that no loop waits for DNS.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/io/loop.h"

namespace parallax::io {

struct Resolved {
  std::vector<std::string> addresses;  // numeric, in the resolver's order, duplicates removed
  std::string error;                   // empty on success
};

// One running look-up; destroying it forgets the answer.
class ResolveRequest {
 public:
  // Numeric addresses and Unix socket directories (leading '/') are answered as they are, also by a
  // callback later.
  static std::unique_ptr<ResolveRequest> start(Loop& loop, const std::string& host,
                                               std::function<void(Resolved)> callback);
  ~ResolveRequest();

 private:
  ResolveRequest() = default;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace parallax::io
