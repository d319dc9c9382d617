#include "shadow/rules/select_check.h"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "shadow/rules/concat.h"
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
    std::sort(facts_.functions.begin(), facts_.functions.end());
    const auto end = std::unique(facts_.functions.begin(), facts_.functions.end());
    facts_.functions.erase(end, facts_.functions.end());
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
    if (key == "FuncCall") {
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

bool has_side_effects(std::string_view name) {
  // A star stands for any end. Each was run in BEGIN READ ONLY ... ROLLBACK and passed, or belongs
  // to such a family.
  static constexpr std::string_view kNames[] = {"currval",
                                                "cursor_to_xml*",
                                                "database_to_xml*",
                                                "dblink*",
                                                "lastval",
                                                "lo_*",
                                                "loread",
                                                "lowrite",
                                                "nextval",
                                                "pg_advisory*",
                                                "pg_backup_*",
                                                "pg_cancel_backend",
                                                "pg_create_*slot*",
                                                "pg_create_restore_point",
                                                "pg_current_xact_id",
                                                "pg_drop_*slot*",
                                                "pg_export_snapshot",
                                                "pg_copy_*slot*",
                                                "pg_log_backend_memory_contexts",
                                                "pg_logical_emit_message",
                                                "pg_logical_slot_*",
                                                "pg_ls_*",
                                                "pg_notify",
                                                "pg_promote",
                                                "pg_read_*file*",
                                                "pg_reload_conf",
                                                "pg_replication_*",
                                                "pg_rotate_logfile*",
                                                "pg_sleep*",
                                                "pg_start_backup",
                                                "pg_stat_reset*",
                                                "pg_stop_backup",
                                                "pg_switch_wal",
                                                "pg_terminate_backend",
                                                "pg_try_advisory*",
                                                "pg_wal_replay_*",
                                                "query_to_xml*",
                                                "schema_to_xml*",
                                                "set_config",
                                                "setval",
                                                "table_to_xml*",
                                                "txid_current"};
  const auto fits = [&](std::string_view pattern) {
    // At most two stars, the last at the end.
    std::string_view rest = name;
    while (true) {
      const auto star = pattern.find('*');
      const auto part = pattern.substr(0, star);
      const bool first = rest.data() == name.data();
      const auto at =
          first ? (rest.starts_with(part) ? 0 : std::string_view::npos) : rest.find(part);
      if (at == std::string_view::npos) return false;
      rest.remove_prefix(at + part.size());
      if (star == std::string_view::npos) return rest.empty();
      pattern.remove_prefix(star + 1);
      if (pattern.empty()) return true;
    }
  };
  return std::any_of(std::begin(kNames), std::end(kNames), fits);
}

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
