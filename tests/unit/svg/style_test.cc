// Tests of src/svg/style.cc: where the sheet lands, and what of it does not.
#include "sanitized.h"

namespace imgring::svg::test {
namespace {

constexpr std::string_view kBegin = "<style xmlns=\"http://www.w3.org/2000/svg\">",
                           kEnd = "</style>";

std::string styled(std::string_view source, std::string_view css) {
  const StopFlag stop;
  return with_style(as_bytes(source), css, stop).value_or("refused");
}

TEST(SvgStyle, IsTheRootsFirstChild) {
  const std::string sheet = std::string(kBegin) + "* {fill: #f00 !important}" + std::string(kEnd);
  struct Case {
    std::string_view before, behind;
  };
  constexpr Case kCases[] = {
      {"<svg xmlns='http://www.w3.org/2000/svg'>", "<rect/></svg>"},
      {"<?xml version='1.0'?><!-- <svg> --><!DOCTYPE svg><svg a='>'\n b=\"/>\">", "</svg>"},
      {"<s:svg xmlns:s='http://www.w3.org/2000/svg' >", "<s:rect/></s:svg>"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.before);
    EXPECT_EQ(styled(std::string(c.before) + std::string(c.behind), "* {fill: #f00 !important}"),
              std::string(c.before) + sheet + std::string(c.behind));
  }
}

TEST(SvgStyle, NoRootNoSheet) {
  for (const std::string_view source : {"<svg/>", "<html><svg></svg></html>", "text", "", "<svg"}) {
    EXPECT_EQ(styled(source, "a{b:c}"), source);
  }
}

TEST(SvgStyle, IsNoMarkupAndReachesNothing) {
  const std::string out = styled("<svg></svg>",
                                 "a>b{c:d} </style><script>x</script> @import 'http://e/'; "
                                 "e{fill:url(http://e/x)} f{fill:url(#g)}");
  EXPECT_EQ(out.find("<script"), std::string::npos);
  EXPECT_EQ(out.find("@import"), std::string::npos);
  EXPECT_EQ(out.find("http://e/"), std::string::npos);
  EXPECT_NE(out.find("a&gt;b{c:d}"), std::string::npos);
  EXPECT_NE(out.find("url(#g)"), std::string::npos);
  // What is served has it, too.
  EXPECT_NE(sanitized("<svg xmlns='http://www.w3.org/2000/svg'>" + out.substr(5)).find("c:d"),
            std::string::npos);
}

TEST(SvgStyle, OfOtherEncodingsIsUtf8) {
  std::string wide = "\xFF\xFE";
  for (const char c : std::string_view("<svg></svg>")) wide += {c, '\0'};
  EXPECT_EQ(styled(wide, "a{b:c}"),
            "<svg>" + std::string(kBegin) + "a{b:c}" + std::string(kEnd) + "</svg>");
}

TEST(SvgStyle, StopsWhenNobodyWaits) {
  StopFlag stop;
  stop.stop(StopReason::kTimeout);
  std::string source = "<svg>" + std::string(200'000, ' ') + "</svg>";
  const auto late = with_style(as_bytes(source), std::string(60'000, '\\'), stop);
  if (late) {
    EXPECT_NE(late->find("<style"), std::string::npos);
  }
}

}  // namespace
}  // namespace imgring::svg::test
