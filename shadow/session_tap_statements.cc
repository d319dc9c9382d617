#include <utility>

#include "shadow/session_requests.h"
#include "shadow/session_tap.h"
#include "shadow/setting_binding.h"
#include "shadow/tap_reading.h"

// What a session's statements come to beside operations that are offered: settings, statements that
// no rule covers, and rules that are off.

namespace parallax::shadow {

std::span<const SettingEffect> SessionTap::effects_of(const protocol::Command& command,
                                                      const KnownStatement& statement) {
  static const SettingEffect unknown;
  const auto& effects = statement.setting_effects;
  if (effects.empty()) return {};
  if (const auto* bound = dynamic_cast<const SettingBinding*>(command.binding.get()))
    return bound->effects;
  const auto index = command.simple ? statement_index_ : 0;
  const bool clear = index < effects.size() && !takes_parameters(effects);
  return clear ? std::span(effects[index]) : std::span(&unknown, 1);
}

const ReplayContextRef& SessionTap::replay_context() {
  if (replay_revision_ == context_.revision()) return replay_context_;
  replay_revision_ = context_.revision();
  auto now = context_.replay_context();
  if (now != *replay_context_)
    replay_context_ = std::make_shared<const ReplayContext>(std::move(now));
  return replay_context_;
}

protocol::StatementRef SessionTap::uncovered(std::shared_ptr<KnownStatement> known,
                                             std::string_view sql, std::string_view text,
                                             std::string_view name) const {
  if (!known->may_be_covered || (text.size() == sql.size() && name.empty())) return known;
  const auto* rule = worker_.now_->rules->tagged(read_operation(sql, text, name));
  if (rule == nullptr) return known;
  auto unknown = std::make_shared<UnknownTagged>();
  unknown->statement = std::move(known);
  unknown->rule = rule;
  return unknown;
}

// A tagged operation drifts where its statement has changed and its rule has not.
void SessionTap::count_uncovered(const protocol::Command& command,
                                 const KnownStatement& statement) {
  const auto* unknown = dynamic_cast<const UnknownTagged*>(command.statement.get());
  const auto* prepared = dynamic_cast<const PreparedStatement*>(command.statement.get());
  const auto* rule = unknown != nullptr ? unknown->rule : nullptr;
  if (prepared != nullptr) rule = prepared->tagged;
  if (statement.rules != worker_.now_->rules) rule = nullptr;
  if (rule != nullptr) worker_.shard_.add(worker_.now_->metrics->of(*rule).unknown_tagged);
  worker_.report_uncovered(statement, rule);
}

void SessionTap::lived(const Request& request, const Ending& ending) {
  if (request.generation->intake == nullptr || request.skip == SkipReason::pin) return;
  request.generation->intake->lived({static_cast<std::uint32_t>(request.rule->index), request.side,
                                     static_cast<float>(ending.seconds), ending.completed_ns});
}

void SessionTap::count_off(const Rule& rule, Side side, double seconds) {
  const auto& metrics = worker_.now_->metrics->of(rule);
  auto& shard = worker_.shard_;
  shard.add(metrics.operations);
  shard.add(metrics.of(side).statements);
  if (!rule.has_children(side)) shard.observe(metrics.of(side).live_duration, seconds);
  shard.add(metrics.skipped[static_cast<std::size_t>(SkipReason::off)]);
}

}  // namespace parallax::shadow
