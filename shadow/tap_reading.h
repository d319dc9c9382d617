#pragma once

// What the tap reads from messages and command tags.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/conversation.h"
#include "shadow/tap.h"

namespace parallax::shadow {

// A statement that a rule covers, or may come to cover when the rules are read again, as a session
// has prepared it.
struct PreparedStatement final : protocol::StatementNote {
  std::shared_ptr<KnownStatement> statement;
  std::vector<std::uint32_t> declared;   // parameter types in Parse; 0 = left to the server
  std::vector<std::uint32_t> described;  // what the server has made of them, when it was asked
  StatementTags tags;                    // where operations of several statements have it
  const Rule* tagged = nullptr;  // whose operation it says it belongs to, and no rule covers

  HeldBytes held;

  std::size_t bytes() const override { return held.bytes() + statement->bytes(); }
  // As many types as are declared may be described.
  std::size_t size() const {
    return sizeof *this + tags.bytes() + 2 * declared.size() * sizeof declared[0];
  }
  void parameters_described(protocol::Bytes types) override { described = read_types(types); }
  std::string_view deallocates() const override { return statement->deallocates(); }
  // What the bytes of a parameter mean. Texts stay without a type that was not declared: in the
  // rewrite their place may have another one.
  std::uint32_t type(std::size_t parameter, bool binary) const;

  static std::vector<std::uint32_t> read_types(protocol::Bytes bytes);
};

// One that is tagged as an operation of a rule, and that no rule covers.
struct UnknownTagged final : protocol::StatementNote {
  std::shared_ptr<KnownStatement> statement;
  const Rule* rule = nullptr;

  std::size_t bytes() const override { return sizeof *this + statement->bytes(); }
  std::string_view deallocates() const override { return statement->deallocates(); }
};

// Of a Parse, or of a simple query that no rule covers; null for anything else.
const KnownStatement* parsed_statement(const protocol::StatementRef& note);

// Bytes of which nothing says what they mean.
bool has_untyped(const std::vector<Value>& parameters);

// "SELECT 3" -> 3.
std::optional<std::uint64_t> rows_of_tag(std::string_view tag);

// Of a command that may end a transaction block. ROLLBACK TO a savepoint has ROLLBACK's tag.
bool may_end_block(std::string_view tag);

// Its list has a value that a row may have.
bool has_members(const ChildMatch& child);

// The client's statement failed for a reason that lies outside it, so that a replay proves nothing.
std::optional<SkipReason> live_failure(protocol::CommandEnd end, std::string_view sqlstate);

// The parameters of a Bind as values; nothing when the message is malformed (the server will say
// so). `prepared` may be null: their types are then not known.
std::optional<std::vector<Value>> read_parameters(const protocol::BindView& bind,
                                                  const PreparedStatement* prepared);

}  // namespace parallax::shadow
