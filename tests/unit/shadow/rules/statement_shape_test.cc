#include "shadow/rules/statement_shape.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

using test::key;

StatementShape read(std::string_view sql, ShapeDialect dialect = ShapeDialect::statement) {
  auto shape = shape_of(sql, dialect);
  REQUIRE(std::holds_alternative<StatementShape>(shape));
  return std::get<StatementShape>(std::move(shape));
}

ShapeError error(std::string_view sql) {
  auto shape = shape_of(sql, ShapeDialect::statement);
  REQUIRE(std::holds_alternative<ShapeError>(shape));
  return std::get<ShapeError>(std::move(shape));
}

std::string literal(std::string_view constant) {
  const std::string sql = "select " + std::string(constant);
  const auto shape = read(sql);
  REQUIRE(shape.slots.size() == 1);
  REQUIRE(shape.slots[0].members.size() == 1);
  const Slot& slot = shape.slots[0].members[0];
  CHECK(slot.kind == SlotKind::literal);
  CHECK(slot.begin == 7);
  CHECK(slot.end == sql.size());
  return slot.text;
}

TEST_CASE("a key tells apart what the fingerprint does not") {
  CHECK(key("select 1 from t where id = $1") != key("select 1 from t where id in ($1,$2,$3)"));
  CHECK(key("select 1 from t where id = $1") != key("select 1 from t where id in ($1)"));
  CHECK(key("select 1 from t where id = $1") != key("select 1 from t where id in (null)"));
  CHECK(key("select 1 from t where id = $1") != key("select 1 from t where id = any($1)"));
  CHECK(key("select 1 from t where id in ($1)") != key("select 1 from t where id = any($1)"));
  CHECK(key("select 1 from t limit $2") != key("select 1 from t limit $2 offset $3"));
  CHECK(key("select a, b from t") != key("select b, a from t"));
  CHECK(key("insert into t values ($1)") != key("insert into t values ($1), ($2)"));
  CHECK(key("select a from t") != key("select a from public.t"));
  CHECK(key("select a from t") != key("select t.a from t"));
  CHECK(key("select a from t where 1=0") != key("select a from t"));
  CHECK(key("select a from t where 1=0") != key("select a from t where 1=1"));
  CHECK(key("select a from t where 1=1 and b = $1") != key("select a from t where b = $1"));
  CHECK(key("select a::text from t") != key("select b::text from t"));
  CHECK(key("select a::text from t") != key("select a from t"));
  CHECK(key("select \"A\" from t") != key("select a from t"));
  CHECK(key("select \"a\" from t") != key("select a from t"));
  CHECK(key("select a is null from t") != key("select a is not null from t"));
  CHECK(key("select a is true from t") != key("select a is false from t"));
  CHECK(key("select not true") != key("select not false"));
  CHECK(key("select a - 5 from t") != key("select a, -5 from t"));
}

TEST_CASE("a key does not see numbers of parameters, comments, case, space, list lengths") {
  CHECK(key("select 1 from t where id = $1") == key("select 1 from t where id = $2"));
  CHECK(key("select 1 from t where id = $1") == key("select 1 from t where id = 'x'"));
  CHECK(key("SELECT  1\nFROM T -- c\nWHERE /* a /* b */ */ Id=$1;;") ==
        key("select 1 from t where id = $1"));
  CHECK(key("select 1 from t where id <> $1") == key("select 1 from t where id != $1"));
  CHECK(key("select 1 where 1 = 1") == key("select 1 where 1=1"));
  const auto list = key("select 1 from t where id in ($1)");
  CHECK(list == key("select 1 from t where id in ($1,$2,$3)"));
  CHECK(list == key("select 1 from t where id in (1, -2, 'x', null, $7)"));
  CHECK(list == key("select 1 from t where id in (NULL)"));
  CHECK(key("select array[$1]") == key("select ARRAY[1, 2, 3]"));
  CHECK(key("select array[$1]") == key("select ARRAY[]"));
  CHECK(key("select 1 where s in (cast($1::text as \"E\"))") ==
        key("select 1 where s in (CAST($1::text AS \"E\"),CAST($2::text AS \"E\"))"));
  CHECK(key("select 1 where s in ($1::int)") == key("select 1 where s in ($1::int, 2::int)"));
  CHECK(key("select 1 where s in (cast($1 as timestamp with time zone))") ==
        key("select 1 where s in (cast($1 as timestamp with time zone), "
            "cast($2 as timestamp with time zone))"));
}

