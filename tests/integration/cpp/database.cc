#include "tests/integration/cpp/database.h"

#include <memory>

namespace parallax::pgtest {

PgServer& shared_server() {
  static const auto server = [] {
    auto made = std::make_unique<PgServer>();
    made->start();
    make_schema(*made);
    return made;
  }();
  return *server;
}

void make_schema(const PgServer& server) {
  Session session(server);
  session.run(R"(
    create role tester login;
    create role secretive login password 'right';
    create role few login connection limit 1;
    create role several login connection limit 2;
    create type mood as enum ('ok', 'bad');
    create table items (id int primary key, name text not null, price numeric(10,2), mood mood not null, big int8,
                        owner int not null);
    insert into items select i, 'item ' || i, case when i % 7 = 0 then null else i * 1.5 end,
                             case when i % 2 = 0 then 'ok'::mood else 'bad' end, i * 1000000000::int8, i % 5
                      from generate_series(1, 50) i;
    create table things (name text);
    insert into things values ('public thing');
    create schema app2;
    create table app2.things (name text);
    insert into app2.things values ('thing of app2');
    create table locked_away (id int primary key, name text);
    create table held (id int primary key, name text);
    create function counting(a int) returns int language sql volatile as 'select a';
    grant usage on schema app2 to tester, secretive, few, several;
    grant select on items, things, app2.things, held to tester, secretive, few, several;
  )");
}

shadow::Options options_on(const PgServer& server, const std::string& user) {
  shadow::Options options;
  options.conninfo = server.conninfo(user);
  options.governor.enabled = false;  // what is compared is counted here, and so are connections
  return options;
}

}  // namespace parallax::pgtest
