#include "shadow/replay/read_only_transaction.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "shadow/compare/sqlstate.h"

namespace parallax::shadow {

namespace {

constexpr Oid kTextOid = 25;
// What the steps may need together, and the time that a slow network or a stalled pooler gets on
// top.
constexpr std::size_t kWatchdogStatements = 3;
constexpr std::chrono::seconds kWatchdogGrace{5};

constexpr std::string_view kInvalidText = "22P02";

bool is_custom(std::string_view setting) { return setting.find('.') != std::string_view::npos; }

bool has_custom(const ReplayContextRef& context) {
  return context != nullptr && std::ranges::any_of(context->settings, [](const auto& setting) {
           return is_custom(setting.first);
         });
}

ReplaySkip shared_connection() {
  return {SkipReason::context,
          "custom settings would stay behind on a connection that a pooler shares"};
}

Value text_value(std::string text) { return Value{false, false, kTextOid, std::move(text)}; }

std::string field(const PGresult& result, int code) {
  const char* text = PQresultErrorField(&result, code);
  return text == nullptr ? std::string() : std::string(text);
}

std::vector<ColumnInfo> columns_of(const PGresult& result) {
  std::vector<ColumnInfo> columns;
  columns.reserve(static_cast<std::size_t>(PQnfields(&result)));
  for (int i = 0; i < PQnfields(&result); ++i) {
    columns.push_back({PQfname(&result, i), PQftable(&result, i),
                       static_cast<std::int16_t>(PQftablecol(&result, i)), PQftype(&result, i),
                       PQfformat(&result, i) == 1});
  }
  return columns;
}

std::vector<std::uint32_t> parameter_types_of(const PGresult& result) {
  std::vector<std::uint32_t> types;
  types.reserve(static_cast<std::size_t>(PQnparams(&result)));
  for (int i = 0; i < PQnparams(&result); ++i) types.push_back(PQparamtype(&result, i));
  return types;
}

using Cells = std::vector<std::optional<std::string_view>>;

void read_cells(const PGresult& result, int row, Cells& cells) {
  cells.assign(static_cast<std::size_t>(PQnfields(&result)), std::nullopt);
  for (int i = 0; i < PQnfields(&result); ++i) {
    if (PQgetisnull(&result, row, i) != 0) continue;
    cells[static_cast<std::size_t>(i)] = std::string_view(
        PQgetvalue(&result, row, i), static_cast<std::size_t>(PQgetlength(&result, row, i)));
  }
}

// libpq measures a text value with strlen, so one that holds a NUL would arrive cut off.
bool can_be_sent(const TransactionStep& step) {
  if (step.parameters.size() > kParametersMax) return false;
  return std::ranges::none_of(step.parameters, [](const Value& value) {
    return !value.binary && value.bytes.find('\0') != std::string::npos;
  });
}

ReplaySkip cannot_be_sent() {
  return {SkipReason::context, "a parameter cannot be sent through libpq"};
}

}  // namespace

ReadOnlyTransaction::ReadOnlyTransaction(io::Loop& loop, const Options& options)
    : options_(options), watchdog_(loop) {}

ReadOnlyTransaction::~ReadOnlyTransaction() { abort(); }

void ReadOnlyTransaction::abort() {
  if (!running()) return;
  connection_->close();
  done_ = nullptr;
  watchdog_.cancel();
}

void ReadOnlyTransaction::run(Connection& connection, const ReplayContextRef& context,
                              std::vector<TransactionStep> steps, Done done, Next next) {
  connection_ = &connection;
  steps_ = std::move(steps);
  done_ = std::move(done);
  next_ = std::move(next);
  results_.assign(steps_.size(), {});
  preamble_failed_.reset();
  digest_.reset();
  rolled_back_again_ = false;
  if (!std::ranges::all_of(steps_, can_be_sent)) {
    return finish(cannot_be_sent());
  }
  if (connection.shared() && has_custom(context)) return finish(shared_connection());
  connection.set_user(this);
  watch();
  send_all(context);
}

void ReadOnlyTransaction::watch() {
  const auto statements = static_cast<int>(std::max(kWatchdogStatements, steps_.size()));
  watchdog_.start(options_.statement_timeout * statements + kWatchdogGrace, [this] {
    abandon(SkipReason::server, "the shadow server did not answer in time");
  });
}

void ReadOnlyTransaction::send_all(const ReplayContextRef& context) {
  sent_.clear();
  position_ = 0;
  connection_->query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", {});
  sent_.push_back({Stage::begin, 0});
  send_settings(context);
  send_steps();
}

void ReadOnlyTransaction::send_steps() {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].kind == TransactionStep::Kind::describe) {
      connection_->prepare(steps_[i].sql);
      sent_.push_back({Stage::prepare, i});
      connection_->describe();
    } else {
      connection_->query(steps_[i].sql, steps_[i].parameters, steps_[i].binary);
      if (sent_.empty()) connection_->single_row();  // no other statement's end comes before it
    }
    sent_.push_back({Stage::step, i});
    connection_->flush_request();
  }
  if (!next_) {
    connection_->query("ROLLBACK", {});
    sent_.push_back({Stage::rollback, 0});
  }
  sync();
}

