#include "shadow/replay/rule_plans.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "shadow/rules/concat.h"
#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

namespace {

constexpr const char* kStatement = "parallax_plan";

// How many parameters the statement has: the greatest number.
std::uint32_t parameters_of(const std::string& sql) {
  const auto read = shape_of(sql, ShapeDialect::statement);
  const auto* shape = std::get_if<StatementShape>(&read);
  std::uint32_t count = 0;
  if (shape == nullptr) return count;
  for (const auto& group : shape->slots) {
    for (const auto& slot : group.members) count = std::max(count, slot.number);
  }
  return count;
}

std::vector<TransactionStep> steps_for(const std::string& sql) {
  std::string arguments;
  for (auto left = parameters_of(sql); left > 0; --left)
    arguments += arguments.empty() ? "(NULL" : ", NULL";
  if (!arguments.empty()) arguments += ')';
  const std::string name(kStatement);
  const auto query = TransactionStep::Kind::query;
  return {{query, concat({"PREPARE ", name, " AS ", sql}), {}},
          {query, concat({"EXPLAIN (FORMAT JSON) EXECUTE ", name, arguments}), {}},
          {query, concat({"DEALLOCATE ", name}), {}}};
}

// After a failure: may the server still hold the statement? Not where PREPARE itself has failed,
// unless (42P05) because of one that was left over.
bool may_be_prepared(const std::vector<StepResult>* results) {
  if (results == nullptr) return true;
  const auto& sqlstate = results->front().sqlstate;
  return sqlstate.empty() || sqlstate == "42P05";
}

// EXPLAIN gives an array of one plan; of several statements it becomes one array of all.
void add_plan(std::string& plans, std::string_view one) {
  const auto end = plans.rfind(']');
  const auto begin = one.find('[');
  if (end == std::string::npos || begin == std::string_view::npos) {
    plans = one;
  } else {
    plans.replace(end, std::string::npos, ",").append(one.substr(begin + 1));
  }
}

ReplayContextRef context() {
  static const auto context = std::make_shared<const ReplayContext>(
      ReplayContext{{{"plan_cache_mode", "force_generic_plan"}}, {}, {}});
  return context;
}

}  // namespace

RulePlansQuery::RulePlansQuery(io::Loop& loop, const Options& options, const Rule& rule)
    : rule_(rule), transaction_(loop, options) {}

void RulePlansQuery::run(Connection& connection, Done done) {
  connection_ = &connection;
  done_ = std::move(done);
  explain_next();
}

void RulePlansQuery::explain_next() {
  const auto& legacy = rule_.legacy;
  if (next_ == legacy.size() + rule_.rewrite.size() || !connection_->open()) {
    std::exchange(done_, nullptr)(std::move(plans_));
    return;
  }
  const auto& next = next_ < legacy.size() ? legacy[next_] : rule_.rewrite[next_ - legacy.size()];
  transaction_.run(*connection_, context(), steps_for(next.prepared),
                   [this](TransactionEnd end) { on_explained(std::move(end)); });
}

void RulePlansQuery::on_explained(TransactionEnd end) {
  auto& plan = next_++ < rule_.legacy.size() ? plans_.legacy : plans_.rewrite;
  const auto* results = std::get_if<std::vector<StepResult>>(&end);
  const bool whole = results != nullptr && std::ranges::all_of(*results, [](const auto& step) {
                       return step.ran && step.sqlstate.empty();
                     });
  if (!whole) return may_be_prepared(results) ? forget_statement() : explain_next();
  const auto& rows = (*results)[1].result;
  if (rows.rows() == 1) add_plan(plan, rows.cell(0, 0).value_or(""));
  explain_next();
}

// Prepared statements outlive their transaction.
void RulePlansQuery::forget_statement() {
  if (!connection_->open()) return explain_next();
  transaction_.run(*connection_, nullptr,
                   {{TransactionStep::Kind::query, std::string("DEALLOCATE ") + kStatement, {}}},
                   [this](const TransactionEnd&) { explain_next(); });
}

}  // namespace parallax::shadow
