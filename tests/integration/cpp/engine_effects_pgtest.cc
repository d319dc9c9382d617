// What a rule may set off: found in the catalog before anything of the rule is sent, wherever it
// hides.

#include <catch2/catch.hpp>

#include "tests/integration/cpp/database.h"
#include "tests/integration/cpp/engine_rig.h"

using namespace parallax;
using namespace parallax::pgtest;
using namespace parallax::shadow;

namespace {

PgServer& server_with_effects() {
  static const auto server = [] {
    auto made = std::make_unique<PgServer>();
    made->start();
    make_schema(*made);
    Session session(*made);
    session.run(R"(
      create extension tablefunc; create extension citext; create extension file_fdw;
      create function hidden_lock(a int) returns int immutable language sql
        as 'select 1 from Pg_Advisory_Lock (a)';
      create function quoted_lock(a int) returns int stable language sql
        as 'select 1 from "pg_advisory_lock"(a)';
      create function stable_lock(a int) returns int stable language plpgsql
        as 'begin perform pg_try_advisory_lock(a); return a; end';
      create function outer_lock(a int) returns int stable language plpgsql
        as 'begin return stable_lock(a); end';
      create function atomic_lock(a int) returns int stable language sql
        begin atomic select 1 from pg_advisory_lock(a); end;
      create function dynamic(a int) returns int stable language plpgsql
        as 'declare r int; begin execute ''select 1'' into r; return r; end';
      create function defaulted(a int default counting(1)) returns int immutable language sql
        as 'select a';
      create function harmless(a int) returns int stable language plpgsql
        as 'declare n int; begin select count(*) into n from items i where i.id = a; return n; end';
      create function note(i items) returns text volatile language sql as 'select i.name';
      create function add_one(a int, b int) returns int volatile language sql as 'select a + 1';
      create operator +% (function = add_one, leftarg = int, rightarg = int);
      create function with_operator(a int) returns int stable language sql as 'select a +% 1';
      create aggregate odd_sum(int) (sfunc = add_one, stype = int, initcond = 0);
      create type feeling as enum ('fine', 'dull');
      create function to_feeling(a int) returns feeling volatile language sql
        as 'select ''fine''::feeling';
      create cast (int as feeling) with function to_feeling(int) as implicit;
      create table diary (id int primary key, felt feeling);
      create domain careful as int check (counting(value) > 0);
      create function with_domain(a int) returns int stable language sql
        as 'select a::careful::int';
      create view lock_view as select id, name from items where pg_try_advisory_lock(id);
      create view view_of_view as select * from lock_view;
      create view random_view as select id, name from items order by random();
      create view waiting_view as select id, name from items for update;
      create view plain_view as select id, lower(name) as name, harmless(id) as n from items;
      create function reads_view(a int) returns int stable language sql
        as 'select id from lock_view where id = a';
      create table guarded (id int primary key, name text not null);
      alter table guarded enable row level security;
      create policy guard on guarded for select using (stable_lock(id) > 0);
      create table open_to_all (id int primary key, name text not null);
      create policy unused on open_to_all for select using (stable_lock(id) > 0);
      create server files foreign data wrapper file_fdw;
      create foreign table elsewhere (id int, name text) server files
        options (filename '/dev/null');
      create view view_of_elsewhere as select * from elsewhere;
      create table parted (id int, name text) partition by range (id);
      create table parted_here partition of parted for values from (0) to (100);
      create foreign table parted_there partition of parted for values from (100) to (200)
        server files options (filename '/dev/null');
      create function reads_elsewhere() returns int stable language sql
        as 'select count(*)::int from elsewhere';
      create materialized view stored as select id, random() as r from items;
      create table words (id int primary key, word citext);
      create schema hidden; create table hidden.secrets (id int, name text);
      grant select on all tables in schema public to tester;
      grant select on hidden.secrets to tester;
    )");
    return made;
  }();
  return *server;
}

struct Attempt {
  std::string rewrite;
  std::string reason;  // how it begins; empty: the rule is ready
};

// Legacy statements differ by a pin.
std::vector<RuleText> rules_of(const std::vector<Attempt>& attempts) {
  std::vector<RuleText> rules;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const auto number = std::to_string(i);
    rules.push_back({"rule " + number, "SELECT id FROM items WHERE id = :id AND owner = " + number,
                     attempts[i].rewrite});
    rules.back().columns = {{"id", "id"}};
  }
  return rules;
}

