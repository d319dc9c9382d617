#include "shadow/learn/rule_text.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "shadow/rules/concat.h"
#include "shadow/rules/prepared_text.h"
#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

bool is_control(char c) { return c >= 0 && c < ' '; }

bool is_word(char c) {
  return c == '_' || static_cast<unsigned char>(c) >= 0x80 || (c >= '0' && c <= '9') ||
         (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

class RuleText {
 public:
  RuleText(std::string_view sql, const StatementShape& shape,
           const std::vector<std::optional<std::string>>& instead, std::vector<Token> tokens)
      : sql_(sql), shape_(shape), instead_(instead), tokens_(std::move(tokens)) {}

  std::optional<std::string> write() {
    while (!tokens_.empty() && tokens_.back().type == ';') tokens_.pop_back();
    for (std::size_t i = 0; i < tokens_.size();) {
      if (i > 0) gap(tokens_[i - 1].end, tokens_[i].begin);
      const std::size_t group = group_at(tokens_[i].begin);
      if (group < shape_.slots.size() && instead_[group]) {
        i = write_group(shape_.slots[group], *instead_[group], i);
      } else {
        token(i++);
      }
    }
    return writable_ ? std::optional(std::move(out_)) : std::nullopt;
  }

 private:
  std::size_t group_at(std::size_t byte) const {
    const auto found = std::ranges::find_if(shape_.slots, [byte](const SlotGroup& group) {
      return group.begin == byte && group.end > byte;
    });
    return static_cast<std::size_t>(found - shape_.slots.begin());
  }

  void gap(std::size_t from, std::size_t to) {
    if (from >= to) return;
    const bool line = sql_.substr(from, to - from).find('\n') != std::string_view::npos;
    out_.push_back(line ? '\n' : ' ');
  }

  void word(std::string_view text) {
    if (text.empty()) return;
    if (is_word(text.front())) separate_word(out_);
    // `limit:n`, `a[1:b]`: a name begins behind something else.
    if (text.front() == ':' && text != "::") {
      separate_word(out_);
      if (out_.ends_with(':')) out_.push_back(' ');
    }
    out_.append(text);
  }

  void token(std::size_t i) {
    const auto text = sql_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
    writable_ = writable_ && std::ranges::none_of(text, is_control);
    word(text);
  }

  // Of a list its first member, with the words in the place of its value.
  std::size_t write_group(const SlotGroup& group, const std::string& words, std::size_t i) {
    if (group.members.empty()) {  // IN (NULL)
      word(words);
      while (i < tokens_.size() && tokens_[i].begin < group.end) ++i;
      return i;
    }
    const Slot& slot = group.members.front();
    const std::size_t end = group.list ? group.first_member_end : group.end;
    bool first = true;
    for (; i < tokens_.size() && tokens_[i].begin < group.end; ++i) {
      if (tokens_[i].begin >= end) continue;
      if (!first) gap(tokens_[i - 1].end, tokens_[i].begin);
      first = false;
      if (tokens_[i].begin == slot.begin) {
        word(words);
      } else if (tokens_[i].begin < slot.begin || tokens_[i].begin >= slot.end) {
        token(i);
      }
    }
    return i;
  }

  std::string_view sql_;
  const StatementShape& shape_;
  const std::vector<std::optional<std::string>>& instead_;
  std::vector<Token> tokens_;
  std::string out_;
  bool writable_ = true;
};

std::optional<std::string> literal_text(const std::optional<std::string>& value, ValueUse use) {
  if (!value) return "NULL";
  const bool digits =
      !value->empty() && std::ranges::all_of(*value, [](char c) { return c >= '0' && c <= '9'; });
  if (digits && (use == ValueUse::limit || use == ValueUse::offset)) return value;
  if (std::ranges::any_of(*value, is_control)) return std::nullopt;
  std::string text = "'";
  for (const char c : *value) {
    text.push_back(c);
    if (c == '\'') text.push_back(c);
  }
  text.push_back('\'');
  return text;
}

}  // namespace

std::optional<std::string> rule_text(std::string_view sql, const StatementShape& shape,
                                     const std::vector<std::optional<std::string>>& instead) {
  auto tokens = scan_tokens(sql);
  if (!std::holds_alternative<std::vector<Token>>(tokens)) return std::nullopt;
  return RuleText(sql, shape, instead, std::get<std::vector<Token>>(std::move(tokens))).write();
}

std::optional<std::string> literal_text(const LearnInput& input, const SlotGroup& group,
                                        ValueUse use) {
  const bool plain = !group.list || (!group.members.empty() &&
                                     group.members[0].begin == group.first_member_begin &&
                                     group.members[0].end == group.first_member_end);
  if (!plain || input.members.empty()) return std::nullopt;
  std::string text;
  for (const auto& member : input.members) {
    const auto one = literal_text(member, use);
    if (!one) return std::nullopt;
    text += text.empty() ? *one : concat({", ", *one});
  }
  return text;
}

}  // namespace parallax::shadow
