#include "tests/integration/cpp/engine_rig.h"

#include <stdexcept>
#include <utility>

namespace parallax::pgtest {

using namespace shadow;

namespace {

std::shared_ptr<const RuleSet> compile(const std::vector<RuleText>& texts) {
  std::vector<RuleSource> sources;
  for (const auto& text : texts) {
    RuleSource source;
    source.name.text = text.name;
    source.legacy.front().sql.text = text.legacy;
    source.rewrite.front().sql.text = text.rewrite;
    for (const auto& [name, sql] : text.let) source.let[name].text = sql;
    for (const auto& [label, column] : text.columns) source.columns[label].text = column;
    source.compare = text.compare;
    source.expect = text.expect;
    sources.push_back(std::move(source));
  }
  auto compiled = RuleSet::compile(std::move(sources));
  if (auto* problems = std::get_if<std::vector<ConfigProblem>>(&compiled)) {
    throw std::runtime_error("rules: " + problems->front().text());
  }
  return std::make_shared<const RuleSet>(std::move(std::get<RuleSet>(compiled)));
}

}  // namespace

void RememberingReport::outcome(const Outcome& outcome) {
  const std::lock_guard lock(mutex);
  outcomes.push_back(outcome);
  changed_.notify_all();
}

void RememberingReport::rule_state(const Rule& rule, RuleState, const std::string& reason) {
  const std::lock_guard lock(mutex);
  reasons[rule.name] = reason;
  changed_.notify_all();
}

void RememberingReport::pool_error(const std::string& sqlstate, const std::string& what) {
  const std::lock_guard lock(mutex);
  pool_errors.push_back(sqlstate);
  pool_texts.push_back(what);
  changed_.notify_all();
}

void RememberingReport::breaker(const Rule* rule, bool open, const std::string&) {
  const std::lock_guard lock(mutex);
  breakers.push_back((rule == nullptr ? "*" : rule->name) + (open ? " open" : " closed"));
  changed_.notify_all();
}

void RememberingReport::warning(const std::string& text) {
  const std::lock_guard lock(mutex);
  warnings.push_back(text);
  changed_.notify_all();
}

void RememberingReport::information(const std::string& text) {
  const std::lock_guard lock(mutex);
  information_texts.push_back(text);
  changed_.notify_all();
}

void RememberingReport::uncovered(const UncoveredStatement& statement) {
  const std::lock_guard lock(mutex);
  statements.push_back(statement);
  changed_.notify_all();
}

bool RememberingReport::wait(const std::function<bool(const RememberingReport&)>& done,
                             std::chrono::seconds limit) {
  std::unique_lock lock(mutex);
  return changed_.wait_for(lock, limit, [&] { return done(*this); });
}

EngineRig::EngineRig(Options options, const std::vector<RuleText>& rules)
    : rules_(compile(rules)), metrics_(std::make_unique<ShadowMetrics>(registry_, *rules_)) {
  tap_ = &registry_.make_shard();
  engine_ = std::make_unique<Engine>(std::move(options), rules_, *metrics_, registry_, report_, 1);
  engine_->start();
}

EngineRig::~EngineRig() { engine_->stop(std::chrono::milliseconds(2000)); }

bool EngineRig::offer(const Call& call) {
  const auto match = rules_->match(rules_->know(call.sql), call.parameters);
  const auto& found = match.root;
  if (!found) throw std::runtime_error("no rule for " + call.sql);
  const auto& cells = metrics_->of(*found->rule);
  CapturedOperation operation;
  operation.rule = found->rule;
  operation.context = call.context;
  operation.statement = {call.sql, call.parameters};
  operation.values = found->values;
  operation.live.sqlstate = call.live_sqlstate;
  operation.live.result = call.live_rows;
  operation.live.rows = call.live_count;
  if (call.live_rows != nullptr) operation.live.rows = call.live_rows->rows();
  tap_->add(cells.operations);
  tap_->add(cells.in_flight, 1);
  const auto dropped = engine_->intake(0).offer(std::move(operation));
  if (!dropped) return true;
  tap_->add(cells.in_flight, -1);
  tap_->add(cells.dropped[static_cast<std::size_t>(*dropped)]);
  return false;
}

Outcome EngineRig::run(const Call& call) {
  std::size_t before = 0;
  {
    const std::lock_guard lock(report_.mutex);
    before = report_.outcomes.size();
  }
  if (!offer(call)) throw std::runtime_error("dropped: " + call.sql);
  return wait_outcomes(before + 1).back();
}

std::vector<Outcome> EngineRig::wait_outcomes(std::size_t count) {
  if (!report_.wait(
          [&](const RememberingReport& report) { return report.outcomes.size() >= count; },
          std::chrono::seconds(60))) {
    throw std::runtime_error("operations did not end");
  }
  const std::lock_guard lock(report_.mutex);
  return report_.outcomes;
}

bool EngineRig::wait_verified(std::chrono::seconds limit) {
  return report_.wait(
      [this](const RememberingReport&) {
        for (const auto& rule : rules_->rules()) {
          if (engine_->state(*rule) == RuleState::unverified) return false;
        }
        return true;
      },
      limit);
}

std::uint64_t EngineRig::verdicts(std::size_t rule, Verdict verdict) const {
  return count(metrics_->rules[rule].verdicts[static_cast<std::size_t>(verdict)]);
}

bool EngineRig::law_holds() const {
  for (const auto& rule : metrics_->rules) {
    std::uint64_t ended = 0;
    for (const auto counter : rule.verdicts) ended += count(counter);
    for (const auto counter : rule.skipped) ended += count(counter);
    for (const auto counter : rule.dropped) ended += count(counter);
    if (ended != count(rule.operations) || registry_.value(rule.in_flight) != 0) return false;
  }
  return engine_->queued_jobs() == 0 && engine_->queued_bytes() == 0;
}

Value text(const std::string& bytes) { return Value{false, false, 0, bytes}; }

std::string end_of(const Outcome& outcome) {
  if (const auto* verdict = std::get_if<Verdict>(&outcome.end)) {
    auto out = std::string(name(*verdict));
    if (outcome.kind) out += " " + std::string(name(*outcome.kind));
    return out;
  }
  if (const auto* skip = std::get_if<SkipReason>(&outcome.end))
    return "skipped " + std::string(name(*skip));
  return "dropped " + std::string(name(std::get<DropReason>(outcome.end)));
}

}  // namespace parallax::pgtest
