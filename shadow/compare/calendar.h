#pragma once

// Dates, times and intervals as PostgreSQL writes them with DateStyle ISO and IntervalStyle
// postgres. No time zone database: the server writes the offset.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parallax::shadow {

// What the binary format has for infinity and -infinity.
inline constexpr std::int64_t kInfiniteDate = INT32_MAX;
inline constexpr std::int64_t kMinusInfiniteDate = INT32_MIN;
inline constexpr std::int64_t kInfiniteTimestamp = INT64_MAX;
inline constexpr std::int64_t kMinusInfiniteTimestamp = INT64_MIN;

// Days since 2000-01-01 (proleptic Gregorian, as the server's). "0044-03-15 BC", "infinity".
std::optional<std::int64_t> read_date(std::string_view text);
// Microseconds since midnight, "24:00:00" among them.
std::optional<std::int64_t> read_time(std::string_view text);

struct ZonedTime {
  std::int64_t microseconds = 0;
  std::int32_t seconds_west = 0;  // as the binary format has it
};
std::optional<ZonedTime> read_timetz(std::string_view text);

// Microseconds since 2000-01-01 00:00:00.
std::optional<std::int64_t> read_timestamp(std::string_view text);
struct ZonedTimestamp {
  std::int64_t microseconds = 0;  // UTC
  std::int32_t seconds_west = 0;  // in which the text was written
};
std::optional<ZonedTimestamp> read_timestamptz(std::string_view text);

struct IntervalFields {
  std::int64_t microseconds = 0;
  std::int32_t days = 0;
  std::int32_t months = 0;
};
std::optional<IntervalFields> read_interval(std::string_view text);

// The same text as the server's, timestamptz in UTC.
std::string date_text(std::int64_t days);
std::string time_text(std::int64_t microseconds);
std::string timestamp_text(std::int64_t microseconds, bool with_zone);

}  // namespace parallax::shadow
