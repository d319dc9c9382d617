#include "proxy/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "proxy/text.h"

namespace parallax::proxy {
namespace {

constexpr std::array kLevels = {LogLevel::error, LogLevel::warn, LogLevel::info, LogLevel::debug};

std::string field_text(const LogField& field) {
  const bool plain = !field.value.empty() && field.value.find_first_of(" \"=") == std::string::npos;
  std::string value = escaped(field.value);
  if (!plain) {
    for (std::size_t at = value.find('"'); at != std::string::npos; at = value.find('"', at + 2)) {
      value.insert(at, 1, '\\');
    }
    value = '"' + value + '"';
  }
  return std::string(field.key) + '=' + value + ' ';
}

}  // namespace

std::string_view name(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warn:
      return "warn";
    case LogLevel::info:
      return "info";
    case LogLevel::debug:
      return "debug";
  }
  return "";
}

std::optional<LogLevel> log_level(std::string_view text) {
  for (const LogLevel level : kLevels) {
    if (name(level) == text) return level;
  }
  return std::nullopt;
}

namespace {

// After the time. escaped() leaves valid UTF-8 alone, which JSON needs.
std::string line_of(LogFormat format, LogLevel level, std::initializer_list<LogField> fields,
                    std::string_view message) {
  if (format == LogFormat::json) {
    nlohmann::ordered_json line = {{"level", name(level)}, {"message", escaped(message)}};
    for (const LogField& field : fields) line[std::string(field.key)] = escaped(field.value);
    return line.dump().substr(1);  // the pattern has begun the object
  }
  std::string line(name(level));
  line.push_back(' ');
  for (const LogField& field : fields) line.append(field_text(field));
  return line.append(escaped(message));
}

using Seconds = std::chrono::seconds::rep;  // of the steady clock
Seconds now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
}  // namespace

struct Log::Impl {
  explicit Impl(LogFormat of) : format(of) {}

  const LogFormat format;
  std::shared_ptr<spdlog::details::thread_pool> writer;  // none: lines are written at once
  std::shared_ptr<spdlog::logger> logger;
  std::atomic<std::size_t> lost_told{0};
  std::atomic<Seconds> last_told{};

  void tell_lost();
  void tell_lost_now();
};

// The level stands in the line's text, so spdlog itself lets everything through.
void prepare(spdlog::logger& logger, LogFormat format) {
  const char* pattern = format == LogFormat::json ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ",%v)"
                                                  : "%Y-%m-%dT%H:%M:%S.%eZ %v";
  logger.set_pattern(pattern, spdlog::pattern_time_type::utc);
  logger.set_level(spdlog::level::trace);
  logger.flush_on(spdlog::level::trace);
}

Log::Log(LogLevel level, LogFormat format)
    : level_(level), format_(format), impl_(std::make_unique<Impl>(format)) {
  impl_->writer = std::make_shared<spdlog::details::thread_pool>(kLogQueueLines, 1);
  impl_->logger = std::make_shared<spdlog::async_logger>(
      "parallax", std::make_shared<spdlog::sinks::stderr_sink_mt>(), impl_->writer,
      spdlog::async_overflow_policy::overrun_oldest);
  prepare(*impl_->logger, format);
}

Log::Log(LogLevel level, std::ostream& out, LogFormat format)
    : level_(level), format_(format), impl_(std::make_unique<Impl>(format)) {
  impl_->logger = std::make_shared<spdlog::logger>(
      "parallax", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  prepare(*impl_->logger, format);
}

Log::~Log() {
  if (impl_->writer) impl_->tell_lost_now();
}  // the pool's destructor writes what is queued

// At most once a second: the line about lost lines takes the place of another one.
void Log::Impl::tell_lost() {
  if (!writer) return;
  Seconds last = last_told.load(std::memory_order_relaxed);
  const Seconds current = now();
  if (last != current && last_told.compare_exchange_strong(last, current)) tell_lost_now();
}

void Log::Impl::tell_lost_now() {
  const std::size_t lost = writer->overrun_counter();
  const std::size_t told = lost_told.exchange(lost);
  if (lost > told) {
    const auto line =
        line_of(format, LogLevel::warn, {},
                std::to_string(lost - told) + " log lines were lost: the output is too slow");
    logger->log(spdlog::level::warn, spdlog::string_view_t(line));
  }
}

void Log::write(LogLevel level, std::initializer_list<LogField> fields,
                std::string_view message) noexcept {
  if (!writes(level)) return;
  try {
    const auto line = line_of(format_, level, fields, message);
    impl_->logger->log(spdlog::level::info, spdlog::string_view_t(line));
    impl_->tell_lost();
  } catch (const std::exception&) {
    return;  // out of memory: a log line is worth less than the program
  }
}

}  // namespace parallax::proxy
