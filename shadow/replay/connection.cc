#include "shadow/replay/connection.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace parallax::shadow {

namespace {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

void drop_notice(void*, const PGresult*) {}

}  // namespace

void forget_libpq_environment() {
  if (PQconninfoOption* options = PQconndefaults()) {
    for (const auto* option = options; option->keyword != nullptr; ++option) {
      if (option->envvar != nullptr && std::getenv(option->envvar) != nullptr)
        unsetenv(option->envvar);
    }
    PQconninfoFree(options);
  }
  // Not keywords: sent as startup parameters by libpq itself (manual, "Environment Variables").
  for (const char* name : {"PGDATESTYLE", "PGTZ", "PGGEQO", "PGREQUIRESSL"}) {
    if (std::getenv(name) != nullptr) unsetenv(name);
  }
}

Connection::Connection(io::Loop& loop, const Options& options, io::NameLookup& names)
    : loop_(loop), options_(options), names_(names), timer_(loop) {}

Connection::~Connection() { close(); }

void Connection::close() {
  if (open() && !lost_ && !idle()) left_working_ = true;
  user_ = nullptr;
  connected_ = nullptr;
  connecting_ = false;
  resolve_.reset();
  timer_.cancel();
  watch_.reset();  // before libpq closes the descriptor: its number may be reused at once
  PQfinish(std::exchange(pg_, nullptr));
}

int Connection::hang_up() {
  const int socket = open() ? fcntl(PQsocket(pg_), F_DUPFD_CLOEXEC, 0) : -1;
  close();
  if (socket >= 0) shutdown(socket, SHUT_WR);
  return socket;
}

bool Connection::idle() const {
  return open() && outstanding_ == 0 && !send_failed_ && PQtransactionStatus(pg_) == PQTRANS_IDLE;
}

void Connection::connect(Connected done) {
  connecting_ = true;
  connected_ = std::move(done);
  auto host = options_.keyword("hostaddr");
  if (host.empty()) host = options_.keyword("host");
  if (host.empty()) host = "/var/run/postgresql";  // where Debian's libpq looks by itself
  timer_.start(options_.connect_timeout, [this] {
    end_connect(ConnectionError{"", "the name was not resolved in time"});
  });
  resolve_ = names_.ask(host, [this](io::Resolved resolved) { on_resolved(std::move(resolved)); });
}

void Connection::on_resolved(io::Resolved resolved) {
  timer_.cancel();
  if (resolved.addresses.empty()) {
    end_connect(ConnectionError{"", "the name was not resolved: " + resolved.error});
    return;
  }
  addresses_ = std::move(resolved.addresses);
  address_ = 0;
  try_address();
}

// libpq would look up names and read files while the loop waits, and take defaults from files and
// the environment, so every keyword that could do that is given.
std::map<std::string, std::string> Connection::keywords(const std::string& address) const {
  auto words = options_.conninfo;
  words.try_emplace("sslmode", "disable");
  words.try_emplace("channel_binding", "prefer");
  words["gssencmode"] = "disable";
  words["target_session_attrs"] = "any";
  words["application_name"] = "parallax-shadow";
  words["client_encoding"] = "UTF8";
  words["connect_timeout"] = "0";  // libpq does not keep it here; timer_ does
  // Cannot exist, so it is not read; for /dev/null itself libpq prints a warning at each
  // connection.
  words["passfile"] = "/dev/null/none";
  if (address.starts_with('/')) {
    words["host"] = address;
    words.erase("hostaddr");
  } else {
    words["hostaddr"] = address;
  }
  return words;
}

void Connection::try_address() {
  const auto words = keywords(addresses_[address_]);
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : words) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  pg_ = PQconnectStartParams(keys.data(), values.data(), 0);
  if (pg_ == nullptr) {
    end_connect(ConnectionError{"", "out of memory"});
    return;
  }
  PQsetNoticeReceiver(pg_, drop_notice, nullptr);
  PQsetErrorVerbosity(pg_,
                      PQERRORS_VERBOSE);  // the only way to the SQLSTATE of a refused connection
  if (PQstatus(pg_) == CONNECTION_BAD) {
    address_failed(connection_error(PQerrorMessage(pg_)));
    return;
  }
  const auto limit = options_.connect_timeout;
  timer_.start(limit, [this, limit] {
    address_failed({"", "no answer within " + std::to_string(limit.count()) + " ms"});
  });
  watch(false, true);
}

void Connection::poll_connect() {
  // PQconnectPoll may close its socket and open another, even with the same number: a new watch for
  // each call.
  watch_.reset();
  switch (PQconnectPoll(pg_)) {
    case PGRES_POLLING_READING:
      return watch(true, false);
    case PGRES_POLLING_WRITING:
    case PGRES_POLLING_ACTIVE:
      return watch(false, true);
    case PGRES_POLLING_OK:
      return established();
    case PGRES_POLLING_FAILED:
      return address_failed(connection_error(PQerrorMessage(pg_)));
  }
}

void Connection::established() {
  PQsetErrorVerbosity(pg_, PQERRORS_DEFAULT);
  if (PQsetnonblocking(pg_, 1) != 0 || PQenterPipelineMode(pg_) != 1) {
    address_failed(connection_error(PQerrorMessage(pg_)));
    return;
  }
  watch(true, false);
  end_connect(std::nullopt);
}

