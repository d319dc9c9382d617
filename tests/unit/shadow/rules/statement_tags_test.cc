// Tags in the comments around a statement, and in its name.

#include "shadow/rules/statement_tags.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {
namespace {

const std::string kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

StatementTags tags_of(const std::string& sql, std::string_view name = "") {
  return read_tags(sql, without_outer_comments(sql), name);
}
std::string operation_of(const std::string& sql, std::string_view name = "") {
  const auto operation = read_operation(sql, without_outer_comments(sql), name);
  CHECK(operation == tags_of(sql, name).operation);
  return operation;
}

TEST_CASE("tags as Prisma and sqlcommenter write them") {
  const auto tags = tags_of(
      "SELECT 1 /*action='findMany',operation='userRouter.getProfile',request='r-1',traceparent='" +
      kTrace + "'*/");
  CHECK(tags.operation == "userRouter.getProfile");
  CHECK(tags.request == "r-1");
  CHECK(tags.traceparent == kTrace);
  CHECK(operation_of("/*operation='a'*/ SELECT 1") == "a");
  CHECK(operation_of("/* operation = 'a' , x='b' */ SELECT 1;") == "a");
  CHECK(operation_of("/*x='1'*/ /*operation='a'*/\nSELECT 1 /*y='2'*/ ; /*z='3'*/") == "a");
  CHECK(operation_of("SELECT 1 -- more\n /*operation='a'*/") == "a");
}

TEST_CASE("values are URL-encoded, and a quote is \\'") {
  CHECK(operation_of("SELECT 1 /*operation='%2Fapi%2Fuser%20x'*/") == "/api/user x");
  CHECK(operation_of("SELECT 1 /*operation='it\\'s'*/") == "it's");
  CHECK(operation_of("SELECT 1 /*operation='a%27%2C%3D%c3%a4'*/") == "a',=\xc3\xa4");
  CHECK(operation_of("SELECT 1 /*operation='100%, %zz %4'*/") == "100%, %zz %4");
  CHECK(operation_of("SELECT 1 /*operation='a\\b'*/") == "a\\b");
}

TEST_CASE("what is around the statement counts, what is in it does not") {
  CHECK(operation_of("SELECT '/*operation=''a''*/'").empty());
  CHECK(operation_of("SELECT /*operation='a'*/ 1").empty());
  CHECK(operation_of("SELECT \"/*operation='a'*/\" /*operation='b'*/") == "b");
  CHECK(operation_of("/*operation='a'*/ SELECT 1 /*operation='b'*/") == "b");
}

TEST_CASE("what is not in this form is nothing") {
  for (const std::string comment :
       {"operation=a", "operation='a", "operation:'a'", "='a'", "operation", "operation=''", ",,,",
        "operation=\"a\"", "OPERATION='a'", "operation='%00'", "operation='a%0Ab'",
        "operation='%ff'", "xoperation='a'"}) {
    CAPTURE(comment);
    CHECK(operation_of("SELECT 1 /*" + comment + "*/").empty());
  }
  CHECK(operation_of("SELECT 1 /*operation='" + std::string(200, 'x') + "'*/").size() == 200);
  CHECK(operation_of("SELECT 1 /*operation='" + std::string(201, 'x') + "'*/").empty());
  CHECK(operation_of("SELECT 1 /*" + std::string(100'000, 'x') + "*/ /*operation='a'*/").empty());
  CHECK(operation_of("SELECT 1 /* a comment */").empty());
  for (const std::string& trace :
       std::vector<std::string>{kTrace + "0", kTrace.substr(1),
                                "00-xaf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    CHECK(tags_of("SELECT 1 /*traceparent='" + trace + "'*/").traceparent.empty());
  }
}

TEST_CASE("Prisma's description of the query, and names of prepared statements") {
  CHECK(operation_of("SELECT 1 /*prismaQuery='User.findUnique%3AeyJ3aGVyZSI6e30'*/") ==
        "User.findUnique");
  CHECK(operation_of("SELECT 1 /*prismaQuery='User.findMany:" + std::string(5000, 'e') + "'*/") ==
        "User.findMany");
  CHECK(operation_of("SELECT 1 /*prismaQuery='queryRaw'*/") == "queryRaw");
  CHECK(operation_of("SELECT 1 /*operation='a',prismaQuery='User.findMany:e30'*/") == "a");
  CHECK(operation_of("SELECT 1", "userRouter.byEmail") == "userRouter.byEmail");
  CHECK(operation_of("SELECT 1", "userRouter.getProfile#ad0cadf3") == "userRouter.getProfile");
  CHECK(operation_of("SELECT 1 /*operation='a'*/", "b#1") == "a");
  CHECK(operation_of("SELECT 1 /*prismaQuery='User.findMany:e30'*/", "b#1") == "User.findMany");
  CHECK(operation_of("SELECT 1", "#1").empty());
}

TEST_CASE("any bytes around a statement: read without harm") {
  std::mt19937 random(5);
  const std::vector<std::string> pieces = {
      "/*operation='", "request='", "*/", "/*", "--", "=",    "'", "\\'", "%2",
      "%41",           ",",         "\n", "a",  ";",  "\xff", "\\"};
  std::size_t found = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string sql;
    for (int side = 0; side < 2; ++side) {
      for (auto n = random() % 12; n > 0; --n) sql += pieces[random() % pieces.size()];
      if (side == 0) sql += " SELECT 1 ";
    }
    const auto tags = tags_of(sql, "");
    CHECK(tags.bytes() <= 3 * kTagBytesMax);
    if (!tags.operation.empty()) ++found;
  }
  CHECK(found > 10);
}

StatementTags tags(std::string operation, std::string request, std::string trace) {
  return {std::move(operation), std::move(request), std::move(trace)};
}

TEST_CASE("what fits better: the trace, then the request, then the operation") {
  std::string span = kTrace;
  span[40] = 'f';
  std::string other = kTrace;
  other[10] = 'f';
  const auto root = tags("a", "r", kTrace);
  const auto fit = [&](const StatementTags& child) { return fit_of(root, "rule", child); };
  CHECK(fit(tags("", "", kTrace)) > fit(tags("a", "r", span)));
  CHECK(fit(tags("", "", span)) > fit(tags("a", "r", "")));
  CHECK(fit(tags("", "r", "")) > fit(tags("a", "", "")));
  CHECK(fit(tags("a", "", "")) > fit(tags("", "", "")));
  CHECK(fit(tags("", "", "")) > fit(tags("b", "", "")));
  CHECK(fit(tags("", "", "")) > fit(tags("a", "x", "")));
  CHECK(fit(tags("a", "x", "")) > fit(tags("a", "r", other)));
  CHECK(fit(tags("", "", other)).contradicts());
  CHECK(fit(tags("", "x", "")).contradicts());
  CHECK_FALSE(fit(tags("b", "", span)).contradicts());
  CHECK_FALSE(fit(tags("", "", "")).contradicts());
  // The rule's own name counts where the root says nothing.
  CHECK(fit_of({}, "rule", tags("rule", "", "")) > fit_of({}, "rule", tags("a", "", "")));
  CHECK(fit_of({}, "rule", tags("a", "", "")) == fit_of({}, "rule", {}));
}

}  // namespace
}  // namespace parallax::shadow
