#pragma once

// What a session has done that a replay on another connection must do as well, or cannot share.
// Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/startup.h"
#include "shadow/captured.h"
#include "shadow/options.h"
#include "shadow/rules/statement_shape.h"
#include "shadow/setting_stack.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

class SessionContext {
 public:
  // `user` and `database` are those of the shadow connection.
  SessionContext(const protocol::StartupParameters& startup, std::string_view user,
                 std::string_view database, Identity identity);

  // A command was completed. `shape` is null when its text is not known (then only its tag tells).
  void completed(std::string_view tag, const StatementShape* shape,
                 std::span<const SettingEffect> effects);
  // A statement ran whose text could not be read: nothing is known of the session's settings any
  // more.
  void unreadable();
  void parameter_status(std::string_view name, std::string_view value);
  // An ErrorResponse: what ran since the last ReadyForQuery is undone, unless a block keeps it.
  void failed() { failed_ = true; }
  void ready(char transaction_status);

  // Why an operation of the session cannot be replayed now; nothing when it can.
  std::optional<SkipReason> obstacle() const;

  // The same where the replay runs on the session's own connection.
  std::optional<SkipReason> obstacle_on_own() const;

  bool made_temporary_objects() const { return created_temporary_; }

  // What a replay has to set, and how the session's texts are written. Settings: everything but
  // names, encodings, timeouts and transaction defaults.
  ReplayContext replay_context() const;
  // Another number: replay_context() may have changed.
  std::uint64_t revision() const { return revision_; }

 private:
  static SettingStack::Settings startup_settings(const protocol::StartupParameters& startup,
                                                 bool& unknown_switch);
  void correct_by_reports();
  TextStyle style() const;

  std::string user_;
  Identity identity_;
  bool same_user_ = false;
  bool same_database_ = false;
  bool unknown_switch_ = false;    // of `options` in the startup packet
  bool unknown_encoding_ = false;  // client_encoding that libpg_query cannot read
  bool unusual_strings_ = false;   // standard_conforming_strings off
  bool another_user_ = false;      // SET SESSION AUTHORIZATION
  bool created_temporary_ = false;
  bool started_ = false;  // the first ReadyForQuery has come
  bool wrote_ = false;    // in the running transaction
  bool failed_ = false;   // since the last ReadyForQuery
  SettingStack settings_;
  std::map<std::string, std::string> reported_;  // DateStyle and the like, names in lower case
  std::vector<std::string> reports_;             // names reported since the last ReadyForQuery
  std::uint64_t revision_ = 0;
};

}  // namespace parallax::shadow
