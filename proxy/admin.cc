#include "proxy/admin.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace parallax::proxy {
namespace {

using metrics::HttpRequest;
using metrics::HttpResponse;

constexpr std::string_view kConfigured = "configured";
constexpr std::string_view kBearer = "bearer ";

// "[::1]:9188" -> "[::1]", "host:9188" -> "host".
std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  if (colon == std::string_view::npos || host.ends_with(']')) return host;
  return host.substr(0, colon);
}

// RFC 9110: names of hosts and of authentication schemes have no case.
std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

bool knows(const AdminRules& rules, std::string_view host) {
  const auto name = lower(without_port(host));
  constexpr std::array<std::string_view, 3> kLoopback = {"localhost", "127.0.0.1", "[::1]"};
  return std::ranges::find(kLoopback, name) != kLoopback.end() ||
         name == lower(without_port(rules.listen)) ||
         std::ranges::any_of(rules.hosts,
                             [&](const std::string& known) { return name == lower(known); });
}

bool has_token(const AdminRules& rules, std::string_view header) {
  if (rules.token.empty()) return true;
  if (lower(header.substr(0, kBearer.size())) != kBearer) return false;
  const auto given = header.substr(kBearer.size());
  return given.size() == rules.token.size() &&
         CRYPTO_memcmp(given.data(), rules.token.data(), given.size()) == 0;
}

// Of a form: `mode=off`. Names and modes need no decoding.
std::string_view form_value(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const auto end = std::min(form.find('&'), form.size());
    auto pair = form.substr(0, end);
    form.remove_prefix(std::min(end + 1, form.size()));
    while (!pair.empty() && (pair.back() == '\n' || pair.back() == '\r')) pair.remove_suffix(1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return {};
}

HttpResponse json(const nlohmann::ordered_json& value) {
  return {200, "application/json", value.dump(2) + "\n"};
}

HttpResponse state_of(const AdminDoor& admin) {
  const auto state = admin.control.state();
  nlohmann::ordered_json out;
  out["configured"] = name(state.configured);
  out["override"] = nullptr;
  if (state.override) {
    out["override"] = name(state.override->mode);
    out["since"] = state.override->since;
    out["by"] = state.override->by;
  }
  out["rules"] = nlohmann::ordered_json::object();
  for (const auto& [rule, mode] : admin.modes()) out["rules"][rule] = name(mode);
  return json(out);
}

HttpResponse refusal(int status, std::string why) {
  return {status, "text/plain; charset=utf-8", std::move(why) + "\n"};
}

HttpResponse change(const AdminDoor& admin, const HttpRequest& request) {
  auto word = form_value(request.body, "mode");
  if (word.empty()) word = form_value(request.query, "mode");
  const auto mode = shadow::mode_named(word);
  if (!mode && word != kConfigured)
    return refusal(400, "write mode=off, mode=shadow, mode=strict or mode=configured");
  const auto problem = admin.control.set(mode, "admin " + request.peer);
  auto answer = state_of(admin);
  if (problem.empty()) return answer;
  auto told = nlohmann::ordered_json::parse(answer.body);
  told["warning"] = problem;
  return json(told);
}

HttpResponse reload(const AdminDoor& admin, const HttpRequest& request) {
  const auto problems = admin.reload();
  if (problems.empty()) {
    admin.log.write(LogLevel::info, {{"by", "admin " + request.peer}}, "a reload was asked for");
    return {200, "text/plain; charset=utf-8", "reloaded\n"};
  }
  std::string text;
  for (const auto& problem : problems) text += problem + '\n';
  return {422, "text/plain; charset=utf-8", std::move(text)};
}

void tell_refused(const AdminDoor& admin, const HttpRequest& request, const HttpResponse& answer) {
  admin.log.write(LogLevel::warn,
                  {{"by", "admin " + request.peer}, {"status", std::to_string(answer.status)}},
                  "a change was refused: " + answer.body.substr(0, answer.body.find('\n')));
}

// What has come to the listener, as a guarded handler. A refused change is told.
metrics::HttpHandler guarded(std::shared_ptr<const AdminDoor> admin, bool changes,
                             HttpResponse (*handler)(const AdminDoor&, const HttpRequest&)) {
  return [admin = std::move(admin), changes, handler](const HttpRequest& request) {
    auto answer = refused(admin->rules, request, changes);
    if (!answer) answer = handler(*admin, request);
    if (changes && answer->status != 200) tell_refused(*admin, request, *answer);
    return *std::move(answer);
  };
}

}  // namespace

std::optional<HttpResponse> refused(const AdminRules& rules, const HttpRequest& request,
                                    bool changes) {
  if (!knows(rules, request.header("host")))
    return refusal(421, "this Host is not the admin listener's: name it in `admin.hosts`");
  if (!changes) return std::nullopt;
  if (request.header("x-parallax-admin") != "1")
    return refusal(403, "a change needs the header X-Parallax-Admin: 1");
  if (!has_token(rules, request.header("authorization")))
    return refusal(401, "a change needs the header Authorization: Bearer and the token");
  return std::nullopt;
}

void serve_admin(metrics::HttpServer& server, AdminDoor admin) {
  const auto shared = std::make_shared<const AdminDoor>(std::move(admin));
  server.get("/-/mode", guarded(shared, false, [](const AdminDoor& door, const HttpRequest&) {
               return state_of(door);
             }));
  server.post("/-/mode", guarded(shared, true, &change));
  server.post("/-/reload", guarded(shared, true, &reload));
  server.tell_refusals([shared](const HttpRequest& request, const HttpResponse& answer) {
    tell_refused(*shared, request, answer);
  });
}

}  // namespace parallax::proxy
