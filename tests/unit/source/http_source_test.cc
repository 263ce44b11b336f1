// http:// sources against a server that misbehaves in every way we know of.
#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>

#include "source_server.h"
#include "world.h"

namespace imgring {
namespace {

using std::chrono::milliseconds;
using test::answer;
using test::get;
using test::ManualClock;
using test::Outcome;
using test::Peer;
using test::raw;
using test::SourceServer;
using test::Step;
using test::target_of;
using test::with;
using test::World;

std::string bytes_of(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 977);
  return text;
}

std::string gzip_of(const std::string& text) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string chunked(const std::string& body, std::size_t piece) {
  std::string out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += piece) {
    const std::string part = body.substr(at, piece);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    out += size + part + "\r\n";
  }
  return out + "0\r\n\r\n";
}

// Answers every request with the same bytes; keeps the connection when asked to.
test::Script always(std::string bytes, bool keep = false) {
  return [bytes = std::move(bytes), keep](Peer& peer, const std::string&) {
    return peer.send(bytes) && keep;
  };
}

TEST(HttpSource, BodiesByLengthChunksAndEnd) {
  const std::string body = bytes_of(300'000);
  struct Case {
    const char* name;
    std::string answer;
  };
  const Case cases[] = {
      {"length", answer("200 OK", "", body)},
      {"close", "HTTP/1.0 200 OK\r\n\r\n" + body},
      {"close in 1.1", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body},
      {"chunked", chunked(body, 1000)},
      {"tiny chunks", chunked(body, 7)},
      {"one chunk", chunked(body, body.size())},
      {"gzip", answer("200 OK", "Content-Encoding: gzip\r\n", gzip_of(body))},
      {"two gzip members", answer("200 OK", "Content-Encoding: gzip\r\n",
                                  gzip_of(body.substr(0, 1000)) + gzip_of(body.substr(1000)))},
      {"other coding", answer("200 OK", "Content-Encoding: br\r\n", body)},
      {"206", answer("206 P", "Content-Range: bytes 0-299999/300000\r\n", body)},
      {"206 star", answer("206 P", "Content-Range: bytes 0-299999/*\r\n", body)},
      {"interim", "HTTP/1.1 103 Hint\r\nA: b\r\n\r\n" + answer("200 OK", "", body)},
      {"bytes beyond", answer("200 OK", "", body) + "HTTP/1.1 200 OK\r\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    SourceServer server(always(c.answer));
    const Outcome out = World().one(get(server.url()));
    EXPECT_EQ(out.error.detail, "none");
    ASSERT_TRUE(out.ok);
    EXPECT_TRUE(out.body == body) << out.body.size();
    const Outcome streamed = World().one(raw(server.url()));
    EXPECT_EQ(streamed.error.detail, "none");
    const bool packed = streamed.headers.get("Content-Encoding").find("ip") != std::string::npos;
    EXPECT_EQ(streamed.body == body, !packed);
  }
}

// As imgproxy compares the name of the coding: case counts, and there are no other names for it.
TEST(HttpSource, OnlyGzipInThatSpellingIsDecoded) {
  const std::string body = bytes_of(5000);
  const std::string packed = gzip_of(body);
  struct Case {
    const char* coding;
    bool decoded;
  };
  for (const Case& c : {Case{"gzip", true}, Case{" gzip ", true}, Case{"GZIP", false},
                        Case{"Gzip", false}, Case{"x-gzip", false}, Case{"gzip, gzip", false},
                        Case{"deflate", false}, Case{"", false}}) {
    SCOPED_TRACE(c.coding);
    const std::string header = "Content-Encoding: " + std::string(c.coding) + "\r\n";
    SourceServer server(always(answer("200 OK", header, packed)));
    const Outcome out = World().one(get(server.url()));
    EXPECT_TRUE(out.ok) << out.error.detail;
    EXPECT_TRUE(out.body == (c.decoded ? body : packed)) << out.body.size();
  }
}

struct ErrorCase {
  const char* name;
  std::string answer;
  ErrorCode code;
  int status;
};

TEST(HttpSource, ErrorsOfTheSource) {
  const std::string body = bytes_of(5000);
  const std::string packed = gzip_of(body);
  const std::string gzip = "Content-Encoding: gzip\r\n";
  const ErrorCase cases[] = {
      {"400", answer("400 Bad", "", "x"), ErrorCode::kSourceUnreachable, 400},
      {"404", answer("404 No", "", "x"), ErrorCode::kSourceUnreachable, 404},
      {"429", answer("429 No", "", "x"), ErrorCode::kSourceUnreachable, 429},
      {"500", answer("500 No", "", "x"), ErrorCode::kSourceUnreachable, 502},
      {"504", answer("504 No", "", "x"), ErrorCode::kSourceUnreachable, 502},
      {"201", answer("201 No", "", "x"), ErrorCode::kSourceUnreachable, 404},
      {"204", "HTTP/1.1 204 No\r\n\r\n", ErrorCode::kSourceUnreachable, 404},
      {"302 without location", answer("302 No", "", "x"), ErrorCode::kSourceUnreachable, 404},
      {"206 tail", answer("206 P", "Content-Range: bytes 10-4999/5000\r\n", body),
       ErrorCode::kSourceUnreachable, 404},
      {"206 head", answer("206 P", "Content-Range: bytes 0-99/5000\r\n", body),
       ErrorCode::kSourceUnreachable, 404},
      {"206 bad", answer("206 P", "Content-Range: what\r\n", body), ErrorCode::kSourceUnreachable,
       404},
      {"206 none", answer("206 P", "", body), ErrorCode::kSourceUnreachable, 404},
      {"short", "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + body,
       ErrorCode::kSourceIncomplete, 422},
      {"chunks cut", chunked(body, 1000).substr(0, 3000), ErrorCode::kSourceIncomplete, 422},
      {"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
       ErrorCode::kSourceIncomplete, 422},
      {"gzip cut", answer("200 OK", gzip, packed.substr(0, packed.size() / 2)),
       ErrorCode::kSourceIncomplete, 422},
      {"gzip garbage", answer("200 OK", gzip, "not gzip at all, not gzip at all"),
       ErrorCode::kTypeReadFailed, 422},
      {"garbage", "this is not http\r\n\r\n", ErrorCode::kSourceUnreachable, 404},
      {"nothing", "", ErrorCode::kSourceUnreachable, 404},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-Le", ErrorCode::kSourceUnreachable, 404},
      {"101", "HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
       ErrorCode::kSourceUnreachable, 404},
  };
  for (const ErrorCase& c : cases) {
    SCOPED_TRACE(c.name);
    SourceServer server(always(c.answer));
    const Outcome out = World().one(get(server.url("/p")));
    EXPECT_FALSE(out.ok);
    EXPECT_EQ(out.error.code, c.code) << out.error.detail;
    EXPECT_EQ(out.error.status(), c.status) << out.error.detail;
    EXPECT_FALSE(out.error.detail.empty());
  }
}

TEST(HttpSource, TextOfAnErrorIsInTheDetail) {
  SourceServer server(always(
      answer("403 No", "Content-Type: text/plain\r\n", "who are\nyou " + std::string(5000, 'z'))));
  const Outcome out = World().one(get(server.url()));
  EXPECT_EQ(out.error.status(), 403);
  EXPECT_NE(out.error.detail.find("who are you zz"), std::string::npos);
  EXPECT_LT(out.error.detail.size(), 1200u);
}

TEST(HttpSource, RawGivesStatusAndBodyAsTheyAre) {
  SourceServer server(always(answer("404 Gone", "Content-Type: text/plain\r\nX-A: b\r\n", "nope")));
  const Outcome out = World().one(raw(server.url()));
  EXPECT_TRUE(out.ok);
  EXPECT_EQ(out.status, 404);
  EXPECT_EQ(out.body, "nope");
  EXPECT_EQ(out.content_length, 4);
  EXPECT_EQ(out.headers.get("x-a"), "b");
  SourceServer cut(always("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"));
  const Outcome broken = World().one(raw(cut.url()));
  EXPECT_FALSE(broken.ok);
  EXPECT_EQ(broken.body, "abc");
  EXPECT_EQ(broken.error.code, ErrorCode::kSourceIncomplete);
}

// A source's 101 went to the client as it was.
TEST(HttpSource, RawNeverGivesSwitchingProtocols) {
  for (const char* head : {"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
                           "HTTP/1.1 101 Switch\r\n\r\n", "HTTP/1.1 099 What\r\n\r\n"}) {
    SCOPED_TRACE(head);
    SourceServer server(always(head));
    const Outcome out = World().one(raw(server.url()));
    EXPECT_FALSE(out.ok);
    EXPECT_EQ(out.error.code, ErrorCode::kSourceUnreachable);
    EXPECT_EQ(out.error.status(), 404);
  }
}

TEST(HttpSource, EndlessTrailersEndTheDownload) {
  SourceServer server([](Peer& peer, const std::string&) {
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: ");
    const std::string piece(10000, 'x');
    while (peer.send(piece)) {
    }
    return false;
  });
  for (const Step& step : {get(server.url()), raw(server.url())}) {
    const Outcome out = World().one(step);
    EXPECT_FALSE(out.ok);
    EXPECT_EQ(out.error.code, ErrorCode::kSourceIncomplete);
    EXPECT_NE(out.error.detail.find("64 KiB"), std::string::npos) << out.error.detail;
  }
}

TEST(HttpSource, RequestHasOnlyWhatItShould) {
  SourceServer server(always(answer("200 OK", "", "x")));
  World world;
  world.config.source.user_agent = "imgproxy/test";
  world.one(get(server.url("/a%20b?q=1&w=two#frag")));
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  ASSERT_EQ(server.seen().size(), 1u);
  EXPECT_EQ(server.seen()[0], "GET /a%20b?q=1&w=two HTTP/1.1\r\nHost: " + host +
                                  "\r\nUser-Agent: imgproxy/test\r\n\r\n");
  Step step = with(with(get(server.url("/")), "If-None-Match", "\"x\""), "Cookie", "a=b");
  step = with(with(std::move(step), "User-Agent", "mine"), "X-Bad", "a\r\nEvil: 1");
  world.one(with(std::move(step), "Transfer-Encoding", "chunked"));
  ASSERT_EQ(server.seen().size(), 2u);
  EXPECT_EQ(server.seen()[1], "GET / HTTP/1.1\r\nHost: " + host +
                                  "\r\nIf-None-Match: \"x\"\r\nUser-Agent: mine\r\n"
                                  "Cookie: a=b\r\n\r\n");
}

TEST(HttpSource, UserInformationBecomesAuthorization) {
  SourceServer server(always(answer("200 OK", "", "x")));
  World().one(get("http://me:word@127.0.0.1:" + std::to_string(server.port()) + "/"));
  ASSERT_EQ(server.seen().size(), 1u);
  EXPECT_NE(server.seen()[0].find("Authorization: Basic bWU6d29yZA==\r\n"), std::string::npos);
}

TEST(HttpSource, NotModifiedComesThrough) {
  SourceServer server(always("HTTP/1.1 304 Not Modified\r\nETag: \"t\"\r\n\r\n"));
  const Outcome out = World().one(with(get(server.url()), "If-None-Match", "\"t\""));
  EXPECT_TRUE(out.ok);
  EXPECT_EQ(out.status, 304);
  EXPECT_EQ(out.headers.get("ETag"), "\"t\"");
}

TEST(HttpSource, SizeLimits) {
  const std::string body = bytes_of(100'000);
  const std::string packed = answer("200 OK", "Content-Encoding: gzip\r\n", gzip_of(body));
  const std::string answers[] = {answer("200 OK", "", body), chunked(body, 900),
                                 "HTTP/1.0 200 OK\r\n\r\n" + body, packed};
  for (const std::string& bytes : answers) {
    SCOPED_TRACE(bytes.substr(0, 60));
    SourceServer server(always(bytes));
    Step step = get(server.url());
    step.request.size_bytes_max = 100'000;
    EXPECT_TRUE(World().one(step).ok);
    step.request.size_bytes_max = 99'999;
    const Outcome out = World().one(step);
    EXPECT_FALSE(out.ok);
    EXPECT_EQ(out.error.code, ErrorCode::kSourceTooLarge);
  }
}

// The end of an announced body is never read when the limit is exceeded: the server never sends it.
TEST(HttpSource, AnnouncedLengthIsRefusedBeforeReading) {
  SourceServer server([](Peer& peer, const std::string&) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n");
    peer.wait(milliseconds(5000));
    return false;
  });
  World world;
  const Outcome out = world.one(get(server.url()));
  EXPECT_EQ(out.error.code, ErrorCode::kSourceTooLarge);
  EXPECT_LT(out.took, milliseconds(2000));
}

TEST(HttpSource, EndlessBodyStopsAtTheBudget) {
  SourceServer server([](Peer& peer, const std::string&) {
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string piece = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    while (peer.send(piece)) {
    }
    return false;
  });
  World world;
  world.budget_bytes = 4 << 20;
  const Outcome out = world.one(get(server.url()));
  EXPECT_EQ(out.error.code, ErrorCode::kSourceTooLarge) << out.error.detail;
}

TEST(HttpSource, GzipBombStopsAtTheRatio) {
  const std::string bomb = gzip_of(std::string(64 << 20, '\0'));
  SourceServer server(always(answer("200 OK", "Content-Encoding: gzip\r\n", bomb)));
  World world;
  world.budget_bytes = 256 << 20;
  Step step = get(server.url());
  step.request.size_bytes_max = 1 << 20;
  EXPECT_EQ(world.one(step).error.code, ErrorCode::kSourceTooLarge);
}

TEST(HttpSource, WithoutBudgetItIsOverloaded) {
  const std::string body = bytes_of(3 << 20);
  SourceServer server([&body](Peer& peer, const std::string& head) {
    peer.send("HTTP/1.1 200 OK\r\n\r\n" + body);
    if (target_of(head) == "/slow") peer.wait(milliseconds(3000));
    return false;
  });
  World world;
  world.budget_bytes = 5 << 20;
  world.together = true;
  Step second = get(server.url("/second"));
  second.pause_before = milliseconds(300);
  const auto outs = world.run({get(server.url("/slow")), second});
  EXPECT_EQ(outs[1].error.code, ErrorCode::kOverloaded) << outs[1].error.detail;
  EXPECT_GE(outs[1].took, milliseconds(900));
  EXPECT_TRUE(outs[0].ok);
}

TEST(HttpSource, KeepAliveIsReused) {
  SourceServer server(always(answer("200 OK", "", "hello"), true));
  World world;
  const auto outs = world.run(
      {get(server.url("/1")), get(server.url("/2")), raw(server.url("/3")), get(server.url("/4"))});
  for (const Outcome& out : outs) EXPECT_EQ(out.body, "hello");
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(world.stats.idle_connections, 1u);
}

TEST(HttpSource, NoReuseWhenTurnedOff) {
  SourceServer server(always(answer("200 OK", "", "hello"), true));
  World world;
  world.config.source.client_keep_alive_timeout_s = 0;
  world.run({get(server.url("/1")), get(server.url("/2"))});
  EXPECT_EQ(server.connections(), 2);
  EXPECT_NE(server.seen()[0].find("Connection: close\r\n"), std::string::npos);
}

TEST(HttpSource, IdleConnectionsAgeOut) {
  SourceServer server(always(answer("200 OK", "", "hello"), true));
  ManualClock clock;
  World world;
  world.clock = &clock;
  world.config.source.client_keep_alive_timeout_s = 60;
  Step in_time = get(server.url("/2")), late = get(server.url("/3"));
  in_time.pause_before = milliseconds(59'999);
  late.pause_before = milliseconds(60'001);
  world.run({get(server.url("/1")), in_time});
  EXPECT_EQ(server.connections(), 1);
  world.run({get(server.url("/1")), late});
  EXPECT_EQ(server.connections(), 3);
}

// A server that closes a kept connection when the next request comes: asked again on a fresh one.
TEST(HttpSource, ReusedConnectionThatDiesIsRetriedOnce) {
  SourceServer server([](Peer& peer, const std::string& head) {
    if (target_of(head) == "/2" && peer.connection() == 0) return false;
    return peer.send(answer("200 OK", "", "hello"));
  });
  const auto outs = World().run({get(server.url("/1")), get(server.url("/2"))});
  EXPECT_TRUE(outs[1].ok) << outs[1].error.detail;
  EXPECT_EQ(server.connections(), 2);
  EXPECT_EQ(server.seen().size(), 3u);
}

TEST(HttpSource, FreshConnectionThatDiesIsNotRetried) {
  SourceServer server([](Peer&, const std::string&) { return false; });
  EXPECT_FALSE(World().one(get(server.url())).ok);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpSource, AReusedConnectionThatAnsweredHalfIsNotRetried) {
  SourceServer server([](Peer& peer, const std::string& head) {
    if (target_of(head) == "/1") return peer.send(answer("200 OK", "", "hello"));
    peer.send("HTTP/1.1 200");
    return false;
  });
  const auto outs = World().run({get(server.url("/1")), get(server.url("/2"))});
  EXPECT_EQ(outs[1].error.code, ErrorCode::kSourceUnreachable);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpSource, ConnectionWithBytesBeyondTheBodyIsNotReused) {
  SourceServer server(always(answer("200 OK", "", "hello") + "garbage", true));
  World().run({get(server.url("/1")), get(server.url("/2"))});
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpSource, DownloadTimeoutIs504) {
  const auto script = [](Peer& peer, const std::string& head) {
    if (target_of(head) == "/body") peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    peer.wait(milliseconds(40'000));
    return false;
  };
  ManualClock clock;
  SourceServer server(script, nullptr, "127.0.0.1", &clock);
  World world;
  world.clock = &clock;
  world.config.source.download_timeout_s = 7;
  for (Step step : {get(server.url("/head")), get(server.url("/body")), raw(server.url("/body"))}) {
    const Outcome out = world.one(step);
    EXPECT_EQ(out.error.code, ErrorCode::kSourceTimeout) << out.error.detail;
    EXPECT_EQ(out.error.status(), 504);
    EXPECT_EQ(out.took, milliseconds(7000));
  }
}

TEST(HttpSource, ClientThatLeavesEndsTheDownload) {
  const auto script = [](Peer& peer, const std::string&) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    peer.wait(milliseconds(4000));
    return false;
  };
  ManualClock clock;
  SourceServer server(script, nullptr, "127.0.0.1", &clock);
  Step leaves = get(server.url());
  leaves.client_leaves_after = milliseconds(100);
  Step late = get(server.url());
  late.deadline_after = milliseconds(100);
  for (const Step& step : {leaves, late}) {
    World world;
    world.clock = &clock;
    const Outcome out = world.one(step);
    EXPECT_EQ(out.error.code, ErrorCode::kSourceCancelled) << out.error.detail;
    EXPECT_EQ(out.took, milliseconds(100));
  }
}

TEST(HttpSource, NobodyListens) {
  int port = 0;
  {
    port = SourceServer(always("")).port();
  }
  const Outcome out = World().one(get("http://127.0.0.1:" + std::to_string(port) + "/"));
  EXPECT_EQ(out.error.code, ErrorCode::kSourceUnreachable);
  EXPECT_NE(out.error.detail.find("refused"), std::string::npos) << out.error.detail;
}

TEST(HttpSource, GuardRefusesAddresses) {
  SourceServer server(always(answer("200 OK", "", "x")));
  World world;
  world.config.source.allow_loopback = false;
  const std::string port = std::to_string(server.port());
  for (const char* host : {"127.0.0.1", "localhost", "LOCALHOST", "a.localhost", "0x7f.1",
                           "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"}) {
    SCOPED_TRACE(host);
    const Outcome out = world.one(get("http://" + std::string(host) + ":" + port + "/"));
    EXPECT_EQ(out.error.code, ErrorCode::kInvalidSourceUrl) << out.error.detail;
  }
  EXPECT_EQ(server.connections(), 0);
  world.config.source.allow_loopback = true;
  EXPECT_TRUE(world.one(get("http://localhost:" + port + "/")).ok);
}

TEST(HttpSource, SchemesThatAreUnknownOrOff) {
  struct Case {
    const char* url;
    const char* detail;
  };
  for (const Case& c :
       {Case{"ftp://x/y", "unknown scheme ftp"}, Case{"data:x", "unknown"},
        Case{"s3://b/k", "IMGPROXY_USE_S3"}, Case{"gs://b/k", "gs:// sources are not built yet"},
        Case{"swift://b/k", "not built yet"}, Case{"local:///x", "IMGPROXY_LOCAL_FILESYSTEM_ROOT"},
        Case{"/x", "no scheme"}, Case{"", "no scheme"}}) {
    for (const Step& step : {get(c.url), raw(c.url)}) {
      const Outcome out = World().one(step);
      EXPECT_EQ(out.error.code, ErrorCode::kSourceUnreachable);
      EXPECT_EQ(out.error.status(), 404);
      EXPECT_NE(out.error.detail.find(c.detail), std::string::npos) << out.error.detail;
    }
  }
}

}  // namespace
}  // namespace imgring
