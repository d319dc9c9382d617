#pragma once

// Names of prepared statements, in two views: as the requests sent so far will leave them when all
// succeed (what a pipelined Bind refers to), and as the answers so far have left them (what is
// certain).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/notes.h"

namespace parallax::protocol {

// Longest name of a statement or portal that is remembered. The server cuts names to 63 bytes
// (NAMEDATALEN - 1) without a word, so that longer ones may mean another statement than they say.
inline constexpr std::size_t kNameBytesMax = 62;
inline bool can_remember(std::string_view name) { return name.size() <= kNameBytesMax; }

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const {
    return std::hash<std::string_view>{}(name);
  }
};
template <typename Value>
using NameMap = std::unordered_map<std::string, Value, NameHash, std::equal_to<>>;

struct Prepared {
  StatementRef note;
  std::uint64_t serial = 0;  // of the Parse; 0: no such statement is known
};

// The unnamed statement has the empty name.
class StatementNames {
 public:
  explicit StatementNames(std::size_t named_limit) : named_limit_(named_limit) {}

  // After all requests sent. The reference lives until the next change.
  const Prepared& sent(std::string_view name) const;
  // After all answers received.
  const Prepared& confirmed(std::string_view name) const;
  // Some statement, sent or confirmed, has a note.
  bool any_note() const { return noted_ != 0; }

  // A request that will make `name` mean `prepared` (a Parse), or nothing (a Close; a Query drops
  // the unnamed one). Returns whether it is counted; the answer must then be told with the same
  // flag.
  bool change_sent(std::string_view name, const Prepared& prepared);
  // Its answer was success.
  void change_done(std::string_view name, bool counted, const Prepared& prepared);
  // Its answer was an error, or the server skipped it. Only for those that were counted.
  void change_dropped(std::string_view name);

  // DEALLOCATE of this one.
  void forget(std::string_view name);
  // DEALLOCATE ALL and DISCARD ALL: no named statement is certain any more. The unnamed one stays.
  void forget_named();

 private:
  struct State {
    Prepared confirmed;
    Prepared latest;              // after the last change sent; means something while `outstanding`
    std::size_t outstanding = 0;  // changes sent and not answered
    bool noted() const { return confirmed.note || (outstanding != 0 && latest.note); }
    bool useless() const { return outstanding == 0 && confirmed.serial == 0; }
  };

  const State* find(std::string_view name) const;
  template <typename Change>
  void change(State& state, Change&& apply);
  template <typename Change>
  void change_named(std::string_view name, Change&& apply);

  std::size_t named_limit_;
  std::size_t noted_ = 0;
  State unnamed_;
  NameMap<State> named_;
};

}  // namespace parallax::protocol
