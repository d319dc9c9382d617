#pragma once

// One thread with its loop and the sessions that were given to it: a session lives and dies on one
// worker.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "proxy/auth_throttle.h"
#include "proxy/cancel_routes.h"
#include "proxy/io/listener.h"
#include "proxy/io/loop.h"
#include "proxy/io/timer.h"
#include "proxy/session.h"
#include "proxy/session_host.h"
#include "proxy/tls_contexts.h"
#include "shadow/learn/session_learner.h"
#include "shadow/tap.h"

namespace parallax::proxy {

// Counts over all workers, against the limits.
struct SessionCounts {
  std::atomic<std::size_t> admitted{0};
  std::atomic<std::size_t> unauthenticated{0};
};

// What all workers share; thread-safe, or not changed once the workers run.
struct WorkerShared {
  const Config* config = nullptr;
  const TlsContexts* tls = nullptr;
  StrictSettings strict = {};
  std::vector<io::BoundAddress> own_addresses;  // by listener
  SessionCounts counts;
  CancelRoutes cancel_routes;
  AuthThrottle throttle;
  // Called when logins of `user` from `address` begin to be refused.
  std::function<void(std::string_view address, std::string_view user)> held_off;
  // Called when a server offers channel binding to a client that ends its TLS here.
  std::function<void(std::size_t listener)> channel_binding_offered;
};

struct WorkerContext {
  std::size_t index = 0;
  WorkerShared* shared = nullptr;
  const ProxyMetrics* metrics = nullptr;
  metrics::Shard* shard = nullptr;  // written by this worker's thread only
  metrics::Histogram loop_lag;
  std::unique_ptr<shadow::WorkerTap> tap;          // null: nothing is observed
  std::unique_ptr<shadow::WorkerLearner> learner;  // in the tap's place
  // Called on the worker's thread: see SessionHost::not_interpreted.
  std::function<void(std::uint64_t session_id, std::string_view why)> not_interpreted;
  // Called on the worker's thread for each session that has ended.
  std::function<void(std::uint64_t session_id, CloseReason reason, const std::string& detail)>
      ended;
};

class Worker final : public SessionHost {
 public:
  explicit Worker(WorkerContext context);
  ~Worker() override;  // stop() must have been called when start() was

  void start();
  // Thread-safe: takes over an accepted socket.
  void adopt(io::AcceptedSocket socket, std::size_t listener);
  // Thread-safe: idle sessions end now, busy ones when they are idle; new ones are refused.
  void drain();
  // Thread-safe: for a session of this worker, if it is still there.
  void strict_answer(shadow::StrictAnswer answer);
  void strict_run(shadow::ClientRound round);
  // Thread-safe: no rule is strict any more.
  void let_go();
  // Thread-safe: what begins from now on belongs to the new generation.
  void adopt_generation(std::shared_ptr<shadow::TapGeneration> next, Limits limits,
                        StrictSettings strict);
  // Thread-safe: see WorkerTap::leave_former; the answer comes on this worker's thread.
  void leave_former(bool now, std::function<void(bool left)> answer);
  // Closes what is left and joins the thread.
  void stop();
  // Sessions that are here or on their way; thread-safe.
  std::size_t load() const { return load_.load(std::memory_order_relaxed); }

  std::unique_ptr<Pending> connect_upstream(
      std::size_t listener, const std::string& address,
      std::function<void(UpstreamConnection)> callback) override;
  std::unique_ptr<Pending> after(std::chrono::milliseconds delay,
                                 std::function<void()> callback) override;
  void later(std::function<void()> task) override { loop_.post(std::move(task)); }
  std::uint64_t now_ns() override { return io::Loop::now_ns(); }
  bool admit() override;
  void release() override { counts().admitted.fetch_sub(1, std::memory_order_relaxed); }
  void no_longer_unauthenticated() override {
    counts().unauthenticated.fetch_sub(1, std::memory_order_relaxed);
  }
  std::chrono::seconds throttled(const SessionOrigin& origin, std::string_view user) override;
  void login_decided(const SessionOrigin& origin, std::string_view user, bool accepted) override;
  void channel_binding_offered(std::size_t listener) override {
    context_.shared->channel_binding_offered(listener);
  }
  void remember_cancel_key(const std::string& key, const std::string& address) override {
    context_.shared->cancel_routes.remember(key, address);
  }
  void forget_cancel_key(const std::string& key) override {
    context_.shared->cancel_routes.forget(key);
  }
  std::string address_for_cancel(const std::string& key) override {
    return context_.shared->cancel_routes.find(key);
  }
  std::unique_ptr<protocol::ConversationListener> observe(
      std::uint64_t session_id, const protocol::StartupParameters& startup) override;
  void not_interpreted(std::uint64_t session_id, std::string_view why) override {
    if (context_.not_interpreted) context_.not_interpreted(session_id, why);
  }
  std::size_t index() const override { return context_.index; }
  const StrictSettings& strict() const override { return strict_; }
  const ListenerConfig& listener(std::size_t index) const override {
    return context_.shared->config->listeners[index];
  }
  const Limits& limits() const override { return limits_; }
  const ProxyMetrics& metrics() const override { return *context_.metrics; }
  metrics::Shard& shard() override { return *context_.shard; }
  void ended(Session& session, CloseReason reason, const std::string& detail) override;

 private:
  SessionCounts& counts() { return context_.shared->counts; }
  void open_session(io::AcceptedSocket socket, std::size_t listener);
  void measure_lag();

  WorkerContext context_;
  Limits limits_;
  StrictSettings strict_;
  io::Loop loop_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Session>> sessions_;
  std::unique_ptr<io::Timer> lag_timer_;
  std::uint64_t lag_expected_ns_ = 0;
  std::uint64_t next_session_ = 0;
  bool draining_ = false;
  std::atomic<std::size_t> load_{0};
  std::thread thread_;
};

}  // namespace parallax::proxy
