// Numbers of options that are larger or smaller than any use.
#include "helpers.h"

namespace imgring::url {
namespace {

// What is larger counts as the limit: sums and products of it stay numbers.
TEST(Options, NumbersWithoutEndCountAsTheirLimit) {
  struct Case {
    std::string_view option;
    double PixelOptions::* number;
    double wanted;
  };
  const Case cases[] = {
      {"dpr:1e300", &PixelOptions::dpr, 1e6},         {"dpr:1e-300", &PixelOptions::dpr, 1e-6},
      {"dpr:2.5", &PixelOptions::dpr, 2.5},           {"z:1e300", &PixelOptions::zoom_height, 1e6},
      {"z:1:1e-9", &PixelOptions::zoom_height, 1e-6}, {"bl:1e9", &PixelOptions::blur, 1000},
      {"bl:0.3", &PixelOptions::blur, 0.3},           {"sh:1e308", &PixelOptions::sharpen, 1000},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.option);
    const auto request = parse_options(c.option);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->options.first().*c.number, c.wanted);
  }
  const auto mark = parse_options("wm:0.5:re:1e300:-1e300:1e9")->options.first().watermark;
  EXPECT_EQ(mark.position.x, 1e9);
  EXPECT_EQ(mark.position.y, -1e9);
  EXPECT_EQ(mark.scale, 100);
  const auto gravity = parse_options("g:no:-1e300:0.5")->options.first().gravity;
  EXPECT_EQ(gravity.x, -1e9);
  EXPECT_EQ(gravity.y, 0.5);
  EXPECT_EQ(parse_options("ex:1:so:1e99")->options.first().extend.gravity.x, 1e9);
  EXPECT_EQ(parse_options("c:10:10:ea:1e99")->options.first().crop.gravity.x, 1e9);
  EXPECT_EQ(parse_options("t:1e300")->options.first().trim.threshold, 1e6);
  for (const std::string_view bad : {"dpr:0", "dpr:-1", "z:1:0", "bl:-1", "wm:0.5:ce:nan",
                                     "g:no:inf", "t:nan", "c:3e9:1", "q:101", "rot:45"}) {
    EXPECT_EQ(described(bad).substr(0, 3), "404") << bad;
  }
}

// Each is a download that is held until the picture is made.
TEST(Options, FourDifferentWatermarksByUrlAtMost) {
  const auto chain = [](int count) {
    std::string path;
    for (int i = 0; i < count; ++i) {
      path += (i > 0 ? "/-/wm:1/wmu:" : "wm:1/wmu:") +
              base64url_encode(as_bytes("http://a/" + std::to_string(i)));
    }
    return path;
  };
  EXPECT_TRUE(parse_options(chain(4)).has_value());
  EXPECT_TRUE(parse_options(chain(4) + "/-/" + chain(4)).has_value());
  const auto refused = parse_options(chain(5));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidUrl);
}

// An option of encoders or of the search without any argument gives nothing: `best` and the
// configured method go on as they would.
TEST(Options, OfNoArgumentsAreNotGiven) {
  for (const std::string_view nothing :
       {"pngo:", "pngo:::", "webpo:", "webpo:::", "jpgo:", "aq:", "aq:::::", "avifo:"}) {
    SCOPED_TRACE(nothing);
    const auto request = parse_options(nothing);
    ASSERT_TRUE(request.has_value());
    const RequestOptions& o = request->options;
    EXPECT_FALSE(o.encoders.png_given);
    EXPECT_FALSE(o.encoders.webp_given);
    EXPECT_FALSE(o.encoders.jpeg_mozjpeg);
    EXPECT_FALSE(o.autoquality.given);
  }
  EXPECT_TRUE(parse_options("pngo:0/pngo:")->options.encoders.png_given);
  EXPECT_TRUE(parse_options("webpo::0/webpo:")->options.encoders.webp_given);
  EXPECT_TRUE(parse_options("aq::0.1/aq:")->options.autoquality.given);
}

}  // namespace
}  // namespace imgring::url
