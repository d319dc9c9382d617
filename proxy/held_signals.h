#pragma once

// A held signal waits; otherwise, where nobody listens for it, it would end the process.

#include <pthread.h>

#include <csignal>
#include <initializer_list>

namespace parallax::proxy {

inline constexpr auto kSwitchSignals = {SIGHUP, SIGUSR1, SIGUSR2};
inline constexpr auto kEndSignals = {SIGTERM, SIGINT};

// Of this thread and of those that it starts from now on: any thread that holds none gets it.
inline void hold_signals(std::initializer_list<int> signals, bool held) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  pthread_sigmask(held ? SIG_BLOCK : SIG_UNBLOCK, &set, nullptr);
}

}  // namespace parallax::proxy
