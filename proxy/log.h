#pragma once

// The log: one line of text for each event on stderr,
//   2026-11-24T22:49:33.123Z info session=12 message
// or, as an object,
//   {"ts":"2026-11-24T22:49:33.123Z","level":"info","message":"message","session":"12"}
// Lines are written by a thread of their own from a bounded queue: a stalled stderr never stops a
// session; when the queue is full the oldest lines are lost, and their number is told. No values,
// parameters or SQL of clients go here.

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace parallax::proxy {

enum class LogLevel { error, warn, info, debug };
std::string_view name(LogLevel level);
// "error", "warn", "info" or "debug".
std::optional<LogLevel> log_level(std::string_view text);

// key=value before the message. Values with spaces, quotes or `=` are quoted.
struct LogField {
  std::string_view key;
  std::string value;
};

enum class LogFormat { text, json };

inline constexpr std::size_t kLogQueueLines = 8192;

class Log {
 public:
  // To stderr, by a thread of its own.
  explicit Log(LogLevel level, LogFormat format = LogFormat::text);
  // At once.
  Log(LogLevel level, std::ostream& out, LogFormat format = LogFormat::text);
  ~Log();  // writes what is queued
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Thread-safe; does not wait for the output; never throws. Control characters are escaped, so one
  // call is one line.
  void write(LogLevel level, std::string_view message) noexcept { write(level, {}, message); }
  void write(LogLevel level, std::initializer_list<LogField> fields,
             std::string_view message) noexcept;

  bool writes(LogLevel level) const { return level <= level_.load(std::memory_order_relaxed); }
  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }

 private:
  struct Impl;
  std::atomic<LogLevel> level_;
  LogFormat format_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parallax::proxy
