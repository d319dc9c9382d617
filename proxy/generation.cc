#include "proxy/generation.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace parallax::proxy {
namespace {

bool same(const HostPort& one, const HostPort& other) {
  return one.host == other.host && one.port == other.port;
}

std::string path_of(const std::optional<StateDirConfig>& directory) {
  return directory ? directory->path : std::string();
}

class Changes {
 public:
  void look(bool changed, std::string_view key) {
    if (changed) lines_.push_back("needs a restart: `" + std::string(key) + "` is changed");
  }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
};

void look_at_listener(Changes& changes, const ListenerConfig& running, const ListenerConfig& next) {
  const auto key = [&](const std::string& name) {
    return name + ("` of listener `" + running.name);
  };
  changes.look(running.name != next.name, key("name"));
  changes.look(!same(running.listen, next.listen), key("listen"));
  changes.look(!same(running.upstream, next.upstream), key("upstream"));
  changes.look(running.tls.mode != next.tls.mode, key("tls.mode"));
  changes.look(running.auth != next.auth, key("auth"));
}

}  // namespace

std::vector<std::string> needs_restart(const Config& running, const Config& next) {
  Changes changes;
  changes.look(running.listeners.size() != next.listeners.size(), "listeners");
  for (std::size_t i = 0; i < std::min(running.listeners.size(), next.listeners.size()); ++i)
    look_at_listener(changes, running.listeners[i], next.listeners[i]);
  changes.look(running.workers != next.workers, "workers");
  changes.look(running.metrics_listen != next.metrics_listen, "metrics.listen");
  changes.look(running.admin_listen != next.admin_listen, "admin.listen");
  changes.look(running.admin_token != next.admin_token, "admin.token");
  changes.look(running.admin_hosts != next.admin_hosts, "admin.hosts");
  changes.look(running.limits.auth_failures != next.limits.auth_failures, "limits.auth_failures");
  changes.look(running.log_json != next.log_json, "log.format");
  changes.look(path_of(running.state_dir) != path_of(next.state_dir), "state_dir");
  // Whose rights a replay has, the sessions that are open have taken note of.
  for (const char* key : {"user", "dbname"})
    changes.look(running.shadow.keyword(key) != next.shadow.keyword(key),
                 std::string(key) + "` of `shadow.url");
  changes.look(running.shadow.identity != next.shadow.identity, "shadow.identity");
  return changes.take();
}

}  // namespace parallax::proxy
