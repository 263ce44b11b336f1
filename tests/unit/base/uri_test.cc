// Tests of src/base/uri.cc: what of a URL people may see.
#include "imgring/base/uri.h"

#include <gtest/gtest.h>

#include "imgring/base/sanitized.h"

namespace imgring {
namespace {

TEST(DisplayText, UserInformationIsGone) {
  struct Case {
    std::string_view text, wanted;
  };
  const Case cases[] = {
      {"http://h/a.png", "http://h/a.png"},
      {"http://u:p@h/a.png", "http://h/a.png"},
      {"https://u@h:81/a@2x.png", "https://h:81/a@2x.png"},
      {"http://u:p@x@h/a", "http://h/a"},
      {"http://u:p@h", "http://h"},
      {"http://u:p@h?x=1", "http://h?x=1"},
      {"http://u:p%2Fw@h/a", "http://h/a"},
      {"http://u:p w\\\"<>@h/a", "http://h/a"},
      {"/s/plain/http://u:p%252Fw%40h/a@png", "/s/plain/http://h/a@png"},
      {"/s/plain/http%3A%2F%2Fu:p%252Fw%40h%2Fa", "/s/plain/http%3A%2F%2Fh%2Fa"},
      {"http:/u:p@h/a", "http:/h/a"},
      {"http:\\\\u:p@h\\a", "http:\\\\h\\a"},
      {"s3://k:s@bucket/a", "s3://bucket/a"},
      {"local:/photo@2x.png", "local:/photo@2x.png"},
      {"local:///photo@2x.png", "local:///photo@2x.png"},
      {"/unsafe/w:1/plain/http://u:p%40h/a.png@jpg", "/unsafe/w:1/plain/http://h/a.png@jpg"},
      {"/s/plain/http:%2F%2Fu:p%40h%2Fa.png@jpg", "/s/plain/http:%2F%2Fh%2Fa.png@jpg"},
      {"/s/plain/http%3a%2f%2fu:p%40h%2fa.png", "/s/plain/http%3a%2f%2fh%2fa.png"},
      {"from http://a:b@h/x to https://c:d@i/y", "from http://h/x to https://i/y"},
      {"no URL, a: b@c", "no URL, a: b@c"},
      {"", ""},
      {"://", "://"},
      {"%", "%"},
      {"://@", "://"},
      {":/@", ":/@"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(display_text(c.text), c.wanted);
  }
}

TEST(DisplayText, WhatSignsAQueryIsMasked) {
  struct Case {
    std::string_view text, wanted;
  };
  const Case cases[] = {
      {"http://h/a?X-Amz-Date=1&X-Amz-Signature=abc&x=2",
       "http://h/a?X-Amz-Date=1&X-Amz-Signature=***&x=2"},
      {"http://h/a?sv=1&SIG=a%2Bb", "http://h/a?sv=1&SIG=***"},
      {"http://h/a?token=t#f", "http://h/a?token=***#f"},
      {"http://h/a?%74oken=t", "http://h/a?%74oken=***"},
      {"/s/plain/http://h/a%3Ftoken%3Dt%26w=1@png", "/s/plain/http://h/a%3Ftoken%3D***%26w=1@png"},
      {"http://h/a?tokens=t&design=1&w=", "http://h/a?tokens=t&design=1&w="},
      {"http://h/a#access_token=t", "http://h/a#access_token=***"},
      {"http://h/key=1/a", "http://h/key=1/a"},
      {"http://h/a?key", "http://h/a?key"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(display_text(c.text), c.wanted);
  }
}

TEST(DisplayText, LongTextsStayQuick) {
  constexpr std::size_t kBytes = kSanitized ? 200'000 : 1'000'000;
  for (const std::string_view piece : {"://", ":/@", "&token=", "%25", "?", "%3A%2F", "a@", ":\\\\",
                                       "%3A%5C%5C", ":\\\\@", "://a%2Fb:\\\\"}) {
    std::string text;
    while (text.size() < kBytes) text += piece;
    text += "/x=1";
    EXPECT_LE(display_text(text).size(), 2 * text.size());
  }
}

TEST(DisplaySetting, NothingBeforeTheLastAtIsLeft) {
  EXPECT_EQ(display_setting("http://u:p/w@proxy:3128"), "http://proxy:3128");
  EXPECT_EQ(display_setting("u:p@proxy:3128"), "proxy:3128");
  EXPECT_EQ(display_setting("ftp://u:p@w@h/a?sig=x"), "ftp://h/a?sig=***");
  EXPECT_EQ(display_setting("proxy:3128"), "proxy:3128");
  EXPECT_EQ(display_setting("u@p://h"), "p://h");
}

}  // namespace
}  // namespace imgring