// The next address is tried unless a server has given a final answer (a wrong password is not tried
// again elsewhere).
void Connection::address_failed(ConnectionError error) {
  timer_.cancel();
  watch_.reset();
  PQfinish(std::exchange(pg_, nullptr));
  const bool cannot_connect_now = error.sqlstate.empty() || error.sqlstate == "57P03";
  if (cannot_connect_now && ++address_ < addresses_.size()) {
    try_address();
  } else {
    end_connect(std::move(error));
  }
}

void Connection::end_connect(std::optional<ConnectionError> error) {
  timer_.cancel();
  resolve_.reset();
  connecting_ = false;
  if (auto done = std::exchange(connected_, nullptr)) done(std::move(error));
}

void Connection::watch(bool readable, bool writable) {
  watch_ = std::make_unique<io::PollWatch>(loop_, PQsocket(pg_),
                                           [this](io::PollWatch::Ready ready) { on_ready(ready); });
  watch_->want(readable, writable);
}

void Connection::on_ready(io::PollWatch::Ready ready) {
  if (connecting_)
    return poll_connect();  // also after an error: libpq finds it and says what it is
  if (ready.failed) return lost("the socket failed");
  const bool alive = !ready.readable || consume_input();
  while (PGnotify* notify = PQnotifies(pg_)) PQfreemem(notify);
  drain_results();  // also when the connection has ended: what came before is the reason
  if (pg_ == nullptr) return;
  if (!alive || PQstatus(pg_) == CONNECTION_BAD) return lost(PQerrorMessage(pg_));
  if (!flush()) lost(PQerrorMessage(pg_));
}

// libpq takes a part of a TLS record when its buffer has no room for all; OpenSSL holds the rest,
// and the socket says nothing of it.
bool Connection::consume_input() {
  const auto* tls = static_cast<const SSL*>(PQsslStruct(pg_, "OpenSSL"));
  do {
    if (PQconsumeInput(pg_) != 1) return false;
  } while (tls != nullptr && SSL_pending(tls) > 0);
  return true;
}

// While output is left, reading goes on too: the server may be waiting for us to read before it
// reads.
bool Connection::flush() {
  const int left = PQflush(pg_);
  if (left < 0 || PQsocket(pg_) < 0) return false;  // libpq closes its socket by itself on an error
  watch_->want(true, left == 1);
  return true;
}

// In pipeline mode a statement's results end with a null, a sync has none, and with nothing queued
// nulls never end: hence the count of what is outstanding, and two nulls in a row are an error.
void Connection::drain_results() {
  while (pg_ != nullptr && outstanding_ > 0 && PQisBusy(pg_) == 0) {
    const ResultPtr result(PQgetResult(pg_));
    if (result == nullptr) {
      if (!std::exchange(in_statement_, false)) return lost("libpq has no result for a statement");
      --outstanding_;
      if (user_ != nullptr) user_->on_statement_end();
    } else if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) {
      --outstanding_;
      in_statement_ = false;
      if (user_ != nullptr) user_->on_sync(PQtransactionStatus(pg_));
    } else {
      in_statement_ = true;
      const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      if (state != nullptr) last_sqlstate_ = state;
      if (user_ != nullptr) user_->on_result(*result);
    }
  }
}

void Connection::lost(const std::string& what) {
  auto error = connection_error(what);
  if (error.sqlstate.empty()) error.sqlstate = std::exchange(last_sqlstate_, {});
  User* user = user_;
  lost_ = true;
  close();
  if (user != nullptr) user->on_lost(error);
}

void Connection::queued(int accepted) {
  if (accepted == 1) {
    ++outstanding_;
  } else {
    send_failed_ = true;
  }
}

void Connection::query(const std::string& sql, std::span<const Value> parameters, bool binary) {
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const auto& parameter : parameters) {
    types.push_back(parameter.type_oid);
    values.push_back(parameter.null ? nullptr : parameter.bytes.c_str());
    lengths.push_back(static_cast<int>(parameter.bytes.size()));
    formats.push_back(parameter.binary ? 1 : 0);
  }
  queued(PQsendQueryParams(pg_, sql.c_str(), static_cast<int>(parameters.size()), types.data(),
                           values.data(), lengths.data(), formats.data(), binary ? 1 : 0));
}

void Connection::prepare(const std::string& sql) {
  queued(PQsendPrepare(pg_, "", sql.c_str(), 0, nullptr));
}

void Connection::describe() { queued(PQsendDescribePrepared(pg_, "")); }

void Connection::flush_request() {
  if (PQsendFlushRequest(pg_) != 1) send_failed_ = true;
}

bool Connection::sync() {
  queued(PQpipelineSync(pg_));
  return !send_failed_ && flush();
}

void Connection::single_row() { PQsetSingleRowMode(pg_); }

bool Connection::knows_no_other_than(const ReplayContextRef& context) const {
  return std::ranges::all_of(custom_settings_, [&context](const std::string& name) {
    return context != nullptr &&
           std::ranges::any_of(context->settings,
                               [&name](const auto& setting) { return setting.first == name; });
  });
}

int Connection::backend_pid() const { return PQbackendPID(pg_); }

std::string Connection::error_message() const {
  return pg_ == nullptr ? std::string("closed") : connection_error(PQerrorMessage(pg_)).what;
}

}  // namespace parallax::shadow
