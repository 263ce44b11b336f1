// Many requests at once: stalled sources, busy helpers, full queues, time limits, full houses.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>

#include "imgring/base/text.h"
#include "world.h"

namespace imgring::test {
namespace {

// Long work for a helper: few bytes to load, many pixels to blur.
// Seconds of a helper; a sanitizer's build takes as long for fewer pixels.
std::string_view long_work() {
  return slow_build() ? "rs:force:1200:1200/el:1/bl:12" : "rs:force:2000:2000/el:1/bl:12";
}

// hardening.md section 6, rule 1: the loop downloads, a helper gets only a complete source.
TEST(Load, StalledSourcesHoldNoHelper) {
  World world(Environment{{"IMGPROXY_DOWNLOAD_TIMEOUT", "30"}, {"IMGPROXY_TIMEOUT", "30"}});
  world.source.on("/stalled", held(world.gate, png_picture({40, 30})));
  world.source.on("/quick", serve_picture(png_picture({40, 30})));
  std::vector<RawClient> stalled;
  for (int i = 0; i < 8; ++i) {
    stalled.emplace_back(world.port()).send(get_text(world.target("w:10", "/stalled")));
  }
  ASSERT_TRUE(world.source.wait_for_visits("/stalled", 8));
  const auto start = Clock::now();
  EXPECT_EQ(world.image("w:10", "/quick").status, 200);
  EXPECT_LT(seconds_since(start), 10) << "they stall for 30 s";
  EXPECT_EQ(world.server.metric("images_in_progress"), 8);
  world.gate.open();
  for (RawClient& client : stalled) EXPECT_EQ(client.read().status, 200);
}

TEST(Load, HealthAnswersWhileAllHelpersAreBusy) {
  World world(Environment{{"IMGPROXY_TIMEOUT", "120"}});
  world.folder.write("p.png", png_picture({100, 100}));
  std::vector<RawClient> busy;
  for (int i = 0; i < 4; ++i) {
    busy.emplace_back(world.port()).send(get_text(plain_target(long_work(), "local:///p.png")));
  }
  ASSERT_TRUE(eventually([&] { return world.server.metric("images_in_progress") == 4; }));
  int asked = 0;
  double slowest = 0;
  while (!busy[0].stirs(Milliseconds(5)) && asked < 50) {
    const auto start = Clock::now();
    EXPECT_EQ(world.get("/health").body, "imgproxy is running");
    slowest = std::max(slowest, seconds_since(start));
    ++asked;
  }
  EXPECT_GT(asked, 0);
  EXPECT_LT(slowest, slow_build() ? 4 : 1);  // other programs may share these cores
  for (RawClient& client : busy) EXPECT_EQ(client.read(patience(120000)).status, 200);
}

TEST(Load, AFullQueueRefusesAtOnce) {
  World world(Environment{{"IMGPROXY_WORKERS", "1"},
                          {"IMGPROXY_REQUESTS_QUEUE_SIZE", "1"},
                          {"IMGPROXY_TIMEOUT", "120"}});
  world.folder.write("p.png", png_picture({100, 100}));
  const std::string target = plain_target(long_work(), "local:///p.png");
  std::vector<RawClient> clients;
  const auto start = Clock::now();
  for (int i = 0; i < 6; ++i) clients.emplace_back(world.port()).send(get_text(target));
  const auto one_answers = [&] {
    return std::any_of(clients.begin(), clients.end(),
                       [](RawClient& client) { return client.stirs(Milliseconds(0)); });
  };
  EXPECT_TRUE(eventually(one_answers));
  EXPECT_LT(seconds_since(start), slow_build() ? 8 : 3);
  EXPECT_EQ(world.get("/unsafe/raw:1/plain/local:///p.png").status, 200);  // takes no place
  int good = 0, refused = 0;
  for (RawClient& client : clients) {
    const Answer answer = client.read(patience(60000));
    good += answer.status == 200 ? 1 : 0;
    if (answer.status != 429) continue;
    EXPECT_EQ(answer.body, "Too many requests");
    ++refused;
  }
  EXPECT_EQ(good + refused, 6);
  EXPECT_GE(good, 2);  // one runs, one waits
  EXPECT_GE(refused, 1);
  EXPECT_EQ(world.server.metric("refused_total{reason=\"queue_full\"}"), refused);
}

// hardening.md section 6, rule 3: what could only start when its time is over is refused at once.
TEST(Load, AJobThatCannotStartInTimeIsRefusedAtOnce) {
  World world(Environment{{"IMGPROXY_WORKERS", "1"}, {"IMGPROXY_TIMEOUT", "3"}});
  world.folder.write("p.png", png_picture({100, 100}));
  const std::string target = plain_target("rs:force:3000:3000/el:1", "local:///p.png");
  constexpr int kClients = 16;  // over a second of work each, by the table
  std::vector<RawClient> clients;
  const auto start = Clock::now();
  for (int i = 0; i < kClients; ++i) clients.emplace_back(world.port()).send(get_text(target));
  // A job of the other lane is not refused, and waits for none of them.
  EXPECT_EQ(world.get(plain_target("w:10", "local:///p.png@jpg")).status, 200);
  const std::string refusals = "refused_total{reason=\"deadline\"}";
  EXPECT_TRUE(eventually([&] { return world.server.metric(refusals) >= kClients / 2; }));
  EXPECT_LT(seconds_since(start), 2.9) << "at once, not when time is over";
  int refused = 0;
  for (RawClient& client : clients) {
    const Answer answer = client.read(patience(20000));
    EXPECT_TRUE(answer.status == 200 || answer.status == 503) << answer.status;
    if (answer.status == 503 && answer.header("Retry-After") == "1") ++refused;
  }
  EXPECT_EQ(world.server.metric(refusals), refused);
  EXPECT_EQ(world.server.metric("jobs_waiting{lane=\"patient\"}"), 0);
}

// And before its source is asked: overload is not passed on.
TEST(Load, WhatCannotStartInTimeCostsItsSourceNothing) {
  World world(Environment{{"IMGPROXY_WORKERS", "1"}, {"IMGPROXY_TIMEOUT", "5"}});
  world.folder.write("p.png", png_picture({100, 100}));
  world.source.on("/p.png", serve_picture(png_picture({40, 30})));
  // 3.5 s each, by the tables, of which 0.8 are certain: one runs, one waits.
  const std::string target = plain_target("rs:force:4000:4000/el:1/bl:20", "local:///p.png");
  std::vector<RawClient> clients;
  for (int i = 0; i < 2; ++i) clients.emplace_back(world.port()).send(get_text(target));
  const auto full = [&] {
    return world.server.metric("jobs_expected_wait_seconds{lane=\"patient\"}") > 5;
  };
  ASSERT_TRUE(eventually(full)) << world.server.metrics_text();
  for (int i = 0; i < 5; ++i) {
    const Answer answer = world.get(world.target("w:10", "/p.png") + "@avif");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.header("Retry-After"), "1");
  }
  EXPECT_EQ(world.source.connections_made(), 0);
  EXPECT_EQ(world.server.metric("refused_total{reason=\"deadline\"}"), 5);
  // Nobody knows that these have to wait: the other lane is free.
  EXPECT_EQ(world.image("w:10", "/p.png").status, 200);
  EXPECT_EQ(world.source.connections_made(), 1);
  for (RawClient& client : clients) client.reset();
}

// The encoder knows no stop: begun, it would close its lane long after its client has left.
TEST(Load, AJobThatCannotEndInTimeIsNotBegun) {
  World world;
  const std::string photo = jpeg_picture({4200, 3200});
  ASSERT_GT(photo.size(), 13'440'000 / 5 + (256 << 10)) << "rich in content";
  world.folder.write("p.jpg", photo);
  const auto start = Clock::now();
  const Answer refused = world.get(plain_target("q:80", "local:///p.jpg@heic"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.body, "Server is overloaded");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_LT(seconds_since(start), slow_build() ? 5 : 1);
  EXPECT_EQ(world.server.metric("refused_total{reason=\"deadline\"}"), 1);
  EXPECT_EQ(world.server.metric("jobs_running{lane=\"patient\"}"), 0);
  EXPECT_TRUE(world.server.wait_for_log("are left of IMGPROXY_TIMEOUT"));
  EXPECT_EQ(world.get(plain_target("w:200", "local:///p.jpg@heic")).status, 200);
  EXPECT_EQ(world.get("/ready").status, 200);
}

TEST(Load, TheWholeTimeIsOver) {
  World world(Environment{{"IMGPROXY_TIMEOUT", "1"}, {"IMGPROXY_DOWNLOAD_TIMEOUT", "10"}});
  world.source.on("/stalled", [](Visit& visit) { visit.peer_leaves(); });
  const auto start = Clock::now();
  const Answer answer = world.image("w:10", "/stalled");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "Timeout");
  EXPECT_GE(seconds_since(start), 0.9);
  EXPECT_LT(seconds_since(start), slow_build() ? 8 : 4);
  EXPECT_TRUE(world.source.wait_for_ends("/stalled", 1));
}

// The answer leaves in time whatever the helper does.
TEST(Load, TheWholeTimeIsOverInTheImageWork) {
  World world(Environment{{"IMGPROXY_TIMEOUT", "1"},
                          {"IMGPROXY_WORKERS", "1"},
                          {"IMGPROXY_USE_LINEAR_COLORSPACE", "true"}});
  world.folder.write("p.png", png_picture({100, 100}));
  // In linear light it takes far longer than is expected: none is refused before it starts.
  const std::string target = plain_target("rs:force:5000:5000/el:1", "local:///p.png@jpg");
  std::vector<RawClient> clients;
  const auto start = Clock::now();
  for (int i = 0; i < 3; ++i) clients.emplace_back(world.port()).send(get_text(target));
  for (RawClient& client : clients) {
    const Answer answer = client.read(patience(20000));
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body, "Timeout");
    EXPECT_LT(seconds_since(start), slow_build() ? 8 : 4);
    client.send(get_text("/health"));  // the connection goes on
    EXPECT_EQ(client.read().status, 200);
  }
}

