#pragma once

// Views of the messages that are interpreted: no copy, checked when read, nothing on malformed
// bytes.

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/bytes.h"

namespace parallax::protocol {

// Letters of the frontend and of the backend are separate: D, C, S, E, H, d, c mean different
// things.
namespace frontend {
inline constexpr char kQuery = 'Q';
inline constexpr char kParse = 'P';
inline constexpr char kBind = 'B';
inline constexpr char kDescribe = 'D';
inline constexpr char kExecute = 'E';
inline constexpr char kClose = 'C';
inline constexpr char kFlush = 'H';
inline constexpr char kSync = 'S';
inline constexpr char kFunctionCall = 'F';
inline constexpr char kCopyData = 'd';
inline constexpr char kCopyDone = 'c';
inline constexpr char kCopyFail = 'f';
inline constexpr char kPassword = 'p';  // also SASL and GSS responses
inline constexpr char kTerminate = 'X';
}  // namespace frontend

namespace backend {
inline constexpr char kAuthentication = 'R';
inline constexpr char kNegotiateProtocolVersion = 'v';
inline constexpr char kBackendKeyData = 'K';
inline constexpr char kParameterStatus = 'S';
inline constexpr char kReadyForQuery = 'Z';
inline constexpr char kRowDescription = 'T';
inline constexpr char kDataRow = 'D';
inline constexpr char kCommandComplete = 'C';
inline constexpr char kEmptyQueryResponse = 'I';
inline constexpr char kPortalSuspended = 's';
inline constexpr char kParseComplete = '1';
inline constexpr char kBindComplete = '2';
inline constexpr char kCloseComplete = '3';
inline constexpr char kParameterDescription = 't';
inline constexpr char kNoData = 'n';
inline constexpr char kErrorResponse = 'E';
inline constexpr char kNoticeResponse = 'N';
inline constexpr char kNotificationResponse = 'A';
inline constexpr char kFunctionCallResponse = 'V';
inline constexpr char kCopyInResponse = 'G';
inline constexpr char kCopyOutResponse = 'H';
inline constexpr char kCopyBothResponse = 'W';
inline constexpr char kCopyData = 'd';
inline constexpr char kCopyDone = 'c';
}  // namespace backend

// Name of a backend message as in the PostgreSQL manual ("BindComplete"); "message of unknown type"
// for other letters.
std::string_view backend_message_name(char type);

// SQL of a Query.
std::optional<std::string_view> view_query(Bytes body);

struct ParseView {
  std::string_view name;
  std::string_view sql;
  Bytes parameter_types;  // 4 bytes each: the OIDs given, 0 = to be inferred
};
std::optional<ParseView> view_parse(Bytes body);
// Name, and as much of the SQL as is there, for a body whose tail was not kept. Nothing when the
// name is cut.
std::optional<ParseView> view_parse_prefix(Bytes body);

struct BindView {
  std::string_view portal;
  std::string_view statement;
  Bytes parameter_formats;  // 2 bytes each; none = all text, one = for all
  std::uint16_t parameter_count = 0;
  Bytes parameters;      // parameter_count times: length (-1 = NULL) and bytes
  Bytes result_formats;  // 2 bytes each
  // Format code of parameter `index` (0 text, 1 binary).
  std::uint16_t parameter_format(std::size_t index) const;
};
std::optional<BindView> view_bind(Bytes body);
// Portal and statement name only, for a body whose tail was not kept.
std::optional<BindView> view_bind_names(Bytes body);

struct NamedView {  // Describe and Close
  char kind;        // 'S' statement, 'P' portal
  std::string_view name;
};
std::optional<NamedView> view_named(Bytes body);

// Portal of an Execute.
std::optional<std::string_view> view_execute(Bytes body);

// A field of an ErrorResponse or NoticeResponse by its code ('C' SQLSTATE, 'M' message); empty when
// absent, which happens: some poolers send errors without SQLSTATE.
std::string_view view_error_field(Bytes body, char field);

struct ParameterStatusView {
  std::string_view name;
  std::string_view value;
};
std::optional<ParameterStatusView> view_parameter_status(Bytes body);

}  // namespace parallax::protocol
