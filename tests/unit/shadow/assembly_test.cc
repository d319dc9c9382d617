// Which child belongs to which operation, and what becomes of those that are not whole.

#include "shadow/assembly.h"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <utility>

#include "tests/unit/shadow/tap_fixture.h"

namespace parallax::shadow {
namespace {

constexpr std::uint64_t kWindow = 1'000'000'000;
using Texts = std::vector<std::string>;
using Cell = std::optional<std::string>;

const char* const kPage = "SELECT id, author, editor FROM posts WHERE id > :after";
const char* const kAuthors = "SELECT id, name FROM users WHERE id IN (:page.author)";
const char* const kEditors = "SELECT id, name FROM users WHERE id IN (:page.editor)";
const char* const kBadges =
    "SELECT owner, name FROM badges WHERE owner IN (:authors.id) AND kind = :kind";

std::vector<RuleSource> sources() {
  auto posts = tests::rule("posts", "", "select :after, :kind");
  posts.legacy.clear();
  for (const auto& [name, sql] : std::map<std::string, const char*>{
           {"page", kPage}, {"authors", kAuthors}, {"editors", kEditors}, {"badges", kBadges}}) {
    posts.legacy.push_back({name, {sql, {}}});
  }
  return {posts};
}

struct World {
  std::variant<RuleSet, std::vector<ConfigProblem>> compiled = RuleSet::compile(sources());
  RuleSet& rules = std::get<RuleSet>(compiled);
  const Rule& rule = *rules.rules().front();
  Stitching stitching = std::get<Stitching>(make_stitching(rule.legacy, columns()));
  ReplayContextRef context = std::make_shared<ReplayContext>();
  OpenOperations open{1};

  struct Complete {
    CapturedOperation operation;
    std::size_t parts;
    Assembly::Held held;
  };
  std::vector<Complete> complete;
  std::vector<Assembly::End> ended;
  std::vector<std::optional<OrphanReason>> unused;
  std::size_t given_back = 0;
  Assembly assembly{kWindow, listener()};
  std::uint64_t now = 1;

  std::vector<std::vector<ColumnInfo>> columns() const {
    std::vector<std::vector<ColumnInfo>> all;
    for (const auto& statement : rule.legacy) {
      Texts labels{"id", "name"};
      if (statement.name == "page") labels = {"id", "author", "editor"};
      if (statement.name == "badges") labels = {"owner", "name"};
      auto& columns = all.emplace_back();
      for (const auto& label : labels) columns.push_back({label, 0, 0, 25, false});
    }
    return all;
  }
  Assembly::Listener listener() {
    return {.complete =
                [this](CapturedOperation&& operation, std::vector<LiveResult>&& parts,
                       Assembly::Held&& held) {
                  complete.push_back({std::move(operation), parts.size(), std::move(held)});
                },
            .ended =
                [this](const Rule&, Side, NamedValues&&, Assembly::End end, Assembly::Held&& held) {
                  ended.push_back(end);
                  given_back += held.size();
                },
            .unused =
                [this](std::optional<OrphanReason> reason, std::size_t) {
                  unused.push_back(reason);
                  ++given_back;
                },
            .statement = [](const Rule&, Side) {},
            .stitching = [this](const Rule&, Side) { return &stitching; }};
  }

