// Sources that behave and that do not: statuses, lengths, framing, gzip, validators, raw.
#include <gtest/gtest.h>

#include "imgring/base/text.h"
#include "world.h"

namespace imgring::test {
namespace {

struct Expected {
  std::string path;
  int status;
  std::string_view text = "";  // of an error
};

void expect_answers(const World& world, std::span<const Expected> cases) {
  for (const Expected& c : cases) {
    SCOPED_TRACE(c.path);
    const auto start = Clock::now();
    const Answer answer = world.image("w:10", c.path);
    EXPECT_EQ(answer.status, c.status);
    EXPECT_LT(seconds_since(start), slow_build() ? 12 : 2);
    if (c.status == 200) {
      EXPECT_EQ(facts_of_picture(answer.body).width, 10);
    } else {
      EXPECT_EQ(answer.body, c.text);
    }
  }
}

constexpr std::string_view kUnreachable = "Source is unreachable";
constexpr std::string_view kIncomplete = "Source response is incomplete";
constexpr std::string_view kInvalid = "Invalid source image";

TEST(SourceStatus, BecomesOurs) {
  World world;
  const std::string png = png_picture({40, 30});
  const auto with_status = [](int status, std::string fields, std::string body) {
    return [=](Visit& visit) { visit.answer(status, fields, body); };
  };
  std::vector<Expected> cases = {{"/200", 200}};
  world.source.on("/200", with_status(200, "", png));
  for (int status : {400, 401, 403, 404, 410, 418, 429, 451, 499}) {
    const std::string path = "/" + std::to_string(status);
    world.source.on(path, with_status(status, "Content-Type: text/plain\r\n", "why"));
    cases.push_back({path, status, kUnreachable});
  }
  for (int status : {500, 502, 503, 504, 599}) {
    const std::string path = "/" + std::to_string(status);
    world.source.on(path, with_status(status, "", "why"));
    cases.push_back({path, 502, kUnreachable});
  }
  for (int status : {201, 202, 203, 299, 300, 301, 302, 305, 306, 399}) {
    const std::string path = "/" + std::to_string(status);
    world.source.on(path, with_status(status, "", png));
    cases.push_back({path, 404, kUnreachable});
  }
  world.source.on("/204", say("HTTP/1.1 204 No Content\r\n\r\n"));
  cases.push_back({"/204", 404, kUnreachable});
  const std::string size = std::to_string(png.size()), last = std::to_string(png.size() - 1);
  const std::pair<std::string, int> ranges[] = {
      {"bytes 0-" + last + "/" + size, 200},
      {"bytes 0-" + last + "/*", 200},
      {"bytes 1-" + last + "/" + size, 404},
      {"bytes 0-" + last + "/999999", 404},
      {"bytes 0-9/" + size, 404},
      {"garbage", 404},
  };
  int number = 0;
  for (const auto& [range, status] : ranges) {
    const std::string path = "/206-" + std::to_string(number++);
    world.source.on(path, with_status(206, "Content-Range: " + range + "\r\n", png));
    cases.push_back({path, status, kUnreachable});
  }
  expect_answers(world, cases);
  EXPECT_TRUE(world.server.wait_for_log("why"));  // the source's own words are in the log
}

TEST(SourceRequest, CarriesNoMoreThanItMust) {
  World world(Environment{{"IMGPROXY_USER_AGENT", "agent/%current_version"}});
  world.source.on("/p.png", serve_picture(png_picture({40, 30})));
  const Answer answer = world.get(world.target("w:10", "/p.png?a=b"),
                                  "Accept: image/webp\r\nCookie: a=b\r\nAuthorization: x\r\n"
                                  "Referer: r\r\nX-Forwarded-For: 1.2.3.4\r\n");
  EXPECT_EQ(answer.status, 200);
  const auto visits = world.source.visits("/p.png");
  ASSERT_EQ(visits.size(), 1u);
  EXPECT_TRUE(visits[0].starts_with("GET /p.png HTTP/1.1\r\n")) << visits[0];
  const std::string fields = visits[0].substr(visits[0].find("\r\n") + 2);
  for (std::string_view line : split(fields, "\r\n")) {
    const std::string name = to_lower(line.substr(0, line.find(':')));
    EXPECT_TRUE(name.empty() || name == "host" || name == "user-agent") << line;
  }
  EXPECT_NE(visits[0].find("Host: 127.0.0.1:" + std::to_string(world.source.port())),
            std::string::npos);
  EXPECT_NE(visits[0].find("agent/"), std::string::npos);
}

TEST(SourceConnections, AreReusedAndRetriedOnce) {
  World world(Environment{{"IMGRING_LOOPS", "1"}});
  const std::string png = png_picture({40, 30});
  world.source.on("/p.png", serve_picture(png));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(world.image("w:10", "/p.png").status, 200);
  EXPECT_EQ(world.source.connections_made(), 1);
  // The kept connection ends before the first byte: asked again on a fresh one.
  world.source.on("/drop", [png](Visit& visit) {
    if (visit.number() == 0) visit.picture(png);
  });
  EXPECT_EQ(world.image("w:10", "/drop").status, 200);
  EXPECT_EQ(world.source.visits("/drop").size(), 2u);
  // A fresh connection that ends so is an error, and not asked again.
  world.source.on("/never", [](Visit&) {});
  world.source.on("/also-never", [](Visit&) {});
  EXPECT_EQ(world.image("w:10", "/never").status, 404);
  EXPECT_EQ(world.image("w:10", "/also-never").status, 404);
  EXPECT_LE(world.source.visits("/never").size(), 2u);
  EXPECT_EQ(world.source.visits("/also-never").size(), 1u);
  // One that said it closes, or sent too much, is not kept.
  world.source.on("/close", serve_picture(png, "Connection: close\r\n"));
  const std::string size = std::to_string(png.size());
  world.source.on("/extra", [=](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: " + size + "\r\n\r\n" + png + "extra bytes");
  });
  for (std::string_view path : {"/close", "/extra"}) {
    EXPECT_EQ(world.image("w:10", path).status, 200);
    const int before = world.source.connections_made();
    EXPECT_EQ(world.image("w:10", "/p.png").status, 200);
    EXPECT_EQ(world.source.connections_made(), before + 1) << path;
  }
}

// Without reuse the count of descriptors is exact, after good exchanges and after broken ones.
TEST(SourceConnections, NoneIsLeftWithoutReuse) {
  World world(Environment{{"IMGPROXY_CLIENT_KEEP_ALIVE_TIMEOUT", "0"}});
  world.source.on("/good", serve_picture(png_picture({40, 30})));
  world.source.on("/cut", say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234"));
  world.source.on("/missing", say("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n12345"));
  world.source.on("/garbage", say("garbage"));
  world.source.on("/hop", redirect_to("/good"));
  for (int round = 0; round < 3; ++round) {
    for (std::string_view path : {"/good", "/cut", "/missing", "/garbage", "/hop"}) {
      EXPECT_NE(world.image("w:10", path).status, 0);
      EXPECT_NE(world.image("raw:1", path).status, 0);
    }
  }
  EXPECT_TRUE(eventually([&] { return world.server.connections_to(world.source.port()) == 0; }));
  EXPECT_EQ(world.source.open_connections(), 0);
}

TEST(SourceLengths, LiesAreFound) {
  World world(Environment{{"IMGPROXY_MAX_SRC_FILE_SIZE", "50000"}});
  const std::string png = png_picture({100, 100});  // 30 KB
  const auto announced = [](std::string length, std::string body) {
    return say("HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n" + body);
  };
  world.source.on("/cut", announced("40000", png));
  world.source.on("/cut-early", announced("5000", png.substr(0, 10)));
  world.source.on("/cut-at-once", announced("5000", ""));
  world.source.on("/announces-too-much", [](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 50001\r\n\r\n");
    visit.peer_leaves();  // refused without a byte of the body
  });
  world.source.on("/huge", announced("9000000000000000000", png));
  world.source.on("/more-than-huge", announced("99999999999999999999", png));
  world.source.on("/negative", announced("-5", png));
  world.source.on("/text", announced("many", png));
  world.source.on("/two", announced("10\r\nContent-Length: 20", png));
  world.source.on("/no-length", say("HTTP/1.0 200 OK\r\n\r\n" + png));
  world.source.on("/endless", [](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\n\r\n");
    while (visit.send(std::string(4096, 'x'))) {
    }
  });
  world.source.on("/empty", announced("0", ""));
  const std::string full = flat_png({8, 8}) + std::string(50000 - flat_png({8, 8}).size(), '\0');
  world.source.on("/equal-to-the-limit", announced("50000", full));
  const Expected cases[] = {
      {"/cut", 422, kIncomplete},         {"/cut-early", 422, kIncomplete},
      {"/cut-at-once", 422, kIncomplete}, {"/announces-too-much", 422, kInvalid},
      {"/huge", 422, kInvalid},           {"/more-than-huge", 404, kUnreachable},
      {"/negative", 404, kUnreachable},   {"/text", 404, kUnreachable},
      {"/two", 404, kUnreachable},        {"/no-length", 200},
      {"/endless", 422, kInvalid},        {"/empty", 422, kInvalid},
  };
  expect_answers(world, cases);
  EXPECT_EQ(world.image("", "/equal-to-the-limit").status, 200);
}

// Nothing is reserved on the word of a header: a claim of 9 EB with a cut body, no limit set.
TEST(SourceLengths, AHugeClaimReservesNothing) {
  World world;
  world.source.on("/huge",
                  say("HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\nabc"));
  const Answer answer = world.image("w:10", "/huge");
  EXPECT_EQ(answer.status, 422);
  EXPECT_LT(world.server.metric("process_resident_memory_bytes").value_or(0), 2e9);
}

TEST(SourceFraming, ChunksAndRubbish) {
  World world;
  const std::string png = png_picture({40, 30});
  const auto hex = [](std::size_t n) {
    char text[20];
    std::snprintf(text, sizeof text, "%zx", n);
    return std::string(text);
  };
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string first = hex(100) + "\r\n" + png.substr(0, 100) + "\r\n";
  const std::string second = hex(png.size() - 100) + "\r\n" + png.substr(100) + "\r\n";
  world.source.on("/chunked", say(head + first + second + "0\r\n\r\n"));
  world.source.on("/extension",
                  say(head + hex(png.size()) + ";a=b\r\n" + png + "\r\n0\r\nT: 1\r\n\r\n"));
  world.source.on("/in-bytes", [=](Visit& visit) {
    for (char c : head + first + second + "0\r\n\r\n") visit.send(std::string(1, c));
  });
  world.source.on("/no-last-chunk", say(head + first + second));
  world.source.on("/bad-size", say(head + first + "zz\r\n" + png));
  world.source.on("/bad-end", say(head + hex(10) + "\r\n" + png));
  world.source.on("/huge-chunk", say(head + "ffffffffffffffffff\r\n" + png));
  world.source.on("/interim", say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nL: 1\r\n\r\n"
                                  "HTTP/1.1 200 OK\r\n\r\n" +
                                  png));
  std::string interims;
  for (int i = 0; i < 20; ++i) interims += "HTTP/1.1 103 Hints\r\n\r\n";
  world.source.on("/interims", say(interims + "HTTP/1.1 200 OK\r\n\r\n" + png));
  world.source.on("/garbage", say("this is no HTTP at all\r\n\r\n"));
  world.source.on("/binary", say(std::string(3000, '\x01')));
  world.source.on("/half-head", say("HTTP/1.1 200 OK\r\nContent-"));
  world.source.on("/long-head", say("HTTP/1.1 200 OK\r\nX: " + std::string(2 << 20, 'x')));
  const Expected cases[] = {
      {"/chunked", 200},
      {"/extension", 200},
      {"/in-bytes", 200},
      {"/interim", 200},
      {"/no-last-chunk", 422, kIncomplete},
      {"/bad-size", 422, kIncomplete},
      {"/bad-end", 422, kIncomplete},
      {"/huge-chunk", 422, kIncomplete},
      {"/interims", 404, kUnreachable},
      {"/garbage", 404, kUnreachable},
      {"/binary", 404, kUnreachable},
      {"/half-head", 404, kUnreachable},
      {"/long-head", 404, kUnreachable},
  };
  expect_answers(world, cases);
}

// What a browser shows is a picture here, too; in the head, the length, the chunks and behind them.
TEST(SourceOddities, AreReadPast) {
  World world;
  const std::string png = png_picture({40, 30});
  const std::string size = "Content-Length: " + std::to_string(png.size()) + "\r\n";
  const std::string ok = "HTTP/1.1 200 OK\r\n", chunks = ok + "Transfer-Encoding: chunked\r\n\r\n";
  char hex[20];
  std::snprintf(hex, sizeof hex, "%zx", png.size());
  const std::pair<const char*, std::string> answers[] = {
      {"/folded", ok + "Content-Security-Policy: default-src 'self';\r\n img-src *;\r\n\tx\r\n" +
                      size + "\r\n" + png},
      {"/fold-in-front", ok + size + "X-A:\r\n one\r\n\r\n" + png},
      {"/padded-name", ok + "X-A : 1\r\n" + size + "\r\n" + png},
      {"/odd-name", ok + "X A: 1\r\nX\xe9: 2\r\nno colon\r\n" + size + "\r\n" + png},
      {"/lengths", ok + size + "X-A: 1\r\n" + to_lower(size) + size + "\r\n" + png},
      {"/chunk-space", chunks + hex + "   \r\n" + png + "\r\n0 \r\n\r\n"},
      {"/chunk-tab", chunks + hex + "\t ;a=b\r\n" + png + "\r\n0\t\r\n\r\n"},
      {"/http-1.2", "HTTP/1.2  200 OK\r\n" + size + "\r\n" + png},
      {"/http-2", "HTTP/2.0 200\r\n" + size + "\r\n" + png},
      {"/line-feeds", "HTTP/1.1 200 OK\n" + size.substr(0, size.size() - 2) + "\n\n" + png},
      {"/coding-twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" +
                            hex + "\r\n" + png + "\r\n0\r\n\r\n"},
      {"/rubbish", chunks + hex + "\r\n" + png + "\r\n0\r\n\r\nrubbish"},
  };
  std::vector<Expected> cases;
  for (const auto& [path, bytes] : answers) {
    world.source.on(path, say(bytes));
    cases.push_back({path, 200});
  }
  expect_answers(world, cases);
  world.source.on("/nul", say(ok + std::string("X: a\0b\r\n", 8) + size + "\r\n" + png));
  world.source.on("/differing", say(ok + size + "Content-Length: 5\r\n\r\n" + png));
  const Expected refused[] = {{"/nul", 404, kUnreachable}, {"/differing", 404, kUnreachable}};
  expect_answers(world, refused);
  EXPECT_TRUE(world.server.wait_for_log("Content-Length is both"));
}

// The source goes on as if nothing were; we do not.
TEST(SourceOddities, EndTheConnection) {
  World world(Environment{{"IMGRING_LOOPS", "1"}});
  const std::string png = png_picture({40, 30});
  const std::string size = "Content-Length: " + std::to_string(png.size()) + "\r\n";
  world.source.on("/p.png", serve_picture(png));
  const auto keeping = [&](const std::string& path, const std::string& head) {
    world.source.on(path, [=](Visit& visit) { visit.send(head + "\r\n" + png); });
  };
  keeping("/fold", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n" + size);
  keeping("/lengths", "HTTP/1.1 200 OK\r\n" + size + size);
  keeping("/name", "HTTP/1.1 200 OK\r\nX : a\r\n" + size);
  keeping("/version", "HTTP/1.2 200 OK\r\n" + size);
  EXPECT_EQ(world.image("w:10", "/p.png").status, 200);
  EXPECT_EQ(world.image("w:10", "/p.png").status, 200);
  EXPECT_EQ(world.source.connections_made(), 1);
  int made = 1;
  for (const char* path : {"/fold", "/lengths", "/name", "/version"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(world.image("w:10", path).status, 200);
    EXPECT_EQ(world.source.connections_made(), made);
    EXPECT_EQ(world.image("w:10", "/p.png").status, 200);
    EXPECT_EQ(world.source.connections_made(), ++made);
  }
}

TEST(SourceOddities, PragmaIsACacheControl) {
  World world(Environment{{"IMGPROXY_CACHE_CONTROL_PASSTHROUGH", "true"}});
  const std::string png = png_picture({40, 30});
  world.source.on("/pragma", serve_picture(png, "Pragma: no-cache\r\nExpires: 0\r\n"));
  world.source.on("/both", serve_picture(png, "Pragma: no-cache\r\nCache-Control: max-age=7\r\n"));
  EXPECT_EQ(world.image("w:10", "/pragma").header("cache-control"), "no-cache");
  EXPECT_EQ(world.image("w:10", "/both").header("cache-control"), "max-age=7");
}

TEST(SourceGzip, IsDecodedWithinItsLimits) {
  World world(Environment{{"IMGPROXY_MAX_SRC_FILE_SIZE", "1000000"}});
  const std::string png = png_picture({200, 150});
  const std::string packed = gzipped(png);
  const std::string fields = "Content-Encoding: gzip\r\n";
  world.source.on("/good", serve_picture(packed, fields));
  world.source.on("/case", serve_picture(packed, "content-encoding: GZip\r\n"));  // as imgproxy
  world.source.on("/chunked", [=](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + fields + "\r\n");
    for (std::size_t at = 0; at < packed.size(); at += 16) {
      const std::string part = packed.substr(at, 16);
      char size[8];
      std::snprintf(size, sizeof size, "%zx\r\n", part.size());
      visit.send(size + part + "\r\n");
    }
    visit.send("0\r\n\r\n");
  });
  world.source.on("/cut", serve_picture(packed.substr(0, packed.size() - 9), fields));
  std::string bad = packed;
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 0x55);
  world.source.on("/bad", serve_picture(bad, fields));
  world.source.on("/no-gzip", serve_picture(png, fields));
  world.source.on("/bomb", serve_picture(gzipped(std::string(50 << 20, '\0')), fields));
  world.source.on("/deflate", serve_picture(packed, "Content-Encoding: deflate\r\n"));
  const Expected good[] = {{"/good", 200},
                           {"/case", 422, kInvalid},
                           {"/chunked", 200},
                           {"/bomb", 422, kInvalid},
                           {"/deflate", 422, kInvalid}};
  expect_answers(world, good);
  for (std::string_view path : {"/cut", "/bad", "/no-gzip"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(world.image("w:10", path).status, 422);
  }
}

TEST(SourceGzip, ABombWithoutASizeLimitIsStopped) {
  World world;
  world.source.on(
      "/bomb", serve_picture(gzipped(std::string(64 << 20, '\0')), "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(world.image("w:10", "/bomb").status, 422);
}

TEST(SourceValidators, GoBothWays) {
  World world;
  const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
  const std::string png = png_picture({40, 30});
  world.source.on("/p.png", [=](Visit& visit) {
    const bool same =
        visit.header("if-none-match") == "\"v1\"" || visit.header("if-modified-since") == date;
    visit.answer(same ? 304 : 200, "ETag: \"v1\"\r\nLast-Modified: " + date + "\r\n",
                 same ? "" : png);
  });
  const std::string target = world.target("w:10", "/p.png");
  const Answer first = world.get(target);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.header("etag"), "\"v1\"");
  EXPECT_EQ(first.header("last-modified"), date);
  for (const std::string& fields :
       {std::string("If-None-Match: \"v1\"\r\n"), "If-Modified-Since: " + date + "\r\n"}) {
    SCOPED_TRACE(fields);
    RawClient client(world.port());
    client.send(get_text(target, fields) + get_text("/health"));
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, 304);
    EXPECT_EQ(answer.header("etag"), "\"v1\"");
    EXPECT_EQ(answer.header("last-modified"), date);
    EXPECT_TRUE(answer.headers.has("cache-control"));
    EXPECT_FALSE(answer.headers.has("content-type"));
    EXPECT_FALSE(answer.headers.has("link"));
    EXPECT_EQ(client.read().body, "imgproxy is running");  // no body came after the 304
  }
  EXPECT_EQ(world.get(target, "If-None-Match: \"v2\"\r\n").status, 200);
}

TEST(SourceValidators, BusterAndLocalFiles) {
  World world(Environment{{"IMGPROXY_ETAG_BUSTER", "bb"}});
  world.source.on("/p.png", [](Visit& visit) {
    const bool same = visit.header("if-none-match") == "\"abc\"";
    visit.answer(same ? 304 : 200, "ETag: \"abc\"\r\n", same ? "" : png_picture({40, 30}));
  });
  const std::string target = world.target("w:10", "/p.png");
  EXPECT_EQ(world.get(target).header("etag"), "\"bb/ImFiYyI\"");
  EXPECT_EQ(world.get(target, "If-None-Match: \"bb/ImFiYyI\"\r\n").status, 304);
  EXPECT_EQ(world.get(target, "If-None-Match: \"abc\"\r\n").status, 200);
  world.folder.write("l.png", png_picture({40, 30}));
  const std::string local = "/unsafe/w:10/plain/local:///l.png";
  const Answer first = world.get(local);
  ASSERT_EQ(first.status, 200);
  const std::string etag(first.header("etag"));
  ASSERT_FALSE(etag.empty());
  EXPECT_EQ(world.get(local, "If-None-Match: " + etag + "\r\n").status, 304);
  world.folder.write("l.png", png_picture({60, 30}));
  EXPECT_EQ(world.get(local, "If-None-Match: " + etag + "\r\n").status, 200);
}

TEST(Raw, StreamsWhatTheSourceSays) {
  World world;
  const std::string text(300000, 't');
  world.source.on("/a.bin", [=](Visit& visit) {
    if (visit.header("range") == "bytes=1-3") {
      visit.answer(206, "Content-Range: bytes 1-3/300000\r\nAccept-Ranges: bytes\r\n", "ttt");
      return;
    }
    visit.answer(200, "Content-Type: text/odd\r\nETag: \"e\"\r\nX-Secret: no\r\n", text);
  });
  world.source.on(
      "/gone", [](Visit& visit) { visit.answer(404, "Content-Type: text/plain\r\n", "not here"); });
  world.source.on("/chunked", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
  const Answer whole = world.image("raw:1", "/a.bin");
  EXPECT_EQ(whole.status, 200);
  EXPECT_TRUE(whole.complete);
  EXPECT_EQ(whole.body, text);
  EXPECT_EQ(whole.header("content-type"), "text/odd");
  EXPECT_EQ(whole.header("etag"), "\"e\"");
  EXPECT_EQ(whole.header("content-disposition"), "inline; filename=\"a.bin\"");
  EXPECT_FALSE(whole.headers.has("x-secret"));
  const Answer part = world.get(world.target("raw:1", "/a.bin"), "Range: bytes=1-3\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "ttt");
  EXPECT_EQ(part.header("content-range"), "bytes 1-3/300000");
  const Answer gone = world.image("raw:1", "/gone");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.body, "not here");
  EXPECT_FALSE(gone.headers.has("cache-control"));
  EXPECT_FALSE(gone.headers.has("content-disposition"));
  EXPECT_EQ(world.image("raw:1", "/chunked").body, "abcde");
  world.folder.write("l.txt", text);
  EXPECT_EQ(world.get("/unsafe/raw:1/plain/local:///l.txt").body, text);
}

TEST(Raw, ABodyThatBreaksIsSeenToBreak) {
  World world;
  const std::string half(5000, 'h');
  world.source.on("/cut", say("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + half));
  world.source.on("/cut-chunks", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                     "1388\r\n" +
                                     half + "\r\n"));
  for (std::string_view path : {"/cut", "/cut-chunks"}) {
    SCOPED_TRACE(path);
    RawClient client(world.port());
    client.send(get_text(world.target("raw:1", path)));
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.complete);
    EXPECT_TRUE(client.closed());
  }
}

TEST(Raw, AClientThatLeavesEndsTheStream) {
  World world;
  world.source.on("/endless", [](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    while (visit.send(std::string(4096, 'x'))) {
    }
  });
  RawClient client(world.port());
  client.send(get_text(world.target("raw:1", "/endless")));
  ASSERT_TRUE(client.stirs(patience()));
  client.close();
  EXPECT_TRUE(world.source.wait_for_ends("/endless", 1));
}

}  // namespace
}  // namespace imgring::test
