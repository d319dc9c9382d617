#include "proxy/auth_framer.h"

#include <cstring>

namespace parallax::proxy {

AuthFramer::~AuthFramer() { wipe(); }

void AuthFramer::feed(protocol::Bytes chunk, const std::function<void(protocol::Bytes)>& send) {
  if (passing_) {
    send(chunk);
    return;
  }
  // A buffer that grows leaves its old copy behind; reserving once keeps the password in one place.
  buffered_.reserve(kMessageBytesMax);
  std::size_t used = 0;
  buffered_.insert(buffered_.end(), chunk.begin(), chunk.end());
  while (true) {
    const auto rest = protocol::Bytes(buffered_).subspan(used);
    if (rest.size() < 5) break;
    protocol::ByteReader reader(rest.subspan(1));
    const std::size_t length = static_cast<std::size_t>(reader.u32().value_or(0)) + 1;
    if (length < 5 || length > kMessageBytesMax) {
      send(rest);
      used = buffered_.size();
      passing_ = true;
      break;
    }
    if (rest.size() < length) break;
    send(rest.first(length));
    used += length;
  }
  if (used == buffered_.size()) {
    wipe();
  } else if (used > 0) {
    const auto remaining = buffered_.size() - used;
    std::memmove(buffered_.data(), buffered_.data() + used, remaining);
    explicit_bzero(buffered_.data() + remaining, used);
    buffered_.resize(remaining);
  }
}

void AuthFramer::flush(const std::function<void(protocol::Bytes)>& send) {
  if (!buffered_.empty()) send(buffered_);
  wipe();
}

void AuthFramer::wipe() {
  if (!buffered_.empty()) explicit_bzero(buffered_.data(), buffered_.size());
  buffered_.clear();
}

}  // namespace parallax::proxy
