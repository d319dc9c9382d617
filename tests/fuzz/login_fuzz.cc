// Logins of arbitrary bytes from both sides: however they are split, the outcome is the same; and
// nothing is altered but what AuthRelay's header names.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/sasl.h"
#include "proxy/auth_relay.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/login_input.h"
#include "tests/support/scram_server.h"

namespace parallax::test {
namespace {

using protocol::Bytes;

constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kSaslData = kHeaderBytes + 4;  // in an Authentication message

// Length of the message at the front of `data`; 0 when it is not complete, or can be none.
std::size_t message_length(std::string_view data) {
  protocol::ByteReader reader(bytes(data));
  reader.u8();
  const std::size_t length = std::size_t{reader.u32().value_or(0)} + 1;
  const bool possible = length >= kHeaderBytes && length <= proxy::AuthFramer::kMessageBytesMax;
  return possible && length <= data.size() ? length : 0;
}

// What stands behind the whole messages.
std::string_view rest_of(std::string_view data) {
  while (const std::size_t length = message_length(data)) data.remove_prefix(length);
  return data;
}

// Only whole messages, and perhaps the beginning of another.
bool speaks_messages(std::string_view data) {
  data = rest_of(data);
  if (data.size() < kHeaderBytes) return true;
  protocol::ByteReader reader(bytes(data.substr(1)));
  const std::size_t length = std::size_t{reader.u32().value_or(0)} + 1;
  return length >= kHeaderBytes && length <= proxy::AuthFramer::kMessageBytesMax;
}

struct Outcome {
  std::string to_client;
  std::vector<std::string> to_server;
  std::string tail;  // of the client's, when it was over
  std::vector<std::string> errors;
  std::string refusal;
  bool over = false;
  bool offered = false;
  bool failed = false;

  std::string all_to_server() const {
    std::string all;
    for (const auto& write : to_server) all += write;
    return all + tail;
  }
};

// The relay between the two sides of an input.
class Login : private proxy::AuthSink {
 public:
  explicit Login(proxy::AuthLegs legs) : relay_(static_cast<proxy::AuthSink&>(*this), legs) {}

  void server(std::string_view part) {
    if (refused()) return;
    if (relay_.over()) {
      outcome_.to_client += part;
    } else {
      relay_.server_bytes(bytes(part));
    }
    end_of_login();
  }
  void client(std::string_view part) {
    if (refused()) return;
    if (relay_.over()) {
      outcome_.tail += part;
    } else {
      relay_.client_bytes(bytes(part));
    }
  }
  bool refused() const { return !outcome_.refusal.empty(); }

  const Outcome& outcome() {
    outcome_.over = relay_.over() && !refused();
    outcome_.offered = relay_.binding_offered_over_tls();
    outcome_.failed = relay_.binding_failed();
    return outcome_;
  }

  // The marks replaced, where what they stand for is known: in a message that goes no further.
  std::string filled(std::string step) {
    const std::string_view message = std::string_view(step).substr(0, message_length(step));
    if (relay_.over() || message.size() < kSaslData || message.front() != 'R') return step;
    const auto code = message.substr(kHeaderBytes);
    if (code.starts_with(u32(protocol::authentication::kSaslContinue))) {
      fill(step, message.size(), kNonceMark, scram_attribute(client_first_, 'r'));
      challenge_ = step.substr(kSaslData, message.size() - kSaslData);
    } else if (code.starts_with(u32(protocol::authentication::kSaslFinal))) {
      fill(step, message.size(), kSignatureMark, signature());
    }
    return step;
  }

