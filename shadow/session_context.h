#pragma once

// What a session has done that a replay on another connection would not share. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/startup.h"
#include "shadow/rules/statement_shape.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

class SessionContext {
 public:
  // `user` and `database` are those of the shadow connection.
  SessionContext(const protocol::StartupParameters& startup, std::string_view user,
                 std::string_view database);

  // A command was completed. `shape` is null when its text is not known (then only its tag tells).
  void completed(std::string_view tag, const StatementShape* shape);
  // A statement ran whose text could not be read: nothing is known of the session's settings any
  // more.
  void unreadable() { changed_settings_ = true; }
  void parameter_status(std::string_view name, std::string_view value);
  void ready(char transaction_status);

  // Why an operation of this session cannot be replayed now; nothing when it can.
  std::optional<SkipReason> obstacle() const;

  // Settings of the startup packet that change results: everything but names, encodings, timeouts
  // and transaction defaults; `-c name=value` of `options` included.
  const std::vector<std::pair<std::string, std::string>>& settings() const { return settings_; }

 private:
  void read_options(std::string_view options);
  void add_setting(std::string name, std::string value);

  bool same_user_ = false;
  bool same_database_ = false;
  bool changed_settings_ = false;  // SET, RESET, DISCARD, set_config, CALL, DO, LOAD
  bool unknown_encoding_ = false;  // client_encoding that libpg_query cannot read
  bool created_temporary_ = false;
  bool started_ = false;  // the first ReadyForQuery has come
  bool wrote_ = false;    // in the running transaction
  std::vector<std::pair<std::string, std::string>> settings_;
};

}  // namespace parallax::shadow
