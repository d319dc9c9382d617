// The first packet: every prefix is told the same, and its parameters can be read.

#include "protocol/startup.h"
#include "tests/fuzz/fuzz_check.h"

namespace parallax::protocol {
namespace {

void check_parameters(const FirstPacket& packet) {
  const StartupParameters parameters = read_startup_parameters(packet);
  std::size_t length = kStartupPacketLengthMin;
  for (const auto& [name, value] : parameters.values) {
    FUZZ_CHECK(!name.empty());
    FUZZ_CHECK(parameters.find(name).has_value());
    length += name.size() + 1 + value.size() + 1;
  }
  FUZZ_CHECK(length <= packet.packet.size());
  FUZZ_CHECK(parameters.values.empty() || packet.kind == FirstPacketKind::startup);
  FUZZ_CHECK(!parameters.database().empty() || parameters.user().empty());
  parameters.replication();
}

void run(Bytes data) {
  FirstPacket packet{};
  const FirstPacketError whole = read_first_packet(data, packet);
  // The answer is the same from the byte on at which it is known.
  bool decided = false;
  for (std::size_t length = 0; length <= data.size(); ++length) {
    FirstPacket shorter{};
    const FirstPacketError error = read_first_packet(data.first(length), shorter);
    if (error == FirstPacketError::need_more) {
      FUZZ_CHECK(!decided);
      continue;
    }
    decided = true;
    FUZZ_CHECK(error == whole);
    if (error != FirstPacketError::none) continue;
    FUZZ_CHECK(shorter.packet.size() == packet.packet.size() && shorter.kind == packet.kind);
    FUZZ_CHECK(shorter.code == packet.code && shorter.packet.size() <= length);
  }
  FUZZ_CHECK(decided == (whole != FirstPacketError::need_more));
  if (whole == FirstPacketError::none) check_parameters(packet);
}

}  // namespace
}  // namespace parallax::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parallax::protocol::run(std::as_bytes(std::span(data, size)));
  return 0;
}
