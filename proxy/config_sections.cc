#include <algorithm>
#include <chrono>

#include "proxy/config_draft.h"
#include "proxy/config_journal.h"
#include "proxy/expand.h"
#include "proxy/log.h"
#include "proxy/text.h"
#include "proxy/value_parsers.h"

namespace parallax::proxy {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t kTokenBytesMin = 16;
constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;
constexpr std::size_t kGiB = 1024 * kMiB;

// Builds the keys of sections: each reads one value into its place.
class Keys {
 public:
  Keys(YamlReader& reader, ConfigDraft& draft) : reader_(reader), draft_(draft) {}

  YamlKey count(std::string_view name, std::size_t& target, std::size_t min,
                std::size_t max) const {
    return value(name, target, [=](std::string_view text) { return parse_count(text, min, max); });
  }
  YamlKey number(std::string_view name, double& target, double min, double max) const {
    return value(name, target, [=](std::string_view text) { return parse_number(text, min, max); });
  }
  YamlKey duration(std::string_view name, milliseconds& target, milliseconds min,
                   milliseconds max) const {
    return value(name, target,
                 [=](std::string_view text) { return parse_duration(text, min, max); });
  }
  YamlKey size(std::string_view name, std::size_t& target, std::size_t min, std::size_t max) const {
    return value(name, target, [=](std::string_view text) { return parse_size(text, min, max); });
  }
  YamlKey section(std::string_view name, std::vector<YamlKey> keys,
                  std::vector<std::string_view> planned = {}) const {
    return {name, [&reader = reader_, keys = std::move(keys),
                   planned = std::move(planned)](const YamlEntry& entry) {
              reader.mapping(entry.value, {entry.path, keys, planned});
            }};
  }
  template <typename T, typename Parser>
  YamlKey value(std::string_view name, T& target, Parser parse) const {
    return {name, [&reader = reader_, &target, parse](const YamlEntry& entry) {
              reader.value(entry, target, parse);
            }};
  }
  YamlKey custom(std::string_view name,
                 void (*read)(YamlReader&, const YamlEntry&, ConfigDraft&)) const {
    return {name, [&reader = reader_, &draft = draft_, read](const YamlEntry& entry) {
              draft.given[entry.path] = reader.mark(entry.value);
              read(reader, entry, draft);
            }};
  }

