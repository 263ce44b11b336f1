// Tests of src/service/cookies.cc: which client cookies go to a source.
#include "imgring/service/cookies.h"

#include <gtest/gtest.h>

namespace imgring::service {
namespace {

struct Case {
  const char* what;
  std::string_view source;
  bool on = true, all = false;
  std::string base_url{}, forwarded_host{}, forwarded_proto{};
  std::string cookies = "a=1; b=2";
  std::string expected{};
};

const Case kCases[] = {
    {.what = "off", .source = "http://img.example/x", .on = false, .all = true},
    {.what = "all", .source = "https://other.example/x", .all = true, .expected = "a=1; b=2"},
    {.what = "all, no http", .source = "local:///x", .all = true},
    {.what = "host of the request", .source = "http://img.example:81/x", .expected = "a=1; b=2"},
    {.what = "other host", .source = "http://other.example/x"},
    {.what = "a host that only begins alike", .source = "http://img.example.evil/x"},
    {.what = "user information does not fool it", .source = "http://img.example@evil/x"},
    {.what = "case", .source = "http://IMG.Example/x", .expected = "a=1; b=2"},
    {.what = "forwarded host",
     .source = "http://front.example/x",
     .forwarded_host = "front.example",
     .expected = "a=1; b=2"},
    {.what = "forwarded host hides the host",
     .source = "http://img.example/x",
     .forwarded_host = "front.example"},
    {.what = "base url",
     .source = "https://base.example/x",
     .base_url = "https://base.example/",
     .forwarded_host = "front.example",
     .expected = "a=1; b=2"},
    {.what = "base url of another",
     .source = "http://img.example/x",
     .base_url = "https://base.example"},
    {.what = "bad ones are dropped",
     .source = "http://img.example/x",
     .cookies = "a=1;; b c=2; d; e=\"q\"; f=g\"h; i=j\\k; =l; m=n\xc3\xa9; o=",
     .expected = "a=1; d=; e=\"q\"; o="},
    {.what = "as imgproxy writes them",
     .source = "http://img.example/x",
     .cookies = "a=b c; d=e,f; g=\"h i\"",
     .expected = "a=\"b c\"; d=\"e,f\"; g=\"h i\""},
    {.what = "a scheme of the web before us",
     .source = "http://img.example/x",
     .forwarded_proto = "https",
     .expected = "a=1; b=2"},
    {.what = "another scheme before us",
     .source = "http://img.example/x",
     .forwarded_proto = "ftp"},
    {.what = "base url's folder",
     .source = "http://base.example/foo/x",
     .base_url = "http://base.example/foo/bar",
     .expected = "a=1; b=2"},
    {.what = "the folder itself",
     .source = "http://base.example/foo?x",
     .base_url = "http://base.example/foo/bar",
     .expected = "a=1; b=2"},
    {.what = "outside of it",
     .source = "http://base.example/foobar/x",
     .base_url = "http://base.example/foo/bar"},
    {.what = "base url of another scheme",
     .source = "http://base.example/",
     .base_url = "ftp://base.example/"},
    {.what = "none", .source = "http://img.example/x", .cookies = ""},
};

TEST(Cookies, GoToTheirHostOnly) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.what);
    config::SourceConfig config;
    config.cookie_passthrough = c.on;
    config.cookie_passthrough_all = c.all;
    config.cookie_base_url = c.base_url;
    http::Headers client;
    client.add("Host", "img.example:8080");
    if (!c.forwarded_host.empty()) client.add("X-Forwarded-Host", c.forwarded_host);
    if (!c.forwarded_proto.empty()) client.add("X-Forwarded-Proto", c.forwarded_proto);
    if (!c.cookies.empty()) client.add("Cookie", c.cookies);
    EXPECT_EQ(cookies_for(c.source, client, config), c.expected);
  }
}

}  // namespace
}  // namespace imgring::service
