// The program's life: start, configuration, signals, reload, metrics, end.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

#include "imgring/base/text.h"
#include "world.h"

namespace imgring::test {
namespace {

TEST(Stop, ARunningRequestIsAnsweredAndNewOnesAreRefused) {
  World world;
  const std::string png = png_picture({40, 30});
  world.source.on("/slow", held(world.gate, png));
  RawClient idle(world.port());
  idle.send(get_text("/health"));
  EXPECT_EQ(idle.read().status, 200);
  RawClient running(world.port());
  running.send(get_text(world.target("w:10", "/slow")));
  ASSERT_TRUE(world.source.wait_for_visits("/slow", 1));
  world.server.signal(SIGTERM);
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(eventually([&] { return !RawClient(world.port()).connected(); }));
  EXPECT_EQ(RawClient(world.port()).connect_error(), ECONNREFUSED);
  EXPECT_EQ(world.server.wait_for_exit(Milliseconds(0)), std::nullopt);
  world.gate.open();
  const Answer answer = running.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(facts_of_picture(answer.body).width, 10);
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_EQ(world.server.wait_for_exit(), 0);
}

TEST(Stop, IdleServersEndAtOnce) {
  for (int signal : {SIGTERM, SIGINT}) {
    World world;
    RawClient idle(world.port()), silent(world.port());
    idle.send(get_text("/health"));
    EXPECT_EQ(idle.read().status, 200);
    const auto start = Clock::now();
    world.server.signal(signal);
    EXPECT_EQ(world.server.wait_for_exit(), 0);
    EXPECT_LT(seconds_since(start), slow_build() ? 10 : 4);
    EXPECT_TRUE(world.server.wait_for_log("Stopping"));
  }
}

TEST(Stop, AConnectionThatPipelinedIsIdleToo) {
  World world(Environment{{"IMGPROXY_READ_REQUEST_TIMEOUT", "60"}});
  world.source.on("/slow", held(world.gate, png_picture({40, 30})));
  RawClient client(world.port());
  client.send(get_text(world.target("w:10", "/slow")));
  ASSERT_TRUE(world.source.wait_for_visits("/slow", 1));
  client.send(get_text("/health"));
  std::this_thread::sleep_for(Milliseconds(50));
  world.gate.open();
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().status, 200);
  const auto start = Clock::now();
  world.server.signal(SIGTERM);
  EXPECT_EQ(world.server.wait_for_exit(), 0);
  EXPECT_LT(seconds_since(start), slow_build() ? 10 : 4);
}

TEST(Stop, TheGraceTimeIsNotPassed) {
  World world(Environment{{"IMGPROXY_GRACEFUL_STOP_TIMEOUT", "1"},
                          {"IMGPROXY_TIMEOUT", "60"},
                          {"IMGPROXY_DOWNLOAD_TIMEOUT", "60"}});
  world.source.on("/slow", held(world.gate, png_picture({40, 30})));
  RawClient running(world.port());
  running.send(get_text(world.target("w:10", "/slow")));
  ASSERT_TRUE(world.source.wait_for_visits("/slow", 1));
  const auto start = Clock::now();
  world.server.signal(SIGTERM);
  const Answer answer = running.read();
  EXPECT_TRUE(answer.status == 503 || answer.status == 0) << answer.status;
  EXPECT_EQ(world.server.wait_for_exit(), 0);
  EXPECT_GE(seconds_since(start), 0.9);
  EXPECT_LT(seconds_since(start), slow_build() ? 10 : 5);
}

// Its client has left, and nothing stops it between two strips: no reason to end badly.
TEST(Stop, AJobWithoutItsClientHasTheGraceTime) {
  World world(Environment{{"IMGPROXY_TIMEOUT", "60"},
                          {"IMGPROXY_GRACEFUL_STOP_TIMEOUT", "60"},
                          {"IMGPROXY_WORKERS", "1"}});
  world.folder.write("p.png", png_picture({100, 100}));
  RawClient leaving(world.port());
  leaving.send(get_text(plain_target("rs:force:5000:5000/el:1/bl:60", "local:///p.png")));
  const auto running = [&] { return world.server.metric("images_in_progress") == 1; };
  EXPECT_TRUE(eventually(running));
  leaving.reset();
  const auto counted = [&] {
    return world.server.metric("status_codes_total{status=\"499\"}") == 1;
  };
  EXPECT_TRUE(eventually(counted));
  world.server.signal(SIGTERM);
  EXPECT_EQ(world.server.wait_for_exit(), 0);
}

TEST(Stop, ASecondSignalEndsItAtOnce) {
  World world;
  world.source.on("/slow", held(world.gate, png_picture({40, 30})));
  RawClient running(world.port());
  running.send(get_text(world.target("w:10", "/slow")));
  ASSERT_TRUE(world.source.wait_for_visits("/slow", 1));
  const auto start = Clock::now();
  world.server.signal(SIGTERM);
  EXPECT_TRUE(world.server.wait_for_log("Stopping"));
  world.server.signal(SIGTERM);
  EXPECT_TRUE(world.server.wait_for_exit().has_value());
  EXPECT_LT(seconds_since(start), slow_build() ? 10 : 4);
}

// Every accepted request is answered: clients keep asking while the signal comes.
TEST(Stop, UnderLoadNoAnswerIsLost) {
  World world;
  world.source.on("/p.png", serve_picture(png_picture({200, 150})));
  const std::string text = get_text(world.target("w:50", "/p.png"));
  std::vector<std::thread> threads;
  std::atomic<int> answered{0}, lost{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      RawClient client(world.port());
      while (client.send(text)) {
        const Answer answer = client.read(patience(10000));
        if (answer.status == 200 && answer.complete) ++answered;
        // Nothing at all: the idle connection was closed before the request came.
        if (answer.status != 0 && (answer.status != 200 || !answer.complete)) ++lost;
        if (answer.status == 0 || answer.header("connection") == "close") break;
      }
    });
  }
  EXPECT_TRUE(eventually([&] { return answered > 50; }));
  world.server.signal(SIGTERM);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(world.server.wait_for_exit(), 0);
  EXPECT_EQ(lost, 0);
}

