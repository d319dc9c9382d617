#include "shadow/evidence/recorded_replay.h"

#include "shadow/evidence/recorded_run.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

std::string other_user(const Options& options, const RecordedOperation& operation) {
  const auto& user = operation.context->user;
  if (options.identity != Identity::same_user || user.empty() || user == options.keyword("user"))
    return {};
  return concat({"the session was of user ", user, ", and the shadow is ", options.keyword("user"),
                 ": see `shadow.identity`"});
}

std::variant<Outcome, std::string> replay_recorded(const Options& options, const RuleSet& rules,
                                                   const RecordedOperation& operation) {
  if (auto why = other_user(options, operation); !why.empty()) return why;
  ReplaySession session(options);
  RecordedRun run(session, rules);
  run.verify({operation.rule});
  return run.replay(operation);
}

}  // namespace parallax::shadow
