#pragma once

// An assembly whose ends are kept, and statements for it as clients write them.

#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/assembly.h"
#include "tests/unit/shadow/tap_fixture.h"

namespace parallax::shadow::tests {

inline constexpr std::uint64_t kWindow = 1'000'000'000;
using Texts = std::vector<std::string>;
using Cell = std::optional<std::string>;

inline constexpr const char* kPage = "SELECT id, author, editor FROM posts WHERE id > :after";
inline constexpr const char* kAuthors = "SELECT id, name FROM users WHERE id IN (:page.author)";
inline constexpr const char* kEditors = "SELECT id, name FROM users WHERE id IN (:page.editor)";
inline constexpr const char* kBadges =
    "SELECT owner, name FROM badges WHERE owner IN (:authors.id) AND kind = :kind";

inline std::vector<RuleSource> assembly_rules() {
  auto posts = tests::rule("posts", "", "select :after, :kind");
  posts.legacy.clear();
  for (const auto& [name, sql] : std::map<std::string, const char*>{
           {"page", kPage}, {"authors", kAuthors}, {"editors", kEditors}, {"badges", kBadges}}) {
    posts.legacy.push_back({name, {sql, {}}});
  }
  return {posts};
}

struct World {
  std::variant<RuleSet, std::vector<ConfigProblem>> compiled = RuleSet::compile(assembly_rules());
  RuleSet& rules = std::get<RuleSet>(compiled);
  const Rule& rule = *rules.rules().front();
  Stitching stitching = std::get<Stitching>(make_stitching(rule.legacy, columns()));
  ReplayContextRef context = std::make_shared<ReplayContext>();
  OpenOperations open{1};

  struct Complete {
    CapturedOperation operation;
    std::size_t parts;
    Assembly::Held held;
  };
  std::vector<Complete> complete;
  std::vector<Assembly::End> ended;
  std::vector<std::optional<OrphanReason>> unused;
  std::size_t given_back = 0;
  Assembly assembly{kWindow, listener()};
  std::uint64_t now = 1;

  std::vector<std::vector<ColumnInfo>> columns() const {
    std::vector<std::vector<ColumnInfo>> all;
    for (const auto& statement : rule.legacy) {
      Texts labels{"id", "name"};
      if (statement.name == "page") labels = {"id", "author", "editor"};
      if (statement.name == "badges") labels = {"owner", "name"};
      auto& columns = all.emplace_back();
      for (const auto& label : labels) columns.push_back({label, 0, 0, 25, false});
    }
    return all;
  }
  Assembly::Listener listener() {
    return {.complete =
                [this](CapturedOperation&& operation, std::vector<LiveResult>&& parts,
                       Assembly::Held&& held) {
                  complete.push_back({std::move(operation), parts.size(), std::move(held)});
                },
            .ended =
                [this](const Rule&, Side, NamedValues&&, Assembly::End end, Assembly::Held&& held) {
                  ended.push_back(end);
                  given_back += held.size();
                },
            .unused =
                [this](std::optional<OrphanReason> reason, std::size_t) {
                  unused.push_back(reason);
                  ++given_back;
                },
            .statement = [](const Rule&, Side) {},
            .stitching = [this](const Rule&, Side) { return &stitching; }};
  }

  CapturedStatement captured(std::size_t width, const std::vector<std::vector<Cell>>& rows,
                             std::uint64_t session) const {
    CapturedStatement statement;
    statement.session_id = session;
    statement.context = context;
    ResultSet result{std::vector<ColumnInfo>(width)};
    for (const auto& row : rows) {
      for (const auto& cell : row) result.add_cell(cell);
    }
    statement.live.result = std::make_shared<ResultSet>(std::move(result));
    return statement;
  }
  static std::vector<Value> values(const std::vector<Cell>& cells) {
    std::vector<Value> out;
    for (const auto& cell : cells)
      out.push_back(cell ? Value{.bytes = *cell} : Value{.null = true, .bytes = {}});
    return out;
  }
  void root(const std::vector<std::vector<Cell>>& rows, std::uint64_t session = 1,
            const std::string& after = "0", StatementTags tags = {}) {
    auto statement = captured(3, rows, session);
    statement.tags = std::move(tags);
    const auto found = RuleSet::match(
        rules.know("SELECT id, author, editor FROM posts WHERE id > $1"), values({after}));
    statement.root = found.root;
    statement.mark = open.open(rule);
    assembly.take(std::move(statement), 1, now);
  }
  // A child as a client writes it.
  CapturedStatement users(const std::vector<Cell>& list, std::uint64_t session = 1) {
    std::vector<std::vector<Cell>> rows;
    for (const auto& cell : list) {
      if (cell) rows.push_back({*cell, "name of " + *cell});
    }
    auto statement = captured(2, rows, session);
    statement.children =
        RuleSet::match(rules.know("SELECT id, name FROM users WHERE id IN " + written(list, 1)),
                       values(list))
            .children;
    REQUIRE(statement.children.size() == 2);
    return statement;
  }
  CapturedStatement badges(const std::vector<Cell>& list, const std::string& kind,
                           std::uint64_t session = 1) {
    auto statement = captured(2, {}, session);
    auto given = list;
    given.insert(given.begin(), kind);
    statement.children =
        RuleSet::match(rules.know("SELECT owner, name FROM badges WHERE owner IN " +
                                  written(list, 2) + " AND kind = $1"),
                       values(given))
            .children;
    REQUIRE(statement.children.size() == 1);
    return statement;
  }
  static std::string written(const std::vector<Cell>& list, std::size_t first) {
    std::string text = "(";
    for (std::size_t i = 0; i < list.size(); ++i)
      text += (i == 0 ? "$" : ", $") + std::to_string(first + i);
    return list.empty() ? "(NULL)" : text + ")";
  }
  void take(CapturedStatement statement) { assembly.take(std::move(statement), 1, now); }
};

}  // namespace parallax::shadow::tests
