#include "shadow/rules/statement_tags.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

constexpr auto kNpos = std::string_view::npos;
// Of the comments at each end; Prisma's description of a query can be long.
constexpr std::size_t kCommentBytesMax = 8192;
constexpr std::string_view kOperation = "operation";
constexpr std::string_view kPrismaQuery = "prismaQuery";
constexpr std::string_view kSpaces = " \t\n\r\f";

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// What is no escape stays as it stands.
std::string url_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const auto high = hex_digit(text[i + 1]);
      const auto low = hex_digit(text[i + 2]);
      if (high && low) {
        out.push_back(static_cast<char>(*high * 16 + *low));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

// A name that may be held against others and shown; else nothing.
std::string clean(std::string text) {
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control || text.size() > kTagBytesMax || !is_valid_utf8(text)) return {};
  return text;
}

bool is_key_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '%';
}

// key='value' pairs with commas between them, as long as it goes well.
class Pairs {
 public:
  explicit Pairs(std::string_view text) : rest_(text) {}

  bool next() {
    skip(" \t\n\r\f,");
    const auto end = std::ranges::find_if_not(rest_, is_key_byte) - rest_.begin();
    key = rest_.substr(0, static_cast<std::size_t>(end));
    rest_.remove_prefix(key.size());
    return !key.empty() && take('=') && take('\'') && read_value();
  }

  std::string_view key;
  std::string value;  // as it is written, \' unescaped

 private:
  void skip(std::string_view bytes) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(bytes), rest_.size()));
  }
  bool take(char c) {
    skip(kSpaces);
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool read_value() {
    value.clear();
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '\'') {
        rest_.remove_prefix(i + 1);
        return true;
      }
      if (rest_.substr(i).starts_with("\\'")) ++i;
      value.push_back(rest_[i]);
    }
    return false;
  }

  std::string_view rest_;
};

bool is_traceparent(std::string_view text) {
  constexpr std::array<std::size_t, 3> kDashes = {2, 35, 52};
  if (text.size() != 55) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = std::ranges::find(kDashes, i) != kDashes.end();
    if (dash ? text[i] != '-' : !hex_digit(text[i])) return false;
  }
  return true;
}

std::string_view trace_of(std::string_view traceparent) { return traceparent.substr(3, 32); }

struct Found {
  StatementTags tags;
  std::string prisma;  // model and action
};

void put(const Pairs& pair, Found& found) {
  if (pair.key == kOperation) {
    found.tags.operation = clean(url_decoded(pair.value));
  } else if (pair.key == "request") {
    found.tags.request = clean(url_decoded(pair.value));
  } else if (pair.key == "traceparent") {
    auto text = clean(url_decoded(pair.value));
    found.tags.traceparent = is_traceparent(text) ? std::move(text) : std::string();
  } else if (pair.key == kPrismaQuery) {
    const auto text = url_decoded(pair.value);
    found.prisma = clean(text.substr(0, text.find(':')));
  }
}

void read_comments(std::string_view text, Found& found) {
  text = text.substr(0, kCommentBytesMax);
  for (auto begin = text.find("/*"); begin != kNpos; begin = text.find("/*", begin)) {
    const auto end = text.find("*/", begin + 2);
    if (end == kNpos) return;
    Pairs pairs(text.substr(begin + 2, end - begin - 2));
    while (pairs.next()) put(pairs, found);
    begin = end + 2;
  }
}

Found read(std::string_view sql, std::string_view code, std::string_view name) {
  Found found;
  if (code.size() < sql.size()) {
    const auto at = static_cast<std::size_t>(code.data() - sql.data());
    read_comments(sql.substr(0, at), found);
    read_comments(sql.substr(at + code.size()), found);
  }
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
