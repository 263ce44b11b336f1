// One served connection on a socket pair: what holds a client that was refused, and what ends that.
#include "imgring/http/server.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "../loop/run_loop.h"
#include "imgring/mem/ledger.h"

namespace imgring::http {
namespace {

using namespace std::chrono_literals;
using loop::Clock;

constexpr std::string_view kAsk = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

// Refuses everything, with a slot so long that the next one is a second away.
class Refuser final : public Handler {
 public:
  loop::Task<void> handle(loop::Scope&, const Request&, Responder& responder,
                          const Peer&) override {
    ++asked;
    responder.take_slot(RefusalPace::kHoldMax);
    Response response;
    response.status = 503;
    co_await responder.send(response, as_bytes("no"));
  }
  int asked = 0;
};

// A server side in a coroutine of its own, and the client's descriptor.
struct Served {
  Served(loop::Loop& l, loop::Scope& scope)
      : requests(&scope), idle(&requests), context(l, requests, idle), connections(l, nullptr) {
    int fds[2];
    IMGRING_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    client = loop::Fd(fds[0]);
    server_fd = fds[1];
    context.held_now = &held_now;
    context.held_total = &held_total;
    connections.start(serve_connection(context, refuser, loop::Fd(fds[1])));
  }
  void ask(std::string_view text) const {
    EXPECT_EQ(write(client.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  loop::Scope requests, idle;
  ServerContext context;
  Refuser refuser;
  mem::Counter held_now, held_total;
  loop::Fd client;
  int server_fd = -1;
  loop::Nursery connections;
};

loop::Task<void> until_held(loop::Loop& l, loop::Scope& scope, Served& served) {
  while (served.held_now.value() == 0) {
    const bool slept = co_await loop::Sleep(l, scope, 1ms);
    EXPECT_TRUE(slept);
  }
}

loop::Task<void> asks_twice(loop::Loop& l, loop::Scope& scope) {
  Served served(l, scope);
  const auto start = l.now();
  served.ask(std::string(kAsk) + std::string(kAsk));
  while (served.refuser.asked < 2) {
    const bool slept = co_await loop::Sleep(l, scope, 1ms);
    EXPECT_TRUE(slept);
    const bool second = served.refuser.asked == 2;
    if (second) {
      EXPECT_GE(l.now() - start, RefusalPace::kHoldMax - RefusalPace::kHoldGrid);
    }
  }
  EXPECT_GE(served.held_total.value(), 1u);
  served.client.reset();
  co_await served.connections.join();
  EXPECT_EQ(served.held_now.value(), 0u);
}
TEST(HeldConnection, IsNotAnsweredBeforeItsTime) { loop::run_manual(asks_twice); }

loop::Task<void> leaves(loop::Loop& l, loop::Scope& scope) {
  Served served(l, scope);
  served.ask(kAsk);
  co_await until_held(l, scope, served);
  const auto start = l.now();
  served.client.reset();
  co_await served.connections.join();
  EXPECT_LT(l.now() - start, RefusalPace::kHoldMax / 2) << "waited for the end of the hold";
  EXPECT_EQ(served.held_now.value(), 0u);
}
TEST(HeldConnection, EndsWhenItsClientLeaves) { loop::run_manual(leaves); }

// Also with the next request in its buffer.
loop::Task<void> asks_and_leaves(loop::Loop& l, loop::Scope& scope) {
  Served served(l, scope);
  served.ask(kAsk);
  co_await until_held(l, scope, served);
  const auto start = l.now();
  served.ask("GET /half");
  served.client.reset();
  co_await served.connections.join();
  EXPECT_LT(l.now() - start, RefusalPace::kHoldMax / 2);
  EXPECT_EQ(served.refuser.asked, 1);
}
TEST(HeldConnection, EndsWhenItsClientHasAskedAndLeft) { loop::run_manual(asks_and_leaves); }

loop::Task<void> drains(loop::Loop& l, loop::Scope& scope) {
  Served served(l, scope);
  served.ask(kAsk);
  co_await until_held(l, scope, served);
  const auto start = l.now();
  served.context.draining = true;
  served.idle.cancel(loop::CancelReason::kShutdown);
  co_await served.connections.join();
  EXPECT_LT(l.now() - start, RefusalPace::kHoldMax / 2);
}
TEST(HeldConnection, EndsWhenTheServerDrains) { loop::run_manual(drains); }

loop::Task<void> floods(loop::Loop& l, loop::Scope& scope) {
  Served served(l, scope);
  served.ask(kAsk);
  co_await until_held(l, scope, served);
  const std::string more(100'000, 'x');
  served.ask(more);
  for (int turn = 0; turn < 50; ++turn) {
    const int r = co_await loop::nop(l, scope);
    EXPECT_EQ(r, 0);
  }
  int in_kernel = 0;
  ioctl(served.server_fd, FIONREAD, &in_kernel);
  EXPECT_GT(static_cast<std::size_t>(in_kernel), more.size() / 2) << "was read on";
  served.idle.cancel(loop::CancelReason::kShutdown);
  served.client.reset();
  co_await served.connections.join();
}
TEST(HeldConnection, LeavesItsBytesInTheKernel) { loop::run_manual(floods); }

// Answers everything at once and remembers the order.
class Scribe final : public Handler {
 public:
  loop::Task<void> handle(loop::Scope&, const Request& request, Responder& responder,
                          const Peer&) override {
    targets.push_back(request.target);
    co_await responder.send(Response(), as_bytes("yes"));
  }
  std::vector<std::string> targets;
};

loop::Fd connect_to(loop::Nursery& connections, ServerContext& context, Handler& handler) {
  int fds[2];
  IMGRING_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  connections.start(serve_connection(context, handler, loop::Fd(fds[1])));
  return loop::Fd(fds[0]);
}

// Bytes that were there.
std::size_t take_all(const loop::Fd& client) {
  char bytes[4096];
  std::size_t all = 0;
  for (;;) {
    const ssize_t got = recv(client.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) return all;
    all += static_cast<std::size_t>(got);
  }
}

// What one client sends in a pipeline is answered in turns with what others ask for.
loop::Task<void> pipelines(loop::Loop& l, loop::Scope& scope) {
  loop::Scope requests(&scope), idle(&requests);
  ServerContext context(l, requests, idle);
  Scribe scribe;
  loop::Nursery connections(l, nullptr);
  constexpr std::size_t kPipelined = 100;
  std::string many;
  for (std::size_t i = 0; i < kPipelined; ++i) many += kAsk;
  loop::Fd greedy = connect_to(connections, context, scribe);
  EXPECT_EQ(write(greedy.get(), many.data(), many.size()), static_cast<ssize_t>(many.size()));
  loop::Fd other = connect_to(connections, context, scribe);
  constexpr std::string_view kOther = "GET /other HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(write(other.get(), kOther.data(), kOther.size()), static_cast<ssize_t>(kOther.size()));
  while (scribe.targets.size() < kPipelined + 1) {
    take_all(greedy);
    const bool slept = co_await loop::Sleep(l, scope, 1ms);
    EXPECT_TRUE(slept);
  }
  const auto place = std::find(scribe.targets.begin(), scribe.targets.end(), "/other");
  EXPECT_LT(place - scribe.targets.begin(), 4);
  greedy.reset();
  other.reset();
  co_await connections.join();
}
TEST(Connection, APipelineIsAnsweredInTurnsWithOthers) { loop::run_manual(pipelines); }

// How many small answers a client gets that takes none of them; then it takes them, and gets all.
loop::Task<void> pipelines_unread(loop::Loop& l, loop::Scope& scope, mem::Budget* heads,
                                  std::size_t* answered) {
  loop::Scope requests(&scope), idle(&requests);
  ServerContext context(l, requests, idle);
  context.heads = heads;
  Scribe scribe;
  loop::Nursery connections(l, nullptr);
  constexpr std::size_t kPipelined = 1000;
  std::string many;
  for (std::size_t i = 0; i < kPipelined; ++i) many += kAsk;
  loop::Fd greedy = connect_to(connections, context, scribe);
  EXPECT_EQ(write(greedy.get(), many.data(), many.size()), static_cast<ssize_t>(many.size()));
  for (std::size_t before = 0; before == 0 || before < scribe.targets.size();) {
    before = scribe.targets.size();
    const bool slept = co_await loop::Sleep(l, scope, 50ms);
    EXPECT_TRUE(slept);
  }
  *answered = scribe.targets.size();
  EXPECT_EQ(heads != nullptr ? heads->current() : 0, heads != nullptr ? kPipelinedUntakenBytes : 0);
  while (scribe.targets.size() < kPipelined) {
    take_all(greedy);
    const bool slept = co_await loop::Sleep(l, scope, 1ms);
    EXPECT_TRUE(slept);
  }
  greedy.reset();
  co_await connections.join();
  EXPECT_EQ(heads != nullptr ? heads->current() : 0, 0u);
}
TEST(Connection, SmallAnswersGatherAsFarAsTheyArePaid) {
  std::size_t unpaid = 0, paid = 0;
  mem::Budget heads(1 << 20);
  loop::run_manual([&](loop::Loop& l, loop::Scope& scope) {
    return pipelines_unread(l, scope, nullptr, &unpaid);
  });
  loop::run_manual(
      [&](loop::Loop& l, loop::Scope& scope) { return pipelines_unread(l, scope, &heads, &paid); });
  // What the kernel needs around each makes them fewer than their bytes.
  EXPECT_LE(unpaid, mem::kClientUntakenBytes / 64);
  EXPECT_GT(paid, unpaid);
  EXPECT_LT(paid, kPipelinedUntakenBytes / 64);
}

// Answers of 100 kB, which a socket takes at once.
class Copier final : public Handler {
 public:
  loop::Task<void> handle(loop::Scope&, const Request&, Responder& responder,
                          const Peer&) override {
    const std::string body(100'000, 'x');
    const bool sent = co_await responder.send(Response(), as_bytes(body));
    if (sent) ++taken;
  }
  int taken = 0;
};
loop::Task<void> takes_late(loop::Loop& l, loop::Scope& scope) {
  loop::Scope requests(&scope), idle(&requests);
  ServerContext context(l, requests, idle);
  Copier copier;
  loop::Nursery connections(l, nullptr);
  loop::Fd client = connect_to(connections, context, copier);
  EXPECT_EQ(write(client.get(), kAsk.data(), kAsk.size()), static_cast<ssize_t>(kAsk.size()));
  const bool slept = co_await loop::Sleep(l, scope, 100ms);
  EXPECT_TRUE(slept);
  int there = 0;
  ioctl(client.get(), FIONREAD, &there);
  EXPECT_GT(there, 100'000);
  EXPECT_EQ(copier.taken, 0) << "its memory was given back while the kernel had it";
  while (copier.taken == 0) {
    take_all(client);
    const bool again = co_await loop::Sleep(l, scope, 1ms);
    EXPECT_TRUE(again);
  }
  client.reset();
  co_await connections.join();
}
TEST(Connection, AnAnswerIsOverWhenItIsTaken) { loop::run_manual(takes_late); }

// Looks at what is left come every 64 ms by then, but one that asks again has taken its answer: at
// 2 ms each, all answers above 4 KiB on kept connections took that much longer.
loop::Task<void> takes_and_asks(loop::Loop& l, loop::Scope& scope) {
  loop::Scope requests(&scope), idle(&requests);
  ServerContext context(l, requests, idle);
  Copier copier;
  loop::Nursery connections(l, nullptr);
  loop::Fd client = connect_to(connections, context, copier);
  constexpr int kRounds = 5;
  Clock::duration least = 1s;
  for (int round = 0; round < kRounds; ++round) {
    EXPECT_EQ(write(client.get(), kAsk.data(), kAsk.size()), static_cast<ssize_t>(kAsk.size()));
    const bool slept = co_await loop::Sleep(l, scope, 130ms);  // 60 before the next look
    EXPECT_TRUE(slept);
    EXPECT_EQ(copier.taken, round);
    take_all(client);
    EXPECT_EQ(write(client.get(), kAsk.data(), 1), 1);  // of the next one
    const auto start = l.now();
    while (copier.taken == round) {
      const bool again = co_await loop::Sleep(l, scope, 1ms);
      EXPECT_TRUE(again);
    }
    least = std::min(least, l.now() - start);
    client = connect_to(connections, context, copier);
  }
  EXPECT_LT(least, 30ms);
  client.reset();
  co_await connections.join();
}
TEST(Connection, TheNextRequestEndsTheWaitForTheLastAnswer) { loop::run_manual(takes_and_asks); }

}  // namespace
}  // namespace imgring::http