  CapturedStatement captured(std::size_t width, const std::vector<std::vector<Cell>>& rows,
                             std::uint64_t session) const {
    CapturedStatement statement;
    statement.session_id = session;
    statement.context = context;
    ResultSet result{std::vector<ColumnInfo>(width)};
    for (const auto& row : rows) {
      for (const auto& cell : row) result.add_cell(cell);
    }
    statement.live.result = std::make_shared<ResultSet>(std::move(result));
    return statement;
  }
  static std::vector<Value> values(const std::vector<Cell>& cells) {
    std::vector<Value> out;
    for (const auto& cell : cells)
      out.push_back(cell ? Value{.bytes = *cell} : Value{.null = true, .bytes = {}});
    return out;
  }
  void root(const std::vector<std::vector<Cell>>& rows, std::uint64_t session = 1,
            const std::string& after = "0", StatementTags tags = {}) {
    auto statement = captured(3, rows, session);
    statement.tags = std::move(tags);
    const auto found = RuleSet::match(
        rules.know("SELECT id, author, editor FROM posts WHERE id > $1"), values({after}));
    statement.root = found.root;
    statement.mark = open.open(rule);
    assembly.take(std::move(statement), 1, now);
  }
  // A child as a client writes it.
  CapturedStatement users(const std::vector<Cell>& list, std::uint64_t session = 1) {
    std::vector<std::vector<Cell>> rows;
    for (const auto& cell : list) {
      if (cell) rows.push_back({*cell, "name of " + *cell});
    }
    auto statement = captured(2, rows, session);
    statement.children =
        RuleSet::match(rules.know("SELECT id, name FROM users WHERE id IN " + written(list, 1)),
                       values(list))
            .children;
    REQUIRE(statement.children.size() == 2);
    return statement;
  }
  CapturedStatement badges(const std::vector<Cell>& list, const std::string& kind,
                           std::uint64_t session = 1) {
    auto statement = captured(2, {}, session);
    auto given = list;
    given.insert(given.begin(), kind);
    statement.children =
        RuleSet::match(rules.know("SELECT owner, name FROM badges WHERE owner IN " +
                                  written(list, 2) + " AND kind = $1"),
                       values(given))
            .children;
    REQUIRE(statement.children.size() == 1);
    return statement;
  }
  static std::string written(const std::vector<Cell>& list, std::size_t first) {
    std::string text = "(";
    for (std::size_t i = 0; i < list.size(); ++i)
      text += (i == 0 ? "$" : ", $") + std::to_string(first + i);
    return list.empty() ? "(NULL)" : text + ")";
  }
  void take(CapturedStatement statement) { assembly.take(std::move(statement), 1, now); }
};

TEST_CASE("a call whose children come in any order on any connection") {
  World world;
  world.root({{"1", "a", "e"}, {"2", "b", "e"}});
  CHECK(world.open.any(world.rule));
  world.take(world.users({"e", "e"}, 2));
  world.take(world.users({"a", "b"}, 3));
  CHECK(world.complete.empty());
  world.take(world.badges({"a", "b"}, "gold", 4));
  REQUIRE(world.complete.size() == 1);
  CHECK(world.complete[0].parts == 4);
  CHECK(world.complete[0].held.size() == 4);
  CHECK(world.complete[0].operation.values.at("kind").members[0].bytes == "gold");
  CHECK_FALSE(world.complete[0].operation.values.contains("page.author"));
  CHECK(world.assembly.empty());
  CHECK_FALSE(world.open.any(world.rule));
}

TEST_CASE("a list may be the distinct values, and the list in order goes before that") {
  World world;
  world.root({{"1", "a", std::nullopt}, {"2", "b", "e"}, {"3", "a", "e"}});
  world.take(world.users({"b", "a"}));
  world.take(world.users({"e"}));
  world.take(world.badges({"b", "a"}, "gold"));
  CHECK(world.complete.size() == 1);

  World two;
  two.root({{"1", "a", "x"}, {"2", "b", "x"}}, 1);
  two.root({{"1", "b", "y"}, {"2", "a", "y"}}, 2);
  auto child = two.users({"b", "a"}, 9);
  child.live.seconds = 5;
  two.take(std::move(child));
  two.take(two.users({"y", "y"}, 9));
  two.take(two.badges({"b", "a"}, "gold", 9));
  REQUIRE(two.complete.size() == 1);
  CHECK(two.complete[0].operation.session_id == 2);
  CHECK(two.complete[0].operation.live.seconds == 5);
}

TEST_CASE("the same shape and list twice in one call takes two statements") {
  World world;
  world.root({{"1", "a", "a"}});
  world.take(world.users({"a"}));
  world.take(world.badges({"a"}, "gold"));
  CHECK(world.complete.empty());
  world.take(world.users({"a"}));
  CHECK(world.complete.size() == 1);
}

TEST_CASE("children of an empty parent may come or not") {
  World world;
  world.root({{"1", "a", std::nullopt}});
  world.take(world.users({"a"}));
  world.take(world.badges({"a"}, "gold"));
  CHECK(world.complete.size() == 1);  // nobody waits for the editors
  world.take(world.users({std::nullopt}));
  world.take(world.users({}));
  world.assembly.expire(world.now + kWindow);
  CHECK(world.unused == std::vector<std::optional<OrphanReason>>{std::nullopt, std::nullopt});
}

TEST_CASE("where an empty child alone gives a value, the call waits for it") {
  World world;
  world.root({});
  CHECK(world.complete.empty());
  world.take(world.badges({}, "gold"));
  REQUIRE(world.complete.size() == 0);
  world.take(world.users({}));
  world.assembly.expire(world.now + kWindow);
  CHECK(world.ended.size() + world.complete.size() == 1);
}

TEST_CASE("a child that comes before its parent waits for it") {
  World world;
  world.take(world.badges({"a"}, "gold", 3));
  world.take(world.users({"a"}, 2));
  world.root({{"1", "a", std::nullopt}});
  CHECK(world.complete.size() == 1);
}

TEST_CASE("what does not come in time is incomplete, and its child is nobody's") {
  World world;
  world.root({{"1", "a", "e"}});
  world.take(world.users({"zz"}));
  world.assembly.expire(world.now + kWindow - 1);
  CHECK(world.unused.size() == 1);
  CHECK(world.unused[0] == OrphanReason::no_parent);
  CHECK(world.ended.empty());
  world.assembly.expire(world.now + kWindow);
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::incomplete});
  CHECK(world.given_back == 2);
  CHECK(world.assembly.empty());
}

