#include "shadow/session_context.h"

#include <strings.h>

#include <algorithm>
#include <array>

namespace parallax::shadow {

namespace {

// Command tags that change no data (PostgreSQL source, cmdtaglist.h). Every other tag counts as a
// write.
constexpr std::array<std::string_view, 22> kReadTags = {"SELECT",
                                                        "SHOW",
                                                        "EXPLAIN",
                                                        "FETCH",
                                                        "MOVE",
                                                        "BEGIN",
                                                        "START TRANSACTION",
                                                        "COMMIT",
                                                        "ROLLBACK",
                                                        "SAVEPOINT",
                                                        "RELEASE",
                                                        "DECLARE CURSOR",
                                                        "CLOSE CURSOR",
                                                        "PREPARE",
                                                        "DEALLOCATE",
                                                        "DEALLOCATE ALL",
                                                        "LISTEN",
                                                        "UNLISTEN",
                                                        "SET",
                                                        "SET CONSTRAINTS",
                                                        "RESET",
                                                        "CLOSE CURSOR ALL"};

// Tags after which the session's settings are not those it started with, or may not be.
constexpr std::array<std::string_view, 6> kSettingTags = {"SET",  "RESET", "DISCARD ALL",
                                                          "CALL", "DO",    "LOAD"};

// Startup parameters that are no settings, or that must not be copied into a replay.
constexpr std::array<std::string_view, 15> kNotCopied = {"user",
                                                         "database",
                                                         "replication",
                                                         "options",
                                                         "application_name",
                                                         "client_encoding",
                                                         "statement_timeout",
                                                         "lock_timeout",
                                                         "idle_session_timeout",
                                                         "idle_in_transaction_session_timeout",
                                                         "transaction_timeout",
                                                         "default_transaction_read_only",
                                                         "default_transaction_isolation",
                                                         "default_transaction_deferrable",
                                                         "client_connection_check_interval"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// "INSERT 0 5" -> "INSERT", "SELECT 3" -> "SELECT", "SET CONSTRAINTS" as it is.
std::string_view without_counts(std::string_view tag) {
  while (!tag.empty() && (tag.back() == ' ' || (tag.back() >= '0' && tag.back() <= '9')))
    tag.remove_suffix(1);
  return tag;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

bool same_encoding_as_utf8(std::string_view name) {
  const auto folded = lower(name);
  return folded == "utf8" || folded == "utf-8" || folded == "unicode" || folded == "sql_ascii";
}

}  // namespace

SessionContext::SessionContext(const protocol::StartupParameters& startup, std::string_view user,
                               std::string_view database)
    : same_user_(startup.user() == user), same_database_(startup.database() == database) {
  for (const auto& [name, value] : startup.values) {
    if (name == "options") read_options(value);
    if (name.starts_with("_pq_.")) continue;
    add_setting(name, value);
  }
}

void SessionContext::add_setting(std::string name, std::string value) {
  name = lower(name);
  if (contains(kNotCopied, name)) return;
  settings_.emplace_back(std::move(name), std::move(value));
}

// The server splits `options` at white space, with backslash as escape (postinit.c, pg_split_opts).
void SessionContext::read_options(std::string_view options) {
  std::vector<std::string> words;
  bool inside = false;
  for (std::size_t i = 0; i < options.size(); ++i) {
    const bool blank = options[i] == ' ' || options[i] == '\t' || options[i] == '\n';
    if (blank) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    if (options[i] == '\\' && i + 1 < options.size()) ++i;
    words.back() += options[i];
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string setting;
    if (words[i] == "-c" && i + 1 < words.size()) {
      setting = words[++i];
    } else if (words[i].starts_with("-c") || words[i].starts_with("--")) {
      setting = words[i].substr(2);
    }
    const auto equals = setting.find('=');
    if (equals == std::string::npos) {
      changed_settings_ = true;  // another switch of the server, whose effect is not known here
      continue;
    }
    auto name = setting.substr(0, equals);
    std::replace(name.begin(), name.end(), '-', '_');
    add_setting(std::move(name), setting.substr(equals + 1));
  }
}

void SessionContext::completed(std::string_view full_tag, const StatementShape* shape) {
  const auto tag = without_counts(full_tag);
  const std::string_view key = shape == nullptr ? std::string_view{} : std::string_view(shape->key);
  const bool transaction_only = tag == "SET" && key.starts_with("set transaction");
  if ((contains(kSettingTags, tag) && !transaction_only) || tag.starts_with("DISCARD"))
    changed_settings_ = true;
  // No tag: a suspended portal or an empty query, of which only the text can tell.
  if (!tag.empty() && !contains(kReadTags, tag)) wrote_ = true;
  if (shape == nullptr) return;
  if (shape->sets_config) changed_settings_ = true;
  // CREATE TABLE AS and SELECT INTO have the tag SELECT; so has WITH (INSERT ...) SELECT.
  const bool makes_table =
      key.starts_with("create ") || key.find(" into ") != std::string_view::npos;
  if (shape->may_write || makes_table) wrote_ = true;
  if (shape->creates_temp) created_temporary_ = true;
}

void SessionContext::parameter_status(std::string_view name, std::string_view value) {
  if (name == "client_encoding") unknown_encoding_ = !same_encoding_as_utf8(value);
  // Something that was not seen has changed a setting: a function with set_config inside, say.
  const bool changes_results = name == "TimeZone" || name == "DateStyle" ||
                               name == "IntervalStyle" || name == "session_authorization" ||
                               name == "standard_conforming_strings";
  if (started_ && changes_results) changed_settings_ = true;
  // Literals are read as the standard says: a backslash is a backslash.
  if (name == "standard_conforming_strings" && value != "on") changed_settings_ = true;
}

void SessionContext::ready(char transaction_status) {
  started_ = true;
  if (transaction_status == 'I') wrote_ = false;
}

std::optional<SkipReason> SessionContext::obstacle() const {
  if (!same_database_) return SkipReason::other_database;
  if (!same_user_ || changed_settings_ || unknown_encoding_) return SkipReason::context;
  if (created_temporary_) return SkipReason::temp_objects;
  if (wrote_) return SkipReason::txn_wrote;
  return std::nullopt;
}

}  // namespace parallax::shadow
