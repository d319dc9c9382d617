#include "protocol/portal_names.h"

#include <string>
#include <utility>

namespace parallax::protocol {

Portal* PortalNames::find(std::string_view name) {
  if (name.empty()) return unnamed_.serial == 0 ? nullptr : &unnamed_;
  const auto found = named_.find(name);
  return found == named_.end() ? nullptr : &found->second;
}

void PortalNames::put(std::string_view name, Portal portal) {
  if (name.empty()) {
    unnamed_ = std::move(portal);
    return;
  }
  const auto found = named_.find(name);
  if (found != named_.end()) {
    found->second = std::move(portal);
  } else if (named_.size() < named_limit_) {
    named_.emplace(std::string(name), std::move(portal));
  }
}

void PortalNames::remove(std::string_view name) {
  if (name.empty()) {
    unnamed_ = {};
  } else if (const auto found = named_.find(name); found != named_.end()) {
    named_.erase(found);
  }
}

void PortalNames::clear() {
  unnamed_ = {};
  if (!named_.empty()) named_.clear();  // clearing an empty map still walks its buckets
}

}  // namespace parallax::protocol