 private:
  static void fill(std::string& step, std::size_t length, std::string_view mark,
                   const std::string& value) {
    const auto at = std::string_view(step).substr(0, length).find(mark);
    if (at != std::string::npos && value.size() == mark.size()) {
      step.replace(at, mark.size(), value);
    }
  }
  std::string signature() const {
    const std::string own = scram_attribute(client_first_, 'r');
    const std::string both = scram_attribute(challenge_, 'r');
    std::string iterations = scram_attribute(challenge_, 'i');
    iterations = iterations.substr(0, iterations.find_first_not_of("0123456789"));
    if (client_final_.empty() || own.empty() || !both.starts_with(own)) return {};
    if (iterations.empty() || iterations.size() > 6) return {};
    ScramServer scram({.password = std::string(kFuzzPassword),
                       .salt = from_base64(scram_attribute(challenge_, 's')),
                       .iterations = iterations,
                       .nonce = both.substr(own.size())});
    scram.first(client_first_);
    const std::string last = scram.last(client_final_);
    return last.empty() ? last : last.substr(2);
  }

  void end_of_login() {
    if (!relay_.over() || refused() || ended_) return;
    ended_ = true;
    outcome_.tail = protocol::as_text(relay_.take_client_rest());
  }
  void auth_to_client(Bytes data) override {
    FUZZ_CHECK(!refused() && !data.empty());
    outcome_.to_client += protocol::as_text(data);
  }
  void auth_to_server(Bytes message) override {
    FUZZ_CHECK(!refused() && !ended_ && !message.empty());
    const std::string write(protocol::as_text(message));
    if (write.size() > kHeaderBytes) {
      const auto body = message.subspan(kHeaderBytes);
      const auto first = protocol::view_sasl_initial_response(body);
      if (first && client_first_.empty()) {
        client_first_ = first->data;
      } else {
        client_final_ = protocol::as_text(body);
      }
    }
    outcome_.to_server.push_back(write);
  }
  void auth_error(std::string_view sqlstate) override {
    FUZZ_CHECK(!refused());
    outcome_.errors.emplace_back(sqlstate);
  }
  void auth_refused(std::string_view sqlstate, const std::string& message,
                    std::string_view) override {
    FUZZ_CHECK(!refused() && sqlstate.size() == 5 && !message.empty());
    outcome_.refusal = std::string(sqlstate) + ' ' + message;
  }

