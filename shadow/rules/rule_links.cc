#include "shadow/rules/rule_links.h"

#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "shadow/rules/concat.h"
#include "shadow/rules/prepared_text.h"
#include "shadow/rules/select_list.h"
#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
bool is_name_token(const Token& token) {
  return token.type == PG_QUERY__TOKEN__IDENT || token.keyword != KeywordKind::none;
}

// The column reference in front of `IN (`, or of `=` for a link of one value, with the list at byte
// `list`; empty when there is something else.
std::string_view column_before(std::string_view sql, std::size_t list) {
  const auto scanned = scan_tokens(sql);
  const auto* tokens = std::get_if<std::vector<Token>>(&scanned);
  if (tokens == nullptr) return {};
  const auto behind =
      std::ranges::find_if(*tokens, [list](const Token& token) { return token.begin >= list; });
  const auto count = static_cast<std::size_t>(behind - tokens->begin());
  const auto is = [&](std::size_t back, int type) {
    return count > back && (*tokens)[count - back].type == type;
  };
  const bool one = is(1, '=');
  if (!one && !(is(1, '(') && is(2, PG_QUERY__TOKEN__IN_P))) return {};
  const std::size_t last = count - (one ? 2 : 3);
  std::size_t first = last;
  if (!is_name_token((*tokens)[last])) return {};
  while (first >= 2 && (*tokens)[first - 1].type == '.' && is_name_token((*tokens)[first - 2])) {
    first -= 2;
  }
  if ((*tokens)[last].type == PG_QUERY__TOKEN__NOT) return {};
  return sql.substr((*tokens)[first].begin, (*tokens)[last].end - (*tokens)[first].begin);
}

// The statement with `= member` in place of `IN (member)`.
std::string with_one_member(std::string_view sql, const SlotGroup& list) {
  const auto scanned = scan_tokens(sql);
  const auto& tokens = std::get<std::vector<Token>>(scanned);  // column_before has read them
  const auto at = [&](std::size_t byte) {
    return std::ranges::find_if(tokens, [byte](const Token& one) { return one.begin >= byte; });
  };
  const auto in = at(list.begin) - 2;
  const auto close = at(list.end);
  const auto member =
      sql.substr(list.first_member_begin, list.first_member_end - list.first_member_begin);
  return concat({sql.substr(0, in->begin), "= ", member, sql.substr(close->end)});
}

class Linker {
 public:
  Linker(std::vector<RuleStatement> statements, Side side, std::vector<ConfigProblem>& problems)
      : statements_(std::move(statements)), side_(name(side)), problems_(problems) {}

  std::optional<std::vector<RuleStatement>> link() {
    const auto before = problems_.size();
    for (auto& statement : statements_) {
      if (statements_.size() > 1) refuse_numbers(statement);
      read_link(statement);
    }
    if (problems_.size() == before) check_roots();
    if (problems_.size() != before) return std::nullopt;
    auto ordered = in_order();
    if (problems_.size() != before) return std::nullopt;
    return ordered;
  }

 private:
  void add(const RuleStatement& statement, std::size_t offset, std::string message) {
    const auto& source = statement.source;
    problems_.push_back({mark_inside(source.mark, source.text, offset), std::move(message)});
  }

  void refuse_numbers(const RuleStatement& statement) {
    for (const SlotGroup& group : statement.shape.slots) {
      for (const Slot& slot : group.members) {
        if (slot.kind != SlotKind::parameter) continue;
        add(statement, slot.begin,
            concat({"`", spelling_of(slot),
                    "` is another value in each of several statements: give it a name"}));
      }
    }
  }

  void read_link(RuleStatement& statement) {
    for (std::size_t g = 0; g < statement.shape.slots.size(); ++g) {
      const SlotGroup& group = statement.shape.slots[g];
      for (const Slot& slot : group.members) {
        if (slot.link_dot == 0) continue;
        if (group.array || group.members.size() != 1) {
          add(statement, slot.begin,
              concat({"a link is a whole list: write `IN (", spelling_of(slot), ")`"}));
        } else if (statement.link) {
          add(statement, slot.begin, "a second link: a statement has one parent");
        } else {
          make_link(statement, g, slot);
        }
      }
    }
  }

