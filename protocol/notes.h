#pragma once

// What a statement and its parameters mean to whoever listens to a conversation: opaque here, only
// carried along.

#include <memory>

namespace parallax::protocol {

struct StatementNote {
  virtual ~StatementNote() = default;
};
struct BindingNote {
  virtual ~BindingNote() = default;
};
using StatementRef = std::shared_ptr<StatementNote>;
using BindingRef = std::shared_ptr<BindingNote>;

}  // namespace parallax::protocol
