#pragma once

// Connection strings of PostgreSQL servers: read by libpq, then held to what this version can do.
// Nothing here returns or quotes a password, except in `parts`.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config.h"

namespace parallax::proxy {

// libpq keyword -> value, those given only.
using ServerParts = std::map<std::string, std::string, std::less<>>;

enum class UrlUse { upstream, shadow };

struct ServerUrl {
  ServerParts parts;
  std::vector<std::string>
      problems;  // what to write instead; `parts` is of no use when there are any
  std::vector<std::string> warnings;  // parts that are dropped
};

// A URL (postgresql://user:password@host:port/database?key=value) or libpq's `key=value` form.
// Upstream: needs a host; only host, port, user, password, dbname and what concerns TLS are used,
// the client's startup packet says the rest. Shadow: everything may be missing. sslmode is disable,
// require, verify-ca or verify-full; where it is missing: disable on loopback and Unix sockets,
// otherwise verify-full.
ServerUrl read_server_url(const std::string& url, UrlUse use);

// Host and port of parts that had no problems; the port's default is 5432.
HostPort host_port(const ServerParts& parts);

// How the upstream is reached by TLS; nothing for sslmode=disable. As in libpq, `require` checks
// the authority, too, where `sslrootcert` is given.
std::optional<io::TlsClientOptions> tls_options(const ServerParts& upstream);

// The shadow's connection: its own parts, then the upstream's. The port goes with the host, and the
// password with the user: a host or user of its own does not inherit them. What concerns TLS goes
// with the host, too.
ServerParts shadow_parts(const ServerParts& upstream, const ServerParts& shadow);

// "postgresql://app@db.example:5432/shop", for messages.
std::string url_without_password(const ServerParts& parts);

}  // namespace parallax::proxy
