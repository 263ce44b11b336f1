// The proxy variables as tables.
#include "imgring/net/proxy.h"

#include <gtest/gtest.h>

namespace imgring::net {
namespace {

TEST(ProxyRules, UrlsOfProxies) {
  struct Case {
    const char* url;
    bool tls;
    const char* host;
    int port;
    const char* authorization;
  };
  for (const Case& c :
       {Case{"http://proxy:3128", false, "proxy", 3128, ""},
        Case{"proxy:3128", false, "proxy", 3128, ""}, Case{"proxy", false, "proxy", 80, ""},
        Case{"HTTPS://Proxy/", true, "proxy", 443, ""},
        Case{"http://[::1]:8080/x", false, "::1", 8080, ""},
        Case{"http://a:b@proxy", false, "proxy", 80, "Basic YTpi"},
        // A name without a word keeps the colon: "token:" and "a:b:".
        Case{"http://token@proxy:3128", false, "proxy", 3128, "Basic dG9rZW46"},
        Case{"http://token:@proxy", false, "proxy", 80, "Basic dG9rZW46"},
        Case{"http://a%3Ab@proxy", false, "proxy", 80, "Basic YTpiOg=="},
        // "a:b:c:d", "us@er:wo:rd" and ":".
        Case{"http://a%3Ab:c%3Ad@proxy", false, "proxy", 80, "Basic YTpiOmM6ZA=="},
        Case{"http://us%40er:wo:rd@proxy", false, "proxy", 80, "Basic dXNAZXI6d286cmQ="},
        Case{"http://@proxy", false, "proxy", 80, "Basic Og=="}}) {
    SCOPED_TRACE(c.url);
    const auto proxy = parse_proxy(c.url);
    ASSERT_TRUE(proxy.has_value());
    EXPECT_EQ(proxy->tls, c.tls);
    EXPECT_EQ(proxy->host, c.host);
    EXPECT_EQ(proxy->port, c.port);
    EXPECT_EQ(proxy->authorization, c.authorization);
  }
  for (const char* url : {"socks5://x", "http://", "http://x:0", "http://x:99999", "http://x:y",
                          "http://%zz@x", "http://a:%zz@x", "http://%3:b@x"}) {
    SCOPED_TRACE(url);
    EXPECT_FALSE(parse_proxy(url).has_value());
    EXPECT_FALSE(ProxyRules::make({.http_proxy = url}).has_value());
  }
}

TEST(ProxyRules, Exceptions) {
  const auto rules = ProxyRules::make(
      {.http_proxy = "p:1",
       .https_proxy = "p:2",
       .no_proxy = "example.com, .sub.only, *.star.test, 192.0.2.7, 10.0.0.0/8, ported.test:8080, "
                   "2001:db8::/32, [2001:db9::1]:443, , bad/99"});
  ASSERT_TRUE(rules.has_value());
  struct Case {
    const char* host;
    int port;
    bool proxied;
  };
  for (const Case& c : {Case{"other.test", 80, true},
                        Case{"example.com", 80, false},
                        Case{"EXAMPLE.com.", 80, false},
                        Case{"a.example.com", 80, false},
                        Case{"notexample.com", 80, true},
                        Case{"sub.only", 80, true},
                        Case{"x.sub.only", 80, false},
                        Case{"star.test", 80, true},
                        Case{"a.star.test", 80, false},
                        Case{"192.0.2.7", 80, false},
                        Case{"192.0.2.8", 80, true},
                        Case{"10.1.2.3", 80, false},
                        Case{"11.1.2.3", 80, true},
                        Case{"ported.test", 8080, false},
                        Case{"ported.test", 80, true},
                        Case{"2001:db8::5", 80, false},
                        Case{"2001:db9::1", 443, false},
                        Case{"2001:db9::1", 80, true},
                        Case{"localhost", 80, false},
                        Case{"127.0.0.1", 80, false},
                        Case{"::1", 80, false}}) {
    SCOPED_TRACE(c.host);
    const auto port = static_cast<std::uint16_t>(c.port);
    EXPECT_EQ(rules->proxy_for(false, c.host, port) != nullptr, c.proxied);
    EXPECT_EQ(rules->proxy_for(true, c.host, port) != nullptr, c.proxied);
  }
  EXPECT_EQ(rules->proxy_for(false, "x", 80)->port, 1);
  EXPECT_EQ(rules->proxy_for(true, "x", 80)->port, 2);
  const auto all = ProxyRules::make({.http_proxy = "p:1", .no_proxy = "a,*"});
  EXPECT_EQ(all->proxy_for(false, "x", 80), nullptr);
}

}  // namespace
}  // namespace imgring::net