TEST_CASE("what looks like a list and is none") {
  CHECK(key("select 1 where s in (a, b)") == "select $ where s in ( a , b )");
  CHECK(key("select 1 where s in (a, $1)") == "select $ where s in ( a , $ )");
  CHECK(key("select 1 where s in (select id from t where x = $1)") ==
        "select $ where s in ( select id from t where x = $ )");
  CHECK(key("select 1 where s in (with w as (table t) select id from w limit $1)") ==
        "select $ where s in ( with w as ( table t ) select id from w limit $ )");
  CHECK(key("select 1 where (a, b) in (($1, $2), ($3, $4))") ==
        "select $ where ( a , b ) in ( ( $ , $ ) , ( $ , $ ) )");
  CHECK(key("select 1 where s in ($1, $2::int)") == "select $ where s in ( $ , $ :: int )");
  CHECK(key("select 1 where s in ($1::int, $2::int8)") ==
        "select $ where s in ( $ :: int , $ :: int8 )");
  CHECK(key("select array[[1,2],[3,4]]") == "select array [ [ $ , $ ] , [ $ , $ ] ]");
  CHECK(key("select f(1, 2), a[1]") == "select f ( $ , $ ) , a [ $ ]");
  // An unclosed list is the server's to refuse.
  CHECK(key("select 1 where s in ($1, $2") == "select $ where s in ( $ , $");
  CHECK(key("select 1 where s in ($1, $2]") == "select $ where s in ( $ , $ ]");
  CHECK(key("select 1 where s in ()") == "select $ where s in ( )");
}

TEST_CASE("lists keep their members and their place") {
  const std::string sql = "select 1 where s in ( CAST($2::text AS e) , CAST('x'::text AS e) )";
  const auto shape = read(sql);
  CHECK(shape.key == "select $ where s in ( $* cast ( $ :: text as e ) )");
  REQUIRE(shape.slots.size() == 2);
  const SlotGroup& list = shape.slots[1];
  CHECK(list.list);
  CHECK_FALSE(list.array);
  REQUIRE(list.members.size() == 2);
  CHECK(list.members[0].kind == SlotKind::parameter);
  CHECK(list.members[0].number == 2);
  CHECK(list.members[1].text == "x");
  CHECK(sql.substr(list.begin, list.end - list.begin) ==
        "CAST($2::text AS e) , CAST('x'::text AS e)");
  CHECK(sql.substr(list.first_member_begin, list.first_member_end - list.first_member_begin) ==
        "CAST($2::text AS e)");

  const auto empty = read("select 1 where s in (NULL)").slots[1];
  CHECK(empty.list);
  CHECK(empty.members.empty());
  const auto null_parameter_and_null = read("select 1 where s in ($1, NULL)").slots[1];
  CHECK(null_parameter_and_null.members.size() == 2);
  const auto array = read("select ARRAY[NULL]").slots[0];
  CHECK(array.array);
  CHECK(array.members.size() == 1);
  CHECK(read("select ARRAY[]").slots[0].members.empty());
  // Lists within lists that are none.
  CHECK(key("select 1 where a in (b, c in (1, 2))") == "select $ where a in ( b , c in ( $* $ ) )");
}

