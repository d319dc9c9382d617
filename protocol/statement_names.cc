#include "protocol/statement_names.h"

namespace parallax::protocol {
namespace {

const Prepared& nothing() {
  static const Prepared none;
  return none;
}

}  // namespace

const StatementNames::State* StatementNames::find(std::string_view name) const {
  if (name.empty()) return &unnamed_;
  const auto found = named_.find(name);
  return found == named_.end() ? nullptr : &found->second;
}

const Prepared& StatementNames::sent(std::string_view name) const {
  const State* state = find(name);
  if (state == nullptr) return nothing();
  return state->outstanding != 0 ? state->latest : state->confirmed;
}

const Prepared& StatementNames::confirmed(std::string_view name) const {
  const State* state = find(name);
  return state == nullptr ? nothing() : state->confirmed;
}

template <typename Change>
void StatementNames::change(State& state, Change&& apply) {
  if (state.noted()) --noted_;
  apply(state);
  if (state.outstanding == 0) state.latest = {};  // hold no note longer than needed
  if (state.noted()) ++noted_;
}

template <typename Change>
void StatementNames::change_named(std::string_view name, Change&& apply) {
  if (name.empty()) {
    change(unnamed_, apply);
    return;
  }
  const auto found = named_.find(name);
  if (found == named_.end()) return;
  change(found->second, apply);
  if (found->second.useless()) named_.erase(found);
}

bool StatementNames::change_sent(std::string_view name, const Prepared& prepared) {
  if (!name.empty() && !named_.contains(name)) {
    // An unknown name stays unknown when it is closed.
    if (prepared.serial == 0 || named_.size() >= named_limit_) return false;
    named_.try_emplace(std::string(name));
  }
  change_named(name, [&prepared](State& state) {
    ++state.outstanding;
    state.latest = prepared;
  });
  return true;
}

void StatementNames::change_done(std::string_view name, bool counted, const Prepared& prepared) {
  change_named(name, [counted, &prepared](State& state) {
    if (counted) --state.outstanding;
    state.confirmed = counted ? prepared : Prepared{};
  });
}

void StatementNames::change_dropped(std::string_view name) {
  change_named(name, [](State& state) { --state.outstanding; });
}

void StatementNames::forget(std::string_view name) {
  change_named(name, [](State& state) { state.confirmed = {}; });
}

void StatementNames::forget_named() {
  for (auto entry = named_.begin(); entry != named_.end();) {
    change(entry->second, [](State& state) { state.confirmed = {}; });
    entry = entry->second.useless() ? named_.erase(entry) : std::next(entry);
  }
}

}  // namespace parallax::protocol
