#pragma once

// One thread with its loop and the sessions that were given to it: a session lives and dies on one
// worker.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>

#include "proxy/io/loop.h"
#include "proxy/io/timer.h"
#include "proxy/session.h"
#include "proxy/session_host.h"
#include "shadow/tap.h"

namespace parallax::proxy {

// Counts over all workers, against the limits.
struct SessionCounts {
  std::atomic<std::size_t> admitted{0};
  std::atomic<std::size_t> unauthenticated{0};
};

struct WorkerContext {
  std::size_t index = 0;
  const Config* config = nullptr;
  const ProxyMetrics* metrics = nullptr;
  metrics::Shard* shard = nullptr;  // written by this worker's thread only
  metrics::Histogram loop_lag;
  SessionCounts* counts = nullptr;
  std::unique_ptr<shadow::WorkerTap> tap;  // null: nothing is observed
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
  void adopt(int fd);
  // Thread-safe: idle sessions end now, busy ones when they are idle; new ones are refused.
  void drain();
  // Closes what is left and joins the thread.
  void stop();
  // Sessions that are here or on their way; thread-safe.
  std::size_t load() const { return load_.load(std::memory_order_relaxed); }

  std::unique_ptr<Pending> connect_upstream(
      std::function<void(std::unique_ptr<io::ByteStream>, const std::string&)> callback) override;
  std::unique_ptr<Pending> after(std::chrono::milliseconds delay,
                                 std::function<void()> callback) override;
  std::uint64_t now_ns() override { return io::Loop::now_ns(); }
  bool admit() override;
  void release() override { context_.counts->admitted.fetch_sub(1, std::memory_order_relaxed); }
  void no_longer_unauthenticated() override {
    context_.counts->unauthenticated.fetch_sub(1, std::memory_order_relaxed);
  }
  std::unique_ptr<protocol::ConversationListener> observe(
      std::uint64_t session_id, const protocol::StartupParameters& startup) override;
  const Limits& limits() const override { return context_.config->limits; }
  const ProxyMetrics& metrics() const override { return *context_.metrics; }
  metrics::Shard& shard() override { return *context_.shard; }
  void ended(Session& session, CloseReason reason, const std::string& detail) override;

 private:
  void open_session(int fd);
  void measure_lag();

  WorkerContext context_;
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
