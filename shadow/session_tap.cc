#include "shadow/session_tap.h"

#include <algorithm>
#include <utility>

namespace parallax::shadow {

namespace {

constexpr std::size_t kSimple = 0;
constexpr std::size_t kExtended = 1;

// A statement prepared with declared parameter types: those belong to this Parse, not to the text.
struct TypedStatement final : protocol::StatementNote {
  std::shared_ptr<KnownStatement> statement;
  std::vector<std::uint32_t> types;
};

// What a Bind means: the rule that it matches, or whose shape but not pins it fits.
struct Binding final : protocol::BindingNote {
  const Rule* rule = nullptr;
  std::optional<SkipReason> skip;  // decided when the Bind passed: pin, sampled_out, too_large
  BoundStatement legacy;
  NamedValues values;
};

struct StatementAndTypes {
  const KnownStatement* statement = nullptr;
  const std::vector<std::uint32_t>* types = nullptr;
};

StatementAndTypes read_note(const protocol::StatementRef& note) {
  if (const auto* typed = dynamic_cast<const TypedStatement*>(note.get())) {
    return {typed->statement.get(), &typed->types};
  }
  return {dynamic_cast<const KnownStatement*>(note.get()), nullptr};
}

// The client's statement failed for a reason that lies outside it, so that a replay proves nothing.
std::optional<SkipReason> live_failure(const protocol::Command& command) {
  if (command.end != protocol::CommandEnd::failed) return std::nullopt;
  const auto state_class = command.sqlstate.substr(0, 2);
  // Invalid transaction state (25P02: the block had failed before), object not in prerequisite
  // state (55P03).
  if (state_class == "25" || state_class == "55") return SkipReason::context;
  for (const std::string_view outside : {"08", "40", "53", "57", "58", "XX"}) {
    if (state_class == outside) return SkipReason::server;
  }
  return std::nullopt;
}

// The parameters of a Bind as values; nothing when the message is malformed (the server will say
// so).
std::optional<std::vector<Value>> read_parameters(const protocol::BindView& bind,
                                                  const std::vector<std::uint32_t>* types) {
  std::vector<Value> values;
  values.reserve(bind.parameter_count);
  protocol::ByteReader reader(bind.parameters);
  for (std::size_t i = 0; i < bind.parameter_count; ++i) {
    Value value;
    value.binary = bind.parameter_format(i) == 1;
    value.type_oid = types != nullptr && i < types->size() ? (*types)[i] : 0;
    const auto length = reader.i32();
    if (!length) return std::nullopt;
    value.null = *length < 0;
    if (!value.null) {
      const auto bytes = reader.bytes(static_cast<std::size_t>(*length));
      if (!bytes) return std::nullopt;
      value.bytes = protocol::as_text(*bytes);
    }
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace

SessionTap::SessionTap(WorkerTap& worker, std::uint64_t session_id,
                       const protocol::StartupParameters& startup)
    : worker_(worker),
      session_id_(session_id),
      context_(startup, worker.options_.user, worker.options_.database),
      replay_context_(std::make_shared<const ReplayContext>(
          ReplayContext{context_.settings(), std::string(startup.user())})) {}

protocol::StatementRef SessionTap::on_query(std::string_view sql, bool whole) {
  if (whole && sql.size() <= kSqlBytesMax) return worker_.know(sql);
  return std::make_shared<KnownStatement>();  // not readable
}

protocol::StatementRef SessionTap::on_parse(const protocol::ParseView& parse, bool whole) {
  if (!whole || parse.sql.size() > kSqlBytesMax) return std::make_shared<KnownStatement>();
  auto statement = worker_.know(parse.sql);
  if (statement->known.candidates.empty() || parse.parameter_types.empty()) return statement;
  auto typed = std::make_shared<TypedStatement>();
  typed->statement = std::move(statement);
  protocol::ByteReader reader(parse.parameter_types);
  while (const auto type = reader.u32()) typed->types.push_back(*type);
  return typed;
}

protocol::BindingRef SessionTap::on_bind(const protocol::StatementRef& note,
                                         const protocol::BindView& bind, bool whole) {
  const auto [statement, types] = read_note(note);
  if (statement == nullptr || statement->known.candidates.empty()) return nullptr;
  auto binding = std::make_shared<Binding>();
  if (!whole) {
    binding->rule = statement->known.candidates.front();
    binding->skip = SkipReason::too_large;
    return binding;
  }
  auto parameters = read_parameters(bind, types);
  if (!parameters) return nullptr;
  if (std::any_of(parameters->begin(), parameters->end(), [](const Value& value) {
        return value.binary && !value.null && value.type_oid == 0;
      })) {
    // What these bytes mean was left to the server, which may decide otherwise in the rewrite.
    binding->rule = statement->known.candidates.front();
    binding->skip = SkipReason::context;
    return binding;
  }
  auto found = worker_.rules_.match(statement->known, *parameters);
  if (const auto* none = std::get_if<NoMatch>(&found)) {
    if (none->shape_of == nullptr) return nullptr;
    binding->rule = none->shape_of;
    binding->skip = SkipReason::pin;
    return binding;
  }
  auto& match = std::get<Match>(found);
  binding->rule = match.rule;
  if (!worker_.draw(match.rule->sample)) {
    binding->skip = SkipReason::sampled_out;
    return binding;
  }
  binding->values = std::move(match.values);
  binding->legacy.sql = statement->text;
  binding->legacy.parameters = std::move(*parameters);
  return binding;
}

void SessionTap::on_command(const protocol::Command& command) {
  const auto [statement, types] = read_note(command.statement);
  const bool covered = statement != nullptr && !statement->known.candidates.empty();
  if (command.first) {
    const auto protocol = command.simple ? kSimple : kExtended;
    worker_.shard_.add(worker_.metrics_.statements[protocol][covered ? 1 : 0]);
    if (covered && command.simple) simple_operation(*statement, command);
    if (auto* binding = dynamic_cast<Binding*>(command.binding.get());
        binding != nullptr && covered) {
      CapturedOperation captured;
      captured.legacy = std::move(binding->legacy);
      captured.values = std::move(binding->values);
      operation(*binding->rule, command, binding->skip, &captured);
    }
    if (!covered && statement != nullptr && command.tag.starts_with("SELECT"))
      worker_.report_uncovered(*statement);
  }
  if (command.end == protocol::CommandEnd::failed) return;
  // Everything but an error may have changed the session: also a portal that was suspended
  // half-way.
  const bool known = statement != nullptr && statement->readable;
  if (!known) context_.unreadable();
  context_.completed(command.tag, known ? &statement->known.shape : nullptr);
}

void SessionTap::simple_operation(const KnownStatement& statement,
                                  const protocol::Command& command) {
  if (const auto* none = std::get_if<NoMatch>(&statement.literal_match)) {
    if (none->shape_of != nullptr) operation(*none->shape_of, command, SkipReason::pin, nullptr);
    return;
  }
  const auto& match = std::get<Match>(statement.literal_match);
  if (!worker_.draw(match.rule->sample)) {
    operation(*match.rule, command, SkipReason::sampled_out, nullptr);
    return;
  }
  CapturedOperation captured;
  captured.legacy.sql = statement.text;
  captured.values = match.values;
  operation(*match.rule, command, std::nullopt, &captured);
}

void SessionTap::operation(const Rule& rule, const protocol::Command& command,
                           std::optional<SkipReason> skip, CapturedOperation* captured) {
  const auto& metrics = worker_.metrics_.of(rule);
  auto& shard = worker_.shard_;
  shard.add(metrics.operations);
  shard.add(metrics.legacy_statements);
  shard.observe(metrics.live_duration,
                static_cast<double>(command.completed_ns - command.requested_ns) * 1e-9);
  if (!skip) skip = live_failure(command);
  if (!skip) skip = obstacle(rule);
  if (skip) {
    shard.add(metrics.skipped[static_cast<std::size_t>(*skip)]);
    return;
  }
  captured->rule = &rule;
  captured->session_id = session_id_;
  captured->context = replay_context_;
  if (command.end == protocol::CommandEnd::failed) {
    // Some poolers send errors without SQLSTATE; XX000 is what clients make of it.
    captured->live.sqlstate = command.sqlstate.empty() ? "XX000" : std::string(command.sqlstate);
  }
  shard.add(metrics.in_flight, 1);
  if (const auto dropped = worker_.intake_.offer(std::move(*captured))) {
    shard.add(metrics.in_flight, -1);
    shard.add(metrics.dropped[static_cast<std::size_t>(*dropped)]);
  }
}

std::optional<SkipReason> SessionTap::obstacle(const Rule& rule) const {
  if (const auto reason = context_.obstacle()) return reason;
  switch (worker_.rule_state_(rule)) {
    case RuleState::unverified:
      return SkipReason::unverified;
    case RuleState::broken:
      return SkipReason::broken;
    case RuleState::ready:
    case RuleState::context_drift:
      return std::nullopt;
  }
  return SkipReason::unverified;
}

void SessionTap::on_parameter_status(std::string_view name, std::string_view value) {
  context_.parameter_status(name, value);
}

void SessionTap::on_ready(char transaction_status) { context_.ready(transaction_status); }

// Counted and logged by the session, which loses its way with or without a tap.
void SessionTap::on_lost(std::string_view) {}

}  // namespace parallax::shadow
