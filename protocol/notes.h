#pragma once

// What a statement and its parameters mean to whoever listens to a conversation: opaque here, only
// carried along.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocol/bytes.h"

namespace parallax::protocol {

// Takes the rows that answer a command, as they pass.
class RowSink {
 public:
  virtual ~RowSink() = default;
  // Whether the next DataRow, whose body has this many bytes, is to be handed over.
  virtual bool wants(std::uint32_t body_length) = 0;
  // The whole body; not checked. The bytes end with the call.
  virtual void row(Bytes body) = 0;
};

struct StatementNote {
  virtual ~StatementNote() = default;
  // What it holds for as long as it lives. The same each time, and asked once.
  virtual std::size_t bytes() const { return 0; }
  // The named statement that this one drops in SQL (DEALLOCATE name), as the server knows it; empty
  // when it drops none or when that cannot be told. The command tag does not say the name.
  virtual std::string_view deallocates() const { return {}; }
  // Of a simple query; null when its rows are of no interest. Asked when its first row comes.
  virtual RowSink* rows() { return nullptr; }
  // ParameterDescription of a statement: 4 bytes each, the types that the server has settled on.
  virtual void parameters_described(Bytes /*types*/) {}
};
struct BindingNote {
  virtual ~BindingNote() = default;
  virtual std::size_t bytes() const { return 0; }
  // As above, of a portal; asked again for each Execute.
  virtual RowSink* rows() { return nullptr; }
};
using StatementRef = std::shared_ptr<StatementNote>;
using BindingRef = std::shared_ptr<BindingNote>;

}  // namespace parallax::protocol
