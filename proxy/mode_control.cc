#include "proxy/mode_control.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <utility>
#include <variant>

namespace parallax::proxy {
namespace {

using shadow::Mode;

constexpr std::array<std::string_view, 4> kNo = {"false", "0", "off", "no"};
constexpr std::array<std::string_view, 4> kYes = {"true", "1", "on", "yes"};

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

std::string told(const SwitchRecord& record) {
  return "mode " + std::string(name(record.mode)) + " by the switch since " + record.since +
         ", by " + record.by;
}

}  // namespace

std::optional<bool> validate_queries(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  if (std::ranges::find(kNo, lower) != kNo.end()) return false;
  if (std::ranges::find(kYes, lower) != kYes.end()) return true;
  return std::nullopt;
}

ModeControl::ModeControl(Mode configured, const StateDir* state, Log& log,
                         std::function<void()> changed)
    : state_dir_(state), log_(log), changed_(std::move(changed)), configured_(configured) {}

void ModeControl::adopt(SwitchRecord record) {
  const std::lock_guard lock(mutex_);
  switch_.set(record.mode);
  override_ = std::move(record);
}

void ModeControl::begin(const std::optional<std::string>& validate) {
  if (state_dir_ != nullptr) {
    auto kept = state_dir_->read_switch();
    if (const auto* problem = std::get_if<std::string>(&kept)) {
      adopt({Mode::off, utc_now(), "the state directory"});
      log_.write(LogLevel::warn,
                 "the switch in `state_dir` cannot be read, so the mode is off: " + *problem);
    } else if (auto& record = std::get<std::optional<SwitchRecord>>(kept)) {
      log_.write(LogLevel::warn, told(*record));
      adopt(std::move(*record));
    }
    begin_run();
  }
  if (!validate || validate->empty()) return;
  const auto on = validate_queries(*validate);
  if (!on) {
    log_.write(LogLevel::warn,
               "VALIDATE_QUERIES in the environment is neither true nor false: it is ignored");
  } else if (!*on) {
    adopt({Mode::off, utc_now(), "VALIDATE_QUERIES"});
    log_.write(LogLevel::warn,
               "mode off by VALIDATE_QUERIES in the environment; not kept over a restart");
  }
}

void ModeControl::begin_run() {
  const auto begun = state_dir_->begin_run();
  if (const auto* problem = std::get_if<std::string>(&begun)) {
    log_.write(LogLevel::error, "`state_dir`: this run cannot be noted: " + *problem);
    return;
  }
  const auto unclean = std::get<unsigned>(begun);
  if (unclean == 0) return;
  log_.write(LogLevel::warn, {{"unclean", std::to_string(unclean)}},
             "the last run has not ended cleanly");
  // It has been tried, and whoever sets the switch again may try again.
  if (unclean >= kUncleanRunsMax && switch_.overridden() != Mode::off)
    set(Mode::off, "unclean ends of " + std::to_string(unclean) + " runs");
}

// What is set now, so that of two at a time the later one is kept.
std::string ModeControl::keep(bool forget_unclean_runs) {
  if (state_dir_ == nullptr) return "there is no `state_dir`, so it ends with this process";
  const std::lock_guard lock(disk_mutex_);
  const auto problem = state_dir_->keep_switch(state().override);
  if (forget_unclean_runs) state_dir_->forget_unclean_runs();
  return problem.empty() ? problem : "it cannot be kept over a restart: " + problem;
}

std::string ModeControl::set(std::optional<Mode> mode, const std::string& by) {
  {
    const std::lock_guard lock(mutex_);
    switch_.set(mode);
    override_.reset();
    if (mode) override_ = SwitchRecord{*mode, utc_now(), by};
  }
  // Clients whose answer is held do not wait for the disk either.
  changed_();
  std::string problem = keep(mode != Mode::off);
  const std::string set_to = mode ? std::string(name(*mode)) : "configured";
  log_.write(LogLevel::warn, {{"mode", set_to}, {"by", by}},
             "the switch was set" + (problem.empty() ? "" : "; " + problem));
  return problem;
}

void ModeControl::configured(shadow::Mode mode) {
  const std::lock_guard lock(mutex_);
  configured_ = mode;
}

ModeControl::State ModeControl::state() const {
  const std::lock_guard lock(mutex_);
  return {configured_, override_};
}

void ModeControl::lasted() {
  if (state_dir_ == nullptr) return;
  const std::lock_guard lock(disk_mutex_);
  if (const auto problem = state_dir_->forget_unclean_runs(); !problem.empty())
    log_.write(LogLevel::error, "`state_dir`: " + problem);
}

void ModeControl::end() {
  if (state_dir_ == nullptr) return;
  const std::lock_guard lock(disk_mutex_);
  if (const auto problem = state_dir_->end_run(); !problem.empty())
    log_.write(LogLevel::error, "`state_dir`: " + problem);
}

}  // namespace parallax::proxy
