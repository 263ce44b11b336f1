// Tests of validators, both ways (server.md section 3.2): src/service/source_request.cc and
// answers.cc.
#include <gtest/gtest.h>

#include "imgring/service/answers.h"
#include "imgring/service/source_request.h"

namespace imgring::service {
namespace {

constexpr std::string_view kOld = "Sun, 06 Nov 1994 08:49:37 GMT";  // 784111777
constexpr std::int64_t kOldUnix = 784111777;

struct ToSource {
  const char* what;
  std::string none_match{}, since{};
  std::string buster{};
  std::optional<std::int64_t> time_buster{};
  bool use_etag = true, use_last_modified = true;
  std::string sent_none_match{}, sent_since{};  // "": not sent
};

const ToSource kToSource[] = {
    {.what = "nothing"},
    {.what = "both as they are",
     .none_match = "W/\"a\", \"b\"",
     .since = std::string(kOld),
     .sent_none_match = "W/\"a\", \"b\"",
     .sent_since = std::string(kOld)},
    {.what = "etags off",
     .none_match = "\"a\"",
     .since = std::string(kOld),
     .use_etag = false,
     .sent_since = std::string(kOld)},
    {.what = "dates off",
     .none_match = "\"a\"",
     .since = std::string(kOld),
     .use_last_modified = false,
     .sent_none_match = "\"a\""},
    {.what = "buster fits",
     .none_match = "\"bb/ImFiYyI\"",
     .buster = "bb",
     .sent_none_match = "\"abc\""},
    {.what = "weak, buster fits",
     .none_match = "W/\"bb/ImFiYyI\"",
     .buster = "bb",
     .sent_none_match = "\"abc\""},
    {.what = "no quotes, buster fits",
     .none_match = "bb/ImFiYyI",
     .buster = "bb",
     .sent_none_match = "\"abc\""},
    {.what = "another buster drops the date too",
     .none_match = "\"cc/ImFiYyI\"",
     .since = std::string(kOld),
     .buster = "bb"},
    {.what = "nothing but the buster",
     .none_match = "\"bb/\"",
     .since = std::string(kOld),
     .buster = "bb",
     .sent_since = std::string(kOld)},
    {.what = "longer buster", .none_match = "\"bbb/ImFiYyI\"", .buster = "bb"},
    {.what = "no buster in it",
     .none_match = "\"abc\"",
     .since = std::string(kOld),
     .buster = "bb"},
    {.what = "buster alone", .none_match = "\"bb\"", .buster = "bb"},
    {.what = "bad base64", .none_match = "\"bb/!!\"", .since = std::string(kOld), .buster = "bb"},
    {.what = "buster but no etag",
     .since = std::string(kOld),
     .buster = "bb",
     .sent_since = std::string(kOld)},
    {.what = "time buster earlier",
     .since = std::string(kOld),
     .time_buster = kOldUnix - 1,
     .sent_since = std::string(kOld)},
    {.what = "time buster equal", .since = std::string(kOld), .time_buster = kOldUnix},
    {.what = "time buster later",
     .none_match = "\"a\"",
     .since = std::string(kOld),
     .time_buster = kOldUnix + 1,
     .sent_none_match = "\"a\""},
    {.what = "time buster, no date", .since = "yesterday", .time_buster = 1},
    {.what = "no buster, no date", .since = "yesterday", .sent_since = "yesterday"},
};

TEST(ConditionalHeaders, OnTheirWayToTheSource) {
  for (const ToSource& c : kToSource) {
    SCOPED_TRACE(c.what);
    config::ServerConfig config;
    config.use_etag = c.use_etag;
    config.use_last_modified = c.use_last_modified;
    config.etag_buster = c.buster;
    config.last_modified_buster_unix_s = c.time_buster;
    http::Headers client;
    if (!c.none_match.empty()) client.add("If-None-Match", c.none_match);
    if (!c.since.empty()) client.add("If-Modified-Since", c.since);
    const http::Headers sent = conditional_headers(client, config);
    EXPECT_EQ(sent.get("if-none-match"), c.sent_none_match);
    EXPECT_EQ(sent.get("if-modified-since"), c.sent_since);
  }
}

struct ToClient {
  const char* what;
  std::string etag{}, modified{};
  std::string buster{};
  std::optional<std::int64_t> time_buster{};
  bool use_etag = true, use_last_modified = true;
  std::string given_etag{}, given_modified{};
};

TEST(AddValidators, OnTheirWayToTheClient) {
  const std::string old(kOld);
  const std::string later = http::http_date(kOldUnix + 10);
  const ToClient cases[] = {
      {.what = "nothing", .buster = "bb", .time_buster = kOldUnix},
      {.what = "as they are",
       .etag = "W/\"a\"",
       .modified = old,
       .given_etag = "W/\"a\"",
       .given_modified = old},
      {.what = "off",
       .etag = "\"a\"",
       .modified = old,
       .use_etag = false,
       .use_last_modified = false},
      {.what = "buster", .etag = "\"abc\"", .buster = "bb", .given_etag = "\"bb/ImFiYyI\""},
      {.what = "raised", .modified = old, .time_buster = kOldUnix + 10, .given_modified = later},
      {.what = "not lowered", .modified = later, .time_buster = kOldUnix, .given_modified = later},
      {.what = "no date", .modified = "yesterday"},
  };
  for (const ToClient& c : cases) {
    SCOPED_TRACE(c.what);
    config::ServerConfig config;
    config.use_etag = c.use_etag;
    config.use_last_modified = c.use_last_modified;
    config.etag_buster = c.buster;
    config.last_modified_buster_unix_s = c.time_buster;
    http::Headers source;
    if (!c.etag.empty()) source.add("etag", c.etag);
    if (!c.modified.empty()) source.add("last-modified", c.modified);
    http::Response response;
    add_validators(response, source, config);
    EXPECT_EQ(response.headers.get("etag"), c.given_etag);
    EXPECT_EQ(response.headers.get("last-modified"), c.given_modified);
  }
}

TEST(AddValidators, WhatTheClientGetsComesBackToTheSource) {
  config::ServerConfig config;
  config.etag_buster = "v2";
  http::Headers source;
  source.add("ETag", "W/\"odd \xc3\xa9 / value\"");
  http::Response response;
  add_validators(response, source, config);
  http::Headers client;
  client.add("If-None-Match", std::string(response.headers.get("etag")));
  EXPECT_EQ(conditional_headers(client, config).get("if-none-match"), source.get("etag"));
}

}  // namespace
}  // namespace imgring::service
