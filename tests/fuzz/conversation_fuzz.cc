// Whole sessions of arbitrary bytes: however they are split, the events are the same; and they keep
// their own rules.

#include "protocol/conversation.h"
#include "tests/fuzz/conversation_input.h"
#include "tests/fuzz/fuzz_check.h"

namespace parallax::test {
namespace {

// Rules of the listener, whatever the bytes.
class CheckedRecorder : public ConversationRecorder {
 public:
  protocol::BindingRef on_bind(const protocol::StatementRef& statement,
                               const protocol::BindView& bind, bool whole) override {
    FUZZ_CHECK(!lost_ && statement != nullptr);
    FUZZ_CHECK(whole || bind.parameters.empty());
    return ConversationRecorder::on_bind(statement, bind, whole);
  }
  void on_command(const protocol::Command& command) override {
    FUZZ_CHECK(!lost_);
    FUZZ_CHECK(command.completed_ns >= command.requested_ns);
    FUZZ_CHECK(!command.binding || command.statement);
    FUZZ_CHECK(!command.simple || !command.binding);
    FUZZ_CHECK(command.tag.empty() || command.end == protocol::CommandEnd::completed);
    FUZZ_CHECK(command.sqlstate.empty() || command.end == protocol::CommandEnd::failed);
    FUZZ_CHECK(command.transaction_status != 0);
    ConversationRecorder::on_command(command);
  }
  void on_ready(char status) override {
    FUZZ_CHECK(!lost_ && (status == 'I' || status == 'T' || status == 'E'));
    ConversationRecorder::on_ready(status);
  }
  void on_lost(std::string_view why) override {
    FUZZ_CHECK(!lost_);
    lost_ = true;
    ConversationRecorder::on_lost(why);
  }

 private:
  bool lost_ = false;
};

struct Outcome {
  std::vector<std::string> events;
  std::vector<std::string> errors;
  bool idle;
  bool lost;
  bool server_at_boundary;
  char status;
  bool operator==(const Outcome&) const = default;
};

Outcome play(const ConversationInput& input, std::size_t piece) {
  protocol::ConversationLimits limits;
  if (input.small_limits) limits = {16, 40, 8, 2, 1};
  CheckedRecorder recorder;
  protocol::Conversation conversation(recorder, limits);
  std::uint64_t now = 0;
  for (const Step& step : input.session) {
    ++now;
    const std::string_view data = step.data;
    for (std::size_t i = 0; i < data.size(); i += std::min(piece, data.size())) {
      const auto part = bytes(data.substr(i, piece));
      if (step.from == Step::From::client) {
        conversation.client_bytes(part, now);
      } else {
        conversation.server_bytes(part, now);
      }
    }
  }
  return {recorder.events,
          recorder.errors,
          conversation.idle(),
          conversation.lost(),
          conversation.server_at_boundary(),
          conversation.transaction_status()};
}

}  // namespace
}  // namespace parallax::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parallax::test;
  const ConversationInput input =
      read_input(parallax::protocol::as_text(std::as_bytes(std::span(data, size))));
  const Outcome whole = play(input, std::string_view::npos);
  FUZZ_CHECK(play(input, input.piece) == whole);
  FUZZ_CHECK(!(whole.idle && whole.lost));
  return 0;
}