TEST(Start, EveryBadSettingIsNamedAtOnce) {
  ServerProcess server(Environment{{"IMGPROXY_WORKERS", "-3"},
                                   {"IMGPROXY_QUALITY", "101"},
                                   {"IMGPROXY_TTL", "soon"},
                                   {"IMGPROXY_NETWORK", "carrier-pigeon"},
                                   {"IMGPROXY_KEY", "not hex"},
                                   {"IMGPROXY_LOCAL_FILESYSTEM_ROOT", "/no/such/folder"}});
  EXPECT_EQ(server.wait_for_exit(), 78);
  const std::string log = server.log();
  for (std::string_view name :
       {"IMGPROXY_WORKERS", "IMGPROXY_QUALITY", "IMGPROXY_TTL", "IMGPROXY_NETWORK", "IMGPROXY_KEY",
        "IMGPROXY_LOCAL_FILESYSTEM_ROOT"}) {
    EXPECT_NE(log.find(name), std::string::npos) << name << "\n" << log;
  }
}

TEST(Start, BadPresetsAndPicturesStopIt) {
  const Environment bad[] = {
      {{"IMGPROXY_PRESETS", "broken=nosuch:1"}},
      {{"IMGPROXY_PRESETS", "noequals"}},
      {{"IMGPROXY_KEY", "aa,bb"}, {"IMGPROXY_SALT", "aa"}},
      {{"IMGPROXY_FALLBACK_IMAGE_PATH", "/no/such/file.png"}},
      {{"IMGPROXY_WATERMARK_DATA", "bm8gcGljdHVyZQ=="}},
      {{"IMGPROXY_BIND", "127.0.0.1"}},
      {{"IMGPROXY_BIND", "127.0.0.1:99999"}},
      {{"IMGPROXY_PROMETHEUS_BIND", "9090"}},
      {{"IMGPROXY_PROMETHEUS_BIND", "127.0.0.1:65536"}},
      {{"IMGPROXY_ENV_AWS_SECRET_ID", "keys"}},
      {{"IMGPROXY_WORKERS", "1025"}},
      {{"IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH", "X-A,content-length"}},
      {{"HTTP_PROXY", "ftp://user:word@proxy:3128"}},
      {{"IMGPROXY_S3_ENDPOINT", "http://user:word@minio:99999"}, {"IMGPROXY_USE_S3", "true"}},
  };
  for (const Environment& environment : bad) {
    SCOPED_TRACE(environment.begin()->first + "=" + environment.begin()->second);
    ServerProcess server(environment);
    EXPECT_EQ(server.wait_for_exit(), 78) << server.log();
    EXPECT_NE(server.log().find("CRITICAL"), std::string::npos) << server.log();
    EXPECT_NE(server.log().find(environment.begin()->first), std::string::npos) << server.log();
    EXPECT_EQ(server.log().find("user:word"), std::string::npos) << server.log();
  }
}

