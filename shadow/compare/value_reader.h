#pragma once

// Cells of one type, read as values: what makes cells of two formats, or of two comparable types,
// the same value is one canonical text for each value.
//
// How two columns are compared:
//  1. match_types(): not comparable is `column_type`; its step is recorded when the results are
//     equal.
//  2. One reader for each column, compare_with() the other's type; then
//     - formats differ and one reader is not comparable_across_formats(): nothing can be said of
//       their cells;
//     - not understood(): record `bytes`, also where all bytes are the same;
//     - same_bytes_are_equal(): the same bytes are the same value, no canonical text is needed;
//     - also bytes_are_value() in both: other bytes are another value.
//  3. What is left: append_canonical() of both into buffers that are used again.
//  4. Where canonical texts agree and bytes do not: steps_between(). possible_steps() says when all
//     there are have been recorded and it need not be asked again.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/compare/type_catalog.h"
#include "shadow/compare/value_encoding.h"
#include "shadow/compare/value_kind.h"
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
  // type_width, text_type, enum_text, json_text; nothing for the same type and its domains.
  std::optional<EqualStep> step;
};
// int2, int4, int8 are comparable; float4 and float8; text, varchar, bpchar, name and "char"; an
// enum and these; json and jsonb; arrays of comparable types. Others only with themselves.
TypeMatch match_types(std::uint32_t legacy, std::uint32_t rewrite, const TypeCatalog& catalog);

class ValueReader {
 public:
  // The catalog must outlive it.
  ValueReader(const TypeCatalog& catalog, std::uint32_t type_oid, bool binary, TextStyle style = {})
      : ValueReader(catalog, type_oid, binary, style, 0) {}

  // Its canonical texts will be held against those of cells of this type. json needs to know: of
  // keys that repeat, jsonb has kept the last. To be called before all others, on both readers.
  void compare_with(std::uint32_t other_type);

  // Appends the canonical text of a cell that is not NULL: the same bytes for the same value, in
  // whatever format and among the types that match_types() calls comparable; other bytes for
  // another value. A cell that cannot be read (a malformed one, another date style) gives its bytes
  // behind a mark, so that it equals only itself in the same format.
  void append_canonical(std::string_view cell, std::string& out) const {
    append_keeping(cell, std::nullopt, out);
  }
  // The same, but what the step `kept` makes equal has several canonical texts.
  void append_keeping(std::string_view cell, KeptApart kept, std::string& out) const;

  // False: nothing is known of the type (or of one that it is made of), its cells equal only by
  // their bytes in the same format.
  bool understood() const;
  // False: a text cell of this type never equals a binary one here (not understood, or a text style
  // that loses digits); such cells cannot be compared across formats.
  bool comparable_across_formats() const;
  // Equal bytes are equal values and unequal bytes unequal values (int4, uuid, text in one format):
  // no canonical text is needed to compare two cells of this reader.
  bool bytes_are_value() const;
  // The same bytes have the same canonical text. Not so where formats differ, and not for float4
  // and float8 in text ("0.1" is two values), bpchar and text with blanks at the end.
  bool same_bytes_are_equal(const ValueReader& other) const;

  // What made two cells equal whose bytes differ and whose canonical texts are the same. One step
  // or more; json may need two.
  std::vector<EqualStep> steps_between(std::string_view cell, const ValueReader& other,
                                       std::string_view other_cell) const;
  // All that steps_between() may ever return for cells of these two, in the order of EqualStep.
  std::vector<EqualStep> possible_steps(const ValueReader& other) const;

  // float4, float8: for compare.float_tolerance. Nothing for other types, NaN and infinities.
  std::optional<double> number(std::string_view cell) const;
  // timestamp, timestamptz: microseconds since 2000-01-01 (UTC), for compare.clock. Nothing for
  // other types and infinities.
  std::optional<std::int64_t> microseconds(std::string_view cell) const;

  // A legacy cell that is delivered exactly (int8, numeric) against the number in a json or jsonb
  // cell: its value changes when a double reads and prints it, as JavaScript does. Zeros at the end
  // of a fraction, which JavaScript does not print either, are no change.
  static bool changes_as_double(std::string_view number_text);

  // For people (--dev): text cells as they are, binary ones decoded where they are understood, hex
  // otherwise.
  std::string readable(std::string_view cell) const;

 private:
  // Types made of types made of types; a composite that holds itself ends here.
  static constexpr int kTypeDepthMax = 16;

  ValueReader(const TypeCatalog& catalog, std::uint32_t type_oid, bool binary, TextStyle style,
              int depth);

  bool append_value(std::string_view cell, KeptApart kept, std::string& out) const;
  bool append_record(std::string_view cell, KeptApart kept, std::string& out) const;
  bool append_nested(std::string_view cell, KeptApart kept, std::string& out) const;
  void read_parts(const ResolvedType& type);
  bool style_is_readable() const;
  bool same_kind_of_bytes(const ValueReader& other) const;
  void add_kept_steps(std::vector<EqualStep>& steps) const;
  // Of equal cells that no other step tells apart.
  EqualStep unexplained_step(const ValueReader& other) const;

  const TypeCatalog* catalog_;
  std::uint32_t type_oid_;  // domains looked through
  ValueKind kind_;
  bool binary_;
  TextStyle style_;
  int depth_;
  bool last_key_wins_ = false;
  char delimiter_ = ',';
  std::vector<ValueReader> parts_;  // an array's element, a composite's fields, a range's subtype
};

}  // namespace parallax::shadow
