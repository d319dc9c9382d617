#include "shadow/compare/unnest.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "shadow/compare/column_types.h"
#include "shadow/compare/json_leaf.h"
#include "shadow/compare/json_parts.h"
#include "shadow/compare/wording.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

constexpr std::uint32_t kJsonb = 3802;

class Unnester {
 public:
  Unnester(const ResultSet& result, const Unnesting& unnesting, const TypeCatalog& types,
           std::size_t bytes_max)
      : result_(result),
        unnesting_(unnesting),
        types_(types),
        bytes_max_(bytes_max),
        whole_(columns_now()),
        virtual_(unnesting.columns.size() - unnesting.described.size()) {
    is_json_.resize(result.columns().size(), false);
    for (const auto& one : unnesting.json) is_json_[one.first] = true;
  }

  std::optional<ResultSet> run() {
    for (row_ = 0; row_ < result_.rows(); ++row_) {
      pending_.clear();
      for (const auto& one : unnesting_.json) pending_.push_back({&one.second, text_of(one.first)});
      if (!expand(0)) break;
    }
    if (too_much_) return std::nullopt;
    if (!problem_) return std::move(whole_);
    ResultSet none(unnesting_.columns);
    none.set_problem(*std::move(problem_));
    return none;
  }

 private:
  // A child whose text has not been read yet.
  struct Pending {
    const UnnestPart* part;
    std::string_view text;  // empty: NULL
  };

  // What the server says of its own columns now, and what is read out of JSON.
  std::vector<ColumnInfo> columns_now() const {
    auto columns = unnesting_.columns;
    std::ranges::copy(result_.columns(), columns.begin());
    return columns;
  }

  std::string_view text_of(std::size_t column) const {
    auto text = result_.cell(row_, column).value_or(std::string_view());
    const ColumnInfo& info = result_.columns()[column];
    // The version byte of binary jsonb.
    if (info.binary && !text.empty() && resolve_type(info.type_oid, types_).oid == kJsonb)
      text.remove_prefix(1);
    return without_blanks(text);
  }

  // Each way to read what is pending from `next` on is a row. False: stopped.
  bool expand(std::size_t next) {
    if (next == pending_.size()) return add_row();
    const UnnestPart& part = *pending_[next].part;
    const std::string_view text = pending_[next].text;
    const JsonKind kind = json_kind(text);
    if (text.empty() || kind == JsonKind::null) return expand_absent(part, next);
    set(part.column, std::string(kThere));
    if (!part.each) return read_child(part, text) && expand_further(next);
    if (kind != JsonKind::array) return refuse(part, kind, "an array of children");
    const auto elements = json_elements(text);
    if (!elements) return refuse(part, JsonKind::none, "an array of children");
    if (elements->empty()) {
      clear(part);
      return expand(next + 1);
    }
    for (const std::string_view element : *elements) {
      if (json_kind(element) == JsonKind::null) return refuse(part, JsonKind::null, "a child");
      if (!read_child(part, element) || !expand_further(next)) return false;
    }
    return true;
  }

  // The children of the child that was read are pending behind all others.
  bool expand_further(std::size_t next) {
    const std::size_t size = pending_.size();
    const std::size_t added = added_;
    const bool good = expand(next + 1);
    pending_.resize(size - added);
    return good;
  }

  bool expand_absent(const UnnestPart& part, std::size_t next) {
    // Where nothing says whether it is there, an array that is missing is not an empty one.
    if (part.each && part.column == UnnestPart::kNoColumn)
      return refuse(part, JsonKind::null, "an array of children");
    set_null(part.column);
    clear(part);
    return expand(next + 1);
  }

  bool read_child(const UnnestPart& part, std::string_view text) {
    added_ = 0;
    const JsonKind kind = json_kind(text);
    if (kind == JsonKind::object) return read_object(part, text);
    const auto elements = json_elements(text);
    if (!elements) return refuse(part, kind, "an array or an object of its values");
    if (elements->size() != part.parts.size()) {
      return fail(MismatchKind::column_count,
                  concat({"JSON ", quoted(part.path), " has ", counted(elements->size(), "value"),
                          ", the projection has ", std::to_string(part.parts.size())}));
    }
    for (std::size_t i = 0; i < elements->size(); ++i) {
      if (!read_part(part.parts[i], (*elements)[i])) return false;
    }
    return true;
  }

