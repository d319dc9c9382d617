#include "shadow/compare/json_parts.h"

#include <algorithm>

#include "shadow/compare/json_value.h"

namespace parallax::shadow {

namespace {

constexpr std::string_view kBlanks = " \n\t\r";

// Behind the string that begins at `at`; npos without its end.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

// The next `,`, or `:` where `colon` says so, that is in no string, array or object; the end where
// there is none; npos where brackets or quotes do not close.
std::size_t part_end(std::string_view text, std::size_t at, bool colon) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = string_end(text, at);
      if (at == std::string_view::npos) return at;
      continue;
    }
    if (depth == 0 && (c == ',' || (colon && c == ':'))) return at;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') {
      if (depth == 0) return std::string_view::npos;
      --depth;
    }
    ++at;
  }
  return depth == 0 ? at : std::string_view::npos;
}

// What is between the brackets; nothing without them.
std::optional<std::string_view> inside(std::string_view text, char open, char close) {
  text = without_blanks(text);
  if (text.size() < 2 || text.front() != open || text.back() != close) return std::nullopt;
  return without_blanks(text.substr(1, text.size() - 2));
}

}  // namespace

JsonKind json_kind(std::string_view text) {
  if (text.empty()) return JsonKind::none;
  const char c = text.front();
  if (c == '-' || (c >= '0' && c <= '9')) return JsonKind::number;
  if (c == '"') return JsonKind::string;
  if (c == '[') return JsonKind::array;
  if (c == '{') return JsonKind::object;
  if (text == "null") return JsonKind::null;
  if (text == "true" || text == "false") return JsonKind::boolean;
  return JsonKind::none;
}

std::string_view name(JsonKind kind) {
  switch (kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "true or false";
    case JsonKind::number:
      return "a number";
    case JsonKind::string:
      return "a string";
    case JsonKind::array:
      return "an array";
    case JsonKind::object:
      return "an object";
    case JsonKind::none:
      return "no JSON";
  }
  return "";
}

std::string_view without_blanks(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::optional<std::vector<std::string_view>> json_elements(std::string_view text) {
  const auto items = inside(text, '[', ']');
  if (!items) return std::nullopt;
  std::vector<std::string_view> elements;
  for (std::size_t at = 0; !items->empty();) {
    const std::size_t end = part_end(*items, at, false);
    if (end == std::string_view::npos) return std::nullopt;
    elements.push_back(without_blanks(items->substr(at, end - at)));
    if (elements.back().empty()) return std::nullopt;
    if (end == items->size()) break;
    at = end + 1;
  }
  return elements;
}

std::optional<JsonMembers> json_members(std::string_view text) {
  const auto items = inside(text, '{', '}');
  if (!items) return std::nullopt;
  JsonMembers members;
  for (std::size_t at = 0; !items->empty();) {
    const std::size_t colon = part_end(*items, at, true);
    if (colon == std::string_view::npos || colon == items->size() || (*items)[colon] != ':') {
      return std::nullopt;
    }
    auto key = json_string(without_blanks(items->substr(at, colon - at)));
    const std::size_t end = part_end(*items, colon + 1, false);
    if (!key || end == std::string_view::npos) return std::nullopt;
    const auto value = without_blanks(items->substr(colon + 1, end - colon - 1));
    if (value.empty()) return std::nullopt;
    members.emplace_back(*std::move(key), value);
    if (end == items->size()) break;
    at = end + 1;
  }
  return members;
}

}  // namespace parallax::shadow
