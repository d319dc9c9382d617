#include "shadow/replay/rule_check.h"

#include <algorithm>
#include <utility>

#include "shadow/compare/clock_columns.h"
#include "shadow/compare/sqlstate.h"
#include "shadow/replay/catalog_reading.h"
#include "shadow/replay/error_place.h"
#include "shadow/replay/rule_effects.h"
#include "shadow/replay/rule_rights.h"
#include "shadow/replay/type_lookup.h"
#include "shadow/rules/concat.h"
#include "shadow/rules/let_select.h"

namespace parallax::shadow {

namespace {

std::string error_text(const StepResult& step) { return step.sqlstate + ": " + step.message; }

// It says nothing about the statement.
bool is_passing(const StepResult& step) {
  return is_timeout(step.sqlstate) || is_server_trouble(step.sqlstate);
}

Catalog read_catalog(const ResultSet& enums, const ResultSet& keys) {
  Catalog catalog;
  for (std::size_t row = 0; row < enums.rows(); ++row) {
    catalog.types[number_of<std::uint32_t>(enums, row, 0)].kind = TypeKind::enumeration;
  }
  for (std::size_t row = 0; row < keys.rows();
       ++row) {  // sorted by table, then by place in the key
    const auto table = number_of<std::uint32_t>(keys, row, 0);
    if (catalog.primary_keys.empty() || catalog.primary_keys.back().first != table) {
      catalog.primary_keys.push_back({table, {}});
    }
    catalog.primary_keys.back().second.push_back(number_of<std::int16_t>(keys, row, 1));
  }
  return catalog;
}

constexpr const char* kEnumSql =
    "SELECT t.oid FROM pg_catalog.pg_type t WHERE t.typtype = 'e' AND "
    "t.oid = ANY ($1::pg_catalog.oid[])";
constexpr const char* kPrimaryKeySql =
    "SELECT c.conrelid, k.attribute FROM pg_catalog.pg_constraint c CROSS JOIN LATERAL "
    "pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k(attribute, place) WHERE c.contype = 'p' AND "
    "c.conrelid = ANY ($1::pg_catalog.oid[]) ORDER BY c.conrelid, k.place";

// Columns of each unique key, index by index. Not of those that hold for some rows only, or at the
// end of a transaction only, nor of a table that others inherit from: it gives their rows, too.
constexpr const char* kUniqueKeySql =
    "SELECT i.indexrelid, a.attname FROM pg_catalog.pg_index i CROSS JOIN "
    "pg_catalog.generate_series(0, i.indnkeyatts - 1) AS k(place) JOIN pg_catalog.pg_attribute a "
    "ON "
    "a.attrelid = i.indrelid AND a.attnum = i.indkey[k.place] WHERE i.indisunique AND i.indisvalid "
    "AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS (SELECT FROM "
    "pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhparent WHERE h.inhparent "
    "= "
    "i.indrelid AND c.relkind = 'r') AND "
    "i.indrelid = ANY ($1::pg_catalog.oid[]) ORDER BY i.indexrelid";

// Whether a whole unique key is among the columns.
bool has_unique_key(const ResultSet& keys, const std::vector<std::string>& columns) {
  bool whole = false;
  for (std::size_t row = 0; row < keys.rows(); ++row) {
    const bool is_new = row == 0 || keys.cell(row, 0) != keys.cell(row - 1, 0);
    if (is_new && whole) return true;
    const bool known = std::ranges::find(columns, *keys.cell(row, 1)) != columns.end();
    whole = (is_new || whole) && known;
  }
  return whole;
}

std::vector<std::string> tables_of(const std::vector<ColumnInfo>& columns) {
  std::vector<std::string> tables;
  for (const auto& column : columns) {
    if (column.table_oid != 0) tables.push_back(std::to_string(column.table_oid));
  }
  return tables;
}

// A prepared statement: its columns, as it stands and without its casts.
DescribedColumns described_by(const std::vector<StepResult>& results) {
  DescribedColumns described;
  described.columns = results.front().result.columns();
  // Without its casts a statement may be invalid (GROUP BY of the cast, UNION); then they are not
  // looked through.
  if (results.size() > 1 && results[1].sqlstate.empty())
    described.uncast = results[1].result.columns();
  return described;
}

// The columns of all statements of a side, one after the other as they will be stitched; or why its
// links lead nowhere.
std::variant<DescribedColumns, std::string> whole_side(
    const std::vector<RuleStatement>& statements, const std::vector<DescribedColumns>& described,
    const std::vector<JsonMember>& json, std::shared_ptr<const Stitching>& stitching) {
  if (statements.size() == 1) return described.front();
  std::vector<std::vector<ColumnInfo>> columns;
  DescribedColumns whole;
  for (const auto& one : described) {
    columns.push_back(one.columns);
    const auto& uncast = one.uncast.empty() ? one.columns : one.uncast;
    whole.uncast.insert(whole.uncast.end(), uncast.begin(), uncast.end());
  }
  auto made = make_stitching(statements, columns, json);
  if (auto* reason = std::get_if<std::string>(&made)) return std::move(*reason);
  stitching = std::make_shared<const Stitching>(std::get<Stitching>(std::move(made)));
  whole.columns = stitching->columns();
  const auto parts = static_cast<std::ptrdiff_t>(whole.uncast.size());
  whole.uncast.insert(whole.uncast.end(), whole.columns.begin() + parts, whole.columns.end());
  return whole;
}

}  // namespace

RuleCheck::RuleCheck(io::Loop& loop, const Options& options, const Rule& rule)
    : options_(options), rule_(rule), transaction_(loop, options), place_(rule.source.name.mark) {}

void RuleCheck::run(Connection& connection, Done done) {
  connection_ = &connection;
  done_ = std::move(done);
  transaction({effects_step(rule_, options_.safe_functions), rights_step(rule_)},
              &RuleCheck::on_effects);
}

void RuleCheck::on_effects(std::vector<StepResult> results) {
  // Where a schema may not be used, its tables cannot even be looked up.
  if (results[0].sqlstate == kInsufficientPrivilege)
    return broken(rights_problem(results[0]), true);
  for (const auto& step : results) {
    if (!step.sqlstate.empty()) return unreadable_catalog(step);
  }
  auto problem = effects_problem(results[0].result);
  if (!problem.empty()) return broken(std::move(problem));
  // With set_role it is the session's user whose rights count; a replay tells.
  problem = options_.identity == Identity::set_role ? "" : rights_problem(results[1]);
  if (!problem.empty()) return broken(std::move(problem), true);
  describe_lets();
}

void RuleCheck::transaction(std::vector<TransactionStep> steps, Next next) {
  transaction_.run(*connection_, nullptr, std::move(steps), [this, next](TransactionEnd end) {
    if (auto* skip = std::get_if<ReplaySkip>(&end)) return finish(std::move(*skip));
    auto& results = std::get<std::vector<StepResult>>(end);
    const auto passing = std::ranges::find_if(results, is_passing);
    if (passing != results.end()) {
      return finish(ReplaySkip{SkipReason::server, error_text(*passing)});
    }
    (this->*next)(std::move(results));
  });
}

void RuleCheck::describe_lets() {
  if (rule_.lets.empty()) return on_lets({});
  std::vector<TransactionStep> steps;
  for (const LetValue& let : rule_.lets) {
    steps.push_back({TransactionStep::Kind::describe, let.prepared, {}});
  }
  transaction(std::move(steps), &RuleCheck::on_lets);
}

void RuleCheck::describe(const RuleStatement& statement, Next next) {
  std::vector<TransactionStep> steps{{TransactionStep::Kind::describe, statement.prepared, {}}};
  if (!statement.uncast.empty())
    steps.push_back({TransactionStep::Kind::describe, statement.uncast, {}});
  transaction(std::move(steps), next);
}

void RuleCheck::on_lets(std::vector<StepResult> results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].sqlstate.empty()) continue;
    const LetValue& let = rule_.lets[i];
    place_ = error_place(rule_.source.let.at(let.name), let.shape, results[i], kLetBefore);
    return broken(concat({"`let` ", let.name, " cannot be prepared: ", error_text(results[i])}));
  }
  describe_next();
}

