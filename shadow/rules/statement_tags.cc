#include "shadow/rules/statement_tags.h"

#include <algorithm>
#include <array>
#include <utility>

#include "shadow/rules/comment_tags.h"
#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

constexpr std::string_view kOperation = "operation";
constexpr std::string_view kPrismaQuery = "prismaQuery";

// A name that may be held against others and shown; else nothing.
std::string clean(std::string text) {
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control || text.size() > kTagBytesMax || !is_valid_utf8(text)) return {};
  return text;
}

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_traceparent(std::string_view text) {
  constexpr std::array<std::size_t, 3> kDashes = {2, 35, 52};
  if (text.size() != 55) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = std::ranges::find(kDashes, i) != kDashes.end();
    if (dash ? text[i] != '-' : !is_hex_digit(text[i])) return false;
  }
  return true;
}

std::string_view trace_of(std::string_view traceparent) { return traceparent.substr(3, 32); }

struct Found {
  StatementTags tags;
  std::string prisma;  // model and action
};

void put(std::string_view key, const std::string& value, Found& found) {
  if (key == kOperation) {
    found.tags.operation = clean(url_decoded(value));
  } else if (key == "request") {
    found.tags.request = clean(url_decoded(value));
  } else if (key == "traceparent") {
    auto text = clean(url_decoded(value));
    found.tags.traceparent = is_traceparent(text) ? std::move(text) : std::string();
  } else if (key == kPrismaQuery) {
    const auto text = url_decoded(value);
    found.prisma = clean(text.substr(0, text.find(':')));
  }
}

Found read(std::string_view sql, std::string_view code, std::string_view name) {
  Found found;
  read_comment_tags(sql, code, [&found](std::string_view key, const std::string& value) {
    put(key, value, found);
  });
  auto& operation = found.tags.operation;
  if (operation.empty()) operation = std::move(found.prisma);
  if (operation.empty()) operation = clean(std::string(name.substr(0, name.rfind('#'))));
  return found;
}

Agreement agreement(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return Agreement::unknown;
  return a == b ? Agreement::same : Agreement::differs;
}

}  // namespace

StatementTags read_tags(std::string_view sql, std::string_view code, std::string_view name) {
  return read(sql, code, name).tags;
}

std::string read_operation(std::string_view sql, std::string_view code, std::string_view name) {
  return read(sql, code, name).tags.operation;
}

TagFit fit_of(const StatementTags& root, std::string_view named, const StatementTags& child) {
  TagFit fit;
  if (!root.traceparent.empty() && !child.traceparent.empty()) {
    fit.trace = agreement(trace_of(root.traceparent), trace_of(child.traceparent));
    if (root.traceparent == child.traceparent) fit.trace = Agreement::exact;
  }
  fit.request = agreement(root.request, child.request);
  fit.operation = agreement(root.operation, child.operation);
  // A name of the rule alone forbids nothing.
  if (root.operation.empty() && child.operation == named) fit.operation = Agreement::same;
  return fit;
}

}  // namespace parallax::shadow
