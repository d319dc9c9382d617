#include "shadow/rules/json_names.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

class JsonNames {
 public:
  JsonNames(const RuleSource& source, const std::vector<RuleStatement>& legacy,
            std::vector<ConfigProblem>& problems)
      : source_(source), legacy_(legacy), problems_(problems) {}

  void check() {
    const auto& columns = source_.compare.json;
    if (!columns.empty() && source_.rewrite.size() > 1) {
      return add(columns.front(),
                 "`json` is for a rewrite of one statement; the columns of several are rows "
                 "already");
    }
    check_keys(columns);
    for (const JsonMember& column : columns) {
      for (const auto& [label, named] : source_.columns) {
        if (named.text != column.key) continue;
        problems_.push_back({named.mark, concat({"`columns` of \"", label, "\": \"", column.key,
                                                 "\" is read as JSON, see `json`"})});
      }
      check_not_listed(column, column.key);
      check_child(column, std::nullopt);
    }
  }

 private:
  void add(const JsonMember& member, std::string message) {
    problems_.push_back({member.mark, std::move(message)});
  }

  void check_keys(const std::vector<JsonMember>& members) {
    std::set<std::string_view> keys;
    for (const JsonMember& member : members) {
      if (member.key.empty() || keys.insert(member.key).second) continue;
      add(member, concat({"`", member.key, "` stands here twice"}));
    }
  }

  // `around`: the statement of the child that it stands in.
  void check_child(const JsonMember& child, std::optional<std::size_t> around) {
    check_keys(child.members);
    const auto statement = legacy_.size() > 1 ? statement_of(child, around) : std::nullopt;
    if (legacy_.size() > 1 && !statement) return;
    for (const JsonMember& member : child.members) {
      if (member.child) {
        check_child(member, statement);
      } else if (statement) {
        check_value(child, member);
      }
    }
  }

  std::optional<std::size_t> statement_of(const JsonMember& child,
                                          std::optional<std::size_t> around) {
    const auto found = std::ranges::find(legacy_, child.name, &RuleStatement::name);
    if (found == legacy_.end()) {
      add(child, no_such_statement(child));
      return std::nullopt;
    }
    const auto index = static_cast<std::size_t>(found - legacy_.begin());
    if (!children_.insert(index).second) {
      add(child, concat({"`", child.name, "` stands twice under `json`"}));
    } else if (!found->link) {
      if (child.each || around) {
        add(child, concat({"`", child.name,
                           "` is the root: it is a column of its own, and one for each row"}));
      }
    } else if (found->link->parent != around.value_or(0)) {
      const std::string& parent = legacy_[found->link->parent].name;
      add(child,
          concat({"`", child.name, "` is linked to `", parent, "`: it stands among the ",
                  "values of `", parent, "`, not of `", legacy_[around.value_or(0)].name, "`"}));
    }
    return index;
  }

  std::string no_such_statement(const JsonMember& child) const {
    std::string names;
    for (const auto& statement : legacy_)
      names += concat({names.empty() ? "" : ", ", "`", statement.name, "`"});
    return concat({"`", child.name, "`: legacy has no statement of this name, it has ", names,
                   "; where the key is another, write `{of: statement, ",
                   child.each ? "each" : "one", ": […]}`"});
  }

  void check_value(const JsonMember& child, const JsonMember& value) {
    if (value.name == kNoValue) return;
    const std::string label = legacy_label(legacy_, child.name, value.name);
    if (!values_.insert(label).second)
      add(value, concat({"legacy column \"", label, "\" stands twice under `json`"}));
    check_not_listed(value, label);
  }

  void check_not_listed(const JsonMember& member, const std::string& label) {
    if (source_.ignore.contains(label))
      add(member, concat({"\"", label, "\" is under `ignore` as well: remove one of the two"}));
    if (source_.columns.contains(label))
      add(member, concat({"\"", label, "\" is under `columns` as well: remove one of the two"}));
  }

  const RuleSource& source_;
  const std::vector<RuleStatement>& legacy_;
  std::vector<ConfigProblem>& problems_;
  std::set<std::size_t> children_;
  std::set<std::string> values_;
};

}  // namespace

std::string legacy_label(const std::vector<RuleStatement>& legacy, std::string_view child,
                         std::string_view value) {
  const auto statement = value.substr(0, value.find('.'));
  const bool other = statement.size() < value.size() &&
                     std::ranges::find(legacy, statement, &RuleStatement::name) != legacy.end();
  return other ? std::string(value) : concat({child, ".", value});
}

void check_json_names(const RuleSource& source, const std::vector<RuleStatement>& legacy,
                      std::vector<ConfigProblem>& problems) {
  JsonNames(source, legacy, problems).check();
}

}  // namespace parallax::shadow
