#include "protocol/messages.h"

#include <array>
#include <utility>

namespace parallax::protocol {
namespace {

constexpr std::array<std::pair<char, std::string_view>, 24> kBackendNames{{
    {backend::kAuthentication, "Authentication"},
    {backend::kNegotiateProtocolVersion, "NegotiateProtocolVersion"},
    {backend::kBackendKeyData, "BackendKeyData"},
    {backend::kParameterStatus, "ParameterStatus"},
    {backend::kReadyForQuery, "ReadyForQuery"},
    {backend::kRowDescription, "RowDescription"},
    {backend::kDataRow, "DataRow"},
    {backend::kCommandComplete, "CommandComplete"},
    {backend::kEmptyQueryResponse, "EmptyQueryResponse"},
    {backend::kPortalSuspended, "PortalSuspended"},
    {backend::kParseComplete, "ParseComplete"},
    {backend::kBindComplete, "BindComplete"},
    {backend::kCloseComplete, "CloseComplete"},
    {backend::kParameterDescription, "ParameterDescription"},
    {backend::kNoData, "NoData"},
    {backend::kErrorResponse, "ErrorResponse"},
    {backend::kNoticeResponse, "NoticeResponse"},
    {backend::kNotificationResponse, "NotificationResponse"},
    {backend::kFunctionCallResponse, "FunctionCallResponse"},
    {backend::kCopyInResponse, "CopyInResponse"},
    {backend::kCopyOutResponse, "CopyOutResponse"},
    {backend::kCopyBothResponse, "CopyBothResponse"},
    {backend::kCopyData, "CopyData"},
    {backend::kCopyDone, "CopyDone"},
}};

// A 16-bit count and that many 16-bit format codes.
Bytes read_formats(ByteReader& reader) {
  const std::size_t count = reader.u16().value_or(0);
  return reader.bytes(count * sizeof(std::uint16_t)).value_or(Bytes{});
}

// Steps over `count` values and returns the bytes they take.
Bytes read_values(ByteReader& reader, std::uint16_t count) {
  const Bytes start = reader.rest();
  for (std::uint16_t i = 0; i < count; ++i) {
    const auto length = reader.i32();
    if (!length || *length == -1) continue;  // NULL has no bytes
    reader.bytes(
        static_cast<std::uint32_t>(*length));  // another negative length is larger than any body
  }
  return reader.failed() ? Bytes{} : start.first(start.size() - reader.rest().size());
}

}  // namespace

std::string_view backend_message_name(char type) {
  for (const auto& [letter, name] : kBackendNames) {
    if (letter == type) return name;
  }
  return "message of unknown type";
}

std::optional<std::string_view> view_query(Bytes body) { return ByteReader(body).c_string(); }

std::optional<ParseView> view_parse(Bytes body) {
  ByteReader reader(body);
  ParseView view;
  view.name = reader.c_string().value_or("");
  view.sql = reader.c_string().value_or("");
  const std::size_t count = reader.u16().value_or(0);
  view.parameter_types = reader.bytes(count * sizeof(std::uint32_t)).value_or(Bytes{});
  if (reader.failed()) return std::nullopt;
  return view;
}

std::optional<ParseView> view_parse_prefix(Bytes body) {
  ByteReader reader(body);
  const auto name = reader.c_string();
  if (!name) return std::nullopt;
  const std::string_view rest = as_text(reader.rest());
  return ParseView{*name, rest.substr(0, rest.find('\0')), {}};
}

std::optional<BindView> view_bind(Bytes body) {
  ByteReader reader(body);
  BindView view;
  view.portal = reader.c_string().value_or("");
  view.statement = reader.c_string().value_or("");
  view.parameter_formats = read_formats(reader);
  view.parameter_count = reader.u16().value_or(0);
  view.parameters = read_values(reader, view.parameter_count);
  view.result_formats = read_formats(reader);
  if (reader.failed()) return std::nullopt;
  return view;
}

std::optional<BindView> view_bind_names(Bytes body) {
  ByteReader reader(body);
  BindView view;
  view.portal = reader.c_string().value_or("");
  view.statement = reader.c_string().value_or("");
  if (reader.failed()) return std::nullopt;
  return view;
}

std::uint16_t BindView::parameter_format(std::size_t index) const {
  const std::size_t count = parameter_formats.size() / sizeof(std::uint16_t);
  if (count == 1) index = 0;
  if (index >= count) return 0;
  return ByteReader(parameter_formats.subspan(index * sizeof(std::uint16_t))).u16().value_or(0);
}

std::optional<NamedView> view_named(Bytes body) {
  ByteReader reader(body);
  const auto kind = reader.u8();
  const auto name = reader.c_string();
  if (!kind || !name || (*kind != 'S' && *kind != 'P')) return std::nullopt;
  return NamedView{static_cast<char>(*kind), *name};
}

std::optional<std::string_view> view_execute(Bytes body) { return ByteReader(body).c_string(); }

std::string_view view_error_field(Bytes body, char field) {
  ByteReader reader(body);
  for (;;) {
    const auto code = reader.u8();
    if (!code || *code == 0) return {};
    const auto text = reader.c_string();
    if (!text) return {};
    if (static_cast<char>(*code) == field) return *text;
  }
}

std::optional<ParameterStatusView> view_parameter_status(Bytes body) {
  ByteReader reader(body);
  const auto name = reader.c_string();
  const auto value = reader.c_string();
  if (!name || !value) return std::nullopt;
  return ParameterStatusView{*name, *value};
}

}  // namespace parallax::protocol
