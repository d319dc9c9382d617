#include "shadow/captured.h"

namespace parallax::shadow {

void LiveResult::describe(const std::vector<ColumnInfo>& verified) {
  if (result->rows() == 0) {
    result = std::make_shared<ResultSet>(verified);
  } else if (result->columns().size() == verified.size()) {
    result->describe(verified);
  }
}

std::size_t CapturedOperation::bytes() const {
  // The settings are shared by all operations of a session.
  std::size_t total = sizeof(CapturedOperation) + legacy.sql.size() + live.sqlstate.size();
  if (live.result != nullptr) total += live.result->bytes();
  for (const auto& parameter : legacy.parameters) total += sizeof(Value) + parameter.bytes.size();
  for (const auto& [name, value] : values) {
    total += name.size() + sizeof(NamedValue);
    for (const auto& member : value.members) total += sizeof(Value) + member.bytes.size();
  }
  return total;
}

}  // namespace parallax::shadow
