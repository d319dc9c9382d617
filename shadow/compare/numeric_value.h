#pragma once

// A numeric as PostgreSQL writes it, read as a value: exact decimal digits, never a double.

#include <cstdint>
#include <string>
#include <string_view>

namespace parallax::shadow {

// Views into the text; nothing is copied. Two texts are the same value when kind, sign, magnitude
// and significant digits are the same: "1", "1.00", "+01", "10e-1" and "0", "-0.0".
class NumericValue {
 public:
  // Also reads exponents, which the server does not write for numeric. A text that is no number is
  // kept as it is and equals only itself.
  explicit NumericValue(std::string_view text);

  // Below 0, 0, above 0: a total order in which 0 is equality by value. It is not the numeric order
  // (it is for finding equal rows).
  int order(const NumericValue& other) const;
  // The same bytes for the same value, other bytes for another: for hashing.
  void append_canonical(std::string& out) const;

 private:
  enum class Kind { finite, infinite, not_a_number, other_text };

  bool read_special(std::string_view unsigned_text);
  bool read_decimal(std::string_view unsigned_text);
  void trim();
  std::size_t digits() const { return whole_.size() + fraction_.size(); }
  char digit(std::size_t index) const {
    return index < whole_.size() ? whole_[index] : fraction_[index - whole_.size()];
  }

  Kind kind_ = Kind::finite;
  bool negative_ = false;
  // The value is 0.DDD * 10^magnitude_, DDD being whole_ followed by fraction_ without zeros at
  // either end; no digits at all is zero.
  std::int64_t magnitude_ = 0;
  std::string_view whole_;
  std::string_view fraction_;
  std::string_view text_;
};

// Equality by value.
bool same_numeric(std::string_view first, std::string_view second);

}  // namespace parallax::shadow
