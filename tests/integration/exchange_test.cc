// Exchanges by bytes on the socket (hardening.md section 2): what is sent, the statuses that come
// back, and whether the connection goes on. What a head must not hold is in smuggling_test.cc.
#include <gtest/gtest.h>

#include "world.h"

namespace imgring::test {
namespace {

struct Exchange {
  const char* what;
  std::string text;
  std::vector<int> statuses{200};
  bool goes_on = true;
};

std::string head(std::string_view line, std::string_view fields = "Host: h\r\n") {
  return std::string(line).append("\r\n").append(fields).append("\r\n");
}

std::string many_headers(int count) {
  std::string fields;
  for (int i = 0; i < count; ++i) fields += "h" + std::to_string(i) + ": v\r\n";
  return fields;
}

void expect_exchanges(const World& world, const std::vector<Exchange>& exchanges) {
  for (const Exchange& c : exchanges) {
    SCOPED_TRACE(c.what);
    RawClient client(world.port());
    client.send(c.text);
    for (int status : c.statuses) EXPECT_EQ(client.read().status, status);
    if (c.goes_on) {
      client.send(get_text("/health"));
      EXPECT_EQ(client.read().status, 200);
    } else {
      EXPECT_TRUE(client.closed());
    }
    EXPECT_EQ(client.rest(), "");
  }
}

TEST(Exchanges, RequestLines) {
  World world;
  world.folder.write("p.png", png_picture({40, 30}));
  const std::string image = "http://any.example:81/unsafe/w:10/plain/local:///p.png";
  expect_exchanges(
      world,
      {
          {"absolute form", head("GET http://any.example/health HTTP/1.1")},
          {"absolute form, https", head("GET https://any.example/health?x HTTP/1.1")},
          {"absolute form without a path", head("GET http://any.example HTTP/1.1")},
          {"absolute form of an image", head("GET " + image + " HTTP/1.1")},
          {"absolute form needs a Host all the same",
           head("GET http://h/health HTTP/1.1", ""),
           {400},
           false},
          {"authority form", head("GET h:80 HTTP/1.1"), {400}, false},
          {"about the server", head("OPTIONS * HTTP/1.1")},
          {"the server is nothing to get", head("GET * HTTP/1.1"), {404}},
          {"a query with a bad escape", head("GET /health?a=%zz HTTP/1.1")},
          {"a fragment", head("GET /health#a HTTP/1.1"), {404}},
          {"escapes in a route", head("GET /heal%74h HTTP/1.1")},
          {"two slashes are another path", head("GET //health HTTP/1.1"), {404}},
          {"dots are not resolved", head("GET /x/../health HTTP/1.1"), {404}},
          {"a long target", head("GET /" + std::string(200 << 10, 'a') + " HTTP/1.1"), {404}},
          {"a later HTTP/1", head("GET /health HTTP/1.2")},
          {"HTTP/2 in words", head("GET /health HTTP/2.0"), {505}, false},
          {"HTTP/0.9 in words", head("GET /health HTTP/0.9"), {505}, false},
          {"no such version", head("GET /health HTTP/1.1.1"), {400}, false},
          {"two spaces", head("GET  /health HTTP/1.1"), {400}, false},
          {"a tab", head("GET\t/health\tHTTP/1.1"), {400}, false},
          {"small letters", head("get /health HTTP/1.1"), {404}},
          {"nothing of it is echoed", head("TRACE /health HTTP/1.1"), {404}},
          {"no tunnel", head("CONNECT any.example:443 HTTP/1.1"), {400}, false},
          {"a method of 40 letters",
           head(std::string(40, 'M') + " /health HTTP/1.1"),
           {400},
           false},
      });
}

TEST(Exchanges, Fields) {
  World world;
  const auto with = [](std::string_view fields) {
    return head("GET /health HTTP/1.1", "Host: h\r\n" + std::string(fields));
  };
  expect_exchanges(
      world, {
                 {"white space around values",
                  head("GET /health HTTP/1.1", "Host:\th\t\r\nX: \t a \t\r\n")},
                 {"no white space", head("GET /health HTTP/1.1", "Host:h\r\nX:a\r\nY:\r\n")},
                 {"names in any case", head("GET /health HTTP/1.1", "hOST: h\r\n")},
                 {"an empty Host", head("GET /health HTTP/1.1", "Host:\r\n")},
                 {"all characters of a token", with("!#$%&'*+-.^_`|~9aZ: v\r\n")},
                 {"bytes above ASCII in a value", with("X: caf\xc3\xa9 \xff\r\n")},
                 {"a control character in a value", with("X: a\x01\r\n"), {400}, false},
                 {"no colon", with("X\r\n"), {400}, false},
                 {"255 and a Host", with(many_headers(255))},
                 {"256 and a Host", with(many_headers(256)), {431}, false},
                 {"a name of 1 KiB", with(std::string(1024, 'n') + ": v\r\n")},
                 {"a longer name", with(std::string(1025, 'n') + ": v\r\n"), {431}, false},
                 {"a value of 900 KB", with("X: " + std::string(900 << 10, 'v') + "\r\n")},
                 {"Connection in other words", with("Connection: something, keep-alive\r\n")},
                 {"Connection twice",
                  with("Connection: keep-alive\r\nConnection: x, CLOSE\r\n"),
                  {200},
                  false},
                 {"a header for proxies", with("Proxy-Connection: close\r\n")},
                 {"Range is for raw", with("Range: bytes=0-1\r\n")},
                 {"an expectation", with("Expect: 100-continue\r\n")},
                 {"another expectation", with("Expect: something\r\n"), {417}, false},
                 {"HTTP/2 is not begun", with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: "
                                              "h2c\r\nHTTP2-Settings: AAMAAABk\r\n")},
                 {"nor a web socket",
                  with("Connection: Upgrade\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAA\r\n")},
             });
}

// No route takes a body: one answer, at once, and the end.
TEST(Exchanges, Bodies) {
  World world;
  const auto with = [](std::string_view fields, std::string_view body) {
    return head("GET /health HTTP/1.1", "Host: h\r\n" + std::string(fields)) + std::string(body);
  };
  const std::string second = get_text("/second");
  expect_exchanges(
      world,
      {
          {"of no bytes", with("Content-Length: 0\r\n", "")},
          {"white space around its length",
           with("Content-Length: \t5 \r\n", "hello"),
           {200},
           false},
          {"that does not come", with("Content-Length: 5\r\n", ""), {200}, false},
          {"that is asked about",
           with("Expect: 100-continue\r\nContent-Length: 5\r\n", ""),
           {200},
           false},
          {"chunks that do not end",
           with("Transfer-Encoding: chunked\r\n", "5\r\nhel"),
           {200},
           false},
          {"chunks that are none",
           with("Transfer-Encoding: chunked\r\n", "zz\r\n" + second),
           {200},
           false},
          {"a chunk of no bytes",
           with("Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + second),
           {200},
           false},
          {"a trailer",
           with("Transfer-Encoding: chunked\r\n", "0\r\nX: y\r\n\r\n" + second),
           {200},
           false},
          {"chunks in HTTP/1.0",
           head("GET /health HTTP/1.0", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n",
           {400},
           false},
          {"with HEAD's brother",
           head("OPTIONS /health HTTP/1.1", "Host: h\r\nContent-Length: 5\r\n") + "hello" + second,
           {200},
           false},
      });
}

TEST(Exchanges, OneAfterAnother) {
  World world;
  const std::string good = get_text("/health"), old = "GET /health HTTP/1.0\r\n";
  expect_exchanges(
      world,
      {
          {"empty lines before", "\r\n\r\n" + good},
          {"empty lines between", good + "\r\n" + good, {200, 200}},
          {"of different kinds",
           good + head("OPTIONS /health HTTP/1.1") + head("POST /health HTTP/1.1") + get_text("/x"),
           {200, 200, 404, 404}},
          {"nothing after a close",
           good + get_text("/health", "Connection: close\r\n") + good,
           {200, 200},
           false},
          {"nothing after a bad one", good + "BAD\r\n\r\n" + good, {200, 400}, false},
          {"nothing after HTTP/1.0", good + old + "\r\n" + good, {200, 200}, false},
          {"HTTP/1.0 that stays", old + "Connection: Keep-Alive\r\n\r\n" + good, {200, 200}},
      });
}

// The client goes on sending: it must not lose the answer to a reset.
TEST(Exchanges, ARefusalIsSeenByAClientThatIsStillSending) {
  World world;
  for (int round = 0; round < 20; ++round) {
    RawClient client(world.port());
    client.send("GET /%zz HTTP/1.1\r\nHost: h\r\nX: " + std::string(10 << 10, 'x') + "\r\n\r\n");
    client.send(std::string(40 << 10, 'y'));
    const Answer answer = client.read();
    ASSERT_EQ(answer.status, 400) << round;
    EXPECT_TRUE(answer.complete);
    EXPECT_TRUE(client.closed());
  }
}

TEST(Exchanges, HalfAHeadAndTheEndGetNoAnswer) {
  World world;
  for (std::string_view text : {"", "\r\n", "GET", "GET /health HTTP/1.1\r\nHost: h\r\n"}) {
    SCOPED_TRACE(text);
    RawClient client(world.port());
    client.send(std::string(text));
    client.half_close();
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(client.rest(), "");
  }
}

}  // namespace
}  // namespace imgring::test
