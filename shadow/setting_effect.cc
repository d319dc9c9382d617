#include "shadow/setting_effect.h"

#include <pg_query.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <variant>

#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

using Json = nlohmann::json;
using Kind = SettingEffect::Kind;

// Settings whose values are lists of names: SET quotes each (PostgreSQL source, guc.c,
// GUC_LIST_QUOTE).
constexpr std::array<std::string_view, 6> kNameLists = {"search_path",
                                                        "temp_tablespaces",
                                                        "session_preload_libraries",
                                                        "shared_preload_libraries",
                                                        "local_preload_libraries",
                                                        "unix_socket_directories"};

const Json& member(const Json& node, const char* key) {
  static const Json none;
  if (!node.is_object()) return none;
  const auto found = node.find(key);
  return found == node.end() ? none : *found;
}

std::string text_of(const Json& node, const char* key) {
  const Json& value = member(node, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// As the server quotes a name, and only where it does (ruleutils.c, quote_identifier).
std::string quoted_name(const std::string& name) {
  const bool plain =
      !name.empty() && (name[0] < '0' || name[0] > '9') && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
      });
  const auto tokens = plain ? scan_tokens(name) : std::variant<std::vector<Token>, ShapeError>();
  const auto* words = std::get_if<std::vector<Token>>(&tokens);
  if (plain && words != nullptr && words->size() == 1 &&
      (words->front().keyword == KeywordKind::none ||
       words->front().keyword == KeywordKind::unreserved)) {
    return name;
  }
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

// The tree leaves out integers of 0 and below: the text says which.
std::string number_at(const std::string& sql, const Json& location) {
  std::size_t at = location.is_number_integer() ? location.get<std::size_t>() : 0;
  std::string out;
  for (; at < sql.size(); ++at) {
    const char c = sql[at];
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (blank && (out.empty() || out == "-")) continue;
    if (c != '-' && (c < '0' || c > '9')) break;
    out += c;
  }
  return out.empty() ? "0" : out;
}

// The text of a constant; nothing for anything else, and for NULL.
std::optional<std::string> constant_of(const Json& node, const std::string& sql) {
  const Json& constant = member(node, "A_Const");
  if (!constant.is_object()) return std::nullopt;
  if (const Json& text = member(constant, "sval"); text.is_object()) return text_of(text, "sval");
  if (const Json& number = member(constant, "ival"); number.is_object()) {
    const Json& value = member(number, "ival");
    return value.is_number_integer() ? std::to_string(value.get<std::int64_t>())
                                     : number_at(sql, member(constant, "location"));
  }
  if (const Json& number = member(constant, "fval"); number.is_object())
    return text_of(number, "fval");
  if (const Json& flag = member(constant, "boolval"); flag.is_object())
    return member(flag, "boolval").is_boolean() ? "true" : "false";
  return std::nullopt;
}

bool is_null(const Json& node) { return member(member(node, "A_Const"), "isnull").is_boolean(); }

// SET name TO a, b: the value as the server stores it (guc.c, flatten_set_variable_args).
std::optional<std::string> flat_value(const std::string& name, const Json& arguments,
                                      const std::string& sql) {
  const bool names = std::ranges::find(kNameLists, name) != kNameLists.end();
  std::string out;
  for (const Json& argument : arguments) {
    const auto text = constant_of(argument, sql);
    if (!text) return std::nullopt;  // SET TIME ZONE INTERVAL ...
    if (!out.empty()) out += ", ";
    const bool is_string = member(member(argument, "A_Const"), "sval").is_object();
    out += names && is_string ? quoted_name(*text) : *text;
  }
  return out;
}

std::vector<SettingEffect> effects_of_set(const Json& statement, const std::string& sql) {
  const std::string kind = text_of(statement, "kind");
  SettingEffect effect;
  effect.name = lower(text_of(statement, "name"));
  const bool local = member(statement, "is_local").is_boolean();
  if (kind == "VAR_RESET_ALL") {
    effect.kind = Kind::reset_all;
  } else if (kind == "VAR_RESET" || (kind == "VAR_SET_DEFAULT" && !local)) {
    effect.kind = Kind::reset;
  } else if (kind == "VAR_SET_MULTI") {
    // SET TRANSACTION and SET SESSION CHARACTERISTICS are of no matter to a read-only replay; a
    // snapshot that was imported is.
    if (effect.name != "transaction snapshot") return {};
  } else if (kind == "VAR_SET_VALUE") {
    if (auto value = flat_value(effect.name, member(statement, "args"), sql)) {
      effect.kind = local ? Kind::set_local : Kind::set;
      effect.value = std::move(*value);
    }
  }
  return {effect};
}

// An argument of set_config(): a constant or a parameter, also cast.
const Json& without_cast(const Json& node) {
  const Json* inner = &node;
  while (member(*inner, "TypeCast").is_object()) inner = &member(member(*inner, "TypeCast"), "arg");
  return *inner;
}

std::optional<std::size_t> parameter_of(const Json& node) {
  const Json& number = member(member(node, "ParamRef"), "number");
  if (!number.is_number_integer() || number.get<std::int64_t>() < 1) return std::nullopt;
  return number.get<std::size_t>() - 1;
}

std::optional<SettingEffect> effect_of_call(const Json& call, const std::string& sql) {
  const Json& names = member(call, "funcname");
  const Json& arguments = member(call, "args");
  if (!names.is_array() || names.empty() || arguments.size() != 3) return std::nullopt;
  if (text_of(member(names.back(), "String"), "sval") != "set_config") return std::nullopt;
  if (names.size() > 1 && text_of(member(names.front(), "String"), "sval") != "pg_catalog")
    return std::nullopt;
  const Json& name = without_cast(arguments[0]);
  const Json& value = without_cast(arguments[1]);
  const Json& local = without_cast(arguments[2]);
  SettingEffect effect;
  effect.kind = Kind::set;
  effect.name_parameter = parameter_of(name);
  effect.value_parameter = parameter_of(value);
  effect.local_parameter = parameter_of(local);
  if (!effect.name_parameter) {
    const auto text = constant_of(name, sql);
    if (!text) return std::nullopt;
    effect.name = lower(*text);
  }
  if (!effect.value_parameter) {
    const auto text = constant_of(value, sql);
    if (!text && !is_null(value)) return std::nullopt;
    if (!text) effect.kind = Kind::reset;
    effect.value = text.value_or("");
  }
  if (!effect.local_parameter) {
    const auto text = constant_of(local, sql);
    if (!text) return std::nullopt;
    const bool is_local = *text == "true" || *text == "t" || *text == "on" || *text == "1";
    // Back to the default for the transaction only: rare, and not modelled.
    if (is_local && effect.kind == Kind::reset) effect.kind = Kind::unknown;
    if (is_local && effect.kind == Kind::set) effect.kind = Kind::set_local;
  }
  return effect;
}

bool mentions_set_config(const Json& root) {
  std::vector<const Json*> open{&root};
  while (!open.empty()) {
    const Json* node = open.back();
    open.pop_back();
    if (text_of(*node, "sval") == "set_config") return true;
    for (const Json& child : *node) {
      if (child.is_structured()) open.push_back(&child);
    }
  }
  return false;
}

// SELECT set_config(...), set_config(...): and nothing else but columns that do not set anything.
std::vector<SettingEffect> effects_of_select(const Json& select, const std::string& sql) {
  if (!mentions_set_config(select)) return {};
  std::vector<SettingEffect> effects;
  for (const Json& item : member(select, "targetList")) {
    const Json& value = without_cast(member(member(item, "ResTarget"), "val"));
    if (auto effect = effect_of_call(member(value, "FuncCall"), sql)) {
      effects.push_back(std::move(*effect));
    } else if (mentions_set_config(value)) {
      return {SettingEffect{}};
    }
  }
  for (const auto& [clause, tree] : select.items()) {
    // How often the functions run, or whether, then depends on data.
    if (clause != "targetList" && tree.is_structured()) return {SettingEffect{}};
  }
  return effects;
}

std::vector<SettingEffect> effects_of_transaction(const Json& statement) {
  const std::string kind = text_of(statement, "kind");
  SettingEffect effect;
  effect.name = text_of(statement, "savepoint_name");
  if (kind == "TRANS_STMT_SAVEPOINT") {
    effect.kind = Kind::savepoint;
  } else if (kind == "TRANS_STMT_ROLLBACK_TO") {
    effect.kind = Kind::rollback_to;
  } else if (kind == "TRANS_STMT_RELEASE") {
    effect.kind = Kind::release;
  } else {
    return {};  // the command tag tells
  }
  return {effect};
}

std::vector<SettingEffect> effects_of_statement(const Json& statement, const std::string& sql) {
  if (const Json& set = member(statement, "VariableSetStmt"); set.is_object())
    return effects_of_set(set, sql);
  if (const Json& select = member(statement, "SelectStmt"); select.is_object())
    return effects_of_select(select, sql);
  if (const Json& transaction = member(statement, "TransactionStmt"); transaction.is_object())
    return effects_of_transaction(transaction);
  if (const Json& discard = member(statement, "DiscardStmt"); discard.is_object()) {
    SettingEffect effect;
    effect.kind = Kind::discard_all;
    return text_of(discard, "target") == "DISCARD_ALL" ? std::vector{effect}
                                                       : std::vector<SettingEffect>{};
  }
  return mentions_set_config(statement) ? std::vector{SettingEffect{}}
                                        : std::vector<SettingEffect>{};
}

}  // namespace

