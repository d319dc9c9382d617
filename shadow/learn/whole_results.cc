#include "shadow/learn/whole_results.h"

#include <string>
#include <utility>

#include "shadow/compare/stitch.h"

namespace parallax::shadow {

namespace {

constexpr std::uint32_t kText = 25;  // pg_type.dat
constexpr std::size_t kWholeBytesMax = std::size_t{8} * 1024 * 1024;

std::vector<ColumnInfo> infos(const StatementFacts& facts) {
  std::vector<ColumnInfo> columns;
  for (const OutputColumn& column : facts.columns) {
    ColumnInfo info;
    info.label = column.label;
    info.type_oid = kText;
    columns.push_back(std::move(info));
  }
  return columns;
}

}  // namespace

void describe_results(LearnedTraffic& traffic, std::span<const StatementFacts> facts) {
  for (std::size_t s = 0; s < traffic.statements.size(); ++s) {
    const auto columns = infos(facts[s]);
    for (Observation& seen : traffic.statements[s].examples) {
      if (seen.result == nullptr || columns.empty()) continue;
      if (seen.result->rows() == 0) {
        *seen.result = ResultSet(columns);
      } else if (seen.result->columns().size() == columns.size()) {
        seen.result->describe(columns);
      }
    }
  }
}

std::vector<WholeColumn> whole_columns(const LegacyOperation& operation,
                                       std::span<const StatementFacts> facts) {
  std::vector<WholeColumn> columns;
  for (std::size_t node = 0; node < operation.nodes.size(); ++node) {
    const auto& output = facts[operation.nodes[node].statement].columns;
    for (std::size_t c = 0; c < output.size(); ++c) {
      bool link = node > 0 && operation.nodes[node].link_column == c;
      for (std::size_t child = 1; child < operation.nodes.size(); ++child) {
        const auto& other = operation.nodes[child];
        link = link || (other.parent == node && other.parent_column == c);
      }
      columns.push_back({node, c, link});
    }
  }
  return columns;
}

std::vector<std::optional<ResultSet>> whole_results(const LegacyOperation& operation,
                                                    std::span<const StatementFacts> facts) {
  Stitching stitching;
  std::size_t first = 0;
  for (const OperationNode& own : operation.nodes) {
    auto columns = infos(facts[own.statement]);
    const std::size_t count = columns.size();
    stitching.parts.push_back(
        {std::move(columns), first, own.parent, own.parent_column, own.link_column});
    first += count;
  }
  std::vector<std::optional<ResultSet>> wholes;
  for (const auto& example : operation.examples) {
    std::vector<ResultSet> empty;
    empty.reserve(example.size());
    std::vector<const ResultSet*> parts;
    for (std::size_t node = 0; node < example.size(); ++node) {
      empty.emplace_back(stitching.parts[node].columns);
      parts.push_back(example[node] == nullptr ? &empty.back() : example[node]->result.get());
    }
    wholes.push_back(stitch(stitching, {}, {}, parts, kWholeBytesMax));
    const bool fits = wholes.back() && !wholes.back()->columns().empty() &&
                      wholes.back()->columns().size() == first;
    if (!fits) wholes.back().reset();
  }
  return wholes;
}

}  // namespace parallax::shadow
