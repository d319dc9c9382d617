#include "shadow/learn/session_learner.h"

#include <optional>
#include <utility>

#include "shadow/learn/inputs.h"
#include "shadow/rules/statement_tags.h"
#include "shadow/tap_reading.h"

namespace parallax::shadow {

namespace {

bool is_select(std::string_view key) {
  if (key.find(';') != std::string_view::npos) return false;
  for (const std::string_view start : {"select ", "with ", "values ", "table ", "( "}) {
    if (key.starts_with(start)) return true;
  }
  return false;
}

std::size_t bytes_of(const LearnedText& text) {
  std::size_t bytes = sizeof text + text.text.size() + text.shape.key.size();
  for (const auto& group : text.shape.slots)
    bytes += sizeof group + group.members.size() * sizeof(Slot);
  return bytes;
}

// What a statement is, on its way.
struct Passing {
  std::shared_ptr<const LearnedText> text;  // null: its parameters were too many to be kept
  std::string operation;
  std::optional<Side> side;
  std::vector<Value> parameters;
  std::unique_ptr<LiveCapture> capture;
  bool counted = false;

  std::size_t bytes() const {
    std::size_t total = sizeof *this + operation.size();
    if (text != nullptr) total += bytes_of(*text);
    for (const auto& value : parameters) total += sizeof value + value.bytes.size();
    return total;
  }
};

struct SimpleNote final : protocol::StatementNote {
  Passing passing;
  std::size_t bytes() const override { return passing.bytes(); }
  protocol::RowSink* rows() override { return passing.capture.get(); }
};

struct ParsedNote final : protocol::StatementNote {
  std::shared_ptr<const LearnedText> text;
  std::string operation;
  std::optional<Side> side;
  PreparedStatement types;
  std::size_t bytes() const override { return bytes_of(*text) + operation.size() + types.size(); }
  void parameters_described(protocol::Bytes described) override {
    types.parameters_described(described);
  }
};

struct BoundNote final : protocol::BindingNote {
  Passing passing;
  std::size_t bytes() const override { return passing.bytes(); }
  protocol::RowSink* rows() override { return passing.capture.get(); }
};

}  // namespace

bool SideChoice::fits(std::string_view listener, const protocol::StartupParameters& startup,
                      const CommentTags& tags) const {
  if (value.empty()) return false;
  if (key.empty()) return listener == value;
  const auto tag = tags.find(key);
  if (tag != tags.end()) return tag->second == value;
  return startup.find(key) == value;
}

std::optional<Side> LearnChoice::side_of(std::string_view listener,
                                         const protocol::StartupParameters& startup,
                                         const CommentTags& tags) const {
  if (rewrite.fits(listener, startup, tags)) return Side::rewrite;
  if (legacy.value.empty() || legacy.fits(listener, startup, tags)) return Side::legacy;
  return std::nullopt;
}

class SessionLearner final : public protocol::ConversationListener {
 public:
  SessionLearner(WorkerLearner& worker, std::string listener, protocol::StartupParameters startup)
      : worker_(worker), listener_(std::move(listener)), startup_(std::move(startup)) {}

  protocol::StatementRef on_query(std::string_view sql, bool whole) override {
    if (!whole) return nullptr;
    auto note = std::make_shared<SimpleNote>();
    note->passing = passing(sql);
    if (note->passing.text->select && note->passing.side)
      note->passing.capture = std::make_unique<LiveCapture>(worker_.captures_, protocol::Bytes{});
    return note;
  }

  protocol::StatementRef on_parse(const protocol::ParseView& parse, bool whole) override {
    if (!whole) return nullptr;
    auto note = std::make_shared<ParsedNote>();
    auto begun = passing(parse.sql);
    note->text = std::move(begun.text);
    note->operation = std::move(begun.operation);
    note->side = begun.side;
    note->types.declared = PreparedStatement::read_types(parse.parameter_types);
    return note;
  }

