#include "shadow/session_tap.h"

#include <algorithm>
#include <utility>

#include "shadow/live_capture.h"
#include "shadow/session_requests.h"
#include "shadow/setting_binding.h"
#include "shadow/tap_reading.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kSimple = 0;
constexpr std::size_t kExtended = 1;

double seconds_of(const protocol::Command& command) {
  return static_cast<double>(command.completed_ns - command.requested_ns) * 1e-9;
}

}  // namespace

SessionTap::SessionTap(WorkerTap& worker, std::uint64_t session_id,
                       const protocol::StartupParameters& startup)
    : worker_(worker),
      session_id_(session_id),
      context_(startup, worker.now_->options.user, worker.now_->options.database,
               worker.now_->options.identity),
      replay_context_(std::make_shared<const ReplayContext>(context_.replay_context())) {}

const KnownStatement* SessionTap::known_statement(const protocol::StatementRef& note) {
  const auto* request = dynamic_cast<const SimpleRequest*>(note.get());
  return request != nullptr ? request->statement.get() : parsed_statement(note);
}

SessionTap::~SessionTap() { end_open_portals(SkipReason::incomplete); }

void SessionTap::on_command(const protocol::Command& command) {
  statement_index_ = command.first ? 0 : statement_index_ + 1;
  const auto* statement = known_statement(command.statement);
  const bool covered = statement != nullptr && statement->known.covered();
  if (command.first) {
    const auto protocol = command.simple ? kSimple : kExtended;
    worker_.shard_.add(worker_.now_->metrics->statements[protocol][covered ? 1 : 0]);
    if (command.simple && statement != nullptr) simple_operation(command, *statement);
    if (!covered && statement != nullptr && command.tag.starts_with("SELECT"))
      count_uncovered(command, *statement);
  }
  // Covered or not: under the rules of when it was bound it may have been.
  if (!command.simple && statement != nullptr) portal_operation(command, *statement);
  if (command.end == protocol::CommandEnd::failed) return;
  // Everything but an error may have changed the session: also a portal that was suspended
  // half-way.
  block_may_have_ended_ = block_may_have_ended_ || may_end_block(command.tag);
  const bool known = statement != nullptr && statement->readable;
  if (!known) {
    context_.unreadable();
    return context_.completed(command.tag, nullptr, {});
  }
  context_.completed(command.tag, &statement->known.shape, effects_of(command, *statement));
}

void SessionTap::simple_operation(const protocol::Command& command,
                                  const KnownStatement& statement) {
  auto* simple = dynamic_cast<SimpleRequest*>(command.statement.get());
  if (simple != nullptr) {
    if (simple->request.ended) return;
    return end_request(simple->request, ending_of(command), rows_of_tag(command.tag), std::nullopt);
  }
  const auto known = worker_.know_again({command.statement, &statement});
  const auto& match = known->literal_match;
  if (match.root) {
    count_off(*match.root->rule, match.root->side, seconds_of(command));
  } else if (match.shape_of) {
    count_off(*match.shape_of->rule, match.shape_of->side, seconds_of(command));
  }
}

// A portal that was suspended (the row limit of Execute) may be gone on with: its operation ends
// with its last row, or with the transaction that it lives in.
void SessionTap::portal_operation(const protocol::Command& command,
                                  const KnownStatement& statement) {
  if (command.binding == worker_.off_) {
    const auto known = worker_.know_again({command.statement, &statement});
    const auto& roots = known->known.roots;
    // Its portal may be gone on with, or not.
    if (!roots.empty() && command.first)
      count_off(*roots.front().rule, roots.front().side, seconds_of(command));
    return;
  }
  auto* binding = dynamic_cast<Binding*>(command.binding.get());
  if (binding == nullptr || binding->request.ended) return;
  const auto open = std::find_if(
      open_portals_.begin(), open_portals_.end(),
      [&command](const OpenPortal& portal) { return portal.binding == command.binding; });
  if (open == open_portals_.end()) {
    if (command.end == protocol::CommandEnd::suspended && !binding->request.skip) {
      open_portals_.push_back({command.binding, ending_of(command)});
      return;
    }
    end_request(binding->request, ending_of(command), rows_of_tag(command.tag), std::nullopt);
    return;
  }
  if (command.end == protocol::CommandEnd::suspended) return;
  Ending ending = open->ending;  // the duration is that of the first Execute
  ending.end = command.end;
  ending.sqlstate = command.sqlstate;
  open_portals_.erase(open);
  const auto& capture = binding->request.capture;
  const auto rows = capture == nullptr ? std::nullopt : std::optional(capture->rows());
  end_request(binding->request, ending, rows, std::nullopt);
}

void SessionTap::end_request(Request& request, const Ending& ending,
                             std::optional<std::uint64_t> rows, std::optional<SkipReason> skip) {
  request.ended = true;
  LiveResult live;
  live.side = request.side;
  live.seconds = ending.seconds;
  live.rows = rows;
  if (request.capture != nullptr) {
    if (rows && ending.context == replay_context()) live.result = request.capture->take();
    request.capture.reset();
  }
  if (ending.end == protocol::CommandEnd::failed) {
    live.result = nullptr;
    live.rows.reset();
    // Some poolers send errors without SQLSTATE; XX000 is what clients make of it.
    live.sqlstate = ending.sqlstate.empty() ? "XX000" : ending.sqlstate;
  }
  if (!request.children.empty()) child(request, ending, live, skip);
  if (request.rule != nullptr) operation(request, ending, std::move(live), skip);
  request.mark = OpenMark();
  request.generation.reset();
}

// The client has taken a part of the rows; of the statement the snapshot can tell.
void SessionTap::end_open_portals(std::optional<SkipReason> skip) {
  for (auto& portal : std::exchange(open_portals_, {})) {
    auto& binding = dynamic_cast<Binding&>(*portal.binding);
    end_request(binding.request, portal.ending, std::nullopt, skip);
  }
}

SessionTap::Ending SessionTap::ending_of(const protocol::Command& command) {
  return {command.end, std::string(command.sqlstate), seconds_of(command), command.completed_ns,
          replay_context()};
}

void SessionTap::on_parameter_status(std::string_view name, std::string_view value) {
  context_.parameter_status(name, value);
}

void SessionTap::on_ready(char transaction_status) {
  // Portals end with their transaction.
  if (transaction_status == 'I' && !open_portals_.empty()) end_open_portals(std::nullopt);
  block_may_have_ended_ = false;
  context_.ready(transaction_status);
}

// Counted and logged by the session, which loses its way with or without a tap.
void SessionTap::on_lost(std::string_view) { end_open_portals(SkipReason::desync); }

}  // namespace parallax::shadow