void check_all(const std::vector<Attempt>& attempts, const std::set<std::string>& safe = {}) {
  auto options = options_on(server_with_effects());
  options.safe_functions = safe;
  EngineRig rig(options, rules_of(attempts));
  REQUIRE(rig.wait_verified());
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    INFO(attempts[i].rewrite);
    const auto reason = rig.report().reasons["rule " + std::to_string(i)];
    INFO(reason);
    CHECK(rig.state(i) == (attempts[i].reason.empty() ? RuleState::ready : RuleState::broken));
    CHECK(reason.starts_with(attempts[i].reason));
  }
}

// A rewrite whose condition on id is this.
std::string where(const std::string& condition) {
  return "select id from items where id = :id and " + condition;
}

const std::string kEffects = " has effects that a rollback does not undo";

}  // namespace

TEST_CASE("effects are found behind functions, whatever they are declared as") {
  check_all({
      {where("public.counting(id) > 0"), "function counting is volatile"},
      {where("hidden_lock(id) > 0"),
       "function pg_advisory_lock, behind function hidden_lock," + kEffects},
      {where("quoted_lock(id) > 0"),
       "function pg_advisory_lock, behind function quoted_lock," + kEffects},
      {where("public.\"stable_lock\"(id) > 0"),
       "function pg_try_advisory_lock, behind function stable_lock," + kEffects},
      {where("OUTER_LOCK(id) > 0"),
       "function pg_try_advisory_lock, behind function outer_lock," + kEffects},
      {where("atomic_lock(id) > 0"),
       "function pg_advisory_lock, behind function atomic_lock," + kEffects},
      {where("defaulted() > 0"), "function counting, behind function defaulted, is volatile"},
      {where("dynamic(id) > 0"), "function dynamic makes up SQL when it runs"},
      {where("with_operator(id) > 0"),
       "function add_one, behind function with_operator, is volatile"},
      {where("with_domain(id) > 0"), "function counting, behind function with_domain, is volatile"},
      {where("reads_view(id) > 0"),
       "function pg_try_advisory_lock, behind function reads_view," + kEffects},
      {where("reads_elsewhere() > 0"),
       "foreign table elsewhere, behind function reads_elsewhere, is on another server"},
      {"select id from items i where id = :id and i.note > ''", "function note is volatile"},
      {"select id, (i).note from items i where id = :id", "function note is volatile"},
      {where("harmless(id) > 0"), ""},
  });
}

TEST_CASE("effects are found behind operators, aggregates, casts and domains") {
  check_all({
      {where("id +% 1 > 0"), "function add_one, behind operator +%, is volatile"},
      {where("id operator(public.+%) 1 > 0"), "function add_one, behind operator +%, is volatile"},
      {where("(select odd_sum(id) from items) > 0"),
       "function add_one, behind function odd_sum, is volatile"},
      {where("(select sum(odd_sum(owner)) over () from items) > 0"),
       "function add_one, behind function odd_sum, is volatile"},
      {where("1::feeling = 'fine'"), "function to_feeling, behind type feeling, is volatile"},
      {where("cast(owner as public.feeling) = 'fine'"),
       "function to_feeling, behind type feeling, is volatile"},
      {"select id from diary where id = :id and felt = 1", "function to_feeling is volatile"},
      {where("id::careful > 0"), "function counting, behind type careful, is volatile"},
      {"select id from words where id = :id and word = 'a'::citext", ""},
      {"select i.id from app2.things t, words i where i.id = :id order by word, t.name", ""},
  });
}

TEST_CASE("effects are found behind views, policies and partitions") {
  check_all({
      {"select id from lock_view where id = :id",
       "function pg_try_advisory_lock, behind relation lock_view," + kEffects},
      {"select id from \"public\".\"view_of_view\" where id = :id",
       "function pg_try_advisory_lock, behind relation view_of_view," + kEffects},
      {"select id from random_view where id = :id",
       "function random, behind relation random_view, is volatile"},
      {"select id from waiting_view where id = :id", "view waiting_view locks the rows"},
      {"select id from guarded where id = :id",
       "function pg_try_advisory_lock, behind relation guarded," + kEffects},
      {"with found as (select * from guarded) select id from found where id = :id",
       "function pg_try_advisory_lock, behind relation guarded," + kEffects},
      {"select id from elsewhere where id = :id", "foreign table elsewhere is on another server"},
      {"select id from view_of_elsewhere where id = :id",
       "foreign table elsewhere, behind relation view_of_elsewhere, is on another server"},
      {"select id from parted where id = :id",
       "foreign table parted_there, behind relation parted, is on another server"},
      {"select id from parted_here where id = :id", ""},
      {"select id from open_to_all where id = :id", ""},
      {"select id from plain_view where id = :id and n > 0", ""},
      {"select id from stored where id = :id and r >= 0", ""},
  });
}

