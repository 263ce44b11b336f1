// Which address a connection goes to: guard, head start, time limit.
#include "imgring/net/connector.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <optional>

#include "../loop/run_loop.h"
#include "name_server.h"

namespace imgring::net {
namespace {

using loop::Loop;
using loop::Scope;
using loop::Task;
using std::chrono::milliseconds;
using test::NameAnswer;
using test::NameServer;

// A listener on the loopback. With a full backlog it answers no further connection.
class Listener {
 public:
  explicit Listener(const char* address, bool full = false) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    inet_pton(AF_INET, address, &where.sin_addr);
    socklen_t size = sizeof where;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&where), size) != 0) std::abort();
    if (listen(fd_, full ? 0 : 16) != 0) std::abort();
    getsockname(fd_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    for (int i = 0; full && i < 4; ++i) {
      fill_[static_cast<std::size_t>(i)] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      static_cast<void>(
          connect(fill_[static_cast<std::size_t>(i)], reinterpret_cast<sockaddr*>(&where), size));
    }
  }
  ~Listener() {
    close(fd_);
    for (const int fd : fill_) {
      if (fd >= 0) close(fd);
    }
  }
  std::uint16_t port() const { return port_; }

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::array<int, 4> fill_{-1, -1, -1, -1};
};

struct Attempt {
  std::string host;
  std::uint16_t port = 0;
  std::string name_servers{};
  ConnectorOptions options{.policy = {.allow_loopback = true}};
  milliseconds cancel_after{0};
  bool check_only = false;
  std::string peer{};
  Error error{ErrorCode::kInternal, "none"};
  milliseconds took{0};
};

Task<void> drive(Loop* loop, Attempt* attempt) {
  Resolver resolver(*loop, ResolverOptions{.servers = attempt->name_servers});
  Connector connector(*loop, resolver, attempt->options);
  {
    Scope scope;
    std::optional<loop::Deadline> limit;
    if (attempt->cancel_after.count() > 0) limit.emplace(*loop, scope, attempt->cancel_after);
    const auto from = loop->now();
    Result<TransportPtr> got = TransportPtr();
    Result<void> passed;
    if (attempt->check_only) {
      passed = co_await connector.check(scope, attempt->host, attempt->port);
    } else {
      got = co_await connector.connect(scope, attempt->host, attempt->port);
    }
    if (!passed) got = std::unexpected(passed.error());
    const auto took = loop->now() - from;
    attempt->took = std::chrono::duration_cast<milliseconds>(took);
    if (got && attempt->check_only) {
      attempt->peer = "passed";
    } else if (got) {
      attempt->peer = (*got)->peer().text();
      EXPECT_TRUE((*got)->quiet());
    } else {
      attempt->error = got.error();
    }
  }
  co_await resolver.close();
}

void run(Attempt& attempt, TimeSource& time = system_time()) {
  Loop loop(loop::test_engine(), time);
  loop.run(drive(&loop, &attempt));
  EXPECT_EQ(loop.engine().in_flight(), 0u);
}

test::NameServer::Lookup gives(std::vector<std::string> addresses) {
  return [addresses = std::move(addresses)](const std::string&, int type) {
    return type == 1 ? NameAnswer{.addresses = addresses} : NameAnswer{};
  };
}

TEST(Connector, ConnectsToALiteral) {
  Listener listener("127.0.0.1");
  Attempt attempt{.host = "127.0.0.1", .port = listener.port()};
  run(attempt);
  EXPECT_EQ(attempt.peer, "127.0.0.1:" + std::to_string(listener.port()));
}

TEST(Connector, NamesThatGiveOnlyRefusedAddresses) {
  NameServer names(gives({"127.0.0.1", "169.254.169.254"}));
  Attempt attempt{.host = "evil.test", .port = 80, .name_servers = names.text()};
  attempt.options.policy.allow_loopback = false;
  run(attempt);
  EXPECT_EQ(attempt.error.code, ErrorCode::kInvalidSourceUrl);
  EXPECT_NE(attempt.error.detail.find("evil.test"), std::string::npos);
}

TEST(Connector, RefusedAddressesAreSkipped) {
  Listener listener("127.0.0.1");
  NameServer names(gives({"169.254.169.254", "127.0.0.1", "224.0.0.1"}));
  Attempt attempt{.host = "mixed.test", .port = listener.port(), .name_servers = names.text()};
  run(attempt);
  EXPECT_EQ(attempt.peer, "127.0.0.1:" + std::to_string(listener.port())) << attempt.error.detail;
  EXPECT_LT(attempt.took, milliseconds(200));
}

// A proxy was given names of which one address is allowed and another is not, and it picks.
TEST(Connector, TargetsOfAProxyHaveNoRefusedAddress) {
  struct Case {
    std::vector<std::string> addresses;
    bool passes;
  };
  for (const Case& c : {Case{{"192.0.2.1"}, true}, Case{{"192.0.2.1", "192.0.2.2"}, true},
                        Case{{"192.0.2.1", "10.0.0.1"}, true},  // private ones are allowed
                        Case{{"192.0.2.1", "169.254.169.254"}, false},
                        Case{{"169.254.169.254", "192.0.2.1"}, false},
                        Case{{"192.0.2.1", "192.0.2.2", "224.0.0.1"}, false},
                        Case{{"169.254.169.254"}, false}, Case{{"127.0.0.1"}, true}}) {
    SCOPED_TRACE(c.addresses.back());
    NameServer names(gives(c.addresses));
    Attempt attempt{
        .host = "target.test", .port = 80, .name_servers = names.text(), .check_only = true};
    run(attempt);
    EXPECT_EQ(attempt.peer, c.passes ? "passed" : "") << attempt.error.detail;
    if (c.passes) continue;
    EXPECT_EQ(attempt.error.code, ErrorCode::kInvalidSourceUrl);
    EXPECT_NE(attempt.error.detail.find("target.test is refused"), std::string::npos);
  }
}

