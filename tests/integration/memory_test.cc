// Memory as it is seen from outside: what each variable of the pools does, ticks, gzip, and what a
// connection that waits costs.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "imgring/base/text.h"
#include "world.h"

namespace imgring::test {
namespace {

constexpr std::string_view kDownloads = "{type=\"download\",loop=\"0\"}";
constexpr std::string_view kGzips = "{type=\"gzip\",loop=\"0\"}";

// One loop, so that all buffers are in one pool.
Environment one_loop(Environment more) {
  more.emplace("IMGRING_LOOPS", "1");
  more.emplace("IMGPROXY_WORKERS", "1");
  return more;
}

std::string named(std::string_view family, std::string_view labels) {
  return std::string(family) + std::string(labels);
}

std::string svg_picture(int lines) {
  std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"20\">";
  for (int i = 0; i < lines; ++i) text += "<rect width=\"10\" height=\"10\" fill=\"red\"/>";
  return text + "</svg>";
}

// A PNG that comes in two parts without a length, with a gate between them.
Behaviour in_two_parts(const Gate& gate, std::string png) {
  return [&gate, png = std::move(png)](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + png.substr(0, 100));
    visit.wait(gate);
    visit.send(png.substr(100));
    visit.close_after();
  };
}

// IMGPROXY_DOWNLOAD_BUFFER_SIZE is what a body of unknown length starts with, up to a class.
TEST(Memory, DownloadBufferSizeIsTheFirstAllocation) {
  struct Case {
    std::string_view size;
    double expected;
  };
  for (const Case& c : {Case{"", 4096}, Case{"0", 4096}, Case{"300000", 524288}}) {
    SCOPED_TRACE(c.size);
    World world(one_loop({{"IMGPROXY_DOWNLOAD_BUFFER_SIZE", std::string(c.size)}}));
    world.source.on("/slow", in_two_parts(world.gate, png_picture({8, 8})));
    EXPECT_EQ(world.server.metric(named("buffer_pool_in_use_bytes", kDownloads)), 0);
    RawClient client(world.port());
    client.send(get_text(world.target("w:4", "/slow")));
    EXPECT_TRUE(eventually([&] {
      return world.server.metric(named("buffer_pool_in_use_bytes", kDownloads)) == c.expected;
    })) << world.server.metrics_text();
    world.gate.open();
    EXPECT_EQ(client.read().status, 200);
    EXPECT_TRUE(eventually([&] {
      return world.server.metric(named("buffer_pool_idle_bytes", kDownloads)) == c.expected;
    }));
    EXPECT_EQ(world.server.metric("buffer_pool_misses_total{type=\"download\"}"), 1);
  }
}

// After THRESHOLD returns the pool knows its sizes; bodies after them allocate nothing.
TEST(Memory, CalibrationComesAfterTheThreshold) {
  World world(one_loop({{"IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD", "64"},
                        {"IMGPROXY_FREE_MEMORY_INTERVAL", "3600"}}));
  world.folder.write("p.png", png_picture({40, 30}));
  const std::string target = plain_target("w:4", "local:///p.png");
  RawClient client(world.port());
  const auto ask = [&](int times) {
    for (int i = 0; i < times; ++i) {
      client.send(get_text(target));
      EXPECT_EQ(client.read().status, 200);
    }
  };
  ask(60);
  const std::string_view size = "buffer_default_size_bytes{type=\"download\"}";
  const std::string_view most = "buffer_max_size_bytes{type=\"download\"}";
  EXPECT_EQ(world.server.metric(size), std::nullopt);
  const auto before = world.server.metric("buffer_pool_misses_total{type=\"download\"}");
  ask(10);
  EXPECT_TRUE(eventually([&] { return world.server.metric(size).has_value(); }));
  EXPECT_EQ(world.server.metric(size), world.server.metric(most));  // all bodies were of one size
  EXPECT_GE(world.server.metric(size).value_or(0), 1024);
  EXPECT_EQ(world.server.metric("buffer_pool_misses_total{type=\"download\"}"), before);
}

// Idle buffers go at the first tick that finds them unused for one whole interval.
TEST(Memory, FreeMemoryIntervalFreesWhatIsIdle) {
  for (const bool often : {true, false}) {
    SCOPED_TRACE(often);
    World world(one_loop({{"IMGPROXY_FREE_MEMORY_INTERVAL", often ? "1" : "3600"},
                          {"IMGPROXY_LOG_MEM_STATS", "true"}}));
    world.folder.write("p.png", png_picture({40, 30}));
    EXPECT_EQ(world.get(plain_target("w:4", "local:///p.png")).status, 200);
    EXPECT_TRUE(eventually([&] {
      return world.server.metric(named("buffer_pool_idle_bytes", kDownloads)).value_or(0) > 0;
    }));
    const std::string_view decayed =
        "buffer_pool_dropped_total{type=\"download\",reason=\"decay\"}";
    const auto freed = [&] { return world.server.metric(decayed) == 1; };
    EXPECT_EQ(eventually(freed, Milliseconds(often ? 20000 : 1500)), often);
    EXPECT_EQ(world.server.metric(named("buffer_pool_idle_bytes", kDownloads)) == 0, often);
    EXPECT_EQ(world.server.metric("memory_tick_duration_seconds_count").value_or(0) > 0, often);
    EXPECT_EQ(world.server.log().find("pool_idle_mib") != std::string::npos, often);
  }
}

// What a burst took is back after the ticks: measured on the process, not on our own word.
TEST(Memory, TheTickGivesAnonymousMemoryBack) {
  if (slow_build()) GTEST_SKIP() << "the sanitizers' allocator keeps what is freed";
  World world(one_loop({{"IMGPROXY_FREE_MEMORY_INTERVAL", "1"}, {"IMGPROXY_TIMEOUT", "60"}}));
  world.folder.write("p.png", png_picture({1000, 750}));
  const std::string_view anon = "memory_rss_anon_bytes";
  EXPECT_EQ(world.get(plain_target("w:40", "local:///p.png")).status, 200);
  const double before = world.server.metric(anon).value_or(0);
  ASSERT_GT(before, 0);
  // 9 MP in memory, more than once: smart crops look at whole pictures.
  RawClient client(world.port());
  client.send(get_text(plain_target("rs:fill:3000:3000/el:1/g:sm", "local:///p.png")));
  EXPECT_EQ(client.read(patience(60000)).status, 200);
  constexpr double kNoise = 24 << 20;
  EXPECT_TRUE(eventually([&] { return world.server.metric(anon).value_or(0) < before + kNoise; },
                         Milliseconds(30000)))
      << before << " before, " << world.server.metric(anon).value_or(0) << " now";
}

struct GzipCase {
  std::string_view level, accept;
  bool packed;
};

TEST(Memory, GzipCompressionPacksWhatGainsFromIt) {
  for (const GzipCase& c :
       {GzipCase{"0", "gzip", false}, GzipCase{"", "gzip", false}, GzipCase{"1", "gzip", true},
        GzipCase{"9", "br, gzip;q=0.1", true}, GzipCase{"5", "*", true},
        GzipCase{"5", "gzip;q=0", false}, GzipCase{"5", "br", false}}) {
    SCOPED_TRACE(std::string(c.level) + " " + std::string(c.accept));
    World world(one_loop({{"IMGPROXY_GZIP_COMPRESSION", std::string(c.level)}}));
    const std::string fields = "Content-Type: image/svg+xml\r\nETag: \"tag\"\r\n";
    // On the loop, and on a helper.
    world.source.on("/small", serve_picture(svg_picture(20), fields));
    world.source.on("/large", serve_picture(svg_picture(2000), fields));
    world.source.on("/jpeg", serve_picture(jpeg_picture({40, 30}), fields));
    const std::string accept = "Accept-Encoding: " + std::string(c.accept) + "\r\n";
    for (std::string_view path : {"/small", "/large"}) {
      const Answer answer = world.get(world.target("", path), accept);
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(answer.header("content-encoding"), c.packed ? "gzip" : "");
      EXPECT_EQ(answer.body.starts_with("\x1f\x8b"), c.packed);
      EXPECT_EQ(answer.header("vary").find("Accept-Encoding") != std::string_view::npos,
                c.level != "" && c.level != "0");
      EXPECT_EQ(answer.header("etag").starts_with("W/"), c.packed);
    }
    const Answer jpeg = world.get(world.target("w:10", "/jpeg"), accept);
    EXPECT_EQ(jpeg.status, 200);
    EXPECT_EQ(jpeg.header("content-encoding"), "");
  }
}

TEST(Memory, GzipBufferSizeIsTheFirstAllocation) {
  struct Case {
    std::string_view size;
    double expected;
  };
  for (const Case& c : {Case{"", 1024}, Case{"1000000", 1 << 20}}) {
    SCOPED_TRACE(c.size);
    World world(one_loop(
        {{"IMGPROXY_GZIP_COMPRESSION", "5"}, {"IMGPROXY_GZIP_BUFFER_SIZE", std::string(c.size)}}));
    world.source.on("/svg", serve_picture(svg_picture(20), "Content-Type: image/svg+xml\r\n"));
    const Answer answer = world.get(world.target("", "/svg"), "Accept-Encoding: gzip\r\n");
    EXPECT_EQ(answer.header("content-encoding"), "gzip");
    EXPECT_TRUE(eventually([&] {
      return world.server.metric(named("buffer_pool_idle_bytes", kGzips)) == c.expected;
    })) << world.server.metrics_text();
  }
}

TEST(Memory, BadValuesEndTheStartWithTheVariablesName) {
  struct Case {
    std::string_view name, value;
  };
  constexpr Case kBad[] = {{"IMGPROXY_DOWNLOAD_BUFFER_SIZE", "-1"},
                           {"IMGPROXY_DOWNLOAD_BUFFER_SIZE", "2147483648"},
                           {"IMGPROXY_DOWNLOAD_BUFFER_SIZE", "1.5"},
                           {"IMGPROXY_DOWNLOAD_BUFFER_SIZE", "10k"},
                           {"IMGPROXY_GZIP_BUFFER_SIZE", "-1"},
                           {"IMGPROXY_GZIP_BUFFER_SIZE", "2147483648"},
                           {"IMGPROXY_GZIP_BUFFER_SIZE", "x"},
                           {"IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD", "0"},
                           {"IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD", "63"},
                           {"IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD", "-64"},
                           {"IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD", "2147483648"},
                           {"IMGPROXY_FREE_MEMORY_INTERVAL", "0"},
                           {"IMGPROXY_FREE_MEMORY_INTERVAL", "-1"},
                           {"IMGPROXY_FREE_MEMORY_INTERVAL", "2147483648"},
                           {"IMGPROXY_FREE_MEMORY_INTERVAL", "1s"},
                           {"IMGPROXY_GZIP_COMPRESSION", "-1"},
                           {"IMGPROXY_GZIP_COMPRESSION", "10"},
                           {"IMGPROXY_GZIP_COMPRESSION", "fast"}};
  for (const Case& c : kBad) {
    SCOPED_TRACE(std::string(c.name) + "=" + std::string(c.value));
    ServerProcess server(Environment{{std::string(c.name), std::string(c.value)}});
    EXPECT_EQ(server.wait_for_exit(), 78);
    EXPECT_NE(server.log().find(c.name), std::string::npos) << server.log();
  }
}

TEST(Memory, OddValuesAreAcceptedWithAWord) {
  World world(Environment{{"IMGPROXY_DOWNLOAD_BUFFER_SIZE", "40000000"},
                          {"IMGPROXY_GZIP_BUFFER_SIZE", "1024"},
                          {"IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD", "2147483647"},
                          {"IMGPROXY_FREE_MEMORY_INTERVAL", "2147483647"}});
  const std::string log = world.server.log();
  EXPECT_NE(log.find("IMGPROXY_DOWNLOAD_BUFFER_SIZE is larger than 32 MiB"), std::string::npos);
  EXPECT_NE(log.find("IMGPROXY_GZIP_BUFFER_SIZE has no effect"), std::string::npos);
}

TEST(Memory, MetricsSayWhatIsUsed) {
  World world(one_loop({{"IMGPROXY_FREE_MEMORY_INTERVAL", "1"}}));
  world.folder.write("p.png", png_picture({40, 30}));
  EXPECT_EQ(world.get(plain_target("w:4", "local:///p.png")).status, 200);
  const auto value = [&](std::string_view name) { return world.server.metric(name).value_or(-1); };
  EXPECT_GT(value("memory_rss_bytes"), value("memory_rss_anon_bytes"));
  EXPECT_GT(value("memory_rss_anon_bytes"), 1 << 20);
  EXPECT_GT(value("memory_limit_bytes"), value("memory_rss_bytes"));
  EXPECT_GT(value("planned_bytes_max"), 0);
  EXPECT_GT(value("download_bytes_max"), 0);
  EXPECT_TRUE(eventually([&] { return value("planned_bytes") + value("download_bytes") == 0; }));
  EXPECT_EQ(value("memory_waiting"), 0);
  if (!slow_build()) {
    EXPECT_TRUE(eventually([&] { return value("allocator_in_use_bytes") > 10'000; }))
        << world.server.metrics_text();
    EXPECT_GT(value("allocator_committed_bytes"), value("allocator_in_use_bytes"));
  }
}

// Connections that wait between requests hold next to nothing: 10 000 cost under 40 MB.
TEST(Memory, TenThousandIdleConnections) {
  if (slow_build()) GTEST_SKIP() << "sanitizers' shadow memory is not what is measured";
  constexpr int kConnections = 10'000;
  constexpr rlim_t kDescriptors = kConnections + 500;
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < kDescriptors) GTEST_SKIP() << "RLIMIT_NOFILE is below 10500 here";
  const rlimit before = limit;
  limit.rlim_cur = std::max(limit.rlim_cur, kDescriptors);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  {
    World world(Environment{{"IMGPROXY_MAX_CLIENTS", "20000"},
                            {"IMGPROXY_KEEP_ALIVE_TIMEOUT", "600"},
                            {"IMGPROXY_FREE_MEMORY_INTERVAL", "1"}});
    const auto ticks = [&] {
      return world.server.metric("memory_tick_duration_seconds_count").value_or(0);
    };
    const auto wait_for_ticks = [&] {
      const double then = ticks();
      EXPECT_TRUE(eventually([&] { return ticks() >= then + 6; }, Milliseconds(60000)));
      return world.server.metric("memory_rss_bytes").value_or(0);
    };
    const double rss_before = wait_for_ticks();
    std::vector<RawClient> clients;
    clients.reserve(kConnections);
    const std::string fields = "User-Agent: " + std::string(200, 'a') + "\r\n";
    const std::string request = get_text("/health", fields);
    for (int i = 0; i < kConnections; ++i) {
      clients.emplace_back(world.port()).send(request);
      if (i % 64 == 0) {
        EXPECT_EQ(clients.back().read().status, 200);
      }
    }
    for (int i = 0; i < kConnections; ++i) {
      if (i % 64 == 0) continue;
      EXPECT_EQ(clients[static_cast<std::size_t>(i)].read().status, 200);
    }
    const double rss_after = wait_for_ticks();
    EXPECT_EQ(world.server.metric("connections"), kConnections + 0.0);
    const double cost = rss_after - rss_before;
    RecordProperty("bytes_per_connection", static_cast<int>(cost / kConnections));
    EXPECT_LT(cost, 40e6);
  }
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace imgring::test
