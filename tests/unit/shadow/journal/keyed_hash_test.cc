#include "shadow/journal/keyed_hash.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/shadow/journal/journal_support.h"

namespace parallax::shadow::tests {
namespace {

const std::string kKey = "key of sixteen bytes";

TEST_CASE("a hash is HMAC-SHA-256 of the bytes, its first half") {
  // printf 'what do ya want for nothing?' | openssl dgst -sha256 -hmac Jefe; RFC 4231, case 2.
  CHECK(KeyedHash("Jefe").text("what do ya want for nothing?") == "5bdcc146bf60754e");
}

TEST_CASE("hashes agree under one key and under no other") {
  const KeyedHash one(kKey);
  const KeyedHash same(kKey);
  const KeyedHash other("another key of bytes");
  CHECK(one.text("42") == same.text("42"));
  CHECK(one.key_id() == same.key_id());
  CHECK(one.text("42") != one.text("43"));
  CHECK(one.text("42") != other.text("42"));
  CHECK(one.key_id() != other.key_id());
}

TEST_CASE("without a key each process has its own") {
  const KeyedHash one("");
  const KeyedHash other("");
  CHECK(one.text("42") == one.text("42"));
  CHECK(one.text("42") != other.text("42"));
  CHECK(one.key_id() != other.key_id());
}

TEST_CASE("a value hashes the same in text and binary format") {
  CHECK(hashed_bytes(binary_value(std::string("\0\0\0\x2a", 4))) == hashed_bytes(text_value("42")));
  Value unread = binary_value("12345678");
  unread.type_oid = 1184;
  CHECK(hashed_bytes(unread) != hashed_bytes(text_value("12345678")));
  Value other_type = unread;
  other_type.type_oid = 701;
  CHECK(hashed_bytes(unread) != hashed_bytes(other_type));
}

TEST_CASE("the bytes of all names are the same only where every value is") {
  NamedValues null_member = values_of("1");
  null_member["kinds"].members = {null_value()};
  const std::vector<NamedValues> different = {values_of("1"),         values_of("2"),
                                              values_of("1", {"a"}),  values_of("1", {"a", "b"}),
                                              values_of("1", {"ab"}), values_of("1", {"a", ""}),
                                              values_of("1", {"n"}),  null_member};
  for (std::size_t i = 0; i < different.size(); ++i) {
    for (std::size_t j = 0; j < different.size(); ++j) {
      CHECK((hashed_bytes(different[i]) == hashed_bytes(different[j])) == (i == j));
    }
  }
}

}  // namespace
}  // namespace parallax::shadow::tests
