#pragma once

// One read-only transaction on a shadow connection, in one pipeline and one round trip: BEGIN
// ISOLATION LEVEL REPEATABLE READ READ ONLY; the settings; the steps; ROLLBACK. Steps that need
// what others give come in further round trips of the same transaction. It always ends rolled back,
// or the connection is closed.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/io/timer.h"
#include "shadow/captured.h"
#include "shadow/compare/compare.h"
#include "shadow/compare/result_digest.h"
#include "shadow/options.h"
#include "shadow/replay/connection.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

// Why there is no result, and a line for the log without values.
struct ReplaySkip {
  SkipReason reason = SkipReason::server;
  std::string detail;
};

struct TransactionStep {
  enum class Kind {
    query,    // rows, kept within Options::capture_bytes
    describe  // columns only: prepared and described, never executed
  };
  Kind kind = Kind::query;
  std::string sql;
  std::vector<Value> parameters;
  bool binary = false;  // format of the rows
  // What a result over the limit is fed into, once its columns are known; null: it ends the
  // transaction as SkipReason::too_large.
  std::function<ResultDigest(const std::vector<ColumnInfo>&)> digest = nullptr;
};

// One for each step, in order; a step behind one that failed has not run.
using TransactionEnd = std::variant<std::vector<StepResult>, ReplaySkip>;

class ReadOnlyTransaction final : public Connection::User {
 public:
  using Done = std::function<void(TransactionEnd)>;
  // What follows in the same transaction, made from the results of the round before, which may be
  // taken; nothing: it ends with these.
  struct Round {
    std::vector<TransactionStep> steps;
    bool last = true;  // nothing will follow these
  };
  using Next = std::function<std::optional<Round>(std::vector<StepResult>&)>;

  ReadOnlyTransaction(io::Loop& loop, const Options& options);
  ~ReadOnlyTransaction() override;

  // The connection must be idle; it is idle again when `done` is called, or closed. `done` may
  // destroy this object, and may come from within this call when nothing can be sent. One at a
  // time. `context` may be null. With `next`, the transaction ends with the results of the last
  // round that it gives; it is asked after each round, with whatever that has come to.
  void run(Connection& connection, const ReplayContextRef& context,
           std::vector<TransactionStep> steps, Done done, Next next = nullptr);

  bool running() const { return done_ != nullptr; }
  // Closes the connection; `done` is not called.
  void abort();

 private:
  enum class Stage { begin, settings, prepare, step, rollback };
  // A statement of the pipeline, and the step that it belongs to.
  struct Sent {
    Stage stage;
    std::size_t step;
  };

  void send_all(const ReplayContextRef& context);
  void send_steps();
  void watch();
  bool continues();
  void send_settings(const ReplayContextRef& context);
  void send_rollback();
  void sync();
  const Sent& head() const { return sent_[position_]; }

  void on_result(const PGresult& result) override;
  void on_statement_end() override;
  void on_sync(PGTransactionStatusType status) override;
  void on_lost(const ConnectionError& error) override;

  void take_rows(const PGresult& result);
  void begin_digest(StepResult& step);
  void take_error(const PGresult& result);
  void abandon(SkipReason reason, std::string detail);
  void finish(TransactionEnd end);

  const Options& options_;
  io::Timer watchdog_;
  Connection* connection_ = nullptr;
  std::vector<TransactionStep> steps_;
  Done done_;
  Next next_;
  std::vector<Sent> sent_;
  std::size_t position_ = 0;
  std::vector<StepResult> results_;
  std::vector<std::optional<std::string_view>> cells_;  // of one row
  std::optional<ResultDigest> digest_;         // of the running step, which is over the limit
  std::optional<ReplaySkip> preamble_failed_;  // BEGIN, the settings, or steps that cannot be sent
  std::uint64_t step_began_ns_ = 0;
  bool rolled_back_again_ = false;
};

}  // namespace parallax::shadow
