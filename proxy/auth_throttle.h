#pragma once

// Failed logins per client. The server sees one address for all clients, and a server that bans an
// address after too many failures would ban everybody: a client that goes on failing is refused
// here for the rest of the minute.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace parallax::proxy {

// Thread-safe; used once or twice in a session's life.
class AuthThrottle {
 public:
  static constexpr std::chrono::seconds kWindow{60};
  // Over all users of an address, this many times as many failures are allowed as for one of them:
  // an application that has a wrong password does not lock out the others on its host.
  static constexpr std::size_t kUsersFactor = 4;
  static constexpr std::size_t kEntriesMax = 10'000;

  // `failures` of one user from one address within a window are let through.
  explicit AuthThrottle(std::size_t failures) : failures_(failures) {}

  // True when this failure is the one that holds the user's or the address's logins off.
  bool failed(std::string_view address, std::string_view user, std::uint64_t now_ns);
  // A login that succeeds clears its user's failures, and what others of its address do wrong does
  // not hold it off any more.
  void succeeded(std::string_view address, std::string_view user);
  // How long logins are refused; zero when they are not.
  std::chrono::seconds wait(std::string_view address, std::string_view user,
                            std::uint64_t now_ns) const;

 private:
  struct Failures {
    std::uint64_t since_ns = 0;
    std::size_t count = 0;
  };
  using Table = std::unordered_map<std::string, Failures>;

  bool count(const std::string& key, std::size_t allowed, std::uint64_t now_ns);
  std::chrono::seconds wait_of(const std::string& key, std::size_t allowed,
                               std::uint64_t now_ns) const;

  const std::size_t failures_;
  mutable std::mutex mutex_;
  Table table_;
  std::unordered_set<std::string> welcome_;  // users, with the address they have logged in from
};

}  // namespace parallax::proxy