TEST_CASE("another context is another client's") {
  World world;
  world.root({{"1", "a", std::nullopt}});
  auto child = world.users({"a"});
  child.context = std::make_shared<ReplayContext>(ReplayContext{{{"role", "other"}}, {}, {}});
  world.take(std::move(child));
  world.take(world.badges({"a"}, "gold"));
  CHECK(world.complete.empty());
}

TEST_CASE("two calls that wait for the same child: whose values they are cannot be told") {
  World world;
  for (const std::uint64_t session : {1U, 2U}) {
    world.root({{"1", "a", std::nullopt}}, session);
    world.take(world.users({"a"}, session));
  }
  world.take(world.badges({"a"}, "gold", 7));
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::ambiguous, SkipReason::ambiguous});
  CHECK(world.complete.empty());

  World own;  // a connection serves one call at a time
  for (const std::uint64_t session : {1U, 2U}) {
    own.root({{"1", "a", std::nullopt}}, session);
    own.take(own.users({"a"}, session));
  }
  own.take(own.badges({"a"}, "gold", 2));
  REQUIRE(own.complete.size() == 1);
  CHECK(own.complete[0].operation.session_id == 2);
}

StatementTags call(const std::string& request) {
  return {.operation = "posts", .request = request, .traceparent = {}};
}

// Two calls of one page, tagged by their requests, of which each waits for badges.
struct Tagged : World {
  explicit Tagged(const std::vector<StatementTags>& roots) {
    for (const auto& tags : roots) {
      const std::uint64_t session = ++sessions;
      root({{"1", "a", std::nullopt}}, session, "0", tags);
      auto authors = users({"a"}, session);
      authors.tags = tags;
      take(std::move(authors));
    }
  }
  void take_badges(const std::string& kind, const StatementTags& tags) {
    auto child = badges({"a"}, kind, 9);
    child.tags = tags;
    take(std::move(child));
  }
  std::string kind_of(std::size_t call) const {
    return complete.at(call).operation.values.at("kind").members[0].bytes;
  }
  std::uint64_t sessions = 0;
};

TEST_CASE("tags say whose child it is where lists do not") {
  Tagged world({call("r1"), call("r2")});
  world.take_badges("silver", call("r2"));
  world.take_badges("gold", call("r1"));
  REQUIRE(world.complete.size() == 2);
  CHECK(world.complete[0].operation.session_id == 2);
  CHECK(world.kind_of(0) == "silver");
  CHECK(world.complete[1].operation.session_id == 1);
  CHECK(world.kind_of(1) == "gold");

  Tagged operations({{.operation = "a", .request = {}, .traceparent = {}},
                     {.operation = "b", .request = {}, .traceparent = {}}});
  operations.take_badges("gold", {.operation = "b", .request = {}, .traceparent = {}});
  REQUIRE(operations.complete.size() == 1);
  CHECK(operations.complete[0].operation.session_id == 2);
}

TEST_CASE("a child without tags, or calls without: as if there were none") {
  Tagged world({call("r1"), call("r2")});
  world.take_badges("gold", {});
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::ambiguous, SkipReason::ambiguous});

  Tagged untagged({{}, {}});
  untagged.take_badges("gold", call("r1"));
  CHECK(untagged.ended == std::vector<Assembly::End>{SkipReason::ambiguous, SkipReason::ambiguous});
}

