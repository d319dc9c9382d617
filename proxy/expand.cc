#include "proxy/expand.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

#include "proxy/text.h"

namespace parallax::proxy {
namespace {

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
  };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return letter(c) || std::isdigit(static_cast<unsigned char>(c));
         });
}

Parsed<std::string> file_text(const std::string& path, const FileSource& files) {
  auto text = files.read(path);
  if (const auto* failed = std::get_if<FileError>(&text)) {
    return ValueError{"cannot read the file " + escaped(path) + ": " + failed->reason};
  }
  std::string& value = std::get<std::string>(text);
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return std::move(value);
}

// The inside of one `${...}`.
Parsed<std::string> reference(std::string_view inside, const Environment& environment,
                              const FileSource& files, const std::string& directory) {
  constexpr std::string_view kFilePrefix = "file:";
  if (inside.starts_with(kFilePrefix)) {
    return file_text(path_from(directory, std::string(inside.substr(kFilePrefix.size()))), files);
  }
  const auto split = inside.find(":-");
  const std::string name(inside.substr(0, split));
  if (!is_variable_name(name)) {
    return ValueError{"write `${NAME}`, `${NAME:-default}` or `${file:/path}`, not " +
                      quoted_value("${" + std::string(inside) + "}")};
  }
  auto value = environment(name);
  if (split != std::string_view::npos) {
    if (!value || value->empty()) return std::string(inside.substr(split + 2));
  } else if (!value) {
    return ValueError{"the environment variable " + name +
                      " is not set; set it or write a default: `${" + name + ":-default}`"};
  }
  return std::move(*value);
}

}  // namespace

Parsed<std::string> expand(std::string_view text, const Environment& environment,
                           const FileSource& files, const std::string& directory) {
  std::string out;
  while (true) {
    const auto start = text.find("${");
    out.append(text.substr(0, start));
    if (start == std::string_view::npos) return out;
    const auto end = text.find('}', start);
    if (end == std::string_view::npos) return ValueError{"`${` without its `}`"};
    auto part = reference(text.substr(start + 2, end - start - 2), environment, files, directory);
    if (auto* error = std::get_if<ValueError>(&part)) return std::move(*error);
    out.append(std::get<std::string>(part));
    text.remove_prefix(end + 1);
  }
}

std::string path_from(const std::string& directory, const std::string& path) {
  return (std::filesystem::path(directory) / path).string();  // an absolute path stays as it is
}

}  // namespace parallax::proxy
