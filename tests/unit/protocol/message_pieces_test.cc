#include "protocol/message_pieces.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "protocol/build.h"
#include "protocol/messages.h"
#include "tests/support/wire.h"

namespace parallax::protocol {
namespace {

std::vector<std::string> pieces(MessagePieces& reader, std::string_view chunk) {
  std::vector<std::string> all;
  for (Bytes rest = test::bytes(chunk); !rest.empty();) {
    const auto piece = reader.next(rest);
    REQUIRE_FALSE(piece.bytes.empty());
    std::string told(1, piece.begins ? '<' : '-');
    told += piece.type;
    told += std::to_string(piece.bytes.size());
    all.push_back(told + (piece.ends ? '>' : '-'));
  }
  return all;
}

TEST_CASE("a chunk is cut at the ends of its messages", "[message_pieces]") {
  MessagePieces reader;
  CHECK(pieces(reader, test::fe::query("x") + test::fe::sync() + test::message('B', "12345")) ==
        std::vector<std::string>{"<Q7>", "<S5>", "<B10>"});
  CHECK(reader.at_boundary());
}

TEST_CASE("every split of two messages gives the same ends", "[message_pieces]") {
  const std::string all = test::fe::execute("portal") + test::fe::sync();
  for (std::size_t at = 1; at < all.size(); ++at) {
    MessagePieces reader;
    std::size_t ends = 0;
    std::size_t bytes = 0;
    for (const auto& part : {all.substr(0, at), all.substr(at)}) {
      for (Bytes rest = test::bytes(part); !rest.empty();) {
        const auto piece = reader.next(rest);
        bytes += piece.bytes.size();
        ends += piece.ends ? 1 : 0;
        if (piece.ends) CHECK((piece.type == 'E' || piece.type == 'S'));
      }
    }
    CHECK(ends == 2);
    CHECK(bytes == all.size());
    CHECK(reader.at_boundary());
  }
}

TEST_CASE("a length that cannot be ends the message with its header", "[message_pieces]") {
  MessagePieces reader;
  CHECK(pieces(reader, std::string("Q\0\0\0\1", 5)) == std::vector<std::string>{"<Q5>"});
  CHECK(reader.at_boundary());
}

TEST_CASE("requests are built as clients build them", "[build]") {
  std::vector<std::byte> out;
  const std::vector<std::uint32_t> types{23, 0};
  const std::vector<BindParameter> values{{false, false, "7"}, {true, false, ""}};
  append_query(out, "SELECT 1");
  append_parse(out, "s", "SELECT $1", types);
  append_describe_portal(out, "p");
  append_execute(out, "p");
  append_close_portal(out, "p");
  append_close_statement(out, "s");
  append_flush(out);
  append_sync(out);
  CHECK(as_text(out) == test::fe::query("SELECT 1") + test::fe::parse("s", "SELECT $1", types) +
                            test::fe::describe_portal("p") + test::fe::execute("p") +
                            test::fe::close_portal("p") + test::fe::close_statement("s") +
                            test::fe::flush() + test::fe::sync());
  out.clear();
  append_bind(out, "p", "s", values, true);
  const auto view = view_bind(Bytes(out).subspan(5));
  REQUIRE(view);
  CHECK(view->portal == "p");
  CHECK(view->statement == "s");
  CHECK(view->parameter_count == 2);
  CHECK(view->parameter_format(0) == 0);
  CHECK(as_text(view->parameters) == std::string("\0\0\0\1"
                                                 "7"
                                                 "\xff\xff\xff\xff",
                                                 9));
  CHECK(as_text(view->result_formats) == std::string("\0\1", 2));
}

}  // namespace
}  // namespace parallax::protocol