// Also the first query of the transaction: it takes the snapshot, after which the server refuses
// every attempt to make the transaction read-write.
void ReadOnlyTransaction::send_settings(const ReplayContextRef& context) {
  std::vector<Value> values;
  std::string sql = "SELECT ";
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!values.empty()) sql += ", ";
    const auto call = "pg_catalog.set_config($" + std::to_string(values.size() + 1) + ", $" +
                      std::to_string(values.size() + 2) + ", true)";
    // Not where a pooler has given us another process than the one that we logged in to: others use
    // it, too, and the name would stay. The cast then fails (22P02).
    sql += is_custom(name) ? "CASE WHEN pg_catalog.pg_backend_pid() = " +
                                 std::to_string(connection_->backend_pid()) + " THEN " + call +
                                 " ELSE (pg_catalog.pg_backend_pid() || ' is shared')::"
                                 "pg_catalog.int4::pg_catalog.text END"
                           : call;
    values.push_back(text_value(name));
    values.push_back(text_value(value));
  };
  const auto milliseconds = [](std::chrono::milliseconds time) {
    return std::to_string(time.count());
  };
  if (context != nullptr) {
    for (const auto& [name, value] : context->settings) {
      if (is_custom(name)) connection_->custom_settings().insert(name);
      add(name, value);
    }
  }
  add("statement_timeout", milliseconds(options_.statement_timeout));
  add("lock_timeout", milliseconds(options_.lock_timeout));
  add("idle_in_transaction_session_timeout", milliseconds(options_.statement_timeout));
  add("jit", "off");  // compiling a small statement takes longer than running it
  connection_->query(sql, values);
  sent_.push_back({Stage::settings, 0});
  connection_->flush_request();
}

void ReadOnlyTransaction::send_rollback() {
  sent_.assign(1, {Stage::rollback, 0});
  position_ = 0;
  connection_->query("ROLLBACK", {});
  sync();
}

void ReadOnlyTransaction::sync() {
  step_began_ns_ = io::Loop::now_ns();
  if (!connection_->sync()) abandon(SkipReason::server, connection_->error_message());
}

void ReadOnlyTransaction::on_result(const PGresult& result) {
  switch (PQresultStatus(&result)) {
    case PGRES_SINGLE_TUPLE:
    case PGRES_TUPLES_OK:
      if (head().stage == Stage::step) take_rows(result);
      return;
    case PGRES_COMMAND_OK:  // BEGIN, ROLLBACK, a prepared statement, a description
      if (head().stage != Stage::step) return;
      results_[head().step].ran = true;
      results_[head().step].result = ResultSet(columns_of(result));
      results_[head().step].parameter_types = parameter_types_of(result);
      return;
    case PGRES_PIPELINE_ABORTED:  // skipped: something before it failed
      return;
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_FATAL_ERROR:
      return take_error(result);
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_COPY_BOTH:
    case PGRES_PIPELINE_SYNC:
      return abandon(SkipReason::server, "an answer that no SELECT gives");
  }
}

void ReadOnlyTransaction::take_rows(const PGresult& result) {
  auto& step = results_[head().step];
  if (!step.ran) step.result = ResultSet(columns_of(result));
  step.ran = true;
  for (int row = 0; row < PQntuples(&result); ++row) {
    read_cells(result, row, cells_);
    if (digest_) {
      digest_->add_row(cells_);
      continue;
    }
    if (cells_.empty()) step.result.add_empty_row();
    for (const auto& cell : cells_) step.result.add_cell(cell);
  }
  if (!digest_ && step.result.bytes() > options_.capture_bytes) begin_digest(step);
}

