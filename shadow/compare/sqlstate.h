#pragma once

// SQLSTATEs that say something of the replay rather than of the statement (PostgreSQL manual,
// Appendix A).

#include <string_view>

namespace parallax::shadow {

inline constexpr std::string_view kQueryCanceled = "57014";
inline constexpr std::string_view kLockNotAvailable = "55P03";
inline constexpr std::string_view kInsufficientPrivilege = "42501";

inline bool is_timeout(std::string_view sqlstate) {
  return sqlstate == kQueryCanceled || sqlstate == kLockNotAvailable;
}

// Connection, transaction rollback, resources, operator intervention, system, internal.
inline bool is_server_trouble(std::string_view sqlstate) {
  if (is_timeout(sqlstate)) return false;
  const auto of_class = [&](std::string_view prefix) { return sqlstate.starts_with(prefix); };
  return of_class("08") || of_class("40") || of_class("53") || of_class("57") || of_class("58") ||
         of_class("XX");
}

}  // namespace parallax::shadow
