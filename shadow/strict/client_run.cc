#include "shadow/strict/client_run.h"

#include <cstdlib>
#include <span>
#include <utility>

#include "protocol/build.h"
#include "protocol/messages.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

namespace backend = protocol::backend;

// Of the statement, the portal and the savepoint.
constexpr std::string_view kName = "_parallax_strict_";
// More than a RowDescription of the most columns that there can be (PostgreSQL source,
// MaxTupleAttributeNumber), and than what a row has beside its cells.
constexpr std::size_t kDescriptionBytes = std::size_t{256} * 1024;

std::vector<ColumnInfo> read_columns(protocol::Bytes body) {
  protocol::ByteReader reader(body);
  std::vector<ColumnInfo> columns(reader.u16().value_or(0));
  for (auto& column : columns) {
    column.label = reader.c_string().value_or("");
    column.table_oid = reader.u32().value_or(0);
    column.attribute = static_cast<std::int16_t>(reader.u16().value_or(0));
    column.type_oid = reader.u32().value_or(0);
    reader.u16();  // size of the type
    reader.u32();  // its modifier
    column.binary = reader.u16().value_or(0) == 1;
  }
  return columns;
}

void append_statement(std::vector<std::byte>& out, std::string_view sql,
                      std::span<const Value> parameters, bool binary) {
  std::vector<std::uint32_t> types;
  std::vector<protocol::BindParameter> values;
  for (const Value& value : parameters) {
    types.push_back(value.type_oid);
    values.push_back({value.null, value.binary, value.bytes});
  }
  protocol::append_parse(out, kName, sql, types);
  protocol::append_bind(out, kName, kName, values, binary);
}

void append_end(std::vector<std::byte>& out) {
  protocol::append_close_portal(out, kName);
  protocol::append_close_statement(out, kName);
}

// An escape string: its meaning does not depend on standard_conforming_strings.
std::string quoted(std::string_view text) {
  std::string out = "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back(c);
    out.push_back(static_cast<unsigned char>(c) < ' ' ? ' ' : c);
  }
  return out + "'";
}

std::string raise_statement(const StrictRefusal& refusal) {
  // The text is a literal in a literal.
  return "DO LANGUAGE plpgsql " +
         quoted(concat({"BEGIN RAISE EXCEPTION USING ERRCODE = ", quoted(refusal.sqlstate),
                        ", MESSAGE = ", quoted(refusal.message), "; END"}));
}

}  // namespace

ClientRun::~ClientRun() {
  if (!round_) return;
  skip_ = ClientRoundSkip{SkipReason::server, "the client has gone"};
  finish();
}

std::vector<std::byte> ClientRun::begin(ClientRound round, std::uint64_t now_ns) {
  round_ = std::move(round);
  results_.assign(round_->steps.size(), {});
  entries_.clear();
  position_ = 0;
  failed_ = false;
  recovering_ = false;
  skip_.reset();
  step_began_ns_ = now_ns;
  std::vector<std::byte> out;
  if (!open_) {
    add(out, Kind::savepoint, concat({"SAVEPOINT ", kName}));
    add_settings(out);
  }
  for (std::size_t i = 0; i < round_->steps.size(); ++i) add_step(out, i);
  if (round_->last) {
    add(out, Kind::rollback, concat({"ROLLBACK TO SAVEPOINT ", kName}));
    add(out, Kind::release, concat({"RELEASE SAVEPOINT ", kName}));
  }
  protocol::append_sync(out);
  return out;
}

void ClientRun::add(std::vector<std::byte>& out, Kind kind, std::string_view sql) {
  append_statement(out, sql, {}, false);
  protocol::append_execute(out, kName);
  append_end(out);
  entries_.push_back({kind, 0});
}

// They end with the savepoint, as all that a subtransaction has set.
void ClientRun::add_settings(std::vector<std::byte>& out) {
  const auto set = [](std::string_view name, const std::string& value) {
    return concat({"pg_catalog.set_config('", name, "', '", value, "', true)"});
  };
  add(out, Kind::settings,
      concat({"SELECT ", set("transaction_read_only", "on"), ", ",
              set("statement_timeout", std::to_string(round_->statement_timeout.count())), ", ",
              set("lock_timeout", std::to_string(round_->lock_timeout.count()))}));
}

void ClientRun::add_step(std::vector<std::byte>& out, std::size_t index) {
  const ClientStep& step = round_->steps[index];
  append_statement(out, step.sql, step.parameters, step.binary);
  protocol::append_describe_portal(out, kName);
  protocol::append_execute(out, kName);
  append_end(out);
  protocol::append_flush(out);  // so that its end is seen when it happens
  entries_.push_back({Kind::step, index});
}