TEST(Load, TheDownloadTimeIsOver) {
  World world(Environment{{"IMGPROXY_DOWNLOAD_TIMEOUT", "1"}, {"IMGPROXY_TIMEOUT", "20"}});
  const std::string png = png_picture({100, 100});
  world.source.on("/no-head", [](Visit& visit) { visit.peer_leaves(); });
  world.source.on("/drip", [png](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(png.size()) + "\r\n\r\n");
    std::size_t at = 0;
    while (at < png.size() && !visit.peer_leaves(Milliseconds(20))) {
      visit.send(png.substr(at++, 1));  // each byte comes in time, all of them do not
    }
  });
  world.source.on("/late-hop", redirect_to("/no-head"));
  for (std::string_view path : {"/no-head", "/drip", "/late-hop"}) {
    SCOPED_TRACE(path);
    const auto start = Clock::now();
    const Answer answer = world.image("w:10", path);
    EXPECT_EQ(answer.status, 504);
    EXPECT_EQ(answer.body, "Source is unreachable");
    EXPECT_GE(seconds_since(start), 0.9);
    EXPECT_LT(seconds_since(start), slow_build() ? 8 : 4);
  }
}

TEST(Load, ALateRawBodyIsCut) {
  World world(Environment{{"IMGPROXY_DOWNLOAD_TIMEOUT", "1"}});
  world.source.on("/stalls", [](Visit& visit) {
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
    visit.peer_leaves();
  });
  const Answer answer = world.image("raw:1", "/stalls");
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.complete);
  EXPECT_EQ(answer.body, "hello");
}

