#include "proxy/value_parsers.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <optional>

#include "proxy/text.h"

namespace parallax::proxy {
namespace {

using std::chrono::milliseconds;

ValueError wanted(const std::string& what, std::string_view got) {
  return {"write " + what + ", not " + quoted_value(got)};
}

std::optional<std::uint64_t> digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array kDurationUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                                       Unit{"h", 3'600'000}};
constexpr std::array kSizeUnits = {Unit{"KiB", 1ULL << 10}, Unit{"MiB", 1ULL << 20},
                                   Unit{"GiB", 1ULL << 30}, Unit{"", 1}};

// Digits and a unit, no more than `max`. Nothing when the form is wrong; above `max` when the
// number is too large.
template <std::size_t n>
std::optional<std::uint64_t> with_unit(std::string_view text, const std::array<Unit, n>& units,
                                       std::uint64_t max) {
  const auto split = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [&](const Unit& one) { return one.name == text.substr(split); });
  if (split == 0 || unit == units.end()) return std::nullopt;
  const auto number = digits(text.substr(0, split));
  if (!number || *number > max / unit->factor) return max + 1;
  return *number * unit->factor;
}

std::string duration_text(milliseconds value) {
  for (auto unit = kDurationUnits.rbegin(); unit != kDurationUnits.rend(); ++unit) {
    const auto count = static_cast<std::uint64_t>(value.count());
    if (count % unit->factor == 0) {
      return std::to_string(count / unit->factor) + std::string(unit->name);
    }
  }
  return "";
}

std::string size_text(std::size_t value) {
  for (const std::size_t i : {2U, 1U, 0U}) {
    const Unit& unit = kSizeUnits[i];
    if (value % unit.factor == 0)
      return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return std::to_string(value);
}

bool is_ip(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(family, std::string(text).c_str(), address.data()) == 1;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  // Digits and dots alone are an address, and a wrong one.
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return is_ip(AF_INET, text);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Levenshtein, with the swap of two neighbours as one edit (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t other = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + other});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

Parsed<std::size_t> parse_count(std::string_view text, std::size_t min, std::size_t max) {
  const auto value = digits(text);
  if (!value || *value < min || *value > max) {
    return wanted("a whole number from " + std::to_string(min) + " to " + std::to_string(max),
                  text);
  }
  return static_cast<std::size_t>(*value);
}

Parsed<double> parse_number(std::string_view text, double min, double max) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = failed == std::errc() && end == text.data() + text.size();
  if (!whole || !(value >= min && value <= max))
    return wanted(fmt::format("a number from {} to {}", min, max), text);
  return value;
}

Parsed<double> parse_ratio(std::string_view text) { return parse_number(text, 0, 1); }

Parsed<bool> parse_flag(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  return ValueError{"write `true` or `false`, not " + quoted_value(text)};
}

Parsed<milliseconds> parse_duration(std::string_view text, milliseconds min, milliseconds max) {
  const auto most = static_cast<std::uint64_t>(max.count());
  const auto value = with_unit(text, kDurationUnits, most);
  if (!value) return wanted("a duration such as `100ms`, `20s` or `2m`", text);
  if (*value > most || *value < static_cast<std::uint64_t>(min.count())) {
    return wanted("a duration from " + duration_text(min) + " to " + duration_text(max), text);
  }
  return milliseconds(*value);
}

Parsed<std::size_t> parse_size(std::string_view text, std::size_t min, std::size_t max) {
  const auto value = with_unit(text, kSizeUnits, max);
  if (!value) return wanted("a size such as `64MiB`, `512KiB` or a number of bytes", text);
  if (*value > max || *value < min) {
    return wanted("a size from " + size_text(min) + " to " + size_text(max), text);
  }
  return static_cast<std::size_t>(*value);
}

Parsed<HostPort> parse_listen(std::string_view text, std::string_view example) {
  if (!text.starts_with('/')) return parse_http_listen(text, example);
  // The file is .s.PGSQL.<port> in the directory: libpq looks for it there.
  const std::string form =
      "the directory and the port of a Unix socket, such as `/run/parallax:6432`";
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon < 2) return wanted(form, text);
  const auto port = digits(text.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) {
    return wanted("a port from 1 to 65535", text.substr(colon + 1));
  }
  constexpr std::size_t kPathMax = sizeof(sockaddr_un::sun_path) - sizeof("/.s.PGSQL.65535");
  if (colon > kPathMax) {
    return ValueError{"the directory has more than " + std::to_string(kPathMax) +
                      " characters, which no Unix socket's address can hold"};
  }
  return HostPort{std::string(text.substr(0, colon)), static_cast<std::uint16_t>(*port)};
}

Parsed<HostPort> parse_http_listen(std::string_view text, std::string_view example) {
  const std::string form = "host:port, such as `" + std::string(example) + '`';
  if (text.starts_with('/')) return ValueError{"no Unix socket is possible here; write " + form};
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wanted(form, text);
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (!is_ip(AF_INET6, host)) return wanted("an IPv6 address between the brackets", host);
  } else if (host.find(':') != std::string_view::npos) {
    return wanted("an IPv6 address in brackets, such as `[::1]:6432`", text);
  } else if (!is_host_name(host)) {
    return wanted(form, text);
  }
  const auto port = digits(text.substr(colon + 1));
  if (!port || *port > 65535) return wanted("a port from 0 to 65535", text.substr(colon + 1));
  return HostPort{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::string listen_text(const HostPort& address) {
  const bool v6 = !address.host.starts_with('/') && address.host.find(':') != std::string::npos;
  return (v6 ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

bool is_loopback(std::string_view host) {
  if (is_ip(AF_INET, host)) return host.starts_with("127.");
  if (is_ip(AF_INET6, host)) {
    in6_addr address{};
    inet_pton(AF_INET6, std::string(host).c_str(), &address);
    return IN6_IS_ADDR_LOOPBACK(&address);
  }
  return equal_ignoring_case(host, "localhost");
}

bool is_host(std::string_view text) {
  return text.starts_with('/') || is_host_name(text) || is_ip(AF_INET6, text);
}

bool is_local(std::string_view host) { return host.starts_with('/') || is_loopback(host); }

bool reaches(const HostPort& listen, const HostPort& target) {
  if (listen.port != target.port || listen.port == 0) return false;
  if (target.host.starts_with('/')) return listen.host == target.host;
  if (equal_ignoring_case(listen.host, target.host)) return true;
  const bool wildcard = listen.host == "0.0.0.0" || listen.host == "::";
  const bool by_name = equal_ignoring_case(listen.host, "localhost") ||
                       equal_ignoring_case(target.host, "localhost");
  return is_loopback(target.host) && (wildcard || (by_name && is_loopback(listen.host)));
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  // A third of the letters may be wrong, and two always.
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string_view one : known) {
    const std::size_t distance = edit_distance(word.substr(0, 64), one);
    if (distance < best_distance && distance < one.size()) {
      best = one;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace parallax::proxy