TEST_CASE("calls that tags do not tell apart are ambiguous, and others stay") {
  Tagged world({call("r1"), call("r2"), call("r1")});
  world.take_badges("gold", call("r1"));
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::ambiguous, SkipReason::ambiguous});
  world.take_badges("gold", call("r2"));
  CHECK(world.complete.size() == 1);
}

TEST_CASE("a child of another call waits for its own") {
  Tagged world({call("r1")});
  world.take_badges("silver", call("r2"));
  CHECK(world.complete.empty());
  world.root({{"1", "a", std::nullopt}}, 2, "0", call("r2"));
  auto authors = world.users({"a"}, 2);
  authors.tags = call("r2");
  world.take(std::move(authors));
  REQUIRE(world.complete.size() == 1);
  CHECK(world.complete[0].operation.session_id == 2);
  world.take_badges("gold", call("r1"));
  CHECK(world.complete.size() == 2);
  CHECK(world.kind_of(1) == "gold");
  CHECK(world.assembly.empty());
}

TEST_CASE("tags narrow, they are never required: a child that nobody else wants is taken at last") {
  Tagged world({call("r1")});
  world.take_badges("gold", call("r2"));
  world.assembly.expire(world.now + 249'000'000);
  CHECK(world.complete.empty());
  world.assembly.expire(world.now + 250'000'000);
  CHECK(world.complete.size() == 1);
  CHECK(world.unused.empty());
  CHECK(world.assembly.empty());

  World each_its_own;  // a whole call whose statements have nothing in common
  each_its_own.root({{"1", "a", std::nullopt}}, 1, "0", call("r1"));
  auto badges = each_its_own.badges({"a"}, "gold", 3);
  badges.tags = call("r3");
  each_its_own.take(std::move(badges));
  auto users = each_its_own.users({"a"}, 2);
  users.tags = call("r2");
  each_its_own.take(std::move(users));
  each_its_own.assembly.expire(each_its_own.now + 250'000'000);
  CHECK(each_its_own.complete.size() == 1);
}

TEST_CASE("a list as a set of the same call goes before a list in order of another") {
  World world;
  world.root({{"1", "a", "x"}, {"2", "b", "x"}}, 1, "0", call("r1"));
  world.root({{"1", "b", "y"}, {"2", "a", "y"}}, 2, "0", call("r2"));
  auto child = world.users({"b", "a"}, 9);
  child.tags = call("r1");
  world.take(std::move(child));
  world.take(world.users({"x", "x"}, 9));
  world.take(world.badges({"a", "b"}, "gold", 9));
  REQUIRE(world.complete.size() == 1);
  CHECK(world.complete[0].operation.session_id == 1);
}

TEST_CASE("a child that cannot be compared takes its operation along") {
  World world;
  world.root({{"1", "a", std::nullopt}});
  auto child = world.users({"a"});
  child.skip = SkipReason::txn_wrote;
  world.take(std::move(child));
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::txn_wrote});
}

TEST_CASE("a parent whose rows were not captured has no lists") {
  World world;
  CapturedStatement root = world.captured(3, {}, 1);
  root.root = RuleSet::match(world.rules.know("SELECT id, author, editor FROM posts WHERE id > $1"),
                             World::values({"0"}))
                  .root;
  root.live.result = nullptr;
  world.take(std::move(root));
  CHECK(world.ended == std::vector<Assembly::End>{SkipReason::too_large});
}

TEST_CASE("an error ends the operation: nothing follows it") {
  World world;
  world.root({{"1", "a", "e"}});
  auto child = world.users({"a"});
  child.live.result = nullptr;
  child.live.sqlstate = "22012";
  world.take(std::move(child));
  REQUIRE(world.complete.size() == 1);
  CHECK(world.complete[0].operation.live.sqlstate == "22012");
}

TEST_CASE("a drain ends all that waits") {
  World world;
  world.root({{"1", "a", "e"}});
  world.take(world.users({"zz"}));
  world.assembly.drop_all(DropReason::drain);
  CHECK(world.ended == std::vector<Assembly::End>{DropReason::drain});
  CHECK(world.unused.size() == 1);
  CHECK(world.assembly.empty());
  CHECK_FALSE(world.open.any(world.rule));
}

}  // namespace
}  // namespace parallax::shadow
