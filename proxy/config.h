#pragma once

// The configuration file: YAML, read whole, validated whole, refused whole.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/io/tls_context.h"
#include "shadow/journal/options.h"
#include "shadow/mode.h"
#include "shadow/options.h"
#include "shadow/rule_source.h"

namespace parallax::proxy {

struct HostPort {
  std::string host;  // name, numeric address, or directory of a Unix socket (leading '/')
  std::uint16_t port = 0;
};

enum class TlsMode {
  disable,  // SSLRequest is answered `N`
  allow,    // as the client wishes
  require   // plain sessions are refused
};

// `tls:` of a listener.
struct ListenerTls {
  TlsMode mode = TlsMode::disable;
  std::string certificate_file;  // both empty: `self_signed: true`
  std::string key_file;
  shadow::SourceMark mark = {};
};

// `auth:` of a listener; see AuthRelay.
enum class AuthMode { passthrough, password };

struct ListenerConfig {
  std::string name;  // for logs and metrics
  HostPort listen;
  ListenerTls tls;
  AuthMode auth = AuthMode::passthrough;
  HostPort upstream;
  std::string upstream_url;  // for messages: made again from its parts, without password
  std::optional<io::TlsClientOptions> upstream_tls;  // nothing: sslmode=disable
  shadow::SourceMark upstream_mark = {};
};

struct Limits {                                              // each is a key under `limits:`
  std::chrono::milliseconds startup_timeout{10'000};         // until the startup packet is complete
  std::chrono::milliseconds authentication_timeout{60'000};  // until AuthenticationOk
  std::chrono::milliseconds connect_timeout{10'000};         // to the upstream
  std::chrono::milliseconds drain_timeout{30'000};           // after SIGTERM
  std::size_t unauthenticated_sessions = 1000;
  std::size_t sessions = 10'000;
  std::size_t auth_failures = 5;  // a minute, of one user from one address; see AuthThrottle
};

struct JournalConfig {
  shadow::JournalOptions options;
  shadow::SourceMark path_mark;
};

struct StateDirConfig {
  std::string path;
  shadow::SourceMark mark;
};

struct Config {
  std::vector<ListenerConfig> listeners;     // one at least
  std::size_t workers = 0;                   // 0 = one for each core
  shadow::Mode mode = shadow::Mode::shadow;  // of rules without a mode of their own
  double sample = 1.0;                       // default of the rules
  shadow::Options shadow;
  std::optional<std::string> metrics_listen;
  std::optional<std::string> admin_listen;
  std::string admin_token;               // empty: none is asked for
  std::vector<std::string> admin_hosts;  // more names of the admin listener
  std::optional<JournalConfig> journal;
  std::optional<StateDirConfig> state_dir;
  std::string log_level = "info";  // error | warn | info | debug
  bool log_json = false;
  Limits limits;
  std::vector<shadow::RuleSource> rules;
  std::vector<std::string> files;  // it is made of: its own path, and paths or patterns of others
  // Worth telling and no reason to refuse: parts of the upstream URL that are not used; of rules,
  // what RuleSet::warnings() says.
  std::vector<shadow::ConfigProblem> warnings;
};

using Environment = std::function<std::optional<std::string>(const std::string&)>;
Environment process_environment();

struct FileError {
  std::string reason;  // "No such file or directory"
};
// Where files come from: load_config gives the file system, tests and fuzzing give memory.
struct FileSource {
  // The whole text, or why it cannot be read.
  std::function<std::variant<std::string, FileError>(const std::string& path)> read;
  // The files that a path or glob pattern names, sorted.
  std::function<std::vector<std::string>(const std::string& pattern)> matches;
};
FileSource file_system();
inline constexpr std::size_t kConfigFileBytesMax = std::size_t{16} * 1024 * 1024;  // each file
inline constexpr std::size_t kIncludedFilesMax = 1000;

using ConfigOrProblems = std::variant<Config, std::vector<shadow::ConfigProblem>>;

// Reads `path` and the files of its `include:`. All problems found, sorted by place, or the whole
// configuration. Rules are read but not compiled (shadow::RuleSet::compile does that). No problem
// quotes a password.
ConfigOrProblems load_config(const std::string& path, const Environment& environment);

// The same for a text that is already read; `file` is its name in messages, and the place that
// relative paths start from.
ConfigOrProblems parse_config(const std::string& text, const std::string& file,
                              const Environment& environment, const FileSource& files);

// --dev: everything is shadowed, values are shown. Nothing, or why not: the listeners must be on
// loopback or Unix sockets.
std::optional<std::string> enable_dev(Config& config);

}  // namespace parallax::proxy
