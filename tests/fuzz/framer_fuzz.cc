// Framing of arbitrary bytes, and every view over every body. First byte: length of the pieces of
// the second run.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/framer.h"
#include "protocol/messages.h"
#include "tests/fuzz/fuzz_check.h"

namespace parallax::protocol {
namespace {

class Collector : public FramerVisitor {
 public:
  // How much is wanted differs from type to type.
  std::size_t wanted(char type, std::uint32_t) override {
    return static_cast<unsigned char>(type) % 3 * 20u;
  }
  void message(const Message& m) override {
    FUZZ_CHECK(m.body.size() <= m.body_length);
    messages.push_back(m.type + std::to_string(m.body_length) + ":" + std::string(as_text(m.body)));
  }
  std::vector<std::string> messages;
};

bool within(std::string_view part, Bytes whole) {
  const std::string_view text = as_text(whole);
  return part.empty() ||
         (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

// A view never reaches outside of the body, and its parts are there to be read.
void view_all(Bytes body) {
  if (const auto sql = view_query(body)) FUZZ_CHECK(within(*sql, body));
  if (const auto v = view_parse(body)) {
    FUZZ_CHECK(within(v->name, body) && within(v->sql, body) &&
               within(as_text(v->parameter_types), body));
    const auto prefix = view_parse_prefix(body);
    FUZZ_CHECK(prefix && prefix->name == v->name && prefix->sql == v->sql);
  }
  if (const auto v = view_bind(body)) {
    FUZZ_CHECK(within(as_text(v->parameters), body) && within(as_text(v->result_formats), body));
    ByteReader reader(v->parameters);
    for (std::size_t i = 0; i < v->parameter_count; ++i) {
      const auto length = reader.i32();
      FUZZ_CHECK(length && *length >= -1);
      if (*length > 0) FUZZ_CHECK(reader.bytes(static_cast<std::size_t>(*length)).has_value());
      v->parameter_format(i);
    }
    FUZZ_CHECK(reader.rest().empty());
    const auto names = view_bind_names(body);
    FUZZ_CHECK(names && names->portal == v->portal && names->statement == v->statement);
  }
  if (const auto v = view_named(body))
    FUZZ_CHECK(within(v->name, body) && (v->kind == 'S' || v->kind == 'P'));
  if (const auto v = view_execute(body)) FUZZ_CHECK(within(*v, body));
  if (const auto v = view_parameter_status(body))
    FUZZ_CHECK(within(v->name, body) && within(v->value, body));
  FUZZ_CHECK(within(view_error_field(body, 'C'), body));
}

void run(Bytes data) {
  if (data.empty()) return;
  const std::size_t piece = 1 + static_cast<std::size_t>(data[0]) % 64;
  const Bytes stream = data.subspan(1);
  view_all(stream);

  Framer whole;
  Collector expected;
  whole.feed(stream, expected);
  Framer split;
  Collector got;
  for (std::size_t i = 0; i < stream.size(); i += piece) {
    split.feed(stream.subspan(i, std::min(piece, stream.size() - i)), got);
  }
  FUZZ_CHECK(got.messages == expected.messages);
  FUZZ_CHECK(split.lost() == whole.lost());
  FUZZ_CHECK(split.at_boundary() == whole.at_boundary());
}

}  // namespace
}  // namespace parallax::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parallax::protocol::run(std::as_bytes(std::span(data, size)));
  return 0;
}
