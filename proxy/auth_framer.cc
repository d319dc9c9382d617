#include "proxy/auth_framer.h"

#include <cstring>
#include <utility>

namespace parallax::proxy {

AuthFramer::~AuthFramer() {
  if (!buffered_.empty()) explicit_bzero(buffered_.data(), buffered_.size());
}

void AuthFramer::feed(protocol::Bytes chunk) {
  wipe_used();
  // A buffer that grows by itself would leave its old copy behind.
  std::vector<std::byte> fresh;
  fresh.reserve(buffered() + chunk.size());
  const auto kept = rest();
  fresh.insert(fresh.end(), kept.begin(), kept.end());
  fresh.insert(fresh.end(), chunk.begin(), chunk.end());
  if (!buffered_.empty()) explicit_bzero(buffered_.data(), buffered_.size());
  buffered_.swap(fresh);
  begin_ = 0;
}

std::optional<protocol::Bytes> AuthFramer::next() {
  wipe_used();
  const auto left = rest();
  if (broken_ || left.size() < 5) return std::nullopt;
  protocol::ByteReader reader(left.subspan(1));
  const std::size_t length = static_cast<std::size_t>(reader.u32().value_or(0)) + 1;
  if (length < 5 || length > kMessageBytesMax) {
    broken_ = true;
    return std::nullopt;
  }
  if (left.size() < length) return std::nullopt;
  used_ = length;
  return left.first(length);
}

protocol::Bytes AuthFramer::take_rest() {
  wipe_used();
  used_ = buffered();
  return rest();
}

void AuthFramer::wipe_used() {
  if (used_ == 0) return;
  explicit_bzero(buffered_.data() + begin_, used_);
  begin_ += std::exchange(used_, 0);
}

}  // namespace parallax::proxy
