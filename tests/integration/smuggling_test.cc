// Heads that others have read in two ways, over the wire: one 400, then the end, and never an
// answer to what was hidden (hardening.md section 2).
#include <gtest/gtest.h>

#include <algorithm>

#include "world.h"

namespace imgring::test {
namespace {

struct Case {
  const char* what;
  std::string text;
  int status = 400;
};

// What every case hides behind its head.
std::string hidden() { return "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n"; }

std::string with_fields(std::string_view fields) {
  std::string text = "GET /health HTTP/1.1\r\nHost: h\r\n";
  return text.append(fields).append("\r\n") + hidden();
}

std::vector<Case> cases() {
  return {
      {"CL and TE", with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
      {"TE and CL", with_fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
      {"two CL", with_fields("Content-Length: 0\r\nContent-Length: 39\r\n")},
      {"two equal CL", with_fields("Content-Length: 39\r\nContent-Length: 39\r\n")},
      {"CL list", with_fields("Content-Length: 39, 39\r\n")},
      {"signed CL", with_fields("Content-Length: +39\r\n")},
      {"hex CL", with_fields("Content-Length: 0x27\r\n")},
      {"20 digits", with_fields("Content-Length: 00000000000000000039\r\n")},
      {"bare CR", with_fields("X: \rContent-Length: 39\r\n")},
      {"bare LF", with_fields("X: a\nContent-Length: 39\r\n")},
      {"bare LF ends the head", "GET /health HTTP/1.1\nHost: h\n\n" + hidden()},
      {"folded", with_fields("Content-Length:\r\n 39\r\n")},
      {"folded first", with_fields(" Content-Length: 39\r\n")},
      {"space before colon", with_fields("Content-Length : 39\r\n")},
      {"tab before colon", with_fields("Transfer-Encoding\t: chunked\r\n")},
      {"chunked twice", with_fields("Transfer-Encoding: chunked, chunked\r\n")},
      {"two TE", with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")},
      {"xchunked", with_fields("Transfer-Encoding: xchunked\r\n")},
      {"NUL in a value", with_fields(std::string_view("X: a\0b\r\n", 8))},
      {"NUL in the target", std::string("GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n", 31) + hidden()},
      {"no Host", "GET /health HTTP/1.1\r\n\r\n" + hidden()},
      {"two Hosts", with_fields("Host: other\r\n")},
      {"Host with a path", "GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n" + hidden()},
      {"HTTP/0.9", "GET /health\r\n" + hidden()},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc"},
      {"bad escape", "GET /unsafe/%zz HTTP/1.1\r\nHost: h\r\n\r\n" + hidden()},
      {"cut escape", "GET /unsafe/%4 HTTP/1.1\r\nHost: h\r\n\r\n" + hidden()},
      {"too many headers",
       [] {
         std::string fields;
         for (int i = 0; i < 300; ++i) fields += "h" + std::to_string(i) + ": v\r\n";
         return with_fields(fields);
       }(),
       431},
      {"long name", with_fields(std::string(2000, 'n') + ": v\r\n"), 431},
      {"head over 1 MiB", with_fields("X: " + std::string(1 << 20, 'v') + "\r\n"), 431},
  };
}

TEST(Smuggling, OneRefusalAndTheEnd) {
  World world;
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.what);
    RawClient client(world.port());
    client.send(c.text);
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, c.status);
    EXPECT_TRUE(answer.complete);
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_EQ(answer.header("content-type"), "text/plain; charset=utf-8");
    EXPECT_FALSE(answer.headers.has("content-security-policy"));  // not a word of our layers above
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(client.rest(), "");
  }
  EXPECT_EQ(world.server.log().find("/hidden"), std::string::npos);
  EXPECT_EQ(world.get("/health").status, 200);
}

TEST(Smuggling, PipelinedBehindAGoodRequest) {
  World world;
  RawClient client(world.port());
  client.send(get_text("/health") + with_fields("Content-Length: 1\r\nContent-Length: 2\r\n"));
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().status, 400);
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(client.rest(), "");
}

TEST(Smuggling, RawBytesInTheTargetAreServed) {
  World world;
  world.folder.write("caf\xc3\xa9.png", png_picture({40, 30}));
  const Answer answer = world.get("/unsafe/w:10/plain/local:///caf\xc3\xa9.png");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.header("content-disposition"), "inline; filename=\"caf\xc3\xa9.png\"");
}

TEST(Smuggling, ValuesOfASourceCannotSplitOurAnswer) {
  World world(Environment{{"IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH", "X-Pass"}});
  const std::string png = png_picture({40, 30});
  world.source.on("/split", say("HTTP/1.1 200 OK\r\nX-Pass: a\rX-Evil: 1\r\nContent-Length: " +
                                std::to_string(png.size()) + "\r\n\r\n" + png));
  const Answer answer = world.image("w:10", "/split");
  EXPECT_FALSE(answer.headers.has("x-evil"));
  EXPECT_EQ(answer.status, 404);
}

TEST(Smuggling, ManyLargeHeadsAreRefusedAndTheRestIsServed) {
  // Leaves 17 MiB for heads, and each costs its bytes twice: as they came and as texts.
  World world(Environment{{"IMGRING_MEMORY_LIMIT", "430"}});
  std::vector<RawClient> clients;
  const std::string part = "GET /health HTTP/1.1\r\nHost: h\r\nX: " + std::string(900 << 10, 'a');
  for (int i = 0; i < 20; ++i) clients.emplace_back(world.port()).send(part);
  const auto refusals = [&] {
    return std::count_if(clients.begin(), clients.end(),
                         [](RawClient& client) { return client.stirs(Milliseconds(0)); });
  };
  EXPECT_TRUE(eventually([&] { return refusals() >= 10; }));
  EXPECT_EQ(world.get("/health").status, 200);
  int refused = 0, served = 0;
  for (RawClient& client : clients) {
    client.send("\r\n\r\n");
    const int status = client.read().status;
    refused += status == 431 ? 1 : 0;
    served += status == 200 ? 1 : 0;
  }
  EXPECT_EQ(served + refused, 20);
  EXPECT_GE(refused, 10);
  EXPECT_GE(served, 8);
}

}  // namespace
}  // namespace imgring::test