// The unit tries again after status 1: a network may be there then.
TEST(Start, WhatMayBeBetterAtTheNextTryIsNoBadConfiguration) {
  const Environment passing[] = {
      {{"IMGPROXY_WATERMARK_URL", "http://user:word@127.0.0.1:1/mark.png"},
       {"IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES", "true"}},
      {{"IMGPROXY_BIND", "no-such-host.invalid:0"}},
  };
  for (const Environment& environment : passing) {
    const std::string name = environment.rbegin()->first;
    SCOPED_TRACE(name);
    ServerProcess server(environment);
    EXPECT_EQ(server.wait_for_exit(), 1) << server.log();
    EXPECT_NE(server.log().find(name), std::string::npos) << server.log();
    EXPECT_EQ(server.log().find("user:word"), std::string::npos) << server.log();
  }
}

TEST(Start, AForeignListenerIsFound) {
  World world;
  ServerProcess second(Environment{{"IMGPROXY_BIND", "127.0.0.1:" + std::to_string(world.port())}});
  EXPECT_EQ(second.wait_for_exit(), 1);
  EXPECT_NE(second.log().find("in use"), std::string::npos) << second.log();
}

bool answers_on_unix(const std::string& path) {
  const loop::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
  const std::string text = get_text("/health", "Connection: close\r\n");
  if (send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) <= 0) return false;
  const timeval limit{5, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char answer[4096];
  const ssize_t n = recv(fd.get(), answer, sizeof answer, 0);
  return n > 0 && std::string_view(answer, static_cast<std::size_t>(n)).starts_with("HTTP/1.1 200");
}

// The whole answer to a request over a socket of packets; empty when it breaks off.
std::string answer_in_packets(const std::string& path, const std::string& target) {
  const loop::Fd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  const std::string text = get_text(target, "Connection: close\r\n");
  if (send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) <= 0) return {};
  const timeval limit{20, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string all, packet(1 << 20, '\0');
  ssize_t got = 0;
  while ((got = recv(fd.get(), packet.data(), packet.size(), 0)) > 0) {
    all.append(packet.data(), static_cast<std::size_t>(got));
  }
  return got == 0 ? all : std::string();
}

// A packet holds what the socket's buffer does, 208 KiB: larger answers ended the connection.
TEST(Start, ASocketOfPacketsTakesAnswersOfAnySize) {
  const TempFolder folder;
  const std::string path = folder.path() + "/socket";
  folder.write("p.png", png_picture({100, 100}));
  folder.write("large.bin", std::string(3 << 20, 'b'));
  ServerProcess server(Environment{{"IMGPROXY_NETWORK", "unixpacket"},
                                   {"IMGPROXY_BIND", path},
                                   {"IMGPROXY_LOCAL_FILESYSTEM_ROOT", folder.path()}});
  ASSERT_TRUE(server.wait_for_log(" listens on ", patience(20000))) << server.log();
  for (const auto& [width, bytes] : {std::pair(240, 240 * 240 * 3), std::pair(275, 275 * 275 * 3),
                                     std::pair(600, 600 * 600 * 3)}) {
    SCOPED_TRACE(width);
    const std::string options = "rs:force:" + std::to_string(width) + ":" + std::to_string(width);
    const std::string answer =
        answer_in_packets(path, plain_target(options + ":1", "local:///p.png@bmp"));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer.substr(0, 200);
    EXPECT_GT(answer.size(), static_cast<std::size_t>(bytes));
  }
  const std::string raw = answer_in_packets(path, plain_target("raw:1", "local:///large.bin"));
  EXPECT_TRUE(raw.starts_with("HTTP/1.1 200")) << raw.substr(0, 200);
  EXPECT_GT(raw.size(), std::size_t{3} << 20);
  server.stop();
}

