#include "shadow/rules/tokens.h"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory_resource>
#include <utility>

namespace parallax::shadow {

namespace {

struct ScanResult {
  explicit ScanResult(const std::string& sql) : raw(pg_query_scan(sql.c_str())) {}
  ~ScanResult() { pg_query_free_scan_result(raw); }
  ScanResult(const ScanResult&) = delete;
  ScanResult& operator=(const ScanResult&) = delete;
  PgQueryScanResult raw;
};

// protobuf-c allocates every token by itself: an arena saves those calls, and the freeing.
void* arena_allocate(void* arena, std::size_t size) {
  return static_cast<std::pmr::monotonic_buffer_resource*>(arena)->allocate(size);
}
void arena_free(void*, void*) {}

KeywordKind keyword_kind(PgQuery__KeywordKind kind) {
  switch (static_cast<int>(kind)) {
    case PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD:
      return KeywordKind::unreserved;
    case PG_QUERY__KEYWORD_KIND__COL_NAME_KEYWORD:
      return KeywordKind::column_name;
    case PG_QUERY__KEYWORD_KIND__TYPE_FUNC_NAME_KEYWORD:
      return KeywordKind::type_or_function_name;
    case PG_QUERY__KEYWORD_KIND__RESERVED_KEYWORD:
      return KeywordKind::reserved;
    default:
      return KeywordKind::none;
  }
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

// Single characters that the lexer passes on are operators and punctuation ("self" in scan.l), or
// rubbish that the parser refuses.
bool is_self(int type) {
  return type > 0 && type < 128 &&
         std::string_view(",()[].;:+-*/%^<>=").find(static_cast<char>(type)) !=
             std::string_view::npos;
}

// libpg_query 15 reports U&'...' and U&"..." with an end before their quotes; the next token's
// begin tells.
std::size_t end_of_unicode(std::string_view sql, const PgQuery__ScanResult& tokens, std::size_t i) {
  std::size_t end = i + 1 < tokens.n_tokens
                        ? static_cast<std::size_t>(std::max(tokens.tokens[i + 1]->start, 0))
                        : sql.size();
  end = std::min(end, sql.size());
  while (end > 0 && is_space(sql[end - 1])) --end;
  return end;
}

std::variant<std::vector<Token>, ShapeError> convert(std::string_view sql,
                                                     const PgQuery__ScanResult& scanned) {
  std::vector<Token> tokens;
  tokens.reserve(scanned.n_tokens);
  std::size_t previous_end = 0;
  for (std::size_t i = 0; i < scanned.n_tokens; ++i) {
    const auto& raw = *scanned.tokens[i];
    const auto begin = static_cast<std::size_t>(std::max(raw.start, 0));
    auto end = static_cast<std::size_t>(std::max(raw.end, 0));
    const int type = static_cast<int>(raw.token);
    if (type == PG_QUERY__TOKEN__USCONST) end = end_of_unicode(sql, scanned, i);
    if (type == PG_QUERY__TOKEN__UIDENT) {
      return ShapeError{"identifiers written as U&\"...\" are not read", begin};
    }
    if (begin < previous_end || end <= begin || end > sql.size()) {
      return ShapeError{"the lexer lost its place", std::min(begin, sql.size())};
    }
    if (type < 128 && !is_self(type)) return ShapeError{"unexpected character", begin};
    previous_end = end;
    if (type == PG_QUERY__TOKEN__SQL_COMMENT || type == PG_QUERY__TOKEN__C_COMMENT) continue;
    tokens.push_back({type, keyword_kind(raw.keyword_kind), begin, end});
  }
  return tokens;
}

struct Utf8Lead {
  std::size_t length = 0;
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xBF;
};

// Table 3-7 of the Unicode standard: well-formed byte sequences.
Utf8Lead utf8_lead(unsigned char c) {
  if (c < 0x80) return {1};
  if (c >= 0xC2 && c <= 0xDF) return {2};
  if (c == 0xE0) return {3, 0xA0};
  if (c == 0xED) return {3, 0x80, 0x9F};
  if (c >= 0xE1 && c <= 0xEF) return {3};
  if (c == 0xF0) return {4, 0x90};
  if (c >= 0xF1 && c <= 0xF3) return {4};
  if (c == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

// Length of the well-formed sequence at `at`, 0 when there is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Utf8Lead lead = utf8_lead(byte(at));
  if (lead.length == 0 || at + lead.length > text.size()) return 0;
  if (lead.length > 1 && (byte(at + 1) < lead.second_min || byte(at + 1) > lead.second_max)) {
    return 0;
  }
  for (std::size_t i = 2; i < lead.length; ++i) {
    if (byte(at + i) < 0x80 || byte(at + i) > 0xBF) return 0;
  }
  return lead.length;
}

std::size_t first_invalid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  return first_invalid_utf8(text) == std::string_view::npos;
}

std::size_t byte_of_cursor(std::string_view sql, int cursor) {
  std::size_t at = 0;
  for (int i = 1; i < cursor && at < sql.size(); ++i) {
    at += std::max<std::size_t>(utf8_length(sql, at), 1);
  }
  return std::min(at, sql.size());
}

std::variant<std::vector<Token>, ShapeError> scan_tokens(std::string_view sql) {
  if (sql.size() > kSqlBytesMax) return ShapeError{"the statement is too long", kSqlBytesMax};
  if (const auto nul = sql.find('\0'); nul != std::string_view::npos) {
    return ShapeError{"NUL byte", nul};
  }
  if (const auto invalid = first_invalid_utf8(sql); invalid != std::string_view::npos) {
    return ShapeError{"invalid UTF-8", invalid};
  }
  const std::string terminated(sql);
  const ScanResult result(terminated);
  if (result.raw.error != nullptr) {
    return ShapeError{result.raw.error->message, byte_of_cursor(sql, result.raw.error->cursorpos)};
  }
  std::array<std::byte, std::size_t{16} * 1024> first_block;
  std::pmr::monotonic_buffer_resource arena(first_block.data(), first_block.size());
  ProtobufCAllocator allocator{arena_allocate, arena_free, &arena};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(result.raw.pbuf.data);
  // Lives in the arena: nothing to free.
  const auto* scanned = pg_query__scan_result__unpack(&allocator, result.raw.pbuf.len, bytes);
  if (scanned == nullptr) return ShapeError{"the lexer's answer cannot be read", 0};
  return convert(sql, *scanned);
}

}  // namespace parallax::shadow
