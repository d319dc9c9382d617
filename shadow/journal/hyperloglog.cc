#include "shadow/journal/hyperloglog.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

namespace parallax::shadow {
namespace {

constexpr unsigned kRankMax = 64 - HyperLogLog::kIndexBits + 1;
constexpr std::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
static_assert(kDigits.size() == 64 && kRankMax < 64 &&
              HyperLogLog::kRegisters <= std::size_t{64} * 64);

// Ertl's sigma and tau: what registers at 0 and at the greatest rank say.
double sigma(double x) {
  if (x == 1) return HUGE_VAL;
  double y = 1;
  double z = x;
  for (double before = -1; z != before;) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  for (double before = -1; z != before;) {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}

}  // namespace

void HyperLogLog::add(std::uint64_t hash) {
  const auto index = static_cast<std::size_t>(hash >> (64 - kIndexBits));
  const std::uint64_t rest = hash << kIndexBits;
  const auto rank = std::min(static_cast<unsigned>(std::countl_zero(rest)) + 1, kRankMax);
  ranks_[index] = std::max(ranks_[index], static_cast<std::uint8_t>(rank));
}

void HyperLogLog::merge(const HyperLogLog& other) {
  for (std::size_t i = 0; i < kRegisters; ++i) ranks_[i] = std::max(ranks_[i], other.ranks_[i]);
}

double HyperLogLog::estimate() const {
  constexpr auto kM = static_cast<double>(kRegisters);
  std::array<std::size_t, kRankMax + 1> of_rank{};
  for (const auto rank : ranks_) ++of_rank[rank];
  double z = kM * tau(1 - static_cast<double>(of_rank[kRankMax]) / kM);
  for (std::size_t rank = kRankMax - 1; rank >= 1; --rank) {
    z = 0.5 * (z + static_cast<double>(of_rank[rank]));
  }
  z += kM * sigma(static_cast<double>(of_rank[0]) / kM);
  return kM * kM / (2 * std::log(2.0) * z);
}

std::string HyperLogLog::text() const {
  const auto used = kRegisters - static_cast<std::size_t>(std::ranges::count(ranks_, 0));
  std::string text;
  const bool sparse = used * 3 < kRegisters;
  for (std::size_t i = 0; i < kRegisters; ++i) {
    if (sparse && ranks_[i] == 0) continue;
    if (sparse) text += {kDigits[i / 64], kDigits[i % 64]};
    text += kDigits[ranks_[i]];
  }
  return text;
}

std::optional<HyperLogLog> HyperLogLog::read(std::string_view text) {
  HyperLogLog sketch;
  const bool dense = text.size() == kRegisters;
  if (!dense && (text.size() % 3 != 0 || text.size() > kRegisters)) return std::nullopt;
  const std::size_t step = dense ? 1 : 3;
  for (std::size_t at = 0; at < text.size(); at += step) {
    std::size_t index = at;
    if (!dense) index = kDigits.find(text[at]) * 64 + kDigits.find(text[at + 1]);
    const auto rank = kDigits.find(text[at + step - 1]);
    if (index >= kRegisters || rank > kRankMax) return std::nullopt;
    sketch.ranks_[index] = static_cast<std::uint8_t>(rank);
  }
  return sketch;
}

}  // namespace parallax::shadow
