#pragma once

// Which of the upstream's addresses each session is connected to, by its BackendKeyData. A cancel
// request comes on a connection of its own, and only the server that issued the key understands it.
// Keys pass unchanged, so without an entry (another instance's session) any address is as good.

#include <mutex>
#include <string>
#include <unordered_map>

namespace parallax::proxy {

// Thread-safe; used at a session's login, at its end, and by cancels.
class CancelRoutes {
 public:
  void remember(const std::string& key, const std::string& address) {
    const std::lock_guard lock(mutex_);
    addresses_.insert_or_assign(key, address);
  }
  void forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    addresses_.erase(key);
  }
  // Empty when the key is not known.
  std::string find(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = addresses_.find(key);
    return found == addresses_.end() ? std::string() : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::string> addresses_;
};

}  // namespace parallax::proxy
