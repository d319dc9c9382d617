#pragma once

// The directory of what outlives the process (`state_dir`): the switch, and whether the last runs
// ended as they should. One process at a time has it.

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "shadow/mode.h"

namespace parallax::proxy {

// The switch as somebody has set it.
struct SwitchRecord {
  shadow::Mode mode = shadow::Mode::off;
  std::string since;  // RFC 3339
  std::string by;
};

class StateDir {
 public:
  // Makes the last directory of the path (mode 0700) where it is missing. Otherwise why it cannot
  // be used.
  static std::variant<std::unique_ptr<StateDir>, std::string> open(const std::string& path);
  ~StateDir();
  StateDir(const StateDir&) = delete;
  StateDir& operator=(const StateDir&) = delete;

  // Nothing when the switch is not set; a text when what is kept cannot be read.
  std::variant<std::optional<SwitchRecord>, std::string> read_switch() const;
  // On disk when it returns; otherwise why not.
  std::string keep_switch(const std::optional<SwitchRecord>& record) const;

  // How many runs in a row, up to now, have ended uncleanly; this one counts as such until
  // end_run(). A text when it cannot be noted.
  std::variant<unsigned, std::string> begin_run() const;
  // This run has lasted, or somebody has seen to it: if it ends uncleanly, it is the first one.
  std::string forget_unclean_runs() const;
  std::string end_run() const;

 private:
  StateDir(int directory, int lock) : directory_(directory), lock_(lock) {}
  std::variant<std::optional<std::string>, std::string> read(const char* name) const;
  std::string write(const char* name, const std::string& text) const;
  std::string remove(const char* name) const;

  int directory_;
  int lock_;
};

}  // namespace parallax::proxy
