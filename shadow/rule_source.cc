#include "shadow/rule_source.h"

#include <algorithm>

namespace parallax::shadow {

SourceMark mark_inside(const SourceMark& mark, std::string_view text, std::size_t offset) {
  if (mark.inexact) return mark;
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto newlines = static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  if (newlines > 0 && !mark.block) return mark;           // a text on one line cannot have got here
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 = 0
  SourceMark inside = mark;
  inside.block = false;
  inside.line = mark.line + newlines + (mark.block ? 1 : 0);
  inside.column = mark.column + static_cast<int>(before.size() - line_start);
  return inside;
}

std::chrono::sys_days today_utc() {
  return std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
}

std::string ConfigProblem::text() const {
  return mark.file + ':' + std::to_string(mark.line) + ':' + std::to_string(mark.column) + ": " +
         message;
}

}  // namespace parallax::shadow
