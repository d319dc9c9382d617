#pragma once

// The settings that a session has changed, as its transactions and savepoints keep or undo them
// (PostgreSQL manual, SET, SET LOCAL, set_config, DISCARD). Pure.

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shadow/setting_effect.h"

namespace parallax::shadow {

class SettingStack {
 public:
  using Settings = std::vector<std::pair<std::string, std::string>>;

  // `startup`: in order; what RESET goes back to.
  explicit SettingStack(const Settings& startup);

  // A statement that has been completed. Parameters are filled in already.
  void apply(const SettingEffect& effect);
  // Also of transactions that no BEGIN has begun: a pipeline up to its Sync, a simple query.
  void committed();
  void rolled_back();
  // A report of the server (ParameterStatus) of a value that no statement explains.
  void correct(const std::string& name, const std::string& value);
  // Changed since the last commit or rollback by a statement.
  bool touched(const std::string& name) const { return touched_.names.contains(name); }

  // No statement has changed anything since the last commit or rollback.
  bool idle() const {
    return touched_.names.empty() && savepoints_.empty() && state_->unknown == begun_->unknown;
  }
  // False: nothing is known of the settings any more, until a transaction is rolled back to where
  // it was, or DISCARD ALL. Also where there are more of them than are kept.
  bool known() const { return !state_->unknown && !custom_.lost; }
  // All that differ from the server's own, startup settings included, in an order in which they can
  // be made; `role` is the last. Only where known().
  Settings settings() const;
  // The value of one; empty when it is the server's own.
  std::string value(const std::string& name) const;

 private:
  using Values = std::map<std::string, std::string>;
  struct State {
    Values session;
    Values local;  // of the transaction
    bool unknown = false;
    std::size_t bytes() const;
  };
  // Copied when it is changed, and not before: savepoints, commits and rollbacks share it.
  using StateRef = std::shared_ptr<State>;
  struct Savepoint {
    std::string name;
    StateRef state;
    std::size_t bytes;  // of the state
  };
  struct Names {
    std::set<std::string> names;
    std::size_t bytes = 0;
    bool lost = false;  // some are missing: they were more than `most`, or longer than is kept
    void insert(const std::string& name, std::size_t most);
  };

  State& change();
  void become_unknown();
  void note_touched(const SettingEffect& effect);
  void make(const SettingEffect& effect);
  void keep_within_bounds(const std::string& made);
  void keep_newest_savepoints();
  std::vector<Savepoint>::iterator find_savepoint(const std::string& name);
  Values effective() const;

  StateRef startup_;
  StateRef state_;
  StateRef begun_;  // what the transaction goes back to
  std::vector<Savepoint> savepoints_;
  Names touched_;
  // Custom settings (names with a dot) that were ever made: undone, they are '' and not unknown.
  Names custom_;
};

}  // namespace parallax::shadow