TEST_CASE("literals are decoded as the server reads them") {
  CHECK(literal("'it''s'") == "it's");
  CHECK(literal("'back\\slash'") == "back\\slash");
  CHECK(literal("''") == "");
  CHECK(literal("'foo'\n  'bar'") == "foobar");
  CHECK(literal("E'foo\\'' \n 'b\\'ar'") == "foo'b'ar");
  CHECK(literal("E'a\\n\\t\\\\\\'b''c'") == "a\n\t\\'b'c");
  CHECK(literal("e'\\x41\\101\\u00e9\\U0001F600\\q\\xg'") == "AA\xC3\xA9\xF0\x9F\x98\x80qxg");
  CHECK(literal("E'\\ud83d\\ude00'") == "\xF0\x9F\x98\x80");
  CHECK(literal("$$x'y$$") == "x'y");
  CHECK(literal("$tag$a $$ b$tag$") == "a $$ b");
  CHECK(literal("U&'d\\0061t\\+000061\\\\'") == "data\\");
  CHECK(literal("U&'d!0061' UESCAPE '!'") == "da");
  CHECK(literal("B'101'") == "b101");
  CHECK(literal("X'1F'") == "x1F");
  CHECK(literal("5") == "5");
  CHECK(literal("-5") == "-5");
  CHECK(literal("- 5.0e3") == "-5.0e3");
  CHECK(literal("+.5") == ".5");
  CHECK(literal("99999999999999999999") == "99999999999999999999");
  CHECK(literal("TRUE") == "true");
  CHECK(literal("False") == "false");
  CHECK(literal("NULL") == "null");
}

TEST_CASE("types of literals") {
  const auto shape = read("select 'a', 1, -1.5, true, null");
  REQUIRE(shape.slots.size() == 5);
  CHECK(shape.slots[0].members[0].literal_type == LiteralType::string);
  CHECK(shape.slots[1].members[0].literal_type == LiteralType::number);
  CHECK(shape.slots[2].members[0].literal_type == LiteralType::number);
  CHECK(shape.slots[3].members[0].literal_type == LiteralType::boolean);
  CHECK(shape.slots[4].members[0].literal_type == LiteralType::null);
}

TEST_CASE("a sign belongs to a number where no operator can stand") {
  for (const char* sql :
       {"select -1", "select (-1)", "select a = -1", "select a, -1", "select a - -1",
        "select a between -1 and -2", "select case when a then -1 end", "select a[-1]",
        "select 1 limit -1", "select a from t order by -1", "select a @> -1"}) {
    INFO(sql);
    const auto shape = read(sql);
    REQUIRE_FALSE(shape.slots.empty());
    CHECK(shape.slots.back().members[0].text.front() == '-');
  }
  for (const char* sql :
       {"select a -1", "select 2 -1", "select (a) -1", "select a[2] -1", "select $1 -1",
        "select case when a then b end -1", "select null -1", "select current_date -1",
        "select \"a\" -1", "select name -1", "select -$1, 1"}) {
    INFO(sql);
    CHECK(read(sql).slots.back().members[0].text == "1");
  }
}

TEST_CASE("comparisons of two constants stay in the key") {
  CHECK(key("select a from t where 1=1") == "select a from t where 1 = 1");
  CHECK(key("select a from t where (1 = 0) or 'x'<>'y' and true = false") ==
        "select a from t where ( 1 = 0 ) or 'x' <> 'y' and true = false");
  CHECK(key("select a from t where - 1 = -1 order by a") ==
        "select a from t where -1 = -1 order by a");
  CHECK(read("select a from t where 1=1").slots.empty());
  // Part of a calculation, or not two constants.
  CHECK(key("select a from t where b + 1 = 1") == "select a from t where b + $ = $");
  CHECK(key("select a from t where 1 = 1 + b") == "select a from t where $ = $ + b");
  CHECK(key("select a from t where 1 = $1") == "select a from t where $ = $");
  CHECK(key("select a from t where date '2020-01-01' = '2020-01-02'") ==
        "select a from t where date $ = $");
  CHECK(key("select a from t where 1 = 1::int") == "select a from t where $ = $ :: int");
}