  bool read_object(const UnnestPart& part, std::string_view text) {
    const auto members = json_members(text);
    if (!members) return refuse(part, JsonKind::none, "an object of its values");
    std::unordered_map<std::string_view, std::string_view> values;
    for (const auto& [key, value] : *members) values[key] = value;  // the last one counts
    std::size_t known = 0;
    for (const UnnestPart& one : part.parts) {
      if (one.key.empty()) continue;
      const auto value = values.find(one.key);
      if (value == values.end()) {
        return fail(MismatchKind::column_count,
                    concat({"JSON ", quoted(part.path), " has no key ", quoted(one.key)}));
      }
      ++known;
      if (!read_part(one, value->second)) return false;
    }
    if (known == values.size()) return true;
    return fail(MismatchKind::column_count,
                concat({"JSON ", quoted(part.path), " has ", counted(values.size(), "key"),
                        ", the projection has ", std::to_string(known)}));
  }

  bool read_part(const UnnestPart& part, std::string_view text) {
    if (part.child) {
      pending_.push_back({&part, text});
      ++added_;
      return true;
    }
    if (part.column == UnnestPart::kNoColumn) return true;
    auto cell = leaf_of(part.column).read(text);
    if (cell.other_kind) {
      return fail(MismatchKind::column_type,
                  concat({"JSON ", quoted(part.path), ": ", name(json_kind(text)), " against ",
                          type_name(unnesting_.columns[part.column].type_oid, types_)}));
    }
    if (cell.hazard) whole_.mark_hazard(part.column);
    set(part.column, std::move(cell.text));
    return true;
  }

  const JsonLeaf& leaf_of(std::size_t column) {
    const bool untyped = unnesting_.untyped.contains(column);
    const std::uint32_t type = untyped ? 0 : unnesting_.columns[column].type_oid;
    return leaves_.try_emplace(column, types_, type).first->second;
  }

  void clear(const UnnestPart& part) {
    for (const UnnestPart& one : part.parts) {
      set_null(one.column);
      clear(one);
    }
  }

  void set_null(std::size_t column) {
    if (column != UnnestPart::kNoColumn) virtual_[column - unnesting_.described.size()].reset();
  }

  void set(std::size_t column, std::optional<std::string> cell) {
    if (column != UnnestPart::kNoColumn)
      virtual_[column - unnesting_.described.size()] = std::move(cell);
  }

  bool add_row() {
    for (std::size_t column = 0; column < is_json_.size(); ++column)
      whole_.add_cell(is_json_[column] ? std::nullopt : result_.cell(row_, column));
    for (const auto& cell : virtual_)
      whole_.add_cell(cell ? std::optional<std::string_view>(*cell) : std::nullopt);
    too_much_ = whole_.bytes() > bytes_max_;
    return !too_much_;
  }

  bool refuse(const UnnestPart& part, JsonKind kind, std::string_view wanted) {
    return fail(MismatchKind::column_count,
                concat({"JSON ", quoted(part.path), ": ", name(kind), " in place of ", wanted}));
  }

  bool fail(MismatchKind kind, std::string detail) {
    problem_ = ShapeProblem{kind, std::move(detail)};
    return false;
  }

  const ResultSet& result_;
  const Unnesting& unnesting_;
  const TypeCatalog& types_;
  std::size_t bytes_max_;
  ResultSet whole_;
  std::vector<bool> is_json_;                        // by column of the server
  std::vector<std::optional<std::string>> virtual_;  // cells of the row at hand, out of JSON
  std::unordered_map<std::size_t, JsonLeaf> leaves_;
  std::vector<Pending> pending_;
  std::size_t added_ = 0;  // to pending_, by the child that was read last
  std::size_t row_ = 0;
  bool too_much_ = false;
  std::optional<ShapeProblem> problem_;
};

}  // namespace

std::optional<ResultSet> unnest(const ResultSet& result, const Unnesting& unnesting,
                                const TypeCatalog& types, std::size_t bytes_max) {
  if (result.columns().size() == unnesting.described.size())
    return Unnester(result, unnesting, types, bytes_max).run();
  ResultSet none(result.columns());
  none.set_problem(
      {MismatchKind::column_count,
       concat({"a result with JSON has ", counted(result.columns().size(), "column"),
               ", at verification it had ", std::to_string(unnesting.described.size())})});
  return none;
}

std::string there_label(std::string_view child, bool each) {
  return concat({child, each ? "[]" : "{}"});
}

}  // namespace parallax::shadow
