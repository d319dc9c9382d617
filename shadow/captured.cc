#include "shadow/captured.h"

namespace parallax::shadow {

void LiveResult::describe(const std::vector<ColumnInfo>& verified) {
  if (result->rows() == 0) {
    result = std::make_shared<ResultSet>(verified);
  } else if (result->columns().size() == verified.size()) {
    result->describe(verified);
  }
}

namespace {

std::size_t bytes_of(const std::vector<Value>& values) {
  std::size_t total = 0;
  for (const auto& value : values) total += sizeof(Value) + value.bytes.size();
  return total;
}

// Operations between two changes share the settings; counted for each, because each may be between
// two others.
std::size_t bytes_of(const BoundStatement& statement, const LiveResult& live,
                     const ReplayContextRef& context) {
  std::size_t total = shadow::bytes_of(statement) + live.sqlstate.size();
  if (context != nullptr) {
    for (const auto& [name, value] : context->settings) total += name.size() + value.size();
  }
  if (live.result != nullptr) total += live.result->bytes();
  return total;
}

}  // namespace

std::size_t bytes_of(const BoundStatement& statement) {
  return statement.sql.size() + bytes_of(statement.parameters);
}

std::size_t bytes_of(const NamedValues& values) {
  std::size_t total = 0;
  for (const auto& [name, value] : values)
    total += name.size() + sizeof(NamedValue) + bytes_of(value.members);
  return total;
}

std::size_t CapturedOperation::bytes() const {
  return sizeof(CapturedOperation) + bytes_of(statement, live, context) + bytes_of(values);
}

std::size_t CapturedStatement::bytes() const {
  std::size_t total = sizeof(CapturedStatement) + bytes_of(statement, live, context) + tags.bytes();
  if (root) total += bytes_of(root->values);
  for (const auto& child : children) total += sizeof(ChildMatch) + bytes_of(child.values);
  return total;
}

}  // namespace parallax::shadow
