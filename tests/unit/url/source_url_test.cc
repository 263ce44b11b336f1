// Tests of src/url/source_url.cc: what goes out to sources.
#include "imgring/url/source_url.h"

#include <gtest/gtest.h>

namespace imgring::url {
namespace {

TEST(HttpUrl, GoodOnes) {
  struct Case {
    std::string_view url, host, header, target;
    int port;
    std::string_view authorization = "";
  };
  const Case cases[] = {
      {"http://h/a", "h", "h", "/a", 80},
      {"https://h", "h", "h", "/", 443},
      {"HTTP://Host.Com:8080/A?b=C", "host.com", "Host.Com:8080", "/A?b=C", 8080},
      {"http://h:/a", "h", "h", "/a", 80},
      {"http://h?x=1", "h", "h", "/?x=1", 80},
      {"http://h/a?", "h", "h", "/a?", 80},
      {"http://h/a#frag?x", "h", "h", "/a", 80},
      {"http://h/a b\xc3\xbc\"<>\\^`{|}", "h", "h", "/a%20b%C3%BC%22%3C%3E%5C%5E%60%7B%7C%7D", 80},
      {"http://h/a%2Fb%20c d", "h", "h", "/a%2Fb%20c%20d", 80},
      {"http://h/!$&'()*+,;=:@[]~-._", "h", "h", "/!$&'()*+,;=:@[]~-._", 80},
      {"http://h/a?b=c d\xff&e=%zz?{}", "h", "h", "/a?b=c%20d%FF&e=%zz?{}", 80},
      {"http://h//a/../b", "h", "h", "//a/../b", 80},
      {"http://user:pa%40ss@h/", "h", "h", "/", 80, "Basic dXNlcjpwYUBzcw=="},
      {"http://user@h:81/", "h", "h:81", "/", 81, "Basic dXNlcjo="},
      {"http://[::1]/a", "::1", "[::1]", "/a", 80},
      {"http://[FE80::1%25eth0]:81/a", "fe80::1%eth0", "[FE80::1]:81", "/a", 81},
      {"http://[::ffff:127.0.0.1]:9/", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]:9", "/", 9},
      {"http://2130706433/", "2130706433", "2130706433", "/", 80},
      {"http://a_b/", "a_b", "a_b", "/", 80},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.url);
    const auto url = parse_http_url(c.url);
    ASSERT_TRUE(url.has_value()) << url.error().detail;
    EXPECT_EQ(url->host, c.host);
    EXPECT_EQ(url->host_is_ipv6, c.host.find(':') != std::string_view::npos);
    EXPECT_EQ(url->host_header, c.header);
    EXPECT_EQ(url->target, c.target);
    EXPECT_EQ(url->port, c.port);
    EXPECT_EQ(url->authorization, c.authorization);
    for (const std::string& part : {url->target, url->host_header, url->authorization}) {
      for (const char ch : part) EXPECT_TRUE(ch > 0x1f && ch < 0x7f);
    }
  }
  EXPECT_EQ(display_text(*parse_http_url("https://u:p@h:1/a b#c")), "https://h:1/a%20b");
}

TEST(HttpUrl, RefusedOnesAreUnreachable) {
  for (const std::string_view bad : {"",
                                     "h/a",
                                     "//h/a",
                                     "ftp://h/",
                                     "local:///a",
                                     "http:",
                                     "http:/h/a",
                                     "http:h/a",
                                     "http://",
                                     "http:///a",
                                     "http://:80/",
                                     "http://h:x/",
                                     "http://h:99999/",
                                     "http://h:-1/",
                                     "http://h h/",
                                     "http://h\r\nX: y/",
                                     "http://h/a\tb",
                                     "http://h/a\x7f",
                                     "http://h/a?b\r\n",
                                     "http://h/#\x01",
                                     "http://h%41/",
                                     "http://h%00/",
                                     "http://\xc3\xbc/",
                                     "http://h/%zz",
                                     "http://h/%4",
                                     "http://[::1/",
                                     "http://[::1]x/",
                                     "http://[]/",
                                     "http://[1.2.3.4]/",
                                     "http://[g::1]/",
                                     "http://[::1%25]/",
                                     "http://[::1%25a%20b]/",
                                     "http://u s@h/",
                                     "http://u%zz@h/",
                                     "http://u\r\n@h/",
                                     "http://h\\a/",
                                     "http://h:80:80/",
                                     "http://<h>/",
                                     "://h/",
                                     "1http://h/"}) {
    SCOPED_TRACE(bad);
    const auto url = parse_http_url(bad);
    ASSERT_FALSE(url.has_value());
    EXPECT_EQ(url.error().code, ErrorCode::kSourceUnreachable);
  }
}

TEST(StorageUrl, SyntaxIsOrdinaryText) {
  struct Case {
    std::string_view url, separator, scheme, bucket, key, version;
  };
  const Case cases[] = {
      {"local:///a/b.png", "?", "local", "", "a/b.png", ""},
      {"local:/a.png", "?", "local", "", "a.png", ""},
      {"local://host/a%20b#c.png", "?", "local", "host", "a%20b#c.png", ""},
      {"s3://bucket/key?v1?2", "?", "s3", "bucket", "key", "v1?2"},
      {"S3://bucket//key?v1", "", "s3", "bucket", "key?v1", ""},
      {"gs://bucket/a??b", "??", "gs", "bucket", "a", "b"},
      {"abs://bucket", "?", "abs", "bucket", "", ""},
      {"local:///a.png/", "?", "local", "", "a.png/", ""},
      {"local:///../x", "?", "local", "", "../x", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.url);
    const auto url = parse_storage_url(c.url, c.separator);
    ASSERT_TRUE(url.has_value());
    EXPECT_EQ(url->scheme, c.scheme);
    EXPECT_EQ(url->bucket, c.bucket);
    EXPECT_EQ(url->key, c.key);
    EXPECT_EQ(url->version, c.version);
  }
  EXPECT_FALSE(parse_storage_url("no-scheme/a", "?").has_value());
  EXPECT_FALSE(parse_storage_url("local:a.png", "?").has_value());
  EXPECT_FALSE(parse_storage_url(std::string_view("local:///a\0b", 12), "?").has_value());
}

TEST(SourceUrl, Schemes) {
  EXPECT_EQ(scheme_of("HTTP://x"), "http");
  EXPECT_EQ(scheme_of("a+b-c.1:x"), "a+b-c.1");
  for (const std::string_view none : {"", ":x", "1a:x", "a b:x", "abc", "/a:b", "plain/a:b"}) {
    EXPECT_EQ(scheme_of(none), "") << none;
  }
}

TEST(Redirect, RelativeReferences) {
  // RFC 3986, section 5.4, with http://a/b/c/d;p?q as base.
  struct Case {
    std::string_view location, wanted;
  };
  const Case cases[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"https://x/y?z#f", "https://x/y?z"},
      {"HTTP://X/a/../b", "HTTP://X/b"},
      {"local:///etc/x", "local:///etc/x"},
      {"/a b\xc3\xbc", "http://a/a b\xc3\xbc"},
      {"//h:81/p", "http://h:81/p"},
      {"/a//b", "http://a/a//b"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.location);
    EXPECT_EQ(resolve_redirect("http://a/b/c/d;p?q", c.location).value_or("error"), c.wanted);
  }
  EXPECT_EQ(resolve_redirect("http://u:p@a", "x").value(), "http://u:p@a/x");
  for (const std::string_view bad : {"", "/a\r\nb", "\x7f"}) {
    EXPECT_FALSE(resolve_redirect("http://a/", bad).has_value());
  }
}

}  // namespace
}  // namespace imgring::url