  proxy::AuthRelay relay_;
  Outcome outcome_;
  bool ended_ = false;
  std::string client_first_;
  std::string client_final_;
  std::string challenge_;
};

struct Played {
  Outcome outcome;
  std::string from_server;  // what was fed
  std::string from_client;
};

Played play(const ConversationInput& input, proxy::AuthLegs legs, std::size_t piece) {
  Login login(legs);
  Played played;
  for (const Step& step : input.session) {
    const bool from_client = step.from == Step::From::client;
    const bool filled = !from_client && rest_of(played.from_server).empty();
    const std::string data = filled ? login.filled(step.data) : step.data;
    if (!login.refused()) (from_client ? played.from_client : played.from_server) += data;
    for (std::size_t i = 0; i < data.size(); i += std::min(piece, data.size())) {
      const auto part = std::string_view(data).substr(i, piece);
      from_client ? login.client(part) : login.server(part);
    }
  }
  played.outcome = login.outcome();
  return played;
}

// `passed` is the beginning of `fed`, and what is missing is at most a part of a message.
void check_passed(std::string_view passed, std::string_view fed, bool refused) {
  FUZZ_CHECK(fed.starts_with(passed));
  FUZZ_CHECK(refused || message_length(fed.substr(passed.size())) == 0);
}

// No list that a plain client sees mixes mechanisms that bind the channel with others.
void check_lists(std::string_view to_client) {
  while (const std::size_t length = message_length(to_client)) {
    const auto body = to_client.substr(kHeaderBytes, length - kHeaderBytes);
    if (to_client.front() == 'R' && body.starts_with(u32(protocol::authentication::kOk))) return;
    const auto list =
        to_client.front() == 'R' ? protocol::sasl_mechanisms(bytes(body)) : std::nullopt;
    if (list) {
      const auto binding = std::ranges::count_if(*list, protocol::binds_channel);
      FUZZ_CHECK(binding == 0 || binding == std::ssize(*list));
    }
    to_client.remove_prefix(length);
  }
}

void check_legs(const Played& played, proxy::AuthLegs legs) {
  const Outcome& outcome = played.outcome;
  const bool refused = !outcome.refusal.empty();
  const bool may_mediate = legs.client_tls && legs.ask_password;
  const bool plus = played.from_server.find("-PLUS") != std::string::npos;
  const bool untouched = !plus || (legs.client_tls && !legs.ask_password);
  if (untouched) check_passed(outcome.to_client, played.from_server, refused);
  if (untouched || !may_mediate) {
    check_passed(outcome.all_to_server(), played.from_client,
                 // a password waits there until the server has asked
                 refused || may_mediate || !speaks_messages(played.from_client));
  }
  if (outcome.over && untouched) FUZZ_CHECK(outcome.to_client == played.from_server);
  if (!legs.client_tls) check_lists(outcome.to_client);
  if (speaks_messages(played.from_client)) {
    for (const auto& write : outcome.to_server) FUZZ_CHECK(message_length(write) == write.size());
  }
  FUZZ_CHECK(!outcome.offered || legs.client_tls);
  FUZZ_CHECK(!outcome.failed || (plus && !outcome.errors.empty()));
}

// The same login in other pieces. Nonces are new each time, of the same length.
void check_same(const Outcome& one, const Outcome& other, bool may_mediate) {
  FUZZ_CHECK(one.to_client == other.to_client && one.errors == other.errors);
  FUZZ_CHECK(one.refusal == other.refusal && one.over == other.over);
  FUZZ_CHECK(one.offered == other.offered && one.failed == other.failed);
  const std::string all = one.all_to_server();
  const std::string all_other = other.all_to_server();
  // A refusal may come before or after SCRAM has begun with a password that was waiting.
  const bool refused = !one.refusal.empty();
  FUZZ_CHECK(may_mediate ? refused || all.size() == all_other.size() : all == all_other);
}

bool within(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// The views over any body.
void check_views(std::string_view body) {
  if (const auto first = protocol::view_sasl_initial_response(bytes(body))) {
    FUZZ_CHECK(within(first->mechanism, body) && within(first->data, body));
    protocol::believes_unbindable(*first);
  }
  const auto list = protocol::sasl_mechanisms(bytes(body));
  const auto without = protocol::without_channel_binding(bytes(body));
  FUZZ_CHECK(list || !without);
  if (!list) return;
  std::vector<std::string_view> expected;
  for (const auto name : *list) {
    FUZZ_CHECK(!name.empty() && within(name, body));
    if (!protocol::binds_channel(name)) expected.push_back(name);
  }
  FUZZ_CHECK(without.has_value() == !expected.empty());
  if (!without) return;
  const auto kept = protocol::sasl_mechanisms(Bytes(*without).subspan(kHeaderBytes));
  FUZZ_CHECK(kept == expected);
  FUZZ_CHECK(message_length(protocol::as_text(*without)) == without->size());
}

void run(std::string_view data) {
  if (data.empty()) return;
  const auto bits = static_cast<unsigned>(static_cast<unsigned char>(data.front()));
  const proxy::AuthLegs legs{.client_tls = (bits & legs::kClientTls) != 0,
                             .client_local = (bits & legs::kClientLocal) != 0,
                             .server_tls = (bits & legs::kServerTls) != 0,
                             .ask_password = (bits & legs::kAskPassword) != 0};
  const ConversationInput input = read_input(data.substr(1));
  for (const Step& step : input.session) {
    check_views(step.data);
    if (step.data.size() > kHeaderBytes) {
      check_views(std::string_view(step.data).substr(kHeaderBytes));
    }
  }
  const Played whole = play(input, legs, std::string_view::npos);
  check_legs(whole, legs);
  const Played split = play(input, legs, input.piece);
  check_legs(split, legs);
  check_same(whole.outcome, split.outcome, legs.client_tls && legs.ask_password);
}

}  // namespace
}  // namespace parallax::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parallax::test::run(parallax::protocol::as_text(std::as_bytes(std::span(data, size))));
  return 0;
}
