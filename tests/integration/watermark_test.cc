// Watermarks that URLs name, on the real server: fetched like sources, kept, refused, and never
// left out.
#include <gtest/gtest.h>

#include <array>

#include "imgring/base/text.h"
#include "patience.h"
#include "world.h"

namespace imgring::test {
namespace {

std::string mark_at(const World& world, std::string_view path) {
  return "wmu:" + base64url_encode(as_bytes(world.source.url(path)));
}

std::string marked(const World& world, std::string_view path, std::string_view more = "") {
  return "wm:1:soea/" + mark_at(world, path) + std::string(more);
}

TEST(Watermarks, AreFetchedOnceAndKept) {
  World world;
  world.source.on("/p.png", serve_picture(png_picture({200, 150})));
  world.source.on("/m.png", serve_picture(flat_png({40, 30})));
  const Answer plain = world.image("w:100", "/p.png");
  const Answer first = world.image("w:100/" + marked(world, "/m.png"), "/p.png");
  ASSERT_EQ(plain.status, 200);
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_NE(plain.body, first.body);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(world.image("w:100/" + marked(world, "/m.png"), "/p.png").body, first.body);
  }
  // Each of the two loops keeps its own.
  EXPECT_LE(world.source.visits("/m.png").size(), 2u);
  // Of all pipelines, with everything that can be done to it.
  for (const char* more : {"/wms:20", "/wms:20:10/wmr:45", "/wmsh:3", "/wmr:90/wmsh:2",
                           "/wm:0.5:re:2:2/wmr:30", "/wm:0.5:ch/wmsh:1", "/-/w:50/wm:1:ch/wms:5"}) {
    const Answer answer = world.image("w:100/" + marked(world, "/m.png", more), "/p.png");
    EXPECT_EQ(answer.status, 200) << more << ": " << answer.body;
    EXPECT_NE(answer.body, plain.body) << more;
  }
}

TEST(Watermarks, OfACacheWithoutEntriesAreFetchedAnew) {
  World world(Environment{{"IMGPROXY_WATERMARKS_CACHE_SIZE", "0"}});
  world.source.on("/p.png", serve_picture(png_picture({200, 150})));
  world.source.on("/m.png", serve_picture(flat_png({40, 30})));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world.image("w:100/" + marked(world, "/m.png"), "/p.png").status, 200);
  }
  EXPECT_EQ(world.source.visits("/m.png").size(), 3u);
  // Once for all pipelines of a request.
  const std::string chain = marked(world, "/m.png") + "/-/" + marked(world, "/m.png");
  EXPECT_EQ(world.image(chain, "/p.png").status, 200);
  EXPECT_EQ(world.source.visits("/m.png").size(), 4u);
}

// Of one loop: what the part of downloads holds behind a watermark, and a fallback image after it.
std::array<double, 2> downloads_behind(const std::string& mark, const std::string& fallback,
                                       const char* entries) {
  World world(Environment{{"IMGRING_LOOPS", "1"},
                          {"IMGPROXY_FREE_MEMORY_INTERVAL", "3600"},
                          {"IMGPROXY_WATERMARKS_CACHE_SIZE", entries},
                          {"IMGPROXY_FALLBACK_IMAGES_CACHE_SIZE", entries}});
  world.source.on("/p.png", serve_picture(flat_png({60, 40})));
  world.source.on("/m.png", serve_picture(mark));
  world.source.on("/f.png", serve_picture(fallback));
  const auto settled = [&world] {
    double bytes = -1;
    EXPECT_TRUE(eventually([&] {
      const double last = bytes;
      bytes = world.server.metric("imgring_memory_part_bytes{part=\"downloads\"}").value_or(-1);
      return bytes == last && world.server.metric_sum("imgring_buffer_pool_in_use_bytes{") == 0;
    }));
    return bytes;
  };
  std::array<double, 2> out{};
  EXPECT_EQ(world.image(marked(world, "/m.png"), "/p.png").status, 200);
  out[0] = settled();
  const std::string url = base64url_encode(as_bytes(world.source.url("/f.png")));
  EXPECT_EQ(world.image("fiu:" + url, "/missing").header("x-imgring-fallback"), "1");
  out[1] = settled();
  return out;
}

