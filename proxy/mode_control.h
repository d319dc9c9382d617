#pragma once

// The switch with all that hangs on it: kept over restarts, told in the log, followed by the
// engine.

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/log.h"
#include "proxy/state_dir.h"
#include "shadow/mode.h"

namespace parallax::proxy {

// What VALIDATE_QUERIES says: false for false, 0, off, no; true for their opposites; nothing for
// anything else.
std::optional<bool> validate_queries(std::string_view text);

inline constexpr unsigned kUncleanRunsMax = 2;  // so many in a row: the next one starts in `off`

class ModeControl {
 public:
  // `state`: null without one. Both must outlive this. `changed` is called after each change, from
  // the thread that makes it.
  ModeControl(shadow::Mode configured, const StateDir* state, Log& log,
              std::function<void()> changed);

  // At start: what is kept, what the last runs came to, and VALIDATE_QUERIES (nothing: not set).
  void begin(const std::optional<std::string>& validate);
  // Thread-safe. Nothing: back to the configuration's modes. It holds at once; what is returned is
  // why it will not hold over a restart, empty when it will.
  std::string set(std::optional<shadow::Mode> mode, const std::string& by);

  // Thread-safe: `mode` of a configuration that is read again.
  void configured(shadow::Mode mode);

  struct State {
    shadow::Mode configured = shadow::Mode::shadow;
    std::optional<SwitchRecord> override;
  };
  State state() const;
  const shadow::ModeSwitch& mode_switch() const { return switch_; }

  // The run has lasted, and the run has ended cleanly.
  void lasted();
  void end();

 private:
  void begin_run();
  void adopt(SwitchRecord record);
  std::string keep(bool forget_unclean_runs);

  const StateDir* state_dir_;
  Log& log_;
  const std::function<void()> changed_;
  shadow::ModeSwitch switch_;
  std::mutex disk_mutex_;  // nobody who asks for the mode waits for the disk
  mutable std::mutex mutex_;
  shadow::Mode configured_;               // under the mutex
  std::optional<SwitchRecord> override_;  // the same
};

}  // namespace parallax::proxy
