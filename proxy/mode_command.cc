#include "proxy/mode_command.h"

#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "metrics/http_client.h"
#include "proxy/text.h"

namespace parallax::proxy {
namespace {

struct Target {
  std::string host;
  int port = 0;
  std::string token;
};

// "http://127.0.0.1:9188" or "127.0.0.1:9188".
std::optional<Target> read_address(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (text.starts_with(kScheme)) text.remove_prefix(kScheme.size());
  while (text.ends_with('/')) text.remove_suffix(1);
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  Target target;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  target.host = host == "0.0.0.0" ? "127.0.0.1" : std::string(host);
  const auto digits = text.substr(colon + 1);
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), target.port);
  if (end.ec != std::errc() || end.ptr != digits.data() + digits.size() || target.port < 1 ||
      target.port > 65535) {
    return std::nullopt;
  }
  return target;
}

std::variant<Target, std::string> target_of(const ModeCommand& command,
                                            const Environment& environment) {
  std::optional<Target> target;
  std::string token;
  if (!command.admin.empty()) {
    target = read_address(command.admin);
    if (!target) return "--admin: write http://HOST:PORT, not " + quoted_value(command.admin);
  } else {
    auto loaded = load_config(command.config_file, environment);
    if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&loaded)) {
      std::string text;
      for (const auto& problem : *problems) text += (text.empty() ? "" : "\n") + problem.text();
      return text;
    }
    const auto& config = std::get<Config>(loaded);
    if (!config.admin_listen)
      return command.config_file + " has no `admin: {listen: …}`; write --admin http://HOST:PORT";
    target = read_address(*config.admin_listen);
    if (!target) return "`admin.listen` has no fixed port; write --admin http://HOST:PORT";
    token = config.admin_token;
  }
  if (!command.token_file.empty()) {
    std::ifstream file(command.token_file);
    if (!file) return "--token-file: cannot read " + command.token_file;
    std::getline(file, token);
    while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
    if (token.empty()) return "--token-file: the first line of " + command.token_file + " is empty";
  }
  target->token = std::move(token);
  return *std::move(target);
}

void print(const nlohmann::json& state, std::ostream& out) {
  const auto text = [&](const char* key) { return state.value(key, std::string()); };
  if (state.at("override").is_null()) {
    out << "as configured: " << escaped(text("configured")) << "\n";
  } else {
    out << escaped(text("override")) << " by the switch since " << escaped(text("since")) << ", by "
        << escaped(text("by")) << " (configured: " << escaped(text("configured")) << ")\n";
  }
  for (const auto& [rule, mode] : state.at("rules").items())
    out << "  " << escaped(rule) << "  " << escaped(mode.get<std::string>()) << "\n";
  if (const auto warning = text("warning"); !warning.empty())
    out << "warning: " << escaped(warning) << "\n";
}

}  // namespace

int mode_command(const ModeCommand& command, const Environment& environment, std::ostream& out,
                 std::ostream& err) {
  const auto found = target_of(command, environment);
  if (const auto* problem = std::get_if<std::string>(&found)) {
    err << escaped(*problem) << "\n";
    return kExitUsage;
  }
  const auto& target = std::get<Target>(found);
  metrics::HttpCall call{.host = target.host,
                         .port = target.port,
                         .method = command.mode.empty() ? "GET" : "POST",
                         .path = "/-/mode",
                         .headers = {{"X-Parallax-Admin", "1"}},
                         .body = command.mode.empty() ? "" : "mode=" + command.mode};
  if (!target.token.empty()) call.headers["Authorization"] = "Bearer " + target.token;
  const auto answered = metrics::http_call(call);
  const std::string where = target.host + ':' + std::to_string(target.port);
  if (const auto* problem = std::get_if<std::string>(&answered)) {
    err << "no answer from the admin listener on " << where << ": " << escaped(*problem) << "\n";
    return kExitNo;
  }
  const auto& response = std::get<metrics::HttpResponse>(answered);
  if (response.status != 200) {
    err << "refused (" << response.status << "): " << escaped(response.body) << "\n";
    return kExitNo;
  }
  const auto state = nlohmann::json::parse(response.body, nullptr, false);
  if (!state.is_object() || !state.contains("override") || !state.contains("rules")) {
    err << where << " is no admin listener of Parallax\n";
    return kExitNo;
  }
  print(state, out);
  return kExitFine;
}

}  // namespace parallax::proxy
