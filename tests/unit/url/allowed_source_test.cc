// Tests of src/url/allowed_source.cc: what IMGPROXY_ALLOWED_SOURCES lets through.
#include "../../../src/url/allowed_source.h"

#include <gtest/gtest.h>

#include "helpers.h"

namespace imgring::url {
namespace {

bool allows(std::string_view pattern, std::string_view url, std::string_view separator = "?") {
  const auto parsed = parse_for_list(url, separator);
  return parsed && AllowedSource(pattern, separator).matches(*parsed);
}

struct Case {
  std::string_view pattern, url;
};

// Of the documentation, and of what is written in practice.
constexpr Case kLetThrough[] = {
    {"local://", "local:///a/b.png"},
    {"local://", "local:/a.png"},
    {"local:///public/", "local:///public/a.png"},
    {"local:///public/", "local:////public/a.png"},
    {"local:///dir one/", "local:///dir one/a.png"},
    {"local:///50%/", "local:///50%/a#1.png"},
    {"local:/public/", "local:/public/a.png"},
    {"local:///*/thumbs/", "local:///x/thumbs/a.png"},
    {"local:///small", "local:///small.png"},
    {"s3://", "s3://bucket/a.png"},
    {"s3://bucket/*", "s3://bucket/a/b.png"},
    {"s3://bucket/", "s3://bucket/a.png?version"},
    {"s3://bucket", "s3://bucket/a.png"},
    {"s3://*-public/", "s3://pictures-public/a.png"},
    {"s3://bucket/*.png?v*", "s3://bucket/a.png?v1"},
    {"S3://bucket/", "s3://bucket/a.png"},
    {"gs://b/", "gs://b/a..b.png"},
    {"http://*.example.com/", "http://a.example.com/x.png"},
    {"http://*.example.com/", "http://a.b.example.com/x.png"},
    {"http://*.example.com/", "HTTP://A.Example.COM/x.png"},
    {"http://*.Example.com/", "http://a.example.com:80/x.png"},
    {"https://*.example.com/", "https://a.example.com:443/x.png"},
    {"http://example.com/", "http://example.com/?url=http://elsewhere/../x"},
    {"http://example.com/", "http://example.com?x=1"},
    {"http://example.com", "http://example.com/x.png"},
    {"http://127.0.0.1", "http://127.0.0.1:8000/x.png"},
    {"http://example.com:8080/", "http://example.com:8080/x.png"},
    {"http://example.com:8080", "http://example.com:8080/x.png"},
    {"http://127.0.0.1:*/", "http://127.0.0.1:8000/x.png"},
    {"http://127.0.0.1:*/", "http://127.0.0.1/x.png"},
    {"http://example.com:80/", "http://example.com/x.png"},
    {"http://*/", "http://example.com:8080/x.png"},
    {"http://*/img/", "http://u:p@example.com/img/x.png"},
    {"http://", "http://u:p@[::1]:8080/x.png"},
    {"https:", "https://example.com/x.png"},
    {"http", "https://example.com/x.png"},
    {"*", "local:///a.png"},
    {"http*://example.com/", "https://example.com/x.png"},
    {"*://example.com/", "http://example.com/x.png"},
    {"http://u:p@example.com/", "http://u:p@example.com/x.png"},
    {"http://[::1]/", "http://[::1]/x.png"},
    {"http://[FD00::*]:81/", "http://[fd00::1:2]:81/x.png"},
    {"http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]/x.png"},
    {"http://h/img/*.png", "http://h/img/a.png"},
    {"http://h/img/*.png", "http://h/img/a.png?v=../1"},
    {"http://h/*/img/*/a*.png", "http://h/x/img/y/a1.png"},
    {"http://h/img*", "http://h/img-1/b/c.png"},
    {"http://h/dir one/", "http://h/dir%20one/a.png"},
    {"http://h/dir%20one/", "http://h/dir one/a.png"},
    {"http://h/\xc3\xbc/", "http://h/%C3%BC/a.png"},
    {"http://h/o/*?alt=media", "http://h/o/folder%2Fa.png?alt=media&token=1"},
    {"http://h/image.cgi?id=*&s=1", "http://h/image.cgi?id=7&s=1&t=2"},
    {"http://h/", "http://h/..a/...b/.c/a..b/%2ehtaccess/...."},
    {"http://h/", "http://h/a.png#/../x"},
};
TEST(AllowedSources, WhatPeopleWriteGoesOnWorking) {
  for (const Case& c : kLetThrough) {
    SCOPED_TRACE(std::string(c.pattern) + " on " + std::string(c.url));
    EXPECT_TRUE(allows(c.pattern, c.url));
  }
}

// Spellings that look like what the list names, and lead elsewhere.
constexpr Case kKeptOut[] = {
    {"http://*.example.com/", "http://evil?.example.com/x.png"},
    {"http://*.example.com/", "http://evil#.example.com/x.png"},
    {"http://*.example.com/", "http://evil:80?.example.com/x.png"},
    {"http://*.example.com/", "http://evil:80#.example.com/x.png"},
    {"http://*.example.com/", "http://evil\\.example.com/x.png"},
    {"http://*.example.com/", "http://evil%2f.example.com/x.png"},
    {"http://*.example.com/", "http://evil%3f.example.com/x.png"},
    {"http://*.example.com/", "http://evil%23@.example.com/x.png"},
    {"http://*.example.com/", "http://evil%00.example.com/x.png"},
    {"http://*.example.com/", "http://evil\t.example.com/x.png"},
    {"http://*.example.com/", "http://evil\n.example.com/x.png"},
    {"http://*.example.com/", "http://evil .example.com/x.png"},
    {"http://*.example.com/", "http://[::1].example.com/x.png"},
    {"http://*.example.com/", "http://a.example.com@evil/x.png"},
    {"http://*.example.com/", "http://a.example.com:80@evil/x.png"},
    {"http://*.example.com/", "http://u:p@a.example.com/x.png"},
    {"http://*.example.com/", "http://a.example.com:8080/x.png"},
    {"http://*.example.com/", "http://a.example.com./x.png"},
    {"http://*.example.com/", "http://a.example.com.evil/x.png"},
    {"http://*.example.com/", "http://example.com/x.png"},
    {"http://*.example.com/", "http://evil/a.example.com/"},
    {"http://*.example.com/", "http://evil/.example.com/"},
    {"http://*.example.com/", "http:/a.example.com/x.png"},
    {"http://*.example.com/", "http:a.example.com/x.png"},
    {"http://*.example.com/", "//a.example.com/x.png"},
    {"http://*.example.com/", "http:///a.example.com/x.png"},
    {"http://*.example.com/", "https://a.example.com/x.png"},
    {"http://*.example.com/", " http://a.example.com/x.png"},
    {"http://*.example.com/", "http:\\\\a.example.com/x.png"},
    {"http://*.example.com/", "local://a.example.com/x.png"},
    {"http://*.example.com", "http://a.example.com.evil/x.png"},
    {"http://*.example.com", "http://a.example.com@evil/x.png"},
    {"http://example.com", "http://example.com.evil/x.png"},
    {"http://example.com", "http://example.community/x.png"},
    {"http://example.com", "http://example.com@evil/x.png"},
    {"http://example.com", "http://example.com:80@evil/x.png"},
    {"http://example.com:80", "http://example.com:8080/x.png"},
    {"http://example.com:80*/", "http://example.com:80@evil/x.png"},
    {"http://example.com:*/", "http://example.com:x@evil/x.png"},
    {"http://example.com:*/", "http://example.com:@evil/x.png"},
    {"http://u:*@example.com/", "http://u:@evil:p@example.com/x.png"},
    {"http://u:p@example.com/", "http://example.com/x.png"},
    {"http://10.0.0.*/", "http://10.0.0.1:22/x.png"},
    {"http://10.0.0.1/", "http://167772161/x.png"},
    {"http://[::1]/", "http://[::1%25lo]/x.png"},
    {"http://[fd00::*]/", "http://[fd00::1]:81/x.png"},
    {"http://[fd00::*", "http://[fd00::1]:81/x.png"},
    {"s3://*-public/", "s3://private?-public/a.png"},
    {"s3://*-public/", "s3://private#-public/a.png"},
    {"s3://*-public/", "s3://private%2f-public/a.png"},
    {"s3://bucket", "s3://bucket-private/a.png"},
    {"s3://bucket/", "s3://bucket.evil/a.png"},
    {"s3://Bucket/", "s3://bucket/a.png"},
    {"local:///public/", "local://public/a.png"},
    {"local:///public/", "local:///publicity/a.png"},
    {"https:", "http://example.com/x.png"},
    {"", ""},
};
TEST(AllowedSources, NoStarAndNoPrefixReachesAnotherHost) {
  for (const Case& c : kKeptOut) {
    SCOPED_TRACE(std::string(c.pattern) + " on " + std::string(c.url));
    EXPECT_FALSE(allows(c.pattern, c.url));
  }
}

TEST(AllowedSources, StarsOfAPathStayInTheirSegment) {
  const Case cases[] = {
      {"http://h/img/*.png", "http://h/img/x.cgi?a.png"},
      {"http://h/img/*.png", "http://h/img/x.cgi#a.png"},
      {"http://h/img/*.png", "http://h/img/b/a.png"},
      {"http://h/*/public/", "http://h/private/x/public/"},
      {"http://h/image.cgi?id=*&s=1", "http://h/image.cgi?id=7"},
      {"http://h/image.cgi?id=", "http://h/image.cgi/x?id=7"},
      {"s3://b/*.png", "s3://b/x.zip?a.png"},
      {"local:///*.png", "local:///x.txt?a.png"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.pattern) + " on " + std::string(c.url));
    EXPECT_FALSE(allows(c.pattern, c.url));
  }
}

// Every URL begins with what is allowed and would leave it where somebody resolves the dots.
TEST(AllowedSources, DotSegmentsAreRefusedInEverySpelling) {
  const std::string_view dots[] = {
      "..",           "%2e%2e",  "%2E.",       ".%2e",  "%252e%252e", "%25252e.",
      "..;",          "..;x=1",  "%2e%2e%3bx", ".",     "%2e",        ".;a",
      "%c0%ae%c0%ae", "%C0%AE.", "..%00",      ".%09.", "..%20",      "..%2500",
  };
  const std::string_view slashes[] = {"/", "\\", "%2f", "%2F", "%5c", "%252f", "%255C", "%c0%af"};
  for (const std::string_view start : {"http://h/public", "s3://b/public", "local:///public"}) {
    const std::string list = std::string(start) + "/";
    for (const std::string_view dot : dots) {
      for (const std::string_view slash : slashes) {
        for (const std::string& tail : {std::string(slash) + "private/a.png", std::string()}) {
          const std::string url = list + "x" + std::string(slash) + std::string(dot) + tail;
          SCOPED_TRACE(url);
          EXPECT_FALSE(allows(list, url));
        }
      }
      EXPECT_FALSE(allows(list, list + std::string(dot) + "?x")) << dot;
    }
  }
  EXPECT_FALSE(allows("s3://", "s3://../a.png"));
  EXPECT_FALSE(allows("s3://", "s3://%2e%2e/a.png"));
  EXPECT_FALSE(allows("local:///a/", "local:///a/..??x", "??"));
}

TEST(AllowedSources, WhatIsRewrittenIsJudgedAfterwards) {
  config::Config config;
  config.url.allowed_sources = {{"http://*.example.com/img/"}};
  config.url.base_url = "http://a.example.com/img/";
  EXPECT_TRUE(parse("plain/x.png", config).has_value());
  EXPECT_TRUE(parse(base64("x.png"), config).has_value());
  for (const std::string_view away :
       {"../private/x.png", "%2e%2e/x.png", "..%5cx.png", "a/.%252e/x.png"}) {
    for (const std::string& path : {"plain/" + std::string(away), base64(away)}) {
      SCOPED_TRACE(path);
      const auto request = parse(path, config);
      ASSERT_FALSE(request.has_value());
      EXPECT_EQ(request.error().code, ErrorCode::kInvalidSourceUrl);
    }
  }
  config.url.base_url = "http://a.example.com";  // the slash was forgotten
  EXPECT_FALSE(parse("plain/%40evil/img/x.png", config).has_value());
  EXPECT_FALSE(parse("plain/.evil/img/x.png", config).has_value());
  EXPECT_TRUE(parse("plain//img/x.png", config).has_value());
  config.url.base_url.clear();
  config.url.url_replacements = {{"cdn://*/", "http://$1.example.com/img/"},
                                 {"out://", "http://evil/"}};
  EXPECT_TRUE(parse("plain/cdn://a/x.png", config).has_value());
  for (const std::string_view away :
       {"cdn://evil%3f/x.png", "cdn://evil%23/x.png", "cdn://u:p%40evil%3f/x.png",
        "cdn://a/../x.png", "out://x.png"}) {
    EXPECT_FALSE(parse("plain/" + std::string(away), config).has_value()) << away;
  }
}

TEST(AllowedSources, APatternWithoutASlashBehindItsHostIsWarnedOf) {
  config::Config config;
  config.url.allowed_sources = {
      {"http://u:p@example.com"}, {"http://ok/"}, {"local://"}, {"s3://b/*"}, {"http://*"}};
  std::vector<std::string> warnings;
  ASSERT_TRUE(UrlRules::build(config, &warnings).has_value());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("http://example.com has no slash"), std::string::npos);
  EXPECT_EQ(warnings[0].find("u:p"), std::string::npos);
}

TEST(AllowedSources, LongTextsStayQuick) {
  const std::string escapes = "http://h/" + std::string(500'000, '%') + std::string(500'000, '2');
  std::string nested = "http://h/%";
  for (int i = 0; i < 250'000; ++i) nested += "25";
  EXPECT_FALSE(allows("http://h/", escapes)) << "no escapes";
  EXPECT_TRUE(allows("http://h/", nested + "61"));
  EXPECT_FALSE(allows("http://h/", nested + "2e%2e/"));
  EXPECT_FALSE(allows("http://h/a*a*a*a*a*b", "http://h/" + std::string(1'000'000, 'a')));
}

}  // namespace
}  // namespace imgring::url
