#include "shadow/tap.h"

#include <utility>

#include "shadow/session_tap.h"

namespace parallax::shadow {

WorkerTap::WorkerTap(const RuleSet& rules, const ShadowMetrics& metrics, metrics::Shard& shard, Intake& intake,
                     std::function<RuleState(const Rule&)> rule_state, TapOptions options)
    : rules_(rules),
      metrics_(metrics),
      shard_(shard),
      intake_(intake),
      rule_state_(std::move(rule_state)),
      options_(std::move(options)),
      random_(options_.seed | 1) {}

std::unique_ptr<protocol::ConversationListener> WorkerTap::open_session(std::uint64_t session_id,
                                                                        const protocol::StartupParameters& startup) {
  return std::make_unique<SessionTap>(*this, session_id, startup);
}

std::shared_ptr<KnownStatement> WorkerTap::know(std::string_view sql) {
  const auto text = without_outer_comments(sql);
  if (const auto found = by_text_.find(text); found != by_text_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return entries_.front();
  }
  auto statement = std::make_shared<KnownStatement>();
  statement->text = text;
  statement->known = rules_.know(text);
  statement->readable = !statement->known.shape.key.empty() || text.empty();
  if (!statement->known.candidates.empty()) statement->literal_match = rules_.match(statement->known, {});

  text_bytes_ += statement->text.size();
  entries_.push_front(statement);
  by_text_.emplace(statement->text, entries_.begin());
  while (entries_.size() > kTextsMax || text_bytes_ > kTextBytesMax) {
    text_bytes_ -= entries_.back()->text.size();
    by_text_.erase(entries_.back()->text);
    entries_.pop_back();
  }
  return statement;
}

// xorshift64: sampling needs speed and an even spread, not secrecy.
bool WorkerTap::draw(double share) {
  if (share >= 1.0) return true;
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return static_cast<double>(random_ >> 11) * 0x1.0p-53 < share;
}

void WorkerTap::report_uncovered(const KnownStatement& statement) {
  if (!options_.dev || statement.known.shape.key.empty() || uncovered_.size() >= kUncoveredMax) return;
  if (!uncovered_.insert(statement.known.shape.key).second) return;
  // A refused offer is no loss that counts: the statement is not an operation.
  intake_.offer(UncoveredStatement{.sql = statement.text, .skeleton = rule_skeleton(statement.text)});
}

}  // namespace parallax::shadow