// The statements of legacy, then those of the rewrite.
void RuleCheck::describe_next() {
  const auto legacy = legacy_.columns.size();
  const auto rewrite = rewrite_.columns.size();
  if (legacy < rule_.legacy.size()) {
    describe(rule_.legacy[legacy], &RuleCheck::on_legacy);
  } else if (rewrite < rule_.rewrite.size()) {
    describe(rule_.rewrite[rewrite], &RuleCheck::on_rewrite);
  } else {
    ask_catalog();
  }
}

void RuleCheck::on_legacy(std::vector<StepResult> results) {
  const auto& whole = results.front();
  if (!whole.sqlstate.empty()) {
    const auto& statement = rule_.legacy[legacy_.columns.size()];
    place_ = error_place(statement.source, statement.shape, whole);
    return broken("the legacy statement " +
                  (statement.name.empty() ? "" : "`" + statement.name + "` ") +
                  "cannot be prepared: " + error_text(whole));
  }
  legacy_.columns.push_back(described_by(results));
  legacy_.parameters.push_back(whole.parameter_types);
  describe_next();
}

void RuleCheck::on_rewrite(std::vector<StepResult> results) {
  const auto& whole = results.front();
  if (!whole.sqlstate.empty()) {
    const auto& statement = rule_.rewrite[rewrite_.columns.size()];
    place_ = rewrite_error_place(rule_, rewrite_.columns.size(), whole);
    rewrite_error_ =
        (statement.name.empty() ? "" : "`" + statement.name + "`: ") + error_text(whole);
    return ask_catalog();
  }
  rewrite_.columns.push_back(described_by(results));
  rewrite_.parameters.push_back(whole.parameter_types);
  describe_next();
}

