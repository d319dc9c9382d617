#include "proxy/row_table.h"

#include <algorithm>
#include <utility>

#include "proxy/text.h"

namespace parallax::proxy {
namespace {

constexpr std::string_view kDots = "…";
constexpr std::size_t kLabelWidthMax = 30;
constexpr std::size_t kWidthMin = 40;
constexpr std::size_t kGap = 2;
constexpr std::size_t kMark = 3;  // "!= "

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80; }

std::size_t common_prefix(const std::string& a, const std::string& b) {
  auto length = static_cast<std::size_t>(
      std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  while (length > 0 && length < a.size() && continues(a[length])) --length;
  return length;
}

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t taken = display_width(text);
  return text + std::string(taken < width ? width - taken : 0, ' ');
}

std::string without_end_spaces(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

struct Line {
  std::string label;
  std::string legacy;
  std::string rewrite;
  bool differs = false;
};

std::string side_cell(const std::optional<shadow::ReportRow>& row, std::size_t column) {
  if (!row) return column == 0 ? "(no row)" : "";
  return column < row->size() ? cell_text((*row)[column]) : "";
}

std::vector<Line> lines_of(const std::vector<std::string>& columns,
                           const shadow::RowDifference& difference) {
  const std::size_t legacy_cells = difference.legacy ? difference.legacy->size() : 0;
  const std::size_t rewrite_cells = difference.rewrite ? difference.rewrite->size() : 0;
  const std::size_t count = std::max({columns.size(), legacy_cells, rewrite_cells});
  const bool both = difference.legacy && difference.rewrite;
  const bool shorten = both && count > kColumnsShown;
  std::vector<Line> lines;
  std::size_t equal = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool differs = both && (i >= legacy_cells || i >= rewrite_cells ||
                                  (*difference.legacy)[i] != (*difference.rewrite)[i]);
    if (shorten && !differs && i >= 2) {
      ++equal;
      continue;
    }
    lines.push_back({i < columns.size() ? escaped(columns[i]) : std::to_string(i + 1),
                     side_cell(difference.legacy, i), side_cell(difference.rewrite, i), differs});
  }
  if (equal > 0)
    lines.push_back({std::string(kDots), std::to_string(equal) + " equal columns", "", false});
  return lines;
}

}  // namespace

std::string cell_text(const std::optional<std::string>& cell) {
  if (!cell) return "NULL";
  const std::string text = escaped(*cell);
  const bool plain = !text.empty() && text != "NULL" && text != "(no row)" && text.front() != ' ' &&
                     text.back() != ' ' && text.front() != '\'';
  return plain ? text : '\'' + text + '\'';
}

std::string cut_text(const std::string& text, std::size_t around, std::size_t width) {
  if (display_width(text) <= width) return text;
  std::size_t start = around > width / 3 ? around - width / 3 : 0;
  while (start > 0 && start < text.size() && continues(text[start])) --start;
  // Near the end, show as much as fits.
  while (start > 0 && display_width(std::string_view(text).substr(start)) + 1 < width) {
    do --start;
    while (start > 0 && continues(text[start]));
  }
  std::string out(start > 0 ? kDots : "");
  std::size_t taken = start > 0 ? 1 : 0;
  while (start < text.size()) {
    const std::size_t length =
        std::max<std::size_t>(1, utf8_length(std::string_view(text).substr(start)));
    const std::string_view one = std::string_view(text).substr(start, length);
    const bool last = start + length >= text.size();
    if (taken + display_width(one) + (last ? 0 : 1) > width) return out.append(kDots);
    out.append(one);
    taken += display_width(one);
    start += length;
  }
  return out;
}

std::string row_table(const std::vector<std::string>& columns,
                      const shadow::RowDifference& difference, std::size_t indent,
                      std::size_t width) {
  const std::vector<Line> lines = lines_of(columns, difference);
  std::size_t label_width = 0;
  std::size_t legacy_width = std::string_view("legacy").size();
  for (const Line& line : lines) {
    label_width = std::max(label_width, std::min(display_width(line.label), kLabelWidthMax));
    legacy_width = std::max(legacy_width, display_width(line.legacy));
  }
  const std::size_t fixed = indent + kMark + label_width + 2 * kGap;
  const std::size_t cell_width = (std::max(std::max(width, kWidthMin), fixed + 20) - fixed) / 2;
  legacy_width = std::min(legacy_width, cell_width);
  const std::string gap(kGap, ' ');
  const std::string front(indent, ' ');

  std::string out = without_end_spaces(front + std::string(kMark + label_width, ' ') + gap +
                                       padded("legacy", legacy_width) + gap + "rewrite");
  for (const Line& line : lines) {
    const std::size_t around = common_prefix(line.legacy, line.rewrite);
    std::string text = front;
    text.append(line.differs ? "!= " : "   ")
        .append(padded(cut_text(line.label, 0, label_width), label_width))
        .append(gap)
        .append(padded(cut_text(line.legacy, around, legacy_width), legacy_width))
        .append(gap)
        .append(cut_text(line.rewrite, around, cell_width));
    out += without_end_spaces(std::move(text));
  }
  return out;
}

}  // namespace parallax::proxy
