#pragma once

// Which statement of the rewrite answers which operation of legacy: the one whose results are the
// same whenever its values are.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "shadow/learn/operations.h"
#include "shadow/learn/value_forms.h"
#include "shadow/learn/whole_results.h"

namespace parallax::shadow {

// Where a value of the rewrite comes from.
struct ValueSource {
  std::size_t node = 0;
  std::size_t group = 0;
  ValueForm form = ValueForm::same;
};

struct Answer {
  std::size_t rewrite = 0;  // statement
  // By slot of the rewrite; nothing: a constant, or `unexplained`.
  std::vector<std::optional<ValueSource>> sources;
  std::vector<std::size_t> unexplained;  // slots that vary and come from nowhere
  // Columns of the operation (whole_columns) that pair with a column of the rewrite only by name.
  std::map<std::size_t, std::size_t> named_columns;
  std::vector<std::size_t> without_pair;  // columns of the operation
  std::size_t unused = 0;                 // values of legacy that vary and that it does not ask for
  bool same_tag = false;
  bool compared = false;      // results of both were there
  std::size_t agreeing = 0;   // calls of the rewrite with the result of legacy for its values
  std::size_t with_rows = 0;  // of these
  std::size_t distinct = 0;   // of these, with other values each
  std::size_t differing = 0;
};

struct LearnedSides {
  const LearnedTraffic& traffic;
  std::span<const StatementFacts> facts;
};

// The statements of the rewrite that have the same results, or the same tag; the best first.
std::vector<Answer> find_answers(const LearnedSides& sides, const LegacyOperation& operation);

}  // namespace parallax::shadow