std::vector<std::byte> ClientRun::message(char type, protocol::Bytes body, std::uint64_t now_ns) {
  switch (type) {
    case backend::kRowDescription:
      describe(body);
      break;
    case backend::kDataRow:
      take_row(body);
      break;
    case backend::kCommandComplete:
      completed(now_ns);
      break;
    case backend::kErrorResponse:
      failed(body);
      break;
    case backend::kReadyForQuery:
      return ready(protocol::as_text(body).empty() ? 'E' : protocol::as_text(body).front());
    default:
      break;
  }
  return {};
}

void ClientRun::describe(protocol::Bytes body) {
  if (position_ >= entries_.size() || entries_[position_].kind != Kind::step) return;
  auto& step = results_[entries_[position_].step];
  step.ran = true;
  step.result = ResultSet(read_columns(body));
}

void ClientRun::take_row(protocol::Bytes body) {
  if (position_ >= entries_.size() || entries_[position_].kind != Kind::step || skip_) return;
  auto& result = results_[entries_[position_].step].result;
  protocol::ByteReader reader(body);
  const std::size_t columns = reader.u16().value_or(0);
  if (columns != result.columns().size()) {
    skip_ = ClientRoundSkip{SkipReason::server, "a row of another width than described"};
    return;
  }
  if (columns == 0) result.add_empty_row();
  for (std::size_t i = 0; i < columns; ++i) {
    const auto length = reader.i32().value_or(-1);
    const auto cell = length < 0 ? std::nullopt : reader.bytes(static_cast<std::size_t>(length));
    result.add_cell(cell ? std::optional(protocol::as_text(*cell)) : std::nullopt);
  }
  if (result.bytes() > round_->result_bytes) too_large();
}

std::size_t ClientRun::message_bytes_max() const {
  return kDescriptionBytes + (round_ ? round_->result_bytes : 0);
}

void ClientRun::too_large() {
  if (!round_ || skip_) return;
  skip_ = ClientRoundSkip{
      SkipReason::too_large,
      concat({"a result has more than ", std::to_string(round_->result_bytes), " bytes"})};
}

void ClientRun::completed(std::uint64_t now_ns) {
  if (position_ >= entries_.size()) return;
  const Entry entry = entries_[position_++];
  if (entry.kind == Kind::savepoint) open_ = true;
  if (entry.kind == Kind::release) open_ = false;
  if (entry.kind == Kind::step) {
    results_[entry.step].ran = true;
    results_[entry.step].seconds = static_cast<double>(now_ns - step_began_ns_) * 1e-9;
  }
  step_began_ns_ = now_ns;
}

void ClientRun::failed(protocol::Bytes body) {
  failed_ = true;
  const std::string state(protocol::view_error_field(body, 'C'));
  if (position_ < entries_.size() && entries_[position_].kind == Kind::step) {
    auto& step = results_[entries_[position_].step];
    step.ran = true;
    step.sqlstate = state.empty() ? "XX000" : state;
    step.message = protocol::view_error_field(body, 'M');
    step.position =
        std::strtoul(std::string(protocol::view_error_field(body, 'P')).c_str(), nullptr, 10);
    step.result = {};
    return;
  }
  skip_ = ClientRoundSkip{SkipReason::server,
                          "the savepoint on the client's connection failed: " + state};
}

std::vector<std::byte> ClientRun::ready(char status) {
  if (!round_) return {};
  // After a skip no round follows that would leave the savepoint.
  if ((failed_ || skip_) && open_ && !std::exchange(recovering_, true)) return roll_back();
  broken_ = status != 'T';
  finish();
  return {};
}

// After an error the server has passed over the rest of the round.
std::vector<std::byte> ClientRun::roll_back() {
  std::vector<std::byte> out;
  entries_.clear();
  position_ = 0;
  append_end(out);
  add(out, Kind::rollback, concat({"ROLLBACK TO SAVEPOINT ", kName}));
  add(out, Kind::release, concat({"RELEASE SAVEPOINT ", kName}));
  protocol::append_sync(out);
  return out;
}

void ClientRun::finish() {
  const auto done = std::move(round_->done);
  round_.reset();
  if (skip_) {
    done(*std::exchange(skip_, std::nullopt));
  } else {
    done(std::move(results_));
  }
}

std::vector<std::byte> raise_by_query(const StrictRefusal& refusal) {
  std::vector<std::byte> out;
  protocol::append_query(out, raise_statement(refusal));
  return out;
}

// The portal keeps the plan of the statement that is closed before it runs, and goes with the
// error.
std::vector<std::byte> raise_by_execute(const StrictRefusal& refusal) {
  std::vector<std::byte> out;
  append_statement(out, raise_statement(refusal), {}, false);
  protocol::append_close_statement(out, kName);
  protocol::append_execute(out, kName);
  protocol::append_flush(out);
  return out;
}

}  // namespace parallax::shadow
