#include "shadow/session_context.h"

#include <algorithm>
#include <array>
#include <utility>

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

// Tags of statements that may have made settings of which their text says nothing.
constexpr std::array<std::string_view, 3> kUnclearTags = {"CALL", "DO", "LOAD"};

// Settings whose value the server reports, and that change how values are read or written.
constexpr std::array<std::string_view, 3> kReported = {"timezone", "datestyle", "intervalstyle"};

// No settings, or settings that must not be copied into a replay.
constexpr std::array<std::string_view, 20> kNotCopied = {"user",
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
                                                         "client_connection_check_interval",
                                                         "session_authorization",
                                                         "transaction_isolation",
                                                         "transaction_read_only",
                                                         "transaction_deferrable",
                                                         "seed"};

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

// The server splits `options` at white space, with backslash as escape (postinit.c, pg_split_opts).
std::vector<std::string> words_of(std::string_view options) {
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
  return words;
}

}  // namespace

SettingStack::Settings SessionContext::startup_settings(const protocol::StartupParameters& startup,
                                                        bool& unknown_switch) {
  SettingStack::Settings settings;
  const auto add = [&settings](std::string name, std::string value) {
    name = lower(name);
    if (!contains(kNotCopied, name)) settings.emplace_back(std::move(name), std::move(value));
  };
  const auto add_options = [&](std::string_view options) {
    const auto words = words_of(options);
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::string setting;
      if (words[i] == "-c" && i + 1 < words.size()) {
        setting = words[++i];
      } else if (words[i].starts_with("-c") || words[i].starts_with("--")) {
        setting = words[i].substr(2);
      }
      const auto equals = setting.find('=');
      if (equals == std::string::npos) {
        unknown_switch = true;  // another switch of the server, whose effect is not known here
        continue;
      }
      auto name = setting.substr(0, equals);
      std::replace(name.begin(), name.end(), '-', '_');
      add(std::move(name), setting.substr(equals + 1));
    }
  };
  for (const auto& [name, value] : startup.values) {
    if (name == "options") add_options(value);
    if (!name.starts_with("_pq_.")) add(name, value);
  }
  return settings;
}

SessionContext::SessionContext(const protocol::StartupParameters& startup, std::string_view user,
                               std::string_view database, Identity identity)
    : user_(startup.user()),
      identity_(identity),
      same_user_(user_ == user),
      same_database_(startup.database() == database),
      settings_(startup_settings(startup, unknown_switch_)) {}

void SessionContext::completed(std::string_view full_tag, const StatementShape* shape,
                               std::span<const SettingEffect> effects) {
  const auto tag = without_counts(full_tag);
  const std::string_view key = shape == nullptr ? std::string_view{} : std::string_view(shape->key);
  if (contains(kUnclearTags, tag)) settings_.apply({});
  for (const auto& effect : effects) {
    const bool copied = !contains(kNotCopied, effect.name);
    if (effect.name == "session_authorization" || copied) settings_.apply(effect);
  }
  if (!effects.empty() || contains(kUnclearTags, tag)) ++revision_;
  if (tag == "DISCARD ALL") {
    created_temporary_ = false;
    // Whatever was not read before: the tag says what this was.
    SettingEffect all;
    all.kind = SettingEffect::Kind::discard_all;
    if (shape == nullptr) settings_.apply(all);
  }
  if (tag == "COMMIT" || tag == "PREPARE TRANSACTION") {
    settings_.committed();
    ++revision_;
  }
  if (tag == "ROLLBACK" && effects.empty()) {
    settings_.rolled_back();
    ++revision_;
  }
  // No tag: a suspended portal or an empty query, of which only the text can tell.
  if (!tag.empty() && !contains(kReadTags, tag) && !tag.starts_with("DISCARD")) wrote_ = true;
  if (shape == nullptr) return;
  // CREATE TABLE AS and SELECT INTO have the tag SELECT; so has WITH (INSERT ...) SELECT.
  const bool makes_table =
      key.starts_with("create ") || key.find(" into ") != std::string_view::npos;
  if (shape->may_write || makes_table) wrote_ = true;
  if (shape->creates_temp) created_temporary_ = true;
}

void SessionContext::unreadable() {
  settings_.apply({});
  ++revision_;
}

void SessionContext::parameter_status(std::string_view name, std::string_view value) {
  if (name == "client_encoding") unknown_encoding_ = !same_encoding_as_utf8(value);
  // Literals are read as the standard says: a backslash is a backslash.
  if (name == "standard_conforming_strings") unusual_strings_ = value != "on";
  if (name == "session_authorization") another_user_ = value != user_;
  auto folded = lower(name);
  if (!contains(kReported, folded)) return;
  ++revision_;
  reported_[folded] = value;
  if (std::ranges::find(reports_, folded) == reports_.end()) reports_.push_back(std::move(folded));
}

// Something that was not seen has changed a setting: a function with set_config inside, say.
void SessionContext::correct_by_reports() {
  for (const auto& name : reports_) {
    if (started_ && !settings_.touched(name)) settings_.correct(name, reported_[name]);
  }
  reports_.clear();
}

void SessionContext::ready(char transaction_status) {
  correct_by_reports();
  started_ = true;
  const bool failed = std::exchange(failed_, false);
  if (transaction_status != 'I') return;
  wrote_ = false;
  if (settings_.idle()) return;
  if (failed) {
    settings_.rolled_back();
  } else {
    settings_.committed();
  }
  ++revision_;
}

std::optional<SkipReason> SessionContext::obstacle() const {
  if (!same_database_) return SkipReason::other_database;
  if (identity_ == Identity::same_user && !same_user_) return SkipReason::context;
  if (unknown_switch_ || unknown_encoding_ || unusual_strings_ || another_user_)
    return SkipReason::context;
  if (!settings_.known()) return SkipReason::context;
  if (created_temporary_) return SkipReason::temp_objects;
  if (wrote_) return SkipReason::txn_wrote;
  return std::nullopt;
}

std::optional<SkipReason> SessionContext::obstacle_on_own() const {
  if (!same_database_) return SkipReason::other_database;
  if (unknown_encoding_ || unusual_strings_) return SkipReason::context;
  return std::nullopt;
}

ReplayContext SessionContext::replay_context() const {
  ReplayContext context;
  context.settings = settings_.settings();
  context.user = user_;
  context.style = style();
  const bool has_role = !context.settings.empty() && context.settings.back().first == "role";
  if (identity_ == Identity::set_role && !same_user_ && !has_role)
    context.settings.emplace_back("role", user_);
  return context;
}

TextStyle SessionContext::style() const {
  const auto now = [this](const std::string& name) {
    const auto reported = reported_.find(name);
    const bool stale = settings_.touched(name) || reported == reported_.end();
    return lower(stale ? settings_.value(name) : reported->second);
  };
  const auto dates = now("datestyle");
  const auto intervals = now("intervalstyle");
  const auto digits = settings_.value("extra_float_digits");
  TextStyle style;
  style.iso_dates = dates.empty() || dates.find("iso") != std::string::npos;
  style.plain_intervals = intervals.empty() || intervals == "postgres";
  style.exact_floats = digits.empty() || (digits.front() >= '1' && digits.front() <= '9');
  return style;
}

}  // namespace parallax::shadow
