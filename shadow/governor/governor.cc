#include "shadow/governor/governor.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace parallax::shadow {

namespace {

constexpr double kCostKept = 0.8;       // from one interval to the next
constexpr double kCostliestPart = 0.6;  // of all replays' time
constexpr double kCalmPressure = 0.5;   // of waits: below it load is given back
constexpr double kOthersKept = 0.9;
constexpr double kOthersKeptRisen = 0.98;  // a rise that stays is the new baseline in the end
constexpr double kNearlyFull = 0.9;        // of the limit

}  // namespace

std::string_view name(Sign sign) {
  switch (sign) {
    case Sign::live_latency:
      return "live_latency";
    case Sign::pool_wait:
      return "pool_wait";
    case Sign::connections:
      return "connections";
  }
  return "";
}

double Governor::Judged::ratio() const { return weight == 0 ? 1 : std::exp2(log_sum / weight); }

Governor::Governor(std::size_t rules, std::size_t connections, const GovernorOptions& options)
    : options_(options),
      connections_max_(static_cast<double>(connections)),
      rules_(rules),
      replays_(1 / connections_max_),
      pool_(1 / connections_max_) {}

void Governor::lived(std::size_t rule, Side side, double seconds, bool quiet) {
  auto& pair = rules_[rule].latencies[static_cast<std::size_t>(side)];
  pair.came();
  if (quiet) pair.quiet(seconds, now_);
  if (!made_quiet_) return pair.lately(seconds, now_);
  if (quiet && std::ranges::find(unsettled_, &pair) != unsettled_.end()) ++seen_in_quiet_;
}

void Governor::set_quiet(bool quiet) {
  made_quiet_ = quiet;
  seen_in_quiet_ = 0;
}

void Governor::waited(double seconds) {
  ++waits_;
  wait_seconds_ += seconds;
}

void Governor::replayed(std::size_t rule, double seconds) {
  rules_[rule].replay_seconds += seconds;
}

void Governor::connections(double used, double available, double own) {
  heard_ = Connections{used, available, own};
}

std::vector<GovernorStep> Governor::interval() {
  ++now_;
  follow_latencies();
  follow_waits();
  follow_connections();
  give_back();
  for (auto& rule : rules_) rule.replay_seconds *= kCostKept;
  return std::exchange(steps_, {});
}

std::size_t Governor::at_once(const Throttle& throttle) const {
  return static_cast<std::size_t>(std::max(1.0, std::round(throttle.share() * connections_max_)));
}

bool Governor::wants_quiet() const {
  return std::ranges::any_of(unsettled_, [this](const LatencyPair* pair) {
    return !pair->has_baseline(now_, kBaselineOld);
  });
}

double Governor::quiet_statement_seconds() const {
  double longest = 0;
  for (const auto* pair : unsettled_) longest = std::max(longest, pair->usual_seconds());
  return longest;
}

void Governor::look(LatencyPair& pair, OfRule& rule, Judged& judged) {
  const bool suspected = pair.suspected().has_value();
  if (suspected && *pair.suspected() + kLatelyMost < now_) return pair.settle();
  if (!pair.judgeable() && !suspected) {
    if (pair.since() + kLatelyMost < now_) pair.forget_lately();
    return;
  }
  if (!pair.has_baseline(now_, kBaselineOld)) {
    // What comes so rarely is not worth that others wait for it.
    if (pair.since() + kRare < now_ && !suspected) return pair.forget_lately();
    // Nor is a burst, nor what has ended.
    if (pair.lively() >= (suspected ? 1 : kLasting)) unsettled_.push_back(&pair);
    return;
  }
  if (pair.judgeable()) judge(pair, rule, judged);
}

void Governor::judge(LatencyPair& pair, OfRule& rule, Judged& judged) {
  const auto ratio = pair.ratio(now_, kBaselineOld);
  const bool pressed = ratio.at_least > options_.live_latency && ratio.more_seconds > kLeastSeconds;
  if (pressed && !pair.suspected()) {
    pair.suspect(now_);
    unsettled_.push_back(&pair);
    return;
  }
  const auto weight = static_cast<double>(pair.count());
  judged.weight += weight;
  judged.log_sum += weight * std::log2(ratio.estimate);
  if (pressed) {
    rule.pressed = true;
    judged.pressed += weight;
    judged.worst = std::max(judged.worst, ratio.estimate);
  }
  pair.settle();
}

void Governor::follow_latencies() {
  Judged judged;
  unsettled_.clear();
  bool nobody_comes = true;
  for (auto& rule : rules_) {
    rule.pressed = false;
    for (auto& pair : rule.latencies) {
      pair.end_interval();
      if (pair.count() == 0 && !pair.suspected()) continue;
      nobody_comes = false;
      look(pair, rule, judged);
    }
  }
  if (judged.weight != 0)
    pressure_of(Sign::live_latency) =
        (judged.pressed > 0 ? judged.worst : judged.ratio()) / options_.live_latency;
  if (nobody_comes) pressure_of(Sign::live_latency) = 0;
  latencies_calm_ = unsettled_.empty() && !judged.mostly_pressed() &&
                    judged.ratio() < 1 + (options_.live_latency - 1) / 2;
  if (judged.pressed == 0) return;
  lower_for_latency(judged);
  // What was seen before is no matter of what comes now.
  for (auto& rule : rules_) {
    for (auto& pair : rule.latencies) pair.forget_lately();
  }
}

