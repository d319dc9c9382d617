#include "shadow/replay/type_lookup.h"

#include <charconv>
#include <optional>
#include <utility>

namespace parallax::shadow {

// The array types of SQL are those that array_out() writes; int2vector and others have elements but
// look otherwise. pg_range has rngmultitypid from PostgreSQL 14 on: to_jsonb() asks without naming
// it.
constexpr std::string_view kTypeLookupSql = R"(WITH RECURSIVE ranges AS (
  SELECT r.rngtypid, r.rngsubtype,
         (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid AS multi
    FROM pg_catalog.pg_range r
), types AS (
  SELECT t.oid, t.typrelid,
         CASE WHEN t.typtype = 'b' AND t.typelem <> 0
                   AND t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc THEN 'a'
              ELSE t.typtype END AS kind,
         CASE t.typtype WHEN 'd' THEN t.typbasetype WHEN 'b' THEN t.typelem
              WHEN 'r' THEN (SELECT r.rngsubtype FROM ranges r WHERE r.rngtypid = t.oid)
              WHEN 'm' THEN (SELECT r.rngtypid FROM ranges r WHERE r.multi = t.oid) END AS made_of,
         t.typdelim
    FROM pg_catalog.pg_type t
), needed(oid) AS (
  SELECT n.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS n(oid)
  UNION
  SELECT part.oid FROM needed n JOIN types t ON t.oid = n.oid CROSS JOIN LATERAL (
    SELECT t.made_of WHERE t.kind IN ('a', 'd', 'r', 'm')
    UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_attribute a
     WHERE t.kind = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS part(oid)
)
SELECT t.oid, t.kind, pg_catalog.format_type(t.oid, NULL), t.made_of, t.typdelim,
       (SELECT pg_catalog.string_agg(a.atttypid::pg_catalog.text, ',' ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
         WHERE t.kind = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
  FROM needed n JOIN types t ON t.oid = n.oid)";

namespace {

constexpr std::size_t kColumns = 6;

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