std::vector<std::vector<SettingEffect>> setting_effects(const std::string& sql) {
  if (sql.size() > kSettingBytesMax) return {{SettingEffect{}}};
  const PgQueryParseResult parsed = pg_query_parse(sql.c_str());
  const Json tree =
      parsed.error == nullptr ? Json::parse(parsed.parse_tree, nullptr, false) : Json();
  pg_query_free_parse_result(parsed);
  const Json& statements = member(tree, "stmts");
  if (!statements.is_array()) return {{SettingEffect{}}};
  std::vector<std::vector<SettingEffect>> effects;
  for (const Json& statement : statements) {
    effects.push_back(effects_of_statement(member(statement, "stmt"), sql));
  }
  return effects;
}

// What stands behind a `;` in a quoted name is looked at, too, which does no harm.
bool may_have_setting_effects(std::string_view key, bool calls_set_config) {
  if (calls_set_config) return true;
  while (!key.empty()) {
    key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
    const auto starts = [key](const char* word) { return key.starts_with(word); };
    if (std::ranges::any_of(std::array{"set ", "reset ", "discard ", "savepoint ", "rollback ",
                                       "abort ", "release "},
                            starts)) {
      return true;
    }
    const auto end = key.find(';');
    key.remove_prefix(end == std::string_view::npos ? key.size() : end + 1);
  }
  return false;
}

}  // namespace parallax::shadow
