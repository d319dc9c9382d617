#include "shadow/replay/verifier.h"

#include <algorithm>
#include <utility>

namespace parallax::shadow {

Verifier::Verifier(io::Loop& loop, const Options& options, Pool& pool,
                   std::vector<std::string> tables, Found found, FactsFound facts_found)
    : loop_(loop),
      options_(options),
      pool_(pool),
      found_(std::move(found)),
      retry_(loop),
      tables_(std::move(tables)),
      facts_found_(std::move(facts_found)) {}

void Verifier::verify(const Rule& rule) {
  const auto known = [&rule](const std::deque<const Rule*>& list) {
    return std::ranges::find(list, &rule) != list.end();
  };
  if (known(pending_) || known(again_)) return;
  pending_.push_back(&rule);
  if (!in_round_ && !retry_.active()) begin_round();
}

void Verifier::close() {
  closed_ = true;
  retry_.cancel();
  pending_.clear();
  again_.clear();
  if (connection_ == nullptr) return;
  check_.reset();  // closes the connection
  facts_.reset();
  pool_.release(*std::exchange(connection_, nullptr));
}

void Verifier::begin_round() {
  in_round_ = true;
  pool_.acquire([this](std::variant<Connection*, ReplaySkip> acquired) {
    if (closed_) return;
    if (auto* connection = std::get_if<Connection*>(&acquired)) {
      connection_ = *connection;
      check_facts();
    } else {
      end_round();
    }
  });
}

void Verifier::check_facts() {
  if (!facts_found_) return check_next();
  facts_ = std::make_shared<ServerFactsCheck>(loop_, options_);
  facts_->run(*connection_, tables_,
              [this](std::variant<ServerFacts, ReplaySkip> facts) { on_facts(std::move(facts)); });
}

// Without them the rules are verified all the same.
void Verifier::on_facts(std::variant<ServerFacts, ReplaySkip> facts) {
  loop_.defer_destroy(std::move(facts_));  // it is in the middle of this call
  if (const auto* known = std::get_if<ServerFacts>(&facts)) {
    std::exchange(facts_found_, nullptr)(*known);
  }
  check_next();
}

void Verifier::check_next() {
  if (pending_.empty() || !connection_->open()) return end_round();
  check_ = std::make_shared<RuleCheck>(loop_, options_, *pending_.front());
  check_->run(*connection_, [this](RuleCheck::End end) { on_checked(std::move(end)); });
}

void Verifier::on_checked(RuleCheck::End&& end) {
  const Rule& rule = *pending_.front();
  pending_.pop_front();
  loop_.defer_destroy(std::move(check_));  // it is in the middle of this call
  if (auto* verification = std::get_if<Verification>(&end)) {
    if (verification->may_mend) {
      again_.push_back(&rule);
    } else {
      next_retry_ = kVerifyRetryFirst;
    }
    found_(rule, std::move(*verification));
  } else {
    again_.push_back(&rule);
  }
  check_next();
}

void Verifier::end_round() {
  in_round_ = false;
  if (connection_ != nullptr) pool_.release(*std::exchange(connection_, nullptr));
  pending_.insert(pending_.end(), again_.begin(), again_.end());
  again_.clear();
  if (!pending_.empty()) retry_later();
}

void Verifier::retry_later() {
  retry_.start(next_retry_, [this] { begin_round(); });
  next_retry_ = std::min(next_retry_ * 2, kVerifyRetryMax);
}

}  // namespace parallax::shadow
