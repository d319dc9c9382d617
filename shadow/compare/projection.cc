#include "shadow/compare/projection.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "shadow/compare/column_types.h"
#include "shadow/compare/value_kind.h"
#include "shadow/compare/wording.h"
#include "shadow/rules/concat.h"
#include "shadow/rules/json_names.h"
#include "shadow/rules/rewrite_select.h"
#include "shadow/rules/select_list.h"

namespace parallax::shadow {

namespace {

constexpr std::uint32_t kBool = 16;
constexpr std::uint32_t kJson = 114;

using Indexes = std::vector<std::size_t>;

Indexes labelled(const std::vector<ColumnInfo>& columns, std::string_view label) {
  Indexes found;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].label == label) found.push_back(i);
  }
  return found;
}

bool is_json(std::uint32_t type_oid, const TypeCatalog& types) {
  const ValueKind kind = resolve_type(type_oid, types).kind;
  return kind == ValueKind::json || kind == ValueKind::jsonb;
}

class Projector {
 public:
  Projector(const Rule& rule, DescribedColumns legacy, DescribedColumns rewrite,
            const TypeCatalog& types)
      : rule_(rule),
        types_(types),
        rewrite_list_(replayed_select(rule.source, rule.rewrite.front().source.text)) {
    out_.legacy = std::move(legacy);
    out_.rewrite = std::move(rewrite);
    out_.legacy_json.described = out_.legacy.columns;
    out_.rewrite_json.described = out_.rewrite.columns;
  }

  std::variant<ProjectedColumns, ProjectionProblem> run() {
    for (const JsonMember& member : rule_.source.compare.json) {
      add_column(member);
      if (problem_) return *std::move(problem_);
    }
    finish(out_.legacy_json, out_.legacy, out_.named.legacy_json);
    finish(out_.rewrite_json, out_.rewrite, out_.named.rewrite_json);
    return std::move(out_);
  }

 private:
  // Where a value is read out of JSON: of either side, its columns in the whole.
  struct Sides {
    bool legacy = false;
    bool rewrite = false;
    bool both() const { return legacy && rewrite; }
  };

  void add_column(const JsonMember& member) {
    const auto legacy = rule_.has_children(Side::legacy)
                            ? std::nullopt
                            : json_column(member, out_.legacy, "legacy");
    const auto rewrite = json_column(member, out_.rewrite, "the rewrite");
    if (problem_) return;
    if (!legacy && !rewrite) {
      return fail(member, concat({"`json` names ", quoted(member.key), ", which ",
                                  rule_.has_children(Side::legacy)
                                      ? "the rewrite does not have"
                                      : "neither legacy nor the rewrite has"}));
    }
    sides_ = {legacy.has_value(), rewrite.has_value()};
    UnnestPart in_legacy;
    UnnestPart in_rewrite;
    add_child(member, {}, in_legacy, in_rewrite);
    if (legacy) out_.legacy_json.json.emplace_back(*legacy, std::move(in_legacy));
    if (rewrite) out_.rewrite_json.json.emplace_back(*rewrite, std::move(in_rewrite));
  }

  std::optional<std::size_t> json_column(const JsonMember& member, const DescribedColumns& side,
                                         std::string_view name) {
    const Indexes found = labelled(side.columns, member.key);
    if (found.empty()) return std::nullopt;
    if (found.size() > 1) {
      fail(member, concat({"`json`: ", name, " has ", quoted(member.key), " several times"}));
      return std::nullopt;
    }
    const std::uint32_t type = side.columns[found.front()].type_oid;
    if (!is_json(type, types_)) {
      fail(member, concat({"`json`: ", quoted(member.key), " of ", name, " is ",
                           type_name(type, types_), "; rows are read out of json and jsonb only"}));
      return std::nullopt;
    }
    return found.front();
  }

  void add_child(const JsonMember& member, std::string_view around, UnnestPart& in_legacy,
                 UnnestPart& in_rewrite) {
    const std::string path = around.empty() ? member.key : concat({around, ".", member.key});
    for (UnnestPart* part : {&in_legacy, &in_rewrite}) {
      part->key = member.key;
      part->path = path;
      part->child = true;
      part->each = member.each;
    }
    add_there(member, in_legacy, in_rewrite);
    for (const JsonMember& one : member.members) {
      auto& legacy = in_legacy.parts.emplace_back();
      auto& rewrite = in_rewrite.parts.emplace_back();
      if (one.child) {
        add_child(one, path, legacy, rewrite);
      } else {
        add_value(member, one, path, legacy, rewrite);
      }
      if (problem_) return;
    }
  }

  // Whether a child is there is known where it is a statement of legacy, or JSON on both sides.
  void add_there(const JsonMember& member, UnnestPart& in_legacy, UnnestPart& in_rewrite) {
    ColumnInfo column{
        .label = there_label(in_legacy.path, member.each), .type_oid = kBool, .json = true};
    if (sides_.both()) {
      in_legacy.column = append(out_.legacy_json, column);
      in_rewrite.column = append(out_.rewrite_json, column);
      out_.named.pairs.emplace_back(in_legacy.column, in_rewrite.column);
    } else if (rule_.has_children(Side::legacy)) {
      const auto found = labelled(out_.legacy.columns, there_label(member.name, member.each));
      in_rewrite.column = append(out_.rewrite_json, std::move(column));
      out_.named.pairs.emplace_back(found.front(), in_rewrite.column);
    }
  }

