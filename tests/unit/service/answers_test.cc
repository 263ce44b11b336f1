// Tests of src/service/answers.cc: freshness, names, Vary, the base of every answer.
#include "imgring/service/answers.h"

#include <gtest/gtest.h>

#include <limits>
#include <span>

namespace imgring::service {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

struct FreshnessCase {
  const char* what;
  std::int64_t ttl_s = 100;
  int status = 200;
  std::int64_t expires_in_s = 0;  // 0: see expires_unix_s
  std::optional<std::int64_t> expires_unix_s{};
  bool fallback = false;
  std::int64_t fallback_ttl_s = 0;
  bool passthrough = false;
  std::string source_control{}, source_expires{}, source_pragma{};
  const char* expected = nullptr;  // null: no header
};

std::optional<std::string> control_of(const FreshnessCase& c) {
  config::Config config;
  config.server.ttl_s = c.ttl_s;
  config.server.cache_control_passthrough = c.passthrough;
  config.processing.fallback_image_ttl_s = c.fallback_ttl_s;
  http::Headers source;
  if (!c.source_control.empty()) source.add("cache-control", c.source_control);
  if (!c.source_expires.empty()) source.add("Expires", c.source_expires);
  if (!c.source_pragma.empty()) source.add("Pragma", c.source_pragma);
  Freshness f;
  f.status = c.status;
  f.now_unix_s = kNow;
  f.expires_unix_s = c.expires_unix_s;
  if (c.expires_in_s != 0) f.expires_unix_s = kNow + c.expires_in_s;
  f.fallback_used = c.fallback;
  f.source = &source;
  return cache_control(f, config);
}

void expect_controls(std::span<const FreshnessCase> cases) {
  for (const FreshnessCase& c : cases) {
    SCOPED_TRACE(c.what);
    const auto got = control_of(c);
    EXPECT_EQ(got.has_value(), c.expected != nullptr);
    EXPECT_EQ(got.value_or(""), c.expected != nullptr ? c.expected : "");
  }
}

// The order of server.md section 3.1.
TEST(CacheControl, FirstRuleThatApplies) {
  const FreshnessCase cases[] = {
      {.what = "ttl", .expected = "max-age=100, public"},
      {.what = "no ttl", .ttl_s = 0, .expected = "no-cache"},
      {.what = "304", .status = 304, .expected = "max-age=100, public"},
      {.what = "error", .status = 404},
      {.what = "error without ttl", .ttl_s = 0, .status = 500},
      {.what = "expires shortens", .expires_in_s = 30, .expected = "max-age=30, public"},
      {.what = "expires never lengthens", .expires_in_s = 300, .expected = "max-age=100, public"},
      {.what = "expires without ttl", .ttl_s = 0, .expires_in_s = 30, .expected = "no-cache"},
      {.what = "expired just now", .expires_in_s = -1, .expected = "no-cache"},
      {.what = "expires on an error",
       .status = 404,
       .expires_in_s = 30,
       .expected = "max-age=30, public"},
  };
  expect_controls(cases);
}

TEST(CacheControl, PassthroughAndExpiresOfTheSource) {
  const std::string soon = http::http_date(kNow + 7), past = http::http_date(kNow - 7);
  const FreshnessCase cases[] = {
      {.what = "passthrough",
       .passthrough = true,
       .source_control = "private, x=1",
       .source_expires = soon,
       .expected = "private, x=1"},
      {.what = "passthrough off", .source_control = "private", .expected = "max-age=100, public"},
      {.what = "source expires",
       .passthrough = true,
       .source_expires = soon,
       .expected = "max-age=7, public"},
      {.what = "source expired",
       .passthrough = true,
       .source_expires = past,
       .expected = "max-age=100, public"},
      {.what = "source expires 0",
       .passthrough = true,
       .source_expires = "0",
       .expected = "max-age=100, public"},
      {.what = "nothing to pass, no ttl", .ttl_s = 0, .passthrough = true, .expected = "no-cache"},
  };
  expect_controls(cases);
}

TEST(CacheControl, FirstRuleThatAppliesToSources) {
  const FreshnessCase cases[] = {
      {.what = "expires wins over passthrough",
       .expires_in_s = 30,
       .passthrough = true,
       .source_control = "private",
       .expected = "max-age=30, public"},
      {.what = "passthrough on an error",
       .status = 404,
       .passthrough = true,
       .source_control = "private"},
      {.what = "fallback",
       .status = 404,
       .fallback = true,
       .fallback_ttl_s = 50,
       .expected = "max-age=50, public"},
      {.what = "fallback without its ttl", .fallback = true, .expected = "max-age=100, public"},
      {.what = "fallback without its ttl, error", .status = 404, .fallback = true},
      {.what = "fallback and expires",
       .expires_in_s = 20,
       .fallback = true,
       .fallback_ttl_s = 50,
       .expected = "max-age=20, public"},
      {.what = "fallback shorter than expires",
       .expires_in_s = 80,
       .fallback = true,
       .fallback_ttl_s = 50,
       .expected = "max-age=50, public"},
      {.what = "fallback longer than the ttl, and expires",
       .ttl_s = 10,
       .expires_in_s = 20,
       .fallback = true,
       .fallback_ttl_s = 50,
       .expected = "max-age=10, public"},
  };
  expect_controls(cases);
}

TEST(CacheControl, ExpiresOfNoTimeToCome) {
  const FreshnessCase cases[] = {
      {.what = "exp:0", .expires_unix_s = 0, .expected = "max-age=100, public"},
      {.what = "exp:-5", .expires_unix_s = -5, .expected = "max-age=100, public"},
      {.what = "exp:0 without ttl", .ttl_s = 0, .expires_unix_s = 0, .expected = "no-cache"},
      {.what = "exp:0 and passthrough",
       .expires_unix_s = 0,
       .passthrough = true,
       .source_control = "private",
       .expected = "private"},
      {.what = "fallback and exp:0",
       .expires_unix_s = 0,
       .fallback = true,
       .fallback_ttl_s = 50,
       .expected = "max-age=100, public"},
      {.what = "fallback and exp:0, error",
       .status = 418,
       .expires_unix_s = 0,
       .fallback = true,
       .fallback_ttl_s = 50},
      {.what = "fallback and the least exp, error",
       .status = 418,
       .expires_unix_s = std::numeric_limits<std::int64_t>::min(),
       .fallback = true,
       .fallback_ttl_s = 50},
      {.what = "fallback ttl without one", .fallback_ttl_s = 50, .expected = "max-age=100, public"},
  };
  expect_controls(cases);
}

// RFC 9111 5.4: without a Cache-Control it means no-cache.
TEST(CacheControl, PragmaOfTheSource) {
  const std::string soon = http::http_date(kNow + 7);
  const FreshnessCase cases[] = {
      {.what = "pragma", .passthrough = true, .source_pragma = "no-cache", .expected = "no-cache"},
      {.what = "pragma in a list and any case",
       .passthrough = true,
       .source_pragma = "x=1, No-Cache",
       .expected = "no-cache"},
      {.what = "pragma beside a bad expires",
       .passthrough = true,
       .source_expires = "0",
       .source_pragma = "no-cache",
       .expected = "no-cache"},
      {.what = "pragma beside an expires",
       .passthrough = true,
       .source_expires = soon,
       .source_pragma = "no-cache",
       .expected = "no-cache"},
      {.what = "cache-control wins over pragma",
       .passthrough = true,
       .source_control = "max-age=5",
       .source_pragma = "no-cache",
       .expected = "max-age=5"},
      {.what = "another pragma",
       .passthrough = true,
       .source_pragma = "no-cache-please",
       .expected = "max-age=100, public"},
      {.what = "another pragma beside an expires",
       .passthrough = true,
       .source_expires = soon,
       .source_pragma = "public",
       .expected = "max-age=7, public"},
      {.what = "pragma, passthrough off",
       .source_pragma = "no-cache",
       .expected = "max-age=100, public"},
      {.what = "expires of the URL wins over pragma",
       .expires_in_s = 30,
       .passthrough = true,
       .source_pragma = "no-cache",
       .expected = "max-age=30, public"},
  };
  expect_controls(cases);
}

TEST(CacheControl, WithoutASource) {
  config::Config config;
  config.server.cache_control_passthrough = true;
  config.server.ttl_s = 9;
  EXPECT_EQ(cache_control(Freshness{}, config), "max-age=9, public");
}

TEST(ContentDisposition, StemAndExtension) {
  struct Case {
    DispositionInput in;
    std::string_view expected;
  };
  const Case cases[] = {
      {{.source_url = "http://h/a/photo.png", .extension = ".jpg"},
       "inline; filename=\"photo.jpg\""},
      {{.filename = "named", .source_url = "http://h/photo.png", .extension = ".webp"},
       "inline; filename=\"named.webp\""},
      {{.source_url = "http://h/photo.png", .extension = ".jpg", .attachment = true},
       "attachment; filename=\"photo.jpg\""},
      {{.source_url = "http://h/photo.tar.gz", .extension = ".jpg"},
       "inline; filename=\"photo.tar.jpg\""},
      {{.source_url = "http://h/noext", .extension = ".jpg"}, "inline; filename=\"noext.jpg\""},
      {{.source_url = "http://h/", .extension = ".jpg"}, "inline; filename=\"image.jpg\""},
      {{.source_url = "http://h", .extension = ".jpg"}, "inline; filename=\"h.jpg\""},
      {{.source_url = "http://127.0.0.1:9170", .extension = ".png"},
       "inline; filename=\"127.0.0.png\""},
      {{.source_url = "nothing.png", .extension = ".jpg"}, "inline; filename=\"nothing.jpg\""},
      {{.source_url = "nothing", .extension = ".jpg"}, "inline; filename=\"nothing.jpg\""},
      {{.source_url = "", .extension = ".jpg"}, "inline; filename=\"image.jpg\""},
      {{.source_url = "local:///a/b.png", .extension = ".jpg"}, "inline; filename=\"b.jpg\""},
      {{.source_url = "http://h/.png", .extension = ".jpg"}, "inline; filename=\"image.jpg\""},
      {{.source_url = "http://h/a\"b.png", .extension = ".jpg"}, "inline; filename=\"a%22b.jpg\""},
      {{.filename = "\"\"", .source_url = "http://h/x", .extension = ".jpg"},
       "inline; filename=\"%22%22.jpg\""},
      {{.source_url = "http://h/caf\xc3\xa9 %20.png", .extension = ".jpg"},
       "inline; filename=\"caf\xc3\xa9 %20.jpg\""},
      {{.source_url = "http://h/a.png?v=1.2", .extension = ".jpg"},  // taken textually
       "inline; filename=\"a.png?v=1.jpg\""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.expected);
    EXPECT_EQ(content_disposition(c.in), c.expected);
  }
}

TEST(ContentDisposition, NothingLeavesItsQuotesAndNoCredentialsEnter) {
  struct Case {
    DispositionInput in;
    std::string_view expected;
  };
  const Case cases[] = {
      {{.filename = "a\\", .extension = ""}, "inline; filename=\"a%5C\""},
      {{.filename = "a", .extension = ".png\"; filename=\"b.html"},
       "inline; filename=\"a.png%22; filename=%22b.html\""},
      {{.filename = "a", .extension = ".png\\"}, "inline; filename=\"a.png%5C\""},
      {{.source_url = "http://u:p@h", .extension = ".jpg"}, "inline; filename=\"h.jpg\""},
      {{.source_url = "http://h/a?sig=s", .extension = ".jpg"},
       "inline; filename=\"a?sig=***.jpg\""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.expected);
    EXPECT_EQ(content_disposition(c.in), c.expected);
  }
}

TEST(CanonicalLink, IsEscapedAndShowsNoCredentials) {
  struct Case {
    std::string_view url, wanted;  // blank: none
  };
  const Case cases[] = {
      {"http://h/a.png", "<http://h/a.png>; rel=\"canonical\""},
      {"https://h/a%20b.png?x=1&y=(2)", "<https://h/a%20b.png?x=1&y=(2)>; rel=\"canonical\""},
      {"http://u:p@h/a@2x.png", "<http://h/a@2x.png>; rel=\"canonical\""},
      {"http://h/a>; rel=\"x\", <b", "<http://h/a%3E;%20rel=%22x%22,%20%3Cb>; rel=\"canonical\""},
      {"http://h/\xc3\xbc\\^`{|}", "<http://h/%C3%BC%5C%5E%60%7B%7C%7D>; rel=\"canonical\""},
      {"http://h/a?X-Amz-Signature=s", ""},
      {"http://h/a?x=1&token=s", ""},
      {"local:///a.png", ""},
      {"s3://b/k", ""},
      {"http://h/a\nb", ""},
      {"http://h\"/", ""},
      {"http://", ""},
      {"", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.url);
    EXPECT_EQ(canonical_link(c.url).value_or(""), c.wanted);
  }
}

// A control character took the whole header away.
TEST(ContentDisposition, ControlsBecomeSpaces) {
  using namespace std::string_view_literals;
  struct Case {
    DispositionInput in;
    std::string_view expected;
  };
  const Case cases[] = {
      {{.filename = "a\nb", .extension = ".png"}, "inline; filename=\"a b.png\""},
      {{.filename = "a\r\nX: y", .extension = ".png"}, "inline; filename=\"a  X: y.png\""},
      {{.filename = "a\0b"sv, .extension = ".png"}, "inline; filename=\"a b.png\""},
      {{.filename = "\x01\x1f\x7f\t\x80", .extension = ".png"},
       "inline; filename=\"   \t\x80.png\""},
      {{.source_url = "http://h/a\nb.png", .extension = ".p\nng"}, "inline; filename=\"a b.p ng\""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.expected);
    const std::string got = content_disposition(c.in);
    EXPECT_EQ(got, c.expected);
    EXPECT_TRUE(http::safe_value(got));
  }
}

TEST(RawExtension, FromTheNameOrTheType) {
  struct Case {
    std::string_view url, type, expected;
  };
  const Case cases[] = {
      {"http://h/a.png", "image/jpeg", ".png"},
      {"http://h/a.png?x=1.gif", "", ".png"},
      {"http://h/a", "image/jpeg", ".jpg"},
      {"http://h/a", "IMAGE/PNG; q=1", ".png"},
      {"http://h.com/a", "image/webp", ".webp"},
      {"http://h/a", "text/html", ""},
      {"http://h/a", "", ""},
      {"local:///x/y.bin", "", ".bin"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.url);
    EXPECT_EQ(raw_extension(raw_path(c.url), c.type), c.expected);
  }
}

TEST(RawPath, OfTheWebWithoutQueryAndEscapes) {
  struct Case {
    std::string_view url, expected;
  };
  const Case cases[] = {
      {"http://h/a/b.png", "/a/b.png"},
      {"https://h/a%20b?c=/d.e", "/a b"},
      {"http://h/a#b/c", "/a"},
      {"http://h", "/"},
      {"http://h?a/b", "/"},
      {"http://h/a%2Fb.png", "/a/b.png"},
      {"local:///a%20b.png?c", "/a%20b.png?c"},
      {"s3://bucket/a/b", "/a/b"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.url);
    EXPECT_EQ(raw_path(c.url), c.expected);
  }
}

TEST(Vary, NamesWhatTheAnswerDependsOn) {
  config::Config config;
  EXPECT_EQ(vary(config), "");
  for (bool config::ProcessingConfig::* format :
       {&config::ProcessingConfig::auto_webp, &config::ProcessingConfig::auto_avif,
        &config::ProcessingConfig::auto_jxl, &config::ProcessingConfig::enforce_webp,
        &config::ProcessingConfig::enforce_avif, &config::ProcessingConfig::enforce_jxl}) {
    config::Config one;
    one.processing.*format = true;
    EXPECT_EQ(vary(one), "Accept");
  }
  config.processing.enable_client_hints = true;
  EXPECT_EQ(vary(config), "Sec-Ch-Dpr, Dpr, Sec-Ch-Width, Width");
  config.processing.auto_webp = true;
  EXPECT_EQ(vary(config), "Accept, Sec-Ch-Dpr, Dpr, Sec-Ch-Width, Width");
  config.memory.gzip_compression = 5;
  EXPECT_TRUE(vary(config).ends_with(", Accept-Encoding"));
}

TEST(BaseResponse, PolicyAndRequestId) {
  const http::Response response = base_response(418, "id-1");
  EXPECT_EQ(response.status, 418);
  EXPECT_EQ(response.headers.get("x-request-id"), "id-1");
  EXPECT_EQ(response.headers.get("content-security-policy"),
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox");
}

}  // namespace
}  // namespace imgring::service
