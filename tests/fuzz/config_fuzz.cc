// The configuration: any text is either a configuration or a list of problems, each a single line
// with a place; the marks of SQL lead to the very bytes in the file.

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config.h"
#include "proxy/text.h"
#include "tests/fuzz/fuzz_check.h"

namespace parallax::proxy {
namespace {

FileSource memory_files() {
  return {[](const std::string& path) -> std::variant<std::string, FileError> {
            if (path == "secret") return "postgresql://app:pw@127.0.0.1/shop\n";
            if (path == "more.yaml")
              return "rules: {included: {legacy: 'select 1', rewrite: 'select 2'}}\n";
            return FileError{"No such file or directory"};
          },
          [](const std::string& pattern) { return std::vector<std::string>{pattern}; }};
}

std::optional<std::string> variable(const std::string& name) {
  if (name == "URL") return "postgresql://app@localhost:5433/shop";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

// The byte at a place of the text; nothing behind a line's end.
std::optional<char> byte_at(std::string_view text, int line, int column) {
  for (int number = 1; number < line; ++number) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  const auto index = static_cast<std::size_t>(column - 1);
  return column >= 1 && index < text.size() ? std::optional(text[index]) : std::nullopt;
}

void check_places(std::string_view file, const shadow::SourceText& sql) {
  if (sql.mark.file != "f.yaml" || sql.mark.inexact) return;
  for (std::size_t i = 0; i < sql.text.size() && i < 2000; ++i) {
    if (sql.text[i] == '\n') continue;
    const auto mark = shadow::mark_inside(sql.mark, sql.text, i);
    FUZZ_CHECK(byte_at(file, mark.line, mark.column) == sql.text[i]);
  }
}

void check_config(std::string_view file, const Config& config) {
  FUZZ_CHECK(!config.listeners.at(0).listen.host.empty() &&
             !config.listeners.at(0).upstream.host.empty() &&
             config.listeners.at(0).upstream.port != 0);
  FUZZ_CHECK(config.sample >= 0 && config.sample <= 1);
  FUZZ_CHECK(config.shadow.pool_max >= 1 && config.limits.sessions >= 1);
  FUZZ_CHECK(config.shadow.conninfo.contains("sslmode"));
  for (const auto& rule : config.rules) {
    FUZZ_CHECK(!rule.name.text.empty() && valid_utf8(rule.name.text));
    for (const auto side : shadow::kSides) {
      const auto& statements = rule.of(side);
      FUZZ_CHECK(!statements.empty());
      for (const auto& statement : statements) {
        FUZZ_CHECK(!statement.sql.text.empty() &&
                   (statements.size() == 1 || !statement.name.empty()));
        check_places(file, statement.sql);
      }
    }
  }
}

void run(const std::string& text) {
  const auto result = parse_config(text, "f.yaml", variable, memory_files());
  if (const auto* config = std::get_if<Config>(&result)) return check_config(text, *config);
  const auto& problems = std::get<std::vector<shadow::ConfigProblem>>(result);
  FUZZ_CHECK(!problems.empty());
  for (const auto& problem : problems) {
    FUZZ_CHECK(problem.mark.line >= 1 && problem.mark.column >= 1 && !problem.message.empty());
    FUZZ_CHECK(escaped(problem.message) == problem.message);
  }
}

}  // namespace
}  // namespace parallax::proxy

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A byte order mark moves the first line's columns; an editor does not count it.
  std::string text(reinterpret_cast<const char*>(data), size);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  parallax::proxy::run(text);
  return 0;
}
