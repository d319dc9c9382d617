// without_column_casts: the select list of a parse tree, edited and written again (libpg_query).

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <cstdint>
#include <memory>

#include "shadow/rules/select_check.h"

namespace parallax::shadow {

namespace {

struct TreeResult {
  explicit TreeResult(const std::string& sql) : raw(pg_query_parse_protobuf(sql.c_str())) {}
  ~TreeResult() { pg_query_free_protobuf_parse_result(raw); }
  TreeResult(const TreeResult&) = delete;
  TreeResult& operator=(const TreeResult&) = delete;
  PgQueryProtobufParseResult raw;
};

struct DeparseResult {
  explicit DeparseResult(PgQueryProtobuf tree) : raw(pg_query_deparse_protobuf(tree)) {}
  ~DeparseResult() { pg_query_free_deparse_result(raw); }
  DeparseResult(const DeparseResult&) = delete;
  DeparseResult& operator=(const DeparseResult&) = delete;
  PgQueryDeparseResult raw;
};

struct FreeTree {
  void operator()(PgQuery__ParseResult* tree) const {
    pg_query__parse_result__free_unpacked(tree, nullptr);
  }
};
using Tree = std::unique_ptr<PgQuery__ParseResult, FreeTree>;

// The column inside `col::t`, nothing for other expressions (also `t.*`).
bool is_column(const PgQuery__Node* node) {
  if (node == nullptr || node->node_case != PG_QUERY__NODE__NODE_COLUMN_REF) return false;
  const auto& column = *node->column_ref;
  return column.n_fields > 0 &&
         column.fields[column.n_fields - 1]->node_case == PG_QUERY__NODE__NODE_STRING;
}

bool remove_casts(PgQuery__SelectStmt& select) {
  bool removed = false;
  for (std::size_t i = 0; i < select.n_target_list; ++i) {
    if (select.target_list[i]->node_case != PG_QUERY__NODE__NODE_RES_TARGET) continue;
    PgQuery__ResTarget& target = *select.target_list[i]->res_target;
    PgQuery__Node* cast = target.val;
    if (cast == nullptr || cast->node_case != PG_QUERY__NODE__NODE_TYPE_CAST) continue;
    if (!is_column(cast->type_cast->arg)) continue;
    target.val = cast->type_cast->arg;
    cast->type_cast->arg = nullptr;
    pg_query__node__free_unpacked(cast, nullptr);
    removed = true;
  }
  return removed;
}

}  // namespace

std::string without_column_casts(const std::string& sql) {
  const TreeResult parsed(sql);
  if (parsed.raw.error != nullptr) return {};
  const Tree tree(pg_query__parse_result__unpack(
      nullptr, parsed.raw.parse_tree.len,
      reinterpret_cast<const std::uint8_t*>(parsed.raw.parse_tree.data)));
  if (tree == nullptr || tree->n_stmts != 1) return {};
  PgQuery__Node* statement = tree->stmts[0]->stmt;
  if (statement == nullptr || statement->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) return {};
  if (!remove_casts(*statement->select_stmt)) return {};
  std::string packed(pg_query__parse_result__get_packed_size(tree.get()), '\0');
  pg_query__parse_result__pack(tree.get(), reinterpret_cast<std::uint8_t*>(packed.data()));
  const DeparseResult written(PgQueryProtobuf{packed.size(), packed.data()});
  if (written.raw.error != nullptr || written.raw.query == nullptr) return {};
  std::string text = written.raw.query;
  return parses(text) ? text : std::string();
}

}  // namespace parallax::shadow
