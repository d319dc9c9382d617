#include "shadow/compare/calendar.h"

#include <array>
#include <cstdio>

namespace parallax::shadow {
namespace {

constexpr std::int64_t kDayMicroseconds = 86'400'000'000;
// The server's limits, a few days wider: a local date may lie beyond the instant's. Within them
// microseconds fit 64 bits.
constexpr std::int64_t kTimestampDayMin = -2'451'560;
constexpr std::int64_t kTimestampDayMax = 106'751'984;
constexpr std::int64_t kYearMax = 5'874'897;

// The rest of a text that is being read. Readers return false and leave it anywhere on a text of
// another form.
class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool done() const { return at_ == end_; }
  char peek() const { return done() ? '\0' : *at_; }
  bool take(char c) {
    if (done() || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!std::string_view(at_, end_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool two_digits(int& value) {
    if (end_ - at_ < 2 || !is_digit(at_[0]) || !is_digit(at_[1])) return false;
    value = (at_[0] - '0') * 10 + (at_[1] - '0');
    at_ += 2;
    return true;
  }
  // As many digits as there are, `least` or more.
  bool digits(std::int64_t& value, std::ptrdiff_t least) {
    const char* const begin = at_;
    value = 0;
    while (at_ != end_ && is_digit(*at_)) {
      if (at_ - begin == kDigitsMax) return false;
      value = value * 10 + (*at_++ - '0');
    }
    return at_ - begin >= least;
  }
  // ".5" are 500000.
  bool fraction(std::int64_t& microseconds) {
    microseconds = 0;
    if (!take('.')) return true;
    int places = 0;
    for (; at_ != end_ && is_digit(*at_); ++at_, ++places) {
      if (places == 6) return false;
      microseconds = microseconds * 10 + (*at_ - '0');
    }
    if (places == 0) return false;
    for (; places < 6; ++places) microseconds *= 10;
    return true;
  }

 private:
  static constexpr std::ptrdiff_t kDigitsMax = 18;
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  const char* at_;
  const char* end_;
};

struct CivilDate {
  std::int64_t year = 0;  // astronomical: 1 BC is 0
  int month = 0;
  int day = 0;
};

bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in(std::int64_t year, int month) {
  constexpr std::array kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

// Days since 2000-01-01. Years that begin with March, in eras of 400 years (Howard Hinnant,
// "chrono-Compatible Low-Level Date Algorithms").
std::int64_t days_of(const CivilDate& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era = year - era * 400;
  const int month = date.month + (date.month > 2 ? -3 : 9);
  const std::int64_t of_year = (153 * month + 2) / 5 + date.day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 730'425;
}

CivilDate date_of(std::int64_t days) {
  days += 730'425;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int>(of_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

bool take_date(TextCursor& cursor, CivilDate& date) {
  return cursor.digits(date.year, 4) && date.year >= 1 && date.year <= kYearMax &&
         cursor.take('-') && cursor.two_digits(date.month) && cursor.take('-') &&
         cursor.two_digits(date.day) && date.month >= 1 && date.month <= 12 && date.day >= 1;
}

// What may follow everything else; then the date is whole, and nothing may follow.
bool take_era(TextCursor& cursor, CivilDate& date) {
  if (cursor.take(" BC")) date.year = 1 - date.year;
  return cursor.done() && date.day <= days_in(date.year, date.month);
}

bool take_time(TextCursor& cursor, std::int64_t& microseconds) {
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  if (!cursor.two_digits(hours) || !cursor.take(':') || !cursor.two_digits(minutes) ||
      !cursor.take(':') || !cursor.two_digits(seconds) || !cursor.fraction(microseconds)) {
    return false;
  }
  // 60 seconds: a time that was rounded up.
  if (hours > 24 || minutes > 59 || seconds > 60) return false;
  microseconds += (hours * 3600LL + minutes * 60LL + seconds) * 1'000'000;
  return microseconds <= kDayMicroseconds;
}

bool take_zone(TextCursor& cursor, std::int32_t& seconds_west) {
  const bool east = cursor.take('+');
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  if ((!east && !cursor.take('-')) || !cursor.two_digits(hours)) return false;
  if (cursor.take(':') && !cursor.two_digits(minutes)) return false;
  if (cursor.take(':') && !cursor.two_digits(seconds)) return false;
  if (minutes > 59 || seconds > 59) return false;
  const int size = hours * 3600 + minutes * 60 + seconds;
  seconds_west = east ? -size : size;
  return true;
}

bool take_timestamp(TextCursor& cursor, CivilDate& date, std::int64_t& microseconds) {
  return take_date(cursor, date) && cursor.take(' ') && take_time(cursor, microseconds);
}

std::optional<std::int64_t> instant(const CivilDate& date, std::int64_t microseconds) {
  const std::int64_t days = days_of(date);
  if (days < kTimestampDayMin || days > kTimestampDayMax) return std::nullopt;
  return days * kDayMicroseconds + microseconds;
}

bool add_scaled(std::int64_t value, std::int64_t unit, std::int64_t& sum) {
  std::int64_t product = 0;
  return !__builtin_mul_overflow(value, unit, &product) &&
         !__builtin_add_overflow(sum, product, &sum);
}

bool add_scaled(std::int64_t value, std::int64_t unit, std::int32_t& sum) {
  std::int64_t wide = sum;
  if (!add_scaled(value, unit, wide) || wide < INT32_MIN || wide > INT32_MAX) return false;
  sum = static_cast<std::int32_t>(wide);
  return true;
}

// Behind the hours, which are any number of digits: "04:05.678" of "120:04:05.678".
bool take_clock(TextCursor& cursor, bool negative, std::int64_t hours, std::int64_t& sum) {
  int minutes = 0;
  int seconds = 0;
  std::int64_t fraction = 0;
  if (!cursor.two_digits(minutes) || !cursor.take(':') || !cursor.two_digits(seconds) ||
      !cursor.fraction(fraction)) {
    return false;
  }
  const std::int64_t sign = negative ? -1 : 1;
  return add_scaled(sign * hours, 3'600'000'000, sum) &&
         add_scaled(sign * minutes, 60'000'000, sum) &&
         add_scaled(sign * seconds, 1'000'000, sum) && add_scaled(sign, fraction, sum);
}

// One of "-1 years", "+3 days", "-04:05:06".
bool take_interval_part(TextCursor& cursor, IntervalFields& fields) {
  const bool negative = cursor.take('-');
  if (!negative) cursor.take('+');
  std::int64_t number = 0;
  if (!cursor.digits(number, 1)) return false;
  if (cursor.take(':')) return take_clock(cursor, negative, number, fields.microseconds);
  if (!cursor.take(' ')) return false;
  if (negative) number = -number;
  if (cursor.take("year")) {
    if (!add_scaled(number, 12, fields.months)) return false;
  } else if (cursor.take("mon")) {
    if (!add_scaled(number, 1, fields.months)) return false;
  } else if (!cursor.take("day") || !add_scaled(number, 1, fields.days)) {
    return false;
  }
  cursor.take('s');
  return true;
}

void append_fraction(std::int64_t microseconds, std::string& out) {
  if (microseconds == 0) return;
  char digits[16];
  std::snprintf(digits, sizeof(digits), ".%06d", static_cast<int>(microseconds));
  std::string_view text(digits);
  out.append(text.substr(0, text.find_last_not_of('0') + 1));
}

}  // namespace

std::optional<std::int64_t> read_date(std::string_view text) {
  if (text == "infinity") return kInfiniteDate;
  if (text == "-infinity") return kMinusInfiniteDate;
  TextCursor cursor(text);
  CivilDate date;
  if (!take_date(cursor, date) || !take_era(cursor, date)) return std::nullopt;
  return days_of(date);
}

std::optional<std::int64_t> read_time(std::string_view text) {
  TextCursor cursor(text);
  std::int64_t microseconds = 0;
  if (!take_time(cursor, microseconds) || !cursor.done()) return std::nullopt;
  return microseconds;
}

std::optional<ZonedTime> read_timetz(std::string_view text) {
  TextCursor cursor(text);
  ZonedTime time;
  if (!take_time(cursor, time.microseconds) || !take_zone(cursor, time.seconds_west) ||
      !cursor.done()) {
    return std::nullopt;
  }
  return time;
}

std::optional<std::int64_t> read_timestamp(std::string_view text) {
  if (text == "infinity") return kInfiniteTimestamp;
  if (text == "-infinity") return kMinusInfiniteTimestamp;
  TextCursor cursor(text);
  CivilDate date;
  std::int64_t microseconds = 0;
  if (!take_timestamp(cursor, date, microseconds) || !take_era(cursor, date)) return std::nullopt;
  return instant(date, microseconds);
}

std::optional<ZonedTimestamp> read_timestamptz(std::string_view text) {
  if (text == "infinity") return ZonedTimestamp{kInfiniteTimestamp, 0};
  if (text == "-infinity") return ZonedTimestamp{kMinusInfiniteTimestamp, 0};
  TextCursor cursor(text);
  CivilDate date;
  ZonedTimestamp zoned;
  if (!take_timestamp(cursor, date, zoned.microseconds) || !take_zone(cursor, zoned.seconds_west) ||
      !take_era(cursor, date)) {
    return std::nullopt;
  }
  const auto local = instant(date, zoned.microseconds);
  if (!local) return std::nullopt;
  zoned.microseconds = *local + zoned.seconds_west * 1'000'000LL;
  return zoned;
}

std::optional<IntervalFields> read_interval(std::string_view text) {
  TextCursor cursor(text);
  IntervalFields fields;
  do {
    if (!take_interval_part(cursor, fields)) return std::nullopt;
  } while (cursor.take(' '));
  if (!cursor.done()) return std::nullopt;
  return fields;
}

std::string date_text(std::int64_t days) {
  if (days == kInfiniteDate) return "infinity";
  if (days == kMinusInfiniteDate) return "-infinity";
  const CivilDate date = date_of(days);
  const bool before_christ = date.year <= 0;
  char text[48];
  std::snprintf(text, sizeof(text), "%04lld-%02d-%02d%s",
                static_cast<long long>(before_christ ? 1 - date.year : date.year), date.month,
                date.day, before_christ ? " BC" : "");
  return text;
}

std::string time_text(std::int64_t microseconds) {
  const std::int64_t seconds = microseconds / 1'000'000;
  char text[64];
  std::snprintf(text, sizeof(text), "%02lld:%02d:%02d", static_cast<long long>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  std::string out = text;
  append_fraction(microseconds % 1'000'000, out);
  return out;
}

std::string timestamp_text(std::int64_t microseconds, bool with_zone) {
  if (microseconds == kInfiniteTimestamp) return "infinity";
  if (microseconds == kMinusInfiniteTimestamp) return "-infinity";
  std::int64_t days = microseconds / kDayMicroseconds;
  std::int64_t of_day = microseconds % kDayMicroseconds;
  if (of_day < 0) {
    of_day += kDayMicroseconds;
    --days;
  }
  std::string out = date_text(days);
  std::string time = " " + time_text(of_day) + (with_zone ? "+00" : "");
  const auto era = out.find(" BC");
  out.insert(era == std::string::npos ? out.size() : era, time);
  return out;
}

}  // namespace parallax::shadow
