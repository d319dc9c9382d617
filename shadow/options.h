#pragma once

// Settings of the shadow side; each with its key in the configuration. Public face of shadow/.

#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>

namespace parallax::shadow {

// Whose rights a replay has: `shadow.identity`.
enum class Identity {
  same_user,  // sessions of the shadow's own user only
  set_role    // the shadow's user takes the role of each session's user
};

// `strict:`. What becomes of a statement whose answer is held, when there is no verdict.
struct StrictOptions {
  bool fail_uncompared = true;               // strict.uncompared: fail | allow
  std::chrono::milliseconds timeout{5'000};  // strict.timeout
  bool fail_on_timeout = true;               // strict.on_timeout: fail | allow
};

// `shadow.governor`. When clients pay for the shadow, its load is taken back by itself.
struct GovernorOptions {
  bool enabled = true;                       // shadow.governor.enabled
  double live_latency = 1.25;                // .live_latency: of what clients wait without replays
  std::chrono::milliseconds pool_wait{500};  // .pool_wait: of a replay for its connection
  double connections = 0.85;                 // .connections: of those that the server may have
  std::chrono::milliseconds interval{500};   // .interval: between two looks
};

struct Options {
  // libpq keywords of the shadow server (host, port, user, password, dbname, sslmode, ...); from
  // shadow.url, default the upstream URL.
  std::map<std::string, std::string> conninfo;
  // One of them; empty where it is not given.
  std::string keyword(const std::string& name) const {
    const auto found = conninfo.find(name);
    return found == conninfo.end() ? std::string() : found->second;
  }
  std::size_t pool_max = 4;                            // shadow.pool.max
  std::chrono::milliseconds idle_timeout{20'000};      // shadow.pool.idle_timeout
  std::chrono::milliseconds connect_timeout{10'000};   // shadow.pool.connect_timeout
  std::chrono::milliseconds statement_timeout{2'000};  // shadow.statement_timeout
  std::chrono::milliseconds window{
      2'000};  // shadow.window: an operation's statements arrive within
  std::chrono::milliseconds lock_timeout{100};               // shadow.lock_timeout
  std::size_t queue_jobs = 1024;                             // shadow.queue.max_jobs
  std::size_t queue_bytes = std::size_t{64} * 1024 * 1024;   // shadow.queue.max_bytes
  std::size_t capture_bytes = std::size_t{8} * 1024 * 1024;  // shadow.capture.max_bytes, per result
  Identity identity = Identity::same_user;                   // shadow.identity
  StrictOptions strict;
  GovernorOptions governor;
  bool dev = false;          // --dev: print values and uncovered statements
  bool keep_values = false;  // --dev and the journal: outcomes carry values
  // Of the process, in the journal's ids; empty without a journal.
  std::string instance;
  bool generic_plans = false;  // the journal: verification explains both sides
  // shadow.safe_functions: functions outside pg_catalog, `name` or `schema.name`, that the operator
  // vouches for: they change nothing and do not make a replay differ.
  std::set<std::string> safe_functions;
};

}  // namespace parallax::shadow
