// The configuration is read again, and what it brings takes the place of what runs.

#include <algorithm>
#include <ctime>
#include <exception>
#include <future>
#include <set>
#include <utility>

#include "proxy/server.h"

namespace parallax::proxy {

using metrics::Metric;

namespace {

constexpr std::chrono::milliseconds kLeaveStep{20};
// What sessions have begun gets so long to end with the rules that it began with ...
constexpr std::chrono::milliseconds kLeaveMost{2'000};
// ... and its comparison so long after that.
constexpr std::chrono::milliseconds kFinishMost{5'000};
constexpr std::chrono::milliseconds kAnswerLook{50};

double unix_time() { return static_cast<double>(std::time(nullptr)); }

// What could not be made has changed nothing, and is told like a mistake in the file.
template <typename Task>
std::vector<std::string> or_problem(const Task& task) {
  try {
    return task();
  } catch (const std::exception& error) {
    return {std::string("the configuration cannot be taken: ") + error.what()};
  }
}

std::set<std::string> rule_names(const Generation& generation) {
  std::set<std::string> names;
  for (const auto& rule : generation.rules->rules()) names.insert(rule->name);
  return names;
}

}  // namespace

void Server::reloads_from(Loader loader) { loader_ = std::move(loader); }

std::vector<std::pair<std::string, shadow::Mode>> Server::modes_by_rule() const {
  const auto generation = current();
  const auto modes = rule_modes(*generation);
  std::vector<std::pair<std::string, shadow::Mode>> all;
  for (const auto& rule : generation->rules->rules()) all.emplace_back(rule->name, modes.of(*rule));
  return all;
}

void Server::add_reload_gauges() {
  reloaded_at_ = unix_time();
  registry_->function(Metric::config_last_reload_successful, {},
                      [this] { return reload_failed_.load() ? 0.0 : 1.0; });
  registry_->function(Metric::config_last_reload_success_timestamp_seconds, {},
                      [this] { return reloaded_at_.load(); });
}

// The files of the configuration that is served, or waits to be.
void Server::watch_files() {
  if (!loader_ || !config_.shadow.dev || draining_) return;
  const auto& files = waiting_config_ ? waiting_config_->config.files : current()->config.files;
  config_watch_ = std::make_unique<ConfigWatch>(loop_, files, [this] { reload_now(); });
}

std::vector<std::string> Server::reload() {
  using Lines = std::vector<std::string>;
  const auto promise = std::make_shared<std::promise<Lines>>();
  auto answer = promise->get_future();
  if (!ready_) return {"the program is starting or ending"};
  loop_.post([this, promise] { promise->set_value(reload_now()); });
  // The main thread may be ending, and wait for the thread that asks here.
  while (answer.wait_for(kAnswerLook) != std::future_status::ready) {
    if (!ready_) return {"the program is ending"};
  }
  return answer.get();
}

std::vector<std::string> Server::reload_now() {
  auto problems = draining_ ? std::vector<std::string>{"the program is ending"}
                            : or_problem([this] { return take_config(); });
  reload_failed_ = !problems.empty();
  if (problems.empty()) reloaded_at_ = unix_time();
  for (const auto& problem : problems) log_.write(LogLevel::error, problem);
  if (problems.empty()) {
    const auto& rules = waiting_config_ ? waiting_config_->rules : current()->rules;
    log_.write(LogLevel::info, "the configuration was read again: " +
                                   std::to_string(rules->rules().size()) + " rules");
    loop_.post([this] { watch_files(); });  // this may be the watch's own call
  } else {
    log_.write(LogLevel::error, "the configuration stays as it was");
  }
  return problems;
}

std::vector<std::string> Server::take_config() {
  std::vector<std::string> lines;
  auto loaded = loader_();
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&loaded)) {
    for (const auto& problem : *problems) lines.push_back(problem.text());
    return lines;
  }
  auto& next = std::get<LoadedConfig>(loaded);
  lines = needs_restart(config_, next.config);
  if (!lines.empty()) return lines;
  if (const auto problem = open_journal(next)) return {problem->text()};
  for (const auto& problem : tls_->load(next.config)) lines.push_back(problem.text());
  if (!lines.empty()) return lines;
  for (const auto& warning : next.config.warnings) log_.write(LogLevel::warn, warning.text());
  if (former_) {
    waiting_config_ = std::move(next);  // the newest one
  } else {
    swap_generation(std::move(next));
  }
  return lines;
}

// What begins from now on belongs to the new generation. Its engine waits until the former one has
// ended, so that both together never have more connections than one may have; operations that come
// meanwhile are skipped as `unverified`.
void Server::swap_generation(LoadedConfig next) {
  auto made = make_generation(std::move(next));
  log_.set_level(log_level(made->config.log_level).value_or(LogLevel::info));
  modes_.configured(made->config.mode);
  former_ = current();
  registry_->forget_functions("rule", rule_names(*former_));
  for (const auto& rule : made->rules->rules()) add_rule_gauges(made, *rule);
  set_current(made);
  for (std::size_t i = 0; i < workers_.size(); ++i)
    workers_[i]->adopt_generation(tap_generation(made, i), made->config.limits,
                                  strict_settings(made->config));
  leave_deadline_ns_ =
      io::Loop::now_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(kLeaveMost).count());
  leave_former();
}

void Server::leave_former() {
  leave_answers_ = 0;
  all_left_ = true;
  const bool now = io::Loop::now_ns() >= leave_deadline_ns_;
  for (auto& worker : workers_) {
    worker->leave_former(now, [this](bool left) {
      loop_.post([this, left] {
        all_left_ = all_left_ && left;
        if (++leave_answers_ == workers_.size()) everybody_answered();
      });
    });
  }
}

void Server::everybody_answered() {
  if (draining_) return;
  if (all_left_) return finish_former();
  leave_timer_ = std::make_unique<io::Timer>(loop_);
  leave_timer_->start(kLeaveStep, [this] { leave_former(); });
}

// Nothing more is offered to it. It may take seconds, which the main loop does not wait for.
void Server::finish_former() {
  finisher_ = std::thread([this, former = former_] {
    if (former->engine) former->engine->finish(kFinishMost);
    if (former->journal) former->journal->stop();
    loop_.post([this] { former_finished(); });
  });
}

void Server::former_finished() {
  if (!finisher_.joinable()) return;
  finisher_.join();
  if (!former_) return;
  const auto now = current();
  auto gone = rule_names(*former_);
  for (const auto& name : rule_names(*now)) gone.erase(name);
  registry_->hide("rule", gone);
  shadow::JournalPositions positions;
  if (former_->journal) {
    journal_errors_before_ += former_->journal->errors();
    positions = former_->journal->positions();
  }
  former_.reset();
  if (draining_) return;
  start_generation(*now, std::move(positions));
  if (!waiting_config_) return;
  auto next = *std::exchange(waiting_config_, std::nullopt);
  const auto problems = or_problem([&] {
    swap_generation(std::move(next));
    return std::vector<std::string>();
  });
  if (problems.empty()) return;
  reload_failed_ = true;
  for (const auto& problem : problems) log_.write(LogLevel::error, problem);
  log_.write(LogLevel::error, "the configuration stays as it was");
  watch_files();
}

// The former one takes part in the end of the program.
void Server::end_former() {
  leave_timer_.reset();
  waiting_config_.reset();
  if (finisher_.joinable()) return former_finished();
  if (!former_) return;
  if (former_->engine) former_->engine->stop(std::chrono::milliseconds(0));
  if (former_->journal) former_->journal->stop();
}

}  // namespace parallax::proxy
