// What passes on its way to the server: what a statement and its parameters come to, and what is
// kept of them until they are answered.

#include <utility>

#include "shadow/live_capture.h"
#include "shadow/rules/bulk_write.h"
#include "shadow/session_requests.h"
#include "shadow/session_tap.h"
#include "shadow/setting_binding.h"
#include "shadow/tap_reading.h"

namespace parallax::shadow {

protocol::StatementRef SessionTap::on_query(std::string_view sql, bool whole) {
  if (!whole || sql.size() > kSqlBytesMax) return worker_.unreadable_;
  const auto text = without_outer_comments(sql);
  if (is_bulk_write(text)) return worker_.bulk_write_;
  if (!worker_.may_keep(text, false)) return worker_.unreadable_;
  auto statement = worker_.know(text);
  const auto& found = statement->literal_match;
  if (!found.root && !found.shape_of && found.children.empty())
    return uncovered(std::move(statement), sql, text, {});
  if (worker_.is_off(statement->known)) return statement;
  auto simple = std::make_shared<SimpleRequest>();
  if (worker_.has_room()) {
    begin(simple->request, found, {});
  } else {
    if (!found.children.empty())
      worker_.shard_.add(worker_.now_->metrics->orphan(OrphanReason::dropped));
    if (!found.root && !found.shape_of) return statement;
    if (found.root) {
      leave_unread(simple->request, *found.root->rule, found.root->side, SkipReason::too_large);
    } else {
      leave_unread(simple->request, *found.shape_of->rule, found.shape_of->side, SkipReason::pin);
    }
  }
  if (statement->known.in_operations()) simple->request.tags = read_tags(sql, text, {});
  if (!simple->request.skip) simple->request.statement.sql = statement->text;
  simple->held = worker_.hold(sizeof *simple + simple->request.bytes());
  simple->statement = std::move(statement);
  return simple;
}

protocol::StatementRef SessionTap::on_parse(const protocol::ParseView& parse, bool whole) {
  if (!whole || parse.sql.size() > kSqlBytesMax) return worker_.unreadable_;
  const auto text = without_outer_comments(parse.sql);
  if (is_bulk_write(text)) return worker_.bulk_write_;
  if (!worker_.may_keep(text, !parse.name.empty())) return worker_.unreadable_;
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
  prepared->held = worker_.hold(prepared->size());
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
  whole = whole && worker_.has_room();
  if (takes_parameters(statement->setting_effects)) {
    const auto parameters = whole ? read_parameters(bind, nullptr) : std::nullopt;
    if (!parameters) return nullptr;
    auto settings = bind_settings(statement->setting_effects.front(), *parameters);
    settings->held = worker_.hold(settings->size());
    return settings;
  }
  if (!statement->known.covered()) return nullptr;
  if (worker_.is_off(statement->known)) return worker_.off_;
  auto binding = std::make_shared<Binding>();
  const auto unread = [&](SkipReason why) {
    if (statement->known.roots.empty()) return std::shared_ptr<Binding>();
    const auto& root = statement->known.roots.front();
    leave_unread(binding->request, *root.rule, root.side, why);
    binding->held = worker_.hold(sizeof *binding);
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
  const auto formats = bind.result_formats.size() / 16;  // as the capture keeps them
  binding->held = worker_.hold(sizeof *binding + request.bytes() + formats);
  return binding;
}

// An operation that counts, and of which nothing is kept.
void SessionTap::leave_unread(Request& request, const Rule& rule, Side side, SkipReason why) {
  request.generation = worker_.now_;
  request.rule = &rule;
  request.side = side;
  request.skip = why;
  request.strict = strict_rules(request);
}

std::size_t SessionTap::Request::bytes() const {
  std::size_t total = shadow::bytes_of(statement) + shadow::bytes_of(values) + tags.bytes();
  for (const auto& child : children) total += sizeof child + shadow::bytes_of(child.values);
  if (capture != nullptr) total += sizeof *capture;
  return total;
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

}  // namespace parallax::shadow
