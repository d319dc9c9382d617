#include "shadow/journal/evidence.h"

#include <algorithm>

namespace parallax::shadow {

void ListLengths::add(std::size_t length) {
  ++lists;
  min = std::min(min, length);
  max = std::max(max, length);
  const auto* bound = std::ranges::lower_bound(kListLengthBounds, length);
  ++counts[static_cast<std::size_t>(bound - kListLengthBounds.begin())];
}

void ListLengths::merge(const ListLengths& other) {
  lists += other.lists;
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
}

std::uint64_t Evidence::add(const NamedValues& values, const KeyedHash& hash) {
  for (const auto& [name, value] : values) {
    auto& of_name = names[name];
    if (value.list) of_name.lengths.add(value.members.size());
    if (std::ranges::any_of(value.members, &Value::null)) ++of_name.nulls;
  }
  any = true;
  const auto number = hash.number(hashed_bytes(values));
  distinct.add(number);
  return number;
}

void Evidence::merge(const Evidence& other) {
  for (const auto& [name, seen] : other.names) {
    names[name].nulls += seen.nulls;
    names[name].lengths.merge(seen.lengths);
  }
  any |= other.any;
  distinct.merge(other.distinct);
  suppressed += other.suppressed;
}

}  // namespace parallax::shadow
