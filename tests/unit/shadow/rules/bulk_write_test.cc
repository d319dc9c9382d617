#include "shadow/rules/bulk_write.h"

#include <catch2/catch.hpp>
#include <string>

#include "shadow/rules/concat.h"

namespace parallax::shadow {
namespace {

const std::string kRows(kBulkWriteBytes, '1');

bool with(const std::string& before, const std::string& after = "") {
  return is_bulk_write(concat({before, kRows, after}));
}

}  // namespace

TEST_CASE("a long write is known by its beginning") {
  CHECK(with("insert into t (a) values (", "), ('it''s; -- /* $$ \\', \"b\", $1)"));
  CHECK(with("UPDATE t SET a = "));
  CHECK(with("Delete\nfrom t where a = "));
  CHECK(with("merge into t using u on a = "));
  CHECK(with("copy t from 'x' where a = "));
  CHECK_FALSE(is_bulk_write("insert into t values (1)"));
  CHECK_FALSE(with("select "));
  CHECK_FALSE(with("with x as (select 1) insert into t select "));
  CHECK_FALSE(with("inserts "));
  CHECK_FALSE(with("explain analyze insert into t select "));
}

TEST_CASE("a long write of which more has to be known is scanned") {
  CHECK_FALSE(with("insert into t select set_config('a.b', 'c', false), "));
  CHECK_FALSE(with("insert into t select ", ", Set_Config('a.b', 'c', false)"));
  CHECK_FALSE(with("insert into t select \"set_config\"('a.b', 'c', false), "));
  CHECK_FALSE(with("insert into t select U&\"set!005fconfig\" UESCAPE '!' ('a.b', 'c', false), "));
  CHECK_FALSE(with("insert into pg_temp.t values ("));
  CHECK_FALSE(with("insert into t values (", "); set a.b = 'c'"));
  CHECK_FALSE(with("insert into t values (", ", 'x''y'); set a.b = 'c'; select '"));
  CHECK_FALSE(with("insert into t values (E'\\'', ", "); set a.b = 'c'; select ''"));
  CHECK_FALSE(with("insert into t values ($$'$$, ", "); set a.b = 'c'; select '"));
  CHECK_FALSE(with("insert into t values ($a$'$a$, ", "); set a.b = 'c'; select '"));
  CHECK_FALSE(with("insert into t values (1 /* ' */, ", "); set a.b = 'c'; select '"));
  CHECK_FALSE(with("insert into t -- '\n values (", "); set a.b = 'c'; select '"));
  CHECK_FALSE(with("insert into t values ('", ""));
}

}  // namespace parallax::shadow
