#pragma once

// What the engine is made of. Nobody but engine.cc includes it.

#include <array>
#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "proxy/io/loop.h"
#include "proxy/io/timer.h"
#include "shadow/assembly.h"
#include "shadow/breakers.h"
#include "shadow/engine.h"
#include "shadow/governor/governor.h"
#include "shadow/governor/replay_gate.h"
#include "shadow/governor/sample_shares.h"
#include "shadow/governor/server_connections.h"
#include "shadow/intake_queue.h"
#include "shadow/judge.h"
#include "shadow/outcome_counter.h"
#include "shadow/replay/operation_replay.h"
#include "shadow/replay/pool.h"
#include "shadow/replay/verifier.h"
#include "shadow/strict/client_transaction.h"
#include "shadow/strict/strict.h"
#include "shadow/strict/strict_votes.h"

namespace parallax::shadow {

struct Engine::Impl {
  // An operation that waits for a connection, or is being replayed on one.
  struct Job {
    CapturedOperation operation;
    Assembly::Held held;  // of the queue's budget, until the replay starts
    Connection* connection = nullptr;
    std::unique_ptr<OperationReplay> replay;
    std::optional<Outcome> settled;  // live
    Breakers::Tickets tickets;
    std::unique_ptr<ClientTransaction> on_client;  // in the place of a connection
    std::size_t attempts = 0;                      // on it
    bool waits_for_client = false;                 // while another of its statement is there
    bool in_gate = false;
    bool sampled_out = false;  // when it comes to the gate
    std::uint64_t waits_since_ns = 0;
    std::uint64_t shut_before_ns = 0;  // how long the gate had been shut until then
    std::uint64_t runs_since_ns = 0;   // 0: it does not run yet
  };
  // A held statement whose rules are not verified yet.
  struct Parked {
    IntakeQueue::Item item;
    std::uint64_t deadline_ns = 0;
  };
  using End = decltype(Outcome::end);
  using Jobs = std::list<Job>;  // bounded by the queue's budget and the pool

  Impl(Options given, std::shared_ptr<const RuleSet> rule_set, const ShadowMetrics& metrics,
       metrics::Shard& shard, Report& to, std::size_t workers);

  void run(bool awake);
  void set_awake(bool awake);
  void stop(std::chrono::milliseconds deadline, bool waiting_too);

  void take_offers();
  void accept(IntakeQueue::Item item);
  void take_in(IntakeQueue::Item item);
  Assembly::Listener assembly_listener();
  void begin_job(CapturedOperation&& operation, Assembly::Held&& held);
  void give_back(const Assembly::Held& held);
  void watch_assembly();
  void wait_for_connection(Jobs::iterator job);
  void start_job(Jobs::iterator job, Connection& connection);
  void on_replayed(Jobs::iterator job, const OperationReplay::End& end);
  Outcome outcome_of(const CapturedOperation& operation, const OperationReplay::End& end,
                     std::optional<Outcome>&& settled);
  void finish(CapturedOperation& operation, Outcome outcome);
  void watch_drift(const Rule& rule, const Outcome& outcome);
  std::optional<SkipReason> obstacle(const CapturedOperation& operation) const;
  void verified(const Rule& rule, Verification verification);
  void verify_again(const Rule& rule, const std::string& why);
  void end_waiting(Jobs::iterator job, End end, std::string detail);
  void end_without_verdict(const CapturedOperation& operation, End end, std::string detail);
  void publish(const Outcome& outcome);
  void set_state(const Rule& rule, RuleState state, const std::string& reason);
  // engine_strict.cc
  bool park(IntakeQueue::Item& item);
  void unpark();
  static bool has_its_block(const CapturedOperation& operation);
  void wait_for_client(Jobs::iterator job);
  void next_on_client(const StrictTicket& ticket);
  void run_on_client(Jobs::iterator job);
  bool settled_on_client(Job& job, Outcome& outcome);
  void tell_client(const CapturedOperation& operation, Outcome& outcome);
  void begin_stop(std::chrono::milliseconds deadline, bool waiting_too);
  // engine_governor.cc
  void begin_governing();
  void end_governing();
  void govern();
  void obey(const std::vector<GovernorStep>& steps);
  void thin_out(const Rule* rule);
  void look_at_quiet();
  void end_quiet(std::uint64_t began_ns, double seconds);
  void look_at_server();
  void take_samples();
  void replay_begins(Job& job);
  void replay_ends(const Job& job);
  void drop_jobs(bool running_too);
  void stop_when_done();

  const Options options;
  const std::shared_ptr<const RuleSet> rules;
  Report& report;
  OutcomeCounter counter;
  std::vector<std::atomic<RuleState>> states;
  OpenOperations open_operations;
  Judge judge;
  Breakers breakers;
  Governor governor;
  SampleShares sample_shares;
  std::atomic<std::size_t> replays_limit;
  std::array<std::atomic<double>, kSigns.size()> pressures{};

  io::Loop loop;
  IntakeQueue intakes;
  Pool pool;
  ReplayGate gate;
  Verifier verifier;
  io::Timer governor_timer;
  io::Timer quiet_timer;
  std::shared_ptr<ServerConnectionsQuery> server_look;
  std::size_t looks = 0;    // of the governor
  std::size_t running = 0;  // replays
  bool ran_lately = false;  // since the server was last looked at
  std::uint64_t quiet_since_ns = 0;
  std::uint64_t no_quiet_before_ns = 0;
  std::uint64_t shut_ns = 0;  // how long the gate has been shut in all
  io::Timer deadline_timer;
  io::Timer assembly_timer;
  io::Timer closing_timer;
  Assembly assembly;
  Jobs jobs;
  StrictDoor* door = nullptr;
  StrictVotes votes;
  std::shared_ptr<LoopDoor> loop_door;
  std::list<Parked> parked;
  io::Timer parked_timer;
  std::uint64_t last_journal_id = 0;
  bool stopping = false;
  bool finishing = false;  // until the deadline
  std::thread thread;
  bool stopped = false;  // of the thread that calls start() and stop()
};

}  // namespace parallax::shadow
