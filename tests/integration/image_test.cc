// Pictures from http and from local files, signatures, and the statuses of the URL interface
// (urls.md section 10).
#include <gtest/gtest.h>

#include "imgring/base/text.h"
#include "imgring/url/request.h"
#include "world.h"

namespace imgring::test {
namespace {

void expect_picture(const Answer& answer, const PictureFacts& expected) {
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.header("content-type"), "image/" + expected.type);
  EXPECT_EQ(parse_int(answer.header("content-length")), answer.body.size());
  const PictureFacts got = facts_of_picture(answer.body);
  EXPECT_EQ(got.type, expected.type);
  EXPECT_EQ(got.width, expected.width);
  EXPECT_EQ(got.height, expected.height);
}

TEST(Images, OfTheAskedSizeAndFormatFromHttpAndLocal) {
  World world;
  const std::string png = png_picture({640, 480}), jpeg = jpeg_picture({640, 480});
  world.source.on("/p.png", serve_picture(png));
  world.source.on("/p.jpg", serve_picture(jpeg, "Content-Type: image/jpeg\r\n"));
  world.folder.write("p.png", png);
  world.folder.write("p.jpg", jpeg);
  struct Case {
    std::string_view options, extension;
    PictureFacts expected;
  };
  const Case cases[] = {
      {"rs:fit:200:200", "", {"", 200, 150}},
      {"rs:fit:200:200", "@jpg", {"jpeg", 200, 150}},
      {"rs:fill:100:100", "@png", {"png", 100, 100}},
      {"rs:force:120:50", "@webp", {"webp", 120, 50}},
      {"w:64/dpr:2", "@webp", {"webp", 128, 96}},
      {"", "@png", {"png", 640, 480}},
      {"c:50:60", "@jpeg", {"jpeg", 50, 60}},
      {"rot:90", "@jpeg", {"jpeg", 480, 640}},
  };
  for (const Case& c : cases) {
    for (std::string_view name : {"/p.png", "/p.jpg"}) {
      SCOPED_TRACE(std::string(c.options) + std::string(c.extension) + " " + std::string(name));
      PictureFacts expected = c.expected;
      if (expected.type.empty()) expected.type = name == "/p.png" ? "png" : "jpeg";
      const std::string end = std::string(name) + std::string(c.extension);
      expect_picture(world.image(c.options, end), expected);
      expect_picture(world.get(plain_target(c.options, "local://" + end)), expected);
    }
  }
}

TEST(Images, HeadersOfAnAnswer) {
  World world(Environment{{"IMGPROXY_SET_CANONICAL_HEADER", "true"},
                          {"IMGPROXY_ENABLE_DEBUG_HEADERS", "true"},
                          {"IMGPROXY_ALLOW_ORIGIN", "https://a.example"},
                          {"IMGPROXY_AUTO_WEBP", "true"},
                          {"IMGPROXY_TTL", "1234"}});
  const std::string png = png_picture({40, 30});
  world.source.on("/dir/a%22b.png", serve_picture(png));
  const Answer answer = world.image("w:20", "/dir/a%2522b.png");
  expect_picture(answer, {"png", 20, 15});
  EXPECT_EQ(answer.header("cache-control"), "max-age=1234, public");
  EXPECT_EQ(answer.header("vary"), "Accept");
  EXPECT_EQ(answer.header("server"), "imgproxy");
  EXPECT_EQ(answer.header("access-control-allow-origin"), "https://a.example");
  EXPECT_EQ(answer.header("content-disposition"), "inline; filename=\"a%22b.png\"");
  EXPECT_EQ(answer.header("link"),
            "<" + world.source.url("/dir/a%22b.png") + ">; rel=\"canonical\"");
  EXPECT_EQ(answer.header("x-origin-content-length"), std::to_string(png.size()));
  EXPECT_EQ(answer.header("x-origin-width"), "40");
  EXPECT_EQ(answer.header("x-result-height"), "15");
  EXPECT_TRUE(answer.header("content-security-policy").ends_with("sandbox"));
  EXPECT_EQ(answer.header("x-request-id").size(), 21u);
  EXPECT_EQ(answer.header("date").size(), 29u);
  EXPECT_FALSE(answer.headers.has("expires"));
  const Answer named = world.get("/unsafe/plain/x", "X-Request-ID: my-id_1\r\n");
  EXPECT_EQ(named.header("x-request-id"), "my-id_1");
}

// What is left out is named: in the answer, in the log, and counted.
TEST(Images, OptionsThatAreNotBuilt) {
  World world(Environment{{"IMGRING_UNSUPPORTED_OPTIONS", "ignore"}});
  const std::string png = png_picture({40, 30});
  world.source.on("/p.png", serve_picture(png));
  const Answer answer = world.image("w:20/dd:1/vtt:1/vtk:1/dd:0", "/p.png");
  expect_picture(answer, {"png", 20, 15});
  EXPECT_EQ(answer.header("x-imgring-ignored"), "draw_detections, video_thumbnail_tile");
  EXPECT_TRUE(
      world.server.wait_for_log("ignored_options=\"draw_detections,video_thumbnail_tile\""));
  EXPECT_FALSE(world.image("w:20", "/p.png").headers.has("x-imgring-ignored"));
  EXPECT_EQ(world.server.metric("imgring_requests_with_ignored_options_total"), 1);
  EXPECT_EQ(world.image("w:20/bd:5", "/p.png").status, 404) << "it hides something";
  World strict;
  strict.source.on("/p.png", serve_picture(png));
  EXPECT_EQ(strict.image("w:20/dd:1", "/p.png").status, 404);
  expect_picture(strict.image("w:20/vts:3/op:no/bd:0/dd:0", "/p.png"), {"png", 20, 15});
}

std::string signed_target(const std::string& path, std::string_view key, std::string_view salt) {
  return "/" + url::sign({.path = path, .key = key, .salt = salt}) + path;
}

TEST(Images, Signatures) {
  World world(Environment{{"IMGPROXY_KEY", "736563726574,6b657932"},   // secret, key2
                          {"IMGPROXY_SALT", "68656c6c6f,73616c7432"},  // hello, salt2
                          {"IMGPROXY_TRUSTED_SIGNATURES", "trust-me"}});
  world.folder.write("p.png", png_picture({40, 30}));
  const std::string path = "/w:10/plain/local:///p.png";
  EXPECT_EQ(world.get(signed_target(path, "secret", "hello")).status, 200);
  EXPECT_EQ(world.get(signed_target(path, "key2", "salt2")).status, 200);
  EXPECT_EQ(world.get(signed_target(path, "secret", "hello") + "?query=any").status, 200);
  EXPECT_EQ(world.get("/trust-me" + path).status, 200);
  const std::string good = signed_target(path, "secret", "hello");
  const std::string refused[] = {
      signed_target(path, "key2", "hello"),  // pairs are matched by index
      signed_target(path, "other", "hello"),
      "/unsafe" + path,
      "/w:10:" + path,
      "/!!!" + path,
      good.substr(0, 20) + path,
      good.substr(0, 44) + "=" + path,
      good + "x",
      "/" + good,  // one more slash in front is dropped: good again, see below
  };
  for (const std::string& target : refused) {
    SCOPED_TRACE(target);
    const Answer answer = world.get(target);
    if (target == "/" + good) {
      EXPECT_EQ(answer.status, 200);
      continue;
    }
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(answer.body, "Forbidden");
    EXPECT_FALSE(answer.headers.has("cache-control"));
  }
}

struct Refusal {
  std::string target;
  int status;
  std::string_view text;
};

void expect_refusals(const World& world, std::span<const Refusal> cases) {
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.target);
    const Answer answer = world.get(c.target);
    EXPECT_EQ(answer.status, c.status);
    EXPECT_EQ(answer.body, c.text);
    EXPECT_EQ(answer.header("content-type"), "text/plain");
    EXPECT_FALSE(answer.headers.has("cache-control"));
    EXPECT_TRUE(answer.headers.has("content-security-policy"));
    EXPECT_TRUE(answer.headers.has("x-request-id"));
  }
}

