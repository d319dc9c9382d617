#include "shadow/journal/journal_book.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>

namespace parallax::shadow {
namespace {

// Were the results of both sides held against each other?
bool is_comparison(Verdict verdict) {
  switch (verdict) {
    case Verdict::match:
    case Verdict::mismatch:
    case Verdict::expected:
      return true;
    case Verdict::rewrite_error:
    case Verdict::unstable:
    case Verdict::race:
    case Verdict::timeout:
      return false;
  }
  return false;
}

// Claims and tenants are parameters, too.
std::uint64_t hash_of(const ReplayContextRef& context) {
  if (context == nullptr) return 0;
  const std::hash<std::string> hash;
  std::uint64_t all = hash(context->user);
  for (const auto& [name, value] : context->settings)
    all = (all * 1'099'511'628'211U) ^ hash(name) ^ (hash(value) << 1U);
  return all;
}

}  // namespace

std::string random_instance() { return KeyedHash("").text("instance"); }

JournalBook::JournalBook(const JournalOptions& options, std::shared_ptr<const RuleSet> rules,
                         const ShadowMetrics& metrics, const metrics::Registry& registry,
                         JournalTime now, const JournalPositions& before)
    : rate_(options.rate),
      full_values_(options.full_values),
      hash_(options.key),
      rules_(std::move(rules)),
      metrics_(metrics),
      registry_(registry),
      instance_(options.instance.empty() ? random_instance() : options.instance),
      pages_(rules_->rules().size()) {
  for (const auto& rule : rules_->rules()) {
    auto& page = pages_[rule->index];
    if (const auto known = before.find(rule->name); known == before.end()) {
      page.counted = RuleTotals::read(metrics_.of(*rule), registry_);
      page.written = page.counted;
    } else {
      page.counted = known->second.counted;
      page.written = known->second.version == rule->version ? known->second.written : page.counted;
    }
    page.from = now;
  }
}

JournalPositions JournalBook::positions() const {
  JournalPositions positions;
  for (const auto& rule : rules_->rules()) {
    const auto& page = pages_[rule->index];
    positions[rule->name] = {rule->version, page.written, page.counted};
  }
  return positions;
}

std::optional<std::string> JournalBook::heard(const Outcome& outcome, JournalTime now) {
  const auto* verdict = std::get_if<Verdict>(&outcome.end);
  if (verdict == nullptr) return std::nullopt;
  auto& page = pages_[outcome.rule->index];
  std::uint64_t parameters = 0;
  if (is_comparison(*verdict)) parameters = page.evidence.add(outcome.values, hash_);
  if (*verdict == Verdict::match) return sample(outcome, page, parameters, now);
  auto& budget = page.budgets.try_emplace(*verdict, rate_).first->second;
  // A client that was refused in strict mode has been told the id.
  if (outcome.journal_id.empty() && !budget.take(now)) {
    ++page.evidence.suppressed;
    page.evidence.any = true;
    return std::nullopt;
  }
  const JournalEntry entry{id_of(outcome), now, budget.left_out()};
  return verdict_line(outcome, *verdict, entry, {hash_, full_values_});
}

std::string JournalBook::id_of(const Outcome& outcome) {
  if (!outcome.journal_id.empty()) return outcome.journal_id;
  return instance_ + '-' + std::to_string(++lines_);
}

// Nothing is made of those that are not kept. Where both sides failed alike there is nothing to
// hold against each other.
std::optional<std::string> JournalBook::sample(const Outcome& outcome, Page& page,
                                               std::uint64_t parameters, JournalTime now) {
  if (!full_values_ || !outcome.legacy_sqlstate.empty()) return std::nullopt;
  const auto values = parameters ^ hash_of(outcome.context);
  if (!page.samples.take(values, outcome.vacuous)) return std::nullopt;
  return sample_line(outcome, {id_of(outcome), now, 0}, {hash_, full_values_});
}

std::optional<std::string> JournalBook::state(const Rule& rule, RuleState state, JournalTime now) {
  auto& page = pages_[rule.index];
  if (std::exchange(page.state, state) == state) return std::nullopt;
  return state_line(rule, state, instance_, now, hash_);
}

void JournalBook::planned(const Rule& rule, const RulePlans& plans) {
  pages_[rule.index].plans = plans;
}

std::optional<std::string> JournalBook::due_plans(const Rule& rule, JournalTime now) {
  const auto plans = std::exchange(pages_[rule.index].plans, std::nullopt);
  if (!plans) return std::nullopt;
  return plans_line(rule, *plans, now, hash_);
}

std::vector<JournalBook::Summary> JournalBook::summaries(JournalTime now) {
  std::vector<Summary> all;
  for (const auto& rule : rules_->rules()) {
    auto& page = pages_[rule->index];
    Summary summary;
    summary.totals = RuleTotals::read(metrics_.of(*rule), registry_);
    page.counted = summary.totals;
    const auto more = summary.totals.since(page.written);
    if (!more.any() && !page.evidence.any) continue;
    summary.rule = rule.get();
    summary.to = now;
    summary.evidence = std::exchange(page.evidence, {});
    summary.line =
        summary_line(*rule, {instance_, page.from, now, page.state}, more, summary.evidence, hash_);
    all.push_back(std::move(summary));
  }
  return all;
}

void JournalBook::written(const Summary& summary) {
  auto& page = pages_[summary.rule->index];
  page.written = summary.totals;
  page.from = summary.to;
}

void JournalBook::given_back(const Summary& summary) {
  pages_[summary.rule->index].evidence.merge(summary.evidence);
}

}  // namespace parallax::shadow
