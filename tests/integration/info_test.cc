// The info endpoint on the real program: what is told, how much is fetched, and what is refused.
#include <gtest/gtest.h>

#include "imgring/base/text.h"
#include "imgring/http/server.h"
#include "imgring/url/request.h"
#include "world.h"

namespace imgring::test {
namespace {

std::string info_target(std::string_view options, std::string_view url) {
  return "/info" + plain_target(options, url);
}
Answer info_of(const World& world, std::string_view options, std::string_view path) {
  return world.get("/info" + world.target(options, path));
}

constexpr std::string_view kNothing = "s:0/f:0/d:0/exif:0/iptc:0/xmp:0";

TEST(Info, TellsOfHttpAndLocalSources) {
  World world;
  const std::string png = png_picture({64, 48}), jpeg = jpeg_picture({640, 480});
  world.source.on("/p.png", serve_picture(png));
  world.folder.write("p.jpg", jpeg);
  const Answer first = info_of(world, "", "/p.png@nonsense");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.header("content-type"), "application/json");
  EXPECT_EQ(first.body, "{\"size\":" + std::to_string(png.size()) +
                            ",\"format\":\"png\",\"mime_type\":\"image/png\",\"width\":64,"
                            "\"height\":48,\"orientation\":1,\"exif\":{}}");
  EXPECT_EQ(first.header("vary"), "");
  EXPECT_EQ(first.header("content-disposition"), "");
  EXPECT_EQ(first.header("cache-control"), "max-age=31536000, public");
  const Answer second = world.get(info_target("exif:0/b:1/cs:1/sf:1/pn:1/a:1:1", "local:///p.jpg"));
  EXPECT_EQ(second.body, "{\"size\":" + std::to_string(jpeg.size()) +
                             ",\"format\":\"jpeg\",\"mime_type\":\"image/jpeg\",\"width\":640,"
                             "\"height\":480,\"orientation\":1,\"colorspace\":\"srgb\",\"bands\":3,"
                             "\"sample_format\":\"uchar\",\"pages_number\":1,\"alpha\":false,"
                             "\"transparency\":false}");
  EXPECT_NE(second.header("etag"), "");
  const Answer same = world.get(info_target("b:1", "local:///p.jpg"),
                                "If-None-Match: " + std::string(second.header("etag")) + "\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
}

TEST(Info, TellsOfPixels) {
  World world;
  world.source.on("/p.png", serve_picture(flat_png({2000, 1000})));
  const std::string options =
      std::string(kNothing) + "/c:1000:500:soea/p:4/avg:1/dc:1/bh:1:1/th:1/ph:1/chs:md5:sha256";
  const Answer answer = info_of(world, options, "/p.png");
  EXPECT_EQ(answer.status, 200) << answer.body;
  for (const char* part :
       {"{\"crop\":{\"left\":0.5,\"top\":0.5,\"width\":0.5,\"height\":0.5},\"palette\":[{\"R\":",
        "\"average\":{\"R\":", "\"dominant_colors\":{", "\"blurhash\":\"00", "\"thumb_hash\":\"",
        "\"perceptual_hash\":\"0000000000000000\"", "\"hashsums\":{\"md5\":\""}) {
    EXPECT_NE(answer.body.find(part), std::string::npos) << part << " in " << answer.body;
  }
}

// The source goes on sending only when its connection stays open, and then says that it did.
TEST(Info, StopsAtTheHeader) {
  World world;
  const std::string picture = jpeg_picture({3000, 2000});
  ASSERT_GT(picture.size(), 100'000u);
  bool left = false;
  world.source.on("/p.jpg", [&](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: " +
               std::to_string(picture.size()) + "\r\n\r\n" + picture.substr(0, 5000));
    left = visit.peer_leaves();
    visit.close_after();
  });
  const Answer answer = info_of(world, "", "/p.jpg");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find("\"size\":" + std::to_string(picture.size())), std::string::npos);
  EXPECT_NE(answer.body.find("\"width\":3000,\"height\":2000"), std::string::npos);
  EXPECT_TRUE(world.source.wait_for_ends("/p.jpg", 1));
  EXPECT_TRUE(left);
}

TEST(Info, SizeIsZeroWhereNobodySaysIt) {
  World world;
  const std::string picture = jpeg_picture({3000, 2000});
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  world.source.on("/cut", [&](Visit& visit) {
    visit.send(head + "1388\r\n" + picture.substr(0, 5000) + "\r\n");
    static_cast<void>(visit.peer_leaves());
    visit.close_after();
  });
  EXPECT_EQ(info_of(world, "f:0/d:1/exif:0", "/cut").body,
            R"({"size":0,"width":3000,"height":2000,"orientation":1})");
  world.source.on("/packed", serve_picture(gzipped(picture), "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(info_of(world, "f:0/d:0/exif:0/iptc:0/xmp:0/b:1", "/packed").body,
            "{\"size\":" + std::to_string(picture.size()) + ",\"bands\":3}");
}

TEST(Info, HashSumAndTagsAreThoseOfPictures) {
  World world;
  world.source.on("/p.png", serve_picture(png_picture({64, 48})));
  const Answer tagged = info_of(world, "ct:a:b", "/p.png");
  EXPECT_EQ(tagged.status, 200);
  EXPECT_EQ(tagged.header("cache-tag"), "a,b");
  const std::string nothing = std::string(kNothing) + "/chs:md5";
  const std::string told = info_of(world, nothing, "/p.png").body;
  constexpr std::size_t kMd5Digits = 32;
  const std::string sum = told.substr(told.find("md5\":\"") + 6, kMd5Digits);
  EXPECT_EQ(info_of(world, nothing + "/hs:md5:" + sum, "/p.png").body, told);
  const Answer other = info_of(world, "hs:md5:" + std::string(kMd5Digits, '0'), "/p.png");
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.body, "Source image hashsum mismatch");
}

TEST(Info, Refusals) {
  World world(Environment{{"IMGPROXY_MAX_SRC_RESOLUTION", "0.01"},
                          {"IMGPROXY_MAX_SRC_FILE_SIZE", "60000"}});
  world.source.on("/p.png", serve_picture(png_picture({200, 100})));
  world.source.on("/large.jpg", serve_picture(jpeg_picture({3000, 2000})));
  world.source.on("/broken.jpg", serve_picture("\xFF\xD8\xFF\xE0 and then nothing"));
  world.source.on("/text", serve_picture("no picture", "Content-Type: text/plain\r\n"));
  world.source.on("/gone", [](Visit& visit) { visit.answer(404, "", ""); });
  struct Case {
    std::string_view options, path;
    int status;
    std::string_view body;
  };
  const Case cases[] = {
      {"d:1", "/p.png", 200, ""},
      {"b:1", "/p.png", 200, ""},  // no pixel is needed
      {"avg:1", "/p.png", 422, "Invalid source image"},
      {"a:1:1", "/p.png", 422, "Invalid source image"},
      {"c:10:10", "/p.png", 422, "Invalid source image"},
      {"", "/large.jpg", 422, "Invalid source image"},
      {"", "/broken.jpg", 422, "Broken or unsupported image"},
      {"avg:1", "/broken.jpg", 422, "Broken or unsupported image"},
      {"", "/text", 422, "Invalid source image"},
      {"", "/gone", 404, "Source is unreachable"},
      {"w:100", "/p.png", 404, "Invalid URL"},
      {"do:1", "/p.png", 404, "Invalid URL"},
      {"p:1", "/p.png", 404, "Invalid URL"},
      {"msr:1", "/p.png", 403, "Invalid URL"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.options) + std::string(c.path));
    const Answer answer = info_of(world, c.options, c.path);
    EXPECT_EQ(answer.status, c.status);
    if (c.status != 200) {
      EXPECT_EQ(answer.body, c.body);
    }
  }
  for (const char* target : {"/info", "/info/", "/info/_", "/info/_/", "/info//plain/x"}) {
    EXPECT_EQ(world.get(target).status, 404) << target;
  }
  EXPECT_EQ(world.get("/info/_/p:" + std::string(20'000, '9') + "/plain/x").status, 404);
}

TEST(Info, SignaturePrefixSecretAndHeaders) {
  World world(
      Environment{{"IMGPROXY_KEY", "6b6579"},
                  {"IMGPROXY_SALT", "73616c74"},
                  {"IMGPROXY_PATH_PREFIX", "/pre"},
                  {"IMGPROXY_SECRET", "hush"},
                  {"IMGPROXY_ALLOW_ORIGIN", "*"},
                  {"IMGPROXY_AUTO_WEBP", "true"},
                  {"IMGPROXY_FALLBACK_IMAGE_DATA", base64_encode(as_bytes(flat_png({1, 1})))},
                  {"IMGPROXY_INFO_PRESETS", "default=exif:0,colours=avg:1"}});
  world.folder.write("p.png", flat_png({8, 4}));
  const std::string path = "/pr:colours/plain/local:///p.png";
  const std::string signature = url::sign({path, "key", "salt"});
  const std::string bearer = "Authorization: Bearer hush\r\n";
  const Answer good = world.get("/pre/info/" + signature + path, bearer);
  EXPECT_EQ(good.status, 200) << good.body;
  EXPECT_NE(good.body.find("\"width\":8,\"height\":4,\"orientation\":1,\"average\":{"),
            std::string::npos);
  EXPECT_EQ(good.header("access-control-allow-origin"), "*");
  EXPECT_EQ(good.header("vary"), "");
  EXPECT_EQ(world.get("/pre/info/" + signature + path).status, 403);
  EXPECT_EQ(world.get("/pre/info/wrong" + path, bearer).status, 403);
  EXPECT_EQ(world.get("/info/" + signature + path, bearer).status, 404);
  const std::string missing = "/plain/local:///none.png";
  const std::string other = url::sign({missing, "key", "salt"});
  EXPECT_EQ(world.get("/pre/info/" + other + missing, bearer).status, 404);  // no fallback image
}

TEST(Info, Counted) {
  World world;
  world.source.on("/p.png", serve_picture(flat_png({8, 4})));
  EXPECT_EQ(info_of(world, "", "/p.png").status, 200);
  EXPECT_EQ(world.image("", "/p.png").status, 200);
  EXPECT_EQ(world.server.metric("imgring_info_requests_total"), 1);
  EXPECT_EQ(world.server.metric("requests_total"), 2);
}

}  // namespace
}  // namespace imgring::test
