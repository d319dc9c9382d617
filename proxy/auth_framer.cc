#include "proxy/auth_framer.h"

#include <cstring>

namespace parallax::proxy {

AuthFramer::~AuthFramer() {
  if (!buffered_.empty()) explicit_bzero(buffered_.data(), buffered_.size());
}

void AuthFramer::feed(protocol::Bytes chunk) {
  wipe_used();
  if (buffered_.size() + chunk.size() > buffered_.capacity()) {
    // A buffer that grows by itself would leave its old copy behind.
    std::vector<std::byte> larger;
    larger.reserve((buffered_.size() + chunk.size()) * 2);
    larger.assign(buffered_.begin(), buffered_.end());
    if (!buffered_.empty()) explicit_bzero(buffered_.data(), buffered_.size());
    buffered_.swap(larger);
  }
  buffered_.insert(buffered_.end(), chunk.begin(), chunk.end());
}

std::optional<protocol::Bytes> AuthFramer::next() {
  wipe_used();
  const protocol::Bytes rest(buffered_);
  if (broken_ || rest.size() < 5) return std::nullopt;
  protocol::ByteReader reader(rest.subspan(1));
  const std::size_t length = static_cast<std::size_t>(reader.u32().value_or(0)) + 1;
  if (length < 5 || length > kMessageBytesMax) {
    broken_ = true;
    return std::nullopt;
  }
  if (rest.size() < length) return std::nullopt;
  used_ = length;
  return rest.first(length);
}

protocol::Bytes AuthFramer::take_rest() {
  wipe_used();
  used_ = buffered_.size();
  return buffered_;
}

void AuthFramer::wipe_used() {
  if (used_ == 0) return;
  const auto remaining = buffered_.size() - used_;
  std::memmove(buffered_.data(), buffered_.data() + used_, remaining);
  explicit_bzero(buffered_.data() + remaining, used_);
  buffered_.resize(remaining);
  used_ = 0;
}

}  // namespace parallax::proxy
