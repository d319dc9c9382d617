#pragma once

// Strict mode between the rooms: a statement's answer is held until its verdict is known, and on a
// mismatch an error stands in its place. Public face of shadow/.
//
// Only here a verdict travels back: as a value, posted to the worker's loop and addressed by
// session. Whoever is gone by then does not hear of it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/conversation.h"
#include "shadow/compare/compare.h"
#include "shadow/rules/rule.h"
#include "shadow/strict/ticket.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

// What stands in the answer's place. SQLSTATE and text of an error that the server raises.
struct StrictRefusal {
  std::string sqlstate;
  std::string message;
};
// Of a class of their own, so that no client takes them for something to try again.
inline constexpr std::string_view kStrictMismatch = "PLX01";
inline constexpr std::string_view kStrictUncompared = "PLX02";
inline constexpr std::string_view kStrictTimeout = "PLX03";

struct StrictAnswer {
  StrictTicket ticket;
  std::size_t offers = 1;                // of Held::answers
  std::optional<StrictRefusal> refusal;  // nothing: the client gets what it is waiting for
};

struct ClientStep {
  std::string sql;
  std::vector<Value> parameters;
  bool binary = false;  // format of the rows
};
struct ClientRoundSkip {
  SkipReason reason = SkipReason::server;
  std::string detail;
};
// One for each step, in order; a step behind one that failed has not run.
using ClientRoundEnd = std::variant<std::vector<StepResult>, ClientRoundSkip>;

// Steps to run on the client's own connection while its answer is held: read-only, in a savepoint
// that is rolled back after the last round or a step that fails.
struct ClientRound {
  StrictTicket ticket;
  bool first = true;
  bool last = true;  // a round without steps only rolls back
  std::vector<ClientStep> steps;
  std::chrono::milliseconds statement_timeout{0};
  std::chrono::milliseconds lock_timeout{0};
  std::size_t result_bytes = 0;  // of each step
  // Called once, on any thread.
  std::function<void(ClientRoundEnd)> done;
};

// From the engine to the sessions. Thread-safe, never waits.
class StrictDoor {
 public:
  virtual ~StrictDoor() = default;
  virtual void answer(StrictAnswer answer) = 0;
  virtual void run(ClientRound round) = 0;
};

// What a session asks its tap in strict mode; on the worker's thread.
class StrictSession {
 public:
  struct Held {
    std::size_t answers = 0;               // how many StrictAnswers will come
    std::optional<StrictRefusal> refusal;  // known at once
  };

  virtual ~StrictSession() = default;
  // Whether any rule may be strict now.
  virtual bool may_hold() const = 0;
  // Whether the answer to this command must be held.
  virtual bool holds(const protocol::CommandNotes& command) const = 0;
  // All of the answer has come, and is held. `seconds`: as the client would have seen it.
  virtual Held complete(const protocol::CommandNotes& command, std::string_view tag,
                        const StrictTicket& ticket, double seconds) = 0;
};

}  // namespace parallax::shadow
