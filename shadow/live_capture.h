#pragma once

// The rows that a client gets, copied as they pass: bounded, and given up as a whole rather than in
// part.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/notes.h"
#include "shadow/compare/result_set.h"

namespace parallax::shadow {

// What all captures of a worker hold together.
struct CaptureBudget {
  std::size_t result_bytes = 0;  // of one result
  std::size_t total_bytes = 0;   // of all that have not been handed over
  std::size_t used = 0;
};

class LiveCapture final : public protocol::RowSink {
 public:
  // `formats`: the result formats of a Bind, 2 bytes each: none = all text, one = for all columns.
  // The budget must outlive it.
  LiveCapture(CaptureBudget& budget, protocol::Bytes formats);
  ~LiveCapture() override;
  LiveCapture(const LiveCapture&) = delete;
  LiveCapture& operator=(const LiveCapture&) = delete;

  bool wants(std::uint32_t body_length) override;
  void row(protocol::Bytes body) override;

  // Rows seen, captured or not.
  std::uint64_t rows() const { return rows_; }
  // All rows, in order; null when they did not fit or could not be read. Types of columns are not
  // filled in. Once.
  std::shared_ptr<ResultSet> take();

 private:
  void start(std::size_t columns);
  void give_up();

  CaptureBudget& budget_;
  std::vector<bool> binary_;  // by column, or one for all; empty: text
  std::unique_ptr<ResultSet> result_;
  std::uint64_t rows_ = 0;
  std::size_t held_ = 0;  // in the budget
  bool given_up_ = false;
};

}  // namespace parallax::shadow
