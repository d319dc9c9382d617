#include "proxy/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include "proxy/expand.h"
#include "proxy/text.h"

namespace parallax::proxy {
namespace {

using shadow::SourceMark;
using shadow::SourceText;

constexpr std::string_view kPlainTag = "?";   // yaml-cpp: a scalar without quotes
constexpr std::string_view kQuotedTag = "!";  // quoted or block

std::string kind_of(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map:
      return "a mapping";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Scalar:
      return "a single value";
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      return "empty";
  }
  return "";
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) out.append(out.empty() ? "" : ", ").append(word);
  return out;
}

std::size_t leading_spaces(std::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

// Notes where a document starts and nothing else.
class DocumentStart : public YAML::EventHandler {
 public:
  YAML::Mark mark;

  void OnDocumentStart(const YAML::Mark& at) override { mark = at; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// Where yaml-cpp sees a second document, which YAML::Load leaves unread. (YAML::LoadAll is of no
// use: it never returns from a stray `,`, `]` or `}`, each of which it takes for one more empty
// document.)
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStart start;
  if (!parser.HandleNextDocument(start) || !parser.HandleNextDocument(start)) return std::nullopt;
  return start.mark;
}

// The first line that is not empty: its number from 0, and it.
std::pair<int, std::string_view> first_full_line(std::string_view text) {
  int number = 0;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find('\n'));
    if (!one.empty()) return {number, one};
    text.remove_prefix(1);
    ++number;
  }
  return {number, {}};
}

}  // namespace

YamlReader::YamlReader(std::string file, std::string text, const Environment& environment,
                       const FileSource& files, Problems& problems)
    : file_(std::move(file)),
      directory_(std::filesystem::path(file_).parent_path().string()),
      text_(std::move(text)),
      environment_(environment),
      files_(files),
      problems_(problems) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text_.starts_with(kByteOrderMark)) text_.erase(0, kByteOrderMark.size());
  std::string_view rest = text_;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    std::string_view one = rest.substr(0, end);
    if (one.ends_with('\r')) one.remove_suffix(1);
    lines_.push_back(one);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
}

std::optional<YAML::Node> YamlReader::parse() {
  if (text_.find('\0') != std::string::npos || !valid_utf8(text_)) {
    problem({file_, 1, 1}, "the file is not UTF-8 text");
    return std::nullopt;
  }
  YAML::Node document;
  std::optional<YAML::Mark> second;
  try {
    document = YAML::Load(text_);
    second = second_document(text_);
  } catch (const YAML::Exception& error) {
    problem({file_, error.mark.line + 1, error.mark.column + 1},
            "not valid YAML: " + escaped(error.msg));
    return std::nullopt;
  }
  if (second) {
    second_document_problem({file_, second->line + 1, second->column + 1});
    return std::nullopt;
  }
  if (document.IsNull()) {
    problem({file_, 1, 1}, "the file is empty");
    return std::nullopt;
  }
  if (!document.IsMap()) {
    problem(mark(document), "write keys with values, `key: value`, not " + kind_of(document));
    return std::nullopt;
  }
  return document;
}

void YamlReader::second_document_problem(const SourceMark& place) {
  const std::string_view rest = line(place.line - 1)
                                    .substr(std::min(static_cast<std::size_t>(place.column - 1),
                                                     line(place.line - 1).size()));
  if (rest.starts_with(',') || rest.starts_with(']') || rest.starts_with('}')) {
    return problem(place, "not valid YAML: unexpected `" + std::string(rest.substr(0, 1)) + '`');
  }
  problem(place, "a second YAML document starts here; only one is read");
}

void YamlReader::each(const YAML::Node& node, const std::string& path,
                      const std::function<void(const YamlEntry&)>& read) {
  if (!node.IsMap()) {
    problem(mark(node),
            '`' + path + "`: write keys with values, `key: value`, not " + kind_of(node));
    return;
  }
  std::map<std::string, int, std::less<>> first_lines;
  for (const auto& pair : node) {
    const SourceMark place = mark(pair.first);
    if (!pair.first.IsScalar() || !ends(pair.first)) {
      problem(place, "a key must be a single word or a quoted text");
      continue;
    }
    const std::string& key = pair.first.Scalar();
    const auto [first, is_new] = first_lines.emplace(key, place.line);
    if (!is_new) {
      problem(place, '`' + escaped(key) + "` stands here twice; the first is in line " +
                         std::to_string(first->second));
      continue;
    }
    std::string whole = path;
    if (!path.empty()) whole.push_back('.');
    const YamlEntry entry{key, whole.append(key), place, pair.second};
    if (entry.value.IsNull()) {
      problem(place, '`' + escaped(entry.path) + "` has no value");
      continue;
    }
    read(entry);
  }
}

void YamlReader::mapping(const YAML::Node& node, const YamlSection& section) {
  each(node, section.path, [&](const YamlEntry& entry) {
    for (const YamlKey& known : section.keys) {
      if (known.name == entry.key) return known.read(entry);
    }
    unknown_key(entry, section);
  });
}