constexpr std::string_view kSentence =
    "The signature appears to be a processing option. The signature section should always be "
    "present in the URL.";

TEST(Images, RefusedUrls) {
  World world(Environment{{"IMGPROXY_ALLOWED_SOURCES", "local://,http://127.0.0.1"}});
  world.folder.write("p.png", png_picture({40, 30}));
  world.folder.write("p.txt", "hello, this is a text and no picture at all, at no time\n");
  const std::string local = "/plain/local:///p.png";
  const Refusal cases[] = {
      {"/unsafe", 404, "Invalid URL"},
      {"/unsafe/", 404, "Invalid URL"},
      {"/w:10" + local, 403, kSentence},
      {"/unsafe/nosuch:1" + local, 404, "Invalid URL"},
      {"/unsafe/w:abc" + local, 404, "Invalid URL"},
      {"/unsafe/w:-1" + local, 404, "Invalid URL"},
      {"/unsafe/rs:sideways:1:1" + local, 404, "Invalid URL"},
      {"/unsafe/pr:nosuch" + local, 404, "Invalid URL"},
      {"/unsafe/exp:1" + local, 404, "Invalid URL"},
      {"/unsafe/exp:x" + local, 404, "Invalid URL"},
      {"/unsafe/msr:10" + local, 403, "Invalid URL"},
      {"/unsafe/w:10" + local + "@nosuch", 404, "Invalid URL"},
      {"/unsafe/w:10" + local + "@png@png", 404, "Invalid URL"},
      {"/unsafe/w:10/plain/", 404, "Invalid URL"},
      {"/unsafe/w:10/!!!", 404, "Invalid URL"},
      {"/unsafe/fit/10/10/no/1" + local, 404, "Invalid URL"},
      {"/unsafe/w:10/plain/http://other.example/p.png", 404, "Invalid source URL"},
      {"/unsafe/w:10/plain/ftp://127.0.0.1/p.png", 404, "Invalid source URL"},
      {"/unsafe/w:10/plain/local:///nosuch.png", 404, "Source is unreachable"},
      {"/unsafe/w:10/plain/local:///", 404, "Source is unreachable"},
      {"/unsafe/w:10/plain/local:///../../etc/passwd", 404, "Invalid source URL"},
      {"/unsafe/w:10/plain/local:///p.txt", 422, "Invalid source image"},
      {world.target("w:10", "/nosuch"), 404, "Source is unreachable"},
      {plain_target("w:10", "http://127.0.0.1:1/refused"), 404, "Source is unreachable"},
  };
  expect_refusals(world, cases);
}

