#include "shadow/rules/select_check.h"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "shadow/rules/concat.h"
#include "shadow/rules/side_effects.h"
#include "shadow/rules/sort_unique.h"
#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

using Json = nlohmann::json;

struct ParseResult {
  explicit ParseResult(const std::string& sql) : raw(pg_query_parse(sql.c_str())) {}
  ~ParseResult() { pg_query_free_parse_result(raw); }
  ParseResult(const ParseResult&) = delete;
  ParseResult& operator=(const ParseResult&) = delete;
  PgQueryParseResult raw;
};

std::optional<SqlProblem> too_large(const std::string& sql, const std::vector<Token>& tokens) {
  if (sql.size() <= kParsedBytesMax && tokens.size() <= kParsedTokensMax) return std::nullopt;
  return SqlProblem{0, concat({"the statement is too long for a rule (more than ",
                               std::to_string(kParsedBytesMax), " bytes or ",
                               std::to_string(kParsedTokensMax), " words)"})};
}

// SELECT ... of {"SelectStmt": {...}}; "INSERT" of {"InsertStmt": ...}.
std::string statement_name(const Json& stmt) {
  std::string name = stmt.begin().key();
  if (name.ends_with("Stmt")) name.resize(name.size() - 4);
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return name;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::string quoted_name(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

// Walks a SELECT's tree without recursion and collects what is in it.
class TreeWalk {
 public:
  explicit TreeWalk(const std::vector<Token>& tokens) : tokens_(tokens) {}

  std::variant<SelectFacts, std::vector<SqlProblem>> walk(const Json& select) {
    struct Open {
      const Json* node;
      std::size_t level;
    };
    std::vector<Open> open{{&select, 0}};
    while (!open.empty()) {
      const auto [node, level] = open.back();
      open.pop_back();
      if (level > kTreeLevelsMax) {
        return std::vector{SqlProblem{0, "expressions are nested too deeply for a rule"}};
      }
      if (node->is_object()) {
        for (const auto& [key, value] : node->items()) visit(key, value);
      }
      for (const Json& child : *node) {
        if (child.is_structured()) open.push_back({&child, level + 1});
      }
    }
    if (!problems_.empty()) return finish_problems();
    for (auto* list : {&facts_.functions, &facts_.tables, &facts_.names}) sort_unique(*list);
    facts_.order = sort_order_of(select);
    return std::move(facts_);
  }

 private:
  std::vector<SqlProblem> finish_problems() {
    std::sort(problems_.begin(), problems_.end(),
              [](const SqlProblem& a, const SqlProblem& b) { return a.offset < b.offset; });
    return std::move(problems_);
  }

  // Keys are names of nodes and fields only; what the user wrote stands in values.
  void visit(const std::string& key, const Json& value) {
    if (key == "String") {
      facts_.names.push_back(value.value("sval", std::string()));
    } else if (key == "RangeVar") {
      visit_table(value);
    } else if (key == "FuncCall") {
      visit_function(value);
    } else if (key == "intoClause") {
      add(place_of(PG_QUERY__TOKEN__INTO), "SELECT INTO creates a table: remove INTO");
    } else if (key == "lockingClause") {
      add(place_of_locking(),
          "a locking clause (FOR UPDATE, FOR SHARE, ...) cannot be replayed read-only: remove it");
    } else if (key == "InsertStmt") {
      add_change(PG_QUERY__TOKEN__INSERT);
    } else if (key == "UpdateStmt") {
      add_change(PG_QUERY__TOKEN__UPDATE);
    } else if (key == "DeleteStmt") {
      add_change(PG_QUERY__TOKEN__DELETE_P);
    } else if (key == "MergeStmt") {
      add_change(PG_QUERY__TOKEN__MERGE);
    }
  }

  void visit_table(const Json& table) {
    const auto schema = table.value("schemaname", std::string());
    const auto name = quoted_name(table.value("relname", std::string()));
    facts_.tables.push_back(schema.empty() ? name : concat({quoted_name(schema), ".", name}));
  }

  void visit_function(const Json& call) {
    const auto name_parts = call.find("funcname");
    if (name_parts == call.end() || name_parts->empty()) return;
    const Json& last = name_parts->back();
    // {"String": {"sval": "count"}}
    const std::string name = last.value("/String/sval"_json_pointer, std::string());
    facts_.functions.push_back(name);
    if (!has_side_effects(lower(name))) return;
    add(call.value("location", std::size_t{0}),
        concat({"`", name,
                "` has effects that a read-only transaction and its rollback do not undo, or gives "
                "each run another answer: it cannot be replayed"}));
  }

  void add_change(int token) {
    add(place_of(token), "this changes data: a rule may only read, so write a SELECT without it");
  }
  void add(std::size_t offset, std::string message) {
    problems_.push_back({offset, std::move(message)});
  }

  std::size_t place_of(int type) const {
    const auto found = std::find_if(tokens_.begin(), tokens_.end(),
                                    [&](const Token& token) { return token.type == type; });
    return found == tokens_.end() ? 0 : found->begin;
  }

  std::size_t place_of_locking() const {
    for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
      if (tokens_[i].type != PG_QUERY__TOKEN__FOR) continue;
      switch (tokens_[i + 1].type) {
        case PG_QUERY__TOKEN__UPDATE:
        case PG_QUERY__TOKEN__SHARE:
        case PG_QUERY__TOKEN__NO:
        case PG_QUERY__TOKEN__KEY:
          return tokens_[i].begin;
        default:
          break;
      }
    }
    return 0;
  }

  const std::vector<Token>& tokens_;
  SelectFacts facts_;
  std::vector<SqlProblem> problems_;
};

}  // namespace

bool parses(const std::string& sql) {
  const auto tokens = scan_tokens(sql);
  const auto* read = std::get_if<std::vector<Token>>(&tokens);
  if (read == nullptr || too_large(sql, *read)) return false;
  return ParseResult(sql).raw.error == nullptr;
}

std::variant<SelectFacts, std::vector<SqlProblem>> check_select(const std::string& sql) {
  const auto scanned = scan_tokens(sql);
  if (const auto* error = std::get_if<ShapeError>(&scanned)) {
    return std::vector{SqlProblem{error->offset, error->message}};
  }
  const auto& tokens = std::get<std::vector<Token>>(scanned);
  if (auto problem = too_large(sql, tokens)) return std::vector{*std::move(problem)};
  const ParseResult parsed(sql);
  if (parsed.raw.error != nullptr) {
    return std::vector{
        SqlProblem{byte_of_cursor(sql, parsed.raw.error->cursorpos), parsed.raw.error->message}};
  }
  const Json tree = Json::parse(parsed.raw.parse_tree, nullptr, false);
  const auto statements = tree.is_object() ? tree.find("stmts") : tree.end();
  if (statements == tree.end() || statements->empty()) {
    return std::vector{SqlProblem{0, "there is no statement here: write one SELECT"}};
  }
  if (statements->size() > 1) {
    std::size_t offset = (*statements)[1].value("stmt_location", std::size_t{0});
    offset = std::min(sql.find_first_not_of(" \t\n\r", offset), sql.size());
    return std::vector{SqlProblem{offset, "a second statement: a rule's SQL is one SELECT"}};
  }
  const Json& stmt = (*statements)[0].at("stmt");
  if (!stmt.contains("SelectStmt")) {
    return std::vector{
        SqlProblem{tokens.front().begin,
                   concat({"only a SELECT can be replayed, this is ", statement_name(stmt)})}};
  }
  return TreeWalk(tokens).walk(stmt.at("SelectStmt"));
}

}  // namespace parallax::shadow