TEST_CASE("names of rules") {
  const std::string sql =
      "select a::text from t where id = :userId and :select = b and c = :_ limit :take::int";
  const auto shape = read(sql, ShapeDialect::rule);
  REQUIRE(shape.slots.size() == 4);
  CHECK(shape.slots[0].members[0].kind == SlotKind::name);
  CHECK(shape.slots[0].members[0].text == "userId");
  CHECK(sql.substr(shape.slots[0].members[0].begin, 7) == ":userId");
  CHECK(shape.slots[1].members[0].text == "select");
  CHECK(shape.slots[2].members[0].kind == SlotKind::any);
  CHECK(shape.slots[3].members[0].text == "take");
  CHECK(shape.key == key("select a::text from t where id = $1 and $2 = b and c = 5 limit 7::int"));

  CHECK(read("select :ids = any(:x) and y in (:z)", ShapeDialect::rule).slots[2].list);
  CHECK(read("select : a, :\"x\", b[1 : n]", ShapeDialect::rule).slots.size() == 1);
  CHECK(read("select a[:n]", ShapeDialect::rule).slots.size() == 1);
  CHECK(read("select :a", ShapeDialect::statement).slots.empty());
}

TEST_CASE("flags") {
  CHECK(read("select set_config('a', 'b', false)").sets_config);
  CHECK(read("select pg_catalog.\"set_config\"($1, $2, $3)").sets_config);
  CHECK(read("select SET_CONFIG ('a', 'b', false)").sets_config);
  CHECK_FALSE(read("select set_config from t where a = 'set_config('").sets_config);

  for (const char* sql :
       {"insert into t values (1)", "update t set a = 1", "UPDATE \"t\" set a = 1", "delete from t",
        "merge into t using s on true when matched then delete",
        "with w as (insert into t values (1) returning *) select * from w",
        "with w as (select 1) update t set a = 1", "explain analyze delete from t",
        "select 1; delete from t", "update only t set a = 1", "update name set a = 1"}) {
    INFO(sql);
    CHECK(read(sql).may_write);
  }
  for (const char* sql : {"select * from t for update", "select * from t for no key update",
                          "select delete, \"update\", t.insert from t", "select 'delete from t'",
                          "select (update) from t"}) {
    INFO(sql);
    CHECK_FALSE(read(sql).may_write);
  }
  for (const char* sql : {"create temp table x (a int)", "create local temporary table x ()",
                          "create or replace temp view v as select 1", "select 1 into temp x",
                          "create table pg_temp.x ()"}) {
    INFO(sql);
    CHECK(read(sql).creates_temp);
  }
  CHECK_FALSE(read("select temp, s.temporary from sensors s").creates_temp);
}

TEST_CASE("what cannot be read is an error with its place") {
  CHECK(error("select 'abc").offset == 7);
  CHECK(error("select \"abc").offset == 7);
  CHECK(error("select 1 /* x").offset == 9);
  CHECK(error("select 'é', 'abc").offset == 13);
  CHECK(error(std::string_view("select \0", 8)).offset == 7);
  CHECK(error("select '\xff'").message == "invalid UTF-8");
  CHECK(error("select '\xc0\x80'").offset == 8);
  CHECK(error("select '\xed\xa0\x80'").offset == 8);
  CHECK(error("select '\xe2\x82").offset == 8);
  CHECK(error("select E'\\ud83d'").message.starts_with("invalid Unicode surrogate pair"));
  CHECK(error("select E'\\000'").message.starts_with("invalid byte sequence"));
  CHECK(error("select E'\\xff'").message.starts_with("invalid byte sequence"));
  CHECK(error("select U&'\\00'").message == "malformed string constant");
  CHECK(error("select U&'x' UESCAPE 'ab'").message == "UESCAPE needs one character");
  CHECK(error("select 'a' -- c\n 'b'").message ==
        "a string that goes on after a comment is not read");
  CHECK(error("select $0").message == "parameter number out of range");
  CHECK(error("select $65536").message == "parameter number out of range");
  CHECK(error("select $99999999999999").message == "parameter number out of range");
  CHECK(error("select {a}").message == "unexpected character");
  CHECK(error("select U&\"d\\0061t\"").offset == 7);
  CHECK(error(std::string(kSqlBytesMax + 1, ' ')).message == "the statement is too long");
  CHECK(read(std::string(kSqlBytesMax, ' ')).key.empty());
  CHECK(read(" ; ;").key.empty());
}

