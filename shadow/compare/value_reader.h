#pragma once

// Cells of one type, read as values: what makes cells of two formats, or of two comparable types,
// the same value is one canonical text for each value.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/compare/type_catalog.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

// How the server writes text in the session at hand; from its settings.
struct TextStyle {
  bool iso_dates = true;        // DateStyle ISO
  bool exact_floats = true;     // extra_float_digits >= 1: the text reads back as the same float
  bool plain_intervals = true;  // IntervalStyle postgres
  bool operator==(const TextStyle&) const = default;
};

// The types that compare with each other by value. `steps` are recorded when they are equal.
struct TypeMatch {
  bool comparable = false;
  std::optional<EqualStep> step;  // type_width, text_type, enum_text; nothing for the same type
};
TypeMatch match_types(std::uint32_t legacy, std::uint32_t rewrite, const TypeCatalog& catalog);

class ValueReader {
 public:
  // The catalog must outlive it.
  ValueReader(const TypeCatalog& catalog, std::uint32_t type_oid, bool binary,
              TextStyle style = {});

  // Appends the canonical text of a cell that is not NULL: the same bytes for the same value, in
  // whatever format and among the types that match_types() calls comparable; other bytes for
  // another value. A cell that cannot be read (a malformed one, another date style) gives its bytes
  // behind a mark, so that it equals only itself in the same format.
  void append_canonical(std::string_view cell, std::string& out) const;

  // False: nothing is known of the type, its cells equal only by their bytes in the same format.
  bool understood() const;
  // False: a text cell of this type never equals a binary one here (not understood, or a text style
  // that loses digits); such cells cannot be compared across formats.
  bool comparable_across_formats() const;
  // Equal bytes are equal values and unequal bytes unequal values (int4, uuid, text in one format):
  // no canonical text is needed to compare two cells of this reader.
  bool bytes_are_value() const;

  // What made two cells equal whose bytes differ and whose canonical texts are the same. One step
  // or more; json may need two.
  std::vector<EqualStep> steps_between(std::string_view cell, const ValueReader& other,
                                       std::string_view other_cell) const;

  // float4, float8: for compare.float_tolerance. Nothing for other types, NaN and infinities.
  std::optional<double> number(std::string_view cell) const;
  // timestamp, timestamptz: microseconds since 2000-01-01 (UTC), for compare.clock. Nothing for
  // other types and infinities.
  std::optional<std::int64_t> microseconds(std::string_view cell) const;

  // A legacy cell that is delivered exactly (int8, numeric) against the number in a json or jsonb
  // cell: its text changes when a double reads and prints it, as JavaScript does.
  static bool changes_as_double(std::string_view number_text);

  // For people (--dev): text cells as they are, binary ones decoded where they are understood, hex
  // otherwise.
  std::string readable(std::string_view cell) const;

 private:
  const TypeCatalog* catalog_;
  std::uint32_t type_oid_;
  bool binary_;
  TextStyle style_;
};

}  // namespace parallax::shadow
