// Strict mode: a client waits for the outcome.

#include <algorithm>
#include <utility>

#include "shadow/engine_impl.h"
#include "shadow/strict/strict_message.h"

namespace parallax::shadow {

namespace {

constexpr std::chrono::milliseconds kParkedLook{20};
// How often a difference is looked at again that others' commits may have made.
constexpr std::size_t kAttempts = 10;
constexpr std::size_t kErrorAttempts = 3;

}  // namespace

// True: it waits until its rules are verified, or for as long as its client does. A test suite
// begins right behind the program.
bool Engine::Impl::park(IntakeQueue::Item& item) {
  if (stopping) return false;
  const auto unverified = [this](const Rule* rule) {
    return rule != nullptr &&
           states[rule->index].load(std::memory_order_relaxed) == RuleState::unverified;
  };
  bool waits = false;
  if (const auto* operation = std::get_if<CapturedOperation>(&item.captured)) {
    waits = operation->strict && unverified(operation->rule);
  } else if (const auto* statement = std::get_if<CapturedStatement>(&item.captured)) {
    waits = statement->strict &&
            (unverified(statement->root ? statement->root->rule : nullptr) ||
             std::ranges::any_of(statement->children, [&](const ChildMatch& child) {
               return statement->strict->is_for(*child.place.rule) && unverified(child.place.rule);
             }));
  }
  if (!waits) return false;
  const auto wait = std::chrono::nanoseconds(options.strict.timeout).count();
  parked.push_back({std::move(item), io::Loop::now_ns() + static_cast<std::uint64_t>(wait)});
  if (!parked_timer.active()) parked_timer.start(kParkedLook, [this] { unpark(); });
  return true;
}

void Engine::Impl::unpark() {
  auto waiting = std::exchange(parked, {});
  const auto now = io::Loop::now_ns();
  for (Parked& one : waiting) {
    const bool late = now >= one.deadline_ns || stopping;
    if (!late && park(one.item)) {
      parked.back().deadline_ns = one.deadline_ns;
      continue;
    }
    take_in(std::move(one.item));
  }
  if (parked.empty()) parked_timer.cancel();
  if (!parked.empty() && !parked_timer.active())
    parked_timer.start(kParkedLook, [this] { unpark(); });
}

// Where a statement was read in a transaction block, nothing but that block's connection tells what
// it means.
bool Engine::Impl::has_its_block(const CapturedOperation& operation) {
  const auto& strict = operation.strict;
  return operation.blocks.empty() ||
         (strict && strict->in_transaction && operation.blocks == std::set{strict->session_id});
}

// What one statement has completed is compared one after the other: a connection has one savepoint
// of ours at a time, and its rounds belong to one run.
void Engine::Impl::wait_for_client(Jobs::iterator job) {
  const StrictTicket ticket = *job->operation.strict;  // the job may end below
  const bool busy = std::ranges::any_of(jobs, [&](const Job& other) {
    return other.on_client != nullptr && other.operation.strict->is_of_same(ticket);
  });
  job->waits_for_client = true;
  if (!busy) next_on_client(ticket);
}

void Engine::Impl::next_on_client(const StrictTicket& ticket) {
  for (;;) {
    const auto job = std::ranges::find_if(jobs, [&](const Job& one) {
      return one.waits_for_client && one.operation.strict->is_of_same(ticket);
    });
    if (job == jobs.end()) return;
    job->waits_for_client = false;
    if (const auto reason = obstacle(job->operation)) {
      end_waiting(job, *reason, "");
    } else if (door == nullptr || !judge.type_values(job->operation)) {
      end_waiting(job, SkipReason::context, "the type of a binary parameter is not known");
    } else {
      return run_on_client(job);
    }
  }
}

void Engine::Impl::run_on_client(Jobs::iterator job) {
  give_back(job->held);
  job->held.clear();
  replay_begins(*job);
  job->tickets = breakers.begin(*job->operation.rule, io::Loop::now_ns());
  job->on_client =
      std::make_unique<ClientTransaction>(loop_door, options, *door, *job->operation.strict);
  job->replay = std::make_unique<OperationReplay>(loop, options, judge.request(job->operation));
  job->replay->run_for_client(
      job->on_client->runner(),
      [this, job](const OperationReplay::End& end) { on_replayed(job, end); });
}

// A difference counts where all statements have seen the same; an error of the rewrite, which ends
// the run before that can be known, where it comes again.
bool Engine::Impl::settled_on_client(Job& job, Outcome& outcome) {
  ++job.attempts;
  const auto* verdict = std::get_if<Verdict>(&outcome.end);
  if (verdict == nullptr || job.on_client->steady()) return true;
  switch (*verdict) {
    case Verdict::match:
    case Verdict::race:
    case Verdict::timeout:
      return true;
    case Verdict::rewrite_error:
      return job.attempts >= kErrorAttempts;
    case Verdict::mismatch:
    case Verdict::unstable:
    case Verdict::expected:
      break;
  }
  if (outcome.kind == MismatchKind::error) return job.attempts >= kErrorAttempts;
  if (job.attempts < kAttempts) return false;
  outcome = {};
  outcome.end = Verdict::unstable;
  outcome.detail = "others write faster than both sides can be read in this transaction";
  return true;
}

void Engine::Impl::tell_client(const CapturedOperation& operation, Outcome& outcome) {
  if (!operation.strict) return;
  if (!options.instance.empty() && std::holds_alternative<Verdict>(outcome.end))
    outcome.journal_id = options.instance + "-s" + std::to_string(++last_journal_id);
  votes.end(*operation.strict, refusal_of(outcome, options.strict), door);
}

}  // namespace parallax::shadow
