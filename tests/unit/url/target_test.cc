// Tests of src/url/target.cc: splitting, repairs, signatures.
#include "helpers.h"

namespace imgring::url {
namespace {

TEST(Target, SplitAndRepair) {
  struct Case {
    std::string_view target, prefix, signature, path;  // empty signature: 404
  };
  const Case cases[] = {
      {"/sig/w:1/plain/http://h/a", "", "sig", "w:1/plain/http://h/a"},
      {"/sig/w:1/plain/http://h/a?x=/y", "", "sig", "w:1/plain/http://h/a"},
      {"//sig/w:1/abc", "", "sig", "w:1/abc"},
      {"/sig//plain/x", "", "sig", "plain/x"},
      {"/sig//w:1/plain/x", "", "sig", "w:1/plain/x"},
      {"/sig///w:1/plain/x", "", "sig", "/w:1/plain/x"},
      {"/sig/w%3A1/h%3a2/abc%3Ad", "", "sig", "w:1/h%3a2/abc:d"},
      {"/sig/w%3A1/plain/a%3Ab", "", "sig", "w:1/plain/a%3Ab"},
      {"/sig/plain/http:/h/a", "", "sig", "plain/http://h/a"},
      {"/sig/w:1/plain/local:/a.png", "", "sig", "w:1/plain/local:///a.png"},
      {"/sig/plain/http:/h/b:/c", "", "sig", "plain/http:/h/b://c"},
      {"/sig/plain/:/x", "", "sig", "plain/:/x"},
      {"/sig/plain/a b:/x", "", "sig", "plain/a b:/x"},
      {"/sig/plain/a:/", "", "sig", "plain/a:/"},
      {"/sig/plain/a/plain/b:/c", "", "sig", "plain/a/plain/b://c"},
      {"/pre/fix/sig/abc", "/pre/fix", "sig", "abc"},
      {"/pics//sig/abc", "/pics/", "sig", "abc"},
      {"/sig/\xc3\xbc", "", "sig", "\xc3\xbc"},
      {"/w:30/plain/x", "", "w:30", "plain/x"},
      {"/sig", "", "", ""},
      {"/sig/", "", "", ""},
      {"/", "", "", ""},
      {"", "", "", ""},
      {"///x/y", "", "", ""},
      {"/sig?/x/y", "", "", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.target);
    const auto split = split_target(c.target, c.prefix);
    ASSERT_EQ(split.has_value(), !c.signature.empty());
    if (!split) {
      EXPECT_EQ(split.error().code, ErrorCode::kInvalidUrl);
      continue;
    }
    EXPECT_EQ(split->signature, c.signature);
    EXPECT_EQ(split->path, c.path);
  }
}

config::UrlConfig with_keys(std::vector<config::KeySalt> keys, int size = 32) {
  config::UrlConfig config;
  config.keys = std::move(keys);
  config.signature_size_bytes = size;
  return config;
}
int status_of(std::string signature, std::string path, const config::UrlConfig& config) {
  const auto result = verify_signature({std::move(signature), std::move(path)}, config);
  return result ? 0 : result.error().status();
}

TEST(Signature, Vectors) {
  const std::string long_path =
      "/rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png";
  struct Case {
    std::string_view key, salt, path, signature;
    int size_bytes;
  };
  const Case cases[] = {
      {"secret", "hello", long_path, "oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8", 32},
      {"secret", "hello", "/w:10/plain/local:///s120.png",
       "-01WARjEOvKyZBGmpOtZ7WOxcKerecZvfNMvh1JwWak", 32},
      {"test-key", "test-salt", "/asd", "oWaL7QoW5TsgbuiS9-5-DI8S3Ibbo1gdB2SteJh3a20", 32},
      {"test-key", "test-salt", "/asd", "oWaL7QoW5Ts", 8},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.signature);
    EXPECT_EQ(sign({c.path, c.key, c.salt, c.size_bytes}), c.signature);
    const auto config = with_keys({{std::string(c.key), std::string(c.salt)}}, c.size_bytes);
    EXPECT_EQ(status_of(std::string(c.signature), std::string(c.path.substr(1)), config), 0);
  }
}

TEST(Signature, RefusedOnes) {
  const auto config = with_keys({{"test-key", "test-salt"}}, 8);
  EXPECT_EQ(status_of("oWaL7QoW5Ts", "asd", config), 0);
  EXPECT_EQ(status_of("oWaL7QoW5Tv", "asd", config), 0) << "unused trailing bits are ignored";
  for (const char* const bad :
       {"oWaL7QoW5Ts=", "oWaL7QoW5TsgbuiS9-5-DI8S3Ibbo1gdB2SteJh3a20", "oWaL7QoW5Q", "oWaL7QoW5Tsx",
        "PWaL7QoW5Ts", "insecure", "w:30", "o"}) {
    EXPECT_EQ(status_of(bad, "asd", config), 403) << bad;
  }
  EXPECT_EQ(status_of("oWaL7QoW5Ts", "asD", config), 403);
  EXPECT_EQ(verify_signature({"x", "asd"}, config).error().public_text(), "Forbidden");
}

TEST(Signature, AnyPairAndTrustedOnes) {
  auto config = with_keys({{"other", "pair"}, {"test-key", "test-salt"}}, 8);
  config.trusted_signatures = {"friend", "other-friend"};
  EXPECT_EQ(status_of("oWaL7QoW5Ts", "asd", config), 0);
  EXPECT_EQ(status_of("other-friend", "anything", config), 0);
  EXPECT_EQ(status_of("Friend", "anything", config), 403);
  // Pairs are matched by index only.
  const std::string crossed = sign({"/asd", "other", "test-salt", 8});
  EXPECT_EQ(status_of(crossed, "asd", config), 403);
}

// imgproxy puts a slash in front only where there is none.
TEST(Signature, ThreeSlashesAreSignedAsOne) {
  EXPECT_EQ(signed_text("w:10/plain/x"), "/w:10/plain/x");
  EXPECT_EQ(signed_text("/w:10/plain/x"), "/w:10/plain/x");
  EXPECT_EQ(signed_text("//w:10/plain/x"), "//w:10/plain/x");
  EXPECT_EQ(signed_text(""), "/");
  const auto config = with_keys({{"key", "salt"}});
  const std::string signature = sign({"/w:10/plain/x", "key", "salt"});
  struct Case {
    std::string_view slashes;
    int status;
  };
  const Case cases[] = {{"/", 0}, {"//", 0}, {"///", 0}, {"////", 403}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.slashes);
    const auto split = split_target("/" + signature + std::string(c.slashes) + "w:10/plain/x", "");
    ASSERT_TRUE(split.has_value());
    EXPECT_EQ(status_of(split->signature, split->path, config), c.status);
  }
  // Two slashes are another text.
  const std::string doubled = sign({"//w:10/plain/x", "key", "salt"});
  EXPECT_EQ(status_of(doubled, "w:10/plain/x", config), 403);
  EXPECT_EQ(status_of(doubled, "/w:10/plain/x", config), 403);
}

