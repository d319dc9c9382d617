#pragma once

// `compare: {json: …}` of a rule, once both sides have been described: what is read out of which
// JSON columns, and what it is held against.

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/compare/pairing.h"
#include "shadow/compare/stitch.h"
#include "shadow/compare/unnest.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

struct Projection {
  // Null: nothing of this side is read out of JSON.
  std::shared_ptr<const Unnesting> legacy;
  std::shared_ptr<const Unnesting> rewrite;
};

struct ProjectionProblem {
  SourceMark mark;
  std::string message;
};

// The columns of both sides as they are behind un-nesting, and the pairs that the projection names.
struct ProjectedColumns {
  DescribedColumns legacy;
  DescribedColumns rewrite;
  NamedPairs named;
  Unnesting legacy_json;  // without a JSON column: none on this side
  Unnesting rewrite_json;
};

// A JSON column is found by its label: in the rewrite, in a legacy of one statement, or in both,
// whose values then pair by their places in the projection. Values of one side only are held
// against the columns that the projection names: of legacy `statement.label` (`label` with one
// statement), of the rewrite `label` or `table.column`, where `table` is the child's name unless
// the value says another.
std::variant<ProjectedColumns, ProjectionProblem> project_columns(const Rule& rule,
                                                                  DescribedColumns legacy,
                                                                  DescribedColumns rewrite,
                                                                  const TypeCatalog& types);

// Each value has the type of the column that it was paired with, in `columns` as well.
Projection typed_projection(ProjectedColumns& columns, const Pairing& pairing);

}  // namespace parallax::shadow
