#pragma once

// What a server does for `parallax learn`: it observes, and replays nothing.

#include <chrono>
#include <optional>

#include "shadow/learn/session_learner.h"

namespace parallax::proxy {

struct LearnSetup {
  shadow::StatementLog& log;
  shadow::LearnChoice choice = {};
  // Drains when no statement has come for so long since the last one.
  std::optional<std::chrono::milliseconds> until_idle = std::nullopt;
};

}  // namespace parallax::proxy
