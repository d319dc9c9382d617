#pragma once

// What the notes of one session hold together, by what each says of itself. It is given back when
// the last reference to a note goes.

#include <cstddef>
#include <memory>
#include <utility>

#include "protocol/notes.h"

namespace parallax::protocol {

class NoteBudget {
 public:
  explicit NoteBudget(std::size_t bytes) : bytes_(bytes) {}

  // Asked before a note is made, with the bytes that it is made of. What it holds may be more, so
  // that the last one may go beyond the budget.
  bool has_room(std::size_t bytes) const { return *used_ <= bytes_ && bytes <= bytes_ - *used_; }

  // The same note, counted until it goes. May outlive the budget.
  template <typename Note>
  std::shared_ptr<Note> keep(std::shared_ptr<Note> note) const {
    const auto bytes = note == nullptr ? 0 : note->bytes();
    if (bytes == 0) return note;
    auto* kept = note.get();
    auto counted = std::make_shared<Counted<Note>>(std::move(note), used_, bytes);
    return {std::move(counted), kept};
  }

 private:
  template <typename Note>
  struct Counted {
    Counted(std::shared_ptr<Note> of, std::shared_ptr<std::size_t> total, std::size_t size)
        : note(std::move(of)), used(std::move(total)), bytes(size) {
      *used += bytes;
    }
    ~Counted() { *used -= bytes; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    std::shared_ptr<Note> note;
    std::shared_ptr<std::size_t> used;
    std::size_t bytes;
  };

  std::size_t bytes_;
  std::shared_ptr<std::size_t> used_ = std::make_shared<std::size_t>(0);
};

}  // namespace parallax::protocol