TEST_CASE("deep and long texts") {
  const std::string deep = "select " + std::string(50'000, '(') + "1" + std::string(50'000, ')');
  CHECK(read(deep).slots.size() == 1);
  std::string lists = "select 1 where a";
  for (int i = 0; i < 15'000; ++i) lists += " in (a";
  CHECK(read(lists).slots.size() == 1);
  std::string members = "select 1 where a in ($1";
  for (int i = 2; i <= 20'000; ++i) members += ",$" + std::to_string(i);
  CHECK(read(members + ")").slots[1].members.size() == 20'000);
  CHECK(read(members + ")").key == key("select 1 where a in ($1)"));
}

TEST_CASE("several threads read at once, errors among them") {
  const auto expected = key("select a from t where b in ($1, $2) and c = 'x'");
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const auto good =
            shape_of("select a from t where b in ($1) and c = $2", ShapeDialect::statement);
        const auto bad = shape_of("select 'abc", ShapeDialect::statement);
        const auto* shape = std::get_if<StatementShape>(&good);
        if (shape == nullptr || shape->key != expected) ++wrong[t];
        if (!std::holds_alternative<ShapeError>(bad)) ++wrong[t];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("any mutation of a statement is read or refused, never worse") {
  const auto seed = test::seed();
  INFO("PARALLAX_SEED=" << seed);
  std::mt19937_64 random(seed);
  const std::vector<std::string> statements = {
      "SELECT \"public\".\"users\".\"id\" FROM \"public\".\"users\" WHERE "
      "\"public\".\"users\".\"id\" IN ($1,$2) LIMIT $3",
      "select E'a\\'b', U&'x\\0041' UESCAPE '!', $t$ y $t$, B'1', -1.5e3 from t where 1=1 and a is "
      "not null",
      "select array[cast($1::text as e)], x -> 'a' /* c */ from t -- end"};
  const std::string alphabet = "'\"$\\;:()[],.-+*/=<>!eEuU&xX01 \n\ta_\x80\xff?";
  for (int i = 0; i < 20'000; ++i) {
    std::string sql = statements[random() % statements.size()];
    for (auto edits = random() % 5; edits > 0; --edits) {
      const auto at = random() % sql.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 4) {
        case 0:
          sql[at] = c;
          break;
        case 1:
          sql.insert(at, 1, c);
          break;
        case 2:
          sql.erase(at, 1 + random() % 4);
          break;
        default:
          sql.resize(at + 1);
          break;
      }
      if (sql.empty()) sql = "x";
    }
    for (const auto dialect : {ShapeDialect::statement, ShapeDialect::rule}) {
      const auto shape = shape_of(sql, dialect);
      if (const auto* error = std::get_if<ShapeError>(&shape)) {
        REQUIRE(error->offset <= sql.size());
        continue;
      }
      std::size_t at = 0;
      for (const auto& group : std::get<StatementShape>(shape).slots) {
        REQUIRE(group.begin >= at);
        REQUIRE(group.end >= group.begin);
        REQUIRE(group.end <= sql.size());
        REQUIRE(group.members.size() == (group.list ? group.members.size() : 1));
        at = group.end;
      }
    }
    const auto inner = without_outer_comments(sql);
    REQUIRE(inner.size() <= sql.size());
  }
}

}  // namespace
}  // namespace parallax::shadow