// What both caches keep is in the part of downloads that /metrics shows. Idle buffers are in it,
// too, and the same without caches.
TEST(Watermarks, AndFallbackImagesThatAreKeptAreInTheMetrics) {
  const std::string mark = png_picture({80, 60}), fallback = png_picture({50, 40});
  ASSERT_LT(mark.size(), 60'000u) << "it fits into the smallest buffer";
  const auto kept = downloads_behind(mark, fallback, "16");
  const auto none = downloads_behind(mark, fallback, "0");
  EXPECT_EQ(kept[0] - none[0], static_cast<double>(mark.size()));
  EXPECT_EQ(kept[1] - none[1], static_cast<double>(mark.size() + fallback.size()));
}

TEST(Watermarks, ThatFailAreTheRequestsFailure) {
  World world(
      Environment{{"IMGPROXY_FALLBACK_IMAGE_DATA", base64_encode(as_bytes(flat_png({4, 4})))},
                  {"IMGPROXY_WATERMARK_DATA", base64_encode(as_bytes(flat_png({4, 4})))}});
  world.source.on("/p.png", serve_picture(png_picture({200, 150})));
  world.source.on("/gone.png", [](Visit& visit) { visit.answer(404, "", "gone"); });
  world.source.on("/text.png", serve_picture("no picture at all"));
  world.source.on("/broken.png", serve_picture(png_picture({200, 150}).substr(0, 20)));
  world.source.on("/large.png", serve_picture(flat_png({9000, 9000})));
  struct Case {
    std::string_view path;
    int status;
  };
  for (const Case& c :
       {Case{"/gone.png", 404}, {"/text.png", 422}, {"/broken.png", 422}, {"/large.png", 422}}) {
    for (const char* more : {"", "/wmr:10"}) {
      SCOPED_TRACE(std::string(c.path) + more);
      EXPECT_EQ(world.image(marked(world, c.path, more), "/p.png").status, c.status);
    }
  }
  // Without opacity it is not asked for, nor where the source is sent as it is.
  EXPECT_EQ(world.image("wm:0/" + mark_at(world, "/never.png"), "/p.png").status, 200);
  EXPECT_EQ(world.image("skp:png/" + marked(world, "/never.png"), "/p.png").status, 200);
  EXPECT_TRUE(world.source.visits("/never.png").empty());
}

TEST(Watermarks, AreSourcesLikeOthers) {
  World world(Environment{{"IMGPROXY_ALLOW_SECURITY_OPTIONS", "true"},
                          {"IMGPROXY_CUSTOM_REQUEST_HEADERS", "X-Who=me"},
                          {"IMGPROXY_REQUEST_HEADERS_PASSTHROUGH", "X-User"}});
  world.source.on("/p.png", serve_picture(png_picture({200, 150})));
  const std::string mark = png_picture({40, 30});
  world.source.on("/m.png", serve_picture(mark));
  world.folder.write("m.png", mark);
  world.source.on("/moved.png", redirect_to("/m.png"));
  const std::string local = "wm:1/wmu:" + base64url_encode(as_bytes(std::string("local:///m.png")));
  EXPECT_EQ(world.image(local, "/p.png").status, 200);
  EXPECT_EQ(world.image("wm:1/" + mark_at(world, "/moved.png"), "/p.png").status, 200);
  // Of the client's headers none: what comes serves others, too.
  const Answer answer =
      world.get(world.target(marked(world, "/m.png"), "/p.png"), "X-User: you\r\n");
  EXPECT_EQ(answer.status, 200);
  const std::string head = to_lower(world.source.visits("/m.png").back());
  EXPECT_NE(head.find("x-who: me"), std::string::npos);
  EXPECT_EQ(head.find("x-user"), std::string::npos);
  // Also where it is at hand.
  const std::string limit = "/msfs:" + std::to_string(mark.size() - 1);
  const std::string small = flat_png({20, 10});
  world.source.on("/small.png", serve_picture(small));
  EXPECT_EQ(world.image(marked(world, "/m.png", limit), "/small.png").status, 422);
  const std::string scheme = base64url_encode(as_bytes(std::string("ftp://a/m.png")));
  EXPECT_EQ(world.image("wm:1/wmu:" + scheme, "/p.png").status, 404);
}

TEST(Watermarks, AreOfAllowedSourcesOnly) {
  World world(Environment{{"IMGPROXY_ALLOWED_SOURCES", "local://"}});
  world.folder.write("p.png", png_picture({200, 150}));
  world.folder.write("m.png", png_picture({40, 30}));
  world.source.on("/m.png", serve_picture(png_picture({40, 30})));
  const auto asked = [&](std::string_view url) {
    return world.get(
        plain_target("wm:1/wmu:" + base64url_encode(as_bytes(std::string(url))), "local:///p.png"));
  };
  EXPECT_EQ(asked("local:///m.png").status, 200);
  EXPECT_EQ(asked(world.source.url("/m.png")).status, 404);
  EXPECT_TRUE(world.source.visits("/m.png").empty());
}

TEST(Watermarks, OfTheAddressGuard) {
  World world(Environment{{"IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES", "false"}});
  world.folder.write("p.png", png_picture({200, 150}));
  world.source.on("/m.png", serve_picture(png_picture({40, 30})));
  const Answer answer =
      world.get(plain_target("wm:1/" + mark_at(world, "/m.png"), "local:///p.png"));
  EXPECT_EQ(answer.status, 404) << answer.body;
  EXPECT_TRUE(world.source.visits("/m.png").empty());
}

TEST(Watermarks, OfReplacedUrlsOnWish) {
  for (const bool on : {true, false}) {
    World world(Environment{{"IMGPROXY_BASE_URL", "local:///"},
                            {"IMGPROXY_WATERMARK_PREPROCESS_URL", on ? "true" : "false"}});
    world.folder.write("p.png", png_picture({200, 150}));
    world.folder.write("m.png", png_picture({40, 30}));
    const std::string mark = base64url_encode(as_bytes(std::string("m.png")));
    EXPECT_EQ(world.get(plain_target("wm:1/wmu:" + mark, "p.png")).status, on ? 200 : 404);
  }
}

// Drawn by a child, which has the fonts.
TEST(Watermarks, OfText) {
  World world;
  world.source.on("/p.png", serve_picture(png_picture({200, 150})));
  const auto written = [&](std::string_view text, std::string_view more = "") {
    return world.image(
        "wm:1:ce/wmt:" + base64url_encode(as_bytes(std::string(text))) + std::string(more),
        "/p.png");
  };
  const Answer plain = world.image("w:200", "/p.png");
  const Answer hello = written("<b>Hello</b>");
  ASSERT_EQ(hello.status, 200) << hello.body;
  EXPECT_NE(hello.body, plain.body);
  EXPECT_EQ(written("<b>Hello</b>").body, hello.body);
  EXPECT_NE(written("<i>Hello</i>").body, hello.body);
  EXPECT_EQ(written("Hello", "/wms:150/wmr:30/wmsh:2").status, 200);
  EXPECT_EQ(written("Hello", "/wm:0.5:ch:5:5").status, 200);
  EXPECT_EQ(written(" ").status, 200);
  EXPECT_EQ(written("<b>Hello").status, 404);
  EXPECT_EQ(written("<span size=\"2000000\">Hello</span>").status, 422);
  EXPECT_EQ(written(std::string(4097, 'a')).status, 404);
  std::string lines;
  for (int i = 0; i < 64; ++i) lines += std::string(63, 'a') + "\n";
  EXPECT_EQ(written(lines).status, 200);
  EXPECT_EQ(written(std::string(4096, 'a')).status, 422) << "wider than a picture of text can be";
}

TEST(ColourProfileOption, OnARealServer) {
  World world;
  world.source.on("/p.png", serve_picture(png_picture({200, 150})));
  const Answer srgb = world.image("cp:srgb/dpi:300", "/p.png");
  EXPECT_EQ(srgb.status, 200) << srgb.body;
  EXPECT_NE(srgb.body.find("iCCP"), std::string::npos);
  // 300 dots per inch are 11811 per metre.
  EXPECT_NE(srgb.body.find(std::string("pHYs\0\0\x2e\x23", 8)), std::string::npos);
  EXPECT_EQ(world.image("cp:cmyk", "/p.png@jpg").status, 200);
  const Answer none = world.image("cp:nothere", "/p.png");
  EXPECT_EQ(none.status, 404);
  EXPECT_TRUE(none.body.starts_with("Invalid URL")) << none.body;
  EXPECT_EQ(world.source.visits("/p.png").size(), 2u) << "nothing was fetched for it";
}

}  // namespace
}  // namespace imgring::test