 private:
  YamlReader& reader_;
  ConfigDraft& draft_;
};

std::optional<HostPort> read_http_address(YamlReader& reader, const YamlEntry& entry,
                                          std::string_view example) {
  HostPort given;
  const auto parse = [&](std::string_view text) { return parse_http_listen(text, example); };
  std::optional<HostPort> address;
  if (reader.value(entry, given, parse)) address = std::move(given);
  if (address && address->host.find(':') != std::string::npos) {
    reader.problem(entry, "IPv6 is not in this version; write an IPv4 address, such as `" +
                              std::string(example) + '`');
    return std::nullopt;
  }
  return address;
}

void read_metrics_listen(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  draft.metrics = read_http_address(reader, entry, "127.0.0.1:9187");
}

void read_admin_listen(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  draft.admin = read_http_address(reader, entry, "127.0.0.1:9188");
}

void read_admin_token(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  const auto token = reader.text(entry);
  if (!token) return;
  // It stands in a header of HTTP.
  const auto fits = [](char c) { return c > ' ' && c < 0x7f; };
  if (token->size() < kTokenBytesMin || !std::ranges::all_of(*token, fits)) {
    return reader.problem(entry, "a token has at least " + std::to_string(kTokenBytesMin) +
                                     " characters, without spaces and in ASCII");
  }
  draft.config.admin_token = *token;
}

void read_admin_hosts(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  for (auto& host : reader.list(entry)) {
    if (!is_host(host.text) || host.text.front() == '/') {
      reader.problem(host.mark,
                     "`admin.hosts`: write the name or address that clients of the "
                     "admin listener use, without a port");
      continue;
    }
    draft.config.admin_hosts.push_back(std::move(host.text));
  }
}

void read_state_dir(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  const auto path = reader.text(entry);
  if (!path) return;
  if (is_blank(*path)) return reader.problem(entry, "write a directory");
  draft.config.state_dir = {path_from(reader.directory(), *path), reader.mark(entry.value)};
}

Parsed<bool> parse_log_format(std::string_view text) {
  if (text == "text") return false;
  if (text == "json") return true;
  return ValueError{"write `text` or `json`, not " + quoted_value(text)};
}

void read_shadow_url(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  draft.shadow = read_url(reader, entry, UrlUse::shadow, draft).value_or(ServerParts{});
}

Parsed<shadow::Identity> parse_identity(std::string_view text) {
  if (text == "same_user") return shadow::Identity::same_user;
  if (text == "set_role") return shadow::Identity::set_role;
  return ValueError{text == "own" ? "`own` is not in this version; write `same_user` or `set_role`"
                                  : "write `same_user` or `set_role`, not " + quoted_value(text)};
}

Parsed<std::string> parse_log_level(std::string_view text) {
  if (!log_level(text)) {
    return ValueError{"write `error`, `warn`, `info` or `debug`, not " + quoted_value(text)};
  }
  return std::string(text);
}

void read_include(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  draft.include = reader.list(entry);
}

void read_safe_functions(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  for (auto& name : reader.list(entry)) {
    draft.config.shadow.safe_functions.insert(std::move(name.text));
  }
}

YamlKey governor_section(const Keys& keys, shadow::GovernorOptions& governor) {
  return keys.section("governor", {keys.value("enabled", governor.enabled, parse_flag),
                                   keys.number("live_latency", governor.live_latency, 1.05, 100),
                                   keys.duration("pool_wait", governor.pool_wait, 1ms, 1h),
                                   keys.number("connections", governor.connections, 0.1, 1),
                                   keys.duration("interval", governor.interval, 10ms, 1min)});
}

YamlKey shadow_section(const Keys& keys, shadow::Options& options) {
  return keys.section(
      "shadow",
      {keys.custom("url", read_shadow_url),
       keys.value("identity", options.identity, parse_identity),
       keys.section("pool",
                    {keys.count("max", options.pool_max, 1, 1000),
                     keys.duration("idle_timeout", options.idle_timeout, 100ms, 24h),
                     keys.duration("connect_timeout", options.connect_timeout, 10ms, 10min)}),
       keys.duration("statement_timeout", options.statement_timeout, 1ms, 1h),
       keys.duration("lock_timeout", options.lock_timeout, 1ms, 1h),
       keys.section("queue", {keys.count("max_jobs", options.queue_jobs, 1, 1'000'000),
                              keys.size("max_bytes", options.queue_bytes, 64 * kKiB, 64 * kGiB)}),
       keys.custom("safe_functions", read_safe_functions), governor_section(keys, options.governor),
       keys.section("capture", {keys.size("max_bytes", options.capture_bytes, kKiB, kGiB)}),
       keys.duration("window", options.window, 10ms, 1min)});
}

// What becomes of a statement without a verdict: true = its client gets an error.
Parsed<bool> parse_fail_or_allow(std::string_view text) {
  if (text == "fail" || text == "allow") return text == "fail";
  return ValueError{"write `fail` or `allow`, not " + quoted_value(text)};
}

YamlKey strict_section(const Keys& keys, shadow::StrictOptions& strict) {
  return keys.section("strict",
                      {keys.value("uncompared", strict.fail_uncompared, parse_fail_or_allow),
                       keys.duration("timeout", strict.timeout, 10ms, 10min),
                       keys.value("on_timeout", strict.fail_on_timeout, parse_fail_or_allow)});
}

YamlKey limits_section(const Keys& keys, Limits& limits) {
  return keys.section(
      "limits",
      {keys.duration("startup_timeout", limits.startup_timeout, 100ms, 10min),
       keys.duration("authentication_timeout", limits.authentication_timeout, 100ms, 1h),
       keys.duration("connect_timeout", limits.connect_timeout, 100ms, 10min),
       keys.duration("drain_timeout", limits.drain_timeout, 1ms, 24h),
       keys.count("unauthenticated_sessions", limits.unauthenticated_sessions, 1, 1'000'000),
       keys.count("sessions", limits.sessions, 1, 1'000'000),
       keys.count("auth_failures", limits.auth_failures, 1, 1'000'000)});
}

}  // namespace

Parsed<shadow::Mode> parse_mode(std::string_view text) {
  if (const auto mode = shadow::mode_named(text)) return *mode;
  return ValueError{text == "cutover"
                        ? "`cutover` is not in this version; write `off`, `shadow` or `strict`"
                        : "write `off`, `shadow` or `strict`, not " + quoted_value(text)};
}

void read_sections(YamlReader& reader, const YAML::Node& top, ConfigDraft& draft) {
  const Keys keys(reader, draft);
  Config& config = draft.config;
  DraftListener single{.place = {reader.file(), 1, 1}};
  std::vector<YamlKey> known = listener_keys(reader, draft, single);
  const std::vector<YamlKey> sections = {
      keys.custom("listeners", read_listeners),
      keys.value("mode", config.mode, parse_mode),
      keys.value("sample", config.sample, parse_ratio),
      shadow_section(keys, config.shadow),
      keys.section("metrics", {keys.custom("listen", read_metrics_listen)}),
      keys.section("admin", {keys.custom("listen", read_admin_listen),
                             keys.custom("token", read_admin_token),
                             keys.custom("hosts", read_admin_hosts)}),
      keys.custom("journal", read_journal),
      keys.section("log", {keys.value("level", config.log_level, parse_log_level),
                           keys.value("format", config.log_json, parse_log_format)}),
      keys.custom("state_dir", read_state_dir),
      limits_section(keys, config.limits),
      strict_section(keys, config.shadow.strict),
      keys.count("workers", config.workers, 1, 1024),
      keys.custom("include", read_include),
      keys.custom("rules", read_rules)};
  known.insert(known.end(), sections.begin(), sections.end());
  reader.mapping(top, {"", std::move(known), {}});
  if (!draft.given.contains("listeners")) {
    draft.listeners.push_back(std::move(single));
  } else if (!single.given.empty()) {
    reader.problem(
        single.given.begin()->second,
        '`' + single.given.begin()->first + "` stands beside `listeners`: write it in one of them");
  }
}

}  // namespace parallax::proxy
