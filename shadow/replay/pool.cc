#include "shadow/replay/pool.h"

#include <algorithm>
#include <utility>

#include "proxy/io/timer.h"

namespace parallax::shadow {

// A connection and, while it is idle, its user: the server may close it at any time, which is no
// failure of anything.
class Pool::Entry final : public Connection::User {
 public:
  Entry(Pool& pool, io::Loop& loop, const Options& options)
      : connection(loop, options), idle_timer(loop), pool_(pool) {}

  void on_result(const PGresult&) override {}
  void on_statement_end() override {}
  void on_sync(PGTransactionStatusType) override {}
  void on_lost(const ConnectionError&) override { pool_.remove(*this); }

  Connection connection;
  State state = State::connecting;
  io::Timer idle_timer;

 private:
  Pool& pool_;
};

Pool::Pool(io::Loop& loop, const Options& options, ConnectFailed connect_failed)
    : loop_(loop), options_(options), connect_failed_(std::move(connect_failed)) {}

Pool::~Pool() { close(); }

void Pool::close() {
  waiters_.clear();
  for (auto& entry : std::exchange(entries_, {})) {
    entry->connection.close();
    loop_.defer_destroy(std::move(entry));
  }
  count();
}

void Pool::acquire(Acquired acquired) {
  waiters_.push_back(std::move(acquired));
  serve_waiters();
  open_more();
}

// A callback may give its connection back at once; that is served by this loop, not by recursion.
void Pool::serve_waiters() {
  if (std::exchange(serving_, true)) return;
  while (!waiters_.empty()) {
    // The one used last: those not needed grow old and are closed.
    const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [](const EntryPtr& entry) {
      return entry->state == State::idle;
    });
    if (found == entries_.rend()) break;
    auto next = std::move(waiters_.front());
    waiters_.pop_front();
    hand_out(**found, next);
  }
  serving_ = false;
}

void Pool::release(Connection& connection) {
  const auto found = std::ranges::find_if(
      entries_, [&](const EntryPtr& entry) { return &entry->connection == &connection; });
  if (found == entries_.end()) return;
  if (connection.idle()) {
    become_idle(**found);
  } else {
    remove(**found);
  }
}

void Pool::become_idle(Entry& entry) {
  set_state(entry, State::idle);
  entry.connection.set_user(&entry);
  entry.idle_timer.start(options_.idle_timeout, [this, &entry] { remove(entry); });
  // The last one in the list is the one used last.
  const auto place =
      std::ranges::find_if(entries_, [&](const EntryPtr& other) { return other.get() == &entry; });
  std::rotate(place, place + 1, entries_.end());
  serve_waiters();
}

void Pool::hand_out(Entry& entry, const Acquired& acquired) {
  entry.idle_timer.cancel();
  entry.connection.set_user(nullptr);
  set_state(entry, State::busy);
  acquired(&entry.connection);
}

void Pool::open_more() {
  const auto limit = reachable_ ? std::min(waiters_.size(), options_.pool_max) : std::size_t{1};
  while (!waiters_.empty() && connecting() < limit && entries_.size() < options_.pool_max &&
         !backing_off()) {
    auto& entry = *entries_.emplace_back(std::make_shared<Entry>(*this, loop_, options_));
    count();
    entry.connection.connect([this, &entry](std::optional<ConnectionError> error) {
      on_connected(entry, std::move(error));
    });
  }
  if (entries_.empty() && !waiters_.empty()) fail_waiters();
}

void Pool::on_connected(Entry& entry, std::optional<ConnectionError> error) {
  if (error) {
    back_off(*error);
    connect_failed_(*error);
    remove(entry);
    return;
  }
  reachable_ = true;
  next_back_off_ = kBackOffFirst;
  become_idle(entry);
  open_more();
}

void Pool::remove(Entry& entry) {
  const auto found =
      std::ranges::find_if(entries_, [&](const EntryPtr& other) { return other.get() == &entry; });
  if (found == entries_.end()) return;
  auto gone = std::move(*found);
  entries_.erase(found);
  gone->idle_timer.cancel();
  gone->connection.close();
  loop_.defer_destroy(std::move(gone));
  count();
  open_more();
}

void Pool::set_state(Entry& entry, State state) {
  entry.state = state;
  count();
}

void Pool::count() {
  const auto in = [this](State state) {
    return static_cast<std::size_t>(std::ranges::count_if(
        entries_, [state](const EntryPtr& entry) { return entry->state == state; }));
  };
  connecting_.store(in(State::connecting), std::memory_order_relaxed);
  idle_.store(in(State::idle), std::memory_order_relaxed);
  busy_.store(in(State::busy), std::memory_order_relaxed);
}

void Pool::back_off(const ConnectionError& error) {
  reachable_ = false;
  const auto wait = is_lasting(error) ? kBackOffMax : next_back_off_;
  next_back_off_ = std::min(next_back_off_ * 2, kBackOffMax);
  no_attempt_before_ns_ =
      io::Loop::now_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(wait).count());
  const bool full = is_too_many_connections(error);
  failure_ = {full ? SkipReason::too_many_connections : SkipReason::server,
              "no shadow connection: " + error.what};
}

bool Pool::backing_off() const { return io::Loop::now_ns() < no_attempt_before_ns_; }

void Pool::fail_waiters() {
  for (auto& waiter : std::exchange(waiters_, {})) waiter(failure_);
}

}  // namespace parallax::shadow
