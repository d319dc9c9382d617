#include "shadow/replay/type_lookup.h"

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace parallax::shadow {

namespace {

constexpr std::size_t kColumns = 6;

// The array types of SQL are those that array_out() writes; int2vector and others have elements but
// look otherwise.
constexpr std::string_view kKind =
    "CASE WHEN t.typtype = 'b' AND t.typelem <> 0 AND t.typoutput = "
    "'pg_catalog.array_out'::pg_catalog.regproc THEN 'a' ELSE t.typtype END";
// pg_range has rngmultitypid from PostgreSQL 14 on: to_jsonb() asks without naming it.
constexpr std::string_view kMadeOf =
    "CASE t.typtype WHEN 'd' THEN t.typbasetype WHEN 'b' THEN t.typelem WHEN 'r' THEN "
    "(SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid) WHEN 'm' THEN "
    "(SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE "
    "(pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid = t.oid) END";
constexpr std::string_view kFields =
    "FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND "
    "a.attnum > 0 AND NOT a.attisdropped";

std::optional<TypeKind> kind_of(std::string_view letter) {
  constexpr std::pair<std::string_view, TypeKind> kKinds[] = {
      {"b", TypeKind::base},      {"e", TypeKind::enumeration}, {"d", TypeKind::domain},
      {"a", TypeKind::array},     {"c", TypeKind::composite},   {"r", TypeKind::range},
      {"m", TypeKind::multirange}};
  for (const auto& [name, kind] : kKinds) {
    if (letter == name) return kind;
  }
  return std::nullopt;  // pseudo-types
}

std::uint32_t take_oid(std::string_view& text) {
  std::uint32_t oid = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), oid);
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return oid;
}

std::vector<std::uint32_t> oid_list(std::string_view text) {
  std::vector<std::uint32_t> oids;
  while (!text.empty()) {
    oids.push_back(take_oid(text));
    if (!text.starts_with(',')) break;
    text.remove_prefix(1);
  }
  return oids;
}

}  // namespace

const std::string& type_lookup_sql() {
  static const std::string sql = [] {
    std::string text = "SELECT t.oid, ";
    text.append(kKind).append(", pg_catalog.format_type(t.oid, NULL), ").append(kMadeOf);
    text.append(
        ", t.typdelim, (SELECT pg_catalog.string_agg(a.atttypid::pg_catalog.text, ',' ORDER BY "
        "a.attnum) ");
    text.append(kFields).append(
        ") FROM (WITH RECURSIVE needed(oid) AS (SELECT n.oid FROM "
        "pg_catalog.unnest($1::pg_catalog.oid[]) AS n(oid) UNION SELECT part.oid FROM needed n "
        "JOIN pg_catalog.pg_type t ON t.oid = n.oid CROSS JOIN LATERAL (SELECT ");
    text.append(kMadeOf).append(" UNION ALL SELECT a.atttypid ").append(kFields);
    text.append(
        ") AS part(oid)) SELECT needed.oid FROM needed) n JOIN pg_catalog.pg_type t ON t.oid = "
        "n.oid");
    return text;
  }();
  return sql;
}

TypeCatalog read_types(const ResultSet& rows) {
  TypeCatalog catalog;
  if (rows.columns().size() != kColumns) return catalog;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const auto cell = [&](std::size_t column) { return rows.cell(row, column).value_or(""); };
    const auto kind = kind_of(cell(1));
    if (!kind) continue;
    auto oid = cell(0);
    auto made_of = cell(3);
    TypeFacts facts;
    facts.kind = *kind;
    facts.name = cell(2);
    facts.of = take_oid(made_of);
    if (!cell(4).empty()) facts.delimiter = cell(4).front();
    facts.fields = oid_list(cell(5));
    catalog.emplace(take_oid(oid), std::move(facts));
  }
  return catalog;
}

}  // namespace parallax::shadow
