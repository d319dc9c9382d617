#include "proxy/server.h"

#include <algorithm>
#include <csignal>
#include <random>
#include <thread>
#include <utility>

#include "metrics/process_metrics.h"
#include "proxy/admin.h"
#include "proxy/held_signals.h"

namespace parallax::proxy {

using metrics::Metric;

namespace {

constexpr std::chrono::milliseconds kDrainStep{50};
// A run that has lasted so long begins a new row of unclean ends, should it end so.
constexpr std::chrono::milliseconds kLasted{std::chrono::minutes(10)};
// What the shadow side gets after the last session has gone, to finish what it has begun.
constexpr std::chrono::milliseconds kEngineDrain{5'000};

std::size_t worker_count(const Config& config) {
  return config.workers != 0 ? config.workers
                             : std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

// Another server may hold other data: what clients got says nothing of it.
bool shadows_where_clients_go(const Config& config) {
  return std::ranges::all_of(config.listeners, [&](const ListenerConfig& listener) {
    return listener.upstream.host == config.shadow.keyword("host") &&
           std::to_string(listener.upstream.port) == config.shadow.keyword("port");
  });
}

}  // namespace

StrictSettings strict_settings(const Config& config) {
  return {config.shadow.strict, 2 * config.shadow.capture_bytes};
}

Server::Server(LoadedConfig loaded, shadow::Report& report, Log& log, const LearnSetup* learn)
    : config_(loaded.config),
      report_(report),
      log_(log),
      learn_(learn),
      state_dir_(std::move(loaded.state_dir)),
      modes_(config_.mode, state_dir_.get(), log, [this] { modes_changed(); }),
      registry_(std::make_unique<metrics::Registry>()),
      proxy_metrics_(std::make_unique<ProxyMetrics>(*registry_)),
      tls_(std::move(loaded.tls)),
      shared_{.config = &config_,
              .tls = tls_.get(),
              .strict = strict_settings(config_),
              .own_addresses = {},
              .counts = {},
              .cancel_routes = {},
              .throttle = AuthThrottle(config_.limits.auth_failures),
              .held_off =
                  [this](std::string_view address, std::string_view user) {
                    log_.write(
                        LogLevel::warn,
                        {{"client", address.empty() ? "unix socket" : std::string(address)},
                         {"user", std::string(user)}},
                        "logins are refused for the rest of the minute: too many have failed");
                  },
              .channel_binding_offered = [this](std::size_t i) { warn_of_channel_binding(i); }} {
  for (std::size_t i = 0; i < worker_count(config_); ++i) {
    loop_lags_.push_back(
        registry_->histogram(Metric::loop_lag_seconds, {"worker" + std::to_string(i)}));
  }
  shadow_shard_ = &registry_->make_shard();
  set_current(make_generation(std::move(loaded)));
  add_gauges();
  make_listeners();
  make_workers();
  make_http();
}

Server::~Server() {
  if (finisher_.joinable()) finisher_.join();
}

std::shared_ptr<Generation> Server::current() const {
  const std::lock_guard lock(current_mutex_);
  return current_;
}

void Server::set_current(std::shared_ptr<Generation> generation) {
  const std::lock_guard lock(current_mutex_);
  current_ = std::move(generation);
}

std::shared_ptr<Generation> Server::make_generation(LoadedConfig loaded) {
  auto made = std::make_shared<Generation>();
  made->config = std::move(loaded.config);
  made->rules = std::move(loaded.rules);
  made->metrics = std::make_shared<const shadow::ShadowMetrics>(*registry_, *made->rules);
  made->journal_file = std::move(loaded.journal);
  made->report = std::make_unique<TeeReport>(report_);
  if (learn_ != nullptr) return made;
  if (made->journal_file) {
    // Each has ids of its own, which begin anew.
    made->config.shadow.instance = shadow::random_instance();
    made->config.journal->options.instance = made->config.shadow.instance;
  }
  made->engine =
      std::make_unique<shadow::Engine>(made->config.shadow, made->rules, *made->metrics, *registry_,
                                       *made->report, worker_count(config_), shadow_shard_);
  made->engine->set_strict_door(door_);
  return made;
}

void Server::Door::answer(shadow::StrictAnswer answer) {
  auto& worker = *server.workers_[answer.ticket.worker];
  worker.strict_answer(std::move(answer));
}

void Server::Door::run(shadow::ClientRound round) {
  auto& worker = *server.workers_[round.ticket.worker];
  worker.strict_run(std::move(round));
}

void Server::start_generation(Generation& generation, shadow::JournalPositions before) {
  if (generation.journal_file) {
    auto journal = std::make_unique<shadow::Journal>(
        shadow::Journal::Settings{
            .options = generation.config.journal->options,
            .file = std::move(generation.journal_file),
            .tell = [this](const std::string& what) { log_.write(LogLevel::error, what); },
            .before = std::move(before)},
        generation.rules, *generation.metrics, *registry_);
    generation.report->set_second(journal.get());
    const std::lock_guard lock(current_mutex_);
    generation.journal = std::move(journal);
  }
  generation.engine->start(!rule_modes(generation).all_off(*generation.rules));
  const std::lock_guard lock(current_mutex_);
  generation.started = true;
  // The switch may have been set in between.
  generation.engine->set_awake(!rule_modes(generation).all_off(*generation.rules));
}

void Server::make_listeners() {
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    const auto& address = config_.listeners[i].listen;
    listeners_.push_back(std::make_unique<io::Listener>(
        loop_, address.host, address.port,
        [this, i](io::AcceptedSocket socket) { accepted(std::move(socket), i); }));
    shared_.own_addresses.push_back(listeners_.back()->address());
    channel_binding_told_.push_back(std::make_unique<std::atomic<bool>>(false));
  }
}

// Gives the worker what looks at its sessions, where anything does.
void Server::observe(WorkerContext& context) {
  const std::size_t captures = config_.shadow.queue_bytes / worker_count(config_);
  if (learn_ != nullptr) {
    context.learner = std::make_unique<shadow::WorkerLearner>(
        learn_->log, learn_->choice, config_.shadow.capture_bytes, captures);
  }
  if (auto generation = tap_generation(current(), context.index))
    context.tap = std::make_unique<shadow::WorkerTap>(std::move(generation), *context.shard);
}

std::shared_ptr<shadow::TapGeneration> Server::tap_generation(
    const std::shared_ptr<Generation>& generation, std::size_t worker) {
  if (!generation->engine) return nullptr;
  const auto& config = generation->config;
  std::random_device entropy;
  return std::make_shared<shadow::TapGeneration>(shadow::TapGeneration{
      .rules = generation->rules,
      .metrics = generation->metrics,
      .intake = &generation->engine->intake(worker),
      .rule_state = [engine = generation->engine.get()](
                        const shadow::Rule& rule) { return engine->state(rule); },
      .options = {.user = config.shadow.keyword("user"),
                  .database = config.shadow.keyword("dbname"),
                  .identity = config.shadow.identity,
                  .modes = rule_modes(*generation),
                  .strict = config.shadow.strict,
                  .dev = config.shadow.dev,
                  .open_operations = &generation->engine->open_operations(),
                  .sample_shares = &generation->engine->sample_shares(),
                  .live = shadows_where_clients_go(config),
                  .capture_bytes = config.shadow.capture_bytes,
                  .captures_bytes = config.shadow.queue_bytes / worker_count(config_),
                  .seed = (static_cast<std::uint64_t>(entropy()) << 32) | entropy()},
      .keeps = generation});
}

void Server::make_workers() {
  for (std::size_t i = 0; i < worker_count(config_); ++i) {
    WorkerContext context;
    context.index = i;
    context.shared = &shared_;
    context.metrics = proxy_metrics_.get();
    context.shard = &registry_->make_shard();
    context.loop_lag = loop_lags_[i];
    observe(context);
    context.not_interpreted = [this](std::uint64_t id, std::string_view why) {
      log_.write(LogLevel::warn, {{"session", std::to_string(id)}},
                 "the session is forwarded and not interpreted any more: " + std::string(why));
    };
    context.ended = [this](std::uint64_t id, CloseReason reason, const std::string& detail) {
      log_session_end(id, reason, detail);
    };
    workers_.push_back(std::make_unique<Worker>(std::move(context)));
  }
}

void Server::log_session_end(std::uint64_t id, CloseReason reason, const std::string& detail) {
  // Clients come and go, and port scans are daily bread; what an operator can act on is a warning.
  const bool notable =
      reason == CloseReason::upstream_unreachable || reason == CloseReason::too_many_sessions ||
      reason == CloseReason::stuffed || reason == CloseReason::channel_binding ||
      reason == CloseReason::login_refused || reason == CloseReason::cancel_timeout ||
      reason == CloseReason::authentication_timeout;
  const auto level = notable ? LogLevel::warn : LogLevel::debug;
  if (!log_.writes(level)) return;
  log_.write(level, {{"session", std::to_string(id)}, {"reason", std::string(name(reason))}},
             detail.empty() ? "session ended" : "session ended: " + detail);
}

void Server::make_http() {
  if (config_.metrics_listen) {
    metrics_http_ = std::make_unique<metrics::HttpServer>(*config_.metrics_listen);
    metrics_http_->get("/metrics", [this](const metrics::HttpRequest&) {
      return metrics::HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                   .body = registry_->text()};
    });
  }
  if (config_.admin_listen) {
    admin_http_ = std::make_unique<metrics::HttpServer>(*config_.admin_listen);
    serve_admin(*admin_http_,
                {.rules = {config_.admin_token, config_.admin_hosts, *config_.admin_listen},
                 .control = modes_,
                 .modes = [this] { return modes_by_rule(); },
                 .reload = [this] { return reload(); },
                 .log = log_});
    admin_http_->get("/healthz", [](const metrics::HttpRequest&) {
      return metrics::HttpResponse{.body = "ok\n"};
    });
    admin_http_->get("/readyz", [this](const metrics::HttpRequest&) {
      return ready_.load()
                 ? metrics::HttpResponse{.body = "ready\n"}
                 : metrics::HttpResponse{.status = 503, .body = "draining or not started\n"};
    });
  }
}

void Server::start() {
  if (current()->engine) start_generation(*current(), {});
  for (auto& worker : workers_) worker->start();
  watch_signal(sigterm_, SIGTERM);
  watch_signal(sigint_, SIGINT);
  watch_signal(sighup_, SIGHUP);
  watch_signal(sigusr1_, SIGUSR1);
  watch_signal(sigusr2_, SIGUSR2);
  lasted_timer_ = std::make_unique<io::Timer>(loop_);
  lasted_timer_->start(kLasted, [this] { modes_.lasted(); });
  watch_idle();
  watch_files();
  ready_ = true;
}

void Server::run() {
  loop_.run();
  hold_signals(kSwitchSignals, true);
  for (auto* handle : {&sigterm_, &sigint_, &sighup_, &sigusr1_, &sigusr2_})
    uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
}

void Server::accepted(io::AcceptedSocket socket, std::size_t listener) {
  const auto least =
      std::min_element(workers_.begin(), workers_.end(),
                       [](const auto& a, const auto& b) { return a->load() < b->load(); });
  (*least)->adopt(std::move(socket), listener);
}

void Server::watch_signal(uv_signal_t& handle, int number) {
  uv_signal_init(loop_.uv(), &handle);
  handle.data = this;
  uv_signal_start(
      &handle,
      [](uv_signal_t* signal, int caught) {
        static_cast<Server*>(signal->data)->signalled(caught);
      },
      number);
}

// Running sessions keep the certificate that they began with; a bad one changes nothing.
void Server::reload_certificates() {
  const auto problems = tls_->load(config_);
  for (const auto& problem : problems) log_.write(LogLevel::error, problem.text());
  log_.write(problems.empty() ? LogLevel::info : LogLevel::error,
             problems.empty() ? "signal SIGHUP: the certificates were read again"
                              : "signal SIGHUP: the certificates stay as they were");
}

// Called by workers.
void Server::warn_of_channel_binding(std::size_t listener) {
  if (channel_binding_told_[listener]->exchange(true)) return;
  log_.write(LogLevel::warn, {{"listener", config_.listeners[listener].name}},
             "the server offers SCRAM-SHA-256-PLUS, which cannot pass a proxy that ends TLS: "
             "clients that know channel binding (libpq by default) fail, and with "
             "sslmode=prefer go on without TLS; write channel_binding=disable in their connection "
             "string, or `auth: password` for this listener");
}

// Called by whoever sets the switch, on any thread.
void Server::modes_changed() {
  for (auto& worker : workers_) worker->let_go();
  const auto generation = current();
  const std::lock_guard lock(current_mutex_);
  if (!generation->started) return;
  // Under the lock: of two that set the switch at a time, the later one reads what holds.
  generation->engine->set_awake(!rule_modes(*generation).all_off(*generation->rules));
}

void Server::signalled(int number) {
  if (number == SIGHUP) {
    if (!loader_) return reload_certificates();
    reload_now();
    return;
  }
  if (number == SIGUSR1 || number == SIGUSR2) {
    const bool off = number == SIGUSR1;
    modes_.set(off ? std::optional(shadow::Mode::off) : std::nullopt,
               off ? "signal SIGUSR1" : "signal SIGUSR2");
    return;
  }
  log_.write(LogLevel::info, std::string("signal ") + (number == SIGTERM ? "SIGTERM" : "SIGINT") +
                                 (draining_ ? ": ending now" : ": draining"));
  if (draining_) {
    drain_deadline_ns_ = 0;
  } else {
    begin_drain();
  }
}

// `learn --until-idle`: what has begun to come, and comes no more, is over.
void Server::watch_idle() {
  if (learn_ == nullptr || !learn_->until_idle) return;
  idle_timer_ = std::make_unique<io::Timer>(loop_);
  idle_timer_->start_periodic(kDrainStep, [this] {
    const auto last = learn_->log.last_ns();
    const auto wait =
        static_cast<std::uint64_t>(std::chrono::nanoseconds(*learn_->until_idle).count());
    if (draining_ || last == 0 || io::Loop::now_ns() < last + wait) return;
    log_.write(LogLevel::info, "no statement has come for the time of --until-idle: draining");
    begin_drain();
  });
}

void Server::begin_drain() {
  draining_ = true;
  ready_ = false;
  drain_deadline_ns_ =
      io::Loop::now_ns() +
      static_cast<std::uint64_t>(
          std::chrono::nanoseconds(current()->config.limits.drain_timeout).count());
  listeners_.clear();
  for (auto& worker : workers_) worker->drain();
  drain_timer_ = std::make_unique<io::Timer>(loop_);
  drain_timer_->start_periodic(kDrainStep, [this] { drain_step(); });
}

void Server::drain_step() {
  const bool busy = std::any_of(workers_.begin(), workers_.end(),
                                [](const auto& worker) { return worker->load() > 0; });
  if (busy && io::Loop::now_ns() < drain_deadline_ns_) return;
  for (auto& worker : workers_) worker->stop();
  end_former();
  const auto generation = current();
  if (generation->engine)
    generation->engine->stop(drain_deadline_ns_ == 0 ? std::chrono::milliseconds(0) : kEngineDrain);
  if (generation->journal) generation->journal->stop();
  metrics_http_.reset();
  admin_http_.reset();
  drain_timer_.reset();
  config_watch_.reset();
  idle_timer_.reset();
  lasted_timer_.reset();
  modes_.end();
  loop_.stop();
}

std::string Server::metrics_address() const {
  return metrics_http_ ? metrics_http_->address() : std::string();
}
std::string Server::admin_address() const {
  return admin_http_ ? admin_http_->address() : std::string();
}

}  // namespace parallax::proxy
