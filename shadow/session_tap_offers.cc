// What a session's statements offer to the engine: operations, and parts of operations.

#include <memory>
#include <utility>

#include "shadow/session_requests.h"
#include "shadow/session_tap.h"
#include "shadow/tap_reading.h"

namespace parallax::shadow {

void SessionTap::operation(Request& request, const Ending& ending, LiveResult live,
                           std::optional<SkipReason> skip) {
  const Rule& rule = *request.rule;
  const auto generation = request.generation;
  const bool held = hold_for(request, rule).has_value();
  const auto& metrics = generation->metrics->of(rule);
  auto& shard = worker_.shard_;
  shard.add(metrics.operations);
  const auto& side = metrics.of(request.side);
  shard.add(side.statements);
  // Of several statements the engine knows when the last has come.
  if (!rule.has_children(request.side)) shard.observe(side.live_duration, ending.seconds);
  // What strict mode holds takes as long as the comparison.
  if (request.strict.empty() && ending.end == protocol::CommandEnd::completed)
    lived(request, ending);
  if (!skip) skip = request.skip;
  if (!skip) skip = live_failure(ending.end, ending.sqlstate);
  if (!skip) skip = obstacle(request, rule);
  if (skip) {
    shard.add(metrics.skipped[static_cast<std::size_t>(*skip)]);
    if (skip != SkipReason::pin) uncompared(request, rule, name(*skip));
    return;
  }
  shard.add(metrics.in_flight, 1);
  if (const auto dropped = generation->offer(captured(request, ending, std::move(live)))) {
    shard.add(metrics.in_flight, -1);
    shard.add(metrics.dropped[static_cast<std::size_t>(*dropped)]);
    uncompared(request, rule, name(*dropped));
  } else if (held) {
    ++held_.answers;
  }
}

Captured SessionTap::captured(Request& request, const Ending& ending, LiveResult live) const {
  auto hold = hold_for(request, *request.rule);
  if (request.rule->has_children(request.side)) {
    CapturedStatement root;
    root.root = RootMatch{request.rule, std::move(request.values), request.side};
    root.mark = std::move(request.mark);
    root.tags = std::move(request.tags);
    root.session_id = session_id_;
    root.strict = std::move(hold);
    root.context = ending.context;
    root.statement = std::move(request.statement);
    root.live = std::move(live);
    return root;
  }
  CapturedOperation operation;
  operation.rule = request.rule;
  operation.session_id = session_id_;
  if (hold) operation.strict = hold->ticket;
  operation.context = ending.context;
  operation.statement = std::move(request.statement);
  operation.values = std::move(request.values);
  operation.live = std::move(live);
  operation.live_seconds = ending.seconds;
  return operation;
}

// What may be a child: the engine knows whether it is one.
void SessionTap::child(Request& request, const Ending& ending, const LiveResult& live,
                       std::optional<SkipReason> skip) {
  CapturedStatement child;
  child.strict = hold_of_child(request);
  child.children = std::move(request.children);
  child.tags = request.tags;
  child.session_id = session_id_;
  child.context = ending.context;
  child.live = live;
  // The root of another rule has the same rows, and describes them its own way.
  if (request.rule != nullptr && live.result != nullptr)
    child.live.result = std::make_shared<ResultSet>(*live.result);
  if (!skip) skip = live_failure(ending.end, ending.sqlstate);
  child.skip = skip ? skip : context_.obstacle();
  child.strict_skip = skip ? skip : session_obstacle(child.strict);
  const auto hold = child.strict;
  if (request.generation->offer(std::move(child))) {
    worker_.shard_.add(request.generation->metrics->orphan(OrphanReason::dropped));
    if (hold) uncompared(request, *hold->rules.front(), name(OrphanReason::dropped));
  } else if (hold) {
    ++held_.answers;
  }
}

std::optional<SkipReason> SessionTap::obstacle(const Request& request, const Rule& rule) const {
  const auto hold = hold_for(request, rule);
  if (const auto reason = session_obstacle(hold)) return reason;
  switch (request.generation->rule_state(rule)) {
    case RuleState::unverified:
      // In strict mode the client waits for the verification as well.
      if (hold) return std::nullopt;
      return SkipReason::unverified;
    case RuleState::broken:
      return SkipReason::broken;
    case RuleState::ready:
    case RuleState::context_drift:
      return std::nullopt;
  }
  return SkipReason::unverified;
}

}  // namespace parallax::shadow
