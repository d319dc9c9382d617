#include "proxy/admin.h"

#include <catch2/catch.hpp>
#include <string>

namespace parallax::proxy {
namespace {

const AdminRules kRules{"0123456789abcdef", {"admin.internal"}, "10.0.0.1:9188"};

metrics::HttpRequest request(const std::string& host, const std::string& own = "1",
                             const std::string& token = "0123456789abcdef") {
  metrics::HttpRequest request;
  request.headers["host"] = host;
  if (!own.empty()) request.headers["x-parallax-admin"] = own;
  if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
  return request;
}

int status(const metrics::HttpRequest& request, bool changes, const AdminRules& rules = kRules) {
  const auto answer = refused(rules, request, changes);
  return answer ? answer->status : 200;
}

TEST_CASE("the Host must be one of the admin listener's", "[admin]") {
  for (const std::string host :
       {"localhost", "localhost:9188", "127.0.0.1:1", "[::1]", "[::1]:9188", "10.0.0.1:9188",
        "10.0.0.1", "admin.internal:9188", "LocalHost:1", "ADMIN.internal"}) {
    INFO(host);
    CHECK(status(request(host), false) == 200);
    CHECK(status(request(host), true) == 200);
  }
  for (const std::string host : {"", "evil.example", "evil.example:9188", "localhost.evil.example",
                                 "127.0.0.1.evil.example", "10.0.0.10"}) {
    INFO(host);
    CHECK(status(request(host), false) == 421);
    CHECK(status(request(host), true) == 421);
  }
}

TEST_CASE("a change needs the own header and the token", "[admin]") {
  CHECK(status(request("localhost", ""), true) == 403);
  CHECK(status(request("localhost", "true"), true) == 403);
  CHECK(status(request("localhost", "1", ""), true) == 401);
  CHECK(status(request("localhost", "1", "0123456789abcdeg"), true) == 401);
  CHECK(status(request("localhost", "1", "0123456789abcde"), true) == 401);
  CHECK(status(request("localhost", "", ""), false) == 200);
  auto other_case = request("localhost", "1", "");
  other_case.headers["authorization"] = "bearer 0123456789abcdef";
  CHECK(status(other_case, true) == 200);
  other_case.headers["authorization"] = "bearer 0123456789ABCDEF";
  CHECK(status(other_case, true) == 401);
  AdminRules open = kRules;
  open.token.clear();
  CHECK(status(request("localhost", "1", ""), true, open) == 200);
  CHECK(status(request("localhost", "", ""), true, open) == 403);
}

}  // namespace
}  // namespace parallax::proxy
