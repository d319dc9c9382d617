#include "proxy/text.h"

#include <catch2/catch.hpp>
#include <string>

namespace parallax::proxy {
namespace {

TEST_CASE("UTF-8 is judged as in the Unicode standard, table 3-7") {
  CHECK(utf8_length("a") == 1);
  CHECK(utf8_length("\xC2\x80") == 2);
  CHECK(utf8_length("\xE2\x82\xAC.") == 3);
  CHECK(utf8_length("\xF0\x9F\x98\x80") == 4);
  for (const char* wrong :
       {"", "\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2 ", "\xE0\x80\x80", "\xED\xA0\x80",
        "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    CHECK(utf8_length(wrong) == 0);
  }
  CHECK(valid_utf8("a\xC3\xA9"));
  CHECK_FALSE(valid_utf8("a\xC3"));
}

TEST_CASE("what could act on a terminal or a log is escaped") {
  CHECK(escaped("plain \\ é €") == "plain \\ é €");
  CHECK(escaped("a\nb\rc\td") == "a\\nb\\rc\\td");
  CHECK(escaped(std::string("\x1b[31m\x7f\0", 7)) == "\\x1b[31m\\x7f\\x00");
  CHECK(escaped("\xC2\x9B"
                "31m") == "\\u{9b}31m");  // C1: one-byte CSI
  CHECK(escaped("\xE2\x80\xAE") == "\\u{202e}");
  CHECK(escaped("\xE2\x80\xA8") == "\\u{2028}");
  CHECK(escaped("a\xFFz") == "a\\xffz");
}

TEST_CASE("width in a terminal") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("é€") == 2);
  CHECK(display_width("e\xCC\x81") == 1);  // combining acute accent
  CHECK(display_width("日本") == 4);
}

TEST_CASE("quoted values are cut, escaped, and left out where they may hold a password") {
  CHECK(quoted_value("abc") == "`abc`");
  CHECK(quoted_value("a\n") == "`a\\n`");
  CHECK(quoted_value(std::string(59, 'a') + "éé") == "`" + std::string(59, 'a') + "é…`");
  CHECK(quoted_value("postgresql://a:b@c") == "the value");
  CHECK(quoted_value("a:b@c") == "the value");
  CHECK(quoted_value("password=x") == "the value");
}

}  // namespace
}  // namespace parallax::proxy
