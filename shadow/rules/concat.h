#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace parallax::shadow {

// Messages from parts. (operator+ of a literal and a string trips over gcc 12's -Wrestrict, bug
// 105651.)
inline std::string concat(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(part);
  return text;
}

}  // namespace parallax::shadow
