// Redirects: how many, where to, and what crosses to another host.
#include <gtest/gtest.h>

#include "../../../src/source/exchange_cookies.h"
#include "source_server.h"
#include "world.h"

namespace imgring {
namespace {

using test::answer;
using test::get;
using test::Outcome;
using test::Peer;
using test::raw;
using test::SourceServer;
using test::Step;
using test::target_of;
using test::with;
using test::World;

std::string redirect(std::string_view to, std::string_view status = "302 Found",
                     std::string_view headers = {}) {
  return answer(status, "Location: " + std::string(to) + "\r\n" + std::string(headers), "moved");
}

// "/3" redirects to "/2", that to "/1", that to "/0", which answers.
bool count_down(Peer& peer, const std::string& head) {
  const std::string target = target_of(head);
  const int left = std::atoi(target.c_str() + 1);
  if (left == 0) return peer.send(answer("200 OK", "", "there"));
  return peer.send(redirect("/" + std::to_string(left - 1)));
}

TEST(Redirects, NMeansN) {
  SourceServer server(count_down);
  struct Case {
    int max, hops;
    bool ok;
  };
  for (const Case& c : {Case{10, 10, true}, Case{10, 11, false}, Case{2, 2, true},
                        Case{2, 3, false}, Case{1, 1, true}, Case{0, 0, true}, Case{0, 1, false}}) {
    SCOPED_TRACE(std::to_string(c.max) + "/" + std::to_string(c.hops));
    World world;
    world.config.source.max_redirects = c.max;
    for (const Step& step : {get(server.url("/" + std::to_string(c.hops))),
                             raw(server.url("/" + std::to_string(c.hops)))}) {
      const Outcome out = world.one(step);
      EXPECT_EQ(out.ok, c.ok) << out.error.detail;
      if (!c.ok) {
        EXPECT_EQ(out.error.code, ErrorCode::kSourceUnreachable);
        EXPECT_NE(out.error.detail.find("IMGPROXY_MAX_REDIRECTS"), std::string::npos);
      }
    }
  }
}

TEST(Redirects, EachStatusAndForm) {
  for (const std::string_view status : {"301 a", "302 b", "303 c", "307 d", "308 e"}) {
    for (const std::string_view to :
         {"/end", "end", "./x/../end", "?q", "//HOST/end", "http://HOST/end"}) {
      SCOPED_TRACE(std::string(status) + " " + std::string(to));
      SourceServer server([to, status](Peer& peer, const std::string& head) {
        const std::string target = target_of(head);
        const std::size_t from = head.find("Host: ") + 6;
        const std::string host = head.substr(from, head.find('\r', from) - from);
        if (target == "/end" || target == "/start?q") return peer.send(answer("200 OK", "", "x"));
        return peer.send(redirect(replace_all(to, "HOST", host), status));
      });
      const Outcome out = World().one(get(server.url("/start")));
      EXPECT_TRUE(out.ok) << out.error.detail;
      ASSERT_EQ(server.seen().size(), 2u);
      EXPECT_NE(server.seen()[1].find("\r\nReferer: " + server.url("/start") + "\r\n"),
                std::string::npos)
          << server.seen()[1];
      EXPECT_EQ(server.seen()[0].find("Referer"), std::string::npos);
      EXPECT_EQ(server.connections(), 1);  // the small body of the redirect was read
    }
  }
}

TEST(Redirects, OtherStatusesAreNone) {
  SourceServer server(
      [](Peer& peer, const std::string&) { return peer.send(redirect("/end", "300 Choices")); });
  EXPECT_EQ(World().one(get(server.url("/start"))).error.code, ErrorCode::kSourceUnreachable);
  const Outcome streamed = World().one(raw(server.url("/start")));
  EXPECT_EQ(streamed.status, 300);
  EXPECT_EQ(streamed.body, "moved");
}

TEST(Redirects, OnlyHttpTargets) {
  for (const std::string_view to :
       {"local:///etc/passwd", "file:///etc/passwd", "s3://b/k", "ftp://x/", "data:x", "http://",
        "http://[::1", "https://:99999/", "//"}) {
    SCOPED_TRACE(to);
    SourceServer server([to](Peer& peer, const std::string&) { return peer.send(redirect(to)); });
    World world;
    world.config.source.local_filesystem_root = "/";
    const Outcome out = world.one(get(server.url("/start")));
    EXPECT_EQ(out.error.code, ErrorCode::kSourceUnreachable) << out.error.detail;
    EXPECT_NE(out.error.detail.find("/start"), std::string::npos) << out.error.detail;
  }
}

TEST(Redirects, AllowedSourcesAreAskedAtEveryHop) {
  SourceServer server([](Peer& peer, const std::string& head) {
    const std::string target = target_of(head);
    if (target == "/a") return peer.send(redirect("/b"));
    if (target == "/b") return peer.send(redirect("/secret"));
    return peer.send(answer("200 OK", "", "x"));
  });
  World world;
  std::vector<std::string> asked;
  world.allowed = [&asked](std::string_view url) {
    asked.emplace_back(url);
    return url.find("secret") == std::string_view::npos;
  };
  const Outcome out = world.one(get(server.url("/a")));
  EXPECT_EQ(out.error.code, ErrorCode::kInvalidSourceUrl);
  EXPECT_NE(out.error.detail.find("IMGPROXY_ALLOWED_SOURCES"), std::string::npos);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0], server.url("/b"));
  EXPECT_EQ(asked[1], server.url("/secret"));
  EXPECT_EQ(server.seen().size(), 2u);
}

