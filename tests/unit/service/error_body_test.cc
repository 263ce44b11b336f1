// Tests of src/service/error_body.cc: plain text, JSON, and the development mode's page.
#include "imgring/service/error_body.h"

#include <gtest/gtest.h>

namespace imgring::service {
namespace {

const Error kBadUrl(ErrorCode::kInvalidUrl, "unknown <option> \"x\" & more");

TEST(ErrorBody, OrdinaryAnswersTellNoDetail) {
  for (std::string_view accept : {"", "text/html", "text/html, */*", "image/webp"}) {
    SCOPED_TRACE(accept);
    const ErrorBody body = error_body(kBadUrl, accept, "id-1", false);
    EXPECT_EQ(body.text, "Invalid URL");
    EXPECT_EQ(body.content_type, "text/plain");
  }
}

TEST(ErrorBody, DevelopmentPageEscapesWhatItShows) {
  const ErrorBody body = error_body(kBadUrl, "text/html,*/*", "<id>", true);
  EXPECT_EQ(body.content_type, "text/html; charset=utf-8");
  EXPECT_NE(body.text.find("404 Invalid URL"), std::string::npos);
  EXPECT_NE(body.text.find("unknown &lt;option&gt;"), std::string::npos);
  EXPECT_NE(body.text.find("&amp; more"), std::string::npos);
  EXPECT_NE(body.text.find("&lt;id&gt;"), std::string::npos);
  EXPECT_EQ(body.text.find("<option>"), std::string::npos);
  EXPECT_EQ(body.text.find("<id>"), std::string::npos);
}

TEST(ErrorBody, DevelopmentText) {
  const ErrorBody body = error_body(kBadUrl, "*/*", "id-1", true);
  EXPECT_EQ(body.content_type, "text/plain; charset=utf-8");
  EXPECT_TRUE(body.text.starts_with("Invalid URL: unknown <option> \"x\" & more\n\n"));
}

TEST(ErrorBody, JsonForThoseWhoAskForIt) {
  const ErrorBody body = error_body(kBadUrl, "application/json", "id-1", false);
  EXPECT_EQ(body.content_type, "application/json");
  EXPECT_EQ(body.text, R"({"status":404,"message":"Invalid URL","request_id":"id-1"})");
  const ErrorBody detailed = error_body(kBadUrl, "application/json", "id-1", true);
  EXPECT_NE(detailed.text.find(R"("detail":"unknown <option> \"x\" & more"})"), std::string::npos);
}

// The libraries that name application/json beside everything else take imgproxy's text.
TEST(ErrorBody, JsonOnlyWhenItIsPreferredToText) {
  struct Case {
    std::string_view accept;
    bool json, json_in_development;
  };
  const Case cases[] = {
      {"application/json, text/plain, */*", false, false},             // axios
      {"application/json, text/javascript, */*; q=0.01", true, true},  // jQuery
      {"application/json;q=0.9, */*;q=0.8", true, true},
      {"application/json;q=0.8, text/*;q=0.9", false, false},
      {"application/json;q=0.8, */*;q=0.8", false, false},
      {"text/plain;q=0.5, application/json", true, true},
      {"image/webp,APPLICATION/JSON ; charset=utf-8 ; Q=0.5", true, true},
      {"application/json;q=0", false, false},
      {"application/json;q=0.000", false, false},
      {"application/json;q=nan", false, false},
      {"application/json;q=x", false, false},
      {"application/json, text/html", true, false},  // a page is sent in development only
      {"application/json, text/html;q=0.9", true, true},
      {"application/jsonp", false, false},
      {"application/*", false, false},
      {"*/*", false, false},
      {",;,", false, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.accept);
    EXPECT_EQ(error_body(kBadUrl, c.accept, "i", false).content_type,
              c.json ? "application/json" : "text/plain");
    const ErrorBody detailed = error_body(kBadUrl, c.accept, "i", true);
    EXPECT_EQ(detailed.content_type == "application/json", c.json_in_development);
  }
}

TEST(ErrorBody, StatusOfItsOwn) {
  const Error error(ErrorCode::kSourceUnreachable, "the source said 410", 410);
  const ErrorBody body = error_body(error, "application/json", "i", false);
  EXPECT_NE(body.text.find("\"status\":410"), std::string::npos);
}

}  // namespace
}  // namespace imgring::service
