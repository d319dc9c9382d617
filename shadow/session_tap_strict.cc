// Strict mode: which answers are held, and what becomes of their operations.

#include <algorithm>
#include <utility>

#include "shadow/rules/concat.h"
#include "shadow/session_requests.h"
#include "shadow/session_tap.h"
#include "shadow/strict/strict_message.h"
#include "shadow/tap_reading.h"

namespace parallax::shadow {

bool SessionTap::is_strict(const Request& request) const {
  const auto strict = [&request](const Rule& rule) {
    return request.generation->options.modes.of(rule) == Mode::strict;
  };
  const bool root =
      request.rule != nullptr && request.skip != SkipReason::pin && strict(*request.rule);
  return root || std::ranges::any_of(request.children, [&](const ChildMatch& child) {
           return strict(*child.place.rule);
         });
}

SessionTap::Request* SessionTap::request_of(const protocol::CommandNotes& command) {
  if (auto* binding = dynamic_cast<Binding*>(command.binding.get())) return &binding->request;
  if (auto* simple = dynamic_cast<SimpleRequest*>(command.statement.get())) return &simple->request;
  return nullptr;
}

bool SessionTap::holds(const protocol::CommandNotes& command) const {
  const Request* request = request_of(command);
  // It may have been bound before the switch was set.
  return may_hold() && request != nullptr && request->strict && !request->ended;
}

StrictSession::Held SessionTap::complete(const protocol::CommandNotes& command,
                                         std::string_view tag, const StrictTicket& ticket,
                                         double seconds) {
  Request* request = request_of(command);
  if (request == nullptr || request->ended) return {};
  request->ticket = ticket;
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
  request->ticket.reset();
  return std::exchange(held_, {});
}

bool SessionTap::on_own_connection(const Request& request) {
  return request.ticket && request.ticket->in_transaction;
}

void SessionTap::uncompared(const Request& request, const Rule& rule, std::string_view why) {
  if (!request.ticket || held_.refusal || !request.generation->options.strict.fail_uncompared)
    return;
  if (request.generation->options.modes.of(rule) != Mode::strict) return;
  held_.refusal = uncompared_refusal(rule, why);
}

}  // namespace parallax::shadow
