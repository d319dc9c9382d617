#include "shadow/compare/json_leaf.h"

#include <algorithm>

#include "shadow/compare/json_value.h"
#include "shadow/compare/value_reader.h"

namespace parallax::shadow {

namespace {

constexpr int kDimensionsMax = 6;         // the server's MAXDIM
constexpr std::size_t kDateAtLeast = 10;  // 2024-02-03

bool is_exact_number(ValueKind kind) {
  return kind == ValueKind::int8 || kind == ValueKind::numeric;
}

bool is_number(ValueKind kind) {
  return is_exact_number(kind) || kind == ValueKind::int2 || kind == ValueKind::int4 ||
         kind == ValueKind::oid || kind == ValueKind::float4 || kind == ValueKind::float8;
}

bool is_json(ValueKind kind) { return kind == ValueKind::json || kind == ValueKind::jsonb; }

// JSON writes 2024-02-03T11:05:06, a column 2024-02-03 11:05:06.
std::string with_blank_for_t(std::string text) {
  const auto t = text.find('T', std::min(kDateAtLeast, text.size()));
  if (t != std::string::npos) text[t] = ' ';
  return text;
}

// "12", "-7": a text that a bigint may have been written as.
bool is_whole_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.front() == '0' && text.size() > 1)) return false;
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

JsonLeaf::JsonLeaf(const TypeCatalog& catalog, std::uint32_t type_oid)
    : catalog_(catalog), type_oid_(type_oid), type_(resolve_type(type_oid, catalog)) {}

JsonLeaf::Cell JsonLeaf::read(std::string_view value) const {
  const JsonKind kind = json_kind(value);
  if (kind == JsonKind::null) return {};
  if (type_oid_ == 0) return read_untyped(value, kind);
  if (is_json(type_.kind)) return {.text = std::string(value)};
  if (type_.kind == ValueKind::array && kind == JsonKind::array) {
    Cell cell{.text = std::string()};
    if (append_array(value, 1, *cell.text, cell.hazard)) return cell;
    return {.text = std::nullopt, .other_kind = true};
  }
  if (type_.kind == ValueKind::boolean && kind == JsonKind::boolean)
    return {.text = value == "true" ? "t" : "f"};
  if (kind == JsonKind::number && is_number(type_.kind)) {
    const bool hazard = is_exact_number(type_.kind) && ValueReader::changes_as_double(value);
    return {.text = std::string(value), .other_kind = false, .hazard = hazard};
  }
  // As the server writes all other types; bigints and the like where the SQL says ::text.
  const bool as_text = kind == JsonKind::string && type_.kind != ValueKind::boolean &&
                       type_.kind != ValueKind::composite;
  auto text = as_text ? json_string(value) : std::nullopt;
  if (!text) return {.text = std::nullopt, .other_kind = true};
  if (type_.kind == ValueKind::timestamp || type_.kind == ValueKind::timestamptz)
    text = with_blank_for_t(*std::move(text));
  return {.text = std::move(text)};
}

// JSON on both sides: what stands there, but for a bigint that one side writes as a string.
JsonLeaf::Cell JsonLeaf::read_untyped(std::string_view value, JsonKind kind) const {
  if (kind == JsonKind::string) {
    const auto inside = value.substr(1, value.size() - 2);
    if (is_whole_number(inside)) return {.text = std::string(inside)};
  }
  const bool hazard = kind == JsonKind::number && ValueReader::changes_as_double(value);
  return {.text = std::string(value), .other_kind = false, .hazard = hazard};
}

bool JsonLeaf::append_array(std::string_view value, int dimension, std::string& out,
                            bool& hazard) const {
  const auto elements = json_elements(value);
  if (!elements || dimension > kDimensionsMax) return false;
  const auto element = catalog_.find(type_.facts->of);
  const char delimiter = element == catalog_.end() ? ',' : element->second.delimiter;
  out.push_back('{');
  for (std::size_t i = 0; i < elements->size(); ++i) {
    if (i > 0) out.push_back(delimiter);
    if (!append_item((*elements)[i], dimension, out, hazard)) return false;
  }
  out.push_back('}');
  return true;
}

bool JsonLeaf::append_item(std::string_view value, int dimension, std::string& out,
                           bool& hazard) const {
  const JsonLeaf element(catalog_, type_.facts->of);
  // An array in an array is a dimension, but in an array of json a value.
  if (json_kind(value) == JsonKind::array && !is_json(element.type_.kind))
    return append_array(value, dimension + 1, out, hazard);
  const Cell cell = element.read(value);
  if (cell.other_kind) return false;
  hazard = hazard || cell.hazard;
  if (!cell.text) {
    out.append("NULL");
    return true;
  }
  out.push_back('"');
  for (const char c : *cell.text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
  return true;
}

}  // namespace parallax::shadow
