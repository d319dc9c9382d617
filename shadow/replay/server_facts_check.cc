#include "shadow/replay/server_facts_check.h"

#include <utility>

#include "shadow/replay/catalog_reading.h"

namespace parallax::shadow {

void ServerFactsCheck::run(Connection& connection, const std::vector<std::string>& tables,
                           Done done) {
  transaction_.run(connection, nullptr,
                   {{TransactionStep::Kind::query, server_facts_sql(), {array_of(tables)}}},
                   [done = std::move(done)](TransactionEnd end) {
                     if (auto* skip = std::get_if<ReplaySkip>(&end)) return done(std::move(*skip));
                     const auto& step = std::get<std::vector<StepResult>>(end).front();
                     if (step.sqlstate.empty()) return done(read_server_facts(step.result));
                     done(ReplaySkip{SkipReason::server, step.sqlstate + ": " + step.message});
                   });
}

}  // namespace parallax::shadow
