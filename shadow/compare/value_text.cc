#include "shadow/compare/value_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "protocol/bytes.h"

namespace parallax::shadow {
namespace {

// Of the server's PGSQL_AF_INET and PGSQL_AF_INET6.
constexpr char kInet4 = 2;
constexpr char kInet6 = 3;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool append_hex(std::string_view digits, std::string& out) {
  if (digits.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_digit(digits[i]);
    const int low = hex_digit(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return true;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// Groups of `width` hex digits between `separator`s, `count` bytes in all.
bool append_groups(std::string_view text, char separator, std::initializer_list<std::size_t> widths,
                   std::string& out) {
  bool first = true;
  for (const std::size_t width : widths) {
    if (!first) {
      if (text.empty() || text.front() != separator) return false;
      text.remove_prefix(1);
    }
    first = false;
    if (text.size() < width || !append_hex(text.substr(0, width), out)) return false;
    text.remove_prefix(width);
  }
  return text.empty();
}

bool read_bits(std::string_view digits, int& bits) {
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, bits);
  return read.ec == std::errc() && read.ptr == end;
}

}  // namespace

bool append_bytea(std::string_view text, std::string& out) {
  if (text.starts_with("\\x")) return append_hex(text.substr(2), out);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
    } else if (text.size() - i > 1 && text[i + 1] == '\\') {
      out.push_back('\\');
      ++i;
    } else if (text.size() - i > 3 && text[i + 1] >= '0' && text[i + 1] <= '3' &&
               is_octal(text[i + 2]) && is_octal(text[i + 3])) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      return false;
    }
  }
  return true;
}

bool append_uuid(std::string_view text, std::string& out) {
  return append_groups(text, '-', {8, 4, 4, 4, 12}, out);
}

bool append_macaddr(std::string_view text, std::size_t count, std::string& out) {
  return count == 6 ? append_groups(text, ':', {2, 2, 2, 2, 2, 2}, out)
                    : append_groups(text, ':', {2, 2, 2, 2, 2, 2, 2, 2}, out);
}

bool append_inet(std::string_view text, std::string& out) {
  const auto slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  const bool six = address.find(':') != std::string_view::npos;
  int bits = six ? 128 : 32;
  if (slash != std::string_view::npos) {
    const int most = bits;
    if (!read_bits(text.substr(slash + 1), bits) || bits < 0 || bits > most) return false;
  }
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (address.size() >= terminated.size()) return false;
  std::ranges::copy(address, terminated.begin());
  std::array<char, 16> bytes{};
  if (inet_pton(six ? AF_INET6 : AF_INET, terminated.data(), bytes.data()) != 1) return false;
  out.push_back(six ? kInet6 : kInet4);
  out.push_back(static_cast<char>(bits));
  out.append(bytes.data(), six ? 16 : 4);
  return true;
}

bool append_bits(std::string_view cell, std::string& out) {
  protocol::ByteReader reader(protocol::as_bytes(cell));
  const auto bits = reader.i32();
  if (!bits || *bits < 0) return false;
  const std::string_view bytes = protocol::as_text(reader.rest());
  const auto count = static_cast<std::size_t>(*bits);
  if (bytes.size() != (count + 7) / 8) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned byte = static_cast<unsigned char>(bytes[i / 8]);
    out.push_back((byte >> (7 - i % 8) & 1U) != 0 ? '1' : '0');
  }
  return true;
}

}  // namespace parallax::shadow
