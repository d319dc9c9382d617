#pragma once

// Look-ups of one name, one at a time: who asks while one runs gets its answer, also where who
// began it has gone. A name server that is away then holds one of libuv's few threads, which all
// loops share, and not one for each attempt.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/io/loop.h"
#include "proxy/io/resolver.h"

namespace parallax::io {

class NameLookup {
 public:
  using Callback = std::function<void(Resolved)>;

  explicit NameLookup(Loop& loop) : loop_(loop) {}
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  // The callback comes later, and not after the answer was destroyed. `host`: always the same.
  std::shared_ptr<const Callback> ask(const std::string& host, Callback callback);

 private:
  void answer(const Resolved& resolved);

  Loop& loop_;
  std::unique_ptr<ResolveRequest> running_;
  std::vector<std::weak_ptr<const Callback>> waiting_;
};

}  // namespace parallax::io
