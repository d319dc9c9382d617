#include "proxy/auth_throttle.h"

#include <algorithm>
#include <utility>

namespace parallax::proxy {
namespace {

constexpr std::uint64_t kWindowNs =
    static_cast<std::uint64_t>(std::chrono::nanoseconds(AuthThrottle::kWindow).count());

// Names are the client's: no more of them is kept than a server would take (NAMEDATALEN is 64).
constexpr std::size_t kUserBytesMax = 128;

std::string address_key(std::string_view address) { return std::string(address); }

// No address holds a newline.
std::string user_key(std::string_view address, std::string_view user) {
  return std::string(address) + '\n' + std::string(user.substr(0, kUserBytesMax));
}

}  // namespace

bool AuthThrottle::failed(std::string_view address, std::string_view user, std::uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  if (table_.size() >= kEntriesMax) {
    std::erase_if(table_,
                  [&](const auto& entry) { return now_ns - entry.second.since_ns >= kWindowNs; });
  }
  const bool address_held = count(address_key(address), failures_ * kUsersFactor, now_ns);
  return count(user_key(address, user), failures_, now_ns) || address_held;
}

bool AuthThrottle::count(const std::string& key, std::size_t allowed, std::uint64_t now_ns) {
  // Full of failures of this minute: the addresses that are known stay known.
  if (table_.size() >= kEntriesMax && !table_.contains(key)) return false;
  Failures& failures = table_[key];
  if (failures.count == 0 || now_ns - failures.since_ns >= kWindowNs) failures = {now_ns, 0};
  return ++failures.count == allowed;
}

void AuthThrottle::succeeded(std::string_view address, std::string_view user) {
  const std::lock_guard lock(mutex_);
  auto key = user_key(address, user);
  table_.erase(key);
  if (welcome_.size() < kEntriesMax) welcome_.insert(std::move(key));
}

std::chrono::seconds AuthThrottle::wait(std::string_view address, std::string_view user,
                                        std::uint64_t now_ns) const {
  const std::lock_guard lock(mutex_);
  if (table_.empty()) return std::chrono::seconds(0);
  const auto key = user_key(address, user);
  const auto own = wait_of(key, failures_, now_ns);
  if (welcome_.contains(key)) return own;
  return std::max(own, wait_of(address_key(address), failures_ * kUsersFactor, now_ns));
}

std::chrono::seconds AuthThrottle::wait_of(const std::string& key, std::size_t allowed,
                                           std::uint64_t now_ns) const {
  const auto found = table_.find(key);
  if (found == table_.end() || found->second.count < allowed) return std::chrono::seconds(0);
  const auto passed = now_ns - found->second.since_ns;
  if (passed >= kWindowNs) return std::chrono::seconds(0);
  return std::chrono::ceil<std::chrono::seconds>(std::chrono::nanoseconds(kWindowNs - passed));
}

}  // namespace parallax::proxy
