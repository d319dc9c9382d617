#pragma once

// The server's part in a simulated session: a script that answers as PostgreSQL does, and the words
// that it says.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim_world.h"
#include "tests/support/wire.h"

namespace parallax::test {

using be::ready;
using fe::query;
using fe::terminate;

inline std::string startup() { return fe::startup({{"user", "app"}, {"database", "shop"}}); }
inline const std::string kLoginAnswer = be::authentication_ok() +
                                        be::parameter_status("client_encoding", "UTF8") +
                                        be::backend_key_data(42, u32(4711)) + ready('I');

inline std::string answer(std::size_t rows, std::size_t width) {
  std::string result = be::row_description({{"x"}});
  for (std::size_t i = 0; i < rows; ++i)
    result += be::data_row({std::string(width, static_cast<char>('a' + i % 26))});
  return result + be::command_complete("SELECT " + std::to_string(rows)) + ready('I');
}

// Answers the startup packet, then each Query by the next of `answers`. The peer is plain (SimPeer)
// or inside TLS (SecuredPeer).
template <typename Peer>
struct BasicScriptedServer {
  BasicScriptedServer(Peer& peer, std::vector<std::string> answers)
      : peer_(peer), answers_(std::move(answers)) {
    peer_.on_received = [this] { look(); };
  }
  void look() {
    auto& bytes = peer_.received;
    if (!started_ && bytes.size() >= 4) {
      started_ = true;
      seen_ = startup_size(bytes);
      peer_.send(kLoginAnswer);
    }
    while (started_ && bytes.size() >= seen_ + 5) {
      const auto length = read(bytes, seen_ + 1) + 1;
      if (bytes.size() < seen_ + length) break;
      const char type = bytes[seen_];
      seen_ += length;
      if (type == 'Q' && next_ < answers_.size()) peer_.send(answers_[next_++]);
      if (type == 'X') peer_.send_end();
    }
    if (peer_.saw_end) peer_.send_end();
  }
  static std::size_t read(const std::string& bytes, std::size_t at) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  }
  static std::size_t startup_size(const std::string& bytes) { return read(bytes, 0); }

  Peer& peer_;
  std::vector<std::string> answers_;
  std::size_t next_ = 0;
  std::size_t seen_ = 0;
  bool started_ = false;
};

struct ScriptedServer : BasicScriptedServer<SimPeer> {
  ScriptedServer(SimWorld& world, std::vector<std::string> answers)
      : BasicScriptedServer(world.server, std::move(answers)) {}
};

struct DeafTap : protocol::ConversationListener {
  protocol::StatementRef on_query(std::string_view, bool) override {
    return std::make_shared<protocol::StatementNote>();
  }
  protocol::StatementRef on_parse(const protocol::ParseView&, bool) override {
    return std::make_shared<protocol::StatementNote>();
  }
  protocol::BindingRef on_bind(const protocol::StatementRef&, const protocol::BindView&,
                               bool) override {
    return std::make_shared<protocol::BindingNote>();
  }
  void on_command(const protocol::Command&) override {}
  void on_parameter_status(std::string_view, std::string_view) override {}
  void on_ready(char) override {}
  void on_error(std::string_view, bool) override {}
  void on_lost(std::string_view) override {}
};

}  // namespace parallax::test
