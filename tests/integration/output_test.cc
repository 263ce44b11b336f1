// Options of imgproxy's paid edition about sources and answers, on the real server (paid.md
// sections 4 to 6): pages, encoders, fallback images, hash sums, sheets, tags.
#include <gtest/gtest.h>

#include <cstring>

#include "imgring/base/digest.h"
#include "imgring/base/text.h"
#include "world.h"

namespace imgring::test {
namespace {

std::string b64(std::string_view text) { return base64url_encode(as_bytes(text)); }

bool holds(const Answer& answer, std::string_view bytes) {
  return answer.body.find(bytes) != std::string::npos;
}

// Two frames of one pixel, red and blue.
std::string two_frames() {
  std::string gif("GIF89a\1\0\1\0\x80\0\0\xFF\0\0\0\0\xFF", 19);
  gif += std::string("\x21\xFF\x0BNETSCAPE2.0\3\1\0\0\0", 19);
  for (const char index : {'\x44', '\x4C'}) {
    gif += std::string("\x21\xF9\4\0\x0A\0\0\0", 8);
    gif += std::string("\x2C\0\0\0\0\1\0\1\0\0\2\2", 12) + index + std::string("\1\0", 2);
  }
  return gif + ";";
}

TEST(Output, PagesOfASource) {
  World world(Environment{{"IMGPROXY_MAX_ANIMATION_FRAMES", "5"}});
  world.source.on("/a.gif", serve_picture(two_frames(), "Content-Type: image/gif\r\n"));
  const auto facts = [&](std::string_view options) {
    return facts_of_picture(world.image(options, "/a.gif").body);
  };
  EXPECT_EQ(facts("f:png"), (PictureFacts{"png", 1, 1}));
  EXPECT_EQ(facts("pgs:2/f:png"), (PictureFacts{"png", 1, 2}));
  EXPECT_EQ(facts("pg:1/pgs:1000000000/f:png"), (PictureFacts{"png", 1, 1}));
  const Answer red = world.image("f:png", "/a.gif"), blue = world.image("pg:7/f:png", "/a.gif");
  EXPECT_NE(red.body, blue.body);
  const auto frames = [&](std::string_view options) {
    const std::string gif = world.image(options, "/a.gif").body;
    constexpr std::string_view kControl("\x21\xF9\4", 3);
    int count = 0;
    for (std::size_t at = gif.find(kControl); at != std::string::npos;
         at = gif.find(kControl, at + 1)) {
      ++count;
    }
    return count;
  };
  EXPECT_EQ(frames("f:gif"), 2);
  EXPECT_EQ(frames("da:1/f:gif"), 1);
}

TEST(Output, EncodersDoAsTheyAreTold) {
  World world(Environment{{"IMGPROXY_WEBP_COMPRESSION", "lossless"},
                          {"IMGPROXY_JPEG_QUANT_TABLE", "1"},
                          {"IMGPROXY_JPEG_TRELLIS_QUANT", "true"}});
  world.source.on("/p.png", serve_picture(png_picture({320, 300})));
  world.source.on("/p.jpg",
                  serve_picture(jpeg_picture({320, 300}), "Content-Type: image/jpeg\r\n"));
  EXPECT_TRUE(world.server.wait_for_log("IMGPROXY_JPEG_TRELLIS_QUANT has no effect"));
  EXPECT_TRUE(holds(world.image("f:webp", "/p.png"), "VP8L"));
  EXPECT_FALSE(holds(world.image("webpo:lossy/f:webp", "/p.png"), "VP8L"));
  EXPECT_TRUE(holds(world.image("webpo:near_lossless/f:webp/w:100", "/p.jpg"), "VP8L"));
  constexpr std::string_view kBaseline("\xFF\xC0\0\x11", 4), kProgressive("\xFF\xC2\0\x11", 4);
  // Both the native way (of a JPEG) and libvips'.
  for (const char* path : {"/p.png", "/p.jpg"}) {
    SCOPED_TRACE(path);
    EXPECT_TRUE(holds(world.image("f:jpeg/w:100", path), kBaseline));
    EXPECT_TRUE(holds(world.image("f:jpeg/w:100/jpgo:1", path), kProgressive));
    // A flat table at quality 50.
    const std::string flat = std::string("\xFF\xDB\0\x43\0", 5) + std::string(64, '\x10');
    EXPECT_TRUE(holds(world.image("f:jpeg/w:100/q:50", path), flat));
    EXPECT_FALSE(holds(world.image("f:jpeg/w:100/q:50/jpgo::::::0", path), flat));
    const auto sampled = [&](std::string_view options) {
      const std::string jpeg = world.image(options, path).body;
      const std::size_t at = jpeg.find(kBaseline);
      return at == std::string::npos ? 0 : static_cast<unsigned char>(jpeg[at + 11]);
    };
    EXPECT_EQ(sampled("f:jpeg/w:100"), 0x22);
    EXPECT_EQ(sampled("f:jpeg/w:100/jpgo::1"), 0x11);
  }
  EXPECT_EQ(world.image("pngo:1/f:png", "/p.png").body[28], 1) << "interlaced";
  EXPECT_EQ(world.image("pngo::1:16/f:png", "/p.png").body[24], 4) << "bits of the palette";
}

TEST(Output, FallbackImageOfTheUrl) {
  const TempFolder pictures;
  World world(Environment{
      {"IMGPROXY_FALLBACK_IMAGE_PATH", pictures.write("fallback.png", png_picture({80, 60}))},
      {"IMGPROXY_COOKIE_PASSTHROUGH", "true"},
      {"IMGPROXY_CUSTOM_REQUEST_HEADERS", "X-Own=1"},
      {"IMGPROXY_FALLBACK_IMAGE_TTL", "77"},
      {"IMGRING_LOOPS", "1"}});
  world.source.on("/own.png", serve_picture(png_picture({40, 30})));
  world.source.on("/text", serve_picture("no picture"));
  const auto with = [&](std::string_view path) {
    const std::string options = "f:png/fiu:" + b64(world.source.url(path));
    return world.get(world.target(options, "/missing"),
                     "Cookie: a=b\r\nIf-None-Match: \"x\"\r\nAuthorization: Bearer y\r\n");
  };
  const Answer own = with("/own.png");
  EXPECT_EQ(own.status, 200);
  EXPECT_EQ(facts_of_picture(own.body), (PictureFacts{"png", 40, 30}));
  EXPECT_EQ(own.header("x-imgring-fallback"), "1");
  EXPECT_EQ(own.header("cache-control"), "max-age=77, public");
  ASSERT_EQ(world.source.visits("/own.png").size(), 1u);
  const std::string asked = world.source.visits("/own.png")[0];
  EXPECT_NE(asked.find("X-Own: 1"), std::string::npos);
  for (const char* head : {"Cookie", "If-None-Match", "Authorization"}) {
    EXPECT_EQ(asked.find(head), std::string::npos) << head;
  }
  // What cannot be had, or is none, leaves the configured one.
  for (const char* path : {"/missing-too", "/text"}) {
    EXPECT_EQ(facts_of_picture(with(path).body), (PictureFacts{"png", 80, 60})) << path;
  }
  // Asked for again it is at hand.
  EXPECT_EQ(facts_of_picture(with("/own.png").body), (PictureFacts{"png", 40, 30}));
  EXPECT_EQ(world.source.visits("/own.png").size(), 1u);
  EXPECT_EQ(world.source.visits("/text").size(), 1u);
  static_cast<void>(with("/text"));
  EXPECT_EQ(world.source.visits("/text").size(), 2u) << "no picture is kept";
  // A source that is there needs none.
  const std::string options = "f:png/fiu:" + b64(world.source.url("/text"));
  EXPECT_EQ(facts_of_picture(world.image(options, "/own.png").body), (PictureFacts{"png", 40, 30}));
}

TEST(Output, FallbackImageOfACacheWithoutEntries) {
  World world(Environment{{"IMGPROXY_FALLBACK_IMAGES_CACHE_SIZE", "0"}});
  world.source.on("/own.png", serve_picture(png_picture({40, 30})));
  const std::string options = "f:png/fiu:" + b64(world.source.url("/own.png"));
  for (std::size_t visits : {1u, 2u}) {
    EXPECT_EQ(world.image(options, "/missing").header("x-imgring-fallback"), "1");
    EXPECT_EQ(world.source.visits("/own.png").size(), visits);
  }
}

TEST(Output, FallbackImageWithoutAnother) {
  World world(Environment{{"IMGPROXY_FALLBACK_IMAGE_HTTP_CODE", "0"},
                          {"IMGPROXY_MAX_SRC_FILE_SIZE", "5000"}});
  world.source.on("/own.png", serve_picture(flat_png({40, 30})));
  world.source.on("/large.png", serve_picture(std::string(6000, 'x')));
  const auto with = [&](const std::string& url) {
    return world.image("f:png/fiu:" + b64(url), "/missing");
  };
  const Answer own = with(world.source.url("/own.png"));
  EXPECT_EQ(own.status, 404) << "the source's own";
  EXPECT_EQ(facts_of_picture(own.body), (PictureFacts{"png", 40, 30}));
  const Answer none = with(world.source.url("/large.png"));
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.body, "Source is unreachable");
  EXPECT_EQ(with("http://169.254.169.254/latest").body, "Source is unreachable");
  EXPECT_EQ(with("ftp://a/b").status, 404);
}

TEST(Output, HashsumOfTheSource) {
  const TempFolder pictures;
  World world(Environment{
      {"IMGPROXY_FALLBACK_IMAGE_PATH", pictures.write("fallback.png", png_picture({80, 60}))}});
  const std::string png = png_picture({40, 30});
  world.source.on("/p.png", serve_picture(png));
  world.source.on("/z.png", serve_picture(gzipped(png), "Content-Encoding: gzip\r\n"));
  for (const auto kind :
       {DigestKind::kMd5, DigestKind::kSha1, DigestKind::kSha256, DigestKind::kSha512}) {
    SCOPED_TRACE(name_of(kind));
    Digest digest(kind);
    digest.add(as_bytes(png));
    std::string hex = hex_encode(as_bytes(digest.end()));
    const std::string good = "hs:" + std::string(name_of(kind)) + ":" + hex;
    EXPECT_EQ(world.image(good, "/p.png").status, 200);
    EXPECT_EQ(world.image(good, "/z.png").status, 200) << "behind the content encoding";
    EXPECT_EQ(world.image(good, "/missing").header("x-imgring-fallback"), "1");
    hex[5] = hex[5] == '0' ? '1' : '0';
    const Answer bad = world.image("hs:" + std::string(name_of(kind)) + ":" + hex, "/p.png");
    EXPECT_EQ(bad.status, 422);
    EXPECT_EQ(bad.body, "Source image hashsum mismatch");
    EXPECT_FALSE(bad.headers.has("x-imgring-fallback"));
  }
}

TEST(Output, StyleOfSvgs) {
  World world;
  world.source.on("/s.svg", serve_picture("<svg xmlns='http://www.w3.org/2000/svg' width='40' "
                                          "height='30'><rect width='40' height='30'/></svg>",
                                          "Content-Type: image/svg+xml\r\n"));
  world.source.on("/p.png", serve_picture(png_picture({40, 30})));
  // The maintainers' example: * {fill: #f00 !important}
  const std::string style = "st:KiB7ZmlsbDogI2YwMCAhaW1wb3J0YW50fQ";
  const Answer svg = world.image(style, "/s.svg");
  EXPECT_EQ(svg.header("content-type"), "image/svg+xml");
  EXPECT_TRUE(holds(svg, "#f00 !important")) << svg.body;
  const Answer black = world.image("f:bmp", "/s.svg"),
               red = world.image(style + "/f:bmp", "/s.svg");
  const auto pixel = [](const Answer& bmp) {
    std::uint32_t at = 0;
    std::memcpy(&at, bmp.body.data() + 10, 4);
    return hex_encode(as_bytes(std::string_view(bmp.body).substr(at, 3)));
  };
  ASSERT_EQ(red.status, 200);
  EXPECT_EQ(pixel(black), "000000");
  EXPECT_EQ(pixel(red), "0000ff") << "blue, green, red";
  EXPECT_EQ(world.image(style + "/f:png", "/p.png").body, world.image("f:png", "/p.png").body);
}

TEST(Output, TagsOfTheAnswer) {
  const std::string png = png_picture({40, 30});
  struct Case {
    const char* format;
    bool cloudfront, cloudflare;
  };
  for (const Case& c : {Case{"all", true, true}, Case{"cloudfront", true, false},
                        Case{"cloudflare", false, true}, Case{"none", false, false}}) {
    SCOPED_TRACE(c.format);
    World world(Environment{{"IMGPROXY_CACHE_TAGS_FORMAT", c.format}});
    world.source.on("/p.png", serve_picture(png));
    world.source.on("/304", say("HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n"));
    for (const Answer& answer :
         {world.image("ct:shop:item-7", "/p.png"), world.image("raw:1/ct:shop:item-7", "/p.png"),
          world.get(world.target("ct:shop:item-7", "/304"), "If-None-Match: \"x\"\r\n")}) {
      EXPECT_EQ(answer.header("x-amz-meta-cache-tag"), c.cloudfront ? "shop,item-7" : "");
      EXPECT_EQ(answer.header("cache-tag"), c.cloudflare ? "shop,item-7" : "");
    }
    EXPECT_FALSE(world.image("ct:shop", "/missing").headers.has("cache-tag"));
  }
}

// A fallback image with another status is no answer to purge by tags: it has none.
TEST(Output, TagsOfAFallbackImage) {
  const TempFolder pictures;
  const std::string fallback = pictures.write("fallback.png", png_picture({80, 60}));
  for (const char* status : {"0", "200", "404", "203"}) {
    SCOPED_TRACE(status);
    World world(Environment{{"IMGPROXY_FALLBACK_IMAGE_PATH", fallback},
                            {"IMGPROXY_FALLBACK_IMAGE_HTTP_CODE", status}});
    const Answer answer = world.image("ct:shop", "/missing");
    EXPECT_EQ(facts_of_picture(answer.body), (PictureFacts{"png", 80, 60}));
    const bool good = std::string_view(status) == "200";
    EXPECT_EQ(answer.headers.has("cache-tag"), good);
    EXPECT_EQ(answer.headers.has("x-amz-meta-cache-tag"), good);
  }
}

TEST(Output, BypassingTheCacheIsARight) {
  World world, allowed(Environment{{"IMGPROXY_ALLOW_BYPASS_CACHE", "true"}});
  for (World* each : {&world, &allowed})
    each->source.on("/p.png", serve_picture(png_picture({8, 8})));
  EXPECT_EQ(world.image("bc:1", "/p.png").status, 403);
  EXPECT_EQ(world.image("bc:0", "/p.png").status, 200);
  EXPECT_EQ(allowed.image("bc:1", "/p.png").status, 200);
}

// Arguments without end are answered at once, by 404.
TEST(Output, HostileArguments) {
  World world;
  for (const std::string& options :
       {"st:" + std::string(40'000, 'A') + "!", "ct:" + std::string(8000, 'x'),
        "pg:" + std::string(300, '9') + "x", std::string("jpgo:NaN:NaN:NaN:NaN:NaN:NaN"),
        "hs:sha256:" + std::string(10'000, '0'), std::string("pgs:-1000000000"),
        "fiu:" + std::string(30'000, '=') + "!", std::string("webpo:NaN")}) {
    SCOPED_TRACE(options.substr(0, 20));
    EXPECT_EQ(world.image(options, "/p.png").status, 404);
  }
  EXPECT_TRUE(world.source.visits("/p.png").empty());
}

}  // namespace
}  // namespace imgring::test
