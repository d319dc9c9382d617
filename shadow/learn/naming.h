#pragma once

// Names that a person would give: of values by their columns, of statements by their tables.

#include <set>
#include <string>
#include <string_view>

#include "shadow/learn/statement_facts.h"

namespace parallax::shadow {

// memberships -> membership, categories -> category; what is no plural stays.
std::string singular_of(std::string_view table);
std::string plural_of(std::string_view word);

// Letters, digits and _, as the grammar wants a name; `otherwise` where nothing is left.
std::string identifier_of(std::string_view text, std::string_view otherwise);

// `text`, or the same with a number that is not `taken`; it is taken then.
std::string unique_name(const std::string& text, std::set<std::string>& taken);

// Of a value at this place; not yet unique.
std::string value_name(const ValuePlace& place, bool list);

// createdById -> createdBy; `otherwise` for a column that is no reference.
std::string reference_name(std::string_view column, std::string_view otherwise);

}  // namespace parallax::shadow
