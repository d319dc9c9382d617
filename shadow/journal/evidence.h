#pragma once

// With what values was a rule compared: the lengths of lists, the NULLs, how many different ones.
// Holds no value.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "shadow/journal/hyperloglog.h"
#include "shadow/journal/keyed_hash.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// Upper bounds of list lengths, ascending, without +Inf.
inline constexpr std::array<std::size_t, 8> kListLengthBounds = {0, 1, 2, 5, 10, 50, 100, 1000};

struct ListLengths {
  std::uint64_t lists = 0;
  std::size_t min = SIZE_MAX;
  std::size_t max = 0;
  std::array<std::uint64_t, kListLengthBounds.size() + 1> counts{};  // not cumulative

  void add(std::size_t length);
  void merge(const ListLengths& other);
};

struct Evidence {
  bool any = false;  // is there anything?
  struct Name {
    std::uint64_t nulls = 0;  // operations in which it, or a member of it, was NULL
    ListLengths lengths;
  };
  std::map<std::string, Name> names;
  HyperLogLog distinct;          // of the values of all names together
  std::uint64_t suppressed = 0;  // lines left out

  // Returns the hash of the values of all names.
  std::uint64_t add(const NamedValues& values, const KeyedHash& hash);
  void merge(const Evidence& other);
};

}  // namespace parallax::shadow