TEST_CASE(
    "extensions that run SQL given as text are refused by name, volatile ones by the catalog") {
  check_all({
      {where("gen_random_uuid() is not null"), "function gen_random_uuid is volatile"},
      {where("clock_timestamp() > now()"), "function clock_timestamp is volatile"},
      {where("(select max(n) from normal_rand(3, 0, 1) n) is not null"),
       "function normal_rand is volatile"},
      {where("now() > '2000-01-01' and lower(name) = coalesce(name, current_user)"), ""},
      {where("(select json_agg(i) from items i) is not null and name ilike '%a'"), ""},
  });
}

TEST_CASE("a function that the operator vouches for is not looked into; the system's own are") {
  const auto vouched = [](const std::string& rewrite) {
    return std::vector<Attempt>{{rewrite, ""}};
  };
  check_all(vouched(where("counting(id) > 0")), {"counting"});
  check_all(vouched(where("counting(id) > 0")), {"public.counting"});
  check_all(vouched(where("dynamic(id) > 0")), {"dynamic", "another"});
  check_all(vouched("select id from guarded where id = :id"), {"stable_lock"});
  check_all({{where("counting(id) > 0"), "function counting is volatile"}}, {"app.counting"});
  check_all({{where("random() > 0"), "function random is volatile"}},
            {"random", "pg_catalog.random"});
}

TEST_CASE("a schema that may not be used is a missing right, mended by a grant") {
  EngineRig rig(options_on(server_with_effects()),
                rules_of({{"select id from hidden.secrets where id = :id", ""}}));
  REQUIRE(rig.wait_verified());
  CHECK(rig.state(0) == RuleState::broken);
  CHECK(rig.report().reasons["rule 0"] ==
        "the shadow's role lacks a right: permission denied for schema hidden: grant USAGE on it");
  Session(server_with_effects()).run("grant usage on schema hidden to tester");
  CHECK(rig.report().wait(
      [&](const RememberingReport&) { return rig.state(0) == RuleState::ready; }));
  Session(server_with_effects()).run("revoke usage on schema hidden from tester");
}

TEST_CASE("a role that can do more than read is warned of once, with what to do") {
  const auto warnings_of = [](const std::string& user) {
    EngineRig rig(options_on(server_with_effects(), user),
                  rules_of({{where("name > ''"), ""}, {where("name < ''"), ""}}));
    REQUIRE(rig.wait_verified());
    const std::lock_guard lock(rig.report().mutex);
    CHECK(rig.report().information_texts.empty());
    return rig.report().warnings;
  };
  Session admin(server_with_effects());
  CHECK(warnings_of("tester").empty());
  const auto of_superuser = warnings_of("postgres");
  REQUIRE(of_superuser.size() == 1);
  CHECK(of_superuser[0].starts_with("the shadow's role postgres is a superuser, so that "));
  CHECK(of_superuser[0].find("CREATE ROLE parallax LOGIN") != std::string::npos);
  admin.run("grant update on items to tester");
  const auto of_writer = warnings_of("tester");
  REQUIRE(of_writer.size() == 1);
  CHECK(of_writer[0].starts_with("the shadow's role tester may change items, so that "));
  admin.run(
      "revoke update on items from tester; grant insert on words to tester; "
      "alter role tester bypassrls; grant create on schema public to tester");
  const auto of_others = warnings_of("tester");
  REQUIRE(of_others.size() == 1);
  CHECK(
      of_others[0].starts_with("the shadow's role tester bypasses row-level security, may create "
                               "objects in schema public, so that "));
  admin.run(
      "revoke insert on words from tester; alter role tester nobypassrls; "
      "revoke create on schema public from tester");
  CHECK(warnings_of("tester").empty());
}
