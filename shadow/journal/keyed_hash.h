#pragma once

// What stands in the journal for a value: the first half of HMAC-SHA-256 under the journal's key.
// Without the key nobody can try values out; with the same key two instances give the same hash.

#include <cstdint>
#include <string>
#include <string_view>

#include "shadow/rules/rule.h"

namespace parallax::shadow {

class KeyedHash {
 public:
  // An empty key: a random one. Throws std::runtime_error when the system has no randomness.
  explicit KeyedHash(std::string key);

  // 16 hexadecimal digits.
  std::string text(std::string_view bytes) const;
  std::uint64_t number(std::string_view bytes) const;
  // Names the key without giving it away: what has another one cannot be compared.
  const std::string& key_id() const { return key_id_; }

 private:
  std::string key_;
  std::string key_id_;
};

// The bytes that are hashed for a value that is not NULL: its text, whatever the format; of a
// binary format that values.h does not read, type and bytes.
std::string hashed_bytes(const Value& value);

// One byte string for the values of all names: equal exactly where all values are.
std::string hashed_bytes(const NamedValues& values);

}  // namespace parallax::shadow