  void add_value(const JsonMember& child, const JsonMember& value, std::string_view path,
                 UnnestPart& in_legacy, UnnestPart& in_rewrite) {
    for (UnnestPart* part : {&in_legacy, &in_rewrite}) {
      part->key = value.key;
      part->path = concat({path, ".", value.key});
    }
    if (value.name == kNoValue) return;
    ColumnInfo column{.label = in_legacy.path, .type_oid = kJson, .json = true};
    if (sides_.legacy) in_legacy.column = append(out_.legacy_json, column);
    if (sides_.rewrite) in_rewrite.column = append(out_.rewrite_json, column);
    if (sides_.both())
      return out_.named.pairs.emplace_back(in_legacy.column, in_rewrite.column), void();
    if (sides_.rewrite) return pair_with_legacy(child, value, in_rewrite.column);
    pair_with_rewrite(child, value, in_legacy);
  }

  void pair_with_legacy(const JsonMember& child, const JsonMember& value, std::size_t rewrite) {
    const std::string label = rule_.has_children(Side::legacy)
                                  ? legacy_label(rule_.legacy, child.name, value.name)
                                  : value.name;
    const Indexes found = labelled(out_.legacy.columns, label);
    if (found.size() == 1) return pair(value, found.front(), rewrite);
    fail(value, concat({"`json`: legacy has ", found.empty() ? "no column " : "several columns ",
                        quoted(label),
                        found.empty() ? "; write `_` for a value that is not compared" : ""}));
  }

  void pair_with_rewrite(const JsonMember& child, const JsonMember& value,
                         const UnnestPart& in_legacy) {
    if (rule_.source.columns.contains(in_legacy.path)) return;  // that says it all
    const bool has_table = value.name.find('.') != std::string::npos;
    const std::string column = has_table ? value.name : concat({child.name, ".", value.name});
    Indexes found;
    if (rewrite_list_.size() == out_.rewrite.columns.size()) found = rewrite_list_.find(column);
    if (found.empty()) found = labelled(out_.rewrite.columns, value.name);
    if (found.size() == 1) return pair(value, in_legacy.column, found.front());
    fail(value, concat({"`json`: the rewrite has ",
                        found.empty() ? "no column " : "several columns ", quoted(column),
                        "; write `table.column`, `_` for a value that is not compared, or ",
                        "under `columns` what ", quoted(in_legacy.path), " is"}));
  }

  void pair(const JsonMember& value, std::size_t legacy, std::size_t rewrite) {
    const auto again = std::ranges::find_if(out_.named.pairs, [&](const auto& one) {
      return one.first == legacy || one.second == rewrite;
    });
    if (again == out_.named.pairs.end())
      return out_.named.pairs.emplace_back(legacy, rewrite), void();
    fail(value, concat({"`json`: ", quoted(value.name), " is a column that has a pair already"}));
  }

  static std::size_t append(Unnesting& side, ColumnInfo column) {
    side.columns.push_back(std::move(column));  // behind `described`, which finish() puts first
    return side.described.size() + side.columns.size() - 1;
  }

  static void finish(Unnesting& json, DescribedColumns& side, Indexes& json_columns) {
    const auto add = [&](std::vector<ColumnInfo>& to) {
      to.insert(to.end(), json.columns.begin(), json.columns.end());
    };
    if (!side.uncast.empty()) add(side.uncast);
    add(side.columns);
    json.columns = side.columns;
    for (const auto& one : json.json) json_columns.push_back(one.first);
  }

  void fail(const JsonMember& member, std::string message) {
    if (!problem_) problem_ = ProjectionProblem{member.mark, std::move(message)};
  }

  const Rule& rule_;
  const TypeCatalog& types_;
  SelectList rewrite_list_;
  ProjectedColumns out_;
  Sides sides_;
  std::optional<ProjectionProblem> problem_;
};

void give_type(Unnesting& side, std::size_t column, const ColumnInfo& partner) {
  ColumnInfo& own = side.columns[column];
  if (!own.json) return;
  if (partner.json) {
    side.untyped.insert(column);
  } else {
    own.type_oid = partner.type_oid;
  }
}

std::shared_ptr<const Unnesting> if_any(Unnesting& json, DescribedColumns& side) {
  if (json.json.empty()) return nullptr;
  side.columns = json.columns;
  return std::make_shared<const Unnesting>(std::move(json));
}

}  // namespace

std::variant<ProjectedColumns, ProjectionProblem> project_columns(const Rule& rule,
                                                                  DescribedColumns legacy,
                                                                  DescribedColumns rewrite,
                                                                  const TypeCatalog& types) {
  return Projector(rule, std::move(legacy), std::move(rewrite), types).run();
}

Projection typed_projection(ProjectedColumns& columns, const Pairing& pairing) {
  for (const ColumnPair& pair : pairing.pairs) {
    give_type(columns.legacy_json, pair.legacy, columns.rewrite.columns[pair.rewrite]);
    give_type(columns.rewrite_json, pair.rewrite, columns.legacy.columns[pair.legacy]);
  }
  return {if_any(columns.legacy_json, columns.legacy),
          if_any(columns.rewrite_json, columns.rewrite)};
}

}  // namespace parallax::shadow
