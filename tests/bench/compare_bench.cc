// Rows per second of the comparison of five mixed columns: sequences and multisets, the same bytes
// and other bytes of the same values.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "shadow/compare/compare.h"

namespace parallax::shadow {
namespace {

constexpr std::size_t kRows = 100'000;
constexpr std::size_t kColumns = 5;
constexpr int kRepeats = 9;

struct Form {
  std::size_t scale = 0;  // zeros more at the end of the numeric
  bool binary = false;
};

template <typename Integer>
std::string big_endian(Integer value) {
  std::string out;
  for (std::size_t i = sizeof value; i-- > 0;) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff));
  }
  return out;
}

std::string numeric_cell(std::size_t row, const Form& form) {
  const std::size_t whole = 1 + row % 1000;
  const std::size_t hundredths = 11 + row % 88;
  if (!form.binary) {
    return std::to_string(whole) + "." + std::to_string(hundredths) + std::string(form.scale, '0');
  }
  // numeric_send(): two digits of base 10,000, weight 0, positive.
  return big_endian(std::int16_t{2}) + big_endian(std::int16_t{0}) + big_endian(std::int16_t{0}) +
         big_endian(static_cast<std::int16_t>(2 + form.scale)) +
         big_endian(static_cast<std::int16_t>(whole)) +
         big_endian(static_cast<std::int16_t>(hundredths * 100));
}

std::string timestamptz_cell(std::size_t row, const Form& form) {
  const std::size_t microseconds = 100'000 + row % 900'000;
  // 2024-05-17 08:15:30 is 769,248,930 seconds after 2000-01-01.
  if (form.binary) return big_endian(769'248'930'000'000 + static_cast<std::int64_t>(microseconds));
  return "2024-05-17 08:15:30." + std::to_string(microseconds) + "+00";
}

// int4, text, numeric, timestamptz, bool.
ResultSet make(const std::vector<std::size_t>& sequence, const Form& form) {
  ResultSet out({{"id", 0, 0, 23, form.binary},
                 {"name", 0, 0, 25, form.binary},
                 {"cost", 0, 0, 1700, form.binary},
                 {"created_at", 0, 0, 1184, form.binary},
                 {"active", 0, 0, 16, form.binary}});
  for (const std::size_t row : sequence) {
    out.add_cell(form.binary ? big_endian(static_cast<std::int32_t>(row)) : std::to_string(row));
    out.add_cell("machine number " + std::to_string(row * 7919 % 100'003));
    out.add_cell(numeric_cell(row, form));
    out.add_cell(timestamptz_cell(row, form));
    if (row % 10 == 0) {
      out.add_cell(std::nullopt);
    } else if (form.binary) {
      out.add_cell(std::string(1, row % 2 == 0 ? '\1' : '\0'));
    } else {
      out.add_cell(row % 2 == 0 ? "t" : "f");
    }
  }
  return out;
}

Pairing pairing_of(bool crossed) {
  Pairing out;
  out.legacy_columns = out.rewrite_columns = kColumns;
  for (std::size_t i = 0; i < kColumns; ++i) out.pairs.push_back({i, i});
  // Two pairs left out: the buffers are no longer compared as wholes.
  if (crossed) out.pairs.pop_back();
  return out;
}

void measure(const char* what, const ResultSet& legacy, const ResultSet& rewrite,
             const Pairing& pairing, bool ordered) {
  std::vector<double> seconds;
  Rule rule;
  rule.root().order.ordered = ordered;
  const Catalog catalog;
  bool equal = true;
  for (int i = 0; i < kRepeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    equal = equal && !compare_results(legacy, rewrite, {rule, pairing, catalog, {}}).difference;
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  std::printf("%-36s %10.0f rows/s  (%.2f ms for %zu rows, min %.2f, max %.2f)%s\n", what,
              static_cast<double>(kRows) / median, median * 1e3, kRows, seconds.front() * 1e3,
              seconds.back() * 1e3, equal ? "" : "  DIFFERENT");
}

void run() {
  std::vector<std::size_t> sequence(kRows);
  std::iota(sequence.begin(), sequence.end(), std::size_t{0});
  const ResultSet legacy = make(sequence, {});
  const ResultSet same = make(sequence, {});
  const ResultSet scaled = make(sequence, {.scale = 2});
  const ResultSet binary = make(sequence, {.binary = true});
  std::shuffle(sequence.begin(), sequence.end(), std::mt19937_64(1));
  const ResultSet shuffled = make(sequence, {});
  const ResultSet shuffled_scaled = make(sequence, {.scale = 2});
  const ResultSet shuffled_binary = make(sequence, {.binary = true});
  const Pairing all = pairing_of(false);
  measure("equal bytes", legacy, same, all, true);
  measure("equal sequence, cell by cell", legacy, same, pairing_of(true), true);
  measure("equal sequence, other scale", legacy, scaled, all, true);
  measure("equal sequence, text and binary", legacy, binary, all, true);
  measure("shuffled multiset", legacy, shuffled, all, false);
  measure("shuffled multiset, other scale", legacy, shuffled_scaled, all, false);
  measure("shuffled multiset, text and binary", legacy, shuffled_binary, all, false);
}

}  // namespace
}  // namespace parallax::shadow

int main() { parallax::shadow::run(); }