// A source whose next bytes are always there waits for no timer.
TEST(Load, ARawBodyThatNeverPausesIsCutToo) {
  World world(Environment{{"IMGPROXY_DOWNLOAD_TIMEOUT", "1"}, {"IMGPROXY_TIMEOUT", "600"}});
  world.source.on("/endless", [](Visit& visit) {
    const std::string piece(1 << 20, 'x');
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n");
    while (visit.send(piece)) {
    }
  });
  RawClient client(world.port());
  client.send(get_text(world.target("raw:1", "/endless")));
  std::string piece(1 << 20, '\0');
  std::uint64_t received = 0;
  ssize_t n = 0;
  while ((n = recv(client.fd(), piece.data(), piece.size(), 0)) > 0) {
    received += static_cast<std::uint64_t>(n);
  }
  EXPECT_GT(received, 1'000'000u);
  EXPECT_TRUE(world.server.wait_for_log("IMGPROXY_DOWNLOAD_TIMEOUT"));
  const auto counted = [&] { return world.server.metric("errors_total{type=\"timeout\"}") == 1; };
  EXPECT_TRUE(eventually(counted)) << world.server.metrics_text();
}

// The client's time is not the source's.
TEST(Load, ASlowClientGetsItsWholeRawBody) {
  World world(Environment{{"IMGPROXY_DOWNLOAD_TIMEOUT", "1"}, {"IMGPROXY_TIMEOUT", "1"}});
  const std::string body(24 << 20, 'y');  // beyond what sockets hold on the way
  world.source.on("/large", serve_picture(body, "Content-Type: video/mp4\r\n"));
  RawClient client(world.port());
  client.send(get_text(world.target("raw:1", "/large")));
  ASSERT_TRUE(world.source.wait_for_visits("/large", 1));
  // What it does not read for a while is the point here: no wait for anything to happen.
  std::this_thread::sleep_for(Milliseconds(2500));
  const Answer answer = client.read(patience(30000));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body.size(), body.size());
}

