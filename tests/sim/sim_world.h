#pragma once

// A world in memory for one session: a virtual clock, streams whose far ends the test holds, and
// seeded faults.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/cancel_routes.h"
#include "proxy/session.h"
#include "proxy/session_host.h"
#include "proxy/upstream.h"
#include "tests/support/seed.h"

namespace parallax::test {

class SimWorld;

// The far end of a stream: what a client program or a server would do with its socket.
class SimPeer {
 public:
  explicit SimPeer(SimWorld& world) : world_(world) {}

  void send(std::string_view bytes);  // arrives in chunks of random size, after random delays
  void send_end();                    // FIN, behind what was sent
  void reset();                       // RST: what has not arrived is lost, both ways

  std::string received;    // everything that the session wrote and the peer has read
  bool saw_end = false;    // the session finished writing
  bool saw_close = false;  // the session destroyed its end
  // How many more bytes the peer is willing to read; the rest stays queued in the session.
  std::size_t window = SIZE_MAX;
  void open_window(std::size_t bytes);
  std::function<void()> on_received;

 private:
  friend class SimStream;
  friend class SimWorld;
  SimWorld& world_;
  class SimStream* stream_ = nullptr;
  std::string outgoing_;  // sent, not yet delivered
  bool end_after_outgoing_ = false;
  bool delivery_scheduled_ = false;
  void schedule_delivery();
  void deliver();
};

class SimStream final : public io::ByteStream {
 public:
  SimStream(SimWorld& world, SimPeer& peer) : world_(world), peer_(peer) { peer.stream_ = this; }
  ~SimStream() override;

  void set_listener(io::StreamListener* listener) override { listener_ = listener; }
  void write(io::Bytes chunk) override;
  std::size_t queued_bytes() const override { return queue_.size(); }
  void resume_reading() override;
  void pause_reading() override { reading_ = false; }
  void finish_writing() override;

  std::size_t queued_max = 0;

 private:
  friend class SimPeer;
  void flush();
  void peer_sees_end();
  SimWorld& world_;
  SimPeer& peer_;
  io::StreamListener* listener_ = nullptr;
  std::string queue_;
  bool reading_ = false;
  bool finished_ = false;
  bool broken_ = false;
  bool above_low_water_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class SimWorld final : public proxy::SessionHost {
 public:
  explicit SimWorld(std::uint64_t seed);
  ~SimWorld() override;

  SimPeer client{*this};
  SimPeer server{*this};
  bool upstream_reachable = true;
  proxy::StrictSettings strict_value;
  proxy::Limits limits_value;
  proxy::ListenerConfig listener_value;
  proxy::SessionOrigin origin{.client_local = true};
  // Null: plain. With it the server's end of the stream answers SSLRequest and does TLS itself.
  std::shared_ptr<const io::TlsContext> upstream_tls;
  std::chrono::seconds throttled_for{0};
  std::vector<std::pair<std::string, bool>> logins;  // decided by the server
  bool binding_offered = false;
  std::string lost_why;
  proxy::CancelRoutes cancel_routes;
  std::vector<std::string> upstream_addresses_asked;
  std::size_t admitted = 0;
  bool refuse_admission = false;
  // Made for each session that asks; null = nothing observes.
  std::function<std::unique_ptr<protocol::ConversationListener>()> make_tap;

  proxy::Session& open_session();
  // Runs events until none is left or `until` of virtual time has passed.
  void run(std::chrono::milliseconds until = std::chrono::hours(24));
  void at(std::uint64_t delay_ns, std::function<void()> event);

  bool session_ended = false;
  proxy::CloseReason reason{};
  SimStream* client_stream = nullptr;
  std::size_t unauthenticated_told = 0;
  std::mt19937_64 random;
  // Sizes of chunks that a peer's bytes arrive in.
  std::size_t chunk_max = 4096;
  bool whole_chunks = false;  // not random: as much as chunk_max allows

  std::unique_ptr<proxy::Pending> connect_upstream(
      std::size_t listener, const std::string& address,
      std::function<void(proxy::UpstreamConnection)> callback) override;
  std::unique_ptr<proxy::Pending> after(std::chrono::milliseconds delay,
                                        std::function<void()> callback) override;
  void later(std::function<void()> task) override { at(0, std::move(task)); }
  std::uint64_t now_ns() override { return now_; }
  bool admit() override;
  void release() override { --admitted; }
  void no_longer_unauthenticated() override { ++unauthenticated_told; }
  std::chrono::seconds throttled(const proxy::SessionOrigin&, std::string_view) override {
    return throttled_for;
  }
  void login_decided(const proxy::SessionOrigin&, std::string_view user, bool accepted) override {
    logins.emplace_back(user, accepted);
  }
  void channel_binding_offered(std::size_t) override { binding_offered = true; }
  void remember_cancel_key(const std::string& key, const std::string& address) override {
    cancel_routes.remember(key, address);
  }
  void forget_cancel_key(const std::string& key) override { cancel_routes.forget(key); }
  std::string address_for_cancel(const std::string& key) override {
    return cancel_routes.find(key);
  }
  std::unique_ptr<protocol::ConversationListener> observe(
      std::uint64_t, const protocol::StartupParameters&) override {
    return make_tap ? make_tap() : nullptr;
  }
  void not_interpreted(std::uint64_t, std::string_view why) override { lost_why = why; }
  std::size_t index() const override { return 0; }
  const proxy::StrictSettings& strict() const override { return strict_value; }
  const proxy::ListenerConfig& listener(std::size_t) const override { return listener_value; }
  const proxy::Limits& limits() const override { return limits_value; }
  const proxy::ProxyMetrics& metrics() const override { return *metrics_; }
  metrics::Shard& shard() override { return *shard_; }
  void ended(proxy::Session& session, proxy::CloseReason reason,
             const std::string& detail) override;
  std::uint64_t outcome_count(proxy::CloseReason which) const;
  std::int64_t sessions_gauge() const { return registry_.value(metrics_->sessions); }

 private:
  std::uint64_t now_ = 1'000'000'000;
  std::uint64_t sequence_ = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::function<void()>> events_;
  metrics::Registry registry_;
  std::unique_ptr<proxy::ProxyMetrics> metrics_;
  metrics::Shard* shard_ = nullptr;
  std::unique_ptr<proxy::Session> session_;
};

}  // namespace parallax::test