void YamlReader::unknown_key(const YamlEntry& entry, const YamlSection& section) {
  const std::string what = "unknown key `" + escaped(entry.key) + '`';
  for (const std::string_view planned : section.planned) {
    if (planned == entry.key) return problem(entry.key_mark, what + ": not in this version");
  }
  std::vector<std::string_view> known;
  for (const YamlKey& key : section.keys) known.push_back(key.name);
  const std::string_view near = nearest(entry.key, known);
  if (!near.empty()) {
    return problem(entry.key_mark, what + ", did you mean `" + std::string(near) + "`?");
  }
  problem(entry.key_mark, what + "; known here: " + joined(known));
}

bool YamlReader::is_scalar(const YAML::Node& node, const std::string& path) {
  if (!node.IsScalar()) {
    problem(mark(node), '`' + escaped(path) + "`: write a single value, not " + kind_of(node));
    return false;
  }
  if (node.Tag() != kPlainTag && node.Tag() != kQuotedTag) {
    problem(mark(node), '`' + escaped(path) + "`: tags (`!…`) are not used here");
    return false;
  }
  if (!ends(node)) {
    problem(mark(node), '`' + escaped(path) + "`: the quote that starts here has no end");
    return false;
  }
  return true;
}

std::optional<std::string> YamlReader::text(const YamlEntry& entry) {
  if (!is_scalar(entry.value, entry.path)) return std::nullopt;
  auto expanded = expand(entry.value.Scalar(), environment_, files_, directory_);
  if (const auto* error = std::get_if<ValueError>(&expanded)) {
    problem(entry, error->message);
    return std::nullopt;
  }
  return std::get<std::string>(std::move(expanded));
}

std::optional<SourceText> YamlReader::sql(const YamlEntry& entry) {
  if (!is_scalar(entry.value, entry.path)) return std::nullopt;
  if (entry.value.Tag() == kPlainTag) {
    problem(entry,
            "write the SQL in quotes or as a block (`|`): YAML cuts a plain text at ` #` without a "
            "word");
    return std::nullopt;
  }
  return verbatim(entry);
}

std::optional<SourceText> YamlReader::verbatim(const YamlEntry& entry) {
  if (!is_scalar(entry.value, entry.path)) return std::nullopt;
  return SourceText{entry.value.Scalar(), text_mark(entry.value)};
}

std::vector<SourceText> YamlReader::list(const YamlEntry& entry) {
  std::vector<SourceText> result;
  if (!entry.value.IsSequence()) {
    problem(entry, "write a list, `[first, second]`, not " + kind_of(entry.value));
    return result;
  }
  for (const auto& member : entry.value) {
    const YamlEntry one{entry.key, entry.path, entry.key_mark, member};
    if (auto given = text(one)) result.push_back({std::move(*given), mark(member)});
  }
  return result;
}

SourceMark YamlReader::mark(const YAML::Node& node) const {
  const YAML::Mark place = node.Mark();
  return {file_, place.line + 1, place.column + 1};
}

void YamlReader::problem(const SourceMark& place, std::string message) {
  problems_.push_back({place, std::move(message)});
}

void YamlReader::problem(const YamlEntry& entry, const std::string& message) {
  problem(mark(entry.value), '`' + escaped(entry.path) + "`: " + message);
}

std::string_view YamlReader::line(int number) const {
  const auto index = static_cast<std::size_t>(number);
  return number < 0 || index >= lines_.size() ? std::string_view() : lines_[index];
}

// yaml-cpp takes the end of the file for a missing end quote.
bool YamlReader::ends(const YAML::Node& node) const {
  const YAML::Mark place = node.Mark();
  const std::string_view start = line(place.line);
  const auto column = static_cast<std::size_t>(place.column);
  if (place.column < 0 || column >= start.size()) return true;
  const char quote = start[column];
  if (node.Tag() != kQuotedTag || (quote != '"' && quote != '\'')) return true;
  auto at = static_cast<std::size_t>(start.data() - text_.data()) + column + 1;
  for (; at < text_.size(); ++at) {
    if (text_[at] == '\\' && quote == '"') {
      ++at;
    } else if (text_[at] == quote) {
      if (quote == '"' || at + 1 >= text_.size() || text_[at + 1] != quote) return true;
      ++at;
    }
  }
  return false;
}

// The place of a scalar's text: exact where the file holds it as it is.
SourceMark YamlReader::text_mark(const YAML::Node& node) const {
  SourceMark place = mark(node);
  place.inexact = true;
  const std::string& text = node.Scalar();
  const std::string_view start = line(place.line - 1);
  const auto column = static_cast<std::size_t>(place.column - 1);
  if (column >= start.size()) return place;
  const char style = start[column];
  if (style == '|') {
    const auto [number, first] = first_full_line(text);
    const std::string_view raw = line(place.line + number);
    if (!first.empty() && raw.ends_with(first) &&
        leading_spaces(raw) >= raw.size() - first.size()) {
      place.column = static_cast<int>(raw.size() - first.size()) + 1;
      place.block = true;
      place.inexact = false;
    }
  } else if (style == '"' || style == '\'') {
    const std::string_view inside = start.substr(column + 1);
    if (inside.starts_with(text) && inside.substr(text.size()).starts_with(style)) {
      ++place.column;
      place.inexact = false;
    }
  } else if (start.substr(column).starts_with(text)) {
    place.inexact = false;
  }
  return place;
}

}  // namespace parallax::proxy
