#pragma once

// The observing side of `parallax learn`: in the place of the tap, and like it behind the bytes.
// Public face of shadow/.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/conversation.h"
#include "protocol/startup.h"
#include "shadow/learn/statement_log.h"
#include "shadow/live_capture.h"
#include "shadow/rules/comment_tags.h"

namespace parallax::shadow {

// `--legacy`, `--rewrite`: the name of a listener; or KEY=VALUE, which is a parameter of the
// session's startup packet (application_name, user) or a tag of the statement.
struct SideChoice {
  std::string key;    // empty: a listener's name
  std::string value;  // empty: nothing was chosen
  bool fits(std::string_view listener, const protocol::StartupParameters& startup,
            const CommentTags& tags) const;
};

struct LearnChoice {
  SideChoice legacy;   // not given: all that is not of the rewrite
  SideChoice rewrite;  // not given: nothing
  // Nothing: of neither side.
  std::optional<Side> side_of(std::string_view listener, const protocol::StartupParameters& startup,
                              const CommentTags& tags) const;
};

// A statement text as it is known to a worker.
struct LearnedText {
  std::string text;  // without outer comments
  StatementShape shape;
  bool readable = false;
  bool select = false;
};

// One for each worker. The log must outlive it, and it its sessions.
class WorkerLearner {
 public:
  WorkerLearner(StatementLog& log, LearnChoice choice, std::size_t capture_bytes,
                std::size_t captures_bytes);

  std::unique_ptr<protocol::ConversationListener> open_session(
      const std::string& listener, const protocol::StartupParameters& startup);

 private:
  friend class SessionLearner;

  std::shared_ptr<const LearnedText> know(std::string_view sql);

  // Texts beyond these are forgotten all at once; sessions keep what they still refer to.
  static constexpr std::size_t kTextsMax = 8192;
  static constexpr std::size_t kTextBytesMax = std::size_t{16} * 1024 * 1024;

  StatementLog& log_;
  LearnChoice choice_;
  CaptureBudget captures_;
  std::unordered_map<std::string, std::shared_ptr<const LearnedText>> texts_;
  std::size_t text_bytes_ = 0;
};

}  // namespace parallax::shadow