void ReadOnlyTransaction::begin_digest(StepResult& step) {
  const auto& digest = steps_[head().step].digest;
  if (!digest) {
    // Not reading on would pin the server's snapshot, so the connection goes.
    return abandon(SkipReason::too_large,
                   "a result has more than " + std::to_string(options_.capture_bytes) + " bytes");
  }
  digest_.emplace(digest(step.result.columns()));
  digest_->add_rows(step.result);
  step.result = ResultSet(step.result.columns());
}

void ReadOnlyTransaction::take_error(const PGresult& result) {
  auto state = field(result, PG_DIAG_SQLSTATE);
  if (state.empty()) state = "08006";  // libpq's own: the connection has failed
  const auto stage = head().stage;
  if (stage == Stage::step || stage == Stage::prepare) {
    auto& step = results_[head().step];
    step.ran = true;
    step.sqlstate = std::move(state);
    step.message = field(result, PG_DIAG_MESSAGE_PRIMARY);
    step.position = std::strtoul(field(result, PG_DIAG_STATEMENT_POSITION).c_str(), nullptr, 10);
    step.result = {};  // rows before an error are no result
    digest_.reset();
    return;
  }
  if (preamble_failed_ || stage == Stage::rollback) return;
  if (stage == Stage::settings && state == kInvalidText &&
      !connection_->custom_settings().empty()) {
    connection_->set_shared();
    preamble_failed_ = shared_connection();
    return;
  }
  // The message would carry the setting's value.
  const bool refused = stage == Stage::settings && !is_server_trouble(state) && !is_timeout(state);
  preamble_failed_ = ReplaySkip{refused ? SkipReason::context : SkipReason::server,
                                (refused ? "the shadow refuses a setting of the session: "
                                         : "the transaction could not begin: ") +
                                    state};
}

void ReadOnlyTransaction::on_statement_end() {
  const auto now = io::Loop::now_ns();
  if (digest_) {
    results_[head().step].digest = std::make_shared<const DigestedResult>(digest_->finish());
    digest_.reset();
  }
  if (head().stage == Stage::step && results_[head().step].ran) {
    results_[head().step].seconds = static_cast<double>(now - step_began_ns_) / 1e9;
  }
  step_began_ns_ = now;
  if (++position_ >= sent_.size()) return;
  if (head().stage == Stage::step && steps_[head().step].kind == TransactionStep::Kind::query) {
    connection_->single_row();
  }
}

void ReadOnlyTransaction::on_sync(PGTransactionStatusType status) {
  if (status != PQTRANS_IDLE) {
    if (continues()) return;
    // The error that ended the pipeline has skipped its ROLLBACK too.
    if (!std::exchange(rolled_back_again_, true)) return send_rollback();
    return abandon(SkipReason::server, "the transaction could not be ended");
  }
  if (preamble_failed_) return finish(*preamble_failed_);
  finish(std::move(results_));
}

// Whether the transaction goes on with the steps that the results so far give.
bool ReadOnlyTransaction::continues() {
  if (!next_) return false;
  auto next = std::exchange(next_, nullptr);
  if (preamble_failed_) return false;
  auto round = next(results_);
  if (!round) return false;
  if (!round->last) next_ = std::move(next);
  steps_ = std::move(round->steps);
  if (!std::ranges::all_of(steps_, can_be_sent)) {
    preamble_failed_ = cannot_be_sent();
    return false;
  }
  results_.assign(steps_.size(), {});
  sent_.clear();
  position_ = 0;
  watch();
  send_steps();
  return true;
}

void ReadOnlyTransaction::on_lost(const ConnectionError& error) {
  finish(ReplaySkip{SkipReason::server,
                    "the shadow connection was lost" +
                        (error.sqlstate.empty() ? std::string() : ": " + error.sqlstate)});
}

void ReadOnlyTransaction::abandon(SkipReason reason, std::string detail) {
  connection_->close();
  finish(ReplaySkip{reason, std::move(detail)});
}

// Nothing may follow a call of this: the callback may have destroyed the object.
void ReadOnlyTransaction::finish(TransactionEnd end) {
  watchdog_.cancel();
  if (connection_ != nullptr) connection_->set_user(nullptr);
  auto done = std::exchange(done_, nullptr);
  done(std::move(end));
}

}  // namespace parallax::shadow
