#pragma once

// What the governor goes by, and what it does. Public face of shadow/.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace parallax::shadow {

enum class Sign : std::uint8_t { live_latency, pool_wait, connections };
inline constexpr std::array kSigns = {Sign::live_latency, Sign::pool_wait, Sign::connections};
std::string_view name(Sign sign);

// What was changed, for the log.
struct GovernorStep {
  enum class What : std::uint8_t { sample, replays, connections };
  What what = What::sample;
  std::optional<std::size_t> rule;  // of `sample`: nothing = all rules
  std::optional<Sign> sign;         // why it was lowered; nothing: given back
  double before = 1;                // the share, or how many at once
  double after = 1;
  double pressure = 0;  // how much of its limit the sign has reached
};

}  // namespace parallax::shadow
