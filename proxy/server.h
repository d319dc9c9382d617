#pragma once

// The running program: wires listener, workers, shadow engine, metrics and HTTP listeners, and
// takes them down in order.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "metrics/http_server.h"
#include "metrics/registry.h"
#include "proxy/io/listener.h"
#include "proxy/io/loop.h"
#include "proxy/learn_setup.h"
#include "proxy/loaded_config.h"
#include "proxy/log.h"
#include "proxy/mode_control.h"
#include "proxy/proxy_metrics.h"
#include "proxy/tee_report.h"
#include "proxy/worker.h"
#include "shadow/engine.h"
#include "shadow/journal/journal.h"
#include "shadow/report.h"
#include "shadow/rule_modes.h"
#include "shadow/rules/rule.h"
#include "shadow/shadow_metrics.h"

namespace parallax::proxy {

class Server {
 public:
  // `report`, `log` and `learn` must outlive the server. Throws std::runtime_error when an address
  // cannot be bound.
  Server(LoadedConfig loaded, shadow::Report& report, Log& log, const LearnSetup* learn = nullptr);
  ~Server();

  // `validate`: VALIDATE_QUERIES of the environment. Before start().
  void begin_modes(const std::optional<std::string>& validate) { modes_.begin(validate); }
  // Starts everything and returns; the bound addresses are known then.
  void start();
  // Runs the main loop until a signal has led to a complete stop: SIGTERM or SIGINT drains, a
  // second one ends at once. SIGHUP reads the certificates again; SIGUSR1 sets the switch to off,
  // SIGUSR2 back to the configuration's modes.
  void run();

  const std::vector<ListenerConfig>& listeners() const { return config_.listeners; }
  // By listener, with the port that was bound.
  const std::vector<io::BoundAddress>& addresses() const { return shared_.own_addresses; }
  std::string metrics_address() const;  // empty when there is none
  std::string admin_address() const;

 private:
  // What the engine says to sessions in strict mode.
  struct Door final : shadow::StrictDoor {
    explicit Door(Server& owner) : server(owner) {}
    void answer(shadow::StrictAnswer answer) override;
    void run(shadow::ClientRound round) override;
    Server& server;
  };

  void add_gauges();
  void add_mode_gauges();
  void add_rule_gauges(const shadow::Rule& rule);
  shadow::Report& make_report(std::unique_ptr<shadow::JournalFile> journal);
  void make_engine(std::unique_ptr<shadow::JournalFile> journal);
  void make_workers();
  void observe(WorkerContext& context);
  void make_http();
  void log_session_end(std::uint64_t id, CloseReason reason, const std::string& detail);
  void make_listeners();
  void accepted(io::AcceptedSocket socket, std::size_t listener);
  void reload_certificates();
  void warn_of_channel_binding(std::size_t listener);
  void signalled(int number);
  void begin_drain();
  void watch_idle();
  shadow::RuleModes rule_modes() const { return {modes_.mode_switch(), config_.mode}; }
  void modes_changed();
  void drain_step();
  void watch_signal(uv_signal_t& handle, int number);

  Config config_;
  std::shared_ptr<const shadow::RuleSet> rules_;
  shadow::Report& report_;
  Log& log_;
  const LearnSetup* learn_;              // null but for `learn`
  std::unique_ptr<StateDir> state_dir_;  // null without one
  ModeControl modes_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<ProxyMetrics> proxy_metrics_;
  std::unique_ptr<shadow::ShadowMetrics> shadow_metrics_;
  std::vector<metrics::Histogram> loop_lags_;
  std::unique_ptr<TlsContexts> tls_;
  WorkerShared shared_;
  // Told once for each listener.
  std::vector<std::unique_ptr<std::atomic<bool>>> channel_binding_told_;
  std::unique_ptr<shadow::Journal> journal_;  // null without one
  std::unique_ptr<TeeReport> tee_;            // with a journal
  Door door_{*this};
  std::unique_ptr<shadow::Engine> engine_;  // null for `learn`
  std::vector<std::unique_ptr<Worker>> workers_;
  io::Loop loop_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  std::unique_ptr<metrics::HttpServer> metrics_http_;
  std::unique_ptr<metrics::HttpServer> admin_http_;
  std::unique_ptr<io::Timer> drain_timer_;
  std::unique_ptr<io::Timer> idle_timer_;
  std::unique_ptr<io::Timer> lasted_timer_;
  uv_signal_t sigterm_{};
  uv_signal_t sigint_{};
  uv_signal_t sighup_{};
  uv_signal_t sigusr1_{};
  uv_signal_t sigusr2_{};
  std::atomic<bool> ready_{false};
  bool draining_ = false;
  std::uint64_t drain_deadline_ns_ = 0;
};

}  // namespace parallax::proxy
