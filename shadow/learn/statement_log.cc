#include "shadow/learn/statement_log.h"

#include <algorithm>
#include <utility>

namespace parallax::shadow {

namespace {

// How full the examples are when room has been made, so that it is not made for each.
constexpr std::size_t kRoomParts = 10;

bool has_empty_list(const StatementShape& shape) {
  return std::ranges::any_of(
      shape.slots, [](const SlotGroup& group) { return group.list && group.members.empty(); });
}

}  // namespace

void StatementLog::add(Side side, const std::string& text, const StatementShape& shape,
                       Observation observation, bool failed) {
  const std::lock_guard lock(mutex_);
  last_ns_.store(std::max(last_ns_.load(std::memory_order_relaxed), observation.end_ns),
                 std::memory_order_relaxed);
  const std::string key = (side == Side::legacy ? "l " : "r ") + shape.key;
  auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    if (traffic_.statements.size() >= limits_.statements) {
      ++traffic_.beyond;
      return;
    }
    found = by_key_.emplace(key, traffic_.statements.size()).first;
    auto& fresh = traffic_.statements.emplace_back();
    fresh.side = side;
    fresh.text = text;
    fresh.shape = shape;
  }
  auto& statement = traffic_.statements[found->second];
  // How the members of a list are written, IN (NULL) does not say.
  if (has_empty_list(statement.shape) && !has_empty_list(shape)) {
    statement.text = text;
    statement.shape = shape;
  }
  ++statement.count;
  if (failed) ++statement.failed;
  statement.seconds += static_cast<double>(observation.end_ns - observation.begin_ns) * 1e-9;
  ++statement.operations[observation.operation];
  keep(statement, std::move(observation));
}

void StatementLog::keep(LearnedStatement& statement, Observation observation) {
  const std::size_t bytes = observation.bytes();
  statement.examples.push_back(std::move(observation));
  statement.example_bytes += bytes;
  bytes_ += bytes;
  if (statement.examples.size() > limits_.examples) {
    const std::size_t oldest = statement.examples.front().bytes();
    statement.example_bytes -= oldest;
    bytes_ -= oldest;
    statement.examples.pop_front();
    ++statement.let_go;
  }
  if (bytes_ > limits_.bytes) make_room();
}

// The statement that holds most loses its oldest: rare ones stay.
void StatementLog::make_room() {
  while (bytes_ > limits_.bytes - limits_.bytes / kRoomParts) {
    const auto most =
        std::ranges::max_element(traffic_.statements, {}, &LearnedStatement::example_bytes);
    if (most == traffic_.statements.end() || most->examples.empty()) return;
    const std::size_t oldest = most->examples.front().bytes();
    most->example_bytes -= oldest;
    bytes_ -= oldest;
    most->examples.pop_front();
    ++most->let_go;
  }
}

void StatementLog::add_other(std::string_view command_tag) {
  const std::lock_guard lock(mutex_);
  ++traffic_.other_commands[std::string(command_tag.substr(0, command_tag.find(' ')))];
}

void StatementLog::add_unreadable() {
  const std::lock_guard lock(mutex_);
  ++traffic_.unreadable;
}

void StatementLog::add_unchosen() {
  const std::lock_guard lock(mutex_);
  ++traffic_.unchosen;
}

LearnedTraffic StatementLog::take() {
  const std::lock_guard lock(mutex_);
  by_key_.clear();
  bytes_ = 0;
  return std::exchange(traffic_, {});
}

}  // namespace parallax::shadow
