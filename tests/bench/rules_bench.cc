// What a statement costs on a worker's loop: reading its shape the first time, cutting its comments
// each time, matching its parameters, binding the rewrite. Prints nanoseconds per call, the median
// of several runs with their spread.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "shadow/rules/rule.h"
#include "shadow/rules/statement_tags.h"

namespace {

using namespace parallax::shadow;
using Clock = std::chrono::steady_clock;

constexpr int kRuns = 9;

// Keeps the compiler from dropping what is measured.
volatile std::size_t sink = 0;

template <typename Work>
void measure(const char* what, int calls, Work work) {
  std::vector<double> runs;
  for (int run = 0; run < kRuns; ++run) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) sink = sink + work();
    const std::chrono::duration<double, std::nano> spent = Clock::now() - begin;
    runs.push_back(spent.count() / calls);
  }
  std::sort(runs.begin(), runs.end());
  std::printf("%-44s %10.0f ns/op  (%.0f to %.0f)\n", what, runs[kRuns / 2], runs.front(),
              runs.back());
}

// As Prisma writes it: about 700 bytes, parameters for LIMIT and OFFSET.
std::string prisma_select(const std::array<const char*, 4>& values) {
  std::string sql = "SELECT ";
  for (const char* column : {"id", "number", "title", "description", "status", "severity",
                             "checklist", "metadata", "estimate", "score", "createdAt", "updatedAt",
                             "resolvedAt", "machineId", "organizationId", "createdById"}) {
    sql.append("\"public\".\"issues\".\"").append(column).append("\", ");
  }
  sql.append("\"public\".\"issues\".\"assignedToId\" FROM \"public\".\"issues\" WHERE ")
      .append("(\"public\".\"issues\".\"organizationId\" = ")
      .append(values[0])
      .append(" AND \"public\".\"issues\".\"id\" IN (")
      .append(values[1])
      .append(")) LIMIT ")
      .append(values[2])
      .append(" OFFSET ")
      .append(values[3]);
  return sql;
}

RuleSet compile(const std::string& legacy) {
  RuleSource source;
  source.name.text = "issues";
  source.legacy.front().sql.text = legacy;
  source.rewrite.front().sql.text =
      "select \"id\" from \"issues\" where \"organizationId\" = :org and \"id\" in (:ids) limit "
      ":take";
  std::vector<RuleSource> sources{source};
  auto compiled = RuleSet::compile(std::move(sources));
  if (const auto* problems = std::get_if<std::vector<ConfigProblem>>(&compiled)) {
    std::fprintf(stderr, "%s\n", problems->front().text().c_str());
    std::exit(1);
  }
  return std::get<RuleSet>(std::move(compiled));
}

}  // namespace

int main() {
  const std::string sql = prisma_select({"$1", "$2,$3,$4", "$5", "$6"});
  std::string tagged = sql;
  tagged.append(" /*operation='issueRouter.list'*/");
  const std::string legacy = prisma_select({":org", ":ids", ":take", "0"});
  const RuleSet set = compile(legacy);
  std::vector<Value> parameters(6);
  for (auto& parameter : parameters) parameter.bytes = "0";
  const KnownText known = set.know(sql);
  const auto matched = set.match(known, parameters);
  if (!matched.root.has_value()) return 1;
  const RootMatch& match = *matched.root;

  std::printf("a statement of %zu bytes\n", sql.size());
  measure("shape_of", 5'000, [&] {
    const auto shape = shape_of(sql, ShapeDialect::statement);
    return std::get<StatementShape>(shape).key.size();
  });
  measure("know: shape and rules of the key", 5'000, [&] { return set.know(sql).roots.size(); });
  measure("shape_of select 1", 20'000, [&] {
    const auto shape = shape_of("select 1", ShapeDialect::statement);
    return std::get<StatementShape>(shape).key.size();
  });
  measure("without_outer_comments, none", 200'000,
          [&] { return without_outer_comments(sql).size(); });
  measure("without_outer_comments, a tag", 200'000,
          [&] { return without_outer_comments(tagged).size(); });
  measure("read_tags, an operation", 200'000,
          [&] { return read_tags(tagged, without_outer_comments(tagged), {}).bytes(); });
  measure("match, 6 parameters, a list of 3", 100'000,
          [&] { return RuleSet::match(known, parameters).root->values.size(); });
  measure("bind_rewrite", 100'000,
          [&] { return match.rule->bind(Side::rewrite, 0, match.values).parameters.size(); });
  return 0;
}
