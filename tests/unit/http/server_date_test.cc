// Tests of src/http/date.cc and of the phrases of src/http/responder.cc.
#include <gtest/gtest.h>

#include "imgring/http/server.h"

namespace imgring::http {
namespace {

TEST(HttpDate, WritesTheFixedForm) {
  struct Case {
    std::int64_t unix_s;
    std::string_view text;
  };
  const Case cases[] = {
      {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
      {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
      {4102444799, "Thu, 31 Dec 2099 23:59:59 GMT"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(http_date(c.unix_s), c.text);
    EXPECT_EQ(parse_http_date(c.text), c.unix_s);
  }
}

TEST(HttpDate, ReadsTheThreeFormsAndNothingElse) {
  struct Case {
    std::string_view text;
    std::optional<std::int64_t> unix_s;
  };
  const Case cases[] = {
      {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
      {"Sun Nov  6 08:49:37 1994", 784111777},
      {"Sun, 06 Nov 1994 08:49:37", {}},
      {"Sun, 06 Nov 1994 08:49:37 GMT ", {}},
      {"Sun, 06 Nov 1994 08:49:37 CET", {}},
      {"Sun, 32 Nov 1994 08:49:37 GMT", {}},
      {"Sun, 06 Foo 1994 08:49:37 GMT", {}},
      {"784111777", {}},
      {"0", {}},
      {"", {}},
      {"garbage", {}},
      {std::string_view("Sun, 06 Nov 1994 08:49:37 GMT\0x", 31), {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(parse_http_date(c.text), c.unix_s);
  }
}

TEST(ReasonPhrase, OfKnownAndUnknownCodes) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_FALSE(reason_phrase(299).empty());  // the status line needs some text
}

}  // namespace
}  // namespace imgring::http