void RuleCheck::ask_catalog() {
  std::vector<std::string> types;
  std::vector<std::string> tables;
  const auto add = [&](const std::vector<ColumnInfo>& columns) {
    for (const auto& column : columns) {
      types.push_back(std::to_string(column.type_oid));
      if (column.table_oid != 0) tables.push_back(std::to_string(column.table_oid));
    }
  };
  for (const auto* side : {&legacy_, &rewrite_}) {
    for (const auto& parameters : side->parameters) {
      for (const auto type : parameters) types.push_back(std::to_string(type));
    }
    for (const auto& described : side->columns) {
      add(described.columns);
      add(described.uncast);
    }
  }
  const auto query = TransactionStep::Kind::query;
  transaction({{query, kEnumSql, {array_of(types)}},
               {query, kPrimaryKeySql, {array_of(tables)}},
               {query, type_lookup_sql(), {array_of(types)}},
               {query, kUniqueKeySql, {array_of(tables_of(legacy_.columns.front().columns))}}},
              &RuleCheck::on_catalog);
}

void RuleCheck::on_catalog(std::vector<StepResult> results) {
  for (const auto& step : results) {
    if (!step.sqlstate.empty()) return unreadable_catalog(step);
  }
  Verification verification;
  verification.state = RuleState::ready;
  verification.place = place_;
  verification.catalog = read_catalog(results[0].result, results[1].result);
  verification.catalog.types = read_types(results[2].result);
  verification.legacy_names = name_types(rule_.legacy, legacy_.parameters);
  verification.rewrite_names = name_types(rule_.rewrite, rewrite_.parameters);
  const auto whole_legacy = whole_side(rule_.legacy, legacy_.columns, rule_.source.compare.json,
                                       verification.legacy_stitching);
  if (const auto* reason = std::get_if<std::string>(&whole_legacy)) return broken(*reason);
  const auto& legacy = std::get<DescribedColumns>(whole_legacy);
  verification.legacy_columns = legacy.columns;
  if (!rewrite_error_.empty()) {
    verification.reason = "the rewrite cannot be prepared: " + rewrite_error_;
    verification.unprepared = rewrite_.columns.size();
    return finish(std::move(verification));
  }
  verification.rewrite_prepared = true;
  const auto whole_rewrite =
      whole_side(rule_.rewrite, rewrite_.columns, {}, verification.rewrite_stitching);
  if (const auto* reason = std::get_if<std::string>(&whole_rewrite)) return broken(*reason);
  auto problem = pair_sides(verification, legacy, std::get<DescribedColumns>(whole_rewrite));
  if (!problem.empty()) return broken(std::move(problem));
  verification.pairing.one_row =
      has_unique_key(results[3].result, rule_.root().order.equal_columns);
  verification.parameters = parameter_types(rule_, legacy_.parameters, rewrite_.parameters);
  for (const auto& note : verification.pairing.notes) {
    if (note == verification.pairing.crossing) continue;  // told as a warning
    if (!verification.reason.empty()) verification.reason += "; ";
    verification.reason += note;
  }
  finish(std::move(verification));
}

// Which columns are compared, and how; why not, otherwise.
std::string RuleCheck::pair_sides(Verification& verification, DescribedColumns legacy,
                                  DescribedColumns rewrite) {
  auto projected =
      project_columns(rule_, std::move(legacy), std::move(rewrite), verification.catalog.types);
  if (auto* problem = std::get_if<ProjectionProblem>(&projected)) {
    place_ = problem->mark;
    return std::move(problem->message);
  }
  auto& columns = std::get<ProjectedColumns>(projected);
  const auto parts = [](const std::shared_ptr<const Stitching>& stitching) {
    return stitching == nullptr ? Stitching{} : *stitching;
  };
  auto pairing = pair_columns(rule_, columns.legacy, columns.rewrite, verification.catalog,
                              parts(verification.legacy_stitching),
                              parts(verification.rewrite_stitching), columns.named);
  if (auto* reason = std::get_if<std::string>(&pairing)) return std::move(*reason);
  verification.pairing = std::get<Pairing>(std::move(pairing));
  verification.projection = typed_projection(columns, verification.pairing);
  // Of a statement with JSON, its own columns are the root: what is read out of it are children.
  const auto& [legacy_json, rewrite_json] = verification.projection;
  if (legacy_json) verification.pairing.statements = {0, legacy_json->described.size()};
  if (rewrite_json) verification.pairing.rewrite_statements = {0, rewrite_json->described.size()};
  verification.legacy_columns = std::move(columns.legacy.columns);
  verification.rewrite_columns = std::move(columns.rewrite.columns);
  return clock_problem(rule_, verification.legacy_columns, verification.rewrite_columns,
                       verification.pairing, verification.catalog);
}

void RuleCheck::unreadable_catalog(const StepResult& step) {
  finish(ReplaySkip{SkipReason::server, "the catalog cannot be read: " + error_text(step)});
}

void RuleCheck::broken(std::string reason, bool may_mend) {
  Verification verification;
  verification.may_mend = may_mend;
  verification.place = place_;
  verification.state = RuleState::broken;
  verification.reason = std::move(reason);
  finish(std::move(verification));
}

// Nothing may follow a call of this: the callback may have destroyed the object.
void RuleCheck::finish(End end) { std::exchange(done_, nullptr)(std::move(end)); }

}  // namespace parallax::shadow
