#pragma once

// Portals that exist, as the answers so far have left them.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/notes.h"
#include "protocol/statement_names.h"

namespace parallax::protocol {

struct Portal {
  StatementRef statement;
  BindingRef binding;
  std::uint64_t statement_serial = 0;  // of its Parse; 0 unknown
  std::uint64_t serial = 0;            // of its Bind
  bool executed = false;               // an Execute of it has been answered
};

// The unnamed portal has the empty name.
class PortalNames {
 public:
  explicit PortalNames(std::size_t named_limit) : named_limit_(named_limit) {}

  // Null when unknown. The pointer lives until the next change.
  Portal* find(std::string_view name);
  // A further name than the limit allows is not remembered.
  void put(std::string_view name, Portal portal);
  void remove(std::string_view name);
  // The transaction has ended.
  void clear();

 private:
  std::size_t named_limit_;
  Portal unnamed_;  // serial 0: there is none
  NameMap<Portal> named_;
};

}  // namespace parallax::protocol
