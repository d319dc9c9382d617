#pragma once

// Which legacy column is which rewrite column. Labels are not compared: ORMs label as they like.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/compare/result_set.h"
#include "shadow/compare/stitch.h"
#include "shadow/compare/type_catalog.h"
#include "shadow/rule_source.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

enum class PairedBy {
  name,      // under `columns:`
  column,    // the same column of the same table
  left_over  // the only ones left on each side
};

struct ColumnPair {
  std::size_t legacy;
  std::size_t rewrite;
  PairedBy by = PairedBy::column;
};

struct Pairing {
  std::vector<ColumnPair> pairs;  // in legacy order
  // Worth telling: left-over pair, crossing pairs, unpaired rewrite columns.
  std::vector<std::string> notes;
  std::string crossing;  // of `notes`, the crossing pairs; empty: none cross
  // Indexes into `pairs` of columns that identify a row: the primary keys that are whole in the
  // output. May be empty.
  std::vector<std::size_t> key_pairs;
  // Shape at verification. Another count later: of legacy the rule is broken, of the rewrite it is
  // a mismatch `column_count`.
  std::size_t legacy_columns = 0;
  std::size_t rewrite_columns = 0;
  // Legacy (its root) has one row at most, by a unique key: LIMIT cuts nothing.
  bool one_row = false;
  // Where a side has several statements: the first column of each.
  std::vector<std::size_t> statements;  // of legacy
  std::vector<std::size_t> rewrite_statements;
  const std::vector<std::size_t>& statements_of(Side side) const {
    return side == Side::legacy ? statements : rewrite_statements;
  }
};

// Facts of the target's catalog that comparison needs; read at verification.
struct Catalog {
  TypeCatalog types;  // of the columns of both sides, and of what they are made of
  // Table OID -> attribute numbers of its primary key.
  std::vector<std::pair<std::uint32_t, std::vector<std::int16_t>>> primary_keys;
};

struct DescribedColumns {
  std::vector<ColumnInfo> columns;
  // The same statement with plain casts of columns removed (Rule::*_uncast); empty when there are
  // none.
  std::vector<ColumnInfo> uncast;
};

// What a projection has settled before the columns are paired (see projection.h).
struct NamedPairs {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;  // legacy column, rewrite column
  // JSON columns whose values are paired in their place.
  std::vector<std::size_t> legacy_json;
  std::vector<std::size_t> rewrite_json;
};

// Pairs in this order: those of `named`; named under `columns:`; same (table OID, attribute
// number), directly or through a plain cast, in order of appearance where a column occurs several
// times on both sides (another count on each side is ambiguous); the one left-over on each side.
// Columns under `ignore:` need no pair. Returns the reason for which the rule is broken when a
// legacy column is left, a name under `ignore:`/`columns:` does not exist, or a pairing is
// ambiguous; it names the label and says what to write. Labels in `columns:`: legacy `label`, which
// must occur once; rewrite `label` (of several statements `statement.label`), `table.column` where
// labels repeat, or the expression as the select list has it (see SelectList).
//
// `legacy_parts`, `rewrite_parts`: of a side with several statements, whose columns then stand one
// after the other. Link columns need no pair.
std::variant<Pairing, std::string> pair_columns(const Rule& rule, const DescribedColumns& legacy,
                                                const DescribedColumns& rewrite,
                                                const Catalog& catalog,
                                                const Stitching& legacy_parts = {},
                                                const Stitching& rewrite_parts = {},
                                                const NamedPairs& named = {});

}  // namespace parallax::shadow
