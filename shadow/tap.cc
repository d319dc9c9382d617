#include "shadow/tap.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "shadow/rules/concat.h"
#include "shadow/session_tap.h"

namespace parallax::shadow {

namespace {

constexpr std::string_view kDeallocate = "deallocate ";
constexpr std::string_view kPrepare = "prepare ";

// "deallocate x" and "deallocate prepare x" in normalised tokens: x as the server stores it; empty
// for anything else.
std::string deallocated_name(std::string_view key) {
  if (!key.starts_with(kDeallocate)) return {};
  key.remove_prefix(kDeallocate.size());
  if (key.starts_with(kPrepare)) key.remove_prefix(kPrepare.size());
  if (key == "all" || key.empty()) return {};
  if (key.front() != '"')
    return key.find(' ') == std::string_view::npos ? std::string(key) : std::string();
  const auto inner = key.substr(1, key.size() - 2);
  const bool plain =
      key.size() > 2 && key.back() == '"' && inner.find('"') == std::string_view::npos;
  return plain ? std::string(inner) : std::string();
}

// With what is kept beside it.
std::size_t bytes_of(const KnownStatement& statement) {
  std::size_t bytes =
      sizeof(KnownStatement) + statement.text.size() + statement.known.shape.key.size();
  for (const auto& group : statement.known.shape.slots) {
    bytes += sizeof(SlotGroup) + group.members.size() * sizeof(Slot);
  }
  for (const auto& effects : statement.setting_effects) {
    for (const auto& effect : effects) bytes += sizeof effect + effect.value.size();
  }
  // The values of a match in the simple protocol are about as much again.
  return statement.known.covered() ? bytes * 2 : bytes;
}

}  // namespace

WorkerTap::WorkerTap(std::shared_ptr<TapGeneration> generation, metrics::Shard& shard)
    : now_(std::move(generation)),
      shard_(shard),
      random_(now_->options.seed | 1),
      captures_{now_->options.capture_bytes, now_->options.captures_bytes} {
  look_for_strict();
}

WorkerTap::WorkerTap(const RuleSet& rules, const ShadowMetrics& metrics, metrics::Shard& shard,
                     Intake& intake, std::function<RuleState(const Rule&)> rule_state,
                     TapOptions options)
    : WorkerTap(std::make_shared<TapGeneration>(
                    TapGeneration{.rules = {std::shared_ptr<void>(), &rules},
                                  .metrics = {std::shared_ptr<void>(), &metrics},
                                  .intake = &intake,
                                  .rule_state = std::move(rule_state),
                                  .options = std::move(options),
                                  .keeps = nullptr}),
                shard) {}

void WorkerTap::adopt(std::shared_ptr<TapGeneration> next) {
  former_.push_back(std::exchange(now_, std::move(next)));
  captures_.result_bytes = now_->options.capture_bytes;
  captures_.total_bytes = now_->options.captures_bytes;
  look_for_strict();
  by_text_.clear();
  entries_.clear();
  text_bytes_ = 0;
  uncovered_.clear();
}

std::shared_ptr<KnownStatement> WorkerTap::bulk_write() {
  auto statement = std::make_shared<KnownStatement>();
  statement->readable = true;
  statement->known.shape.may_write = true;
  return statement;
}

void WorkerTap::look_for_strict() {
  strict_configured_ = std::ranges::any_of(now_->rules->rules(), [this](const auto& rule) {
    return now_->options.modes.configured(*rule) == Mode::strict;
  });
}

bool WorkerTap::leave_former(bool now) {
  std::erase_if(former_, [now](const std::shared_ptr<TapGeneration>& one) {
    if (!now && one.use_count() > 1) return false;
    one->intake = nullptr;
    return true;
  });
  return former_.empty();
}

std::unique_ptr<protocol::ConversationListener> WorkerTap::open_session(
    std::uint64_t session_id, const protocol::StartupParameters& startup) {
  return std::make_unique<SessionTap>(*this, session_id, startup);
}

std::shared_ptr<KnownStatement> WorkerTap::know(std::string_view text) {
  if (const auto found = by_text_.find(text); found != by_text_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return entries_.front();
  }
  auto statement = std::make_shared<KnownStatement>();
  statement->text = text;
  statement->rules = now_->rules;
  statement->known = now_->rules->know(text);
  statement->readable = !statement->known.shape.key.empty() || text.empty();
  statement->deallocated = deallocated_name(statement->known.shape.key);
  const auto& shape = statement->known.shape;
  if (may_have_setting_effects(shape.key, shape.sets_config))
    statement->setting_effects = setting_effects(statement->text);
  if (!statement->known.covered()) {
    // Nobody will ask for the values of a statement that no rule knows; a bulk insert has very
    // many.
    std::vector<SlotGroup>().swap(statement->known.shape.slots);
    statement->may_be_covered = statement->known.may_be_covered();
  } else {
    statement->literal_match = RuleSet::match(statement->known, {});
  }

  statement->held = hold(bytes_of(*statement));
  text_bytes_ += statement->bytes();
  entries_.push_front(statement);
  by_text_.emplace(statement->text, entries_.begin());
  while (entries_.size() > kTextsMax || text_bytes_ > kTextBytesMax) {
    text_bytes_ -= entries_.back()->bytes();
    by_text_.erase(entries_.back()->text);
    entries_.pop_back();
  }
  return statement;
}

bool WorkerTap::is_off(const KnownText& known) const {
  const auto& modes = now_->options.modes;
  const auto* open = now_->options.open_operations;
  return std::ranges::all_of(known.roots,
                             [&](const StatementPlace& place) { return modes.off(*place.rule); }) &&
         std::ranges::all_of(known.children, [&](const StatementPlace& place) {
           return modes.off(*place.rule) && (open == nullptr || !open->any(*place.rule));
         });
}

// xorshift64: sampling needs speed and an even spread, not secrecy.
bool WorkerTap::draw(const Rule& rule) {
  const auto* shares = now_->options.sample_shares;
  const double share = shares == nullptr ? rule.sample : rule.sample * shares->of(rule);
  if (share >= 1.0) return true;
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return static_cast<double>(random_ >> 11) * 0x1.0p-53 < share;
}

void WorkerTap::report_uncovered(const KnownStatement& statement, const Rule* tagged) {
  if (!now_->options.dev && tagged == nullptr) return;
  const auto& key = statement.known.shape.key;
  if (key.empty() || uncovered_.size() >= kUncoveredMax) return;
  const std::string rule = tagged == nullptr ? "" : std::to_string(tagged->index);
  if (!uncovered_.insert(concat({rule, " ", key})).second) return;
  UncoveredStatement uncovered;
  uncovered.tagged = tagged;
  uncovered.statement = std::hash<std::string>()(key);
  if (now_->options.dev) {
    uncovered.sql = statement.text;
    uncovered.skeleton = rule_skeleton(statement.text);
  }
  // A refused offer is no loss that counts: the statement is not an operation.
  now_->offer(std::move(uncovered));
}

}  // namespace parallax::shadow
