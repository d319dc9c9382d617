#include "shadow/setting_stack.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace parallax::shadow {

namespace {
constexpr const char* kRole = "role";
// Of those that a session began with there are as many as its startup packet has room for.
constexpr std::size_t kSettingsMost = 256;
constexpr std::size_t kTouchedMost = 1024;  // names, in one transaction
// Some clients make one for each statement and release none.
constexpr std::ptrdiff_t kSavepointsMost = 256;
constexpr std::size_t kSavepointBytesMost = std::size_t{1024} * 1024;  // of all together
}  // namespace

std::size_t SettingStack::State::bytes() const {
  std::size_t total = 0;
  for (const auto* values : {&session, &local}) {
    for (const auto& [name, value] : *values) total += name.size() + value.size();
  }
  return total;
}

void SettingStack::Names::insert(const std::string& name, std::size_t most) {
  if (names.contains(name)) return;
  if (names.size() >= most || bytes + name.size() > kSettingsBytesMax) {
    lost = true;
    return;
  }
  names.insert(name);
  bytes += name.size();
}

SettingStack::SettingStack(const Settings& startup) : startup_(std::make_shared<State>()) {
  for (const auto& [name, value] : startup) startup_->session[name] = value;
  begun_ = state_ = startup_;
}

SettingStack::State& SettingStack::change() {
  if (state_.use_count() > 1) state_ = std::make_shared<State>(*state_);
  return *state_;
}

void SettingStack::become_unknown() {
  if (!state_->unknown) change().unknown = true;
}

void SettingStack::apply(const SettingEffect& effect) {
  using Kind = SettingEffect::Kind;
  note_touched(effect);
  switch (effect.kind) {
    case Kind::set:
    case Kind::set_local:
    case Kind::reset:
      make(effect);
      return keep_within_bounds(effect.name);
    case Kind::reset_all: {
      // A role stays, for as long as it was to (guc.c, GUC_NO_RESET_ALL).
      auto next = std::make_shared<State>(State{startup_->session, {}, state_->unknown});
      if (const auto role = state_->session.find(kRole); role != state_->session.end())
        next->session[kRole] = role->second;
      if (const auto role = state_->local.find(kRole); role != state_->local.end())
        next->local[kRole] = role->second;
      state_ = std::move(next);
      return;
    }
    case Kind::discard_all:
      state_ = startup_;
      return;
    case Kind::savepoint:
      savepoints_.push_back({effect.name, state_, state_->bytes()});
      return keep_newest_savepoints();
    case Kind::rollback_to: {
      const auto found = find_savepoint(effect.name);
      if (found == savepoints_.end()) return become_unknown();
      state_ = found->state;
      savepoints_.erase(found + 1, savepoints_.end());
      return;
    }
    case Kind::release: {
      const auto found = find_savepoint(effect.name);
      if (found != savepoints_.end()) savepoints_.erase(found, savepoints_.end());
      return;
    }
    case Kind::unknown:
      return become_unknown();
  }
}

void SettingStack::note_touched(const SettingEffect& effect) {
  using Kind = SettingEffect::Kind;
  switch (effect.kind) {
    case Kind::set:
    case Kind::set_local:
    case Kind::reset:
      touched_.insert(effect.name, kTouchedMost);
      if (touched_.lost) become_unknown();
      if (effect.name.find('.') != std::string::npos) custom_.insert(effect.name, kSettingsMost);
      return;
    case Kind::reset_all:
    case Kind::discard_all:
    case Kind::unknown:
      touched_.insert({}, kTouchedMost);  // something
      return;
    case Kind::savepoint:
    case Kind::rollback_to:
    case Kind::release:
      return;  // their names are no settings'
  }
}

void SettingStack::make(const SettingEffect& effect) {
  State& state = change();
  if (effect.kind == SettingEffect::Kind::set_local) {
    state.local[effect.name] = effect.value;
    return;
  }
  state.local.erase(effect.name);
  if (effect.kind == SettingEffect::Kind::set) {
    state.session[effect.name] = effect.value;
    return;
  }
  const auto began = startup_->session.find(effect.name);
  if (began == startup_->session.end()) {
    state.session.erase(effect.name);
  } else {
    state.session[effect.name] = began->second;
  }
}

// What does not fit is not kept, and from then on not known.
void SettingStack::keep_within_bounds(const std::string& made) {
  const auto count = state_->session.size() + state_->local.size();
  if (count <= kSettingsMost + startup_->session.size() &&
      state_->bytes() <= kSettingsBytesMax + startup_->bytes()) {
    return;
  }
  State& state = change();
  state.local.erase(made);
  state.session.erase(made);
  state.unknown = true;
}

// To roll back to an older one makes the state unknown.
void SettingStack::keep_newest_savepoints() {
  if (std::ssize(savepoints_) > kSavepointsMost)
    savepoints_.erase(savepoints_.begin(), savepoints_.end() - kSavepointsMost / 2);
  std::size_t bytes = 0;
  const State* counted = nullptr;
  auto oldest = savepoints_.end();
  while (oldest != savepoints_.begin()) {
    const auto& next = *std::prev(oldest);
    if (next.state.get() != counted) bytes += next.bytes;
    if (bytes > kSavepointBytesMost) break;
    counted = next.state.get();
    --oldest;
  }
  savepoints_.erase(savepoints_.begin(), oldest);
}

// The latest of that name.
std::vector<SettingStack::Savepoint>::iterator SettingStack::find_savepoint(
    const std::string& name) {
  const auto found = std::find_if(savepoints_.rbegin(), savepoints_.rend(),
                                  [&name](const Savepoint& one) { return one.name == name; });
  return found == savepoints_.rend() ? savepoints_.end() : found.base() - 1;
}

void SettingStack::committed() {
  if (!state_->local.empty()) change().local.clear();
  begun_ = state_;
  savepoints_.clear();
  touched_ = {};
}

void SettingStack::rolled_back() {
  state_ = begun_;
  savepoints_.clear();
  touched_ = {};
}

void SettingStack::correct(const std::string& name, const std::string& value) {
  State& state = change();
  state.session[name] = value;
  state.local.erase(name);
  touched_.insert(name, kTouchedMost);
}

SettingStack::Values SettingStack::effective() const {
  Values all = state_->session;
  for (const auto& [name, value] : state_->local) all[name] = value;
  for (const auto& name : custom_.names) all.try_emplace(name);
  return all;
}

SettingStack::Settings SettingStack::settings() const {
  Values all = effective();
  // A weaker role may not make the settings before it.
  const auto role = all.extract(kRole);
  Settings out(std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()));
  if (!role.empty() && role.mapped() != "none") out.emplace_back(kRole, role.mapped());
  return out;
}

std::string SettingStack::value(const std::string& name) const {
  for (const auto* values : {&state_->local, &state_->session}) {
    if (const auto found = values->find(name); found != values->end()) return found->second;
  }
  return {};
}

}  // namespace parallax::shadow
