#include "shadow/learn/rewrites_file.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "shadow/learn/inputs.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

using Json = nlohmann::json;

Value text_value(std::string text) {
  Value value;
  value.bytes = std::move(text);
  return value;
}

// As a driver would send it: objects as JSON, lists as arrays.
std::string parameter_text(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_array()) return json.dump();
  std::string text = "{";
  for (const Json& member : json) {
    if (text.size() > 1) text.push_back(',');
    text += member.is_string() ? member.dump() : parameter_text(member);
  }
  return text + "}";
}

class RewritesReader {
 public:
  std::variant<std::vector<WrittenRewrite>, std::string> read(const Json& json) {
    if (!json.is_array()) return std::string("write a list of {operation, sql, params}");
    std::vector<WrittenRewrite> all;
    for (const Json& entry : json) {
      ++number_;
      WrittenRewrite rewrite;
      if (auto problem = read_entry(entry, rewrite); !problem.empty())
        return concat({"entry ", std::to_string(number_), ": ", problem});
      all.push_back(std::move(rewrite));
    }
    return all;
  }

 private:
  static std::string read_entry(const Json& entry, WrittenRewrite& rewrite) {
    if (!entry.is_object()) return "write {operation, sql, params}";
    for (const auto& [key, value] : entry.items()) {
      if (key == "operation" || key == "sql") {
        if (!value.is_string()) return concat({"`", key, "` is a text"});
        (key == "sql" ? rewrite.sql : rewrite.operation) = value.get<std::string>();
      } else if (key == "params") {
        if (!value.is_array()) return "`params` is a list";
        for (const Json& one : value) {
          rewrite.parameters.push_back(text_value(one.is_null() ? "" : parameter_text(one)));
          rewrite.parameters.back().null = one.is_null();
        }
      } else {
        return concat({"unknown key `", key, "`: there are operation, sql and params"});
      }
    }
    if (rewrite.sql.empty()) return "`sql` is missing: write the statement";
    if (rewrite.operation.empty())
      return "`operation` is missing: without results the name alone says what it answers";
    return {};
  }

  std::size_t number_ = 0;
};

}  // namespace

std::variant<std::vector<WrittenRewrite>, std::string> read_rewrites(std::string_view json) {
  try {
    return RewritesReader().read(Json::parse(json));
  } catch (const Json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 3, column 5: …"
    const std::string_view what = error.what();
    const auto start = what.find("] ");
    return std::string(start == std::string_view::npos ? what : what.substr(start + 2));
  }
}

std::string add_rewrites(const std::vector<WrittenRewrite>& rewrites, StatementLog& log) {
  for (std::size_t i = 0; i < rewrites.size(); ++i) {
    const auto& rewrite = rewrites[i];
    const auto text = without_outer_comments(rewrite.sql);
    const auto shape = shape_of(text, ShapeDialect::statement);
    if (const auto* error = std::get_if<ShapeError>(&shape)) {
      return concat({"entry ", std::to_string(i + 1), ": `sql`, byte ",
                     std::to_string(error->offset + 1), ": ", error->message});
    }
    Observation written;
    written.operation = rewrite.operation;
    written.inputs = learned_inputs(std::get<StatementShape>(shape), rewrite.parameters);
    log.add(Side::rewrite, std::string(text), std::get<StatementShape>(shape), std::move(written),
            false);
  }
  return {};
}

}  // namespace parallax::shadow
