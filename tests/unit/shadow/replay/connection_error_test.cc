#include "shadow/replay/connection_error.h"

#include <catch2/catch.hpp>

using namespace parallax::shadow;

TEST_CASE("the SQLSTATE is taken out of libpq's verbose message") {
  const auto error = connection_error(
      "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password "
      "authentication failed for user "
      "\"app\"\nLOCATION:  auth_failed, auth.c:338\n");
  CHECK(error.sqlstate == "28P01");
  CHECK(error.what ==
        "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  password authentication "
        "failed for user "
        "\"app\"");
  // The severity may be translated.
  CHECK(connection_error("... failed: FATAL\xc3\x89:  53300: trop de clients").sqlstate == "53300");
}

TEST_CASE("without a server's answer there is no SQLSTATE") {
  const auto error = connection_error(
      "connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server "
      "running on that host "
      "and accepting TCP/IP connections?\n");
  CHECK(error.sqlstate.empty());
  CHECK(error.what == "connection to server at \"127.0.0.1\", port 1 failed: Connection refused");
  CHECK(connection_error("").what.empty());
  CHECK(connection_error("name:  abcde: x").sqlstate.empty());
  CHECK(connection_error("name:  2800").sqlstate.empty());
  CHECK(connection_error("name:  28000").sqlstate.empty());
}

TEST_CASE("no connection left is told apart, also when a pooler says so") {
  CHECK(is_too_many_connections({"53300", "sorry"}));
  CHECK(
      is_too_many_connections({"08P01", "FATAL:  no more connections allowed (max_client_conn)"}));
  CHECK(is_too_many_connections({"XX000", "FATAL:  (EMAXCONNSESSION) max clients reached"}));
  CHECK(!is_too_many_connections({"28P01", "password authentication failed"}));
  CHECK(!is_too_many_connections({"", "Connection refused"}));
}

TEST_CASE("what another attempt cannot mend") {
  CHECK(is_lasting({"28P01", ""}));
  CHECK(is_lasting({"28000", ""}));
  CHECK(is_lasting({"3D000", ""}));
  CHECK(!is_lasting({"57P03", ""}));
  CHECK(!is_lasting({"", ""}));
}
