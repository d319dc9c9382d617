#include "sim_world.h"

#include <algorithm>
#include <utility>

namespace parallax::test {

void SimPeer::send(std::string_view bytes) {
  outgoing_ += bytes;
  schedule_delivery();
}

void SimPeer::send_end() {
  end_after_outgoing_ = true;
  schedule_delivery();
}

void SimPeer::reset() {
  outgoing_.clear();
  end_after_outgoing_ = false;
  if (stream_ == nullptr || stream_->broken_) return;
  stream_->broken_ = true;
  stream_->reading_ = false;
  stream_->queue_.clear();
  if (stream_->listener_ != nullptr) stream_->listener_->on_broken("reset");
}

void SimPeer::open_window(std::size_t bytes) {
  window = bytes;
  if (stream_ != nullptr) stream_->flush();
}

void SimPeer::schedule_delivery() {
  if (std::exchange(delivery_scheduled_, true)) return;
  world_.at(world_.random() % 200'000, [this] {
    delivery_scheduled_ = false;
    deliver();
  });
}

void SimPeer::deliver() {
  if (stream_ == nullptr || !stream_->reading_ || stream_->listener_ == nullptr || stream_->broken_)
    return;
  if (!outgoing_.empty()) {
    const auto wish =
        world_.whole_chunks ? world_.chunk_max : 1 + world_.random() % world_.chunk_max;
    const auto size = std::min<std::size_t>(outgoing_.size(), wish);
    std::string chunk = outgoing_.substr(0, size);  // not const: passwords are wiped in place
    outgoing_.erase(0, size);
    const auto alive = stream_->alive_;
    stream_->listener_->on_bytes(protocol::as_bytes(chunk));
    if (*alive && (!outgoing_.empty() || end_after_outgoing_)) schedule_delivery();
    return;
  }
  if (!std::exchange(end_after_outgoing_, false)) return;
  stream_->reading_ = false;
  stream_->listener_->on_end();
}

SimStream::~SimStream() {
  *alive_ = false;
  peer_.saw_close = true;
  peer_.stream_ = nullptr;
}

void SimStream::write(io::Bytes chunk) {
  if (finished_ || broken_) return;
  queue_ += protocol::as_text(chunk);
  flush();
  queued_max = std::max(queued_max, queue_.size());
  above_low_water_ = above_low_water_ || queue_.size() > io::kLowWaterBytes;
}

void SimStream::flush() {
  const auto taken = std::min(queue_.size(), peer_.window);
  peer_.received += queue_.substr(0, taken);
  queue_.erase(0, taken);
  if (peer_.window != SIZE_MAX) peer_.window -= taken;
  if (finished_ && queue_.empty()) peer_sees_end();
  if (taken > 0 && peer_.on_received) {
    world_.at(0, [this, alive = alive_] {
      if (*alive && peer_.on_received) peer_.on_received();
    });
  }
  if (above_low_water_ && queue_.size() <= io::kLowWaterBytes) {
    above_low_water_ = false;
    world_.at(0, [this, alive = alive_] {
      if (*alive && listener_ != nullptr) listener_->on_drained();
    });
  }
}

void SimStream::resume_reading() {
  if (broken_) return;
  reading_ = true;
  if (!peer_.outgoing_.empty() || peer_.end_after_outgoing_) peer_.schedule_delivery();
}

void SimStream::finish_writing() {
  finished_ = true;
  if (queue_.empty()) peer_sees_end();
}

void SimStream::peer_sees_end() {
  peer_.saw_end = true;
  world_.at(0, [this, alive = alive_] {
    if (*alive && peer_.on_received) peer_.on_received();
  });
}

SimWorld::SimWorld(std::uint64_t seed)
    : random(seed),
      metrics_(std::make_unique<proxy::ProxyMetrics>(registry_)),
      shard_(&registry_.make_shard()) {}

SimWorld::~SimWorld() { events_.clear(); }

proxy::Session& SimWorld::open_session() {
  auto stream = std::make_unique<SimStream>(*this, client);
  client_stream = stream.get();
  session_ = std::make_unique<proxy::Session>(*this, 1, origin, std::move(stream));
  session_->start();
  return *session_;
}

void SimWorld::at(std::uint64_t delay_ns, std::function<void()> event) {
  events_.emplace(std::make_pair(now_ + delay_ns, ++sequence_), std::move(event));
}

void SimWorld::run(std::chrono::milliseconds until) {
  const auto deadline = now_ + static_cast<std::uint64_t>(std::chrono::nanoseconds(until).count());
  while (!events_.empty() && events_.begin()->first.first <= deadline) {
    auto node = events_.extract(events_.begin());
    now_ = node.key().first;
    node.mapped()();
  }
  now_ = deadline;
}

namespace {

struct SimPending final : proxy::Pending {
  std::shared_ptr<bool> wanted = std::make_shared<bool>(true);
  ~SimPending() override { *wanted = false; }
};

}  // namespace

namespace {

// An upstream connection with the TLS negotiation behind it, where there is one.
struct SimConnect final : proxy::Pending {
  SimPending wanted;
  std::unique_ptr<proxy::TlsNegotiation> negotiation;
};

}  // namespace

std::unique_ptr<proxy::Pending> SimWorld::connect_upstream(
    std::size_t, const std::string& address,
    std::function<void(proxy::UpstreamConnection)> callback) {
  upstream_addresses_asked.push_back(address);
  auto pending = std::make_unique<SimConnect>();
  auto* connect = pending.get();
  at(random() % 1'000'000, [this, connect, wanted = pending->wanted.wanted,
                            callback = std::move(callback)] {
    if (!*wanted) return;
    if (!upstream_reachable) {
      callback({.error = "connection refused"});
      return;
    }
    auto stream = std::make_unique<SimStream>(*this, server);
    if (upstream_tls == nullptr) {
      callback({.stream = std::move(stream), .address = "192.0.2.1"});
      return;
    }
    connect->negotiation = std::make_unique<proxy::TlsNegotiation>(
        std::move(stream), upstream_tls,
        [this](std::function<void()> task) { later(std::move(task)); },
        [callback](std::unique_ptr<io::ByteStream> secured, const std::string& error) {
          callback(
              {.stream = std::move(secured), .error = error, .tls = true, .address = "192.0.2.1"});
        });
  });
  return pending;
}

std::unique_ptr<proxy::Pending> SimWorld::after(std::chrono::milliseconds delay,
                                                std::function<void()> callback) {
  auto pending = std::make_unique<SimPending>();
  at(static_cast<std::uint64_t>(std::chrono::nanoseconds(delay).count()),
     [wanted = pending->wanted, callback = std::move(callback)] {
       if (*wanted) callback();
     });
  return pending;
}

bool SimWorld::admit() {
  if (refuse_admission) return false;
  ++admitted;
  return true;
}

void SimWorld::ended(proxy::Session&, proxy::CloseReason why, const std::string&) {
  session_ended = true;
  reason = why;
  client_stream = nullptr;
  at(0, [this] { session_.reset(); });
}

std::uint64_t SimWorld::outcome_count(proxy::CloseReason which) const {
  return registry_.value(metrics_->outcomes[static_cast<std::size_t>(which)]);
}

}  // namespace parallax::test
