#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "shadow/evidence/recorded_replay.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

using Json = nlohmann::json;

std::optional<std::string> unhex(const std::string& hex) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]);
    const int low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

std::optional<Value> value_of(const Json& json) {
  Value value;
  if (json.is_null()) {
    value.null = true;
  } else if (json.is_string()) {
    value.bytes = json.get<std::string>();
  } else if (json.is_object() && json.contains("type") && json.contains("hex")) {
    auto bytes = unhex(json["hex"].get<std::string>());
    if (!bytes) return std::nullopt;
    value.binary = true;
    value.type_oid = json["type"].get<std::uint32_t>();
    value.bytes = *std::move(bytes);
  } else {
    return std::nullopt;
  }
  return value;
}

std::optional<NamedValues> values_of(const Json& parameters, const Rule& rule) {
  NamedValues values;
  for (const auto& [name, json] : parameters.items()) {
    auto& named = values[name];
    const bool link = name.find('.') != std::string::npos;
    named.list = json.is_array() && (link || rule.lists.contains(name));
    for (const auto& member : json.is_array() ? json : Json::array({json})) {
      auto value = value_of(member);
      if (!value) return std::nullopt;
      named.members.push_back(*std::move(value));
    }
  }
  return values;
}

// How the server writes text under these settings.
TextStyle style_of(const ReplayContext& context) {
  TextStyle style;
  for (const auto& [name, value] : context.settings) {
    std::string text = value;
    std::ranges::transform(text, text.begin(), [](unsigned char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
    });
    if (name == "datestyle") style.iso_dates = text.find("iso") != std::string::npos;
    if (name == "intervalstyle") style.plain_intervals = text == "postgres";
    if (name == "extra_float_digits")
      style.exact_floats = !text.empty() && text.front() >= '1' && text.front() <= '9';
  }
  return style;
}

ReplayContextRef context_of(const Json& line) {
  ReplayContext context;
  context.user = line.value("user", "");
  for (const auto& setting : line.value("settings", Json::array()))
    context.settings.emplace_back(setting.at(0).get<std::string>(),
                                  setting.at(1).get<std::string>());
  context.style = style_of(context);
  return std::make_shared<const ReplayContext>(std::move(context));
}

// All places of a side's statements.
std::vector<Slot> slots_of(const Rule& rule, Side side) {
  std::vector<Slot> slots;
  for (const RuleStatement& statement : rule.of(side)) {
    for (const SlotGroup& group : statement.shape.slots)
      slots.insert(slots.end(), group.members.begin(), group.members.end());
  }
  return slots;
}

// A place of legacy whose value the journal does not hold.
bool has_any(const Rule& rule) {
  return std::ranges::any_of(slots_of(rule, Side::legacy),
                             [](const Slot& slot) { return slot.kind == SlotKind::any; });
}

// A name of the rule, as it is now, that has no value; empty: none.
std::string missing_name(const Rule& rule, const NamedValues& values) {
  for (const Side side : kSides) {
    for (const Slot& slot : slots_of(rule, side)) {
      if (slot.link_dot != 0 || slot.kind == SlotKind::literal) continue;
      auto name =
          slot.kind == SlotKind::parameter ? concat({"$", std::to_string(slot.number)}) : slot.text;
      const bool is_let = std::ranges::find(rule.lets, name, &LetValue::name) != rule.lets.end();
      if (!is_let && !values.contains(name)) return name;
    }
  }
  return {};
}

std::variant<RecordedOperation, std::string> from_line(const Json& line, const RuleSet& rules) {
  if (line.value("values", "") != "full")
    return "the journal holds hashes of its values: `journal: {values: full}` keeps them";
  if (!line.contains("parameters")) return "its parameters were too long for the journal";
  RecordedOperation operation;
  const auto name = line.value("rule", "");
  for (const auto& rule : rules.rules()) {
    if (rule->name == name) operation.rule = rule.get();
  }
  if (operation.rule == nullptr) return concat({"the configuration has no rule `", name, "`"});
  operation.side = line.value("side", "legacy") == "rewrite" ? Side::rewrite : Side::legacy;
  // Of a verdict that the server's first run confirmed it is what the client was told.
  operation.sqlstate =
      line.value(operation.side == Side::rewrite ? "rewrite_sqlstate" : "legacy_sqlstate", "");
  operation.other_version = line.value("version", "") != operation.rule->version;
  if (has_any(*operation.rule)) return "the values of the rule's `:_` are not in the journal";
  if (operation.side == Side::rewrite && !operation.rule->reversible)
    return "the client sent the rewrite, and the rule has no reverse any more";
  auto values = values_of(line["parameters"], *operation.rule);
  if (!values) return "its parameters are not those of a journal";
  if (const auto name_without = missing_name(*operation.rule, *values); !name_without.empty())
    return concat({"the rule has a name that the line has no value for: ", name_without});
  operation.values = *std::move(values);
  operation.context = context_of(line);
  return operation;
}

}  // namespace

std::variant<RecordedOperation, std::string> recorded_operation(const std::string& text,
                                                                const RuleSet& rules) {
  const auto line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return "no JSON object";
  try {
    return from_line(line, rules);
  } catch (const std::exception& error) {
    return concat({"not understood: ", error.what()});
  }
}

}  // namespace parallax::shadow
