// The engine's end: what waits, what runs, and for how long.

#include <utility>

#include "shadow/engine_impl.h"

namespace parallax::shadow {

namespace {

constexpr std::chrono::milliseconds kClosingLook{10};

}  // namespace

void Engine::Impl::begin_stop(std::chrono::milliseconds deadline, bool waiting_too) {
  if (waiting_too) take_offers();
  stopping = true;
  finishing = waiting_too;
  if (waiting_too) {
    verifier.finish();
  } else {
    verifier.close();
  }
  take_offers();
  assembly.drop_all(DropReason::drain);
  assembly_timer.cancel();
  unpark();
  gate.set_shut(false);
  if (finishing) {
    pool.let_go_idle();
  } else {
    drop_jobs(false);
  }
  if (!jobs.empty() || finishing) {
    deadline_timer.start(deadline, [this] {
      finishing = false;
      verifier.close();
      drop_jobs(true);
      stop_when_done();
    });
  }
  stop_when_done();
}

void Engine::Impl::drop_jobs(bool running_too) {
  gate.forget_waiting();
  pool.forget_waiters();
  for (auto job = jobs.begin(); job != jobs.end();) {
    const auto current = job++;
    if (current->replay == nullptr) {
      end_waiting(current, DropReason::drain, "");
    } else if (running_too) {
      replay_ends(*current);
      current->replay->abort();
      end_without_verdict(current->operation, DropReason::drain, "");
      jobs.erase(current);
    }
  }
}

void Engine::Impl::stop_when_done() {
  if (!stopping || !jobs.empty()) return;
  // A connection may have come that nobody waits for any more.
  if (finishing) pool.let_go_idle();
  if (finishing && pool.held() != 0) {
    closing_timer.start(kClosingLook, [this] { stop_when_done(); });
    return;
  }
  closing_timer.cancel();
  deadline_timer.cancel();
  loop.stop();
}

void Engine::Impl::stop(std::chrono::milliseconds deadline, bool waiting_too) {
  if (std::exchange(stopped, true)) return;
  if (thread.joinable()) {
    loop.post([this, deadline, waiting_too] { begin_stop(deadline, waiting_too); });
    thread.join();
  } else {  // never started: nothing but offers can be there
    stopping = true;
    verifier.close();
    take_offers();
  }
}

}  // namespace parallax::shadow
