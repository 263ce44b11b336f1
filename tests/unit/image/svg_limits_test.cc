// The limits of drawing: what is drawn counts by what it costs, and nothing else counts; pictures
// inside are drawn or left out, and refuse nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

#include "imgring/base/text.h"
#include "imgring/image/encoder.h"
#include "imgring/image/svg_check.h"
#include "imgring/image/svg_drawing.h"
#include "imgring/svg/scene.h"
#include "imgring/svg/svg.h"
#include "test_images.h"

namespace imgring::image {
namespace {

using namespace svg;

std::string repeated(std::string_view part, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += part;
  return out;
}
std::string in_svg(const std::string& body) {
  return "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' "
         "width='500' height='500'>" +
         body + "</svg>";
}
constexpr SvgDemand kDemand{.width = 500, .height = 500, .pixels_max = 0, .seconds_max = 0.3};

bool allowed(const std::string& source) {
  return check_svg_limits(as_bytes(source), kDemand).has_value();
}

// What is wrong, or empty when it is drawn.
std::string drawing_error(const std::string& source) {
  SvgParams params;
  params.seconds_max = kDemand.seconds_max;
  const auto drawing = draw_here(as_bytes(source), params);
  const auto size = drawing->look(1);
  if (!size) return size.error().detail;
  const auto picture = drawing->draw();
  if (!picture) return picture.error().detail;
  const auto pixels = copy_to_memory(picture->get(), StopFlag{});
  return pixels ? std::string() : pixels.error().detail;
}

std::string filtered(const std::string& primitives) {
  return in_svg(
      "<filter id='f' filterUnits='userSpaceOnUse' x='0' y='0' width='500' "
      "height='500'>" +
      primitives + "</filter><rect width='500' height='500' filter='url(#f)'/>");
}
std::string number(int n) { return std::to_string(n); }

struct Cost {
  const char* name;
  std::function<std::string(int)> make;
  int expected;  // about the largest that is drawn in 0.3 s
};
const Cost kCosts[] = {
    {"letters in a run",
     [](int n) { return in_svg("<text y='9'>" + repeated("a", n) + "</text>"); }, 4950},
    {"runs of ten letters",
     [](int n) { return in_svg(repeated("<text y='9'>abcd efghi</text>", n)); }, 4760},
    {"markers",
     [](int n) {
       return in_svg(
           "<marker id='m'><path d='M0 0l1 1'/></marker><path marker-mid='url(#m)' "
           "d='M0 0" +
           repeated("l1 1l-1-1", n / 2) + "'/>");
     },
     50'000},
    {"elements by use",
     [](int n) {
       return in_svg("<g id='a'>" + repeated("<rect width='1' height='1'/>", 100) + "</g>" +
                     repeated("<use href='#a'/>", n));
     },
     1450},
    {"octaves", [](int n) { return filtered("<feTurbulence numOctaves='" + number(n) + "'/>"); },
     33},
    {"cells of a kernel",
     [](int n) {
       return filtered("<feConvolveMatrix order='" + number(n) + " 20' kernelMatrix='" +
                       repeated("1 ", n * 20) + "'/>");
     },
     18},
    {"radius", [](int n) { return filtered(repeated("<feMorphology radius='2'/>", n)); }, 9},
    {"displacements",
     [](int n) {
       return filtered(repeated("<feDisplacementMap in2='SourceGraphic' scale='3'/>", n));
     },
     1},
    {"primitives", [](int n) { return filtered(repeated("<feOffset dx='1'/>", n)); }, 60},
    {"rules of style",
     [](int n) {
       return in_svg("<style>" + repeated(".a{fill:red}", n) + "</style>" + repeated("<g/>", 1000));
     },
     9980},
};

// The largest that the limits let through is drawn, and the next is refused with both numbers.
TEST(SvgLimits, JustBelowIsDrawnAndJustAboveIsRefused) {
  for (const Cost& kind : kCosts) {
    SCOPED_TRACE(kind.name);
    const int near = kind.expected / 10 + 1;
    int below = kind.expected - near, above = kind.expected + near + 1;
    ASSERT_TRUE(allowed(kind.make(below)));
    ASSERT_FALSE(allowed(kind.make(above)));
    while (above - below > 1) {
      const int middle = (below + above) / 2;
      (allowed(kind.make(middle)) ? below : above) = middle;
    }
    EXPECT_EQ(drawing_error(kind.make(below)), "");
    EXPECT_NE(drawing_error(kind.make(above)).find("0.3 s"), std::string::npos);
  }
}

TEST(SvgLimits, WhatWouldEndTheRasteriserIsRefused) {
  EXPECT_EQ(drawing_error(filtered("<feConvolveMatrix order='1 400' kernelMatrix='" +
                                   repeated("1 ", 400) + "'/>"))
                .find("kernel"),
            std::string::npos);
  EXPECT_NE(drawing_error(filtered("<feConvolveMatrix order='21' kernelMatrix='" +
                                   repeated("1 ", 441) + "'/>"))
                .find("more than 400"),
            std::string::npos);
  EXPECT_TRUE(allowed(in_svg("<text font-size='1000000'>W</text>")));
  EXPECT_EQ(drawing_error(in_svg("<text font-size='1000000' font-weight='bold'>W</text>")), "");
  EXPECT_FALSE(allowed(in_svg("<text font-size='1e9'>W</text>")));
  EXPECT_FALSE(allowed(in_svg("<g font-size='1000001'><text>W</text></g>")));
}

TEST(SvgLimits, WhatIsNotDrawnCountsForNothing) {
  const std::string letters(70'000, 'x'), text = "<text>" + letters + "</text>";
  const std::string octaves = "<feTurbulence numOctaves='1000000'/>";
  const std::string bodies[] = {
      "<i:pgf xmlns:i='http://ns.adobe.com/AdobeIllustrator/10.0/'>" + letters + "</i:pgf>",
      "<desc>" + letters + "</desc>",
      "<title>" + letters + "</title>",
      "<script>" + letters + "</script>",
      "<metadata><a>" + letters + "</a></metadata>",
      "<defs>" + letters + text + "</defs>",
      letters,
      "<g>" + letters + "</g>",
      "<foreignObject><p>" + letters + "</p></foreignObject>",
      "<symbol id='s'>" + text + "</symbol><use href='#t'/>",
      "<g display='none'>" + text + "</g>",
      "<g style='fill:red; display : none'>" + text + "</g>",
      "<style>@media print{.b{fill:red}} .a, #c{display:none}</style><g class='x a'>" + text +
          "</g><g id='c'>" + text + "</g>",
      "<text><title>" + letters + "</title>a</text>",
      "<filter id='f'>" + octaves + "</filter>",
      "<filter id='f'>" + repeated("<feFlood/>", 5000) + "</filter><rect width='9' height='9'/>",
      "<filter id='f'>" + octaves + "</filter><rect width='500' height='500' filter='none'/>",
      "<filter id='f'><feGaussianBlur stdDeviation='1e9'/></filter>"
      "<rect width='500' height='500' filter='url(#f)'/>",
      "<filter id='f' filterUnits='userSpaceOnUse' width='1' height='1'>"
      "<feTurbulence numOctaves='5000'/></filter><rect width='500' height='500' "
      "filter='url(#f)'/>",
      "<font-face font-size='1e9'/><defs><text font-size='1e9'>a</text></defs>",
  };
  for (const std::string& body : bodies) {
    SCOPED_TRACE(body.substr(0, 60));
    EXPECT_TRUE(allowed(in_svg(body)));
  }
  EXPECT_FALSE(allowed(in_svg(text)));
  EXPECT_FALSE(allowed(in_svg("<defs><g id='t'>" + text + "</g></defs><use xlink:href='#t'/>")));
  EXPECT_FALSE(allowed(in_svg("<text><tspan>" + letters + "</tspan></text>")));
}

TEST(SvgLimits, OnlyMarkersThatAreDrawnCount) {
  const std::string marker = "<marker id='m'><path d='M0 0l1 1'/></marker>";
  const std::string outline = " d='M0 0" + repeated(" L1 1", 200'000) + "'/>";
  const auto path = [&](const std::string& how) { return marker + "<path " + how + outline; };
  const std::string fine[] = {
      path(""),
      path("marker='none'"),
      path("style='marker:none'"),
      path("marker-mid='none'"),
      path("marker-start='url(#m)' marker-end='url(#m)'"),
      path("marker-mid='url(#none)'"),
      path("class='map-marker'") + "<style>.map-marker{fill:#f00}</style>",
      path("") + "<style>#marker,.marker-mid{stroke:red} path{marker:none}</style>",
      "<g marker-mid='url(#m)'>" + path("marker-mid='none'") + "</g>",
      "<defs>" + path("marker-mid='url(#m)'") + "</defs>",
  };
  for (const std::string& body : fine) {
    SCOPED_TRACE(body.substr(0, 120));
    EXPECT_TRUE(allowed(in_svg(body)));
  }
  const std::string drawn_ones[] = {
      path("marker-mid='url(#m)'"),
      path("style='marker:url(#m)'"),
      path("") + "<style>path{marker:url(#m)}</style>",
      "<style>.a{marker-mid:url(\"#m\")}</style>" + path("class='b a'"),
      "<g style='marker-mid:url(#m)'><g>" + path("") + "</g></g>",
      marker + "<polyline marker='url(#m)' points='" + repeated("1,1 ", 200'000) + "'/>",
  };
  for (const std::string& body : drawn_ones) {
    SCOPED_TRACE(body.substr(0, 120));
    EXPECT_FALSE(allowed(in_svg(body)));
  }
}

// The rasteriser reads these as well as UTF-8, and it adds what the document type says.
TEST(SvgLimits, HoldInEveryEncodingAndForWhatTheDocumentTypeAdds) {
  const std::string over = in_svg("<text font-size='1e9'>a</text>");
  const std::string head = "<?xml version='1.0' encoding='windows-1252'?>";
  EXPECT_FALSE(allowed(head + over));
  EXPECT_TRUE(allowed(head + in_svg("<text>\xE9</text>")));
  EXPECT_FALSE(
      allowed("<!DOCTYPE svg [<!ATTLIST text font-size CDATA '1e9'>]>" + in_svg("<text>a</text>")));
  EXPECT_TRUE(allowed("<svg><rect"));
  EXPECT_TRUE(allowed("<svg>&undefined;</svg>"));
}

// A filter costs what it costs where it is large, wherever else it was seen before.
TEST(SvgLimits, OfFiltersDoNotDependOnTheOrder) {
  const auto shown = [](int octaves, const std::string& before, const std::string& after) {
    return in_svg(
        "<filter id='f' filterUnits='userSpaceOnUse' width='500' height='500'>"
        "<feTurbulence numOctaves='" +
        number(octaves) +
        "'/></filter>"
        "<defs><g id='a'><rect width='500' height='500' filter='url(#f)'/></g></defs>" +
        before + "<use href='#a'/>" + after);
  };
  const std::string tiny = "<g transform='scale(.001)'><use href='#a'/></g>";
  const std::string large =
      "<g transform='scale(9)'/><g transform='scale(3) matrix(2 0 0 2 0 0)'>"
      "<rect width='500' height='500'/></g>";
  for (const std::string& other : {std::string(), tiny, tiny + tiny + large, large}) {
    EXPECT_TRUE(allowed(shown(33, other, ""))) << other;
    EXPECT_TRUE(allowed(shown(33, "", other))) << other;
    EXPECT_FALSE(allowed(shown(36, other, ""))) << other;
    EXPECT_FALSE(allowed(shown(36, "", other))) << other;
  }
  const auto scaled = [&](const std::string& transform) {
    return in_svg(
        "<filter id='f' filterUnits='userSpaceOnUse' width='1' height='1'>"
        "<feTurbulence numOctaves='40'/></filter><g transform='" +
        transform + "'><rect width='1' height='1' filter='url(#f)'/></g>");
  };
  EXPECT_TRUE(allowed(scaled("scale(100)")));
  EXPECT_FALSE(allowed(scaled("scale(500)")));
  EXPECT_FALSE(allowed(scaled("scale(1e6)")));
  EXPECT_TRUE(allowed(scaled("scale(0)")));
  EXPECT_TRUE(allowed(scaled("scale(1e300)")));  // infinite: nothing is drawn
  EXPECT_TRUE(drawing_error(scaled("scale(100)")).empty());
}

// What is laid out as one space counts as one, unless spaces are to be kept.
TEST(SvgLimits, SpacesInARowAreOneLetter) {
  const std::string spaces = repeated(" \n\t ", 20'000);
  EXPECT_TRUE(allowed(in_svg("<text>" + spaces + "</text>")));
  EXPECT_TRUE(allowed(in_svg("<text>a" + spaces + "b" + spaces + "<tspan>c</tspan></text>")));
  EXPECT_EQ(drawing_error(in_svg("<text y='9'>a" + spaces + "b</text>")), "");
  EXPECT_FALSE(allowed(in_svg("<text xml:space='preserve'>" + spaces + "</text>")));
  EXPECT_FALSE(allowed(in_svg("<g xml:space='preserve'><text>" + spaces + "</text></g>")));
  EXPECT_TRUE(allowed(
      in_svg("<g xml:space='preserve'><text xml:space='default'>" + spaces + "</text></g>")));
}

TEST(SvgLimits, ReferencesInCirclesAndTowersEnd) {
  std::string towers = "<rect id='u0' width='1' height='1'/>", chain = towers;
  for (int i = 1; i < 40; ++i) {
    const std::string use = "<use href='#u" + number(i - 1) + "'/>";
    towers += "<g id='u" + number(i) + "'>" + use + use + "</g>";
  }
  for (int i = 1; i < 50'000; ++i) {
    chain += "<use id='u" + number(i) + "' href='#u" + number(i - 1) + "'/>";
  }
  EXPECT_FALSE(allowed(in_svg("<defs>" + towers + "</defs><use href='#u39'/>")));
  EXPECT_TRUE(allowed(in_svg("<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g>")));
  static_cast<void>(allowed(in_svg("<defs>" + chain + "</defs><use href='#u49999'/>")));
  std::string filters = "<filter id='f'>" + repeated("<feOffset/>", 50'000) + "</filter>";
  static_cast<void>(allowed(in_svg(filters + repeated("<g filter='url(#f)'/>", 100'000))));
}

// The middle of the picture, red green blue alpha.
std::string middle_of(const std::string& source) {
  const auto drawing = draw_here(as_bytes(source), {});
  const auto size = drawing->look(1);
  if (!size) return size.error().detail;
  const auto picture = drawing->draw();
  if (!picture) return picture.error().detail;
  const auto pixels = copy_to_memory(picture->get(), StopFlag{});
  if (!pixels) return pixels.error().detail;
  const VipsPel* at = VIPS_IMAGE_ADDR(pixels->get(), size->width / 2, size->height / 2);
  std::string out;
  for (int band = 0; band < 4; ++band) out += number(at[band]) + " ";
  return out;
}
std::string image_tag(const std::string& link) {
  return "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' "
         "width='6' height='4'><image width='6' height='4' preserveAspectRatio='none' "
         "xlink:href='" +
         link + "'/></svg>";
}
VipsImagePtr blue() {
  static const VipsImagePtr started = test::picture(1, 1, 3);  // libvips
  VipsImage *black = nullptr, *coloured = nullptr, *named = nullptr;
  const double one[] = {1, 1, 1}, colour[] = {20, 40, 220};
  EXPECT_EQ(vips_black(&black, 16, 16, "bands", 3, nullptr), 0);
  const VipsImagePtr first(black);
  EXPECT_EQ(vips_linear(black, &coloured, one, colour, 3, "uchar", TRUE, nullptr), 0);
  const VipsImagePtr second(coloured);
  EXPECT_EQ(vips_copy(coloured, &named, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr), 0);
  return VipsImagePtr(named);
}
std::string blue_picture(const char* suffix) { return test::saved_by_vips(blue().get(), suffix); }
std::string icon_of(ImageType type) {
  config::ProcessingConfig config;
  SaveParams params;
  params.config = &config;
  const auto bytes = save(blue().get(), type, params, StopFlag{});
  EXPECT_TRUE(bytes.has_value());
  return bytes ? test::text_of(*bytes) : std::string();
}
std::string in_base64(const std::string& bytes) { return base64_encode(as_bytes(bytes)); }

constexpr const char* kInnerBlue = "20 40 220 255 ";
constexpr const char* kClear = "0 0 0 0 ";
constexpr const char* kInner =
    "<svg xmlns='http://www.w3.org/2000/svg' width='6' height='4'><rect width='6' height='4' "
    "fill='#1428dc'/></svg>";

TEST(SvgPicturesInside, AreDrawnInEveryFormat) {
  const std::string bmp = in_base64(icon_of(ImageType::kBmp));
  const std::string ico = in_base64(icon_of(ImageType::kIco));
  const std::string png = in_base64(blue_picture(".png"));
  const std::string links[] = {
      "data:image/png;base64," + png,
      "data:image/x-png;base64," + png,
      "data:;base64," + png,
      "data:image/webp;base64," + in_base64(blue_picture(".webp[lossless]")),
      "data:image/tiff;base64," + in_base64(blue_picture(".tif")),
      "data:image/bmp;base64," + bmp,
      "data:image/x-ms-bmp;base64," + bmp,
      "data:image/x-icon;base64," + ico,
      "data:image/vnd.microsoft.icon;base64," + ico,
      "data:image/svg+xml;base64," + in_base64(kInner),
      "DATA:image/SVG+xml;charset=utf-8;base64,\n" + in_base64(kInner),
      "data:image/png;base64," + png + "#a",
      "data:image/svg+xml;utf8," + replace_all(html_escape(kInner), "#1428dc", "%231428dc"),
  };
  for (const std::string& link : links) {
    SCOPED_TRACE(link.substr(0, 60));
    EXPECT_EQ(middle_of(image_tag(link)), kInnerBlue);
  }
  const std::string jpeg = in_base64(blue_picture(".jpg[Q=100]"));
  EXPECT_EQ(middle_of(image_tag("data:image/jpg;base64," + jpeg)),
            middle_of(image_tag("data:image/jpeg;base64," + jpeg)));
  EXPECT_NE(middle_of(image_tag("data:image/jpg;base64," + jpeg)), kClear);
}

TEST(SvgPicturesInside, ThatCannotBeOpenedAreNotDrawnAndRefuseNothing) {
  const std::string png = blue_picture(".png"), jpeg = blue_picture(".jpg");
  for (const std::string& bytes :
       {png.substr(0, 20), jpeg.substr(0, 60), std::string("GIF89a"), std::string("BM"),
        std::string("\0\0\1\0\1\0", 6), std::string("II*\0", 4), std::string("<svg"),
        std::string("\x1f\x8b\x08"), std::string("nothing"), std::string()}) {
    for (const char* type : {"image/png", "image/svg+xml", "image/unknown"}) {
      const std::string link = "data:" + std::string(type) + ";base64," + in_base64(bytes);
      SCOPED_TRACE(link);
      EXPECT_EQ(middle_of(image_tag(link)), kClear);
      EXPECT_TRUE(allowed(in_svg("<defs><image href='" + link + "'/></defs>")));
    }
  }
  EXPECT_EQ(middle_of(image_tag("data:image/png;base64,####")), kClear);
}

TEST(SvgPicturesInside, ShareTheLimitOfPixelsWhenTheyAreDrawn) {
  const std::string image = "<image href='data:image/png;base64," +
                            in_base64(blue_picture(".png")) + "'/>";  // 256 pixels
  const auto within = [](const std::string& body, std::int64_t pixels_max) {
    SvgDemand demand = kDemand;
    demand.pixels_max = pixels_max;
    return check_svg_limits(as_bytes(in_svg(body)), demand).has_value();
  };
  EXPECT_TRUE(within(image, 256));
  EXPECT_FALSE(within(image, 255));
  EXPECT_TRUE(within(image + image, 512));
  EXPECT_FALSE(within(image + image, 511));
  EXPECT_TRUE(within("<defs>" + image + image + "</defs>" + image, 256));
  const std::string inner =
      "<image href=' DATA:image/svg+xml;base64,\n" + in_base64(kInner) + "'/>";
  EXPECT_TRUE(within(inner, 24));
  EXPECT_FALSE(within(inner, 23));
}

TEST(SvgPicturesInside, SvgsObeyTheLimitsAndGoOnlySoDeep) {
  const auto inside = [](const std::string& svg) {
    return image_tag("data:image/svg+xml;base64," + in_base64(svg));
  };
  const std::string costly[] = {
      in_svg("<text font-size='1e9'>a</text>"),
      in_svg("<text>" + std::string(50'000, 'a') + "</text>"),
      in_svg("<filter id='f'><feConvolveMatrix order='21'/></filter>"),
      in_svg("<style>" + repeated(".a{fill:red}", 9000) + "</style>" + repeated("<g/>", 9000))};
  for (const std::string& svg : costly) {
    SCOPED_TRACE(svg.substr(0, 150));
    EXPECT_FALSE(allowed(inside(svg)));
    const std::string link = "data:image/svg+xml;base64," + in_base64(svg);
    EXPECT_TRUE(allowed(in_svg("<defs><image href='" + link + "'/></defs>")));
  }
  std::string deep = kInner;
  for (int i = 0; i < 4; ++i) deep = inside(deep);
  EXPECT_EQ(middle_of(deep), kInnerBlue);
  EXPECT_EQ(middle_of(inside(deep)), kClear);
}

// Limits of the markup, not of what drawing it costs: it cannot be opened.
TEST(SvgPicturesInside, SvgsOfMarkupThatIsRefusedAreLeftOut) {
  for (const std::string& svg : {"<!DOCTYPE svg [<!ENTITY a '<g/>'>]>" + std::string(kInner),
                                 repeated("<g>", 300) + kInner, in_svg("<g " + [] {
                                   std::string out;
                                   for (int i = 0; i < 1001; ++i) out += "a" + number(i) + "='' ";
                                   return out;
                                 }() + "/>")}) {
    SCOPED_TRACE(svg.substr(0, 50));
    EXPECT_EQ(middle_of(image_tag("data:image/svg+xml;base64," + in_base64(svg))), kClear);
  }
}

// 10 MiB in all, at every depth together.
TEST(SvgPicturesInside, PackedSvgsAreDrawnWithinABound) {
  const auto inside = [](const std::string& svg) {
    return image_tag("data:image/svg+xml;base64," + in_base64(test::gzipped(svg)));
  };
  EXPECT_EQ(middle_of(inside(kInner)), kInnerBlue);
  EXPECT_EQ(middle_of(inside(inside(kInner))), kInnerBlue);
  EXPECT_EQ(middle_of(inside("nothing")), kClear);
  std::string large = kInner;
  large.append(9'000'000, ' ');
  EXPECT_EQ(middle_of(inside(large)), kInnerBlue);
  EXPECT_EQ(middle_of(inside(inside(large))), kInnerBlue);
  large.append(2'000'000, ' ');
  EXPECT_EQ(middle_of(inside(large)), kClear);
  EXPECT_EQ(middle_of(inside(inside(large))), kClear);
  std::string cut = test::gzipped(kInner);
  cut.pop_back();
  EXPECT_EQ(middle_of(image_tag("data:image/svg+xml;base64," + in_base64(cut))), kClear);
}

// What is only served is not drawn: it is looked at whatever drawing would cost.
TEST(SvgLimits, CountForNothingWhenTheSvgIsOnlyServed) {
  const std::string source =
      in_svg("<style>" + repeated(".a{fill:red}", 400) + "</style><text>" +
             std::string(70'000, 'a') + "</text>" + repeated("<g/>", 40'000));
  SvgParams params;
  params.seconds_max = 0.3;
  EXPECT_FALSE(draw_here(as_bytes(source), params)->look(1).has_value());
  params.served = true;
  EXPECT_TRUE(draw_here(as_bytes(source), params)->look(1).has_value());
  // Which librsvg is not to read at all.
  const std::string kernel = "<filter id='f'><feConvolveMatrix order='50'/></filter>";
  const auto size = draw_here(as_bytes(in_svg(kernel)), params)->look(0.5);
  ASSERT_TRUE(size.has_value()) << size.error().detail;
  EXPECT_EQ(size->width, 250);
  EXPECT_EQ(size->height, 250);
  EXPECT_TRUE(draw_here(as_bytes("<svg>" + kernel + "</svg>"), params)->look(1).has_value());
}

TEST(SvgLimits, AnEncodingNobodyKnowsIsRefused) {
  EXPECT_FALSE(
      check_svg_limits(as_bytes("<?xml version='1.0' encoding='ebcdic'?><svg/>")).has_value());
}

}  // namespace
}  // namespace imgring::image
