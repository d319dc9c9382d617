// A warmed-up session allocates nothing for each message. Replaces the allocator of this whole test
// program with one that counts.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "protocol/conversation.h"
#include "tests/support/wire.h"

namespace {

std::size_t allocations = 0;  // the tests run on one thread

void* counted(std::size_t size) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}

void* counted_or_throw(std::size_t size) {
  void* memory = counted(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted_or_throw(size); }
void* operator new[](std::size_t size) { return counted_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace parallax::test {
namespace {

// Gives the same notes again and again, as a tap with interned texts does.
class Counter : public protocol::ConversationListener {
 public:
  protocol::StatementRef on_query(std::string_view, bool) override { return statement_; }
  protocol::StatementRef on_parse(const protocol::ParseView&, bool) override { return statement_; }
  protocol::BindingRef on_bind(const protocol::StatementRef&, const protocol::BindView& bind,
                               bool) override {
    parameters += bind.parameter_count;
    return binding_;
  }
  void on_command(const protocol::Command& command) override {
    ++commands;
    if (command.statement) ++noted;
  }
  void on_parameter_status(std::string_view, std::string_view) override {}
  void on_ready(char) override {}
  void on_error(std::string_view, bool) override {}
  void on_lost(std::string_view) override { lost = true; }

  std::size_t commands = 0;
  std::size_t noted = 0;
  std::size_t parameters = 0;
  bool lost = false;

 private:
  protocol::StatementRef statement_ = std::make_shared<protocol::StatementNote>();
  protocol::BindingRef binding_ = std::make_shared<protocol::BindingNote>();
};

struct Traffic {
  std::string from_client;
  std::string from_server;
};

constexpr std::size_t kMessages = 24;  // in one round

Traffic one_round() {
  const std::string row = be::data_row({std::string(200, 'x'), {}});
  const std::string error = be::error("22012");
  return {fe::parse("", "select $1 from a_table_with_some_long_name where id = $2", {23}) +
              fe::bind("", "", {"1", std::string(100, 'p')}) + fe::describe_portal("") +
              fe::execute() + fe::sync() + fe::query("select a_simple_query_of_a_certain_length") +
              fe::bind("", "known") + fe::execute() + fe::sync(),
          be::parse_complete() + be::bind_complete() + be::row_description({{"a"}, {"b"}}) + row +
              row + be::command_complete("SELECT 2") + be::ready('I') +
              be::row_description({{"a"}}) + row + error + be::ready('I') + be::bind_complete() +
              be::notice("n") + be::command_complete("SELECT 0") + be::ready('I')};
}

// `piece` bytes at a time, so that messages also have to be assembled.
void play_round(protocol::Conversation& conversation, const Traffic& traffic, std::size_t piece) {
  const auto feed = [piece](std::string_view data, auto&& to) {
    for (std::size_t i = 0; i < data.size(); i += piece) to(bytes(data.substr(i, piece)));
  };
  feed(traffic.from_client, [&](protocol::Bytes chunk) { conversation.client_bytes(chunk, 1); });
  feed(traffic.from_server, [&](protocol::Bytes chunk) { conversation.server_bytes(chunk, 2); });
}

TEST_CASE("the allocation counter counts", "[allocation]") {
  const std::size_t before = allocations;
  const auto something = std::make_unique<int>(1);
  CHECK(allocations == before + 1);
}

TEST_CASE("a warmed-up session allocates nothing for 10,000 messages", "[allocation]") {
  Counter listener;
  protocol::Conversation conversation(listener);
  const std::string start = be::session_start();
  const std::string prepare = fe::parse("known", "select 2") + fe::sync();
  const std::string prepared = be::parse_complete() + be::ready('I');
  const Traffic traffic = one_round();
  conversation.server_bytes(bytes(start), 1);
  play_round(conversation, {prepare, prepared}, 5);
  for (const std::size_t piece : {std::size_t{17}, std::size_t{1} << 16})
    play_round(conversation, traffic, piece);
  listener.commands = listener.noted = listener.parameters = 0;

  const std::size_t before = allocations;
  std::size_t rounds = 0;
  for (; rounds * kMessages < 10'000; ++rounds) {
    play_round(conversation, traffic, rounds % 2 == 0 ? 17 : std::size_t{1} << 16);
  }
  const std::size_t made = allocations - before;

  CHECK(made == 0);
  CHECK(listener.commands == 3 * rounds);
  CHECK(listener.noted == 3 * rounds);
  CHECK(listener.parameters == 2 * rounds);
  CHECK_FALSE(listener.lost);
  CHECK(conversation.idle());
}

}  // namespace
}  // namespace parallax::test
