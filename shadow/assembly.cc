#include "shadow/assembly.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "shadow/rules/prepared_text.h"
#include "shadow/rules/values.h"

namespace parallax::shadow {

namespace {

// A child reaches the engine before its root when the root's worker has been interrupted between
// two of its calls. Its own operation may then be the one that is not there.
constexpr std::uint64_t kEarlyMaxNs = 250'000'000;

std::string text_or_bytes(const Value& value) { return text_of(value).value_or(value.bytes); }

void append_member(std::string& list, const std::optional<std::string>& member) {
  if (!member) {
    list += "-;";
  } else {
    list.append(std::to_string(member->size())).append(":").append(*member).append(";");
  }
}

bool same_context(const ReplayContextRef& a, const ReplayContextRef& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

const Link& link_of(const ChildMatch& child) { return *child.place.written().link; }

bool is_list(const ChildMatch& child, const std::string& name) {
  return name == link_of(child).list_name;
}

const NamedValue& list_of(const ChildMatch& child) {
  return child.values.find(link_of(child).list_name)->second;
}

}  // namespace

Assembly::ListKeys Assembly::keys_of(const std::vector<std::optional<std::string>>& members) {
  ListKeys keys;
  std::set<std::string> distinct;
  for (const auto& member : members) {
    append_member(keys.list, member);
    if (member) distinct.insert(*member);
  }
  for (const auto& member : distinct) append_member(keys.set, member);
  return keys;
}

Assembly::ListKeys Assembly::keys_of(const NamedValue& list) {
  std::vector<std::optional<std::string>> members;
  for (const Value& value : list.members) {
    members.push_back(value.null ? std::nullopt : std::optional(text_or_bytes(value)));
  }
  return keys_of(members);
}

Assembly::ListKeys Assembly::keys_of(const ResultSet& rows, std::size_t column) {
  const ColumnInfo& info = rows.columns()[column];
  std::vector<std::optional<std::string>> members;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const auto cell = rows.cell(row, column);
    members.push_back(
        cell ? std::optional(text_or_bytes(
                   {false, info.binary, info.binary ? info.type_oid : 0, std::string(*cell)}))
             : std::nullopt);
  }
  return keys_of(members);
}

Assembly::Assembly(std::uint64_t window_ns, Listener listener)
    : window_ns_(window_ns), listener_(std::move(listener)) {}

void Assembly::take(CapturedStatement statement, std::size_t held, std::uint64_t now_ns) {
  if (statement.root) return begin(std::move(statement), held, now_ns);
  if (join(statement, held, false)) return retry_early(now_ns);
  early_.push_back({std::move(statement), held, now_ns + std::min(window_ns_ / 2, kEarlyMaxNs)});
}

void Assembly::begin(CapturedStatement&& root, std::size_t held, std::uint64_t now_ns) {
  Operation operation;
  operation.rule = root.root->rule;
  operation.side = root.root->side;
  operation.values = std::move(root.root->values);
  operation.mark = std::move(root.mark);
  operation.session_id = root.session_id;
  if (root.strict && root.strict->ticket.in_transaction) operation.blocks.insert(root.session_id);
  operation.context = std::move(root.context);
  operation.tags = std::move(root.tags);
  operation.statement = std::move(root.statement);
  operation.parts.resize(operation.rule->of(operation.side).size());
  operation.held.push_back(held);
  operation.deadline_ns = now_ns + window_ns_;
  open_.push_back(std::move(operation));
  fill(std::prev(open_.end()), 0, std::move(root.live));
  retry_early(now_ns);
}

bool Assembly::join(CapturedStatement& child, std::size_t held, bool at_last) {
  const auto found = best_fits(child);
  if (found.empty() || (found.front().tags.contradicts() && !at_last)) return false;
  // One connection serves one operation at a time; else the one that has waited longest.
  const auto own = std::ranges::find_if(
      found, [&](const Fit& fit) { return fit.operation->session_id == child.session_id; });
  const Fit fit = own != found.end() ? *own : found.front();
  const bool brings = brings_values(*fit.operation, *fit.child);
  if (own == found.end() && found.size() > 1 && brings) {
    // Whose values these are cannot be told.
    fit.operation->held.push_back(held);
    std::vector<Operations::iterator> ended;
    for (const Fit& one : found) {
      if (std::ranges::find(ended, one.operation) == ended.end()) ended.push_back(one.operation);
    }
    for (const auto operation : ended) end(operation, SkipReason::ambiguous);
    return true;
  }
  listener_.statement(*fit.operation->rule, fit.operation->side);
  const bool strict = child.strict && child.strict->is_for(*fit.operation->rule);
  if (strict && child.strict->ticket.in_transaction) fit.operation->blocks.insert(child.session_id);
  fit.operation->held.push_back(held);
  for (const auto& [name, value] : fit.child->values) {
    if (!is_list(*fit.child, name)) fit.operation->values.emplace(name, value);
  }
  if (const auto& skip = strict ? child.strict_skip : child.skip) {
    end(fit.operation, *skip);
  } else {
    fill(fit.operation, fit.child->place.statement, std::move(child.live));
  }
  return true;
}

std::vector<Assembly::Fit> Assembly::best_fits(const CapturedStatement& child) {
  std::vector<ListKeys> keys;
  keys.reserve(child.children.size());
  for (const ChildMatch& match : child.children) keys.push_back(keys_of(list_of(match)));
  auto found = fits(child, keys, false);
  keep_nearest(found);
  if (!found.empty() && !found.front().tags.contradicts()) return found;
  auto as_set = fits(child, keys, true);
  keep_nearest(as_set);
  const bool better =
      !as_set.empty() && (found.empty() || found.front().tags < as_set.front().tags);
  return better ? as_set : found;
}

void Assembly::keep_nearest(std::vector<Fit>& found) {
  if (found.size() < 2) return;
  const auto best = std::ranges::max_element(found, {}, &Fit::tags)->tags;
  std::erase_if(found, [&](const Fit& fit) { return fit.tags != best; });
}

std::vector<Assembly::Fit> Assembly::fits(const CapturedStatement& child,
                                          const std::vector<ListKeys>& keys, bool as_set) {
  std::vector<Fit> found;
  for (auto operation = open_.begin(); operation != open_.end(); ++operation) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const ChildMatch& match = child.children[i];
      if (match.place.rule != operation->rule || match.place.side != operation->side) continue;
      const ListKeys& wanted = operation->parts[match.place.statement].keys;
      if (as_set ? keys[i].set != wanted.set : keys[i].list != wanted.list) continue;
      if (fits_at(*operation, match, child.context))
        found.push_back(
            {operation, &match, fit_of(operation->tags, operation->rule->operation(), child.tags)});
    }
  }
  return found;
}

