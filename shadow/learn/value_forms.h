#pragma once

// How a value of the rewrite comes from one of legacy: the same, or by an expression that a `let`
// can say.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "shadow/learn/observation.h"

namespace parallax::shadow {

// In the order in which they are preferred.
enum class ValueForm {
  same,         // also spelled in another way: 1.0 and 1, an instant with T and Z
  contains,     // '%' || :x || '%'
  starts_with,  // :x || '%'
  ends_with,    // '%' || :x
  only_member,  // (:x::text[])[1]
  json_string,  // :x::jsonb #>> '{}'
  lower_case    // lower(:x)
};
inline constexpr std::array kValueForms = {
    ValueForm::same,        ValueForm::contains,    ValueForm::starts_with, ValueForm::ends_with,
    ValueForm::only_member, ValueForm::json_string, ValueForm::lower_case};

bool comes_from(ValueForm form, const LearnInput& legacy, const LearnInput& rewrite);

// The same values of two places, whatever their spelling.
bool same_input(const LearnInput& a, const LearnInput& b);

// The expression over `:name`; empty for `same`, which is the name itself.
std::string let_expression(ValueForm form, std::string_view name);

}  // namespace parallax::shadow
