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
      : connection(loop, options, pool.names_), idle_timer(loop), pool_(pool) {}

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
    : loop_(loop),
      options_(options),
      connect_failed_(std::move(connect_failed)),
      names_(loop),
      spread_(loop) {}

Pool::~Pool() { close(); }

void Pool::close() {
  waiters_.clear();
  spread_.cancel();
  closing_.clear();
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

// An idle connection is used again as it is, also after an error: settings end with their
// transaction, and what would outlive it (session locks, temporary tables, LISTEN) comes from
// statements and functions that no ready rule has. DISCARD ALL would be one more round trip each,
// and behind a pooler in transaction mode it would meet somebody else's session.
void Pool::release(Connection& connection) {
  const auto found = std::ranges::find_if(
      entries_, [&](const EntryPtr& entry) { return &entry->connection == &connection; });
  if (found == entries_.end()) return;
  if (connection.idle() && !yielding() && entries_.size() <= allowed() &&
      (keeps_idle_ || !waiters_.empty())) {
    become_idle(**found);
  } else {
    remove(**found);
  }
}

void Pool::limit_to(std::size_t most) {
  most_ = most;
  while (entries_.size() > allowed()) {
    const auto idle = std::ranges::find_if(
        entries_, [](const EntryPtr& entry) { return entry->state == State::idle; });
    if (idle == entries_.end()) break;  // those in use follow when they are released
    remove(**idle);
  }
  open_more();
}

void Pool::let_go_idle() {
  keeps_idle_ = false;
  yield_all();
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
  while (!waiters_.empty() && connecting() < limit &&
         entries_.size() + closing_.size() < allowed() && !backing_off() && !spread_.active()) {
    auto& entry = *entries_.emplace_back(std::make_shared<Entry>(*this, loop_, options_));
    count();
    entry.connection.connect([this, &entry](std::optional<ConnectionError> error) {
      on_connected(entry, std::move(error));
    });
  }
  if (backing_off() && (entries_.empty() || yielding())) fail_waiters();
}

void Pool::on_connected(Entry& entry, std::optional<ConnectionError> error) {
  if (error) {
    back_off(*error);
    connect_failed_(*error);
    remove(entry);
    return;
  }
  if (yielding()) return remove(entry);
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
  if (gone->connection.lost()) on_loss();
  let_go(gone->connection);
  loop_.defer_destroy(std::move(gone));
  count();
  open_more();
}

void Pool::let_go(Connection& connection) {
  const bool working = connection.left_working();
  const int socket = working ? -1 : connection.hang_up();
  if (!working && socket < 0) return;  // nothing is left of it
  // A server at work finds out when it next writes, which a statement's time limit bounds.
  const auto limit =
      working ? std::min(options_.statement_timeout, kWorkingMax) : options_.connect_timeout;
  const auto number = ++closings_;
  closing_.emplace(number, std::make_shared<ClosingSocket>(loop_, socket, limit,
                                                           [this, number] { on_gone(number); }));
}

void Pool::on_gone(std::uint64_t number) {
  loop_.defer_destroy(std::move(closing_.extract(number).mapped()));
  open_more();
}

void Pool::on_loss() {
  reachable_ = false;
  if (entries_.empty()) spread_.start(up_to(kSpread), [this] { open_more(); });
}

std::size_t Pool::allowed() const {
  const auto most = std::min(options_.pool_max, most_);
  if (full_at_ns_ == 0) return most;
  const auto growth = static_cast<std::uint64_t>(std::chrono::nanoseconds(kGrowthFull).count());
  return std::min(most, std::size_t{1} + (io::Loop::now_ns() - full_at_ns_) / growth);
}

// Those in use follow when they are released.
void Pool::yield_all() {
  for (const auto& entry : std::vector(entries_)) {
    if (entry->state == State::idle) remove(*entry);
  }
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
  const bool full = is_too_many_connections(error);
  auto wait = is_lasting(error) ? kBackOffMax : next_back_off_;
  if (full) wait = std::max(wait, kBackOffFull);
  wait += up_to(wait / 4);  // not in step with others
  next_back_off_ = std::min(next_back_off_ * 2, kBackOffMax);
  const auto now = io::Loop::now_ns();
  no_attempt_before_ns_ = now + static_cast<std::uint64_t>(std::chrono::nanoseconds(wait).count());
  failure_ = {full ? SkipReason::too_many_connections : SkipReason::server,
              "no shadow connection: " + error.what};
  if (full) {
    full_at_ns_ = now;
    yield_all();
  }
}

// Evenly.
std::chrono::milliseconds Pool::up_to(std::chrono::milliseconds limit) {
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(0, limit.count())(random_));
}

bool Pool::backing_off() const { return io::Loop::now_ns() < no_attempt_before_ns_; }

void Pool::fail_waiters() {
  for (auto& waiter : std::exchange(waiters_, {})) waiter(failure_);
}

}  // namespace parallax::shadow
