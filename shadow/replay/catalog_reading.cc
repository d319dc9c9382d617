#include "shadow/replay/catalog_reading.h"

namespace parallax::shadow {

Value array_of(const std::vector<std::string>& members) {
  std::string text = "{";
  for (const auto& member : members) {
    if (text.size() > 1) text += ',';
    text += '"';
    for (const char c : member) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return Value{false, false, 0, text + "}"};
}

}  // namespace parallax::shadow
