#include "shadow/compare/stitch.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "shadow/compare/unnest.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

using Rows = std::vector<std::size_t>;
constexpr std::size_t kNoRow = static_cast<std::size_t>(-1);

constexpr std::uint32_t kBool = 16;

ColumnInfo there_column(const Stitching::There& there) {
  return {.label = there.label, .type_oid = kBool};
}

void find_children(const std::vector<JsonMember>& members,
                   const std::vector<RuleStatement>& statements,
                   std::vector<Stitching::There>& there) {
  for (const JsonMember& member : members) {
    if (!member.child) continue;
    const auto statement = std::ranges::find(statements, member.name, &RuleStatement::name);
    if (statement != statements.end()) {
      there.push_back({static_cast<std::size_t>(statement - statements.begin()), member.each,
                       there_label(member.name, member.each)});
    }
    find_children(member.members, statements, there);
  }
}

class Stitcher {
 public:
  Stitcher(const Stitching& stitching, std::span<const ResultSet* const> results,
           std::size_t bytes_max)
      : stitching_(stitching), results_(results), bytes_max_(bytes_max) {}

  std::optional<ResultSet> run(const TypeCatalog& types, TextStyle style) {
    ResultSet whole(columns());
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (results_[i]->columns().size() == stitching_.parts[i].columns.size()) continue;
      // Another number, also where that of the whole has stayed the same.
      return whole.columns().size() == stitching_.columns().size()
                 ? ResultSet(std::vector<ColumnInfo>())
                 : whole;
    }
    for (std::size_t i = 1; i < results_.size(); ++i) link(i, types, style);
    Rows rows(results_.size(), kNoRow);
    for (rows[0] = 0; rows[0] < results_[0]->rows(); ++rows[0]) {
      if (!add_from(1, rows, whole)) return std::nullopt;
    }
    return whole;
  }

 private:
  std::vector<ColumnInfo> columns() const {
    std::vector<ColumnInfo> all;
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const auto& named = stitching_.parts[i].columns;
      for (const ColumnInfo& column : results_[i]->columns()) all.push_back(column);
      if (named.size() != results_[i]->columns().size()) continue;
      const std::size_t first = all.size() - named.size();
      for (std::size_t c = 0; c < named.size(); ++c) all[first + c].label = named[c].label;
    }
    for (const auto& there : stitching_.there) all.push_back(there_column(there));
    return all;
  }

  // For each row of the parent, the rows of child `i` that belong to it.
  void link(std::size_t i, const TypeCatalog& types, TextStyle style) {
    const auto& part = stitching_.parts[i];
    const ResultSet& parent = *results_[part.parent];
    const ResultSet& child = *results_[i];
    const auto reader = [&](const ResultSet& result, std::size_t column) {
      const ColumnInfo& info = result.columns()[column];
      return ValueReader(types, info.type_oid, info.binary, style);
    };
    ValueReader parent_reader = reader(parent, part.parent_column);
    ValueReader child_reader = reader(child, part.link_column);
    parent_reader.compare_with(child.columns()[part.link_column].type_oid);
    child_reader.compare_with(parent.columns()[part.parent_column].type_oid);
    std::unordered_map<std::string, Rows> by_value;
    for (std::size_t row = 0; row < child.rows(); ++row) {
      if (const auto cell = child.cell(row, part.link_column))
        by_value[canonical(child_reader, *cell)].push_back(row);
    }
    auto& found = children_.emplace_back(parent.rows());
    for (std::size_t row = 0; row < parent.rows(); ++row) {
      const auto cell = parent.cell(row, part.parent_column);
      if (!cell) continue;
      const auto rows = by_value.find(canonical(parent_reader, *cell));
      if (rows != by_value.end()) found[row] = rows->second;
    }
  }

  static std::string canonical(const ValueReader& reader, std::string_view cell) {
    std::string text;
    reader.append_canonical(cell, text);
    return text;
  }

  // All ways to go on from the rows of the statements before `i`; false: too much.
  bool add_from(std::size_t i, Rows& rows, ResultSet& whole) const {
    if (i == rows.size()) {
      add_row(rows, whole);
      return whole.bytes() <= bytes_max_;
    }
    const std::size_t parent = rows[stitching_.parts[i].parent];
    rows[i] = kNoRow;
    if (parent == kNoRow || children_[i - 1][parent].empty()) return add_from(i + 1, rows, whole);
    for (const std::size_t row : children_[i - 1][parent]) {
      rows[i] = row;
      if (!add_from(i + 1, rows, whole)) return false;
    }
    return true;
  }

  void add_row(const Rows& rows, ResultSet& whole) const {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t column = 0; column < results_[i]->columns().size(); ++column) {
        whole.add_cell(rows[i] == kNoRow ? std::nullopt : results_[i]->cell(rows[i], column));
      }
    }
    for (const auto& there : stitching_.there) {
      const std::size_t row =
          rows[there.each ? stitching_.parts[there.statement].parent : there.statement];
      whole.add_cell(row == kNoRow ? std::nullopt : std::optional(kThere));
    }
  }

  const Stitching& stitching_;
  std::span<const ResultSet* const> results_;
  std::size_t bytes_max_;
  std::vector<std::vector<Rows>> children_;  // by statement - 1, by row of its parent
};

}  // namespace

std::vector<ColumnInfo> Stitching::columns() const {
  std::vector<ColumnInfo> all;
  for (const Part& part : parts) all.insert(all.end(), part.columns.begin(), part.columns.end());
  for (const There& one : there) all.push_back(there_column(one));
  return all;
}

std::variant<Stitching, std::string> make_stitching(
    const std::vector<RuleStatement>& statements,
    const std::vector<std::vector<ColumnInfo>>& described, const std::vector<JsonMember>& json) {
  Stitching out;
  std::size_t first = 0;
  for (std::size_t i = 0; i < described.size(); ++i) {
    Stitching::Part part{described[i], first, 0, 0, 0};
    first += described[i].size();
    for (auto& column : part.columns)
      column.label = concat({statements[i].name, ".", column.label});
    if (const auto& link = statements[i].link) {
      part.parent = link->parent;
      const auto& parent = described[link->parent];
      std::size_t found = 0;
      for (std::size_t c = 0; c < parent.size(); ++c) {
        if (parent[c].label != link->parent_column) continue;
        part.parent_column = c;
        ++found;
      }
      if (found != 1) {
        return concat({"the link `:", link->list_name, "`: `", statements[link->parent].name,
                       "` has ", found == 0 ? "no column" : "several columns", " \"",
                       link->parent_column, "\""});
      }
      if (link->column >= described[i].size()) {
        return concat({"the link `:", link->list_name, "`: `", statements[i].name,
                       "` has fewer columns than its select list says"});
      }
      part.link_column = link->column;
    }
    out.parts.push_back(std::move(part));
  }
  find_children(json, statements, out.there);
  return out;
}

std::optional<ResultSet> stitch(const Stitching& stitching, const TypeCatalog& types,
                                TextStyle style, std::span<const ResultSet* const> results,
                                std::size_t bytes_max) {
  return Stitcher(stitching, results, bytes_max).run(types, style);
}

}  // namespace parallax::shadow