// The families come in two answers: a refused one in either counts.
TEST(Connector, TargetsOfAProxyAreJudgedInBothFamilies) {
  NameServer names([](const std::string&, int type) {
    return NameAnswer{.addresses = {type == 1 ? "192.0.2.1" : "fe80::1"}};
  });
  Attempt attempt{
      .host = "target.test", .port = 80, .name_servers = names.text(), .check_only = true};
  run(attempt);
  EXPECT_EQ(attempt.error.code, ErrorCode::kInvalidSourceUrl) << attempt.error.detail;
}

// The next address is tried at once when one fails, and after the head start when it is silent.
TEST(Connector, NextAddressAfterAFailure) {
  Listener listener("127.0.0.3");
  NameServer names(gives({"127.0.0.2", "127.0.0.3"}));
  Attempt attempt{.host = "two.test", .port = listener.port(), .name_servers = names.text()};
  run(attempt);
  EXPECT_EQ(attempt.peer, "127.0.0.3:" + std::to_string(listener.port())) << attempt.error.detail;
  EXPECT_LT(attempt.took, milliseconds(200));
}

TEST(Connector, NobodyListens) {
  std::uint16_t port = 0;
  {
    port = Listener("127.0.0.1").port();
  }
  Attempt attempt{.host = "localhost", .port = port};
  run(attempt);
  EXPECT_EQ(attempt.error.code, ErrorCode::kSourceUnreachable);
  EXPECT_NE(attempt.error.detail.find("refused"), std::string::npos) << attempt.error.detail;
}

TEST(Connector, SilentAddressTimesOut) {
  Listener silent("127.0.0.1", true);
  Attempt attempt{.host = "127.0.0.1", .port = silent.port()};
  attempt.options.connect_time = milliseconds(300);
  test::ManualClock clock;
  run(attempt, clock);
  EXPECT_EQ(attempt.error.code, ErrorCode::kSourceTimeout) << attempt.error.detail;
  EXPECT_EQ(attempt.took, milliseconds(300));
}

TEST(Connector, HeadStartOfASilentAddress) {
  Listener silent("127.0.0.2", true);
  // Both must have the same port: take the silent one's for the other address.
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(silent.port());
  inet_pton(AF_INET, "127.0.0.3", &where.sin_addr);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
  ASSERT_EQ(listen(fd, 4), 0);
  NameServer names(gives({"127.0.0.2", "127.0.0.3"}));
  Attempt attempt{.host = "slow.test", .port = silent.port(), .name_servers = names.text()};
  run(attempt);
  EXPECT_EQ(attempt.peer, "127.0.0.3:" + std::to_string(silent.port())) << attempt.error.detail;
  EXPECT_GE(attempt.took, milliseconds(240));
  EXPECT_LT(attempt.took, milliseconds(1000));
  close(fd);
}

// DNS rebinding: a name that gave an allowed address gives a forbidden one at the next look-up.
// What is judged must be the very address that is connected to, each time.
Task<void> connect_twice(Loop* loop, const Attempt* attempt, std::array<Attempt, 2>* seen) {
  Resolver resolver(
      *loop, ResolverOptions{.servers = attempt->name_servers, .ttl_min = std::chrono::seconds(0)});
  Connector connector(*loop, resolver, attempt->options);
  for (Attempt& one : *seen) {
    Scope scope;
    Result<TransportPtr> got = co_await connector.connect(scope, attempt->host, attempt->port);
    if (got) {
      one.peer = (*got)->peer().text();
    } else {
      one.error = got.error();
    }
  }
  co_await resolver.close();
}

TEST(Connector, ANameThatChangesItsAddressIsJudgedEachTime) {
  Listener listener("127.0.0.1");
  for (const std::string forbidden : {"169.254.169.254", "::ffff:169.254.169.254", "fe80::1"}) {
    SCOPED_TRACE(forbidden);
    const bool v6 = forbidden.find(':') != std::string::npos;
    std::atomic<int> asked4 = 0, asked6 = 0;  // the two questions of a look-up come in any order
    NameServer names([&](const std::string&, int type) {
      NameAnswer answer{.ttl_s = 0};
      const bool first = ++(type == 1 ? asked4 : asked6) == 1;
      if (first && type == 1) answer.addresses = {"127.0.0.1"};
      if (!first && (type == 28) == v6) answer.addresses = {forbidden};
      return answer;
    });
    const Attempt attempt{
        .host = "rebind.test", .port = listener.port(), .name_servers = names.text()};
    std::array<Attempt, 2> seen;
    Loop loop(loop::test_engine());
    loop.run(connect_twice(&loop, &attempt, &seen));
    EXPECT_EQ(seen[0].peer, "127.0.0.1:" + std::to_string(listener.port())) << seen[0].error.detail;
    EXPECT_EQ(seen[1].peer, "");
    EXPECT_EQ(seen[1].error.code, ErrorCode::kInvalidSourceUrl) << seen[1].error.detail;
    EXPECT_EQ(asked4, 2);  // one look-up a connection: none between judging and connecting
  }
}

TEST(Connector, CancelledWhileConnecting) {
  Listener silent("127.0.0.1", true);
  Attempt attempt{.host = "127.0.0.1", .port = silent.port(), .cancel_after = milliseconds(100)};
  test::ManualClock clock;
  run(attempt, clock);
  EXPECT_EQ(attempt.error.code, ErrorCode::kSourceCancelled) << attempt.error.detail;
  EXPECT_EQ(attempt.took, milliseconds(100));
}

}  // namespace
}  // namespace imgring::net
