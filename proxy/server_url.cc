#include "proxy/server_url.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "proxy/text.h"
#include "proxy/value_parsers.h"

namespace parallax::proxy {
namespace {

constexpr std::array<std::string_view, 2> kSchemes = {"postgresql://", "postgres://"};

// Of the URL only; Prisma and other clients read them and never send them to a server.
constexpr std::array<std::string_view, 10> kOrmOnly = {
    "pgbouncer",   "connection_limit", "pool_timeout",
    "schema",      "socket_timeout",   "statement_cache_size",
    "sslaccept",   "uselibpqcompat",   "max",
    "idle_timeout"};

// What says how a server is reached by TLS.
constexpr std::array<std::string_view, 4> kTlsParts = {"sslmode", "sslrootcert", "sslcert",
                                                       "sslkey"};
constexpr std::array<std::string_view, 9> kUpstreamParts = {
    "host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey"};
// Debian's bundle of authorities, where libpq has no word for the system's (before 16).
constexpr const char* kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";
constexpr std::array<std::string_view, 25> kShadowParts = {"host",
                                                           "port",
                                                           "user",
                                                           "password",
                                                           "dbname",
                                                           "sslmode",
                                                           "sslrootcert",
                                                           "sslcert",
                                                           "sslkey",
                                                           "sslpassword",
                                                           "sslcrl",
                                                           "sslcrldir",
                                                           "sslsni",
                                                           "ssl_min_protocol_version",
                                                           "ssl_max_protocol_version",
                                                           "channel_binding",
                                                           "application_name",
                                                           "passfile",
                                                           "keepalives",
                                                           "keepalives_idle",
                                                           "keepalives_interval",
                                                           "keepalives_count",
                                                           "tcp_user_timeout",
                                                           "gssencmode",
                                                           "krbsrvname"};

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string_view scheme_of(std::string_view url) {
  for (const std::string_view scheme : kSchemes) {
    if (url.starts_with(scheme)) return scheme;
  }
  return {};
}

// Takes the ORM-only parameters out of a URL's query.
std::string without_orm_parameters(const std::string& url, std::vector<std::string>& warnings) {
  const auto question = url.find('?');
  if (scheme_of(url).empty() || question == std::string::npos) return url;
  std::string kept;
  std::string_view rest = std::string_view(url).substr(question + 1);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const std::string_view parameter = rest.substr(0, end);
    const std::string_view key = parameter.substr(0, parameter.find('='));
    if (contains(kOrmOnly, key)) {
      warnings.push_back("`" + std::string(key) + "` is for an ORM and is dropped from the URL");
    } else {
      kept.append(kept.empty() ? "?" : "&").append(parameter);
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return url.substr(0, question) + kept;
}

// The URL with everything that could be a password taken out, so that libpq's words about it can be
// shown: what stands between the first `:` and the last `@`, and the query's values.
std::string redacted_url(std::string_view url) {
  const std::size_t start = scheme_of(url).size();
  std::string out(url.substr(0, start));
  std::string_view rest = url.substr(start);
  const auto at = rest.rfind('@');
  if (at != std::string_view::npos) {
    const auto colon = std::min(rest.find(':'), at);
    out.append(rest.substr(0, colon)).append(colon < at ? ":x" : "");
    rest.remove_prefix(at);
  }
  for (std::size_t position = 0; position < rest.size();) {
    const auto end = std::min(rest.find('&', position), rest.size());
    std::string_view part = rest.substr(position, end - position);
    const auto equals = part.find('=');
    const bool secret = part.substr(0, equals).find("password") != std::string_view::npos;
    if (secret && equals != std::string_view::npos) {
      out.append(part.substr(0, equals)).append("=x");
    } else {
      out.append(part);
    }
    if (end < rest.size()) out.push_back('&');
    position = end + 1;
  }
  return out;
}

// libpq's message with the quoted pieces of the input blanked.
std::string without_quotations(std::string_view message) {
  std::string out;
  bool inside = false;
  for (const char c : message) {
    if (c == '"') {
      out.append(inside ? "…\"" : "\"");
      inside = !inside;
    } else if (!inside) {
      out.push_back(c);
    }
  }
  return out;
}

using OptionsPtr = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

std::pair<OptionsPtr, std::string> parse_with_libpq(const std::string& url) {
  char* message = nullptr;
  OptionsPtr options(PQconninfoParse(url.c_str(), &message), PQconninfoFree);
  std::string said = message == nullptr ? "" : message;
  PQfreemem(message);
  while (said.ends_with('\n')) said.pop_back();
  return {std::move(options), std::move(said)};
}

std::string parse_problem(const std::string& url, const std::string& message) {
  if (!scheme_of(url).empty()) {
    const auto [options, said] = parse_with_libpq(redacted_url(url));
    if (options != nullptr) {
      return "the user's part of the URL is wrong: write `%`, `@`, `:`, `/`, `?`, `#` and spaces "
             "in a "
             "password as %25, %40, %3A, %2F, %3F, %23 and %20";
    }
    return escaped(said);
  }
  if (url.find("password") != std::string::npos) return escaped(without_quotations(message));
  if (url.find_first_of("=:") == std::string::npos || url.find("://") != std::string::npos) {
    return "write `postgresql://user@host:5432/database`";
  }
  return escaped(message);
}

void check_address(const ServerParts& parts, UrlUse use, std::vector<std::string>& problems) {
  const auto host = parts.find("host");
  if (use == UrlUse::upstream && (host == parts.end() || host->second.empty())) {
    problems.emplace_back("a host is missing: write `postgresql://user@host:5432/database`");
  }
  if (host != parts.end() && host->second.find(',') != std::string::npos) {
    problems.emplace_back("write one host: several are not in this version");
    return;  // libpq has made a list of the port, too
  } else if (host != parts.end() && host->second.starts_with('@')) {
    problems.emplace_back(
        "abstract Unix sockets are not in this version: write a directory, `/var/run/…`");
  } else if (host != parts.end() && !host->second.empty() && !is_host(host->second)) {
    // Not quoted: it may be a piece of a password.
    problems.emplace_back(
        "the host is neither a name nor an address (write `/`, `@` and `:` in a password as %2F, "
        "%40 and %3A)");
  }
  const auto port = parts.find("port");
  if (port == parts.end()) return;
  // The text is not quoted: with a `/` in a password, libpq takes a piece of the password for the
  // port.
  if (std::holds_alternative<ValueError>(parse_count(port->second, 1, 65535))) {
    problems.emplace_back(
        "the port is not a number from 1 to 65535 (write `/`, `@` and `:` in a password as %2F, "
        "%40 "
        "and %3A)");
  }
}

void check_tls(const ServerParts& parts, std::vector<std::string>& problems) {
  const auto host = parts.find("host");
  const auto mode = parts.find("sslmode");
  if (parts.contains("sslcert") != parts.contains("sslkey")) {
    problems.emplace_back("write `sslcert` and `sslkey` together");
  }
  constexpr std::array<std::string_view, 4> kModes = {"disable", "require", "verify-ca",
                                                      "verify-full"};
  if (mode == parts.end()) return;
  if (!contains(kModes, mode->second)) {
    const bool falls_back = mode->second == "allow" || mode->second == "prefer";
    problems.push_back("write `sslmode=` disable, require, verify-ca or verify-full, not " +
                       quoted_value(mode->second) +
                       (falls_back ? ", which falls back to plain TCP in silence" : ""));
  } else if (mode->second != "disable" && host != parts.end() && host->second.starts_with('/')) {
    problems.push_back("PostgreSQL has no TLS on Unix sockets: write `sslmode=disable`, not " +
                       quoted_value(mode->second));
  }
}

// Keywords that are not for this use.
void check_keywords(ServerUrl& url, UrlUse use) {
  for (auto part = url.parts.begin(); part != url.parts.end();) {
    const std::string& key = part->first;
    if (key == "hostaddr" || key == "service") {
      url.problems.push_back('`' + key +
                             "` is not possible here: write the host and port themselves");
    } else if (key == "connect_timeout" && use == UrlUse::shadow) {
      url.problems.emplace_back("`connect_timeout`: write it as `shadow.pool.connect_timeout`");
    } else if (use == UrlUse::shadow && !contains(kShadowParts, key)) {
      url.problems.push_back('`' + key + "` is not possible here");
    } else if (use == UrlUse::upstream && !contains(kUpstreamParts, key)) {
      url.warnings.push_back('`' + key + "` is not used here: the client's own connection says it");
      part = url.parts.erase(part);
      continue;
    }
    ++part;
  }
}

std::string part_or(const ServerParts& parts, std::string_view key, std::string_view otherwise) {
  const auto found = parts.find(key);
  return found == parts.end() ? std::string(otherwise) : found->second;
}

}  // namespace

ServerUrl read_server_url(const std::string& given, UrlUse use) {
  ServerUrl result;
  const std::string url = without_orm_parameters(given, result.warnings);
  if (url.find('\0') != std::string::npos) {
    result.problems.emplace_back("the URL holds a zero byte");
    return result;
  }
  const auto [options, message] = parse_with_libpq(url);
  if (options == nullptr) {
    result.problems.push_back(parse_problem(url, message));
    return result;
  }
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    // An empty value in libpq means "not given".
    if (option->val != nullptr && *option->val != '\0') result.parts[option->keyword] = option->val;
  }
  const auto database = result.parts.find("dbname");
  if (!scheme_of(url).empty() &&
      url.substr(0, url.find('?')).rfind('@') > url.find('/', scheme_of(url).size()) &&
      database != result.parts.end() && database->second.find('@') != std::string::npos) {
    result.problems.emplace_back(
        "an `@` stands behind the host: write `/`, `@` and `:` in a password as %2F, %40 and %3A, "
        "and "
        "an `@` in a database's name as %40");
    return result;
  }
  check_address(result.parts, use, result.problems);
  check_tls(result.parts, result.problems);
  check_keywords(result, use);
  return result;
}

HostPort host_port(const ServerParts& parts) {
  const auto port = parse_count(part_or(parts, "port", "5432"), 1, 65535);
  const auto* number = std::get_if<std::size_t>(&port);
  return {part_or(parts, "host", ""), static_cast<std::uint16_t>(number == nullptr ? 0 : *number)};
}

std::optional<io::TlsClientOptions> tls_options(const ServerParts& upstream) {
  const std::string host = part_or(upstream, "host", "");
  const std::string mode = part_or(upstream, "sslmode", is_local(host) ? "disable" : "verify-full");
  if (mode == "disable") return std::nullopt;
  io::TlsClientOptions options{.host = host,
                               .authority_file = part_or(upstream, "sslrootcert", ""),
                               .certificate_file = part_or(upstream, "sslcert", ""),
                               .key_file = part_or(upstream, "sslkey", "")};
  if (mode == "verify-ca" || (mode == "require" && !options.authority_file.empty())) {
    options.verify = io::TlsVerify::authority;
  } else if (mode == "require") {
    options.verify = io::TlsVerify::none;
  }
  return options;
}

ServerParts shadow_parts(const ServerParts& upstream, const ServerParts& shadow) {
  ServerParts result = shadow;
  const auto inherit = [&](std::string_view key) {
    const auto from = upstream.find(key);
    if (from != upstream.end()) result.emplace(from->first, from->second);
  };
  if (!shadow.contains("host")) {
    inherit("host");
    inherit("port");
    for (const auto key : kTlsParts) inherit(key);
  }
  const bool same_user =
      !shadow.contains("user") || part_or(shadow, "user", "") == part_or(upstream, "user", "");
  inherit("user");
  if (same_user) inherit("password");
  inherit("dbname");
  result.emplace("port", "5432");
  const std::string host = part_or(result, "host", "");
  result.emplace("sslmode", is_local(host) ? "disable" : "verify-full");
  const bool verify = result["sslmode"].starts_with("verify");
  if (part_or(result, "sslrootcert", verify ? "system" : "") == "system") {
    result["sslrootcert"] = kSystemAuthorities;
  }
  return result;
}

std::string url_without_password(const ServerParts& parts) {
  const HostPort address = host_port(parts);
  std::string out = "postgresql://";
  const std::string user = part_or(parts, "user", "");
  if (!user.empty()) out.append(escaped(user)).append("@");
  out.append(escaped(listen_text(address)));
  const std::string database = part_or(parts, "dbname", "");
  if (!database.empty()) out.append("/").append(escaped(database));
  return out;
}

}  // namespace parallax::proxy
