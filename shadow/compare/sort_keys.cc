#include "shadow/compare/sort_keys.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

namespace parallax::shadow {

std::span<const ColumnInfo> columns_of(const ResultSet& legacy, const Pairing& pairing,
                                       std::size_t i) {
  const auto& begins = pairing.statements;
  const std::span<const ColumnInfo> all = legacy.columns();
  if (begins.empty()) return all;
  const std::size_t end = i + 1 < begins.size() ? begins[i + 1] : all.size();
  return all.subspan(begins[i], end - begins[i]);
}

namespace {

// The pair of each key; nothing where it has none.
std::vector<std::optional<std::size_t>> pairs_of_keys(std::span<const SortKey> keys,
                                                      const Pairing& pairing,
                                                      const ResultSet& legacy, std::size_t i) {
  const std::size_t first = pairing.statements.empty() ? 0 : pairing.statements[i];
  std::vector<std::string_view> labels;
  for (const ColumnInfo& column : columns_of(legacy, pairing, i)) {
    std::string_view label = column.label;
    // "statement.label", where there are several statements.
    if (!pairing.statements.empty())
      label.remove_prefix(std::min(label.find('.') + 1, label.size()));
    labels.push_back(label);
  }
  std::vector<std::optional<std::size_t>> out;
  for (const auto& column : resolve(keys, labels)) {
    const auto found = std::ranges::find_if(pairing.pairs, [&](const ColumnPair& pair) {
      return column && pair.legacy == first + *column;
    });
    out.emplace_back();
    if (found != pairing.pairs.end())
      out.back() = static_cast<std::size_t>(found - pairing.pairs.begin());
  }
  return out;
}

}  // namespace

std::vector<std::size_t> keys_of(const SortOrder& order, const Pairing& pairing,
                                 const ResultSet& legacy, std::size_t i) {
  std::vector<std::size_t> keys;
  for (const auto& pair : pairs_of_keys(order.keys, pairing, legacy, i)) {
    // What comes after a key that is not known orders nothing that can be seen.
    if (!pair) break;
    keys.push_back(*pair);
  }
  return keys;
}

std::optional<std::vector<std::size_t>> picked_by(const SortOrder& order, const Pairing& pairing,
                                                  const ResultSet& legacy, std::size_t i) {
  std::vector<std::size_t> out;
  for (const auto* keys : {&order.keys, &order.picked_by}) {
    for (const auto& pair : pairs_of_keys(*keys, pairing, legacy, i)) {
      if (!pair) return std::nullopt;
      if (std::ranges::find(out, *pair) == out.end()) out.push_back(*pair);
    }
  }
  return out;
}

bool has_key(const Pairing& pairing, const ResultSet& legacy, std::size_t i) {
  return std::ranges::any_of(pairs_of(pairing, legacy, i), [&](std::size_t pair) {
    return std::ranges::find(pairing.key_pairs, pair) != pairing.key_pairs.end();
  });
}

std::vector<std::size_t> pairs_of(const Pairing& pairing, const ResultSet& legacy, std::size_t i) {
  const std::size_t first = pairing.statements.empty() ? 0 : pairing.statements[i];
  const std::size_t end = first + columns_of(legacy, pairing, i).size();
  std::vector<std::size_t> out;
  for (std::size_t pair = 0; pair < pairing.pairs.size(); ++pair) {
    if (pairing.pairs[pair].legacy >= first && pairing.pairs[pair].legacy < end)
      out.push_back(pair);
  }
  return out;
}

std::vector<std::size_t> identity_of(const Pairing& pairing, const ResultSet& legacy,
                                     std::size_t i) {
  std::vector<std::size_t> all = pairs_of(pairing, legacy, i);
  std::vector<std::size_t> keys;
  std::ranges::copy_if(all, std::back_inserter(keys), [&](std::size_t pair) {
    return std::ranges::find(pairing.key_pairs, pair) != pairing.key_pairs.end();
  });
  return keys.empty() ? all : keys;
}

}  // namespace parallax::shadow
