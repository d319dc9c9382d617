#include "protocol/messages.h"

#include <catch2/catch.hpp>
#include <set>

#include "protocol/build.h"
#include "tests/support/wire.h"

namespace parallax::protocol {
namespace {

using test::bytes;
using test::z;

// Body of a message that was built with its header.
std::string body(const std::string& message) { return message.substr(5); }

std::string text(const std::vector<std::byte>& built) { return std::string(as_text(built)); }

struct Letter {
  char constant;
  char specified;
};

TEST_CASE("letters are those of the protocol", "[messages]") {
  // PostgreSQL manual, "Message Formats", in its order, (F) and (B).
  const std::vector<Letter> by_client{
      {frontend::kBind, 'B'},     {frontend::kClose, 'C'},     {frontend::kCopyData, 'd'},
      {frontend::kCopyDone, 'c'}, {frontend::kCopyFail, 'f'},  {frontend::kDescribe, 'D'},
      {frontend::kExecute, 'E'},  {frontend::kFlush, 'H'},     {frontend::kFunctionCall, 'F'},
      {frontend::kPassword, 'p'}, {frontend::kParse, 'P'},     {frontend::kQuery, 'Q'},
      {frontend::kSync, 'S'},     {frontend::kTerminate, 'X'},
  };
  const std::vector<Letter> by_server{
      {backend::kAuthentication, 'R'},
      {backend::kBackendKeyData, 'K'},
      {backend::kBindComplete, '2'},
      {backend::kCloseComplete, '3'},
      {backend::kCommandComplete, 'C'},
      {backend::kCopyData, 'd'},
      {backend::kCopyDone, 'c'},
      {backend::kCopyInResponse, 'G'},
      {backend::kCopyOutResponse, 'H'},
      {backend::kCopyBothResponse, 'W'},
      {backend::kDataRow, 'D'},
      {backend::kEmptyQueryResponse, 'I'},
      {backend::kErrorResponse, 'E'},
      {backend::kFunctionCallResponse, 'V'},
      {backend::kNegotiateProtocolVersion, 'v'},
      {backend::kNoData, 'n'},
      {backend::kNoticeResponse, 'N'},
      {backend::kNotificationResponse, 'A'},
      {backend::kParameterDescription, 't'},
      {backend::kParameterStatus, 'S'},
      {backend::kParseComplete, '1'},
      {backend::kPortalSuspended, 's'},
      {backend::kReadyForQuery, 'Z'},
      {backend::kRowDescription, 'T'},
  };
  for (const auto& letters : {by_client, by_server}) {
    std::set<char> seen;
    for (const Letter& letter : letters) {
      CHECK(letter.constant == letter.specified);
      CHECK(seen.insert(letter.constant).second);
    }
  }
  std::set<std::string_view> names;
  for (const Letter& letter : by_server)
    CHECK(names.insert(backend_message_name(letter.specified)).second);
  CHECK(names.count("message of unknown type") == 0);
  CHECK(backend_message_name('2') == "BindComplete");
  CHECK(backend_message_name('y') == "message of unknown type");
}

TEST_CASE("Query and Parse are read", "[messages]") {
  CHECK(view_query(bytes(body(test::fe::query("select 1")))) == "select 1");
  CHECK_FALSE(view_query(bytes("no end")).has_value());

  const std::string parse = body(test::fe::parse("s1", "select $1", {23, 0}));
  const auto view = view_parse(bytes(parse));
  REQUIRE(view);
  CHECK(view->name == "s1");
  CHECK(view->sql == "select $1");
  CHECK(as_text(view->parameter_types) == test::u32(23) + test::u32(0));
  for (std::size_t length = 0; length < parse.size(); ++length) {
    CHECK_FALSE(view_parse(bytes(parse.substr(0, length))).has_value());
  }
}

TEST_CASE("the beginning of a Parse is read", "[messages]") {
  const std::string parse = body(test::fe::parse("s1", "select", {23}));
  CHECK_FALSE(view_parse_prefix(bytes(parse.substr(0, 2))).has_value());
  CHECK(view_parse_prefix(bytes(parse.substr(0, 3)))->sql.empty());
  CHECK(view_parse_prefix(bytes(parse.substr(0, 6)))->sql == "sel");
  CHECK(view_parse_prefix(bytes(parse.substr(0, 6)))->name == "s1");
  CHECK(view_parse_prefix(bytes(parse))->sql == "select");
  CHECK(view_parse_prefix(bytes(parse))->parameter_types.empty());
}

TEST_CASE("Bind is read", "[messages]") {
  const std::string bind = body(test::fe::bind("p", "s", {"ab", {}, ""}, {0, 1, 1}, {1}));
  const auto view = view_bind(bytes(bind));
  REQUIRE(view);
  CHECK(view->portal == "p");
  CHECK(view->statement == "s");
  CHECK(view->parameter_count == 3);
  CHECK(as_text(view->parameters) == test::i32(2) + "ab" + test::i32(-1) + test::i32(0));
  CHECK(as_text(view->result_formats) == test::u16(1));
  CHECK(view->parameter_format(0) == 0);
  CHECK(view->parameter_format(1) == 1);
  CHECK(view->parameter_format(2) == 1);
  CHECK(view->parameter_format(3) == 0);
  for (std::size_t length = 0; length < bind.size(); ++length) {
    CHECK_FALSE(view_bind(bytes(bind.substr(0, length))).has_value());
    CHECK(view_bind_names(bytes(bind.substr(0, length))).has_value() == (length >= 4));
  }
}

TEST_CASE("one parameter format is for all, none is text", "[messages]") {
  const std::string one = body(test::fe::bind("", "", {"a", "b"}, {1}));
  CHECK(view_bind(bytes(one))->parameter_format(0) == 1);
  CHECK(view_bind(bytes(one))->parameter_format(1) == 1);
  const std::string none = body(test::fe::bind("", "", {"a", "b"}));
  CHECK(view_bind(bytes(none))->parameter_format(1) == 0);
}

TEST_CASE("lengths in a Bind are not believed", "[messages]") {
  const std::string head = z("") + z("") + test::u16(0) + test::u16(1);
  const std::string tail = test::u16(0);
  CHECK(view_bind(bytes(head + test::i32(-1) + tail)).has_value());
  CHECK_FALSE(view_bind(bytes(head + test::i32(-2) + tail)).has_value());
  CHECK_FALSE(view_bind(bytes(head + test::i32(0x7fffffff) + tail)).has_value());
  CHECK_FALSE(
      view_bind(bytes(z("") + z("") + test::u16(0) + test::u16(0xffff) + tail)).has_value());
  CHECK_FALSE(
      view_bind(bytes(z("") + z("") + test::u16(0xffff) + test::u16(0) + tail)).has_value());
}

TEST_CASE("Describe, Close and Execute are read", "[messages]") {
  const std::string describe = body(test::fe::describe_statement("s"));
  REQUIRE(view_named(bytes(describe)));
  CHECK(view_named(bytes(describe))->kind == 'S');
  CHECK(view_named(bytes(describe))->name == "s");
  const std::string close = body(test::fe::close_portal(""));
  CHECK(view_named(bytes(close))->kind == 'P');
  CHECK(view_named(bytes(close))->name.empty());
  CHECK_FALSE(view_named(bytes("Xs")).has_value());
  CHECK_FALSE(view_named(bytes("S")).has_value());
  CHECK_FALSE(view_named(bytes("")).has_value());
  CHECK_FALSE(view_named(bytes(z("Q"))).has_value());
  const std::string execute = body(test::fe::execute("p", 5));
  CHECK(view_execute(bytes(execute)) == "p");
  CHECK_FALSE(view_execute(bytes("p")).has_value());
}

TEST_CASE("fields of an error are found where they are", "[messages]") {
  const std::string error = body(test::be::error("42P01", "no table", "FATAL"));
  CHECK(view_error_field(bytes(error), 'C') == "42P01");
  CHECK(view_error_field(bytes(error), 'M') == "no table");
  CHECK(view_error_field(bytes(error), 'S') == "FATAL");
  CHECK(view_error_field(bytes(error), 'H').empty());
  CHECK(view_error_field(bytes(z("Mx") + "C12"), 'C').empty());  // cut
  CHECK(view_error_field(bytes(""), 'C').empty());
  CHECK(view_error_field(bytes(z("") + z("C1")), 'C').empty());  // behind the end
}

TEST_CASE("ParameterStatus is read", "[messages]") {
  const std::string status = body(test::be::parameter_status("TimeZone", "UTC"));
  REQUIRE(view_parameter_status(bytes(status)));
  CHECK(view_parameter_status(bytes(status))->name == "TimeZone");
  CHECK(view_parameter_status(bytes(status))->value == "UTC");
  CHECK_FALSE(view_parameter_status(bytes(status.substr(0, status.size() - 1))).has_value());
}

TEST_CASE("messages of our own are as specified", "[build]") {
  CHECK(text(build_terminate()) == test::fe::terminate());
  CHECK(text(build_error_response({"FATAL", "57P01", "bye"})) ==
        test::be::error("57P01", "bye", "FATAL"));
  const std::string full = text(build_error_response({"ERROR", "0A000", "m", "d", "h"}));
  CHECK(full == test::message('E', z("SERROR") + z("VERROR") + z("C0A000") + z("Mm") + z("Dd") +
                                       z("Hh") + z("")));
  const std::string_view with_nul("a\0b", 3);
  CHECK(text(build_error_response({"FATAL", "57P01", with_nul})) ==
        test::be::error("57P01", "a", "FATAL"));
}

TEST_CASE("a read past the end makes all later reads fail", "[bytes]") {
  ByteReader reader(bytes("\x01\x02\x03"));
  CHECK(reader.u16() == 0x0102);
  CHECK_FALSE(reader.u16().has_value());
  CHECK(reader.failed());
  CHECK_FALSE(reader.u8().has_value());
  CHECK(reader.rest().empty());
}

}  // namespace
}  // namespace parallax::protocol