TEST(Load, SurplusClientsWaitAndGoOn) {
  World world(Environment{{"IMGPROXY_MAX_CLIENTS", "4"}, {"IMGRING_LOOPS", "1"}});
  world.folder.write("p.png", png_picture({40, 30}));
  std::vector<RawClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(world.port()).send(get_text(plain_target("w:10", "local:///p.png")));
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(clients[static_cast<std::size_t>(i)].read().status, 200);
  for (std::size_t i = 4; i < 10; ++i) {
    EXPECT_FALSE(clients[i].stirs(Milliseconds(i == 4 ? 200 : 0))) << i;
  }
  EXPECT_EQ(world.server.metric("connections"), 4);
  for (std::size_t i = 0; i < 10; ++i) {
    if (i >= 4) {
      EXPECT_EQ(clients[i].read().status, 200) << i;
    }
    clients[i].close();
  }
}

// A pool of clients that go on asking keeps nobody out, nor do idle ones for their keep-alive time.
TEST(Load, WhoWaitsLongGetsThePlaceOfWhoIsServed) {
  World world(Environment{{"IMGPROXY_MAX_CLIENTS", "2"},
                          {"IMGRING_LOOPS", "2"},
                          {"IMGPROXY_KEEP_ALIVE_TIMEOUT", "60"}});
  RawClient busy(world.port()), idle(world.port());
  for (RawClient* client : {&busy, &idle}) {
    client->send(get_text("/health"));
    EXPECT_EQ(client->read().status, 200);
  }
  RawClient first(world.port()), second(world.port());
  for (RawClient* client : {&first, &second}) client->send(get_text("/unsafe/plain/x"));
  ASSERT_TRUE(eventually([&] { return world.server.metric("connections_waiting") == 2; }));
  bool ended = false;
  EXPECT_TRUE(eventually([&] {
    if (!ended) {
      busy.send(get_text("/health"));
      ended = busy.read().header("connection") == "close";
    }
    return ended;
  }));
  EXPECT_TRUE(busy.closed());
  EXPECT_EQ(first.read().status, 404);
  first.close();
  EXPECT_EQ(second.read().status, 404);
}

// What a client sends buys it no place: empty lines, and the first letter of a head.
TEST(Load, WhoSendsNothingOfUseGivesItsPlaceToWhoWaits) {
  World world(Environment{{"IMGPROXY_MAX_CLIENTS", "2"},
                          {"IMGRING_LOOPS", "1"},
                          {"IMGPROXY_TIMEOUT", "60"},
                          {"IMGPROXY_READ_REQUEST_TIMEOUT", "60"},
                          {"IMGPROXY_KEEP_ALIVE_TIMEOUT", "60"}});
  RawClient lines(world.port()), letter(world.port());
  for (RawClient* client : {&lines, &letter}) {
    client->send(get_text("/health"));
    EXPECT_EQ(client->read().status, 200);
  }
  RawClient first(world.port()), second(world.port());
  for (RawClient* client : {&first, &second}) client->send(get_text("/unsafe/plain/x"));
  ASSERT_TRUE(eventually([&] { return world.server.metric("connections_waiting") == 2; }));
  letter.send("G");
  EXPECT_TRUE(eventually(
      [&] {
        if (!lines.stirs(Milliseconds(0))) lines.send("\r\n");
        return world.server.metric("connections_waiting") == 0;
      },
      patience(20000)));
  EXPECT_EQ(first.read().status, 404);
  EXPECT_EQ(second.read().status, 404);
}

// Every loop may take clients: together they stay under the limit.
TEST(Load, SurplusClientsWaitWithManyLoops) {
  World world(Environment{{"IMGPROXY_MAX_CLIENTS", "8"}, {"IMGRING_LOOPS", "4"}});
  world.folder.write("p.png", png_picture({40, 30}));
  std::vector<RawClient> clients;
  const std::string request = get_text(plain_target("w:10", "local:///p.png"));
  for (int i = 0; i < 40; ++i) clients.emplace_back(world.port()).send(request);
  int answered = 0;
  ASSERT_TRUE(eventually([&] { return world.server.metric("connections") >= 8; }));
  EXPECT_EQ(world.server.metric("connections"), 8);
  std::vector<bool> done(clients.size(), false);
  EXPECT_TRUE(eventually([&] {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (done[i] || !clients[i].stirs(Milliseconds(0))) continue;
      answered += clients[i].read().status == 200 ? 1 : 0;
      clients[i].close();
      done[i] = true;
    }
    return answered == 40;
  })) << answered;
}