  void make_link(RuleStatement& statement, std::size_t group, const Slot& slot) {
    Link link;
    link.group = group;
    link.list_name = slot.text;
    link.parent_column = slot.text.substr(slot.link_dot + 1);
    link.parent = statement_named(std::string_view(slot.text).substr(0, slot.link_dot));
    if (link.parent == kNone) return add(statement, slot.begin, no_such_parent(slot));
    const auto& sql = statement.source.text;
    const auto column = column_before(sql, statement.shape.slots[group].begin);
    if (column.empty()) {
      return add(statement, slot.begin,
                 "a link belongs to a column: write `\"table\".\"column\" IN (:parent.column)`, or "
                 "`= :parent.column` where there is one parent");
    }
    const auto found = SelectList(sql).find(column);
    if (found.empty()) {
      return add(statement, slot.begin,
                 concat({"the select list has no ", column,
                         ": without it nobody can say which rows belong to which parent"}));
    }
    link.column = found.front();
    if (const auto& list = statement.shape.slots[group]; list.list) {
      const auto single = shape_of(with_one_member(sql, list), ShapeDialect::rule);
      if (const auto* shape = std::get_if<StatementShape>(&single)) link.single_key = shape->key;
    }
    statement.link = std::move(link);
  }

  std::size_t statement_named(std::string_view name) const {
    const auto found = std::ranges::find(statements_, name, &RuleStatement::name);
    if (found == statements_.end() || name.empty()) return kNone;
    return static_cast<std::size_t>(found - statements_.begin());
  }

  std::string no_such_parent(const Slot& slot) const {
    std::string names;
    for (const auto& statement : statements_) {
      if (statement.name.empty()) continue;
      names += concat({names.empty() ? "" : ", ", "`", statement.name, "`"});
    }
    const auto parent = slot.text.substr(0, slot.link_dot);
    if (names.empty()) {
      return concat({"`", spelling_of(slot), "` is a link to a statement `", parent, "`, and `",
                     side_, "` is one statement without a name: write `", side_,
                     ":` as a map of names and statements"});
    }
    return concat(
        {"`", spelling_of(slot), "`: ", side_, " has no statement `", parent, "`, it has ", names});
  }

  void check_roots() {
    const RuleStatement* root = nullptr;
    for (const auto& statement : statements_) {
      if (statement.link) continue;
      if (root != nullptr) {
        add(statement, 0,
            concat({"`", statement.name, "` and `", root->name,
                    "` have no link: nothing says that they are one operation; write `IN (:",
                    root->name, ".column)` in one of them, or two rules"}));
      } else {
        root = &statement;
      }
    }
    if (root == nullptr) add(statements_.front(), 0, "every statement has a link: none is first");
  }

  // The root first, every child behind its parent; `parent` then means the new places.
  std::vector<RuleStatement> in_order() {
    std::vector<std::size_t> place(statements_.size(), kNone);
    std::vector<std::size_t> order;
    for (bool found = true; found;) {
      found = false;
      for (std::size_t i = 0; i < statements_.size(); ++i) {
        const auto& link = statements_[i].link;
        if (place[i] != kNone || (link && place[link->parent] == kNone)) continue;
        place[i] = order.size();
        order.push_back(i);
        found = true;
      }
    }
    for (std::size_t i = 0; i < statements_.size(); ++i) {
      if (place[i] != kNone) continue;
      add(statements_[i], 0,
          concat({"`", statements_[i].name, "` is linked in a circle: no way leads to it"}));
    }
    std::vector<RuleStatement> ordered;
    for (const std::size_t i : order) {
      ordered.push_back(std::move(statements_[i]));
      if (ordered.back().link) ordered.back().link->parent = place[ordered.back().link->parent];
    }
    return ordered;
  }

  std::vector<RuleStatement> statements_;
  std::string_view side_;
  std::vector<ConfigProblem>& problems_;
};

}  // namespace

std::optional<std::vector<RuleStatement>> link_statements(std::vector<RuleStatement> statements,
                                                          Side side,
                                                          std::vector<ConfigProblem>& problems) {
  return Linker(std::move(statements), side, problems).link();
}

}  // namespace parallax::shadow
