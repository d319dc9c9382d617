#include "proxy/cancel_routes.h"

#include <catch2/catch.hpp>
#include <string>

namespace parallax::proxy {
namespace {

TEST_CASE("a session's key leads to the address that it is connected to", "[cancel_routes]") {
  CancelRoutes routes;
  const std::string key("\0\0\0\7keys", 8);
  const std::string longer = key + std::string(248, '\0');  // protocol 3.2 has keys of any length
  CHECK(routes.find(key).empty());
  routes.remember(key, "192.0.2.1");
  routes.remember(longer, "192.0.2.2");
  CHECK(routes.find(key) == "192.0.2.1");
  CHECK(routes.find(longer) == "192.0.2.2");
  CHECK(routes.find("").empty());
  CHECK(routes.find(key.substr(0, 7)).empty());
}

TEST_CASE("an ended session is forgotten, a key that comes again is the newer one's",
          "[cancel_routes]") {
  CancelRoutes routes;
  routes.remember("one", "192.0.2.1");
  routes.remember("two", "192.0.2.1");
  routes.forget("one");
  routes.forget("one");
  routes.forget("never there");
  CHECK(routes.find("one").empty());
  CHECK(routes.find("two") == "192.0.2.1");
  routes.remember("two", "192.0.2.2");
  CHECK(routes.find("two") == "192.0.2.2");
}

}  // namespace
}  // namespace parallax::proxy
