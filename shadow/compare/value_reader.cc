#include "shadow/compare/value_reader.h"

#include "shadow/compare/numeric_value.h"

namespace parallax::shadow {

namespace {
constexpr std::uint32_t kNumeric = 1700;
}

TypeMatch match_types(std::uint32_t legacy, std::uint32_t rewrite, const TypeCatalog&) {
  return {legacy == rewrite, std::nullopt};
}

ValueReader::ValueReader(const TypeCatalog& catalog, std::uint32_t type_oid, bool binary,
                         TextStyle style)
    : catalog_(&catalog), type_oid_(type_oid), binary_(binary), style_(style) {}

void ValueReader::append_canonical(std::string_view cell, std::string& out) const {
  if (type_oid_ == kNumeric && !binary_) {
    NumericValue(cell).append_canonical(out);
  } else {
    out.append(cell);
  }
}

bool ValueReader::understood() const { return true; }
bool ValueReader::comparable_across_formats() const { return !binary_ && catalog_ != nullptr; }
bool ValueReader::bytes_are_value() const { return type_oid_ != kNumeric; }

std::vector<EqualStep> ValueReader::steps_between(std::string_view, const ValueReader&,
                                                  std::string_view) const {
  return {EqualStep::numeric_scale};
}

std::optional<double> ValueReader::number(std::string_view) const { return std::nullopt; }
std::optional<std::int64_t> ValueReader::microseconds(std::string_view) const {
  return std::nullopt;
}
bool ValueReader::changes_as_double(std::string_view) { return false; }
std::string ValueReader::readable(std::string_view cell) const { return std::string(cell); }

}  // namespace parallax::shadow
