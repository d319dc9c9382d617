#pragma once

// One value in a JSON text as the text cell of a type: what the server would give for it as a
// column of that type.

#include <optional>
#include <string>
#include <string_view>

#include "shadow/compare/json_parts.h"
#include "shadow/compare/type_catalog.h"
#include "shadow/compare/value_kind.h"

namespace parallax::shadow {

class JsonLeaf {
 public:
  // `type_oid`: of the column that it is held against; 0: of a value of JSON, too. The catalog must
  // outlive it.
  JsonLeaf(const TypeCatalog& catalog, std::uint32_t type_oid);

  struct Cell {
    std::optional<std::string> text;  // nothing: NULL
    // A value of JSON that a column of the type is never written as; `text` is nothing then.
    bool other_kind = false;
    // The number is a bigint or numeric, and another one when a double reads and prints it.
    bool hazard = false;
  };
  Cell read(std::string_view value) const;

 private:
  Cell read_untyped(std::string_view value, JsonKind kind) const;
  // `dimension`: of the array, from 1.
  bool append_array(std::string_view value, int dimension, std::string& out, bool& hazard) const;
  bool append_item(std::string_view value, int dimension, std::string& out, bool& hazard) const;

  const TypeCatalog& catalog_;
  std::uint32_t type_oid_;
  ResolvedType type_;
};

}  // namespace parallax::shadow
