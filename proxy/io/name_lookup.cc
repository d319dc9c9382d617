#include "proxy/io/name_lookup.h"

#include <utility>

namespace parallax::io {

std::shared_ptr<const NameLookup::Callback> NameLookup::ask(const std::string& host,
                                                            Callback callback) {
  auto asked = std::make_shared<const Callback>(std::move(callback));
  std::erase_if(waiting_, [](const auto& other) { return other.expired(); });
  waiting_.push_back(asked);
  if (running_ == nullptr) {
    running_ =
        ResolveRequest::start(loop_, host, [this](const Resolved& resolved) { answer(resolved); });
  }
  return asked;
}

// Who is answered may ask again, and may end others that wait.
void NameLookup::answer(const Resolved& resolved) {
  running_.reset();
  for (const auto& each : std::exchange(waiting_, {})) {
    if (const auto asked = each.lock()) (*asked)(resolved);
  }
}

}  // namespace parallax::io
