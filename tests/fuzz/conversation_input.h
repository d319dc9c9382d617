#pragma once

// How a session is written as an input of the conversation fuzzer: one byte for the length of the
// pieces of the second run (and for small limits), then steps: two bytes (bit 15: from the server,
// others: length) and the step's bytes.

#include <algorithm>
#include <string>
#include <string_view>

#include "tests/support/conversation_recorder.h"

namespace parallax::test {

struct ConversationInput {
  std::size_t piece = 1;
  bool small_limits = false;
  Session session;
};

inline std::string write_input(std::size_t piece, bool small_limits, const Session& session) {
  std::string out(1, static_cast<char>((piece & 0x7f) | (small_limits ? 0x80u : 0u)));
  for (const Step& step : session) {
    const unsigned direction = step.from == Step::From::server ? 0x8000u : 0u;
    out += u16(static_cast<std::uint16_t>(direction | (step.data.size() & 0x7fff))) + step.data;
  }
  return out;
}

inline ConversationInput read_input(std::string_view data) {
  ConversationInput input;
  if (data.empty()) return input;
  const auto first = static_cast<unsigned char>(data[0]);
  input.piece = std::max<std::size_t>(1, first & 0x7f);
  input.small_limits = (first & 0x80) != 0;
  data.remove_prefix(1);
  while (data.size() >= 2) {
    const unsigned header =
        static_cast<unsigned char>(data[0]) * 256u + static_cast<unsigned char>(data[1]);
    data.remove_prefix(2);
    std::string bytes_of_step(data.substr(0, header & 0x7fff));
    data.remove_prefix(bytes_of_step.size());
    input.session.push_back((header & 0x8000) != 0 ? server(std::move(bytes_of_step))
                                                   : client(std::move(bytes_of_step)));
  }
  return input;
}

}  // namespace parallax::test
