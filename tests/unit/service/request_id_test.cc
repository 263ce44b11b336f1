// Tests of src/service/request_id.cc: ids given and random, client addresses.
#include "imgring/service/request_id.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>

namespace imgring::service {
namespace {

http::Headers given(std::initializer_list<http::Headers::Field> fields) {
  http::Headers out;
  for (const auto& [name, value] : fields) out.add(name, value);
  return out;
}

TEST(RequestId, GivenOnesThatAreFit) {
  struct Case {
    std::string_view id, amazon;
    std::string_view expected;  // "": a random one
  };
  const Case cases[] = {
      {"abc_DEF-123", "", "abc_DEF-123"},
      {"abc", R"({"requestId":"other"})", "abc"},
      {"has space", R"({"requestId":"other"})", "other"},
      {"", R"({"requestId":"req-1"})", "req-1"},
      {"", R"({"a":{"b":1}, "requestId" : "req-2", "c":2})", "req-2"},
      {"", R"({"a":{"requestId":"inner"},"requestId":"outer"})", "outer"},
      {"", R"({"requestId":"first","b":["requestId"],"requestId":"last"})", "last"},
      {"", R"({"a":"requestId","b":"req-3"})", ""},
      {"", R"({"a":"\"","requestId":"req-4"})", "req-4"},
      {"", R"(["requestId","req-5"])", ""},
      {"", R"({"requestId":"req-6")", ""},
      {"", R"({"requestId":"bad id"})", ""},
      {"", R"({"requestId":7})", ""},
      {"", R"({"requestId":"open)", ""},
      {"", R"({"requestId")", ""},
      {"", R"({"requestId":"")", ""},
      {"", "not json", ""},
      {"caf\xc3\xa9", "", ""},
      {"a\"b", "", ""},
      {"", "", ""},
  };
  RequestIds ids;
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.id) + "|" + std::string(c.amazon));
    http::Headers headers;
    if (!c.id.empty()) headers.add("X-Request-ID", std::string(c.id));
    if (!c.amazon.empty()) headers.add("x-amzn-request-context", std::string(c.amazon));
    const std::string got = request_id_of(headers, ids);
    if (!c.expected.empty()) {
      EXPECT_EQ(got, c.expected);
      continue;
    }
    EXPECT_EQ(got.size(), 21u);
    EXPECT_EQ(request_id_of(given({{"x-request-id", got}}), ids), got);  // fit itself
    EXPECT_NE(request_id_of(headers, ids), got);
  }
}

// Also across the pages they are taken from.
TEST(RequestIds, NoneComesTwice) {
  RequestIds ids;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(ids.next()).second);
}

TEST(ClientAddress, TheMostTrustedHeaderFirst) {
  const http::Peer peer(std::string("1.1.1.1"));
  EXPECT_EQ(client_address({}, peer), "1.1.1.1");
  EXPECT_EQ(client_address(given({{"X-Real-IP", "2.2.2.2"}}), peer), "2.2.2.2");
  const auto forwarded =
      given({{"X-Real-IP", "2.2.2.2"}, {"X-Forwarded-For", " 3.3.3.3 , 9.9.9.9"}});
  EXPECT_EQ(client_address(forwarded, peer), "3.3.3.3");
  const auto cloudflare = given({{"X-Forwarded-For", "3.3.3.3"}, {"CF-Connecting-IP", "4.4.4.4"}});
  EXPECT_EQ(client_address(cloudflare, peer), "4.4.4.4");
}

}  // namespace
}  // namespace imgring::service
