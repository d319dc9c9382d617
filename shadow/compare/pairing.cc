#include "shadow/compare/pairing.h"

#include <algorithm>
#include <map>
#include <optional>

#include "shadow/compare/wording.h"
#include "shadow/rules/rewrite_select.h"
#include "shadow/rules/select_list.h"

namespace parallax::shadow {
namespace {

using Indexes = std::vector<std::size_t>;
using Problem = std::optional<std::string>;

// A table's column: table OID and attribute number.
using Origin = std::pair<std::uint32_t, std::int16_t>;

std::vector<std::optional<Origin>> origins_of(const DescribedColumns& described) {
  std::vector<std::optional<Origin>> out;
  const bool has_uncast = described.uncast.size() == described.columns.size();
  for (std::size_t i = 0; i < described.columns.size(); ++i) {
    const ColumnInfo* column = &described.columns[i];
    if (column->table_oid == 0 && has_uncast) column = &described.uncast[i];
    if (column->table_oid == 0) {
      out.emplace_back(std::nullopt);
    } else {
      out.emplace_back(Origin{column->table_oid, column->attribute});
    }
  }
  return out;
}

Indexes labelled(const std::vector<ColumnInfo>& columns, std::string_view label) {
  Indexes out;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].label == label) out.push_back(i);
  }
  return out;
}

std::string labels(const std::vector<ColumnInfo>& columns, const Indexes& indexes) {
  std::vector<std::string> out;
  out.reserve(indexes.size());
  for (const std::size_t index : indexes) out.push_back(quoted(columns[index].label));
  return listed(out);
}

std::string all_labels(const std::vector<ColumnInfo>& columns) {
  std::vector<std::string> out;
  out.reserve(columns.size());
  for (const ColumnInfo& column : columns) out.push_back(quoted(column.label));
  return out.empty() ? "no columns" : listed(out);
}

std::string times(std::size_t count) {
  return count == 1 ? "once" : std::to_string(count) + " times";
}

// Finds the partner of each legacy column, step by step; each step leaves the rest to the next.
class Pairer {
 public:
  Pairer(const Rule& rule, const DescribedColumns& legacy, const DescribedColumns& rewrite,
         const Catalog& catalog, const Stitching& legacy_parts, const Stitching& rewrite_parts,
         const NamedPairs& named)
      : rule_(rule),
        legacy_(legacy.columns),
        rewrite_(rewrite.columns),
        catalog_(catalog),
        legacy_parts_(legacy_parts),
        rewrite_parts_(rewrite_parts),
        legacy_origins_(origins_of(legacy)),
        rewrite_origins_(origins_of(rewrite)),
        partners_(legacy_.size()),
        paired_by_(legacy_.size(), PairedBy::column),
        ignored_(legacy_.size(), false),
        links_(link_columns(legacy_parts, legacy_.size())),
        rewrite_links_(link_columns(rewrite_parts, rewrite_.size())),
        taken_(rewrite_.size(), false) {
    for (const auto& [of_legacy, of_rewrite] : named.pairs)
      pair(of_legacy, of_rewrite, PairedBy::name);
    for (const std::size_t column : named.legacy_json) links_[column] = true;
    for (const std::size_t column : named.rewrite_json) taken_[column] = true;
  }

  std::variant<Pairing, std::string> run() {
    for (const auto step : {&Pairer::find_ignored, &Pairer::pair_named, &Pairer::pair_by_origin,
                            &Pairer::pair_left_over}) {
      if (Problem problem = (this->*step)()) return std::move(*problem);
    }
    return result();
  }

 private:
  static std::vector<bool> link_columns(const Stitching& stitching, std::size_t columns) {
    std::vector<bool> links(columns, false);
    for (std::size_t i = 1; i < stitching.parts.size(); ++i) {
      const auto& part = stitching.parts[i];
      links[part.first + part.link_column] = true;
      links[stitching.parts[part.parent].first + part.parent_column] = true;
    }
    return links;
  }

