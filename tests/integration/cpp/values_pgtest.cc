// Values as PostgreSQL itself writes and compares them: text and binary of a value have one
// canonical text, and two values have the same one exactly when the server says that they are not
// distinct.

#include <libpq-fe.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>

#include "shadow/compare/value_reader.h"
#include "shadow/replay/type_lookup.h"
#include "tests/integration/cpp/database.h"
#include "tests/integration/cpp/value_source.h"
#include "tests/support/seed.h"

using namespace parallax;
using namespace parallax::pgtest;
using namespace parallax::shadow;

namespace {

constexpr std::size_t kValues = 24;
constexpr std::size_t kRounds = 2;

using Rows = std::unique_ptr<PGresult, decltype(&PQclear)>;

class Connection {
 public:
  Connection() {
    const auto info = shared_server().conninfo("postgres");
    std::vector<const char*> keys;
    std::vector<const char*> values;
    for (const auto& [key, value] : info) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
    keys.push_back(nullptr);
    values.push_back(nullptr);
    pg_ = PQconnectdbParams(keys.data(), values.data(), 0);
  }
  ~Connection() { PQfinish(pg_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Rows run(const std::string& sql, bool binary = false, const char* parameter = nullptr) {
    Rows rows(PQexecParams(pg_, sql.c_str(), parameter == nullptr ? 0 : 1, nullptr, &parameter,
                           nullptr, nullptr, binary ? 1 : 0),
              &PQclear);
    const auto status = PQresultStatus(rows.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      throw std::runtime_error(PQerrorMessage(pg_) + sql);
    }
    return rows;
  }

 private:
  PGconn* pg_ = nullptr;
};

void make_types(Connection& connection) {
  for (const char* sql :
       {"create schema if not exists kinds", "set search_path = kinds, public, pg_catalog",
        "create type pair as (a int4, b text)", "create type lone as (a text)",
        "create type empty_row as ()", "create domain amount as numeric",
        "create domain amounts as numeric[]", "create type textrange as range (subtype = text)",
        "create type floatrange as range (subtype = float8)",
        "create type pairrange as range (subtype = pair)",
        // A column that was dropped is no field any more.
        "create table many_rows (a text, gone int, b numeric, c timestamptz, d float8, e jsonb, "
        "f pair, g text[], h numrange)",
        "alter table many_rows drop column gone",
        "create type many as (a text, x int, b numeric, c timestamptz, d float8, e jsonb, f pair, "
        "g text[], h numrange)",
        "alter type many drop attribute x"}) {
    connection.run(sql);
  }
}

Connection& connection_with_types() {
  static const auto connection = [] {
    auto made = std::make_unique<Connection>();
    make_types(*made);
    return made;
  }();
  return *connection;
}

TypeCatalog catalog_of(Connection& connection, std::uint32_t type) {
  const auto parameter = "{" + std::to_string(type) + "}";
  const auto rows = connection.run(type_lookup_sql(), false, parameter.c_str());
  ResultSet set(std::vector<ColumnInfo>(static_cast<std::size_t>(PQnfields(rows.get()))));
  for (int row = 0; row < PQntuples(rows.get()); ++row) {
    for (int column = 0; column < PQnfields(rows.get()); ++column) {
      if (PQgetisnull(rows.get(), row, column) != 0) {
        set.add_cell(std::nullopt);
      } else {
        set.add_cell(PQgetvalue(rows.get(), row, column));
      }
    }
  }
  return read_types(set);
}

std::string canonical(const ValueReader& reader, std::string_view cell) {
  std::string out;
  reader.append_canonical(cell, out);
  return out;
}

std::string cell_of(const ValueReader& reader, const PGresult* row, int column) {
  return canonical(
      reader, {PQgetvalue(row, 0, column), static_cast<std::size_t>(PQgetlength(row, 0, column))});
}

struct TypeUnderTest {
  std::string name;
  // Whether $a and $b are the same value; ours is as strict as this.
  std::string equal = "$a IS NOT DISTINCT FROM $b";
};

std::vector<TypeUnderTest> types_under_test() {
  std::vector<TypeUnderTest> types;
  for (const char* name :
       {"bool",    "int2", "int4",    "int8",     "oid",       "float4",      "float8",
        "numeric", "text", "varchar", "bpchar",   "name",      "\"char\"",    "bytea",
        "uuid",    "date", "time",    "timetz",   "timestamp", "timestamptz", "jsonb",
        "inet",    "cidr", "macaddr", "macaddr8", "varbit",    "mood"}) {
    types.push_back({name});
    types.push_back({std::string(name) + "[]"});
  }
  for (const char* name :
       {"int4range",      "int8range",      "numrange",       "tsrange",        "tstzrange",
        "daterange",      "textrange",      "floatrange",     "pairrange",      "int4multirange",
        "nummultirange",  "tstzmultirange", "datemultirange", "textmultirange", "pair",
        "lone",           "empty_row",      "many",           "amount",         "amounts",
        "pair[]",         "many[]",         "numrange[]",     "textrange[]",    "amount[]",
        "nummultirange[]"}) {
    types.push_back({name});
  }
  // The server says that a month is 30 days.
  types.push_back({"interval", "$a::text = $b::text"});
  types.push_back({"interval[]", "$a::text = $b::text"});
  types.push_back({"json", "$a::jsonb = $b::jsonb"});
  types.push_back({"json[]", "($a::jsonb[]) = ($b::jsonb[])"});
  return types;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

struct Values {
  std::string sql;  // FROM: id and v
  std::vector<std::string> expressions;
};

Values draw(ValueSource& source, const std::string& type) {
  Values values;
  values.sql = "(VALUES ";
  for (std::size_t i = 0; i < kValues; ++i) {
    const bool again = i > 0 && source.one_in(5);
    values.expressions.push_back(again ? values.expressions[source.below(i)] : source.value(type));
    if (i > 0) values.sql += ", ";
    values.sql += "(" + std::to_string(i) + ", " + values.expressions.back() + ")";
  }
  values.sql += ")";
  return values;
}

// Values of one type, kept in a temporary table, and their cells.
struct Kept {
  std::uint32_t oid = 0;
  TypeCatalog catalog;
  std::vector<std::string> cells[2];  // text, binary
};

void keep(Connection& connection, const std::string& table, const Values& values) {
  connection.run("SET client_min_messages = warning");
  connection.run("DROP TABLE IF EXISTS " + table);
  connection.run("CREATE TEMP TABLE " + table + " AS SELECT * FROM " + values.sql + " t(id, v)");
}

void fetch(Connection& connection, const std::string& table, Kept& kept) {
  for (const bool binary : {false, true}) {
    const auto rows = connection.run("SELECT v FROM " + table + " ORDER BY id", binary);
    kept.oid = PQftype(rows.get(), 0);
    kept.cells[binary].clear();
    for (int row = 0; row < PQntuples(rows.get()); ++row) {
      kept.cells[binary].emplace_back(PQgetvalue(rows.get(), row, 0),
                                      static_cast<std::size_t>(PQgetlength(rows.get(), row, 0)));
    }
  }
  if (kept.catalog.empty()) kept.catalog = catalog_of(connection, kept.oid);
}

// Canonical texts of all values; checks that they are the same in every zone and format.
std::vector<std::string> canonical_texts(Connection& connection, const std::string& type,
                                         const Values& values, Kept& kept) {
  std::vector<std::string> out;
  for (const char* zone :
       {"America/New_York", "Asia/Kolkata", "Europe/Amsterdam", "Pacific/Apia", "UTC"}) {
    connection.run(std::string("SET TimeZone = '") + zone + "'");
    connection.run(std::string("SET bytea_output = ") + (zone[0] == 'U' ? "hex" : "escape"));
    fetch(connection, "kept", kept);
    const ValueReader text_reader(kept.catalog, kept.oid, false);
    const ValueReader binary_reader(kept.catalog, kept.oid, true);
    CHECK(text_reader.understood());
    CHECK(text_reader.comparable_across_formats());
    for (std::size_t i = 0; i < kValues; ++i) {
      const auto in_text = canonical(text_reader, kept.cells[0][i]);
      if (out.size() <= i) out.push_back(in_text);
      if (in_text == canonical(binary_reader, kept.cells[1][i]) && in_text == out[i]) continue;
      FAIL_CHECK(type << " in " << zone << ": " << values.expressions[i] << " is "
                      << kept.cells[0][i]);
    }
  }
  return out;
}

// The matrix of `same` over all pairs, in which a and b are the values of two tables.
std::vector<bool> equal_by_server(Connection& connection, const std::string& same,
                                  const std::string& other_table) {
  const auto condition = replaced(replaced(same, "$a", "a.v"), "$b", "b.v");
  const auto rows = connection.run("SELECT coalesce(" + condition + ", false) FROM kept a, " +
                                   other_table + " b ORDER BY a.id, b.id");
  std::vector<bool> out;
  for (int row = 0; row < PQntuples(rows.get()); ++row) {
    out.push_back(PQgetvalue(rows.get(), row, 0)[0] == 't');
  }
  return out;
}

// What readers promise of two cells without reading them, and the steps that they name.
void check_promises(const ValueReader& first, const std::string& a, const ValueReader& second,
                    const std::string& b, bool one_type) {
  const bool same = canonical(first, a) == canonical(second, b);
  if (one_type && first.bytes_are_value() && first.same_bytes_are_equal(second) &&
      same != (a == b)) {
    FAIL_CHECK("bytes_are_value() of " << a << " and " << b);
  }
  if (first.same_bytes_are_equal(second) && a == b && !same) {
    FAIL_CHECK("same_bytes_are_equal() of " << a);
  }
  if (!same || a == b) return;
  const auto steps = first.steps_between(a, second, b);
  const auto possible = first.possible_steps(second);
  if (steps.empty() || !std::ranges::includes(possible, steps)) {
    FAIL_CHECK("steps between " << a << " and " << b);
  }
}

void check_all_promises(const Kept& legacy, const Kept& rewrite) {
  for (const bool one : {false, true}) {
    for (const bool other : {false, true}) {
      ValueReader first(legacy.catalog, legacy.oid, one);
      ValueReader second(rewrite.catalog, rewrite.oid, other);
      first.compare_with(rewrite.oid);
      second.compare_with(legacy.oid);
      for (const auto& a : legacy.cells[one]) {
        for (const auto& b : rewrite.cells[other]) {
          check_promises(first, a, second, b, legacy.oid == rewrite.oid && one == other);
        }
      }
    }
  }
}

// Returns how many pairs are equal and written differently.
std::size_t check_equality(const std::vector<std::string>& first, const Values& first_values,
                           const std::vector<std::string>& second, const Values& second_values,
                           const std::vector<bool>& expected) {
  std::size_t equal_pairs = 0;
  REQUIRE(expected.size() == first.size() * second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    for (std::size_t j = 0; j < second.size(); ++j) {
      const bool equal = expected[i * second.size() + j];
      const auto& one = first_values.expressions[i];
      const auto& other = second_values.expressions[j];
      if ((first[i] == second[j]) != equal) FAIL_CHECK(one << " and " << other);
      if (equal && one != other) ++equal_pairs;
    }
  }
  return equal_pairs;
}

}  // namespace

TEST_CASE("a value has one canonical text, and equal values are those of the server") {
  auto& connection = connection_with_types();
  const auto seed = test::run_seed();
  INFO("PARALLAX_SEED=" << seed);
  ValueSource source(seed);
  std::size_t equal_pairs = 0;
  for (const auto& type : types_under_test()) {
    INFO(type.name);
    for (std::size_t round = 0; round < kRounds; ++round) {
      const Values values = draw(source, type.name);
      keep(connection, "kept", values);
      Kept kept;
      const auto texts = canonical_texts(connection, type.name, values, kept);
      const auto expected = equal_by_server(connection, type.equal, "kept");
      equal_pairs += check_equality(texts, values, texts, values, expected);
      check_all_promises(kept, kept);
    }
  }
  // Written differently and equal: met often, not only now and then.
  CHECK(equal_pairs > 100);
}

TEST_CASE("values of two comparable types are equal when the server says so") {
  auto& connection = connection_with_types();
  const auto seed = test::run_seed();
  INFO("PARALLAX_SEED=" << seed);
  ValueSource source(seed);
  struct Pair {
    const char* first;
    const char* second;
    const char* equal;
  };
  for (const Pair& pair : std::initializer_list<Pair>{{"int2", "int8", "$a = $b"},
                                                      {"int4", "int8", "$a = $b"},
                                                      {"int4[]", "int8[]", "$a::int8[] = $b"},
                                                      {"float4", "float8", "$a = $b"},
                                                      {"text", "varchar", "$a = $b"},
                                                      {"text", "name", "$a = $b"},
                                                      {"bpchar", "text", "$a::text = $b"},
                                                      {"text[]", "varchar[]", "$a = $b::text[]"},
                                                      {"mood", "text", "$a::text = $b"},
                                                      {"amount", "numeric", "$a = $b"},
                                                      {"amounts", "numeric[]", "$a = $b"},
                                                      {"json", "jsonb", "$a::jsonb = $b"},
                                                      {"json[]", "jsonb[]", "$a::jsonb[] = $b"}}) {
    INFO(pair.first << " and " << pair.second);
    const Values first = draw(source, pair.first);
    const Values second = draw(source, pair.second);
    keep(connection, "kept", first);
    keep(connection, "kept_too", second);
    Kept legacy;
    Kept rewrite;
    fetch(connection, "kept", legacy);
    fetch(connection, "kept_too", rewrite);
    TypeCatalog catalog = legacy.catalog;
    catalog.insert(rewrite.catalog.begin(), rewrite.catalog.end());
    legacy.catalog = rewrite.catalog = catalog;
    CHECK(match_types(legacy.oid, rewrite.oid, catalog).comparable);
    ValueReader reader(catalog, legacy.oid, false);
    ValueReader other(catalog, rewrite.oid, true);
    reader.compare_with(rewrite.oid);
    other.compare_with(legacy.oid);
    std::vector<std::string> texts;
    std::vector<std::string> other_texts;
    for (const auto& cell : legacy.cells[0]) texts.push_back(canonical(reader, cell));
    for (const auto& cell : rewrite.cells[1]) other_texts.push_back(canonical(other, cell));
    const auto expected = equal_by_server(connection, pair.equal, "kept_too");
    check_equality(texts, first, other_texts, second, expected);
    check_all_promises(legacy, rewrite);
  }
}

TEST_CASE("records without a type are read in binary, where their fields are named") {
  auto& connection = connection_with_types();
  const auto differ = [&](const std::string& one, const std::string& other) {
    const auto sql = "SELECT " + one + ", " + other;
    const auto binary = connection.run(sql, true);
    const auto text = connection.run(sql);
    const TypeCatalog catalog = catalog_of(connection, PQftype(binary.get(), 0));
    const ValueReader reader(catalog, PQftype(binary.get(), 0), true);
    const ValueReader text_reader(catalog, PQftype(text.get(), 0), false);
    CHECK_FALSE(reader.comparable_across_formats());
    CHECK_FALSE(text_reader.understood());
    CHECK(cell_of(reader, binary.get(), 0) != cell_of(text_reader, text.get(), 0));
    return cell_of(reader, binary.get(), 0) != cell_of(reader, binary.get(), 1);
  };
  CHECK_FALSE(differ("ROW(1, 'a'::text, 1.0)", "ROW(1, 'a'::text, 1.00)"));
  CHECK_FALSE(differ("ROW(1, ROW(NULL, 1.5))", "ROW(1, ROW(NULL, 1.50))"));
  CHECK(differ("ROW(1, 'a'::text, 1.0)", "ROW(1, 'a'::text, 1.01)"));
  CHECK(differ("ROW(1, NULL::text)", "ROW(1, ''::text)"));
  CHECK(differ("ROW(1)", "ROW(1::int8)"));
  CHECK(differ("ROW()", "ROW(NULL::text)"));
}
