#include "shadow/learn/value_forms.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "shadow/rules/concat.h"
#include "shadow/rules/values.h"

namespace parallax::shadow {

namespace {

// 2024-04-02T00:05:00.250Z and 2024-04-02 00:05:00.25 are one instant in a session in UTC, and a
// day is its midnight; nothing for what is no timestamp.
std::optional<std::string> instant(std::string_view text) {
  constexpr std::string_view kPattern = "dddd-dd-dd dd:dd:dd";
  constexpr std::size_t kDay = 10;
  std::string midnight;
  if (text.size() == kDay) {
    midnight = concat({text, " 00:00:00"});
    text = midnight;
  }
  if (text.size() < kPattern.size()) return std::nullopt;
  for (std::size_t i = 0; i < kPattern.size(); ++i) {
    const char c = text[i];
    const bool digit = c >= '0' && c <= '9';
    if (kPattern[i] == 'd' ? !digit : c != kPattern[i] && !(kPattern[i] == ' ' && c == 'T'))
      return std::nullopt;
  }
  std::string out(text.substr(0, kPattern.size()));
  out[out.find_first_of("T ")] = ' ';
  auto rest = text.substr(kPattern.size());
  for (const std::string_view zone : {"Z", "+00:00", "+0000", "+00"}) {
    if (!rest.ends_with(zone)) continue;
    rest.remove_suffix(zone.size());
    break;
  }
  while (rest.starts_with('.') && (rest.ends_with('0') || rest == ".")) rest.remove_suffix(1);
  return out.append(rest);
}

// The members of a one-dimensional array's text; nothing for anything else.
std::optional<std::vector<std::string>> array_members(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<std::string> members;
  std::string one;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      one.push_back(text[++i]);
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == ',' && !quoted) {
      members.push_back(std::exchange(one, {}));
    } else if (text[i] == '{' && !quoted) {
      return std::nullopt;
    } else {
      one.push_back(text[i]);
    }
  }
  if (quoted) return std::nullopt;
  if (!text.empty()) members.push_back(std::move(one));
  return members;
}

bool same_text(std::string_view a, std::string_view b) {
  if (a == b) return true;
  // Most pairs of values end here.
  const auto may_be = [](std::string_view text) {
    return !text.empty() &&
           std::string_view("+-.0123456789{tf").find(text.front()) != std::string_view::npos;
  };
  if (!may_be(a) || !may_be(b)) return false;
  if (same_number(a, b)) return true;
  if (const auto left = instant(a); left && left == instant(b)) return true;
  if (const auto left = array_members(a); left && left == array_members(b)) return true;
  const auto word = [](std::string_view text) {
    return text == "t" || text == "f" || text == "true" || text == "false";
  };
  return word(a) && word(b) && read_boolean(a) == read_boolean(b);
}

bool same_member(const std::optional<std::string>& a, const std::optional<std::string>& b) {
  if (!a || !b) return !a && !b;
  return same_text(*a, *b);
}

// One array stands for a list.
bool array_is_list(const LearnInput& array, const LearnInput& list) {
  if (array.members.size() != 1 || !array.members[0]) return false;
  const auto members = array_members(*array.members[0]);
  return members && std::ranges::equal(*members, list.members, [](const auto& a, const auto& b) {
           return b && same_text(a, *b);
         });
}

std::optional<std::string> json_string(std::string_view text) {
  if (!text.starts_with('"')) return std::nullopt;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  return json.is_string() ? std::optional(json.get<std::string>()) : std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool computed(ValueForm form, const std::string& legacy, const std::string& rewrite) {
  switch (form) {
    case ValueForm::same:
      return same_text(legacy, rewrite);
    case ValueForm::contains:
      return rewrite == concat({"%", legacy, "%"});
    case ValueForm::starts_with:
      return rewrite == concat({legacy, "%"});
    case ValueForm::ends_with:
      return rewrite == concat({"%", legacy});
    case ValueForm::only_member: {
      const auto members = array_members(legacy);
      return members && members->size() == 1 && members->front() == rewrite;
    }
    case ValueForm::json_string:
      return json_string(legacy) == rewrite;
    case ValueForm::lower_case:
      return lower(legacy) == rewrite;
  }
  return false;
}

}  // namespace

bool same_input(const LearnInput& a, const LearnInput& b) {
  if (a.list != b.list) return array_is_list(a, b) || array_is_list(b, a);
  return std::ranges::equal(a.members, b.members, same_member);
}

bool comes_from(ValueForm form, const LearnInput& legacy, const LearnInput& rewrite) {
  if (form == ValueForm::same) return same_input(legacy, rewrite);
  if (legacy.list || rewrite.list || !legacy.has_value() || !rewrite.has_value()) return false;
  return computed(form, *legacy.members[0], *rewrite.members[0]);
}

std::string let_expression(ValueForm form, std::string_view name) {
  switch (form) {
    case ValueForm::same:
      return {};
    case ValueForm::contains:
      return concat({"'%' || :", name, " || '%'"});
    case ValueForm::starts_with:
      return concat({":", name, " || '%'"});
    case ValueForm::ends_with:
      return concat({"'%' || :", name});
    case ValueForm::only_member:
      return concat({"(:", name, "::text[])[1]"});
    case ValueForm::json_string:
      return concat({":", name, "::jsonb #>> '{}'"});
    case ValueForm::lower_case:
      return concat({"lower(:", name, ")"});
  }
  return {};
}

}  // namespace parallax::shadow