TEST(Redirects, GuardJudgesTheTarget) {
  for (const std::string_view to :
       {"http://169.254.1.1:9/x", "http://[fe80::1]/", "http://2852039166/latest/meta-data"}) {
    SourceServer server([to](Peer& peer, const std::string&) { return peer.send(redirect(to)); });
    const Outcome out = World().one(get(server.url("/")));
    EXPECT_EQ(out.error.code, ErrorCode::kInvalidSourceUrl) << out.error.detail;
  }
}

TEST(Redirects, SecretsDoNotCrossToAnotherHost) {
  SourceServer other(
      [](Peer& peer, const std::string&) { return peer.send(answer("200 OK", "", "x")); });
  SourceServer first([&other](Peer& peer, const std::string& head) {
    if (target_of(head) == "/a") return peer.send(redirect("/b"));
    return peer.send(redirect(other.url("/c")));
  });
  Step step = get("http://me:word@127.0.0.1:" + std::to_string(first.port()) + "/a");
  step = with(with(std::move(step), "If-None-Match", "\"x\""), "Cookie", "a=b");
  EXPECT_TRUE(World().one(step).ok);
  ASSERT_EQ(first.seen().size(), 2u);
  for (const std::string& head : first.seen()) {
    EXPECT_NE(head.find("Cookie: a=b"), std::string::npos);
    EXPECT_NE(head.find("Authorization: Basic"), std::string::npos);
    EXPECT_NE(head.find("If-None-Match"), std::string::npos);
  }
  ASSERT_EQ(other.seen().size(), 1u);
  EXPECT_EQ(other.seen()[0].find("Cookie"), std::string::npos) << other.seen()[0];
  EXPECT_EQ(other.seen()[0].find("Authorization"), std::string::npos);
  EXPECT_EQ(other.seen()[0].find("If-None-Match"), std::string::npos);
  EXPECT_EQ(other.seen()[0].find("word"), std::string::npos);  // nor in the Referer
  EXPECT_NE(other.seen()[0].find("Referer: http://127.0.0.1:"), std::string::npos);
}

// Custom headers, headers passed through, the client's cookies: gone at the first other origin, and
// not there again when that one sends the request back.
TEST(Redirects, HeadersMeantForTheFirstOriginStayThere) {
  const SourceServer* first_server = nullptr;
  SourceServer other([&first_server](Peer& peer, const std::string&) {
    return peer.send(redirect(first_server->url("/back")));
  });
  SourceServer first([&other](Peer& peer, const std::string& head) {
    if (target_of(head) == "/back") return peer.send(answer("200 OK", "", "x"));
    if (target_of(head) == "/a?sig=1") return peer.send(redirect("/b?sig=2"));
    return peer.send(redirect(other.url("/c")));
  });
  first_server = &first;
  Step step = get("http://me:word@127.0.0.1:" + std::to_string(first.port()) + "/a?sig=1");
  const std::string_view secrets[] = {"X-Api-Key: topsecret", "x-amz-security-token: topsecret",
                                      "Cookie: topsecret=1", "Accept-Encryption: topsecret"};
  for (const std::string_view one : secrets) {
    const std::size_t colon = one.find(':');
    step = with(std::move(step), std::string(one.substr(0, colon)),
                std::string(one.substr(colon + 2)));
  }
  step = with(with(std::move(step), "Accept", "image/avif"), "Range", "bytes=0-");
  EXPECT_TRUE(World().one(step).ok);
  ASSERT_EQ(first.seen().size(), 3u);
  ASSERT_EQ(other.seen().size(), 1u);
  for (const std::string_view one : secrets) {
    EXPECT_NE(first.seen()[0].find(one), std::string::npos) << one;
    EXPECT_NE(first.seen()[1].find(one), std::string::npos) << one;
  }
  for (const std::string& head : {other.seen()[0], first.seen()[2]}) {
    for (const std::string_view gone : {"topsecret", "Authorization", "sig="}) {
      EXPECT_EQ(head.find(gone), std::string::npos) << head;
    }
    EXPECT_NE(head.find("Accept: image/avif"), std::string::npos);
    EXPECT_NE(head.find("Range: bytes=0-"), std::string::npos);
  }
  EXPECT_NE(first.seen()[1].find("Referer: " + first.url("/a?sig=1")), std::string::npos);
  EXPECT_NE(other.seen()[0].find("Referer: " + first.url("/") + "\r\n"), std::string::npos);
}

