#include "shadow/learn/column_match.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace parallax::shadow {

namespace {

void append_cell(const ResultSet& result, std::size_t row, std::size_t column, std::string& text) {
  const auto cell = result.cell(row, column);
  text += cell ? std::to_string(cell->size()) : "n";
  text += ':';
  if (cell) text += *cell;
}

std::vector<std::string> sorted_rows(const ResultSet& result, const Columns& columns) {
  std::vector<std::string> rows(result.rows());
  for (std::size_t row = 0; row < rows.size(); ++row)
    for (const std::size_t column : columns) append_cell(result, row, column, rows[row]);
  std::ranges::sort(rows);
  return rows;
}

Columns legacy_columns(const ColumnMatch& match) {
  Columns columns;
  for (const auto& [legacy, rewrite] : match.pairs) columns.push_back(legacy);
  return columns;
}

Columns rewrite_columns(const ColumnMatch& match) {
  Columns columns;
  for (const auto& [legacy, rewrite] : match.pairs) columns.push_back(rewrite);
  return columns;
}

std::set<std::string> words(std::string_view text) {
  std::set<std::string> found;
  std::string word;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter) word.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    if (!letter && !word.empty()) found.insert(std::exchange(word, {}));
  }
  if (!word.empty()) found.insert(word);
  return found;
}

// Words that a label and an expression share, less those that only one has.
int likeness(const OutputColumn& legacy, const OutputColumn& rewrite) {
  const auto left = words(legacy.label);
  const auto right = words(rewrite.aliased ? rewrite.label : rewrite.expression);
  const auto shared =
      std::ranges::count_if(left, [&](const auto& word) { return right.contains(word); });
  return static_cast<int>(4 * shared) - static_cast<int>(left.size() + right.size());
}

}  // namespace

ColumnMatch match_columns(const std::vector<LegacyColumn>& legacy,
                          const std::vector<OutputColumn>& rewrite, bool repeated) {
  using Origin = std::pair<std::string, std::string>;
  std::map<Origin, std::pair<Columns, Columns>> groups;
  for (std::size_t i = 0; i < legacy.size(); ++i) {
    const OutputColumn& column = *legacy[i].column;
    if (!column.table.empty()) groups[{column.table, column.column}].first.push_back(i);
  }
  for (std::size_t i = 0; i < rewrite.size(); ++i) {
    if (!rewrite[i].table.empty())
      groups[{rewrite[i].table, rewrite[i].column}].second.push_back(i);
  }
  ColumnMatch match;
  std::set<std::size_t> legacy_paired;
  std::set<std::size_t> rewrite_paired;
  for (const auto& [origin, group] : groups) {
    Columns own = group.first;
    if (own.size() != group.second.size())
      std::erase_if(own, [&](std::size_t i) { return legacy[i].link; });
    match.repeated = match.repeated || own.size() > 1;
    if (own.size() != group.second.size() || (own.size() > 1 && !repeated)) continue;
    for (std::size_t i = 0; i < own.size(); ++i) {
      match.pairs.emplace_back(own[i], group.second[i]);
      legacy_paired.insert(own[i]);
      rewrite_paired.insert(group.second[i]);
    }
  }
  for (std::size_t i = 0; i < legacy.size(); ++i)
    if (!legacy[i].link && !legacy_paired.contains(i)) match.legacy_left.push_back(i);
  for (std::size_t i = 0; i < rewrite.size(); ++i)
    if (!rewrite_paired.contains(i)) match.rewrite_left.push_back(i);
  return match;
}

std::size_t rows_hash(const ResultSet& result, const Columns& columns) {
  std::string all;
  for (const auto& row : sorted_rows(result, columns)) {
    all += row;
    all += '\n';
  }
  return std::hash<std::string>()(all);
}

bool same_values_beside(const ColumnMatch& match, std::size_t legacy, std::size_t rewrite,
                        const ResultPair& results) {
  Columns left = legacy_columns(match);
  Columns right = rewrite_columns(match);
  left.push_back(legacy);
  right.push_back(rewrite);
  return sorted_rows(*results.legacy, left) == sorted_rows(*results.rewrite, right);
}

std::map<std::size_t, std::size_t> match_left(const ColumnMatch& match,
                                              const std::vector<LegacyColumn>& legacy,
                                              const std::vector<OutputColumn>& rewrite,
                                              const std::vector<ResultPair>& results) {
  struct Candidate {
    int likeness = 0;
    std::size_t legacy = 0;
    std::size_t rewrite = 0;
  };
  std::vector<Candidate> candidates;
  for (const std::size_t left : match.legacy_left) {
    for (const std::size_t right : match.rewrite_left) {
      const bool same = std::ranges::all_of(results, [&](const ResultPair& pair) {
        return same_values_beside(match, left, right, pair);
      });
      if (same && !results.empty())
        candidates.push_back({likeness(*legacy[left].column, rewrite[right]), left, right});
    }
  }
  std::ranges::stable_sort(candidates, std::greater(), &Candidate::likeness);
  std::map<std::size_t, std::size_t> found;
  std::set<std::size_t> taken;
  for (const Candidate& one : candidates) {
    if (found.contains(one.legacy) || taken.contains(one.rewrite)) continue;
    found[one.legacy] = one.rewrite;
    taken.insert(one.rewrite);
  }
  return found;
}

}  // namespace parallax::shadow