// The one that does most of it first. Otherwise, where few rules suffer, it is about what they
// touch themselves; where most do, about all of it.
void Governor::lower_for_latency(const Judged& judged) {
  if (const auto rule = costliest(); rule && lower_share(rule, Sign::live_latency)) return;
  bool lowered = false;
  for (std::size_t i = 0; i < rules_.size() && !judged.mostly_pressed(); ++i) {
    if (rules_[i].pressed) lowered = lower_share(i, Sign::live_latency) || lowered;
  }
  if (lowered || lower_count(replays_, GovernorStep::What::replays, Sign::live_latency)) return;
  lower_share(std::nullopt, Sign::live_latency);
}

// Of several.
std::optional<std::size_t> Governor::costliest() const {
  double sum = 0;
  std::size_t first = 0;
  std::size_t some = 0;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    sum += rules_[i].replay_seconds;
    if (rules_[i].replay_seconds > rules_[first].replay_seconds) first = i;
    if (rules_[i].replay_seconds > 0) ++some;
  }
  if (some < 2 || rules_[first].replay_seconds < kCostliestPart * sum) return std::nullopt;
  return first;
}

// What has waited long waited before it was lowered, too.
void Governor::follow_waits() {
  const auto limit = std::chrono::duration<double>(options_.pool_wait).count();
  const auto mean = waits_ == 0 ? 0 : wait_seconds_ / waits_;
  waits_ = wait_seconds_ = 0;
  pressure_of(Sign::pool_wait) = mean / limit;
  waits_calm_ = mean < limit * kCalmPressure;
  if (mean <= limit || now_ < waits_lowered_) return;
  const auto interval = std::chrono::duration<double>(options_.interval).count();
  waits_lowered_ = now_ + 1 + static_cast<std::uint64_t>(std::ceil(mean / interval));
  if (const auto rule = costliest(); rule && lower_share(rule, Sign::pool_wait)) return;
  lower_share(std::nullopt, Sign::pool_wait);
}

void Governor::follow_connections() {
  if (!heard_) return;
  const auto heard = *std::exchange(heard_, std::nullopt);
  const double full = heard.used / std::max(1.0, heard.available);
  const double others = heard.used - heard.own;
  const double usual = others_.value_or(others);
  const bool risen = others >= 2 * usual && others > usual && full >= kRiseShare;
  const double pressure = full / options_.connections;
  pressure_of(Sign::connections) = risen ? std::max(pressure, others / (2 * usual)) : pressure;
  const double kept = risen ? kOthersKeptRisen : kOthersKept;
  others_ = usual * kept + others * (1 - kept);
  connections_calm_ = !risen && pressure < kNearlyFull;
  if (risen || pressure > 1) {
    lower_count(pool_, GovernorStep::What::connections, Sign::connections);
  } else if (connections_calm_) {
    raise_count(pool_, GovernorStep::What::connections);
  } else {
    pool_.hold(now_);
  }
}

// First what is compared, then how much of it at once.
void Governor::give_back() {
  const bool calm = latencies_calm_ && waits_calm_;
  if (!calm) {
    all_.hold(now_);
    replays_.hold(now_);
  }
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (calm && !rules_[i].pressed) {
      raise_share(i);
    } else {
      rules_[i].share.hold(now_);
    }
  }
  if (!calm) return;
  const bool whole = all_.whole();
  raise_share(std::nullopt);
  if (whole) {
    raise_count(replays_, GovernorStep::What::replays);
  } else {
    replays_.hold(now_);
  }
}

bool Governor::lower_share(std::optional<std::size_t> rule, Sign sign) {
  auto& share = share_of(rule);
  const double before = share.share();
  if (!share.lower(now_)) return false;
  steps_.push_back({GovernorStep::What::sample, rule, sign, before, share.share(), pressure(sign)});
  return true;
}

void Governor::raise_share(std::optional<std::size_t> rule) {
  auto& share = share_of(rule);
  const double before = share.share();
  if (share.raise(now_))
    steps_.push_back({GovernorStep::What::sample, rule, std::nullopt, before, share.share(), 0});
}

bool Governor::lower_count(Throttle& throttle, GovernorStep::What what, Sign sign) {
  const auto before = static_cast<double>(at_once(throttle));
  auto after = before;
  while (after == before) {  // a fifth of five is one, as is a quarter
    if (!throttle.lower(now_)) return false;
    after = static_cast<double>(at_once(throttle));
  }
  steps_.push_back({what, std::nullopt, sign, before, after, pressure(sign)});
  return true;
}

void Governor::raise_count(Throttle& throttle, GovernorStep::What what) {
  const auto before = static_cast<double>(at_once(throttle));
  if (!throttle.raise(now_)) return;
  const auto after = static_cast<double>(at_once(throttle));
  steps_.push_back({what, std::nullopt, std::nullopt, before, after, 0});
}

}  // namespace parallax::shadow
