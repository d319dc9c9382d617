#include "shadow/compare/row_columns.h"

#include <algorithm>
#include <cmath>

namespace parallax::shadow {

namespace {

constexpr std::uint32_t kFloat4 = 700;
constexpr std::uint32_t kFloat8 = 701;
constexpr std::uint32_t kTimestamp = 1114;
constexpr std::uint32_t kTimestamptz = 1184;
constexpr int kDomainsMax = 32;  // of domains

// The type that a domain is of, in the end.
std::uint32_t without_domains(std::uint32_t type_oid, const TypeCatalog& types) {
  for (int i = 0; i < kDomainsMax; ++i) {
    const auto found = types.find(type_oid);
    if (found == types.end() || found->second.kind != TypeKind::domain) break;
    type_oid = found->second.of;
  }
  return type_oid;
}

bool has_value(const ResultSet& result, std::size_t column) {
  for (std::size_t row = 0; row < result.rows(); ++row) {
    if (result.cell(row, column)) return true;
  }
  return false;
}

bool near_floats(double legacy, double rewrite, double tolerance) {
  return std::abs(legacy - rewrite) <= tolerance * std::max(std::abs(legacy), std::abs(rewrite));
}

bool near_times(std::int64_t legacy, std::int64_t rewrite, std::chrono::microseconds tolerance) {
  // As unsigned: the difference of two int64 may need one bit more.
  const auto distance =
      legacy > rewrite ? static_cast<std::uint64_t>(legacy) - static_cast<std::uint64_t>(rewrite)
                       : static_cast<std::uint64_t>(rewrite) - static_cast<std::uint64_t>(legacy);
  return distance <= static_cast<std::uint64_t>(tolerance.count());
}

// JSON has dates as DateStyle ISO has them, and the rest as the session writes it.
TextStyle style_of(const ColumnInfo& column, TextStyle style) {
  if (column.json) style.iso_dates = true;
  return style;
}

bool is_json(std::uint32_t type_oid, const TypeCatalog& types) {
  const ValueKind kind = resolve_type(type_oid, types).kind;
  return kind == ValueKind::json || kind == ValueKind::jsonb;
}

std::optional<EqualStep> step_of_tolerance(const RowColumns::Column& column) {
  if (column.clock) return EqualStep::clock;
  if (column.float_tolerance > 0) return EqualStep::float_tolerance;
  return std::nullopt;
}

}  // namespace

RowColumns::RowColumns(const ResultSet& legacy, const ResultSet& rewrite,
                       const ComparisonBasis& basis)
    : legacy_(legacy), rewrite_(rewrite) {
  const CompareOptions& options = basis.rule.source.compare;
  columns_.reserve(basis.pairing.pairs.size());
  for (const ColumnPair& pair : basis.pairing.pairs) {
    const ColumnInfo& left = legacy.columns()[pair.legacy];
    const ColumnInfo& right = rewrite.columns()[pair.rewrite];
    ValueReader legacy_reader(basis.catalog.types, left.type_oid, left.binary,
                              style_of(left, basis.style));
    ValueReader rewrite_reader(basis.catalog.types, right.type_oid, right.binary,
                               style_of(right, basis.style));
    legacy_reader.compare_with(right.type_oid);
    rewrite_reader.compare_with(left.type_oid);
    const bool agree = legacy_reader.same_bytes_are_equal(rewrite_reader);
    // Of two widths the binary cells of one value differ; what is read out of JSON is written in
    // another way (arrays).
    const bool one_encoding =
        (!left.binary || left.type_oid == right.type_oid) && !left.json && !right.json;
    const bool decide = agree && one_encoding && legacy_reader.bytes_are_value() &&
                        rewrite_reader.bytes_are_value();
    Column column{.legacy = pair.legacy,
                  .rewrite = pair.rewrite,
                  .legacy_reader = std::move(legacy_reader),
                  .rewrite_reader = std::move(rewrite_reader),
                  .same_format = left.binary == right.binary &&
                                 (left.json == right.json || basis.style.iso_dates),
                  .bytes_agree = agree,
                  .bytes_decide = decide};
    const std::uint32_t type = without_domains(left.type_oid, basis.catalog.types);
    if (type == kFloat4 || type == kFloat8) column.float_tolerance = options.float_tolerance;
    const auto clock = options.clock.find(left.label);
    if (clock != options.clock.end() && (type == kTimestamp || type == kTimestamptz)) {
      column.clock = clock->second;
    }
    tolerant_ = tolerant_ || column.tolerant();
    column.json_null = left.json != right.json && is_json(left.type_oid, basis.catalog.types);
    columns_.push_back(std::move(column));
  }
}

std::optional<std::size_t> RowColumns::incomparable() const {
  for (std::size_t pair = 0; pair < columns_.size(); ++pair) {
    const Column& column = columns_[pair];
    if (column.same_format) continue;
    if (column.legacy_reader.comparable_across_formats() &&
        column.rewrite_reader.comparable_across_formats())
      continue;
    if (has_value(legacy_, column.legacy) && has_value(rewrite_, column.rewrite)) return pair;
  }
  return std::nullopt;
}

CellEquality RowColumns::compare_cell(std::size_t legacy_row, std::size_t rewrite_row,
                                      std::size_t pair) {
  const Column& column = columns_[pair];
  const auto left = cell(Side::legacy, legacy_row, pair);
  const auto right = cell(Side::rewrite, rewrite_row, pair);
  if (!left || !right) {
    return left.has_value() == right.has_value() ? CellEquality::same_bytes
                                                 : CellEquality::different;
  }
  if (column.bytes_agree && *left == *right) return CellEquality::same_bytes;
  if (column.bytes_decide && !column.tolerant()) return CellEquality::different;
  return compare_values(column, *left, *right);
}

std::optional<std::string_view> RowColumns::without_json_null(
    std::optional<std::string_view> cell) {
  constexpr std::string_view kNull = "null";
  constexpr std::string_view kBinaryNull = "\x01null";
  if (cell && (*cell == kNull || *cell == kBinaryNull)) return std::nullopt;
  return cell;
}

CellEquality RowColumns::compare_values(const Column& column, std::string_view legacy,
                                        std::string_view rewrite) {
  if (same_canonical(column, legacy, rewrite)) return CellEquality::same_value;
  if (column.clock) {
    const auto left = column.legacy_reader.microseconds(legacy);
    const auto right = column.rewrite_reader.microseconds(rewrite);
    if (left && right && near_times(*left, *right, *column.clock)) return CellEquality::near;
  }
  if (column.float_tolerance > 0) {
    const auto left = column.legacy_reader.number(legacy);
    const auto right = column.rewrite_reader.number(rewrite);
    if (left && right && near_floats(*left, *right, column.float_tolerance))
      return CellEquality::near;
  }
  return CellEquality::different;
}

CellEquality RowColumns::compare_row(std::size_t legacy_row, std::size_t rewrite_row) {
  auto least = CellEquality::same_bytes;
  for (std::size_t pair = 0; pair < columns_.size(); ++pair) {
    least = std::min(least, compare_cell(legacy_row, rewrite_row, pair));
    if (least == CellEquality::different) break;
  }
  return least;
}

bool RowColumns::same_canonical(const Column& column, std::string_view legacy,
                                std::string_view rewrite) {
  legacy_text_.clear();
  rewrite_text_.clear();
  column.legacy_reader.append_canonical(legacy, legacy_text_);
  column.rewrite_reader.append_canonical(rewrite, rewrite_text_);
  return legacy_text_ == rewrite_text_;
}

bool RowColumns::same_in_legacy(std::size_t first_row, std::size_t second_row, std::size_t pair) {
  const Column& column = columns_[pair];
  const auto first = cell(Side::legacy, first_row, pair);
  const auto second = cell(Side::legacy, second_row, pair);
  if (first == second) return true;
  if (!first || !second || column.bytes_decide) return false;
  legacy_text_.clear();
  rewrite_text_.clear();
  column.legacy_reader.append_canonical(*first, legacy_text_);
  column.legacy_reader.append_canonical(*second, rewrite_text_);
  return legacy_text_ == rewrite_text_;
}

void RowColumns::add_steps(std::size_t legacy_row, std::size_t rewrite_row,
                           std::set<EqualStep>& steps) {
  for (std::size_t pair = 0; pair < columns_.size(); ++pair) {
    Column& column = columns_[pair];
    if (column.steps_known) continue;
    const auto left = cell(Side::legacy, legacy_row, pair);
    const auto right = cell(Side::rewrite, rewrite_row, pair);
    if (!left || !right || (column.bytes_agree && *left == *right)) continue;
    add_cell_steps(column, *left, *right, steps);
  }
}

void RowColumns::add_cell_steps(Column& column, std::string_view legacy, std::string_view rewrite,
                                std::set<EqualStep>& steps) {
  const auto tolerance = step_of_tolerance(column);
  if (tolerance && !same_canonical(column, legacy, rewrite)) {
    steps.insert(*tolerance);
  } else {
    const auto needed = column.legacy_reader.steps_between(legacy, column.rewrite_reader, rewrite);
    steps.insert(needed.begin(), needed.end());
  }
  const auto recorded = [&steps](EqualStep step) { return steps.contains(step); };
  column.steps_known =
      (!tolerance || recorded(*tolerance)) &&
      std::ranges::all_of(column.legacy_reader.possible_steps(column.rewrite_reader), recorded);
}

void RowColumns::forget_steps() {
  for (Column& column : columns_) column.steps_known = false;
}

bool RowColumns::has_values_not_understood() const {
  return std::ranges::any_of(columns_, [this](const Column& column) {
    return !column.legacy_reader.understood() && has_value(legacy_, column.legacy);
  });
}

std::optional<std::string> RowColumns::readable(Side side, std::size_t row,
                                                std::size_t pair) const {
  const auto value = cell(side, row, pair);
  if (!value) return std::nullopt;
  return reader(side, pair).readable(*value);
}

}  // namespace parallax::shadow
