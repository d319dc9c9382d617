#include "proxy/worker.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "proxy/io/tcp_stream.h"
#include "proxy/upstream.h"

namespace parallax::proxy {

namespace {

constexpr std::chrono::milliseconds kLagPeriod{200};

class PendingTimer final : public Pending {
 public:
  PendingTimer(io::Loop& loop, std::chrono::milliseconds delay, std::function<void()> callback)
      : timer_(loop) {
    timer_.start(delay, std::move(callback));
  }

 private:
  io::Timer timer_;
};

}  // namespace

Worker::Worker(WorkerContext context)
    : context_(std::move(context)),
      limits_(context_.shared->config->limits),
      strict_(context_.shared->strict) {}

// What others have posted after stop() would find no sessions any more.
Worker::~Worker() { loop_.forget_posted(); }

void Worker::start() {
  lag_timer_ = std::make_unique<io::Timer>(loop_);
  measure_lag();
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::measure_lag() {
  lag_expected_ns_ =
      now_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(kLagPeriod).count());
  lag_timer_->start(kLagPeriod, [this] {
    const auto now = now_ns();
    const auto late = now > lag_expected_ns_ ? now - lag_expected_ns_ : 0;
    context_.shard->observe(context_.loop_lag, static_cast<double>(late) * 1e-9);
    measure_lag();
  });
}

void Worker::adopt(io::AcceptedSocket socket, std::size_t listener) {
  load_.fetch_add(1, std::memory_order_relaxed);
  loop_.post([this, socket = std::move(socket), listener] { open_session(socket, listener); });
}

void Worker::open_session(io::AcceptedSocket socket, std::size_t listener) {
  auto& unauthenticated = counts().unauthenticated;
  const bool too_many =
      unauthenticated.fetch_add(1, std::memory_order_relaxed) >= limits().unauthenticated_sessions;
  if (draining_ || too_many) {
    // Before the first packet nothing can be said that the client would understand as an answer.
    unauthenticated.fetch_sub(1, std::memory_order_relaxed);
    load_.fetch_sub(1, std::memory_order_relaxed);
    ::close(socket.fd);
    if (too_many) {
      context_.shard->add(
          context_.metrics->outcomes[static_cast<std::size_t>(CloseReason::too_many_sessions)]);
    }
    return;
  }
  // Unique over workers and readable: worker in the low digits.
  const auto id = ++next_session_ * 1000 + context_.index;
  auto session =
      std::make_shared<Session>(*this, id,
                                SessionOrigin{.listener = listener,
                                              .client_address = std::move(socket.peer),
                                              .client_local = socket.local,
                                              .tls = context_.shared->tls->of_listener(listener)},
                                std::make_unique<io::TcpStream>(loop_, socket.fd));
  sessions_.emplace(id, session);
  session->start();
}

std::unique_ptr<Pending> Worker::connect_upstream(
    std::size_t listener, const std::string& address,
    std::function<void(UpstreamConnection)> callback) {
  const auto& upstream = context_.shared->config->listeners[listener].upstream;
  UpstreamTarget target{.host = address.empty() ? upstream.host : address,
                        .port = upstream.port,
                        .tls = context_.shared->tls->of_upstream(listener),
                        .timeout = limits().connect_timeout,
                        .own = &context_.shared->own_addresses};
  return std::make_unique<UpstreamConnect>(loop_, std::move(target), std::move(callback));
}

std::chrono::seconds Worker::throttled(const SessionOrigin& origin, std::string_view user) {
  return context_.shared->throttle.wait(origin.client_address, user, now_ns());
}

void Worker::login_decided(const SessionOrigin& origin, std::string_view user, bool accepted) {
  auto& throttle = context_.shared->throttle;
  if (accepted) {
    throttle.succeeded(origin.client_address, user);
  } else {
    if (throttle.failed(origin.client_address, user, now_ns())) {
      context_.shared->held_off(origin.client_address, user);
    }
  }
}

std::unique_ptr<Pending> Worker::after(std::chrono::milliseconds delay,
                                       std::function<void()> callback) {
  return std::make_unique<PendingTimer>(loop_, delay, std::move(callback));
}

bool Worker::admit() {
  if (counts().admitted.fetch_add(1, std::memory_order_relaxed) < limits().sessions) return true;
  release();
  return false;
}

std::unique_ptr<protocol::ConversationListener> Worker::observe(
    std::uint64_t session_id, const protocol::StartupParameters& startup) {
  if (context_.learner) {
    const auto session = sessions_.find(session_id);
    if (session == sessions_.end()) return nullptr;
    return context_.learner->open_session(listener(session->second->listener()).name, startup);
  }
  return context_.tap ? context_.tap->open_session(session_id, startup) : nullptr;
}

void Worker::ended(Session& session, CloseReason reason, const std::string& detail) {
  if (context_.ended) context_.ended(session.id(), reason, detail);
  load_.fetch_sub(1, std::memory_order_relaxed);
  auto node = sessions_.extract(session.id());
  if (!node.empty()) loop_.defer_destroy(std::move(node.mapped()));
}

void Worker::strict_answer(shadow::StrictAnswer answer) {
  loop_.post([this, answer = std::move(answer)] {
    const auto session = sessions_.find(answer.ticket.session_id);
    if (session != sessions_.end()) session->second->strict_answer(answer);
  });
}

void Worker::strict_run(shadow::ClientRound round) {
  loop_.post([this, round = std::move(round)] {
    const auto session = sessions_.find(round.ticket.session_id);
    if (session != sessions_.end()) return session->second->strict_run(round);
    round.done(shadow::ClientRoundSkip{shadow::SkipReason::server, "the client has gone"});
  });
}

void Worker::let_go() {
  loop_.post([this] {
    std::vector<std::shared_ptr<Session>> all;
    for (const auto& [id, session] : sessions_) all.push_back(session);
    for (const auto& session : all) session->let_go();
  });
}

void Worker::adopt_generation(std::shared_ptr<shadow::TapGeneration> next, Limits limits,
                              StrictSettings strict) {
  loop_.post([this, next = std::move(next), limits, strict] {
    strict_ = strict;
    limits_ = limits;
    if (context_.tap && next) context_.tap->adopt(next);
  });
}

void Worker::leave_former(bool now, std::function<void(bool left)> answer) {
  loop_.post([this, now, answer = std::move(answer)] {
    answer(!context_.tap || context_.tap->leave_former(now));
  });
}

void Worker::drain() {
  loop_.post([this] {
    draining_ = true;
    std::vector<std::shared_ptr<Session>> all;
    for (const auto& [id, session] : sessions_) all.push_back(session);
    for (const auto& session : all) session->drain();
  });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] {
    draining_ = true;
    std::vector<std::shared_ptr<Session>> all;
    for (const auto& [id, session] : sessions_) all.push_back(session);
    for (const auto& session : all)
      session->close(CloseReason::drained, "the drain deadline has passed");
    lag_timer_.reset();
    loop_.stop();
  });
  thread_.join();
}

}  // namespace parallax::proxy
