// Tests of src/cli/signature_mistakes.cc: each usual mistake is made here by its own arithmetic,
// and must be named, alone and with another one.
#include "../../../src/cli/signature_mistakes.h"

#include <gtest/gtest.h>

#include "imgring/base/text.h"
#include "imgring/url/request.h"

namespace imgring::cli {
namespace {

constexpr std::string_view kPath = "/rs:fit:300:0/plain/http://h/a%20b.jpg";

config::UrlConfig two_pairs(int size_bytes = 32) {
  config::UrlConfig config;
  config.keys = {{"\xAB\xCD key one", "\xEF\x01 salt one"}, {"key two", "salt two"}};
  config.signature_size_bytes = size_bytes;
  return config;
}

std::string made(std::string_view text, std::string_view key, std::string_view salt,
                 int size_bytes = 32) {
  return url::sign({.path = text, .key = key, .salt = salt, .size_bytes = size_bytes});
}

std::string said(const std::string& signature, int size_bytes = 32, std::string_view path = kPath) {
  return signature_mistake({.signature = signature,
                            .path = path,
                            .query = "v=1",
                            .prefix = "/img",
                            .origin = "https://cdn"},
                           two_pairs(size_bytes));
}

TEST(SignatureMistakes, AreNamedEach) {
  const auto pairs = two_pairs().keys;
  const auto& [key, salt] = pairs[0];
  const std::string path(kPath), hex_key = hex_encode(as_bytes(key)),
                                 hex_salt = hex_encode(as_bytes(salt));
  const std::string right = made(path, key, salt);
  const std::string bytes = *base64url_decode(right);
  struct Case {
    std::string signature, words;
  };
  const Case cases[] = {
      {made(path, salt, key), "key and salt are swapped (pair 1)"},
      {made(path, hex_key, hex_salt), "key and salt were taken as text"},
      {made(path, hex_key, salt), "the key was taken as text"},
      {made(path, key, hex_salt), "the salt was taken as text"},
      {made(path, key, ""), "the salt was left out"},
      {made(path.substr(1), key, salt), "without its leading slash"},
      {made(path + "?v=1", key, salt), "the query was signed"},
      {made("/img" + path, key, salt), "IMGPROXY_PATH_PREFIX was signed"},
      {made("https://cdn/img" + path, key, salt), "the whole URL was signed"},
      {made(path + "\n", key, salt), "a line's end"},
      {made("/rs:fit:300:0/plain/http://h/a b.jpg", key, salt), "escaped after it was signed"},
      {made("/rs:fit:300:0/plain/http%3A%2F%2Fh%2Fa%2520b.jpg", key, salt),
       "not where it was sent"},
      {right.substr(0, 40), "it is truncated: 30 of 32 bytes"},
      {right.substr(0, 41), "it is truncated: 30 of 32 bytes"},
      {made(path, key, "salt two"), "the key is of pair 1 and the salt of pair 2"},
      {hex_encode(as_bytes(bytes)), "it is in hexadecimal"},
      {base64_encode(as_bytes(bytes)), "ordinary Base64"},
      {"insecure", "the URL is not signed"},
      {"rs:fit:300", "the URL is not signed"},
  };
  for (const Case& c : cases) {
    EXPECT_NE(said(c.signature).find(c.words), std::string::npos) << c.words << "\n"
                                                                  << said(c.signature);
    EXPECT_EQ(said(c.signature).find("; and"), std::string::npos) << said(c.signature);
  }
}

TEST(SignatureMistakes, EscapedTwice) {
  const auto [key, salt] = two_pairs().keys[0];
  const std::string signature = made("/plain/http://h/a b.jpg", key, salt);
  EXPECT_NE(said(signature, 32, "/plain/http://h/a%2520b.jpg").find("escaped twice"),
            std::string::npos);
}

TEST(SignatureMistakes, TwoAtOnceAreBothNamed) {
  const auto [key, salt] = two_pairs().keys[1];
  const std::string signature = made(kPath.substr(1), salt, key);
  EXPECT_NE(said(signature).find("leading slash; and key and salt are swapped (pair 2)"),
            std::string::npos);
  const std::string whole = made(kPath, key, salt);
  EXPECT_NE(said(whole, 16).find("too long: cut it to 16 bytes"), std::string::npos);
}

TEST(SignatureMistakes, OthersAreNotMadeUp) {
  EXPECT_EQ(said(made(kPath, "another", "pair")), "");
  EXPECT_EQ(said(made("/another/path", two_pairs().keys[0].key, "x")), "");
  EXPECT_EQ(said("qg"), "");
  EXPECT_EQ(said(""), "");
}

}  // namespace
}  // namespace imgring::cli