// Its signature and path stand behind it, and what is signed is without it.
TEST(SplitTarget, InfoIsAnEndpoint) {
  struct Case {
    std::string_view target, prefix, signature, path;
  };
  const Case cases[] = {
      {"/info/_/s:1/plain/x", "", "_", "s:1/plain/x"},
      {"/%69nfo/_/plain/x", "", "_", "plain/x"},
      {"/i%6Efo/unsafe/plain/http:/a", "", "unsafe", "plain/http://a"},
      {"//info/_/plain/x", "", "_", "plain/x"},
      {"/pre/info/_/plain/x?query", "/pre", "_", "plain/x"},
      {"/info/info/plain/x", "", "info", "plain/x"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.target);
    const auto split = split_target(c.target, c.prefix);
    ASSERT_TRUE(split.has_value());
    EXPECT_TRUE(split->info);
    EXPECT_EQ(split->signature, c.signature);
    EXPECT_EQ(split->path, c.path);
  }
  for (const std::string_view target :
       {"/info", "/info/", "/info/aGVsbG8", "/info/_/", "/info//x"}) {
    SCOPED_TRACE(target);
    const auto split = split_target(target, "");
    ASSERT_FALSE(split.has_value());
    EXPECT_EQ(split.error().status(), 404);
  }
  const auto other = split_target("/information/aGVsbG8", "");
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE(other->info);
}

TEST(Signature, UncheckedOnesMustNotLookLikeOptions) {
  const config::UrlConfig config;
  EXPECT_EQ(status_of("anything", "w:1/plain/x", config), 0);
  const auto result = verify_signature({"w:30", "plain/x"}, config);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().status(), 403);
  EXPECT_EQ(result.error().code, ErrorCode::kSignatureIsOption);
}

}  // namespace
}  // namespace imgring::url