TEST(Images, SecretGuardsImagesOnly) {
  World world(Environment{{"IMGPROXY_SECRET", "pass word"}});
  world.folder.write("p.png", png_picture({40, 30}));
  const std::string target = "/unsafe/w:10/plain/local:///p.png";
  EXPECT_EQ(world.get(target, "Authorization: Bearer pass word\r\n").status, 200);
  for (std::string_view fields :
       {"", "Authorization: Bearer pass\r\n", "Authorization: pass word\r\n",
        "Authorization: bearer pass word\r\n"}) {
    SCOPED_TRACE(fields);
    const Answer answer = world.get(target, fields);
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(answer.body, "Forbidden");
  }
  EXPECT_EQ(world.get("/health").status, 200);
  EXPECT_EQ(world.get("/").status, 200);
  EXPECT_EQ(world.server.log().find("pass word"), std::string::npos);  // no secret in a log
}

TEST(Images, RoutesBesideTheImages) {
  World world(Environment{{"IMGPROXY_PATH_PREFIX", "/pre"}});
  world.folder.write("p.png", png_picture({40, 30}));
  struct Case {
    std::string_view target;
    int status;
    std::string_view body;
  };
  const Case cases[] = {
      {"/pre/health", 200, "imgproxy is running"},
      {"/pre/favicon.ico", 404, " "},
      {"/pre/.well-known/security.txt", 404, " "},
      {"/health", 404, " "},
      {"/", 404, " "},
      {"/preunsafe/x", 404, " "},
      {"/pre/health?a=b", 200, "imgproxy is running"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.target);
    const Answer answer = world.get(c.target);
    EXPECT_EQ(answer.status, c.status);
    EXPECT_EQ(answer.body, c.body);
    EXPECT_TRUE(answer.headers.has("content-security-policy"));
  }
  EXPECT_EQ(world.get("/pre/health").header("cache-control"), "no-cache");
  EXPECT_EQ(world.get("/pre").header("content-type"), "text/html");
  EXPECT_EQ(world.get("/pre/unsafe/w:10/plain/local:///p.png").status, 200);
}

TEST(Images, LimitsComeBeforeTheDecoding) {
  World world(
      Environment{{"IMGPROXY_MAX_SRC_RESOLUTION", "1"}, {"IMGPROXY_MAX_SRC_FILE_SIZE", "100000"}});
  world.folder.write("wide.png", flat_png({1001, 1000}));
  world.folder.write("fits.png", flat_png({1000, 1000}));
  world.folder.write("large.bin", std::string(100001, 'x'));
  EXPECT_EQ(world.get("/unsafe/w:10/plain/local:///fits.png").status, 200);
  for (std::string_view name : {"wide.png", "large.bin"}) {
    const Answer answer = world.get("/unsafe/w:10/plain/local:///" + std::string(name));
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(answer.body, "Invalid source image");
  }
}

TEST(Images, BrokenOnesAreTheSourcesFault) {
  World world;
  const std::string jpeg = jpeg_picture({300, 300});
  world.folder.write("cut.png", png_picture({300, 300}).substr(0, 20));
  world.folder.write("head.jpg", jpeg.substr(0, 30));
  for (std::string_view name : {"cut.png", "head.jpg"}) {
    SCOPED_TRACE(name);
    const Answer answer = world.get("/unsafe/w:100/plain/local:///" + std::string(name));
    EXPECT_EQ(answer.status, 422) << answer.body;
  }
}

