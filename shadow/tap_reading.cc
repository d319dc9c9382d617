#include "shadow/tap_reading.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace parallax::shadow {

std::uint32_t PreparedStatement::type(std::size_t parameter, bool binary) const {
  const auto declared_type = parameter < declared.size() ? declared[parameter] : 0;
  if (declared_type != 0 || !binary) return declared_type;
  return parameter < described.size() ? described[parameter] : 0;
}

std::vector<std::uint32_t> PreparedStatement::read_types(protocol::Bytes bytes) {
  std::vector<std::uint32_t> types;
  protocol::ByteReader reader(bytes);
  while (const auto type = reader.u32()) types.push_back(*type);
  return types;
}

const KnownStatement* parsed_statement(const protocol::StatementRef& note) {
  if (const auto* prepared = dynamic_cast<const PreparedStatement*>(note.get())) {
    return prepared->statement.get();
  }
  if (const auto* unknown = dynamic_cast<const UnknownTagged*>(note.get()))
    return unknown->statement.get();
  return dynamic_cast<const KnownStatement*>(note.get());
}

bool has_untyped(const std::vector<Value>& parameters) {
  return std::ranges::any_of(parameters, [](const Value& value) {
    return value.binary && !value.null && value.type_oid == 0;
  });
}

std::optional<std::uint64_t> rows_of_tag(std::string_view tag) {
  const auto blank = tag.rfind(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  std::uint64_t rows = 0;
  const auto* end = tag.data() + tag.size();
  const auto read = std::from_chars(tag.data() + blank + 1, end, rows);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return rows;
}

bool may_end_block(std::string_view tag) {
  return tag == "COMMIT" || tag == "ROLLBACK" || tag == "PREPARE TRANSACTION";
}

bool has_members(const ChildMatch& child) {
  const auto& list = child.values.find(child.place.written().link->list_name)->second;
  return !std::ranges::all_of(list.members, &Value::null);
}

std::optional<SkipReason> live_failure(protocol::CommandEnd end, std::string_view sqlstate) {
  if (end != protocol::CommandEnd::failed) return std::nullopt;
  const auto state_class = sqlstate.substr(0, 2);
  // Invalid transaction state (25P02: the block had failed before), object not in prerequisite
  // state (55P03).
  if (state_class == "25" || state_class == "55") return SkipReason::context;
  for (const std::string_view outside : {"08", "40", "53", "57", "58", "XX"}) {
    if (state_class == outside) return SkipReason::server;
  }
  return std::nullopt;
}

std::optional<std::vector<Value>> read_parameters(const protocol::BindView& bind,
                                                  const PreparedStatement* prepared) {
  std::vector<Value> values;
  values.reserve(bind.parameter_count);
  protocol::ByteReader reader(bind.parameters);
  for (std::size_t i = 0; i < bind.parameter_count; ++i) {
    Value value;
    value.binary = bind.parameter_format(i) == 1;
    value.type_oid = prepared != nullptr ? prepared->type(i, value.binary) : 0;
    const auto length = reader.i32();
    if (!length) return std::nullopt;
    value.null = *length < 0;
    if (!value.null) {
      const auto bytes = reader.bytes(static_cast<std::size_t>(*length));
      if (!bytes) return std::nullopt;
      value.bytes = protocol::as_text(*bytes);
    }
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace parallax::shadow
