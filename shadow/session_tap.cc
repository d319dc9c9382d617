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

protocol::StatementRef SessionTap::on_query(std::string_view sql, bool whole) {
  if (!whole || sql.size() > kSqlBytesMax) return std::make_shared<KnownStatement>();  // unreadable
  const auto text = without_outer_comments(sql);
  auto statement = worker_.know(text);
  const auto& found = statement->literal_match;
  if (!found.root && !found.shape_of && found.children.empty())
    return uncovered(std::move(statement), sql, text, {});
  if (worker_.is_off(statement->known)) return statement;
  auto simple = std::make_shared<SimpleRequest>();
  begin(simple->request, found, {});
  if (statement->known.in_operations()) simple->request.tags = read_tags(sql, text, {});
  simple->request.statement.sql = statement->text;
  simple->statement = std::move(statement);
  return simple;
}

protocol::StatementRef SessionTap::on_parse(const protocol::ParseView& parse, bool whole) {
  if (!whole || parse.sql.size() > kSqlBytesMax) return std::make_shared<KnownStatement>();
  const auto text = without_outer_comments(parse.sql);
  auto statement = worker_.know(text);
  // One with a name may live until the rules are read again.
  if (!statement->known.covered() && (parse.name.empty() || !statement->may_be_covered))
    return uncovered(std::move(statement), parse.sql, text, parse.name);
  auto prepared = std::make_shared<PreparedStatement>();
  if (!statement->known.covered())
    prepared->tagged = worker_.now_->rules->tagged(read_operation(parse.sql, text, parse.name));
  if (statement->known.in_operations()) prepared->tags = read_tags(parse.sql, text, parse.name);
  prepared->statement = std::move(statement);
  prepared->declared = PreparedStatement::read_types(parse.parameter_types);
  return prepared;
}

// A text that was looked up in former rules is looked up again.
std::shared_ptr<const KnownStatement> SessionTap::bound_statement(
    const protocol::StatementRef& note) {
  if (auto* prepared = dynamic_cast<PreparedStatement*>(note.get())) {
    auto& statement = prepared->statement;
    if (statement->rules != worker_.now_->rules) {
      statement = worker_.know(statement->text);
      prepared->tagged = nullptr;
    }
    return statement;
  }
  return worker_.know_again({note, known_statement(note)});
}

protocol::BindingRef SessionTap::on_bind(const protocol::StatementRef& note,
                                         const protocol::BindView& bind, bool whole) {
  const auto statement = bound_statement(note);
  if (statement == nullptr) return nullptr;
  if (takes_parameters(statement->setting_effects)) {
    const auto parameters = whole ? read_parameters(bind, nullptr) : std::nullopt;
    if (!parameters) return nullptr;
    return bind_settings(statement->setting_effects.front(), *parameters);
  }
  if (!statement->known.covered()) return nullptr;
  if (worker_.is_off(statement->known)) return worker_.off_;
  auto binding = std::make_shared<Binding>();
  const auto unread = [&](SkipReason why) {
    if (statement->known.roots.empty()) return std::shared_ptr<Binding>();
    binding->request.generation = worker_.now_;
    binding->request.rule = statement->known.roots.front().rule;
    binding->request.side = statement->known.roots.front().side;
    binding->request.skip = why;
    binding->request.strict = strict_rules(binding->request);
    return binding;
  };
  if (!whole) return unread(SkipReason::too_large);
  const auto* prepared = dynamic_cast<const PreparedStatement*>(note.get());
  auto parameters = read_parameters(bind, prepared);
  if (!parameters) return nullptr;
  auto found = RuleSet::match(statement->known, *parameters);
  if (has_untyped(*parameters)) {
    // What these bytes mean was left to the server. Where they are named, verification knows it;
    // pins and lists of children cannot be read.
    if (!found.root) return unread(SkipReason::context);
    found.children.clear();
  }
  if (!found.root && !found.shape_of && found.children.empty()) return nullptr;
  auto& request = binding->request;
  begin(request, std::move(found), bind.result_formats);
  if (prepared != nullptr) request.tags = prepared->tags;
  if (request.rule == nullptr || !request.skip) {
    request.statement.sql = statement->text;
    request.statement.parameters = std::move(*parameters);
  }
  return binding;
}

void SessionTap::begin(Request& request, Matches found, protocol::Bytes formats) {
  request.generation = worker_.now_;
  auto* open = worker_.now_->options.open_operations;
  if (found.root) {
    request.rule = found.root->rule;
    request.side = found.root->side;
    if (worker_.now_->options.modes.off(*request.rule)) {
      request.skip = SkipReason::off;
    } else if (request.side == Side::rewrite && !request.rule->reversible) {
      request.skip = SkipReason::one_way;
    } else if (worker_.now_->options.modes.of(*request.rule) != Mode::strict &&
               !worker_.draw(*request.rule)) {
      request.skip = SkipReason::sampled_out;
    } else {
      request.values = std::move(found.root->values);
      if (request.rule->has_children(request.side) && open != nullptr)
        request.mark = open->open(*request.rule);
    }
  } else if (found.shape_of) {
    request.rule = found.shape_of->rule;
    request.side = found.shape_of->side;
    request.skip =
        worker_.now_->options.modes.off(*request.rule) ? SkipReason::off : SkipReason::pin;
  }
  bool orphan = request.rule == nullptr;
  for (auto& child : found.children) {
    // One that selects nothing may come after its operation is complete.
    orphan = orphan && has_members(child);
    if (open == nullptr || open->any(*child.place.rule))
      request.children.push_back(std::move(child));
  }
  if (orphan && request.children.empty())
    worker_.shard_.add(worker_.now_->metrics->orphan(OrphanReason::no_operation));
  request.strict = strict_rules(request);
  if (is_wanted(request))
    request.capture = std::make_unique<LiveCapture>(worker_.captures_, formats);
}

// Nothing is copied that will not be looked at.
bool SessionTap::is_wanted(const Request& request) const {
  if (!request.strict.empty())
    return true;  // what stands in the way is known when its answer has come
  if (!request.children.empty() && !context_.obstacle()) return true;
  if (request.rule == nullptr || request.skip || obstacle(request, *request.rule)) return false;
  // The lists of children are columns of their parents' rows.
  if (request.rule->has_children(request.side)) return true;
  return !request.rule->source.compare.snapshot_only && worker_.now_->options.live;
}

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
