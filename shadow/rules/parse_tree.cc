#include "shadow/rules/parse_tree.h"

#include <pg_query.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "shadow/rules/select_list.h"

namespace parallax::shadow {

using Json = nlohmann::json;

Json parse_tree(const std::string& sql, TreePlaces places) {
  const auto free = [](PgQueryParseResult* result) { pg_query_free_parse_result(*result); };
  PgQueryParseResult result = pg_query_parse(sql.c_str());
  const std::unique_ptr<PgQueryParseResult, decltype(free)> guard(&result, free);
  if (result.error != nullptr || result.parse_tree == nullptr)
    return Json(Json::value_t::discarded);
  bool too_deep = false;
  const auto keep = [&too_deep, places](int depth, Json::parse_event_t event, const Json& parsed) {
    too_deep = too_deep || depth > kExpressionDepthMax;
    return places == TreePlaces::kept || event != Json::parse_event_t::key || parsed != "location";
  };
  Json tree = Json::parse(result.parse_tree, keep, false);
  return too_deep ? Json(Json::value_t::discarded) : tree;
}

const Json* tree_member(const Json* node, const char* key) {
  if (node == nullptr || !node->is_object()) return nullptr;
  const auto found = node->find(key);
  return found == node->end() ? nullptr : &*found;
}

}  // namespace parallax::shadow
