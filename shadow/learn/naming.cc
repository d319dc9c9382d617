#include "shadow/learn/naming.h"

namespace parallax::shadow {

std::string singular_of(std::string_view table) {
  std::string word(table);
  if (word.size() > 3 && word.ends_with("ies")) return word.substr(0, word.size() - 3) + "y";
  for (const std::string_view end : {"sses", "xes", "ches", "shes"}) {
    if (word.ends_with(end)) return word.substr(0, word.size() - 2);
  }
  if (word.size() > 1 && word.ends_with('s') && !word.ends_with("ss")) word.pop_back();
  return word;
}

std::string plural_of(std::string_view word) {
  std::string text(word);
  if (text.ends_with('s')) return text;
  const bool consonant_y =
      text.size() > 1 && text.ends_with('y') &&
      std::string_view("aeiou").find(text[text.size() - 2]) == std::string_view::npos;
  if (consonant_y) return text.substr(0, text.size() - 1) + "ies";
  return text + "s";
}

std::string identifier_of(std::string_view text, std::string_view otherwise) {
  std::string name;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (letter || (digit && !name.empty())) name.push_back(c);
  }
  // `:_` is no name.
  return name.find_first_not_of('_') == std::string::npos ? std::string(otherwise) : name;
}

std::string unique_name(const std::string& text, std::set<std::string>& taken) {
  std::string name = text;
  for (int number = 2; !taken.insert(name).second; ++number) name = text + std::to_string(number);
  return name;
}

std::string value_name(const ValuePlace& place, bool list) {
  if (place.use == ValueUse::limit) return "limit";
  if (place.use == ValueUse::offset) return "offset";
  const auto name = identifier_of(place.column, "value");
  return list ? plural_of(name) : name;
}

std::string reference_name(std::string_view column, std::string_view otherwise) {
  for (const std::string_view end : {"_id", "Id", "ID"}) {
    if (column.size() > end.size() && column.ends_with(end))
      return identifier_of(column.substr(0, column.size() - end.size()), otherwise);
  }
  return std::string(otherwise);
}

}  // namespace parallax::shadow
