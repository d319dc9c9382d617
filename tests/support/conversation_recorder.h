#pragma once

// A listener that writes down what it is told, one line for each call, and a player of recorded
// sessions. Times are the number of the step whose bytes came.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/conversation.h"
#include "tests/support/wire.h"

namespace parallax::test {

struct TextNote : protocol::StatementNote {
  explicit TextNote(std::string_view text) : sql(text) {}
  std::string sql;
};
struct ValuesNote : protocol::BindingNote {
  explicit ValuesNote(std::string text) : values(std::move(text)) {}
  std::string values;
};

class ConversationRecorder : public protocol::ConversationListener {
 public:
  // Statements whose text begins so get no note.
  static constexpr std::string_view kNoNote = "--";

  std::vector<std::string> events;  // all but errors
  std::vector<std::string> errors;

  protocol::StatementRef on_query(std::string_view sql, bool whole) override {
    events.push_back("query {" + std::string(sql) + "}" + cut(whole));
    return note(sql);
  }
  protocol::StatementRef on_parse(const protocol::ParseView& parse, bool whole) override {
    events.push_back("parse " + std::string(parse.name) + "{" + std::string(parse.sql) + "}" +
                     cut(whole));
    return note(parse.sql);
  }
  protocol::BindingRef on_bind(const protocol::StatementRef& statement,
                               const protocol::BindView& bind, bool whole) override {
    events.push_back("bind " + std::string(bind.portal) + text(statement) + values(bind) +
                     cut(whole));
    return std::make_shared<ValuesNote>(values(bind));
  }
  void on_command(const protocol::Command& c) override {
    static constexpr const char* kEnds[] = {"completed", "empty", "suspended", "failed"};
    std::string line = kEnds[static_cast<int>(c.end)];
    line += c.simple ? " simple" : " extended";
    line += c.first ? " first " : " later ";
    line += text(c.statement);
    if (c.binding) line += static_cast<const ValuesNote&>(*c.binding).values;
    line += " [" + std::string(c.tag) + std::string(c.sqlstate) + "] ";
    line += c.transaction_status == 0 ? '-' : c.transaction_status;
    line += " " + std::to_string(c.requested_ns) + "-" + std::to_string(c.completed_ns);
    events.push_back(line);
  }
  void on_parameter_status(std::string_view name, std::string_view value) override {
    events.push_back("parameter " + std::string(name) + "=" + std::string(value));
  }
  void on_ready(char status) override { events.push_back(std::string("ready ") + status); }
  void on_error(std::string_view sqlstate, bool authenticated) override {
    errors.push_back(std::string(sqlstate) + (authenticated ? "" : " before authentication"));
  }
  void on_lost(std::string_view why) override { events.push_back("lost: " + std::string(why)); }

 private:
  static std::string cut(bool whole) { return whole ? "" : " cut"; }
  static protocol::StatementRef note(std::string_view sql) {
    if (sql.substr(0, kNoNote.size()) == kNoNote) return nullptr;
    return std::make_shared<TextNote>(sql);
  }
  static std::string text(const protocol::StatementRef& statement) {
    return statement ? "{" + static_cast<const TextNote&>(*statement).sql + "}" : "?";
  }
  static std::string values(const protocol::BindView& bind) {
    std::string out = "(";
    protocol::ByteReader reader(bind.parameters);
    for (std::size_t i = 0; !bind.parameters.empty() && i < bind.parameter_count; ++i) {
      const auto length = reader.i32().value_or(-1);
      if (i != 0) out += ',';
      if (length < 0) {
        out += "null";
      } else {
        out += protocol::as_text(
            reader.bytes(static_cast<std::size_t>(length)).value_or(protocol::Bytes{}));
      }
      if (bind.parameter_format(i) == 1) out += ":b";
    }
    return out + ")";
  }
};

// What one side sent at once.
struct Step {
  enum class From { client, server } from;
  std::string data;
};
inline Step client(std::string data) { return {Step::From::client, std::move(data)}; }
inline Step server(std::string data) { return {Step::From::server, std::move(data)}; }

// Feeds a session step by step; step n has the time n, counted from 1.
class Player {
 public:
  explicit Player(const protocol::ConversationLimits& limits = {})
      : conversation(recorder, limits) {}

  // The parts of a step have one time.
  void feed(const Step& step, std::string_view part) {
    if (step.from == Step::From::client) {
      conversation.client_bytes(bytes(part), time_);
    } else {
      conversation.server_bytes(bytes(part), time_);
    }
  }
  void next_step() { ++time_; }
  void feed(const Step& step) {
    next_step();
    feed(step, step.data);
  }

  ConversationRecorder recorder;
  protocol::Conversation conversation;

 private:
  std::uint64_t time_ = 0;
};

using Session = std::vector<Step>;

inline std::vector<std::string> play(const Session& session,
                                     const protocol::ConversationLimits& limits = {}) {
  Player player(limits);
  for (const Step& step : session) player.feed(step);
  return player.recorder.events;
}

// Each step in pieces of `piece` bytes.
inline std::vector<std::string> play_in_pieces(const Session& session, std::size_t piece,
                                               const protocol::ConversationLimits& limits = {}) {
  Player player(limits);
  for (const Step& step : session) {
    player.next_step();
    const std::string_view data = step.data;
    for (std::size_t i = 0; i < data.size(); i += piece) player.feed(step, data.substr(i, piece));
  }
  return player.recorder.events;
}

// Step number `split_step` in two pieces, the others whole.
inline std::vector<std::string> play_split(const Session& session, std::size_t split_step,
                                           std::size_t position,
                                           const protocol::ConversationLimits& limits = {}) {
  Player player(limits);
  for (std::size_t i = 0; i < session.size(); ++i) {
    player.next_step();
    const std::string_view data = session[i].data;
    const std::size_t cut = i == split_step ? position : data.size();
    player.feed(session[i], data.substr(0, cut));
    player.feed(session[i], data.substr(cut));
  }
  return player.recorder.events;
}

}  // namespace parallax::test
