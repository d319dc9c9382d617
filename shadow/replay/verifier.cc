#include "shadow/replay/verifier.h"

#include <algorithm>
#include <utility>

#include "shadow/rules/sort_unique.h"

namespace parallax::shadow {

namespace {

std::vector<std::string> tables_of(const RuleSet& rules) {
  std::vector<std::string> tables;
  for (const auto& rule : rules.rules()) {
    tables.insert(tables.end(), rule->tables.begin(), rule->tables.end());
  }
  sort_unique(tables);
  return tables;
}

}  // namespace

Verifier::Verifier(io::Loop& loop, const Options& options, Pool& pool, const RuleSet& rules,
                   Listener listener)
    : loop_(loop),
      options_(options),
      pool_(pool),
      tables_(tables_of(rules)),
      listener_(std::move(listener)),
      retry_(loop) {}

void Verifier::verify(const Rule& rule) {
  if (finishing_) return;
  const auto known = [&rule](const std::deque<const Rule*>& list) {
    return std::ranges::find(list, &rule) != list.end();
  };
  if (known(pending_) || known(again_)) return;
  pending_.push_back(&rule);
  // What waits for a right alone holds up no other.
  if (!awake_ || in_round_ || (retry_.active() && in_trouble_)) return;
  retry_.cancel();
  begin_round();
}

void Verifier::set_awake(bool awake) {
  if (std::exchange(awake_, awake) == awake) return;
  if (!awake) return retry_.cancel();
  next_retry_ = kVerifyRetryFirst;
  if (!in_round_ && !pending_.empty()) begin_round();
}

void Verifier::close() {
  closed_ = true;
  retry_.cancel();
  pending_.clear();
  again_.clear();
  if (connection_ == nullptr) return;
  check_.reset();  // closes the connection
  facts_.reset();
  plans_.reset();
  pool_.release(*std::exchange(connection_, nullptr));
}

// A connection closed under the server's work would count until the server finds out.
void Verifier::finish() {
  retry_.cancel();
  finishing_ = true;
  if (connection_ == nullptr) return close();
  again_.clear();
  if (pending_.size() > 1) pending_.erase(pending_.begin() + 1, pending_.end());
}

void Verifier::begin_round() {
  in_round_ = true;
  trouble_ = {SkipReason::server, "the shadow connection was lost"};
  pool_.acquire([this](std::variant<Connection*, ReplaySkip> acquired) {
    if (closed_) {
      if (auto* late = std::get_if<Connection*>(&acquired)) pool_.release(**late);
      return;
    }
    if (auto* connection = std::get_if<Connection*>(&acquired)) {
      connection_ = *connection;
      check_facts();
    } else {
      in_trouble_ = true;
      trouble_ = std::get<ReplaySkip>(std::move(acquired));
      end_round();
    }
  });
}

void Verifier::check_facts() {
  if (facts_known_) return check_next();
  facts_ = std::make_shared<ServerFactsCheck>(loop_, options_);
  facts_->run(*connection_, tables_,
              [this](std::variant<ServerFacts, ReplaySkip> facts) { on_facts(std::move(facts)); });
}

// Without them the rules are verified all the same.
void Verifier::on_facts(std::variant<ServerFacts, ReplaySkip> facts) {
  loop_.defer_destroy(std::move(facts_));  // it is in the middle of this call
  if (const auto* known = std::get_if<ServerFacts>(&facts)) {
    facts_known_ = true;
    listener_.facts(*known);
  } else {
    trouble_ = std::get<ReplaySkip>(std::move(facts));
  }
  check_next();
}

void Verifier::check_next() {
  if (pending_.empty() || !awake_ || !connection_->open()) return end_round();
  check_ = std::make_shared<RuleCheck>(loop_, options_, *pending_.front());
  check_->run(*connection_, [this](RuleCheck::End end) { on_checked(std::move(end)); });
}

void Verifier::on_checked(RuleCheck::End&& end) {
  const Rule& rule = *pending_.front();
  pending_.pop_front();
  loop_.defer_destroy(std::move(check_));  // it is in the middle of this call
  if (auto* verification = std::get_if<Verification>(&end)) {
    in_trouble_ = false;
    if (verification->may_mend) {
      again_.push_back(&rule);
    } else {
      next_retry_ = kVerifyRetryFirst;
    }
    const bool ready = verification->state == RuleState::ready;
    listener_.found(rule, std::move(*verification));
    if (ready && options_.generic_plans) return explain(rule);
  } else {
    in_trouble_ = true;
    again_.push_back(&rule);
    trouble_ = std::get<ReplaySkip>(std::move(end));
    not_told(rule, trouble_);
  }
  check_next();
}

void Verifier::explain(const Rule& rule) {
  plans_ = std::make_shared<RulePlansQuery>(loop_, options_, rule);
  plans_->run(*connection_, [this, &rule](const RulePlans& plans) {
    loop_.defer_destroy(std::move(plans_));  // it is in the middle of this call
    listener_.planned(rule, plans);
    check_next();
  });
}

void Verifier::not_told(const Rule& rule, const ReplaySkip& why) const {
  if (listener_.not_told) listener_.not_told(rule, why);
}

void Verifier::end_round() {
  in_round_ = false;
  if (connection_ != nullptr) pool_.release(*std::exchange(connection_, nullptr));
  if (finishing_) return close();
  for (const Rule* rule : pending_) not_told(*rule, trouble_);
  pending_.insert(pending_.end(), again_.begin(), again_.end());
  again_.clear();
  if (awake_ && !pending_.empty()) retry_later();
  if (listener_.round_ended) listener_.round_ended();
}

void Verifier::retry_later() {
  retry_.start(next_retry_, [this] { begin_round(); });
  next_retry_ = std::min(next_retry_ * 2, kVerifyRetryMax);
}

}  // namespace parallax::shadow