// hardening.md section 6, rule 5: without descriptors clients are turned away, and served again
// when there are.
TEST(Load, OutOfDescriptorsIsSurvived) {
  // The undefined-behaviour sanitizer needs descriptors of its own to look at a vptr.
  if (slow_build()) GTEST_SKIP() << "the sanitizer needs descriptors of its own";
  ServerProcess server({{"IMGRING_LOOPS", "1"}, {"IMGPROXY_WORKERS", "1"}}, 30);
  ASSERT_TRUE(server.wait_until_ready()) << server.log();
  std::vector<RawClient> clients;
  for (int i = 0; i < 60; ++i) clients.emplace_back(server.port()).send(get_text("/health"));
  EXPECT_TRUE(server.wait_for_log("Out of file descriptors"));
  EXPECT_EQ(clients[0].read().status, 200);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return get(server.port(), "/health").status == 200; }));
  server.stop();
}

// The kernel says so also when no client waits: the loop must not wait for one then.
TEST(Load, OutOfDescriptorsWithoutNewClientsTheOldOnesAreServed) {
  if (slow_build()) GTEST_SKIP() << "the sanitizer needs descriptors of its own";
  ServerProcess server({{"IMGRING_LOOPS", "1"}, {"IMGPROXY_WORKERS", "1"}}, 30);
  ASSERT_TRUE(server.wait_until_ready()) << server.log();
  std::vector<RawClient> clients;
  Answer answer{.status = 200};
  while (answer.status == 200 && clients.size() < 60) {
    clients.emplace_back(server.port()).send(get_text("/health"));
    answer = clients.back().read(patience(1000));
  }
  EXPECT_TRUE(server.wait_for_log("Out of file descriptors"));
  for (int i = 0; i < 10; ++i) {  // over several tries to accept
    clients[0].send(get_text("/health"));
    EXPECT_EQ(clients[0].read(patience(1000)).status, 200);
    std::this_thread::sleep_for(Milliseconds(40));
  }
  server.stop();
}

TEST(Load, ABurstOverManyConnectionsIsAllAnswered) {
  World world;
  const std::string png = png_picture({200, 150});
  world.source.on("/p.png", serve_picture(png));
  world.folder.write("p.png", png);
  std::vector<std::string> targets;
  for (int i = 0; i < 200; ++i) {
    const std::string options = "w:" + std::to_string(10 + i % 50);
    targets.push_back(i % 2 == 0 ? world.target(options, "/p.png")
                                 : plain_target(options, "local:///p.png"));
  }
  const std::vector<Answer> answers = get_all(world.port(), targets);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    ASSERT_EQ(answers[i].status, 200) << i << " " << answers[i].body;
    EXPECT_EQ(facts_of_picture(answers[i].body).width, 10 + static_cast<int>(i) % 50);
  }
  EXPECT_EQ(world.server.metric("requests_total"), 200);
  // Counted once the last byte is out, which the client may see first.
  EXPECT_TRUE(
      eventually([&] { return world.server.metric("status_codes_total{status=\"200\"}") == 200; }));
}

TEST(Load, ThreadsAreAsManyAsSaid) {
  World world(Environment{{"IMGRING_LOOPS", "3"}, {"IMGPROXY_WORKERS", "4"}});
  world.folder.write("p.png", png_picture({400, 300}));
  EXPECT_EQ(world.get("/unsafe/w:100/plain/local:///p.png@jpg").status, 200);
  if (slow_build()) return;     // sanitizers bring threads of their own
  constexpr int kLane = 4 + 1;  // a spare one, so that no job waits for a helper that collects
  constexpr int kOthers = 1 + 3 + 1 + 1;  // main, loops, the self-test's, the log's
  EXPECT_LE(world.server.threads(), kOthers + kLane);
  EXPECT_EQ(world.get("/unsafe/rs:force:900:900/el:1/plain/local:///p.png").status, 200);
  EXPECT_LE(world.server.threads(), kOthers + 2 * kLane) << "the patient lane's begin when needed";
}

}  // namespace
}  // namespace imgring::test