  protocol::BindingRef on_bind(const protocol::StatementRef& statement,
                               const protocol::BindView& bind, bool whole) override {
    const auto* parsed = dynamic_cast<const ParsedNote*>(statement.get());
    if (parsed == nullptr) return nullptr;
    auto note = std::make_shared<BoundNote>();
    if (!whole) return note;
    auto parameters = read_parameters(bind, &parsed->types);
    if (!parameters) return note;
    note->passing.text = parsed->text;
    note->passing.operation = parsed->operation;
    note->passing.side = parsed->side;
    note->passing.parameters = *std::move(parameters);
    if (parsed->text->select && parsed->side)
      note->passing.capture = std::make_unique<LiveCapture>(worker_.captures_, bind.result_formats);
    return note;
  }

  void on_command(const protocol::Command& command) override {
    Passing* passing = nullptr;
    if (auto* simple = dynamic_cast<SimpleNote*>(command.statement.get())) {
      passing = &simple->passing;
    } else if (auto* bound = dynamic_cast<BoundNote*>(command.binding.get())) {
      passing = &bound->passing;
    }
    if (passing == nullptr) {
      if (command.end != protocol::CommandEnd::empty && command.first)
        worker_.log_.add_unreadable();
    } else if (!std::exchange(passing->counted, true)) {
      ended(*passing, command);
    }
  }

  void on_parameter_status(std::string_view, std::string_view) override {}
  void on_ready(char) override {}
  void on_error(std::string_view, bool) override {}
  void on_lost(std::string_view) override {}

 private:
  Passing passing(std::string_view sql) {
    Passing begun;
    begun.text = worker_.know(sql);
    begun.side = worker_.choice_.side_of(listener_, startup_, comment_tags(sql));
    // Names of prepared statements are not asked: drivers make them up.
    begun.operation = read_operation(sql, without_outer_comments(sql), {});
    return begun;
  }

  void ended(Passing& passing, const protocol::Command& command) {
    auto& log = worker_.log_;
    if (passing.text == nullptr || !passing.text->readable) return log.add_unreadable();
    if (!passing.text->select) {
      return command.tag.empty() ? void() : log.add_other(command.tag);
    }
    if (!passing.side) return log.add_unchosen();
    Observation seen;
    seen.operation = passing.operation;
    seen.begin_ns = command.requested_ns;
    seen.end_ns = command.completed_ns;
    seen.inputs = learned_inputs(passing.text->shape, passing.parameters);
    // A portal that was suspended has given a part of the rows only.
    if (passing.capture != nullptr && command.end == protocol::CommandEnd::completed)
      seen.result = passing.capture->take();
    passing.capture.reset();
    log.add(*passing.side, passing.text->text, passing.text->shape, std::move(seen),
            command.end == protocol::CommandEnd::failed);
  }

  WorkerLearner& worker_;
  std::string listener_;
  protocol::StartupParameters startup_;
};

WorkerLearner::WorkerLearner(StatementLog& log, LearnChoice choice, std::size_t capture_bytes,
                             std::size_t captures_bytes)
    : log_(log), choice_(std::move(choice)), captures_{capture_bytes, captures_bytes} {}

std::unique_ptr<protocol::ConversationListener> WorkerLearner::open_session(
    const std::string& listener, const protocol::StartupParameters& startup) {
  return std::make_unique<SessionLearner>(*this, listener, startup);
}

std::shared_ptr<const LearnedText> WorkerLearner::know(std::string_view sql) {
  const auto text = without_outer_comments(sql);
  std::string owned(text);
  if (const auto found = texts_.find(owned); found != texts_.end()) return found->second;
  auto learned = std::make_shared<LearnedText>();
  auto shape = shape_of(text, ShapeDialect::statement);
  if (auto* read = std::get_if<StatementShape>(&shape)) {
    learned->readable = true;
    learned->select = is_select(read->key);
    // Nobody asks for the values of anything else; a bulk insert has very many.
    if (!learned->select) std::vector<SlotGroup>().swap(read->slots);
    learned->shape = std::move(*read);
  }
  learned->text = owned;
  text_bytes_ += 2 * (owned.size() + learned->shape.key.size());
  if (texts_.size() >= kTextsMax || text_bytes_ > kTextBytesMax) {
    texts_.clear();
    text_bytes_ = 2 * (owned.size() + learned->shape.key.size());
  }
  texts_.emplace(std::move(owned), learned);
  return learned;
}

}  // namespace parallax::shadow
