#include "shadow/live_capture.h"

#include <algorithm>
#include <utility>

namespace parallax::shadow {

LiveCapture::LiveCapture(CaptureBudget& budget, protocol::Bytes formats) : budget_(budget) {
  protocol::ByteReader reader(formats);
  while (const auto format = reader.u16()) binary_.push_back(*format == 1);
}

LiveCapture::~LiveCapture() { budget_.used -= held_; }

bool LiveCapture::wants(std::uint32_t body_length) {
  ++rows_;
  if (given_up_) return false;
  // The lengths in the row are 4 bytes for each cell, the places kept for it 8.
  const std::size_t cost = 2 * static_cast<std::size_t>(body_length);
  const std::size_t kept = result_ == nullptr ? 0 : result_->bytes();
  if (kept + body_length <= budget_.result_bytes && budget_.used + cost <= budget_.total_bytes) {
    held_ += cost;
    budget_.used += cost;
    return true;
  }
  give_up();
  return false;
}

void LiveCapture::row(protocol::Bytes body) {
  if (given_up_) return;
  protocol::ByteReader reader(body);
  const std::size_t columns = reader.u16().value_or(0);
  if (result_ == nullptr) start(columns);
  if (result_->columns().size() != columns) return give_up();
  for (std::size_t column = 0; column < columns; ++column) {
    const auto length = reader.i32();
    if (!length) return give_up();
    if (*length < 0) {
      result_->add_cell(std::nullopt);
      continue;
    }
    const auto bytes = reader.bytes(static_cast<std::size_t>(*length));
    if (!bytes) return give_up();
    result_->add_cell(protocol::as_text(*bytes));
  }
  if (columns == 0) result_->add_empty_row();
}

void LiveCapture::start(std::size_t columns) {
  std::vector<ColumnInfo> infos(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    if (binary_.size() == 1) infos[i].binary = binary_[0];
    if (binary_.size() > 1) infos[i].binary = i < binary_.size() && binary_[i];
  }
  result_ = std::make_unique<ResultSet>(std::move(infos));
}

void LiveCapture::give_up() {
  given_up_ = true;
  result_.reset();
  budget_.used -= std::exchange(held_, 0);
}

std::shared_ptr<ResultSet> LiveCapture::take() {
  if (given_up_) return nullptr;
  if (result_ == nullptr) {
    // No rows: what is known of the columns are formats that were named one by one.
    start(binary_.size() > 1 ? binary_.size() : 0);
  }
  auto result = std::move(result_);
  give_up();
  return result;
}

}  // namespace parallax::shadow
