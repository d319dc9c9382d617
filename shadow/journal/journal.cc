#include "shadow/journal/journal.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "shadow/journal/journal_book.h"

namespace parallax::shadow {
namespace {

// How often the thread looks whether its file is still where it should be.
constexpr std::chrono::seconds kFileCheck{1};
constexpr std::chrono::minutes kTellEvery{1};

JournalTime now() { return std::chrono::system_clock::now(); }

}  // namespace

struct Journal::Impl {
  using Lines = std::deque<std::string>;

  Impl(Settings given, std::shared_ptr<const RuleSet> rules, const ShadowMetrics& metrics,
       const metrics::Registry& registry)
      : settings(std::move(given)),
        book(settings.options, std::move(rules), metrics, registry, now(), settings.before) {}

  void hear(const Outcome& outcome);
  void push(std::string line);
  void run();
  std::optional<Lines> take(JournalTime until);
  void write(const Lines& lines);
  void write_summaries();
  void failed(std::uint64_t lines, const std::string& why);
  void tell_failures();
  JournalTime next_summary() const;

  Settings settings;
  std::mutex mutex;
  std::condition_variable wake;
  JournalBook book;           // under the mutex
  Lines waiting;              // under the mutex
  std::size_t bytes = 0;      // of those
  std::uint64_t refused = 0;  // under the mutex: the queue was full
  bool stopping = false;      // under the mutex
  std::atomic<std::uint64_t> errors{0};
  // The journal's thread alone:
  std::uint64_t untold = 0;  // lost lines
  std::string reason;        // why the last one was lost
  std::optional<std::chrono::steady_clock::time_point> told;
  std::thread thread;
};

void Journal::Impl::hear(const Outcome& outcome) {
  const std::lock_guard lock(mutex);
  auto line = book.heard(outcome, now());
  if (!line) return;
  if (outcome.end != decltype(Outcome::end)(Verdict::match)) {
    if (auto plans = book.due_plans(*outcome.rule, now())) push(*std::move(plans));
  }
  push(*std::move(line));
}

void Journal::Impl::push(std::string line) {
  if (bytes + line.size() > settings.queue_bytes) {
    ++refused;
    errors.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  bytes += line.size();
  waiting.push_back(std::move(line));
  wake.notify_one();
}

// On whole minutes of the clock, so that summaries of several instances lie side by side.
JournalTime Journal::Impl::next_summary() const {
  const auto period = std::chrono::duration_cast<JournalTime::duration>(settings.period);
  return JournalTime(now().time_since_epoch() / period * period + period);
}

void Journal::Impl::run() {
  auto summary_at = next_summary();
  while (auto lines = take(summary_at)) {
    settings.file->check();
    write(*lines);
    // Also when the clock was set back by more than a period.
    if (now() >= summary_at || next_summary() < summary_at) {
      write_summaries();
      summary_at = next_summary();
    }
    tell_failures();
  }
  write_summaries();
  told.reset();
  tell_failures();
}

// Lines to write, perhaps none: waits until there are some, or until the time. Nothing: the end.
std::optional<Journal::Impl::Lines> Journal::Impl::take(JournalTime until) {
  std::unique_lock lock(mutex);
  const auto most = std::chrono::duration_cast<std::chrono::nanoseconds>(until - now());
  wake.wait_for(lock, std::min<std::chrono::nanoseconds>(most, kFileCheck),
                [this] { return stopping || !waiting.empty(); });
  if (const auto full = std::exchange(refused, 0); full != 0) {
    untold += full;
    reason = "more lines than the disk takes";
  }
  if (stopping && waiting.empty()) return std::nullopt;
  bytes = 0;
  return std::exchange(waiting, {});
}

void Journal::Impl::write(const Lines& lines) {
  for (const auto& line : lines) {
    if (const auto error = settings.file->append(line); !error.empty()) failed(1, error);
  }
}

// What could not be written is part of the next summary.
void Journal::Impl::write_summaries() {
  std::unique_lock lock(mutex);
  const auto summaries = book.summaries(now());
  lock.unlock();
  for (const auto& summary : summaries) {
    const auto error = settings.file->append(summary.line);
    if (!error.empty()) failed(0, error);
    lock.lock();
    if (error.empty()) {
      book.written(summary);
    } else {
      book.given_back(summary);
    }
    lock.unlock();
  }
  if (const auto error = settings.file->sync(); !error.empty()) failed(0, error);
}

void Journal::Impl::failed(std::uint64_t lines, const std::string& why) {
  errors.fetch_add(1, std::memory_order_relaxed);
  untold += lines;
  reason = why;
}

void Journal::Impl::tell_failures() {
  if (reason.empty()) return;
  const auto time = std::chrono::steady_clock::now();
  if (told && time - *told < kTellEvery) return;
  told = time;
  settings.tell("journal: " + settings.file->path() + ": " + std::exchange(reason, {}) + "; " +
                std::to_string(std::exchange(untold, 0)) + " lines were lost");
}

Journal::Journal(Settings settings, std::shared_ptr<const RuleSet> rules,
                 const ShadowMetrics& metrics, const metrics::Registry& registry)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(rules), metrics, registry)) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

Journal::~Journal() { stop(); }

void Journal::stop() {
  if (!impl_->thread.joinable()) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_one();
  impl_->thread.join();
}

JournalPositions Journal::positions() const { return impl_->book.positions(); }

std::uint64_t Journal::errors() const { return impl_->errors.load(std::memory_order_relaxed); }

void Journal::outcome(const Outcome& outcome) { impl_->hear(outcome); }

void Journal::rule_state(const Rule& rule, RuleState state, const std::string&) {
  const std::lock_guard lock(impl_->mutex);
  if (auto line = impl_->book.state(rule, state, now())) impl_->push(*std::move(line));
}

void Journal::plans(const Rule& rule, const RulePlans& plans) {
  const std::lock_guard lock(impl_->mutex);
  impl_->book.planned(rule, plans);
}

}  // namespace parallax::shadow
