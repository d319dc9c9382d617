#pragma once

// From the text of a configuration value to the value, or to what to write instead. Pure.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "proxy/config.h"

namespace parallax::proxy {

struct ValueError {
  std::string message;
};
template <typename T>
using Parsed = std::variant<T, ValueError>;

// Decimal digits only, from `min` to `max`.
Parsed<std::size_t> parse_count(std::string_view text, std::size_t min, std::size_t max);
Parsed<double> parse_number(std::string_view text, double min, double max);
Parsed<double> parse_ratio(std::string_view text);  // from 0 to 1
Parsed<bool> parse_flag(std::string_view text);     // true or false
// `100ms`, `20s`, `2m`, `1h`.
Parsed<std::chrono::milliseconds> parse_duration(std::string_view text,
                                                 std::chrono::milliseconds min,
                                                 std::chrono::milliseconds max);
// Bytes, or `512KiB`, `64MiB`, `1GiB`.
Parsed<std::size_t> parse_size(std::string_view text, std::size_t min, std::size_t max);
// `host:port` or `[IPv6]:port`; `example` is shown in the error.
Parsed<HostPort> parse_http_listen(std::string_view text, std::string_view example);
// The same, or `/directory:port` for a Unix socket.
Parsed<HostPort> parse_listen(std::string_view text, std::string_view example);

// "127.0.0.1:6432", "[::1]:6432".
std::string listen_text(const HostPort& address);
// 127.0.0.0/8, ::1, localhost.
bool is_loopback(std::string_view host);
// Loopback, or the directory of a Unix socket.
bool is_local(std::string_view host);
// A name, a numeric address, or an absolute path; judged by its form.
bool is_host(std::string_view text);
// May a connection to `target` arrive at a listener on `listen`? Judged by the text; names other
// than localhost are not looked up.
bool reaches(const HostPort& listen, const HostPort& target);

// The known word with the smallest edit distance to `word`; empty when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace parallax::proxy
