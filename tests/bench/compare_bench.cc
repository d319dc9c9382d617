// Rows per second of the comparison: equal sequences and shuffled multisets of five mixed columns.

#include <algorithm>
#include <chrono>
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

// int8, text, numeric, timestamptz, bool; `scale` zeros more at the end of the numeric.
ResultSet make(const std::vector<std::size_t>& sequence, std::size_t scale) {
  ResultSet out({{"id", 0, 0, 20},
                 {"name", 0, 0, 25},
                 {"cost", 0, 0, 1700},
                 {"created_at", 0, 0, 1184},
                 {"active", 0, 0, 16}});
  for (const std::size_t row : sequence) {
    out.add_cell(std::to_string(row));
    out.add_cell("machine number " + std::to_string(row * 7919 % 100'003));
    out.add_cell(std::to_string(row % 1000) + "." + std::to_string(10 + row % 90) +
                 std::string(scale, '0'));
    out.add_cell("2024-05-17 08:15:30." + std::to_string(100'000 + row % 900'000) + "+00");
    if (row % 10 == 0) {
      out.add_cell(std::nullopt);
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
  rule.legacy_order.ordered = ordered;
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
  std::printf("%-34s %10.0f rows/s  (%.2f ms for %zu rows, min %.2f, max %.2f)%s\n", what,
              static_cast<double>(kRows) / median, median * 1e3, kRows, seconds.front() * 1e3,
              seconds.back() * 1e3, equal ? "" : "  DIFFERENT");
}

void run() {
  std::vector<std::size_t> sequence(kRows);
  std::iota(sequence.begin(), sequence.end(), std::size_t{0});
  const ResultSet legacy = make(sequence, 0);
  const ResultSet same = make(sequence, 0);
  const ResultSet scaled = make(sequence, 2);
  std::shuffle(sequence.begin(), sequence.end(), std::mt19937_64(1));
  const ResultSet shuffled = make(sequence, 0);
  const ResultSet shuffled_scaled = make(sequence, 2);
  measure("equal bytes", legacy, same, pairing_of(false), true);
  measure("equal sequence, cell by cell", legacy, same, pairing_of(true), true);
  measure("equal sequence, other scale", legacy, scaled, pairing_of(false), true);
  measure("shuffled multiset", legacy, shuffled, pairing_of(false), false);
  measure("shuffled multiset, other scale", legacy, shuffled_scaled, pairing_of(false), false);
}

}  // namespace
}  // namespace parallax::shadow

int main() { parallax::shadow::run(); }