TEST(Images, FallbackImageStandsInForAFailedSource) {
  TempFolder pictures;
  const std::string fallback = pictures.write("fallback.png", png_picture({80, 60}));
  World world(Environment{{"IMGPROXY_FALLBACK_IMAGE_PATH", fallback},
                          {"IMGPROXY_FALLBACK_IMAGE_HTTP_CODE", "0"},
                          {"IMGPROXY_FALLBACK_IMAGE_TTL", "77"}});
  world.source.on("/gone", [](Visit& visit) {
    visit.answer(410, "ETag: \"old\"\r\nContent-Type: text/plain\r\n", "gone");
  });
  const Answer answer = world.image("w:40", "/gone");
  EXPECT_EQ(answer.status, 410);
  EXPECT_EQ(facts_of_picture(answer.body), (PictureFacts{"png", 40, 30}));
  EXPECT_EQ(answer.header("cache-control"), "max-age=77, public");
  EXPECT_FALSE(answer.headers.has("etag"));
}

// As long as the content is not known, and not after it: what has begun as a picture is one.
TEST(Images, FallbackImageComesBeforeTheContentIsKnownOnly) {
  TempFolder pictures;
  const std::string fallback = pictures.write("fallback.png", png_picture({80, 60}));
  World world(Environment{{"IMGPROXY_FALLBACK_IMAGE_PATH", fallback},
                          {"IMGPROXY_FALLBACK_IMAGE_HTTP_CODE", "0"},
                          {"IMGPROXY_DOWNLOAD_TIMEOUT", "1"},
                          {"IMGPROXY_ALLOW_SECURITY_OPTIONS", "1"}});
  const std::string png = png_picture({200, 200});
  ASSERT_GT(png.size(), std::size_t{20000});
  const auto cut_at = [png](std::size_t bytes) {
    return say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(png.size()) + "\r\n\r\n" +
               png.substr(0, bytes));
  };
  world.source.on("/cut-early", cut_at(4000));
  world.source.on("/cut-late", cut_at(5000));
  world.source.on("/stalls", [png](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(png.size()) + "\r\n\r\n" +
               png.substr(0, 5000));
    visit.peer_leaves();
  });
  world.source.on("/whole", serve_picture(png));
  const PictureFacts stands_in{"png", 40, 30};
  EXPECT_EQ(facts_of_picture(world.image("w:40", "/cut-early").body), stands_in);
  const Answer late = world.image("w:40", "/cut-late");
  EXPECT_EQ(late.status, 422);
  EXPECT_EQ(late.body, "Source response is incomplete");
  const Answer stalled = world.image("w:40", "/stalls");
  EXPECT_EQ(stalled.status, 504);
  EXPECT_EQ(stalled.body, "Source is unreachable");
  // Refused by its announced length, before a byte of it.
  EXPECT_EQ(facts_of_picture(world.image("w:40/msfs:100", "/whole").body), stands_in);
}

// No source is so small; but one that isn't there is not there.
TEST(Images, ANegativeFileSizeLimitFailsAtTheBody) {
  World world(Environment{{"IMGPROXY_ALLOW_SECURITY_OPTIONS", "1"}});
  world.source.on("/p.png", serve_picture(png_picture({40, 30})));
  EXPECT_EQ(world.image("w:10/msfs:-1", "/p.png").status, 422);
  EXPECT_EQ(world.get("/unsafe/w:10/msfs:-1/plain/local:///none.png").status, 404);
}

TEST(Images, TheWatermarkIsLoadedOnceAtStart) {
  SourceServer marks;
  marks.on("/mark.png", serve_picture(flat_png({40, 30})));
  World world(Environment{{"IMGPROXY_WATERMARK_URL", marks.url("/mark.png")}});
  world.also(marks);
  world.source.on("/plain.png", serve_picture(png_picture({80, 60})));
  const std::string without = world.image("f:png", "/plain.png").body;
  for (const char* options : {"wm:1/f:png", "wm:1:nowe/f:png", "wm:0.5:re/f:png"}) {
    const Answer answer = world.image(options, "/plain.png");
    EXPECT_EQ(facts_of_picture(answer.body), (PictureFacts{"png", 80, 60})) << options;
    EXPECT_NE(answer.body, without) << options;
  }
  EXPECT_EQ(marks.visits("/mark.png").size(), 1u);
}

TEST(Images, AnSvgInGzipIsUnpackedAndDrawn) {
  World world;
  const std::string svg =
      "<svg xmlns='http://www.w3.org/2000/svg' width='100' height='80'>"
      "<rect width='60' height='50' fill='#c33'/></svg>";
  world.source.on("/packed.svg", [&svg](Visit& visit) {
    visit.answer(200, "Content-Type: image/svg+xml\r\nContent-Encoding: gzip\r\n", gzipped(svg));
  });
  EXPECT_EQ(facts_of_picture(world.image("w:40/f:png", "/packed.svg").body),
            (PictureFacts{"png", 40, 32}));
  EXPECT_EQ(world.image("", "/packed.svg").status, 200);
}

}  // namespace
}  // namespace imgring::test
