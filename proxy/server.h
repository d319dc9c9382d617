#pragma once

// The running program: wires listener, workers, shadow engine, metrics and HTTP listeners, and
// takes them down in order.

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "metrics/http_server.h"
#include "metrics/registry.h"
#include "proxy/config_watch.h"
#include "proxy/generation.h"
#include "proxy/io/listener.h"
#include "proxy/io/loop.h"
#include "proxy/learn_setup.h"
#include "proxy/loaded_config.h"
#include "proxy/log.h"
#include "proxy/mode_control.h"
#include "proxy/proxy_metrics.h"
#include "proxy/worker.h"
#include "shadow/engine.h"
#include "shadow/journal/journal.h"
#include "shadow/report.h"
#include "shadow/rule_modes.h"
#include "shadow/rules/rule.h"
#include "shadow/shadow_metrics.h"

namespace parallax::proxy {

StrictSettings strict_settings(const Config& config);

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

  // Reads the configuration that reload() takes.
  using Loader = std::function<std::variant<LoadedConfig, std::vector<shadow::ConfigProblem>>()>;
  void reloads_from(Loader loader);
  // Reads the configuration again and serves it from now on; otherwise nothing changes, and the
  // problems say why. From any thread but the main one, while run() runs.
  std::vector<std::string> reload();
  // Runs the main loop until a signal has led to a complete stop: SIGTERM or SIGINT drains, a
  // second one ends at once. SIGHUP reads the configuration and the certificates again; SIGUSR1
  // sets the switch to off, SIGUSR2 back to the configuration's modes.
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
  void add_governor_gauges();
  void add_mode_gauges();
  void add_rule_gauges(const std::shared_ptr<const Generation>& generation,
                       const shadow::Rule& rule);
  std::shared_ptr<Generation> make_generation(LoadedConfig loaded);
  void start_generation(Generation& generation, shadow::JournalPositions before);
  std::shared_ptr<shadow::TapGeneration> tap_generation(
      const std::shared_ptr<Generation>& generation, std::size_t worker);
  std::shared_ptr<Generation> current() const;
  void set_current(std::shared_ptr<Generation> generation);
  double journal_errors() const;
  double of_engine(const std::function<std::size_t(const shadow::Engine&)>& read) const;
  void add_reload_gauges();
  void watch_files();
  std::vector<std::string> reload_now();
  std::vector<std::string> take_config();
  void swap_generation(LoadedConfig next);
  void leave_former();
  void everybody_answered();
  void finish_former();
  void former_finished();
  void end_former();
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
  std::vector<std::pair<std::string, shadow::Mode>> modes_by_rule() const;
  shadow::RuleModes rule_modes(const Generation& generation) const {
    return {modes_.mode_switch(), generation.config.mode};
  }
  void modes_changed();
  void drain_step();
  void watch_signal(uv_signal_t& handle, int number);

  const Config config_;  // as it was at the start: what cannot change
  shadow::Report& report_;
  Log& log_;
  const LearnSetup* learn_;              // null but for `learn`
  std::unique_ptr<StateDir> state_dir_;  // null without one
  ModeControl modes_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<ProxyMetrics> proxy_metrics_;
  metrics::Shard* shadow_shard_ = nullptr;  // one engine runs at a time
  std::vector<metrics::Histogram> loop_lags_;
  std::unique_ptr<TlsContexts> tls_;
  WorkerShared shared_;
  // Told once for each listener.
  std::vector<std::unique_ptr<std::atomic<bool>>> channel_binding_told_;
  Door door_{*this};
  Loader loader_;
  mutable std::mutex current_mutex_;
  std::shared_ptr<Generation> current_;                  // under the mutex
  std::shared_ptr<Generation> former_;                   // while it ends
  std::optional<LoadedConfig> waiting_config_;           // until it has ended
  std::atomic<std::uint64_t> journal_errors_before_{0};  // of former journals
  std::atomic<bool> reload_failed_{false};
  std::atomic<double> reloaded_at_{0};
  std::uint64_t leave_deadline_ns_ = 0;
  std::size_t leave_answers_ = 0;
  bool all_left_ = false;
  std::thread finisher_;
  std::vector<std::unique_ptr<Worker>> workers_;
  io::Loop loop_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  std::unique_ptr<metrics::HttpServer> metrics_http_;
  std::unique_ptr<metrics::HttpServer> admin_http_;
  std::unique_ptr<ConfigWatch> config_watch_;  // --dev
  std::unique_ptr<io::Timer> leave_timer_;
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
