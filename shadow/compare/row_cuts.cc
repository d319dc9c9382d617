#include "shadow/compare/row_cuts.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shadow/rules/values.h"

namespace parallax::shadow {

namespace {

const Value* find_value(const NamedValues* values, const std::string& name) {
  if (values == nullptr || name.empty()) return nullptr;
  const auto found = values->find(name);
  if (found == values->end() || found->second.list || found->second.members.size() != 1)
    return nullptr;
  return &found->second.members.front();
}

// Nothing: it cannot be read.
std::optional<std::uint64_t> number_of(const Value& value) {
  const auto text = text_of(value);
  if (!text) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, number);
  return read.ec == std::errc() && read.ptr == end ? std::optional(number) : std::nullopt;
}

}  // namespace

// NULL is no LIMIT and no OFFSET (PostgreSQL manual, "LIMIT Clause").
RowCuts row_cuts(const SortOrder& order, const NamedValues* values, std::size_t rows) {
  RowCuts cuts{order.limit_cuts, order.offset_cuts};
  std::optional<std::uint64_t> limit = order.limit;
  if (const Value* value = find_value(values, order.limit_name)) {
    limit = number_of(*value);
    cuts.by_limit = cuts.by_limit && !value->null;
  }
  if (limit) cuts.by_limit = cuts.by_limit && rows >= *limit;
  if (const Value* value = find_value(values, order.offset_name))
    cuts.by_offset = cuts.by_offset && !value->null && number_of(*value) != 0;
  return cuts;
}

}  // namespace parallax::shadow
