#pragma once

// The observing side on a worker: recognises statements, keeps the context of each session, and
// offers matched and sampled operations to the engine once their legacy result is complete. Public
// face of shadow/.
//
// Everything here runs after the bytes in question have been forwarded, on the worker's thread, and
// never waits.

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/conversation.h"
#include "protocol/startup.h"
#include "shadow/captured.h"
#include "shadow/engine.h"
#include "shadow/held_bytes.h"
#include "shadow/live_capture.h"
#include "shadow/open_operations.h"
#include "shadow/rule_modes.h"
#include "shadow/setting_effect.h"
#include "shadow/shadow_metrics.h"

namespace parallax::shadow {

// What is known of one statement text, shared by the sessions of a worker.
struct KnownStatement final : protocol::StatementNote {
  KnownText known;
  std::string text;
  std::string deallocated;  // of DEALLOCATE name
  // By statement of the text; empty: none of them changes settings.
  std::vector<std::vector<SettingEffect>> setting_effects;
  std::string_view deallocates() const override { return deallocated; }
  std::size_t bytes() const override { return held.bytes(); }
  HeldBytes held;
  std::shared_ptr<const RuleSet> rules;  // that it was looked up in
  bool readable = false;  // false: too long or not lexable, so nothing is known of its effects
  bool may_be_covered = false;  // no rule covers it, and one could
  // In the simple protocol the values are in the text, so the match is too.
  Matches literal_match;
};

struct TapOptions {
  std::string user;  // the shadow connection's; sessions of others are not comparable
  std::string database;
  Identity identity = Identity::same_user;
  RuleModes modes = {};  // asked for each statement
  StrictOptions strict = {};
  bool dev = false;  // report statements that no rule covers
  // Of rules with several statements; null: there is always one under way.
  OpenOperations* open_operations = nullptr;
  const SampleShares* sample_shares = nullptr;  // of the governor; null: all that are sampled
  bool live = true;  // copy what clients get: the shadow is the same database system
  std::size_t capture_bytes = std::size_t{8} * 1024 * 1024;    // of one result
  std::size_t captures_bytes = std::size_t{64} * 1024 * 1024;  // of all on their way
  std::uint64_t seed = 0;                                      // of sampling
};

// What a tap works with until the configuration is read again. Each worker has its own, touched by
// its thread alone; what a session has begun keeps it until it ends.
struct TapGeneration {
  std::shared_ptr<const RuleSet> rules;
  std::shared_ptr<const ShadowMetrics> metrics;
  Intake* intake = nullptr;  // null: the engine takes nothing more
  std::function<RuleState(const Rule&)> rule_state;
  TapOptions options;
  std::shared_ptr<void> keeps;  // lives as long: the engine, for its open operations

  std::optional<DropReason> offer(Captured&& captured) const noexcept {
    return intake == nullptr ? DropReason::drain : intake->offer(std::move(captured));
  }
};

// One for each worker. References must outlive it.
class WorkerTap {
 public:
  WorkerTap(std::shared_ptr<TapGeneration> generation, metrics::Shard& shard);
  // For one generation, all of whose parts outlive the tap.
  WorkerTap(const RuleSet& rules, const ShadowMetrics& metrics, metrics::Shard& shard,
            Intake& intake, std::function<RuleState(const Rule&)> rule_state, TapOptions options);

  // What begins from now on belongs to `next`.
  void adopt(std::shared_ptr<TapGeneration> next);
  // Lets go of former generations to which no session refers any more; `now`: of all, and what
  // still ends there is dropped. True: there is none left, and nothing more is offered to its
  // engine.
  bool leave_former(bool now);

  // A listener for the conversation of one session. It must not outlive the tap.
  std::unique_ptr<protocol::ConversationListener> open_session(
      std::uint64_t session_id, const protocol::StartupParameters& startup);

 private:
  friend class SessionTap;

  // `text`: without comments around it.
  std::shared_ptr<KnownStatement> know(std::string_view text);
  // As it is under the rules of now.
  std::shared_ptr<const KnownStatement> know_again(std::shared_ptr<const KnownStatement> known) {
    if (known == nullptr || known->rules == nullptr || known->rules == now_->rules) return known;
    return know(known->text);
  }
  // What notes hold, all together, has a bound: beyond it no text is kept that is not known, and no
  // values are.
  bool has_room() const { return *held_ < kHeldBytesMax; }
  bool may_keep(std::string_view text, bool named) const {
    return (!named && text.size() <= kShortTextBytes) || has_room() || by_text_.contains(text);
  }
  HeldBytes hold(std::size_t bytes) const { return {held_, bytes}; }
  static std::shared_ptr<KnownStatement> bulk_write();
  void look_for_strict();
  bool draw(const Rule& rule);
  bool any_strict() const { return now_->options.modes.any_strict(strict_configured_); }
  // Nothing is to be done for it: all rules that it could belong to are off, and no operation that
  // was begun before waits for it.
  bool is_off(const KnownText& known) const;
  // `tagged`: whose operation it says it belongs to; may be null.
  void report_uncovered(const KnownStatement& statement, const Rule* tagged);

  // Kept in any case, under no name: the cache has its own bound.
  static constexpr std::size_t kShortTextBytes = 1024;
  // Bounds of the cache of texts; the least recently used goes first. Sessions keep what they still
  // refer to.
  static constexpr std::size_t kTextsMax = 8192;
  static constexpr std::size_t kTextBytesMax =
      std::size_t{16} * 1024 * 1024;  // with all that is kept for them
  static constexpr std::size_t kUncoveredMax = 10'000;
  static constexpr std::size_t kHeldBytesMax = std::size_t{128} * 1024 * 1024;

  using Entries = std::list<std::shared_ptr<KnownStatement>>;
  std::shared_ptr<TapGeneration> now_;
  std::vector<std::shared_ptr<TapGeneration>> former_;
  metrics::Shard& shard_;
  std::uint64_t random_;
  bool strict_configured_ = false;  // of a rule, or of all
  CaptureBudget captures_;
  // Stands for what was bound while its rules were off: nothing is known of its values.
  const protocol::BindingRef off_ = std::make_shared<protocol::BindingNote>();
  // Of a text that is not kept: nothing is known of its effects.
  const protocol::StatementRef unreadable_ = std::make_shared<KnownStatement>();
  // Of one that is not scanned, because all that matters is that it writes.
  const protocol::StatementRef bulk_write_ = bulk_write();
  const std::shared_ptr<std::size_t> held_ = std::make_shared<std::size_t>(0);
  Entries entries_;  // most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_text_;
  std::size_t text_bytes_ = 0;
  std::unordered_set<std::string> uncovered_;  // by rule and key
};

}  // namespace parallax::shadow
