#include "shadow/setting_stack.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace parallax::shadow {

namespace {
constexpr const char* kRole = "role";
// Some clients make one for each statement and release none.
constexpr std::ptrdiff_t kSavepointsMost = 256;
}  // namespace

SettingStack::SettingStack(const Settings& startup) {
  for (const auto& [name, value] : startup) startup_[name] = value;
  state_.session = startup_;
  begun_ = state_;
}

void SettingStack::apply(const SettingEffect& effect) {
  using Kind = SettingEffect::Kind;
  touched_.insert(effect.name);
  if (effect.name.find('.') != std::string::npos) custom_.insert(effect.name);
  switch (effect.kind) {
    case Kind::set:
      state_.session[effect.name] = effect.value;
      state_.local.erase(effect.name);
      return;
    case Kind::set_local:
      state_.local[effect.name] = effect.value;
      return;
    case Kind::reset: {
      state_.local.erase(effect.name);
      const auto began = startup_.find(effect.name);
      if (began == startup_.end()) {
        state_.session.erase(effect.name);
      } else {
        state_.session[effect.name] = began->second;
      }
      return;
    }
    case Kind::reset_all: {
      // A role stays, for as long as it was to (guc.c, GUC_NO_RESET_ALL).
      State next{startup_, {}, state_.unknown};
      if (const auto role = state_.session.extract(kRole); !role.empty())
        next.session[kRole] = role.mapped();
      if (const auto role = state_.local.extract(kRole); !role.empty())
        next.local[kRole] = role.mapped();
      state_ = std::move(next);
      return;
    }
    case Kind::discard_all:
      state_ = {startup_, {}, false};
      return;
    case Kind::savepoint:
      // To roll back to an older one makes the state unknown.
      if (std::ssize(savepoints_) >= kSavepointsMost)
        savepoints_.erase(savepoints_.begin(), savepoints_.begin() + kSavepointsMost / 2);
      savepoints_.push_back({effect.name, state_});
      return;
    case Kind::rollback_to: {
      const auto found = find_savepoint(effect.name);
      if (found == savepoints_.end()) {
        state_.unknown = true;
        return;
      }
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
      state_.unknown = true;
      return;
  }
}

// The latest of that name.
std::vector<SettingStack::Savepoint>::iterator SettingStack::find_savepoint(
    const std::string& name) {
  const auto found = std::find_if(savepoints_.rbegin(), savepoints_.rend(),
                                  [&name](const Savepoint& one) { return one.name == name; });
  return found == savepoints_.rend() ? savepoints_.end() : found.base() - 1;
}

void SettingStack::committed() {
  state_.local.clear();
  begun_ = state_;
  savepoints_.clear();
  touched_.clear();
}

void SettingStack::rolled_back() {
  state_ = begun_;
  savepoints_.clear();
  touched_.clear();
}

void SettingStack::correct(const std::string& name, const std::string& value) {
  state_.session[name] = value;
  state_.local.erase(name);
  touched_.insert(name);
}

SettingStack::Values SettingStack::effective() const {
  Values all = state_.session;
  for (const auto& [name, value] : state_.local) all[name] = value;
  for (const auto& name : custom_) all.try_emplace(name);
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
  const Values all = effective();
  const auto found = all.find(name);
  return found == all.end() ? std::string() : found->second;
}

}  // namespace parallax::shadow
