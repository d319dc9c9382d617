#pragma once

// Where the steps of a snapshot run: on a shadow connection, or on the client's own.

#include <functional>
#include <vector>

#include "shadow/captured.h"
#include "shadow/replay/read_only_transaction.h"

namespace parallax::shadow {

struct StepsRunner {
  // As ReadOnlyTransaction::run.
  std::function<void(const ReplayContextRef&, std::vector<TransactionStep>,
                     ReadOnlyTransaction::Done, ReadOnlyTransaction::Next)>
      run;
  // Nothing is called any more.
  std::function<void()> abort;
};

}  // namespace parallax::shadow