TEST(Start, AUnixSocketIsServedAndRemoved) {
  const TempFolder folder;
  const std::string path = folder.path() + "/socket";
  const Environment environment = {{"IMGPROXY_NETWORK", "unix"}, {"IMGPROXY_BIND", path}};
  ServerProcess server(environment);
  ASSERT_TRUE(server.wait_for_log(" listens on ", patience(20000))) << server.log();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(answers_on_unix(path));
  ServerProcess second(environment);
  EXPECT_EQ(second.wait_for_exit(), 1);
  server.stop();
  struct stat facts{};
  EXPECT_NE(stat(path.c_str(), &facts), 0);
}

TEST(Reload, TakesPresetsFromTheirFile) {
  const TempFolder folder;
  const std::string presets = folder.write("presets", "small=rs:force:10:10\n");
  World world(Environment{{"IMGPROXY_PRESETS_PATH", presets}});
  world.folder.write("p.png", png_picture({40, 30}));
  const std::string target = "/unsafe/pr:small/plain/local:///p.png";
  const auto width = [&] { return facts_of_picture(world.get(target).body).width; };
  EXPECT_EQ(width(), 10);
  folder.write("presets", "small=rs:force:20:20\n");
  world.server.signal(SIGHUP);
  EXPECT_TRUE(world.server.wait_for_log("Reloaded"));
  EXPECT_TRUE(eventually([&] { return width() == 20; }));
  folder.write("presets", "small=nosuch:1\n");
  world.server.signal(SIGHUP);
  EXPECT_TRUE(world.server.wait_for_log("Reload failed"));
  EXPECT_EQ(width(), 20);  // the one before stays
}

TEST(Reload, TakesKeysFromTheEnvironmentFile) {
  const TempFolder folder;
  const std::string path = folder.write("env", "IMGPROXY_ALLOWED_SOURCES=http://nowhere/\n");
  World world(Environment{{"IMGPROXY_ENV_LOCAL_FILE_PATH", path}});
  world.folder.write("p.png", png_picture({40, 30}));
  const std::string target = "/unsafe/w:10/plain/local:///p.png";
  EXPECT_EQ(world.get(target).body, "Invalid source URL");
  folder.write("env", "IMGPROXY_ALLOWED_SOURCES=local://\n");
  world.server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return world.get(target).status == 200; }));
}

// The file is emptied, or read while it is written: what was signed so far stays so.
TEST(Reload, DoesNotTakeTheKeysAway) {
  const TempFolder folder;
  const std::string signing = "IMGPROXY_KEY=aa\nIMGPROXY_SALT=bb\n";
  const std::string path = folder.write("env", signing);
  World world(Environment{{"IMGPROXY_ENV_LOCAL_FILE_PATH", path}});
  world.folder.write("p.png", png_picture({40, 30}));
  const std::string target = "/unsafe/w:10/plain/local:///p.png";
  EXPECT_EQ(world.get(target).status, 403);
  folder.write("env", "");
  world.server.signal(SIGHUP);
  ASSERT_TRUE(world.server.wait_for_log("Reload failed"));
  EXPECT_TRUE(world.server.wait_for_log("IMGPROXY_KEY and IMGPROXY_SALT are gone"));
  EXPECT_EQ(world.get(target).status, 403);
  folder.write("env", signing + "IMGPROXY_TRUSTED_SIGNATURES=unsafe\n");
  world.server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return world.get(target).status == 200; }));
}

