#include "proxy/config_json.h"

#include <string>
#include <utility>

#include "proxy/text.h"

namespace parallax::proxy {
namespace {

using shadow::JsonMember;

constexpr std::size_t kDepthMax = 16;      // of children in children
constexpr std::size_t kMembersMax = 2000;  // of one child: more than a table has columns

class JsonProjection {
 public:
  explicit JsonProjection(YamlReader& reader) : reader_(reader) {}

  // `label: [values]`, `label: {each: [values]}`, `label: {of: statement, one: [values]}`.
  void read_child(const YamlEntry& entry, JsonMember& child, std::size_t depth) {
    child.key = entry.key;
    child.name = entry.key;
    child.child = true;
    child.mark = entry.key_mark;
    if (depth > kDepthMax)
      return reader_.problem(entry, "children are nested too deeply to be compared");
    if (entry.value.IsSequence()) return read_members(entry, child, depth);
    if (!entry.value.IsMap()) return reader_.problem(entry, std::string(kForms));
    bool has_members = false;
    const auto members = [&](const YamlEntry& at, bool each) {
      if (has_members) return reader_.problem(at.key_mark, "write either `each` or `one`");
      has_members = true;
      child.each = each;
      read_members(at, child, depth);
    };
    const auto of = [&](const YamlEntry& at) {
      if (auto name = reader_.verbatim(at)) child.name = std::move(name->text);
    };
    reader_.mapping(entry.value, {entry.path,
                                  {{"each", [&](const YamlEntry& at) { members(at, true); }},
                                   {"one", [&](const YamlEntry& at) { members(at, false); }},
                                   {"of", of}}});
    if (!has_members) reader_.problem(entry, std::string(kForms));
  }

 private:
  static constexpr std::string_view kForms =
      "write what it holds, `[id, name]` for one child, `{each: [id, name]}` for many";

  void read_members(const YamlEntry& entry, JsonMember& child, std::size_t depth) {
    if (!entry.value.IsSequence() || entry.value.size() == 0)
      return reader_.problem(entry, "write a list of its values, `[id, name]`");
    if (entry.value.size() > kMembersMax)
      return reader_.problem(entry, "too many values for one child");
    for (std::size_t i = 0; i < entry.value.size(); ++i) {
      const YAML::Node node = entry.value[i];
      const YamlEntry member{"", entry.path + '[' + std::to_string(i) + ']', reader_.mark(node),
                             node};
      read_member(member, child.members.emplace_back(), depth);
    }
  }

  void read_member(const YamlEntry& entry, JsonMember& member, std::size_t depth) {
    member.mark = entry.key_mark;
    if (!entry.value.IsMap()) return read_value(entry, member);
    if (entry.value.size() != 1) {
      return reader_.problem(entry, "write one place after the other, `[id, {role: [id, name]}]`");
    }
    reader_.each(entry.value, entry.path, [&](const YamlEntry& inner) {
      if (!inner.value.IsScalar()) return read_child(inner, member, depth + 1);
      read_value(inner, member);
      member.key = inner.key;
    });
  }

  // `id`, `statement.id`, `_`. In an object its key is the last name.
  void read_value(const YamlEntry& entry, JsonMember& member) {
    auto name = reader_.verbatim(entry);
    if (!name) return;
    if (is_blank(name->text)) return reader_.problem(entry, "write the column");
    if (name->text != "_") member.key = name->text.substr(name->text.rfind('.') + 1);
    member.name = std::move(name->text);
    member.mark = reader_.mark(entry.value);
  }

  YamlReader& reader_;
};

}  // namespace

void read_json(YamlReader& reader, const YamlEntry& entry, shadow::CompareOptions& options) {
  JsonProjection projection(reader);
  reader.each(entry.value, entry.path, [&](const YamlEntry& column) {
    projection.read_child(column, options.json.emplace_back(), 1);
  });
  if (entry.value.IsMap() && entry.value.size() == 0)
    reader.problem(entry, "write the JSON columns, `memberships: {each: [id, name]}`");
}

}  // namespace parallax::proxy
