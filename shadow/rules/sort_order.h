#pragma once

// What a SELECT promises of the sequence of its rows: its top-level ORDER BY, LIMIT and OFFSET.

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parallax::shadow {

// One item of ORDER BY, as far as the text alone tells where it stands in the output.
struct SortKey {
  std::string label;                  // the output column of this label, if there is one
  std::optional<std::size_t> column;  // otherwise that output column
  std::string wording;  // "created_at desc": the last name and the direction; empty = an expression
  bool operator==(const SortKey&) const = default;
};

struct SortOrder {
  bool ordered = false;  // there is a top-level ORDER BY
  std::vector<SortKey> keys;
  bool limit_cuts = false;             // LIMIT: the last group of rows that tie may be cut
  bool offset_cuts = false;            // OFFSET, other than 0: the first group may be cut
  std::optional<std::size_t> limit{};  // LIMIT as a number: fewer rows were not cut
  // Where they are `$n` of the prepared text, n; then the names of their values: ":x" is "x".
  std::size_t limit_parameter = 0;
  std::size_t offset_parameter = 0;
  std::string limit_name{};
  std::string offset_name{};
  // Columns of its one table that WHERE says are equal to a value: where a unique key is among
  // them, there is one row at most, and nothing to cut.
  std::vector<std::string> equal_columns{};
  // DISTINCT ON: of rows that tie under `keys` one is given, any of them. Its expressions.
  bool picks = false;
  std::vector<SortKey> picked_by{};
};

// The output column of each key, among columns of these labels; nothing = not in the output, or not
// known to be.
std::vector<std::optional<std::size_t>> resolve(std::span<const SortKey> keys,
                                                std::span<const std::string_view> labels);

// `select`: a SelectStmt of libpg_query's JSON tree.
SortOrder sort_order_of(const nlohmann::json& select);

// Why the rewrite's rows may come in another sequence than legacy's ORDER BY says; empty when that
// cannot be seen in the texts.
std::string order_warning(const SortOrder& legacy, const SortOrder& rewrite);

}  // namespace parallax::shadow