  // The one legacy column that a name of the rule means.
  std::variant<std::size_t, std::string> legacy_column(const char* key, const std::string& label) {
    const Indexes found = labelled(legacy_, label);
    if (found.size() == 1) return found.front();
    if (found.empty()) {
      return std::string(key) + ": legacy has no column " + quoted(label) + "; it has " +
             all_labels(legacy_);
    }
    return std::string(key) + ": " + quoted(label) + " is ambiguous, legacy has it " +
           times(found.size()) + "; only a label that occurs once can be named";
  }

  Problem find_ignored() {
    for (const auto& [label, reason] : rule_.source.ignore) {
      const auto column = legacy_column("ignore", label);
      if (const auto* problem = std::get_if<std::string>(&column)) return *problem;
      const std::size_t ignored = std::get<std::size_t>(column);
      if (partners_[ignored]) {
        return "ignore: " + quoted(label) + " is named under json: too; remove one of them";
      }
      ignored_[ignored] = true;
    }
    return std::nullopt;
  }

  Problem pair_named() {
    for (const auto& [label, name] : rule_.source.columns) {
      const auto column = legacy_column("columns", label);
      if (const auto* problem = std::get_if<std::string>(&column)) return *problem;
      const std::size_t legacy = std::get<std::size_t>(column);
      if (ignored_[legacy]) {
        return "columns: " + quoted(label) + " is under ignore: too; remove one of them";
      }
      if (partners_[legacy]) {
        return "columns: " + quoted(label) + " is named under json: too; remove one of them";
      }
      const Indexes found = rewrite_columns(name.text);
      if (found.size() != 1) return not_one(label, name.text, found);
      if (taken_[found.front()]) {
        return "columns: " + quoted(label) + ": the rewrite's column " + quoted(name.text) +
               " is named twice; each column has one partner";
      }
      pair(legacy, found.front(), PairedBy::name);
    }
    return std::nullopt;
  }

  Indexes rewrite_columns(const std::string& name) const {
    Indexes found = labelled(rewrite_, name);
    if (!found.empty()) return found;
    for (std::size_t i = 0; i < rule_.rewrite.size(); ++i) {
      const bool several = !rewrite_parts_.parts.empty();
      const std::size_t first = several ? rewrite_parts_.parts[i].first : 0;
      // What is read out of JSON stands behind what the statement gives.
      const auto given = std::ranges::count(rewrite_, false, &ColumnInfo::json);
      const std::size_t count =
          several ? rewrite_parts_.parts[i].columns.size() : static_cast<std::size_t>(given);
      const SelectList select_list(replayed_select(rule_.source, rule_.rewrite[i].source.text));
      if (select_list.size() != count) continue;
      for (const std::size_t column : select_list.find(name)) found.push_back(first + column);
    }
    return found;
  }

  std::string not_one(const std::string& label, const std::string& name,
                      const Indexes& found) const {
    const std::string start = "columns: " + quoted(label) + ": ";
    if (found.empty()) {
      return start + "the rewrite has no column or expression " + quoted(name) + "; it has " +
             all_labels(rewrite_);
    }
    return start + quoted(name) + " is ambiguous, the rewrite has it " + times(found.size()) +
           "; write table.column, or the expression as the rewrite has it";
  }

  // Legacy columns by their origin, and what the rewrite has of the same origin. Several of one
  // origin on both sides (a table joined with itself) pair in order of appearance.
  Problem pair_by_origin() {
    std::map<Origin, std::pair<Indexes, Indexes>> groups;
    for (std::size_t i = 0; i < legacy_.size(); ++i) {
      if (legacy_origins_[i] && !partners_[i]) groups[*legacy_origins_[i]].first.push_back(i);
    }
    for (std::size_t i = 0; i < rewrite_.size(); ++i) {
      if (rewrite_origins_[i] && !taken_[i]) groups[*rewrite_origins_[i]].second.push_back(i);
    }
    for (const auto& [origin, group] : groups) {
      if (Problem problem = pair_group(group.first, group.second)) return problem;
    }
    return std::nullopt;
  }

