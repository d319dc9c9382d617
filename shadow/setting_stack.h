#pragma once

// The settings that a session has changed, as its transactions and savepoints keep or undo them
// (PostgreSQL manual, SET, SET LOCAL, set_config, DISCARD). Pure.

#include <map>
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
  bool touched(const std::string& name) const { return touched_.contains(name); }

  // No statement has changed anything since the last commit or rollback.
  bool idle() const {
    return touched_.empty() && savepoints_.empty() && state_.unknown == begun_.unknown;
  }
  // False: nothing is known of the settings any more, until a transaction is rolled back to where
  // it was, or DISCARD ALL.
  bool known() const { return !state_.unknown; }
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
  };
  struct Savepoint {
    std::string name;
    State state;
  };

  std::vector<Savepoint>::iterator find_savepoint(const std::string& name);
  Values effective() const;

  Values startup_;
  State state_;
  State begun_;  // what the transaction goes back to
  std::vector<Savepoint> savepoints_;
  std::set<std::string> touched_;
  // Custom settings (names with a dot) that were ever made: undone, they are '' and not unknown.
  std::set<std::string> custom_;
};

}  // namespace parallax::shadow