// A request keeps the configuration it began with.
TEST(Reload, LeavesRunningRequestsAlone) {
  const TempFolder folder;
  const std::string presets = folder.write("presets", "small=rs:force:10:10\n");
  World world(Environment{{"IMGPROXY_PRESETS_PATH", presets}});
  world.source.on("/slow", held(world.gate, png_picture({40, 30})));
  RawClient running(world.port());
  running.send(get_text(world.target("pr:small", "/slow")));
  ASSERT_TRUE(world.source.wait_for_visits("/slow", 1));
  folder.write("presets", "small=rs:force:20:20\n");
  world.server.signal(SIGHUP);
  EXPECT_TRUE(world.server.wait_for_log("Reloaded"));
  world.gate.open();
  EXPECT_EQ(facts_of_picture(running.read().body).width, 10);
}

TEST(Metrics, NamesAreImgproxys) {
  World world;
  world.folder.write("p.png", png_picture({40, 30}));
  EXPECT_EQ(world.get("/unsafe/w:10/plain/local:///p.png").status, 200);
  EXPECT_EQ(world.get("/unsafe/w:x/plain/local:///p.png").status, 404);
  EXPECT_EQ(world.get("/health").status, 200);
  const std::string text = world.server.metrics_text();
  for (std::string_view name :
       {"requests_total 2",
        "status_codes_total{status=\"200\"} 1",
        "status_codes_total{status=\"404\"} 1",
        "errors_total{type=\"path_parsing\"} 1",
        "request_duration_seconds_bucket{le=\"0.005\"}",
        "request_duration_seconds_count 2",
        "request_span_duration_seconds_bucket{span=\"queue\"",
        "request_span_duration_seconds_bucket{span=\"downloading_source_image\"",
        "request_span_duration_seconds_bucket{span=\"processing_image\"",
        "request_span_duration_seconds_bucket{span=\"streaming_image\"",
        "workers 2",
        "requests_in_progress 0",
        "images_in_progress 0",
        "workers_utilization 0",
        "vips_memory_bytes",
        "vips_max_memory_bytes",
        "vips_allocs",
        "process_open_fds",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "buffer_pool_in_use_bytes",
        "buffer_size_bytes"}) {
    EXPECT_NE(text.find("\n" + std::string(name)), std::string::npos) << name;
  }
  EXPECT_EQ(text.find("go_"), std::string::npos);
  EXPECT_EQ(world.get("/metrics").status, 404);  // never on the main listener
}

TEST(Metrics, NamespaceAndPaths) {
  World world(Environment{{"IMGPROXY_PROMETHEUS_NAMESPACE", "pics"}});
  EXPECT_TRUE(eventually([&] { return world.server.metric("pics_requests_total") == 0; }));
  EXPECT_TRUE(world.server.metric("process_open_fds").has_value());
  RawClient client(world.server.metrics_port(), 0x7f000002);
  client.send(get_text("/any/path"));
  const Answer answer = client.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  world.server.stop();  // its names are not those that the end of a test looks for
}

TEST(Health, AndReadiness) {
  World world(Environment{{"IMGPROXY_HEALTH_CHECK_PATH", "/alive"},
                          {"IMGPROXY_HEALTH_CHECK_MESSAGE", "fine"}});
  for (std::string_view path : {"/health", "/alive"}) {
    const Answer answer = world.get(path);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "fine");
    EXPECT_EQ(answer.header("cache-control"), "no-cache");
  }
  EXPECT_EQ(world.get("/ready").status, 200);
  EXPECT_EQ(world.server.log().find("/alive"), std::string::npos);  // not logged
}

TEST(Log, TwoLinesARequest) {
  for (std::string_view format : {"structured", "json", "pretty", "gcp"}) {
    SCOPED_TRACE(format);
    World world(Environment{{"IMGPROXY_LOG_FORMAT", std::string(format)}});
    world.folder.write("p.png", png_picture({40, 30}));
    const std::string target = "/unsafe/w:10/plain/local:///p.png";
    EXPECT_EQ(world.get(target, "X-Request-ID: id-7\r\n").status, 200);
    EXPECT_TRUE(world.server.wait_for_log("Started " + target));
    EXPECT_TRUE(world.server.wait_for_log("Completed in "));
    EXPECT_NE(world.server.log().find("id-7"), std::string::npos);
    EXPECT_EQ(world.get("/unsafe/w:10/plain/local:///gone.png").status, 404);
    EXPECT_TRUE(world.server.wait_for_log("gone.png"));
  }
}

}  // namespace
}  // namespace imgring::test
