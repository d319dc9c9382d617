#include "shadow/compare/wording.h"

#include <algorithm>

namespace parallax::shadow {

std::string quoted(std::string_view name) {
  std::string out = "\"";
  out.append(name);
  out.push_back('"');
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
  return out;
}

std::string listed(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < std::min(parts.size(), kNamesShown); ++i) {
    if (i > 0) out.append(separator);
    out.append(parts[i]);
  }
  if (parts.size() > kNamesShown) {
    out.append(separator).append(std::to_string(parts.size() - kNamesShown)).append(" more");
  }
  return out;
}

std::string counted(std::size_t count, std::string_view what) {
  std::string out = std::to_string(count);
  out.append(" ").append(what);
  if (count != 1) out.push_back('s');
  return out;
}

}  // namespace parallax::shadow
