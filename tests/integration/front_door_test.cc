// A full house: who waits, who is turned away, and that health is heard all the same.
#include <gtest/gtest.h>

#include "world.h"

namespace imgring::test {
namespace {

constexpr std::string_view kPicture = "/unsafe/w:10/plain/local:///p.png";
constexpr std::string_view kSilent = "refused_total{reason=\"silent\"}";
constexpr std::string_view kTurnedAway = "refused_total{reason=\"clients\"}";
constexpr std::size_t kHealthPlaces = 32;  // of a loop

// One loop whose only place is taken by `inside`.
struct FullHouse : World {
  explicit FullHouse(Environment environment = {})
      : World(with_defaults(std::move(environment))), inside(port()) {
    folder.write("p.png", png_picture({100, 100}));
    inside.send(get_text("/health"));
    EXPECT_EQ(inside.read().status, 200);
    inside.send("GET ");  // an idle one would give its place to who waits
  }
  static Environment with_defaults(Environment environment) {
    environment.merge(Environment{{"IMGPROXY_MAX_CLIENTS", "1"},
                                  {"IMGRING_LOOPS", "1"},
                                  {"IMGPROXY_KEEP_ALIVE_TIMEOUT", "60"},
                                  {"IMGPROXY_READ_REQUEST_TIMEOUT", "60"}});
    return environment;
  }
  std::vector<RawClient> strangers(std::size_t count, std::string_view bytes) const {
    std::vector<RawClient> out;
    for (std::size_t i = 0; i < count; ++i) {
      out.emplace_back(port());
      if (!bytes.empty()) out.back().send(bytes);
    }
    return out;
  }
  bool waiting(double count) const {
    return eventually([&] { return server.metric("connections_waiting") == count; });
  }
  // A few times, each on a connection of its own. Nobody of the line is served meanwhile: who
  // waited in it would not be answered before read() has lost its patience.
  void expect_health() const {
    for (int i = 0; i < 20; ++i) {
      RawClient prober(port());
      prober.send(get_text(i % 2 == 0 ? "/health" : "/ready"));
      const Answer answer = prober.read();
      EXPECT_EQ(answer.status, 200) << answer.body;
      EXPECT_EQ(answer.header("connection"), "close");
      EXPECT_TRUE(prober.closed());
    }
  }
  RawClient inside;
};

TEST(FrontDoor, ABurstOverTheLimitWaitsInLineAndHealthDoesNot) {
  FullHouse world;
  std::vector<RawClient> line = world.strangers(200, get_text(kPicture));
  ASSERT_TRUE(world.waiting(200));
  world.expect_health();
  EXPECT_EQ(world.server.metric("connections"), 1);
  EXPECT_FALSE(line[0].stirs(Milliseconds(0)));
  world.inside.close();
  for (RawClient& client : line) {  // first come first served
    EXPECT_EQ(client.read().status, 200);
    client.close();
  }
  EXPECT_EQ(world.server.metric(kTurnedAway), 0);
}

TEST(FrontDoor, SilentStrangersDoNotKeepHealthOut) {
  for (std::string_view bytes : {"", "G", "GET /health HTTP/1.1\r\nHost: a\r\n"}) {
    SCOPED_TRACE(bytes);
    FullHouse world;
    std::vector<RawClient> silent = world.strangers(kHealthPlaces + 1, bytes);
    EXPECT_TRUE(silent[0].closed()) << "the one that has been there longest";
    EXPECT_TRUE(world.waiting(kHealthPlaces));
    world.expect_health();
    EXPECT_FALSE(silent.back().stirs(Milliseconds(0)));
    EXPECT_EQ(world.server.metric(kSilent), 2) << "one for the last stranger, one for the probers";
  }
}

// Ruling 40. What the process holds at rest is above 85 % of the limit: by a fallback image, since
// the ledger keeps strangers from bringing it there.
TEST(FrontDoor, HealthAndReadinessAreHeardWhileMemoryIsShort) {
  if (slow_build()) GTEST_SKIP() << "a sanitizer's build holds what no limit of the program's fits";
  Environment environment{{"IMGRING_LOOPS", "1"},
                          {"IMGPROXY_WORKERS", "1"},
                          {"IMGPROXY_READ_REQUEST_TIMEOUT", "60"},
                          {"IMGPROXY_TIMEOUT", "60"}};
  constexpr double kMiB = 1 << 20;
  double rss = 0;
  World maker;
  maker.folder.write("p.png", png_picture({100, 100}));
  const Answer large = maker.get(plain_target("rs:force:4000:2500:1", "local:///p.png@bmp"));
  ASSERT_GT(large.body.size(), 28 * kMiB);
  environment["IMGPROXY_FALLBACK_IMAGE_PATH"] = maker.folder.write("large.bmp", large.body);
  {
    ServerProcess roomy(environment);
    ASSERT_TRUE(roomy.wait_until_ready());
    rss = roomy.metric("memory_rss_bytes").value_or(0);
    roomy.stop();
  }
  ASSERT_GT(rss, 64 * kMiB) << "the lowest limit there is";
  environment["IMGRING_MEMORY_LIMIT"] = std::to_string(static_cast<int>(rss / kMiB / 0.97));
  ServerProcess server(environment);
  ASSERT_TRUE(server.wait_until_ready());
  RawClient inside(server.port());  // whoever comes first is the one to find it short
  inside.send(get_text("/health"));
  EXPECT_EQ(inside.read().status, 200);
  RawClient outside(server.port());
  outside.send(get_text(kPicture));
  EXPECT_TRUE(eventually([&] { return server.metric("connections_waiting") == 1; }))
      << server.metrics_text();
  for (std::string_view path : {"/health", "/ready", "/health", "/ready"}) {
    RawClient prober(server.port());
    prober.send(get_text(path));
    const Answer answer = prober.read();
    EXPECT_EQ(answer.status, 200) << path << " " << answer.body;
    EXPECT_TRUE(prober.closed());
  }
  inside.send(get_text("/ready"));
  EXPECT_EQ(inside.read().status, 200) << "who is in is heard as well";
  EXPECT_EQ(server.metric("connections"), 1) << "nobody new was let in";
  EXPECT_FALSE(outside.stirs(Milliseconds(0)));
  server.stop();
}

// Silent ones are clients as soon as there is room.
TEST(FrontDoor, WhoWasSilentGetsItsPlaceInTurn) {
  FullHouse world;
  RawClient silent(world.port());
  ASSERT_TRUE(world.waiting(1));
  world.inside.close();
  ASSERT_TRUE(world.waiting(0));
  silent.send(get_text(kPicture));
  EXPECT_EQ(silent.read().status, 200);
}

TEST(FrontDoor, ALineThatIsFullTurnsAwayAtOnce) {
  if (slow_build()) GTEST_SKIP() << "the sanitizer needs descriptors of its own";
  ServerProcess server({{"IMGRING_LOOPS", "1"},
                        {"IMGPROXY_MAX_CLIENTS", "1"},
                        {"IMGPROXY_KEEP_ALIVE_TIMEOUT", "60"}},
                       180);
  ASSERT_TRUE(server.wait_until_ready()) << server.log();
  RawClient inside(server.port());
  inside.send(get_text("/health"));
  EXPECT_EQ(inside.read().status, 200);
  inside.send("GET ");
  constexpr std::size_t kLine = 180 - 2 - 64;
  std::vector<RawClient> line;
  for (std::size_t i = 0; i < kLine; ++i) {
    line.emplace_back(server.port()).send(get_text(kPicture));
  }
  ASSERT_TRUE(eventually([&] { return server.metric("connections_waiting") == kLine; }));
  for (int i = 0; i < 10; ++i) {
    RawClient late(server.port());
    late.send(get_text(kPicture));
    const Answer answer = late.read();
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.header("retry-after"), "1");
    EXPECT_TRUE(late.closed());
  }
  EXPECT_EQ(server.metric(kTurnedAway), 10);
  EXPECT_EQ(get(server.port(), "/health").status, 200);
  EXPECT_TRUE(server.wait_for_log("IMGPROXY_MAX_CLIENTS"));
  inside.close();  // half a head would be waited for
  server.stop();   // with a full line
}

TEST(FrontDoor, NobodyWaitsLongerThanTheWholeTime) {
  FullHouse world(Environment{{"IMGPROXY_TIMEOUT", "1"}});
  const auto start = Clock::now();
  RawClient client(world.port());
  client.send(get_text(kPicture));
  const Answer answer = client.read();
  EXPECT_EQ(answer.status, 503);
  EXPECT_GE(seconds_since(start), 0.9);
  EXPECT_TRUE(client.closed());
}

constexpr std::uint32_t kMetricsHost = 0x7f000002;

Answer ask_metrics(const World& world, std::string_view target) {
  RawClient client(world.server.metrics_port(), kMetricsHost);
  client.send(get_text(target));
  return client.read();
}

TEST(FrontDoor, TheMetricsListenerAnswersHealthToo) {
  World world(
      Environment{{"IMGPROXY_PATH_PREFIX", "/pics"}, {"IMGPROXY_HEALTH_CHECK_PATH", "/alive"}});
  EXPECT_EQ(ask_metrics(world, "/pics/health").body, "imgproxy is running");
  EXPECT_EQ(ask_metrics(world, "/pics/alive").body, "imgproxy is running");
  EXPECT_EQ(ask_metrics(world, "/pics/ready").status, 200);
  EXPECT_NE(ask_metrics(world, "/health").body.find("workers"), std::string::npos) << "metrics";
}

TEST(FrontDoor, TheMetricsListenerHasALimitOfItsOwn) {
  constexpr std::size_t kMetricsClients = 64;
  World world;
  std::vector<RawClient> scrapers;
  for (std::size_t i = 0; i <= kMetricsClients; ++i) {
    scrapers.emplace_back(world.server.metrics_port(), kMetricsHost).send(get_text("/health"));
    if (scrapers.back().read().status != 200) break;
  }
  EXPECT_TRUE(scrapers.back().closed());
  EXPECT_GE(scrapers.size(), kMetricsClients - 3) << "our own scrapes may not have ended yet";
  EXPECT_EQ(world.get("/health").status, 200);
  scrapers.clear();
  EXPECT_TRUE(eventually([&] { return ask_metrics(world, "/health").status == 200; }));
}

}  // namespace
}  // namespace imgring::test
