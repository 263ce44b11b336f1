// What the front door makes of the first bytes of a connection, how long its line may be, and who
// gets in.
#include "../../../src/server/front_door.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "../loop/run_loop.h"

namespace imgring::server {
namespace {

constexpr std::string_view kRest = " HTTP/1.1\r\nHost: a\r\n\r\n";

Asked asked(std::string_view head, const config::ServerConfig& config = {}) {
  return what_is_asked(head, config);
}

TEST(WhatIsAsked, HealthAndReadinessOnceTheirHeadIsWhole) {
  for (const std::string path : {"/health", "/ready", "/health?probe=1", "/%68ealth"}) {
    const std::string whole = "GET " + path + std::string(kRest);
    EXPECT_EQ(asked(whole), Asked::kHealth) << path;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(asked(whole.substr(0, size)), Asked::kUnknown) << path << " " << size;
    }
  }
  EXPECT_EQ(asked("\r\nGET /health" + std::string(kRest)), Asked::kHealth);
  EXPECT_EQ(asked("GET /health" + std::string(kRest) + "GET /x"), Asked::kHealth);
}

// Each of them would linger for a second in one of the few places.
TEST(WhatIsAsked, HeadsThatAreRefusedAndBodiesAreNoHealth) {
  for (const std::string fields :
       {"Host: a\r\nContent-Length: 1", "Host: a\r\nbad header", "Host: a\r\nHost: b", "X: y",
        "Host: a\r\nExpect: x", "Host: a\r\nTransfer-Encoding: chunked"}) {
    EXPECT_EQ(asked("GET /health HTTP/1.1\r\n" + fields + "\r\n\r\n"), Asked::kOther) << fields;
  }
}

TEST(WhatIsAsked, AnythingElseByItsFirstLine) {
  for (std::string_view line :
       {"GET /unsafe/plain/x HTTP/1.1", "GET / HTTP/1.1", "POST /health HTTP/1.1", "get /health",
        "HEAD /health HTTP/1.1", "GET /healthy HTTP/1.1", "GET /x/health HTTP/1.1",
        "PRI * HTTP/2.0", "\x16\x03\x01", "GET http://a/health HTTP/1.1"}) {
    EXPECT_EQ(asked(std::string(line) + "\r\n"), Asked::kOther) << line;
    EXPECT_EQ(asked(line), Asked::kUnknown) << line << ": its line has no end yet";
  }
}

TEST(WhatIsAsked, ThePrefixAndAPathOfTheOperators) {
  config::ServerConfig config;
  config.path_prefix = "/pics";
  config.health_check_path = "/alive";
  EXPECT_EQ(asked("GET /pics/health" + std::string(kRest), config), Asked::kHealth);
  EXPECT_EQ(asked("GET /pics/alive" + std::string(kRest), config), Asked::kHealth);
  EXPECT_EQ(asked("GET /health" + std::string(kRest), config), Asked::kOther);
}

// Whoever goes on sending without an end waits like one who asks for a picture.
TEST(WhatIsAsked, NoMoreThanASmallHeadIsLookedAt) {
  std::string head = "GET /health HTTP/1.1\r\nA: ";
  head.append(kHeardHeadBytesMax - head.size() - 1, 'a');
  EXPECT_EQ(asked(head), Asked::kUnknown);
  EXPECT_EQ(asked(head + "a"), Asked::kOther);
  EXPECT_EQ(asked(std::string(kHeardHeadBytesMax, 'G')), Asked::kOther);
  EXPECT_EQ(asked(std::string(kHeardHeadBytesMax, '\n')), Asked::kOther);
}

TEST(LineMax, LeavesDescriptorsForClientsAndTheirSources) {
  EXPECT_EQ(line_max(65536, 2048, 2), kLineMax);
  EXPECT_EQ(line_max(65536, 0, 2), kLineMax) << "held for memory only";
  EXPECT_EQ(line_max(5160, 2048, 2), 500u);
  EXPECT_EQ(line_max(1024, 2048, 2), kLineMin);
  EXPECT_EQ(line_max(0, 2048, 0), kLineMin);
}

// A door on a listener of the loopback, and a house that keeps whom it is given.
struct Street final : FrontDoor::House {
  Street(loop::Loop& l, loop::Scope& scope, int clients_max)
      : keepers(l, &scope),
        listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
        door(l, with_max(clients_max), metrics, *this,
             {.listen_fd = listener.get(), .clients = clients, .crowded = crowded, .log = log}) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    IMGRING_CHECK(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    IMGRING_CHECK(::listen(listener.get(), kBacklog) == 0);
    IMGRING_CHECK(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    keepers.start(door.keep(keepers.scope()));
  }
  const config::ServerConfig& with_max(int clients_max) {
    config.max_clients = clients_max;
    return config;
  }
  void serve(loop::Fd client) noexcept override { served.push_back(std::move(client)); }
  void hear(loop::Fd prober) noexcept override { heard.push_back(std::move(prober)); }
  void accept_failed(int error) noexcept override { ADD_FAILURE() << error; }
  loop::Fd visit(std::string_view bytes) {
    loop::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    return fd;
  }
  void one_leaves() {
    served.pop_back();
    --clients;
    door.client_left();
  }
  loop::Task<void> close() {
    keepers.scope().cancel(loop::CancelReason::kShutdown);
    co_await keepers.join();
    co_await door.close();
  }

  static constexpr int kBacklog = 16;
  const Logger log{LogFormat::kStructured, LogLevel::kCritical};
  loop::Nursery keepers;
  loop::Fd listener;
  sockaddr_in address{};
  config::ServerConfig config;
  observe::CoreMetrics metrics;
  std::atomic<int> clients{0}, crowded{0};
  FrontDoor door;
  std::vector<loop::Fd> served, heard;
};

constexpr std::string_view kHealthRequest = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kPicture = "GET /unsafe/plain/x HTTP/1.1\r\nHost: a\r\n\r\n";

loop::Task<void> until(loop::Loop& l, loop::Scope& scope, const std::vector<loop::Fd>& list,
                       std::size_t count) {
  bool going_on = true;
  while (list.size() < count && going_on) {
    going_on = co_await loop::Sleep(l, scope, std::chrono::milliseconds(1));
  }
}
loop::Task<void> until_waiting(loop::Loop& l, loop::Scope& scope, const Street& street,
                               std::uint64_t count) {
  bool going_on = true;
  while (street.metrics.connections_waiting.value() != count && going_on) {
    going_on = co_await loop::Sleep(l, scope, std::chrono::milliseconds(1));
  }
}

loop::Task<void> memory_is_short(loop::Loop& l, loop::Scope& scope) {
  Street street(l, scope, 0);
  const loop::Fd before = street.visit("");
  co_await until(l, scope, street.served, 1);
  street.door.hold(FrontDoor::Hold::kMemory);
  const loop::Fd picture = street.visit(kPicture);
  const loop::Fd prober = street.visit(kHealthRequest);
  co_await until(l, scope, street.heard, 1);
  co_await until_waiting(l, scope, street, 1);
  EXPECT_EQ(street.served.size(), 1u) << "nobody new is let in";
  street.door.heard();
  street.door.let_go(FrontDoor::Hold::kMemory);
  EXPECT_EQ(street.served.size(), 2u);
  const loop::Fd after = street.visit("");
  co_await until(l, scope, street.served, 3);
  EXPECT_EQ(street.clients.load(), 3);
  co_await street.close();
}
TEST(FrontDoor, HearsHealthAloneWhileMemoryIsShort) { loop::run_loop(memory_is_short); }

loop::Task<void> full_house(loop::Loop& l, loop::Scope& scope) {
  Street street(l, scope, 2);
  std::vector<loop::Fd> visitors;
  for (int i = 0; i < 5; ++i) visitors.push_back(street.visit(kPicture));
  co_await until_waiting(l, scope, street, 3);
  EXPECT_EQ(street.served.size(), 2u);
  EXPECT_TRUE(street.door.wanting());
  const loop::Fd prober = street.visit(kHealthRequest);
  co_await until(l, scope, street.heard, 1);
  street.door.heard();
  for (int left = 3; left > 0; --left) {
    street.one_leaves();
    EXPECT_EQ(street.clients.load(), 2) << "the next one has the place";
    EXPECT_EQ(street.metrics.connections_waiting.value(), static_cast<std::uint64_t>(left - 1));
  }
  street.one_leaves();
  EXPECT_FALSE(street.door.wanting());
  co_await street.close();
}
TEST(FrontDoor, WhoWaitsGetsThePlaceOfWhoLeaves) { loop::run_loop(full_house); }

// As long as places are just enough, connections are kept.
loop::Task<void> long_line(loop::Loop& l, loop::Scope& scope) {
  Street street(l, scope, 1);
  std::vector<loop::Fd> visitors;
  for (int i = 0; i < 2; ++i) visitors.push_back(street.visit(kPicture));
  co_await until_waiting(l, scope, street, 1);
  EXPECT_EQ(street.crowded.load(), 0);
  co_await loop::Sleep(l, scope, kLongWait + 10 * kLookEvery);
  EXPECT_EQ(street.crowded.load(), 1) << "who has a place is asked to give it up";
  street.door.hold(FrontDoor::Hold::kMemory);
  co_await loop::Sleep(l, scope, 4 * kLookEvery);
  EXPECT_EQ(street.crowded.load(), 0) << "nobody could be let in";
  street.door.let_go(FrontDoor::Hold::kMemory);
  street.one_leaves();
  co_await loop::Sleep(l, scope, 4 * kLookEvery);
  EXPECT_EQ(street.crowded.load(), 0);
  co_await street.close();
}
TEST(FrontDoor, WhoWaitsLongAsksForAPlace) { loop::run_loop(long_line); }

loop::Task<void> stopping(loop::Loop& l, loop::Scope& scope) {
  Street street(l, scope, 1);
  std::vector<loop::Fd> visitors;
  for (int i = 0; i < 4; ++i) visitors.push_back(street.visit(i < 3 ? kPicture : ""));
  co_await until_waiting(l, scope, street, 3);
  co_await street.close();
  EXPECT_EQ(street.metrics.connections_waiting.value(), 0u);
  char byte = 0;
  EXPECT_EQ(recv(visitors[3].get(), &byte, 1, 0), 0) << "closed";
}
TEST(FrontDoor, ClosesWhoWaitsWhenTheServerStops) { loop::run_loop(stopping); }

}  // namespace
}  // namespace imgring::server
