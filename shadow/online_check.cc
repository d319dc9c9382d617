#include "shadow/online_check.h"

#include <algorithm>
#include <utility>

#include "proxy/io/loop.h"
#include "shadow/compare/column_types.h"
#include "shadow/compare/value_kind.h"
#include "shadow/compare/value_reader.h"
#include "shadow/compare/wording.h"
#include "shadow/replay/pool.h"
#include "shadow/replay/verifier.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

Options with_plans(Options options) {
  options.generic_plans = true;
  return options;
}

bool is_expected(const Rule& rule, MismatchKind kind) {
  const auto today = today_utc();
  return std::ranges::any_of(rule.source.expect, [&](const Expectation& expectation) {
    return expectation.in_force(today) && expectation.kinds.contains(kind);
  });
}

CheckedPair checked_pair(const ColumnPair& pair, const Verification& verification) {
  const ColumnInfo& legacy = verification.legacy_columns[pair.legacy];
  const ColumnInfo& rewrite = verification.rewrite_columns[pair.rewrite];
  const Catalog& catalog = verification.catalog;
  const TypeMatch match = match_types(legacy.type_oid, rewrite.type_oid, catalog.types);
  return {.legacy = legacy.label,
          .rewrite = rewrite.label,
          .by = pair.by,
          .legacy_type = type_name(legacy.type_oid, catalog),
          .rewrite_type = type_name(rewrite.type_oid, catalog),
          .comparable = match.comparable,
          .step = match.step};
}

// Why the types of a pair make every comparison a mismatch that nobody expects; empty when they do
// not.
std::string type_problem(const Rule& rule, const CheckedPair& pair) {
  const auto types = concat(
      {"column ", quoted(pair.legacy), ": ", pair.legacy_type, " against ", pair.rewrite_type});
  if (!pair.comparable) {
    if (is_expected(rule, MismatchKind::column_type)) return {};
    return concat({types, ", which is a mismatch (column_type)"});
  }
  if (!pair.step || !rule.source.compare.treat_as_mismatch.contains(*pair.step)) return {};
  if (is_expected(rule, MismatchKind::value)) return {};
  return concat(
      {types, ", equal only by `", name(*pair.step), "`, which `treat` makes a mismatch"});
}

// What is worth telling of a name.
std::vector<std::string> parameter_notes(const ParameterTypes& parameter, const Catalog& catalog) {
  std::vector<std::string> notes;
  const std::uint32_t legacy = member_type(parameter.legacy.front(), catalog.types);
  for (const std::uint32_t type : parameter.rewrite) {
    const std::uint32_t rewrite = member_type(type, catalog.types);
    const bool fits = std::ranges::any_of(parameter.legacy, [&](std::uint32_t one) {
      return match_types(member_type(one, catalog.types), rewrite, catalog.types).comparable;
    });
    if (fits) continue;
    notes.push_back(concat({parameter.name, " is ", type_name(legacy, catalog), " in legacy and ",
                            type_name(rewrite, catalog), " in the rewrite"}));
  }
  if (resolve_type(legacy, catalog.types).kind == ValueKind::timestamptz) {
    notes.push_back(concat({parameter.name,
                            " is a timestamptz: should the application write it otherwise for the "
                            "rewrite, that is not seen"}));
  }
  return notes;
}

class OnlineCheck {
 public:
  OnlineCheck(const Options& options, const RuleSet& rules)
      : options_(with_plans(options)),
        pool_(loop_, options_, [this](const ConnectionError& error) { failure_ = error; }),
        verifier_(
            loop_, options_, pool_, rules,
            {.facts = [this](const ServerFacts& facts) { on_facts(facts); },
             .found = [this](const Rule& rule,
                             const Verification& verification) { on_found(rule, verification); },
             .planned = [this](const Rule& rule,
                               const RulePlans& plans) { on_planned(rule, plans); },
             .not_told = [this](const Rule& rule,
                                const ReplaySkip& why) { on_not_told(rule, why); },
             .round_ended = [this] { loop_.stop(); }}) {
    for (const auto& rule : rules.rules()) findings_.rules.emplace_back().rule = rule.get();
  }

  std::variant<OnlineFindings, ConnectionError> run() {
    if (findings_.rules.empty()) return std::move(findings_);
    for (const CheckedRule& checked : findings_.rules) verifier_.verify(*checked.rule);
    loop_.run();
    verifier_.close();
    pool_.close();
    if (failure_) return *std::move(failure_);
    return std::move(findings_);
  }

 private:
  void on_facts(const ServerFacts& facts) {
    findings_.warning = facts.warning;
    findings_.information = facts.information;
  }

  void on_found(const Rule& rule, const Verification& verification) {
    CheckedRule& checked = findings_.rules[rule.index];
    checked.state = verification.state;
    checked.notes = verification.pairing.notes;
    for (const ParameterTypes& parameter : verification.parameters) {
      const auto notes = parameter_notes(parameter, verification.catalog);
      checked.notes.insert(checked.notes.end(), notes.begin(), notes.end());
    }
    if (checked.state != RuleState::ready || !verification.rewrite_prepared)
      checked.problems.push_back({verification.place, verification.reason});
    for (const ColumnPair& pair : verification.pairing.pairs) {
      const CheckedPair& added = checked.pairs.emplace_back(checked_pair(pair, verification));
      auto problem = type_problem(rule, added);
      const SourceText& rewrite = rule.rewrite.front().source;
      if (!problem.empty())
        checked.problems.push_back(
            {mark_inside(rewrite.mark, rewrite.text, 0), std::move(problem)});
    }
  }

  void on_planned(const Rule& rule, const RulePlans& plans) {
    findings_.rules[rule.index].legacy_plan = read_plan(plans.legacy);
    findings_.rules[rule.index].rewrite_plan = read_plan(plans.rewrite);
  }

  void on_not_told(const Rule& rule, const ReplaySkip& why) {
    findings_.rules[rule.index].problems.push_back({rule.source.name.mark, why.detail});
  }

  const Options options_;
  OnlineFindings findings_;
  std::optional<ConnectionError> failure_;
  io::Loop loop_;
  Pool pool_;
  Verifier verifier_;
};

}  // namespace

std::variant<OnlineFindings, ConnectionError> check_online(const Options& options,
                                                           const RuleSet& rules) {
  forget_libpq_environment();
  return OnlineCheck(options, rules).run();
}

}  // namespace parallax::shadow
