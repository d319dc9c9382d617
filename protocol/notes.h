#pragma once

// What a statement and its parameters mean to whoever listens to a conversation: opaque here, only
// carried along.

#include <memory>
#include <string_view>

namespace parallax::protocol {

struct StatementNote {
  virtual ~StatementNote() = default;
  // The named statement that this one drops in SQL (DEALLOCATE name), as the server knows it; empty
  // when it drops none or when that cannot be told. The command tag does not say the name.
  virtual std::string_view deallocates() const { return {}; }
};
struct BindingNote {
  virtual ~BindingNote() = default;
};
using StatementRef = std::shared_ptr<StatementNote>;
using BindingRef = std::shared_ptr<BindingNote>;

}  // namespace parallax::protocol
