#include "shadow/power/power_run.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "shadow/evidence/recorded_run.h"
#include "shadow/power/mutants.h"
#include "shadow/power/rewrite_facts.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

// A mistake that has the server read everything is not tried on each operation.
constexpr std::size_t kTimeoutsMax = 2;

std::string name_of(const Outcome& outcome) {
  return std::visit([](auto end) { return std::string(name(end)); }, outcome.end);
}

std::string in_words(const Outcome& outcome) {
  const auto name = name_of(outcome);
  return outcome.detail.empty() ? name : concat({name, ": ", outcome.detail});
}

bool is_verdict(const Outcome& outcome, std::initializer_list<Verdict> verdicts) {
  const auto* verdict = std::get_if<Verdict>(&outcome.end);
  return verdict != nullptr && std::ranges::find(verdicts, *verdict) != verdicts.end();
}

// `unstable 3, timeout 1`
std::string counted(const std::map<std::string, std::size_t>& counts) {
  std::string out;
  for (const auto& [what, count] : counts) {
    if (!out.empty()) out += ", ";
    out += concat({what, " ", std::to_string(count)});
  }
  return out;
}

class PowerOfRule {
 public:
  PowerOfRule(ReplaySession& session, RecordedRun& original, const RuleSet& rules, const Rule& rule)
      : session_(session), original_(original), rules_(rules), rule_(rule) {}

  RulePower measure(const std::vector<std::string>& lines) {
    for (const auto& line : lines) take(line);
    power_.operations = operations_.size();
    const auto* found = std::get_if<Verification>(&original_.checked(rule_));
    if (found == nullptr) {
      power_.unknown = std::get<ReplaySkip>(original_.checked(rule_)).detail;
    } else if (found->state != RuleState::ready || !found->rewrite_prepared) {
      power_.unknown = concat({"the rule cannot be compared: ", found->reason});
    } else if (lines.empty()) {
      power_.unknown =
          "no operation is recorded: `journal: {values: full}` keeps samples of what matches";
    } else if (operations_.empty()) {
      power_.unknown = "none of the recorded operations can be used";
    } else {
      plant(mutants_of(rule_.source, facts_of(rule_, *found)));
    }
    return std::move(power_);
  }

 private:
  // What both sides still give the same for.
  void take(const std::string& line) {
    auto read = recorded_operation(line, rules_);
    if (const auto* why = std::get_if<std::string>(&read)) return leave_out(*why);
    auto& operation = std::get<RecordedOperation>(read);
    // Whichever the client sent: the rewrite is what is on trial.
    operation.side = Side::legacy;
    if (auto why = other_user(session_.options(), operation); !why.empty()) return leave_out(why);
    const auto outcome = original_.replay(operation);
    if (!is_verdict(outcome, {Verdict::match})) return leave_out(in_words(outcome));
    operations_.push_back(std::move(operation));
  }

  void leave_out(const std::string& why) { ++power_.left_out[why]; }

  void plant(const Mutants& mutants) {
    power_.not_planted = mutants.left_out;
    for (const Mutant& mutant : mutants.all) {
      ++power_.planted;
      try_out(mutant);
    }
  }

  void try_out(const Mutant& mutant) {
    RecordedRun run(session_, *mutant.rules);
    run.verify({&mutant.rule()});
    const auto& checked = run.checked(mutant.rule());
    if (const auto* why = std::get_if<ReplaySkip>(&checked)) {
      power_.undecided.push_back({mutant.description, why->detail});
      return;
    }
    const auto& found = std::get<Verification>(checked);
    if (found.state == RuleState::broken || !found.rewrite_prepared) {
      ++power_.caught;
      ++power_.refused;
      return;
    }
    std::map<std::string, std::size_t> unsettled;
    for (RecordedOperation operation : operations_) {
      operation.rule = &mutant.rule();
      const auto outcome = run.replay(operation);
      if (is_verdict(outcome, {Verdict::mismatch, Verdict::rewrite_error})) {
        ++power_.caught;
        return;
      }
      // What the rule expects nobody would have looked at.
      if (is_verdict(outcome, {Verdict::match, Verdict::expected})) continue;
      const auto times = ++unsettled[name_of(outcome)];
      if (is_verdict(outcome, {Verdict::timeout}) && times == kTimeoutsMax) break;
    }
    if (unsettled.empty()) {
      power_.survivors.push_back(mutant.description);
    } else {
      power_.undecided.push_back({mutant.description, counted(unsettled)});
    }
  }

  ReplaySession& session_;
  RecordedRun& original_;
  const RuleSet& rules_;
  const Rule& rule_;
  std::vector<RecordedOperation> operations_;
  RulePower power_;
};

}  // namespace

std::variant<std::map<std::string, RulePower>, std::string> measure_power(
    const Options& options, const RuleSet& rules, const std::vector<std::string>& names,
    const SampleLines& samples) {
  std::vector<const Rule*> measured;
  for (const auto& rule : rules.rules()) {
    if (std::ranges::find(names, rule->name) != names.end()) measured.push_back(rule.get());
  }
  ReplaySession session(options);
  RecordedRun original(session, rules);
  original.verify(measured);
  std::map<std::string, RulePower> powers;
  for (const Rule* rule : measured) {
    // Without a server nothing is known of any rule.
    if (!session.failure().empty()) return concat({"no shadow connection: ", session.failure()});
    powers[rule->name] = PowerOfRule(session, original, rules, *rule).measure(samples(rule->name));
  }
  if (!session.failure().empty()) return concat({"no shadow connection: ", session.failure()});
  return powers;
}

}  // namespace parallax::shadow
