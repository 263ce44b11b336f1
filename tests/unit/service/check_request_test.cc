// Tests of src/service/check_request.cc: what a head becomes, and why it is refused.
#include "imgring/service/check_request.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace imgring::service {
namespace {

Snapshot snapshot_of(config::Config config) {
  Snapshot out;
  std::vector<std::string> warnings;
  auto rules = url::UrlRules::build(config, &warnings);
  IMGRING_CHECK(rules.has_value());
  out.rules = std::move(*rules);
  out.abilities = format::Abilities::all();
  out.config = std::move(config);
  return out;
}

http::Request request_for(std::string target) {
  http::Request out;
  out.method = http::Method::kGet;
  out.target = std::move(target);
  return out;
}

TEST(CheckRequest, GivesOptionsAndSource) {
  const Snapshot snapshot = snapshot_of({});
  const auto got =
      check_request(request_for("/unsafe/w:30/plain/http://a.example/b.png"), snapshot, 0);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->source_url, "http://a.example/b.png");
  EXPECT_EQ(got->options.first().width, 30);
}

TEST(CheckRequest, TheSecretIsAskedFirst) {
  config::Config config;
  config.server.secret = "s3";
  const Snapshot snapshot = snapshot_of(config);
  http::Request request = request_for("/nonsense");
  EXPECT_EQ(check_request(request, snapshot, 0).error().code, ErrorCode::kForbidden);
  request.headers.add("Authorization", "Bearer s3");
  EXPECT_NE(check_request(request, snapshot, 0).error().code, ErrorCode::kForbidden);
  request.target = "/unsafe/plain/http://a.example/b.png";
  EXPECT_TRUE(check_request(request, snapshot, 0).has_value());
}

TEST(CheckRequest, SignaturesOptionsAndTimes) {
  config::Config config;
  const Snapshot open = snapshot_of(config);
  config.url.keys = {{"k", "s"}};
  const Snapshot signed_only = snapshot_of(config);
  const std::string path = "/plain/http://a.example/b.png";
  EXPECT_EQ(check_request(request_for("/unsafe" + path), signed_only, 0).error().status(), 403);
  EXPECT_EQ(check_request(request_for("/unsafe/w:x" + path), open, 0).error().status(), 404);
  const http::Request timed = request_for("/unsafe/exp:100" + path);
  EXPECT_TRUE(check_request(timed, open, 99).has_value());
  EXPECT_EQ(check_request(timed, open, 101).error().status(), 404);
}

TEST(CheckRequest, AFormatThatCannotBeSavedUnlessRaw) {
  Snapshot snapshot = snapshot_of({});
  snapshot.abilities = {};
  const std::string source = "plain/http://a.example/b.png@webp";
  const auto refused = check_request(request_for("/unsafe/" + source), snapshot, 0);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kResultUnsupported);
  EXPECT_TRUE(check_request(request_for("/unsafe/raw:1/" + source), snapshot, 0).has_value());
}

}  // namespace
}  // namespace imgring::service
