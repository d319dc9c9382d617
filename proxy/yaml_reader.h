#pragma once

// Reads one YAML file with the place of everything: mappings against their known keys, scalars,
// SQL. Every problem is collected, none is thrown. Over yaml-cpp, which in silence keeps duplicate
// keys, further documents and quotes without an end; here they are problems.

#include <yaml-cpp/yaml.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/config.h"
#include "proxy/value_parsers.h"

namespace parallax::proxy {

using Problems = std::vector<shadow::ConfigProblem>;

// One `key: value` of a mapping. `path` is the key with those around it, "shadow.pool.max".
struct YamlEntry {
  std::string key;
  std::string path;
  shadow::SourceMark key_mark;
  YAML::Node value;  // never null
};

struct YamlKey {
  std::string_view name;
  std::function<void(const YamlEntry&)> read;
};

// The keys that a mapping may have. `planned` are those that a later version knows.
struct YamlSection {
  std::string path;  // empty at the top
  std::vector<YamlKey> keys;
  std::vector<std::string_view> planned = {};
};

class YamlReader {
 public:
  // All references must outlive the reader. `file` is named in problems.
  YamlReader(std::string file, std::string text, const Environment& environment,
             const FileSource& files, Problems& problems);

  // The top mapping; nothing after a syntax error, for an empty file, and for anything but a
  // mapping.
  std::optional<YAML::Node> parse();

  // Calls the reader of each key. Unknown, planned, duplicate and empty keys are problems.
  void mapping(const YAML::Node& node, const YamlSection& section);
  // A mapping whose keys are the user's; duplicates and empty values are problems.
  void each(const YAML::Node& node, const std::string& path,
            const std::function<void(const YamlEntry&)>& read);

  // A scalar, variables expanded.
  std::optional<std::string> text(const YamlEntry& entry);
  // The same, through a parser of value_parsers.h into `target`.
  template <typename T, typename Parser>
  bool value(const YamlEntry& entry, T& target, Parser&& parse);
  // A quoted or block scalar, nothing expanded, with the mark that mark_inside wants.
  std::optional<shadow::SourceText> sql(const YamlEntry& entry);
  // A scalar, nothing expanded.
  std::optional<shadow::SourceText> verbatim(const YamlEntry& entry);
  // The scalars of a list.
  std::vector<shadow::SourceText> list(const YamlEntry& entry);

  shadow::SourceMark mark(const YAML::Node& node) const;
  void problem(const shadow::SourceMark& place, std::string message);
  void problem(const YamlEntry& entry,
               const std::string& message);  // "`path`: message" at the value

  const std::string& file() const { return file_; }
  const std::string& directory() const { return directory_; }

 private:
  bool is_scalar(const YAML::Node& node, const std::string& path);
  void second_document_problem(const shadow::SourceMark& place);
  void unknown_key(const YamlEntry& entry, const YamlSection& section);
  bool ends(const YAML::Node& node) const;
  std::string_view line(int number) const;
  shadow::SourceMark text_mark(const YAML::Node& node) const;

  std::string file_;
  std::string directory_;
  std::string text_;
  std::vector<std::string_view> lines_;
  const Environment& environment_;
  const FileSource& files_;
  Problems& problems_;
};

template <typename T, typename Parser>
bool YamlReader::value(const YamlEntry& entry, T& target, Parser&& parse) {
  const auto given = text(entry);
  if (!given) return false;
  auto parsed = std::forward<Parser>(parse)(std::string_view(*given));
  if (auto* error = std::get_if<ValueError>(&parsed)) {
    problem(entry, error->message);
    return false;
  }
  target = std::get<T>(std::move(parsed));
  return true;
}

}  // namespace parallax::proxy