bool Assembly::fits_at(const Operation& operation, const ChildMatch& child,
                       const ReplayContextRef& context) {
  const Part& part = operation.parts[child.place.statement];
  if (part.filled || !operation.parts[link_of(child).parent].filled) return false;
  if (!same_context(operation.context, context)) return false;
  return std::ranges::all_of(child.values, [&](const auto& given) {
    const auto known = operation.values.find(given.first);
    return known == operation.values.end() || same_values(known->second, given.second);
  });
}

bool Assembly::brings_values(const Operation& operation, const ChildMatch& child) {
  return std::ranges::any_of(child.values, [&](const auto& given) {
    return !is_list(child, given.first) && !operation.values.contains(given.first);
  });
}

void Assembly::fill(Operations::iterator operation, std::size_t statement, LiveResult live) {
  Part& part = operation->parts[statement];
  part.filled = true;
  part.live = std::move(live);
  if (!part.live.sqlstate.empty()) return complete(operation);  // nothing follows an error
  if (listener_.stitching(*operation->rule, operation->side) == nullptr)
    return end(operation, SkipReason::unverified);
  if (!derive_lists(*operation, statement)) return end(operation, SkipReason::too_large);
  if (is_complete(*operation)) complete(operation);
}

// What the lists of its children must be. False: its rows are not known.
bool Assembly::derive_lists(Operation& operation, std::size_t parent) {
  const auto* stitching = listener_.stitching(*operation.rule, operation.side);
  auto& parts = operation.parts;
  if (parts[parent].live.result != nullptr)
    parts[parent].live.describe(stitching->parts[parent].columns);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto& link = operation.rule->of(operation.side)[i].link;
    if (link->parent != parent) continue;
    const auto& rows = parts[parent].live.result;
    const std::size_t column = stitching->parts[i].parent_column;
    if (rows == nullptr || rows->columns().size() <= column) return false;
    parts[i].keys = keys_of(*rows, column);
    if (!parts[i].keys.set.empty()) continue;
    // It may come, or not; it has no rows, and neither have its own children.
    parts[i].needed = false;
    parts[i].live.result = std::make_shared<ResultSet>(stitching->parts[i].columns);
    if (!derive_lists(operation, i)) return false;
  }
  return true;
}

