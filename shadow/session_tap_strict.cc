// Strict mode: which answers are held, and what becomes of their operations.

#include <algorithm>
#include <utility>

#include "shadow/rules/concat.h"
#include "shadow/session_requests.h"
#include "shadow/session_tap.h"
#include "shadow/strict/strict_message.h"
#include "shadow/tap_reading.h"

namespace parallax::shadow {

std::vector<const Rule*> SessionTap::strict_rules(const Request& request) {
  std::vector<const Rule*> rules;
  if (request.rule != nullptr && request.skip != SkipReason::pin) rules.push_back(request.rule);
  for (const ChildMatch& child : request.children) rules.push_back(child.place.rule);
  const auto& modes = request.generation->options.modes;
  std::erase_if(rules, [&](const Rule* rule) { return modes.of(*rule) != Mode::strict; });
  return rules;
}

std::optional<StrictHold> SessionTap::hold_for(const Request& request, const Rule& rule) {
  if (!request.hold || !request.hold->is_for(rule)) return std::nullopt;
  return StrictHold{request.hold->ticket, {&rule}};
}

std::optional<StrictHold> SessionTap::hold_of_child(const Request& request) {
  if (!request.hold) return std::nullopt;
  StrictHold hold{request.hold->ticket, {}};
  for (const ChildMatch& child : request.children) {
    if (request.hold->is_for(*child.place.rule)) hold.rules.push_back(child.place.rule);
  }
  return hold.rules.empty() ? std::nullopt : std::optional(std::move(hold));
}

SessionTap::Request* SessionTap::request_of(const protocol::CommandNotes& command) {
  if (auto* binding = dynamic_cast<Binding*>(command.binding.get())) return &binding->request;
  if (auto* simple = dynamic_cast<SimpleRequest*>(command.statement.get())) return &simple->request;
  return nullptr;
}

bool SessionTap::holds(const protocol::CommandNotes& command) const {
  const Request* request = request_of(command);
  // It may have been bound before the switch was set.
  return may_hold() && request != nullptr && !request->strict.empty() && !request->ended;
}

StrictSession::Held SessionTap::complete(const protocol::CommandNotes& command,
                                         std::string_view tag, const StrictTicket& ticket,
                                         double seconds) {
  Request* request = request_of(command);
  if (request == nullptr || request->ended) return {};
  request->hold = StrictHold{ticket, request->strict};
  request->hold->ticket.temporary_objects = context_.made_temporary_objects();
  // Of those that were strict when it was bound the switch may have taken some out since.
  const auto& modes = request->generation->options.modes;
  std::erase_if(request->hold->rules,
                [&](const Rule* rule) { return modes.of(*rule) != Mode::strict; });
  Ending ending{protocol::CommandEnd::completed, {}, seconds, 0, replay_context()};
  auto rows = rows_of_tag(tag);
  const auto open = std::ranges::find_if(
      open_portals_, [&](const OpenPortal& portal) { return portal.binding == command.binding; });
  if (open != open_portals_.end()) {  // the duration is that of the first Execute
    ending = open->ending;
    open_portals_.erase(open);
    rows = request->capture == nullptr ? std::nullopt : std::optional(request->capture->rows());
  }
  // Whether the server is in the block still is not known before its next ReadyForQuery.
  const bool unsure = ticket.in_transaction && block_may_have_ended_;
  end_request(*request, ending, rows, unsure ? std::optional(SkipReason::context) : std::nullopt);
  request->hold.reset();
  return std::exchange(held_, {});
}

void SessionTap::uncompared(const Request& request, const Rule& rule, std::string_view why) {
  const bool fails = request.generation->options.strict.fail_uncompared;
  if (!hold_for(request, rule) || held_.refusal || !fails) return;
  held_.refusal = uncompared_refusal(rule, why);
}

}  // namespace parallax::shadow