  Problem pair_group(const Indexes& all, const Indexes& rewrite) {
    if (all.empty() || rewrite.empty()) return std::nullopt;
    Indexes compared;
    std::copy_if(all.begin(), all.end(), std::back_inserter(compared),
                 [this](std::size_t i) { return !ignored_[i]; });
    if (compared.empty()) {
      // Partners of ignored columns are neither left over nor worth a note.
      for (const std::size_t i : rewrite) taken_[i] = true;
      return std::nullopt;
    }
    Indexes without_links;
    std::copy_if(compared.begin(), compared.end(), std::back_inserter(without_links),
                 [this](std::size_t i) { return !links_[i]; });
    const Indexes* fitting = &all;
    if (without_links.size() == rewrite.size()) fitting = &without_links;
    if (compared.size() == rewrite.size()) fitting = &compared;
    const Indexes& legacy = *fitting;
    if (legacy.size() != rewrite.size() && without_links.empty()) return std::nullopt;
    if (legacy.size() != rewrite.size()) {
      return "ambiguous: one table column is " + times(all.size()) + " in legacy (" +
             labels(legacy_, all) + ") and " + times(rewrite.size()) + " in the rewrite (" +
             labels(rewrite_, rewrite) +
             "); say under columns: which pair, or under ignore: why not";
    }
    for (std::size_t i = 0; i < legacy.size(); ++i) pair(legacy[i], rewrite[i], PairedBy::column);
    return std::nullopt;
  }

  Problem pair_left_over() {
    Indexes legacy;
    for (std::size_t i = 0; i < legacy_.size(); ++i) {
      if (!partners_[i] && !ignored_[i] && !links_[i]) legacy.push_back(i);
    }
    Indexes rewrite;
    for (std::size_t i = 0; i < rewrite_.size(); ++i) {
      if (!taken_[i] && !rewrite_links_[i]) rewrite.push_back(i);
    }
    if (legacy.empty()) return std::nullopt;
    if (legacy.size() > 1 || rewrite.size() != 1) return left_without_pair(legacy, rewrite);
    const std::string both = quoted(legacy_[legacy.front()].label) + " of legacy and " +
                             quoted(rewrite_[rewrite.front()].label) + " of the rewrite";
    if (legacy_origins_[legacy.front()] && rewrite_origins_[rewrite.front()]) {
      return both +
             " are left without a pair, and are different table columns; if they are meant "
             "to be equal, say so under columns:, else say under ignore: why not";
    }
    pair(legacy.front(), rewrite.front(), PairedBy::left_over);
    notes_.push_back(both + " are paired because they are the only ones left on each side");
    return std::nullopt;
  }

  std::string left_without_pair(const Indexes& legacy, const Indexes& rewrite) const {
    const std::string& first = legacy_[legacy.front()].label;
    return std::string(legacy.size() == 1 ? "legacy column " : "legacy columns ") +
           labels(legacy_, legacy) + (legacy.size() == 1 ? " has" : " have") +
           " no pair (free in the rewrite: " +
           (rewrite.empty() ? "none" : labels(rewrite_, rewrite)) + "); write under columns: '" +
           first + "': 'label, table.column or expression of the rewrite', or under ignore: '" +
           first + "': 'why it does not matter'";
  }

  void pair(std::size_t legacy, std::size_t rewrite, PairedBy by) {
    partners_[legacy] = rewrite;
    paired_by_[legacy] = by;
    taken_[rewrite] = true;
  }