// Of a statement that need not come the values may still be wanted.
bool Assembly::is_complete(const Operation& operation) const {
  for (std::size_t i = 0; i < operation.parts.size(); ++i) {
    const Part& part = operation.parts[i];
    if (part.filled) continue;
    if (part.needed) return false;
    for (const SlotGroup& group : operation.rule->of(operation.side)[i].shape.slots) {
      if (group.members.size() != 1 || !is_name(group.members[0])) continue;
      const Slot& slot = group.members[0];
      if (slot.link_dot == 0 && !operation.values.contains(name_of(slot))) return false;
    }
  }
  return true;
}

void Assembly::complete(Operations::iterator operation) {
  CapturedOperation captured;
  captured.rule = operation->rule;
  captured.session_id = operation->session_id;
  captured.blocks = std::move(operation->blocks);
  captured.context = std::move(operation->context);
  captured.statement = std::move(operation->statement);
  captured.live.side = operation->side;
  captured.values = std::move(operation->values);
  std::vector<LiveResult> parts;
  for (Part& part : operation->parts) {
    captured.live.seconds += part.live.seconds;
    if (!part.live.sqlstate.empty()) captured.live.sqlstate = part.live.sqlstate;
    parts.push_back(std::move(part.live));
  }
  captured.live_seconds = captured.live.seconds;
  auto held = std::move(operation->held);
  open_.erase(operation);
  listener_.complete(std::move(captured), std::move(parts), std::move(held));
}

void Assembly::end(Operations::iterator operation, End how) {
  const Rule& rule = *operation->rule;
  const Side side = operation->side;
  auto values = std::move(operation->values);
  auto held = std::move(operation->held);
  open_.erase(operation);
  listener_.ended(rule, side, std::move(values), how, std::move(held));
}

// Each that joins may be what another has waited for.
void Assembly::retry_early(std::uint64_t now_ns) {
  while (join_early(now_ns)) {
  }
}

bool Assembly::join_early(std::uint64_t now_ns) {
  for (auto one = early_.begin(); one != early_.end(); ++one) {
    if (!join(one->statement, one->held, one->deadline_ns <= now_ns)) continue;
    early_.erase(one);
    return true;
  }
  return false;
}

void Assembly::expire(std::uint64_t now_ns) {
  retry_early(now_ns);
  for (auto one = early_.begin(); one != early_.end();) {
    const auto current = one++;
    if (current->deadline_ns > now_ns) continue;
    const auto& children = current->statement.children;
    // One that selects nothing may come after its operation is complete.
    const bool empty = std::ranges::all_of(
        children, [](const ChildMatch& child) { return keys_of(list_of(child)).set.empty(); });
    listener_.unused(empty ? std::nullopt : std::optional(OrphanReason::no_parent), current->held);
    early_.erase(current);
  }
  for (auto one = open_.begin(); one != open_.end();) {
    const auto current = one++;
    if (current->deadline_ns <= now_ns) end(current, SkipReason::incomplete);
  }
}

void Assembly::drop_all(DropReason reason) {
  while (!early_.empty()) {
    listener_.unused(OrphanReason::dropped, early_.front().held);
    early_.pop_front();
  }
  while (!open_.empty()) end(open_.begin(), reason);
}

}  // namespace parallax::shadow
