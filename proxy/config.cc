#include "proxy/config.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <tuple>

#include "proxy/config_draft.h"
#include "proxy/expand.h"
#include "proxy/text.h"
#include "proxy/value_parsers.h"

namespace parallax::proxy {
namespace {

using shadow::ConfigProblem;
using shadow::SourceMark;
using shadow::SourceText;

// Reads the main file and what it includes into one draft, then holds the parts against each other.
class Loader {
 public:
  Loader(std::string file, const Environment& environment, const FileSource& files)
      : file_(std::move(file)), environment_(environment), files_(files) {}

  ConfigOrProblems load(const std::string& text);

 private:
  void problem(const SourceMark& place, std::string message) {
    problems_.push_back({place, std::move(message)});
  }
  SourceMark given(const std::string& path) const;
  void include(const SourceText& pattern);
  void include_file(const SourceText& pattern, const std::string& path);
  const ServerParts* first_upstream() const;
  void check_addresses();
  void check_login();
  void check_admin();
  Config finish();
  void sort_problems();

  std::string file_;
  const Environment& environment_;
  const FileSource& files_;
  Problems problems_;
  ConfigDraft draft_;
  std::vector<std::string> read_files_;  // in order
  std::vector<std::string> patterns_;    // of all files
};

SourceMark Loader::given(const std::string& path) const {
  const auto found = draft_.given.find(path);
  return found == draft_.given.end() ? SourceMark{file_, 1, 1} : found->second;
}

ConfigOrProblems Loader::load(const std::string& text) {
  read_files_.push_back(file_);
  patterns_.push_back(file_);
  YamlReader reader(file_, text, environment_, files_, problems_);
  if (const auto top = reader.parse()) {
    read_sections(reader, *top, draft_);
    for (const SourceText& pattern : draft_.include) include(pattern);
    check_listeners(draft_, problems_);
    check_addresses();
    check_login();
    check_admin();
  }
  if (problems_.empty()) return finish();
  sort_problems();
  return std::move(problems_);
}

void Loader::include(const SourceText& pattern) {
  const std::string directory = std::filesystem::path(file_).parent_path().string();
  patterns_.push_back(path_from(directory, pattern.text));
  const auto matches = files_.matches(patterns_.back());
  if (matches.empty()) {
    problem(pattern.mark, "no file matches " + quoted_value(pattern.text));
  }
  for (const std::string& path : matches) include_file(pattern, path);
}

void Loader::include_file(const SourceText& pattern, const std::string& path) {
  const auto same = [&](const std::string& other) {
    return std::filesystem::path(other).lexically_normal() ==
           std::filesystem::path(path).lexically_normal();
  };
  if (same(file_)) return problem(pattern.mark, "the file includes itself");
  if (std::any_of(read_files_.begin(), read_files_.end(), same)) return;  // by two patterns: once
  if (read_files_.size() > kIncludedFilesMax) {
    return problem(pattern.mark,
                   "more than " + std::to_string(kIncludedFilesMax) + " files are included");
  }
  read_files_.push_back(path);
  const auto text = files_.read(path);
  if (const auto* failed = std::get_if<FileError>(&text)) {
    return problem(pattern.mark, "cannot read " + escaped(path) + ": " + failed->reason);
  }
  YamlReader reader(path, std::get<std::string>(text), environment_, files_, problems_);
  const auto top = reader.parse();
  if (!top) return;
  reader.each(*top, "", [&](const YamlEntry& entry) {
    if (entry.key == "rules") return read_rules(reader, entry, draft_);
    reader.problem(entry.key_mark, "unknown key `" + escaped(entry.key) +
                                       "`: an included file holds `rules` and nothing else");
  });
}

const ServerParts* Loader::first_upstream() const {
  const auto& listeners = draft_.listeners;
  return listeners.empty() || !listeners.front().upstream ? nullptr : &*listeners.front().upstream;
}

void Loader::check_addresses() {
  const auto& draft = draft_;
  for (const DraftListener& listener : draft.listeners) {
    if (!listener.listen || first_upstream() == nullptr) continue;
    const HostPort shadow = host_port(shadow_parts(*first_upstream(), draft.shadow));
    if (draft.given.contains("shadow.url") && reaches(*listener.listen, shadow)) {
      problem(given("shadow.url"), "`shadow.url` is the own `" + listener.path +
                                       "listen` address, " + listen_text(*listener.listen) +
                                       ": replays would come back to Parallax");
    }
  }
  const auto clash = [&](const std::optional<HostPort>& one, const char* one_path,
                         const std::optional<HostPort>& other, const std::string& other_path) {
    if (one && other && (reaches(*one, *other) || reaches(*other, *one))) {
      problem(given(one_path),
              '`' + std::string(one_path) + "` is the same address as `" + other_path + '`');
    }
  };
  for (const DraftListener& listener : draft.listeners) {
    clash(draft.metrics, "metrics.listen", listener.listen, listener.path + "listen");
    clash(draft.admin, "admin.listen", listener.listen, listener.path + "listen");
  }
  clash(draft.admin, "admin.listen", draft.metrics, "metrics.listen");
}

// Replays need a login; without rules nothing is replayed. With mode off too: the switch may turn
// them on.
void Loader::check_login() {
  if (draft_.rules.empty() || first_upstream() == nullptr) return;
  const ServerParts parts = shadow_parts(*first_upstream(), draft_.shadow);
  const bool user = parts.contains("user");
  const bool database = parts.contains("dbname");
  if (user && database) return;
  const char* what = user ? "a database" : database ? "a user" : "a user and a database";
  const auto& upstream = draft_.listeners.front().given.at("upstream");
  problem(draft_.given.contains("shadow.url") ? given("shadow.url") : upstream,
          std::string("the rules need ") + what +
              ": write it in `shadow.url` or `upstream`, "
              "`postgresql://user@host:5432/database`");
}

// Who reaches it may turn comparisons off.
void Loader::check_admin() {
  if (!draft_.admin || is_loopback(draft_.admin->host) || draft_.given.contains("admin.token"))
    return;
  problem(given("admin.listen"),
          "`admin.listen`: is not a loopback address, so it needs a token: write `admin: {token: "
          "'${file:/run/secrets/parallax-token}'}`, or listen on `127.0.0.1:9188`");
}

Config Loader::finish() {
  Config config = std::move(draft_.config);
  config.files = std::move(patterns_);
  for (const DraftListener& listener : draft_.listeners) {
    config.listeners.push_back(finished(listener));
  }
  if (draft_.metrics) config.metrics_listen = listen_text(*draft_.metrics);
  if (draft_.admin) config.admin_listen = listen_text(*draft_.admin);
  for (auto& [key, value] : shadow_parts(*first_upstream(), draft_.shadow)) {
    config.shadow.conninfo.emplace(key, value);
  }
  for (DraftRule& rule : draft_.rules) {
    rule.source.sample = rule.sample.value_or(config.sample);
    config.rules.push_back(std::move(rule.source));
  }
  return config;
}

void Loader::sort_problems() {
  const auto order = [&](const ConfigProblem& one) {
    const auto file = std::find(read_files_.begin(), read_files_.end(), one.mark.file);
    return std::tuple(file - read_files_.begin(), one.mark.line, one.mark.column);
  };
  std::stable_sort(problems_.begin(), problems_.end(),
                   [&](const auto& a, const auto& b) { return order(a) < order(b); });
}

}  // namespace

ConfigOrProblems parse_config(const std::string& text, const std::string& file,
                              const Environment& environment, const FileSource& files) {
  return Loader(file, environment, files).load(text);
}

ConfigOrProblems load_config(const std::string& path, const Environment& environment) {
  const FileSource files = file_system();
  const auto text = files.read(path);
  if (const auto* failed = std::get_if<FileError>(&text)) {
    return std::vector<ConfigProblem>{{{path, 1, 1}, "cannot read the file: " + failed->reason}};
  }
  return parse_config(std::get<std::string>(text), path, environment, files);
}

std::optional<std::string> enable_dev(Config& config) {
  for (const ListenerConfig& listener : config.listeners) {
    if (is_local(listener.listen.host)) continue;
    return "--dev shows values, so it listens on loopback only: write `listen: 127.0.0.1:" +
           std::to_string(listener.listen.port) + "`, not `" + listen_text(listener.listen) + '`';
  }
  config.shadow.dev = true;
  config.shadow.keep_values = true;
  config.sample = 1;
  for (auto& rule : config.rules) rule.sample = 1;
  return std::nullopt;
}

}  // namespace parallax::proxy
