// Client connections over real sockets: keep-alive, pipelining, methods, time limits, leaving.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "imgring/base/text.h"
#include "world.h"

namespace imgring::test {
namespace {

constexpr std::string_view kLocal = "/unsafe/w:10/plain/local:///p.png";

TEST(Connections, StayOpenBetweenRequests) {
  World world;
  world.folder.write("p.png", png_picture({40, 30}));
  RawClient client(world.port());
  for (int i = 0; i < 20; ++i) {
    client.send(get_text(i % 2 == 0 ? std::string_view("/health") : kLocal));
    const Answer answer = client.read();
    ASSERT_EQ(answer.status, 200) << i;
    EXPECT_FALSE(answer.headers.has("connection"));
  }
  EXPECT_EQ(client.rest(), "");
}

TEST(Connections, CloseWhenTheClientAsksOrSpeaksTheOldVersion) {
  World world;
  struct Case {
    std::string text;
    std::string_view connection;
    bool closed;
  };
  const Case cases[] = {
      {"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "close", true},
      {"GET /health HTTP/1.0\r\n\r\n", "close", true},
      {"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", false},
      {"GET http://any.example/health HTTP/1.1\r\nHost: h\r\n\r\n", "", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    RawClient client(world.port());
    client.send(c.text);
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("connection"), c.connection);
    if (c.closed) {
      EXPECT_TRUE(client.closed());
    } else {
      client.send(get_text("/health"));
      EXPECT_EQ(client.read().status, 200);
    }
  }
}

TEST(Connections, PipelinedRequestsAreAnsweredInOrder) {
  World world;
  world.folder.write("p.png", png_picture({400, 300}));
  constexpr int kCount = 40;  // more than may wait parsed
  std::string text;
  for (int i = 0; i < kCount; ++i) {
    // Slow and quick ones in turn: a quick one must not overtake.
    const std::string image = "/unsafe/w:" + std::to_string(10 + i) + "/plain/local:///p.png";
    text +=
        get_text(i % 2 == 0 ? image : "/health", "X-Request-ID: id-" + std::to_string(i) + "\r\n");
  }
  RawClient client(world.port());
  ASSERT_TRUE(client.send(text));
  for (int i = 0; i < kCount; ++i) {
    const Answer answer = client.read();
    ASSERT_EQ(answer.status, 200) << i;
    EXPECT_EQ(answer.header("x-request-id"), "id-" + std::to_string(i));
    if (i % 2 == 0) {
      EXPECT_EQ(facts_of_picture(answer.body).width, 10 + i);
    }
  }
  EXPECT_EQ(client.rest(), "");
}

// More than the reader keeps: reading stops, and goes on when requests were answered.
TEST(Connections, ALongPipelineIsReadPieceByPiece) {
  World world;
  constexpr int kCount = 2000;
  const std::string one = get_text("/health", "X-Filler: " + std::string(200, 'f') + "\r\n");
  std::string text;
  for (int i = 0; i < kCount; ++i) text += one;
  RawClient client(world.port());
  std::thread sender([&] { client.send(text); });
  int answered = 0;
  while (answered < kCount && client.read().status == 200) ++answered;
  sender.join();
  EXPECT_EQ(answered, kCount);
}

TEST(Connections, HeadsThatComeByteByByte) {
  World world;
  RawClient client(world.port());
  for (char c : get_text("/health")) ASSERT_TRUE(client.send(std::string(1, c)));
  EXPECT_EQ(client.read().status, 200);
}

TEST(Connections, HeadAndOptionsNeedNoSignatureAndFetchNothing) {
  World world(
      Environment{{"IMGPROXY_KEY", "aa"}, {"IMGPROXY_SALT", "bb"}, {"IMGPROXY_ALLOW_ORIGIN", "*"}});
  world.source.on("/p.png", serve_picture(png_picture({40, 30})));
  RawClient client(world.port());
  for (std::string_view method : {"HEAD", "OPTIONS"}) {
    for (const std::string& target : {world.target("w:10", "/p.png"), std::string("/health")}) {
      SCOPED_TRACE(std::string(method) + " " + target);
      client.send(std::string(method) + " " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
      const bool head = method == "HEAD";
      const Answer answer = client.read(patience(), head);
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(answer.header("content-length"), "1");
      EXPECT_EQ(answer.header("content-type"), "text/plain");
      EXPECT_EQ(answer.header("access-control-allow-origin"), "*");
      EXPECT_EQ(answer.body, head ? "" : " ");
    }
  }
  client.send("POST / HTTP/1.1\r\nHost: h\r\n\r\n");
  const Answer refused = client.read();
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.body, " ");
  EXPECT_EQ(client.rest(), "");
  EXPECT_TRUE(world.source.visits().empty());
}

TEST(Connections, ARequestWithABodyIsTheLast) {
  World world;
  struct Case {
    const char* what;
    std::string text;
  };
  const std::string second = get_text("/second");
  const Case cases[] = {
      {"length", get_text("/health", "Content-Length: 5\r\n") + "hello" + second},
      {"length, part of it", get_text("/health", "Content-Length: 500\r\n") + "hello"},
      {"chunked",
       get_text("/health", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n" + second},
      {"post", "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + second},
      {"large", get_text("/health", "Content-Length: 50000\r\n") + std::string(50000, 'b')},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    RawClient client(world.port());
    client.send(c.text);
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, c.text.starts_with("POST") ? 404 : 200);
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(client.rest(), "");  // nothing of the body was taken for a request
  }
}

TEST(Connections, ASlowHeadIsRefusedAfterTheReadTime) {
  World world(Environment{{"IMGPROXY_READ_REQUEST_TIMEOUT", "1"}});
  RawClient client(world.port());
  const auto start = Clock::now();
  ASSERT_TRUE(client.send("GET /health HTTP/1.1\r\nHo"));
  // Bytes that drip do not move the limit: it is of the whole head.
  while (!client.stirs(Milliseconds(100)) && seconds_since(start) < 10) client.send("x");
  const Answer answer = client.read();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "400 Bad Request");
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_GE(seconds_since(start), 0.9);
  EXPECT_LT(seconds_since(start), slow_build() ? 8 : 4);
  EXPECT_TRUE(client.closed());
}

TEST(Connections, SilentAndIdleOnesAreClosed) {
  World world(
      Environment{{"IMGPROXY_READ_REQUEST_TIMEOUT", "1"}, {"IMGPROXY_KEEP_ALIVE_TIMEOUT", "1"}});
  RawClient silent(world.port()), idle(world.port()), empty_lines(world.port());
  const auto start = Clock::now();
  empty_lines.send("\r\n\r\n");
  idle.send(get_text("/health"));
  EXPECT_EQ(idle.read().status, 200);
  for (RawClient* client : {&silent, &idle, &empty_lines}) {
    EXPECT_TRUE(client->closed());
    EXPECT_EQ(client->rest(), "");
    EXPECT_GE(seconds_since(start), 0.9);
  }
  EXPECT_LT(seconds_since(start), slow_build() ? 8 : 5);
}

// A request that came while another one was answered left a notification behind: the wait after it
// is an idle one all the same.
TEST(Connections, AfterAPipelinedRequestTheIdleTimeCounts) {
  World world(
      Environment{{"IMGPROXY_READ_REQUEST_TIMEOUT", "60"}, {"IMGPROXY_KEEP_ALIVE_TIMEOUT", "1"}});
  world.source.on("/slow", held(world.gate, png_picture({40, 30})));
  RawClient client(world.port());
  client.send(get_text(world.target("w:10", "/slow")));
  ASSERT_TRUE(world.source.wait_for_visits("/slow", 1));
  client.send(get_text("/health"));
  std::this_thread::sleep_for(Milliseconds(50));  // it arrives
  world.gate.open();
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().body, "imgproxy is running");
  EXPECT_TRUE(client.closed());
}

TEST(Connections, WithoutKeepAliveEachAnswerCloses) {
  World world(Environment{{"IMGPROXY_KEEP_ALIVE_TIMEOUT", "0"}});
  RawClient client(world.port());
  client.send(get_text("/health"));
  EXPECT_EQ(client.read().header("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST(Connections, AClientThatOnlyStopsSendingGetsItsQuickAnswer) {
  World world;
  RawClient client(world.port());
  client.cork();  // request and end arrive together
  client.send(get_text("/health"));
  client.half_close();
  const Answer answer = client.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "imgproxy is running");
  EXPECT_TRUE(client.closed());
}

// The client's end cancels the download (hardening.md section 6, rule 6): the source sees it at
// once.
TEST(Connections, AClientThatLeavesEndsItsDownload) {
  World world;
  const std::string png = png_picture({400, 400});
  world.source.on("/no-head", [](Visit& visit) { visit.peer_leaves(); });
  world.source.on("/no-rest", [png](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(png.size()) + "\r\n\r\n");
    visit.send(png.substr(0, 1000));
    EXPECT_TRUE(visit.peer_leaves());
  });
  for (std::string path : {"/no-head", "/no-rest"}) {
    for (bool hard : {false, true}) {
      SCOPED_TRACE(path + (hard ? " reset" : " closed"));
      RawClient client(world.port());
      client.send(get_text(world.target("w:10", path)));
      const std::size_t count = hard ? 2 : 1;
      ASSERT_TRUE(world.source.wait_for_visits(path, count));
      const auto start = Clock::now();
      if (hard) {
        client.reset();
      } else {
        client.close();
      }
      EXPECT_TRUE(world.source.wait_for_ends(path, count));
      EXPECT_LT(seconds_since(start), slow_build() ? 8 : 3);
    }
  }
  const auto counted = [&] {
    return world.server.metric("status_codes_total{status=\"499\"}") == 4;
  };
  EXPECT_TRUE(eventually(counted)) << world.server.metrics_text();
}

TEST(Connections, AClientThatLeavesItsPipelineIsForgotten) {
  World world;
  world.source.on("/slow", held(world.gate, png_picture({40, 30})));
  RawClient client(world.port());
  client.send(get_text(world.target("w:10", "/slow")) + get_text("/health") + get_text("/health"));
  ASSERT_TRUE(world.source.wait_for_visits("/slow", 1));
  client.reset();
  EXPECT_TRUE(world.source.wait_for_ends("/slow", 1));
}

// An answer larger than what the sockets take; the client reads late, then not at all.
TEST(Connections, ASlowReaderIsDroppedAfterTheWriteTime) {
  World world(Environment{{"IMGPROXY_WRITE_RESPONSE_TIMEOUT", "1"}});
  const std::string huge(24 << 20, 'x');
  world.source.on("/huge", serve_picture(huge));
  RawClient client(world.port());
  client.send(get_text(world.target("raw:1", "/huge")));
  ASSERT_TRUE(world.source.wait_for_visits("/huge", 1));
  const auto start = Clock::now();
  EXPECT_TRUE(
      eventually([&] { return world.server.metric("requests_in_progress") == 0; }, patience(6000)));
  EXPECT_LT(seconds_since(start), slow_build() ? 12 : 4);
  const Answer answer = client.read();
  EXPECT_FALSE(answer.complete);
}

// Reads a piece at a time, with pauses.
std::size_t read_slowly(int fd, std::size_t piece_bytes, Milliseconds pause) {
  std::string piece(piece_bytes, 0);
  std::size_t sum = 0;
  for (;;) {
    pollfd one{fd, POLLIN, 0};
    if (poll(&one, 1, static_cast<int>(patience().count())) != 1) return sum;
    const ssize_t got = recv(fd, piece.data(), piece.size(), 0);
    if (got <= 0) return sum;
    sum += static_cast<std::size_t>(got);
    std::this_thread::sleep_for(pause);
  }
}

// The write time is counted from the last progress, also of a picture that is there as a whole; and
// the source is gone by then.
TEST(Connections, ASteadyReaderOfALargePictureGetsIt) {
  World world(Environment{{"IMGPROXY_WRITE_RESPONSE_TIMEOUT", "2"}, {"IMGPROXY_TIMEOUT", "60"}});
  world.source.on("/p.png", serve_picture(png_picture({100, 100})));
  RawClient client(world.port());
  client.send("GET " + world.target("rs:force:3000:3000/el:1/f:bmp", "/p.png") +
              " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(client.stirs(patience(20000)));
  EXPECT_EQ(world.server.metric("requests_in_progress"), 1);
  EXPECT_EQ(world.server.metric("download_bytes"), 0);
  const std::size_t got = read_slowly(client.fd(), 512 << 10, Milliseconds(100));
  EXPECT_GT(got, std::size_t{3000 * 3000 * 3});
}

TEST(Connections, DrippedReadingMakesProgressAndIsServed) {
  World world(Environment{{"IMGPROXY_WRITE_RESPONSE_TIMEOUT", "2"},
                          {"IMGPROXY_DOWNLOAD_TIMEOUT", "20"},
                          {"IMGPROXY_TIMEOUT", "20"}});
  const std::string large(6 << 20, 'x');
  world.source.on("/large", serve_picture(large));
  RawClient client(world.port());
  client.send(get_text(world.target("raw:1", "/large")));
  const Answer answer = client.read(patience(20000));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body.size(), large.size());
}

}  // namespace
}  // namespace imgring::test