TEST(Redirects, CookiesOfTheSourceLiveForTheExchange) {
  SourceServer server([](Peer& peer, const std::string& head) {
    const std::string target = target_of(head);
    if (target == "/set") {
      return peer.send(redirect("/need", "302 F",
                                "Set-Cookie: pass=open; Path=/; HttpOnly\r\n"
                                "Set-Cookie: old=new; path=/\r\n"
                                "Set-Cookie: far=1; Path=/elsewhere\r\n"
                                "Set-Cookie: gone=1; Path=/; Max-Age=0\r\n"
                                "Set-Cookie: tls=1; Path=/; Secure\r\n"
                                "Set-Cookie: dom=1; Domain=example.com\r\n"));
    }
    return peer.send(answer("200 OK", "", "x"));
  });
  World().run({with(get(server.url("/set")), "Cookie", "a=b; old=1"), get(server.url("/again"))});
  const auto seen = server.seen();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_NE(seen[1].find("Cookie: a=b; pass=open; old=new\r\n"), std::string::npos) << seen[1];
  EXPECT_EQ(seen[2].find("Cookie"), std::string::npos);
}

// With the maximum kept, a cookie whose time is over took an unrelated one along.
TEST(Redirects, CookiesWhoseTimeIsOverTakeOnlyTheirOwn) {
  const std::string over = "; Path=/; Max-Age=0\r\n";
  std::string cookies;
  for (std::size_t i = 0; i < source::kExchangeCookiesMax; ++i) {
    cookies += "Set-Cookie: c" + std::to_string(i) + "=1; Path=/\r\n";
  }
  cookies += "Set-Cookie: full=1; Path=/\r\n";  // dropped
  cookies += "Set-Cookie: other=1" + over;
  cookies += "Set-Cookie: c3=1" + over;
  cookies += "Set-Cookie: fits=1; Path=/\r\n";
  SourceServer server([&cookies](Peer& peer, const std::string& head) {
    if (target_of(head) == "/set") return peer.send(redirect("/need", "302 F", cookies));
    return peer.send(answer("200 OK", "", "x"));
  });
  EXPECT_TRUE(World().one(get(server.url("/set"))).ok);
  const auto seen = server.seen();
  ASSERT_EQ(seen.size(), 2u);
  const std::string last = "c" + std::to_string(source::kExchangeCookiesMax - 1) + "=1; fits=1\r\n";
  EXPECT_NE(seen[1].find(last), std::string::npos) << seen[1];
  EXPECT_NE(seen[1].find(" c0=1; c1=1; c2=1; c4=1;"), std::string::npos) << seen[1];
  for (const char* gone : {"c3=", "full=", "other="}) {
    EXPECT_EQ(seen[1].find(gone), std::string::npos) << gone;
  }
}

// Expires is compared with the time of day of the loop.
TEST(Redirects, CookiesEndWithTheirDay) {
  const std::string cookies =
      "Set-Cookie: now=1; Path=/; Expires=Tue, 14 Nov 2023 22:13:20 GMT\r\n"
      "Set-Cookie: soon=1; Path=/; Expires=Tue, 14 Nov 2023 22:13:21 GMT\r\n";
  test::ManualClock clock;  // stands still
  clock.start_unix_s = 1'700'000'000 - clock.unix_s() + clock.start_unix_s;
  const auto script = [&cookies](Peer& peer, const std::string& head) {
    if (target_of(head) == "/set") return peer.send(redirect("/need", "302 F", cookies));
    return peer.send(answer("200 OK", "", "x"));
  };
  SourceServer server(script, nullptr, "127.0.0.1", &clock);
  World world;
  world.clock = &clock;
  EXPECT_TRUE(world.one(get(server.url("/set"))).ok);
  const auto seen = server.seen();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_NE(seen[1].find("Cookie: soon=1\r\n"), std::string::npos) << seen[1];
}

}  // namespace
}  // namespace imgring
