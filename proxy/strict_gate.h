#pragma once

// Strict mode in a session: the bytes of both directions pass here message by message, the answer
// to a matched statement is held, and nothing that the client has sent behind it goes on before the
// verdict. On a mismatch the server is made to raise an error in the statement's place, so that
// what the client is told of its transaction, and what becomes of the statements behind it, is what
// the server says (PostgreSQL manual, "Message Flow").
//
// The conversation is shown what the client is told: the end of a held statement when it is
// released, or the error in its place.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/conversation.h"
#include "protocol/message_pieces.h"
#include "proxy/session_host.h"
#include "shadow/options.h"
#include "shadow/strict/client_run.h"
#include "shadow/strict/strict.h"

namespace parallax::proxy {

class StrictGate {
 public:
  struct World {
    protocol::Conversation& conversation;
    shadow::StrictSession& tap;
    SessionHost& host;
    std::uint64_t session_id;
    // How many statements were held, by other gates, too: a verdict may come after its gate.
    std::uint64_t& held_statements;
    std::function<void(protocol::Bytes)> to_client;
    std::function<void(protocol::Bytes)> to_server;
    std::function<void()> pause_client;
    // Nothing is held any more, and all that the client had sent has gone.
    std::function<void()> resume_client;
    // The same, once, where the client has ended.
    std::function<void()> end_client;
    // The server has not done what it had to; the session cannot go on.
    std::function<void(const std::string& why)> broken;
  };

  explicit StrictGate(World world) : world_(std::move(world)) {}

  // Both directions must stand between two messages when the first bytes come.
  void client_bytes(protocol::Bytes chunk, std::uint64_t now_ns);
  void server_bytes(protocol::Bytes chunk, std::uint64_t now_ns);

  // The client sends nothing more, and waits for no verdict: what is held goes, as soon as the
  // connection is its own again, and what it had sent behind it, which is not held.
  void client_ended();

  // A statement is held, or an error is on its way.
  bool busy() const { return phase_ != Phase::passing; }
  // Messages that are not the client's business are on their way.
  bool injecting() const {
    return run_ != nullptr || phase_ == Phase::raising || phase_ == Phase::broken;
  }
  // What is held is whole as far as it has come.
  bool can_let_go() const { return busy() && !injecting() && !too_large_; }
  void answer(shadow::StrictAnswer answer);
  void run(shadow::ClientRound round);
  // What is held goes to the client as it is. Where it cannot, the session ends: a client would
  // take what is left of an answer for all of it.
  void let_go();

 private:
  enum class Phase {
    passing,
    sent,      // the held statement is with the server, its answer has not begun
    holding,   // its answer is coming
    deciding,  // its answer is here
    running,   // ... and steps are running on this connection
    raising,   // the server is asked for an error
    broken     // the session is about to end
  };
  struct Segment {
    char type;
    std::size_t begin;  // in held_
  };

  static constexpr const char* kTooMuchBeside =
      "the server tells more than can be kept for the client";

  // At any time, to whatever is going on (PostgreSQL manual, "Asynchronous Operations").
  static bool is_asynchronous(char type);
  void pass_to_client(protocol::Bytes chunk, std::uint64_t now_ns);
  void hold(protocol::CommandNotes notes, bool simple, protocol::Bytes passed,
            std::uint64_t now_ns);
  void server_piece(const protocol::MessagePieces::Piece& piece, std::uint64_t now_ns);
  void await_answer(const protocol::MessagePieces::Piece& piece, std::uint64_t now_ns);
  void keep(const protocol::MessagePieces::Piece& piece, std::uint64_t now_ns);
  void kept(char type, std::uint64_t now_ns);
  void pass_over(const protocol::MessagePieces::Piece& piece, std::uint64_t now_ns);
  bool overflowed();
  void complete(std::uint64_t now_ns);
  void take_run_message(const protocol::MessagePieces::Piece& piece, std::uint64_t now_ns);
  void take_raised(const protocol::MessagePieces::Piece& piece, std::uint64_t now_ns);
  bool assemble(const protocol::MessagePieces::Piece& piece);
  protocol::Bytes body() const { return protocol::Bytes(message_).subspan(5); }
  void timed_out();
  void close_run();
  void run_ended();
  void decide();
  void tell_client(protocol::Bytes bytes) {
    if (!cut_) world_.to_client(bytes);
  }
  void pass_others();
  void pass_error();
  void refuse(const shadow::StrictRefusal& refusal);
  void end_hold();
  void end_session(const std::string& why);
  std::string_view tag() const;

  World world_;
  Phase phase_ = Phase::passing;
  protocol::MessagePieces client_pieces_;
  protocol::MessagePieces server_pieces_;

  protocol::CommandNotes notes_;
  bool simple_ = false;
  std::uint64_t serial_ = 0;
  std::uint64_t sent_ns_ = 0;
  std::vector<std::byte> waiting_;  // of the client, behind the held statement
  std::vector<std::byte> held_;     // of the server
  std::vector<Segment> segments_;
  std::size_t shown_ = 0;   // bytes of held_ that the conversation has seen
  bool completed_ = false;  // CommandComplete has come
  bool too_large_ = false;  // rows were thrown away, and what is no answer has gone
  bool client_ended_ = false;
  bool cut_ = false;  // a client that has ended gets nothing more: an answer of its is not whole
  std::size_t answers_ = 0;
  std::optional<shadow::StrictRefusal> refusal_;
  std::unique_ptr<Pending> timer_;
  bool late_ = false;
  std::unique_ptr<shadow::ClientRun> run_;
  std::vector<std::byte> message_;  // being put together
};

}  // namespace parallax::proxy