  Pairing result() {
    Pairing out;
    out.legacy_columns = legacy_.size();
    out.rewrite_columns = rewrite_.size();
    for (const auto& part : legacy_parts_.parts) out.statements.push_back(part.first);
    for (const auto& part : rewrite_parts_.parts) out.rewrite_statements.push_back(part.first);
    for (std::size_t i = 0; i < legacy_.size(); ++i) {
      if (partners_[i] && !ignored_[i]) out.pairs.push_back({i, *partners_[i], paired_by_[i]});
    }
    out.crossing = crossing_note(out.pairs);
    if (!out.crossing.empty()) notes_.push_back(out.crossing);
    note_unpaired();
    out.notes = std::move(notes_);
    out.key_pairs = key_pairs(out.pairs);
    return out;
  }

  // Pairs that were found and stand in another sequence: where the application reads columns by
  // place, they are swapped.
  std::string crossing_note(const std::vector<ColumnPair>& pairs) const {
    std::vector<std::string> crossing;
    std::size_t furthest = 0;
    for (const ColumnPair& found : pairs) {
      if (found.by == PairedBy::name) continue;
      if (found.rewrite < furthest) {
        crossing.push_back(quoted(legacy_[found.legacy].label) + " (column " +
                           std::to_string(found.legacy + 1) + ") is column " +
                           std::to_string(found.rewrite + 1) + " of the rewrite, " +
                           quoted(rewrite_[found.rewrite].label));
      }
      furthest = std::max(furthest, found.rewrite);
    }
    return crossing.empty() ? "" : "pairs cross: " + listed(crossing, "; ");
  }

  void note_unpaired() {
    Indexes unpaired;
    for (std::size_t i = 0; i < rewrite_.size(); ++i) {
      if (!taken_[i] && !rewrite_links_[i]) unpaired.push_back(i);
    }
    if (unpaired.empty()) return;
    notes_.push_back("columns of the rewrite without a pair, not compared: " +
                     labels(rewrite_, unpaired));
  }

  Indexes key_pairs(const std::vector<ColumnPair>& pairs) const {
    std::vector<bool> is_key(pairs.size(), false);
    for (const auto& [table, attributes] : catalog_.primary_keys) {
      Indexes found;
      const bool whole = std::all_of(attributes.begin(), attributes.end(),
                                     [&, table = table](std::int16_t attribute) {
                                       const std::size_t before = found.size();
                                       for (std::size_t i = 0; i < pairs.size(); ++i) {
                                         const auto& origin = legacy_origins_[pairs[i].legacy];
                                         if (origin == Origin{table, attribute}) found.push_back(i);
                                       }
                                       return found.size() > before;
                                     });
      if (!whole) continue;
      for (const std::size_t i : found) is_key[i] = true;
    }
    Indexes out;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (is_key[i]) out.push_back(i);
    }
    return out;
  }

  const Rule& rule_;
  const std::vector<ColumnInfo>& legacy_;
  const std::vector<ColumnInfo>& rewrite_;
  const Catalog& catalog_;
  const Stitching& legacy_parts_;
  const Stitching& rewrite_parts_;
  std::vector<std::optional<Origin>> legacy_origins_;
  std::vector<std::optional<Origin>> rewrite_origins_;
  std::vector<std::optional<std::size_t>> partners_;  // by legacy column
  std::vector<PairedBy> paired_by_;                   // by legacy column
  std::vector<bool> ignored_;                         // by legacy column
  std::vector<bool> links_;                           // by legacy column
  std::vector<bool> rewrite_links_;                   // by rewrite column
  std::vector<bool> taken_;                           // by rewrite column
  std::vector<std::string> notes_;
};

}  // namespace

std::variant<Pairing, std::string> pair_columns(const Rule& rule, const DescribedColumns& legacy,
                                                const DescribedColumns& rewrite,
                                                const Catalog& catalog,
                                                const Stitching& legacy_parts,
                                                const Stitching& rewrite_parts,
                                                const NamedPairs& named) {
  return Pairer(rule, legacy, rewrite, catalog, legacy_parts, rewrite_parts, named).run();
}

}  // namespace parallax::shadow
