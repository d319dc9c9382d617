#include "shadow/replay/server_facts.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace parallax::shadow {
namespace {

// Role, superuser, bypasses, a table to write, creates schemas, creates in public, standby.
ServerFacts facts(const std::vector<std::string>& cells) {
  ResultSet rows{std::vector<ColumnInfo>(cells.size())};
  for (const auto& cell : cells) {
    rows.add_cell(cell.empty() ? std::nullopt : std::optional<std::string_view>(cell));
  }
  return read_server_facts(rows);
}

bool begins(const ServerFacts& facts, const std::string& text) {
  return facts.warning.starts_with("the shadow's role " + text + ", so that replays ");
}

TEST_CASE("what the role may do is one sentence") {
  CHECK(facts({"app", "f", "f", "", "f", "f", "f"}) == ServerFacts{});
  CHECK(begins(facts({"app", "t", "t", "items", "t", "t", "f"}), "app is a superuser"));
  CHECK(begins(facts({"app", "f", "t", "items", "t", "t", "f"}),
               "app bypasses row-level security, may change items, may create schemas, may create "
               "objects in schema public"));
  CHECK(begins(facts({"app", "f", "f", "items", "f", "f", "f"}), "app may change items"));
  const auto standby = facts({"app", "f", "f", "", "f", "f", "t"});
  CHECK(standby.warning.empty());
  CHECK(standby.information == "the shadow is a standby: it can write nothing at all");
}

}  // namespace
}  // namespace parallax::shadow
