// Names through a name server of ours: cache, coalescing, faults, time limits.
#include "imgring/net/resolver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

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

struct Ask {
  std::string host;
  milliseconds pause_before{0}, give_up_after{0};
  Result<std::vector<Address>> got = fail(ErrorCode::kInternal, "not asked");
};

struct Asking {
  ResolverOptions options{};
  std::vector<Ask> asks{};
  bool together = false;
  std::size_t cached = 0;
  std::uint64_t sent = 0;
};

Task<void> ask_one(Loop* loop, Resolver* resolver, Ask* ask) {
  Scope scope;
  if (ask->pause_before.count() > 0) co_await loop::Sleep(*loop, scope, ask->pause_before);
  std::optional<loop::Deadline> limit;
  if (ask->give_up_after.count() > 0) limit.emplace(*loop, scope, ask->give_up_after);
  ask->got = co_await resolver->resolve(scope, ask->host, 80);
}

Task<void> drive_names(Loop* loop, Asking* asking) {
  Resolver resolver(*loop, asking->options);
  Scope all;
  loop::Nursery nursery(*loop, &all);
  for (Ask& ask : asking->asks) {
    nursery.start(ask_one(loop, &resolver, &ask));
    if (!asking->together) co_await nursery.join();
  }
  co_await nursery.join();
  asking->cached = resolver.cached();
  asking->sent = resolver.queries_sent();
  co_await resolver.close();
}

void run_names(Asking& asking) {
  Loop loop(loop::test_engine());
  loop.run(drive_names(&loop, &asking));
  EXPECT_EQ(loop.engine().in_flight(), 0u);
}

std::string texts(const Result<std::vector<Address>>& got) {
  if (!got) return "error: " + got.error().detail;
  std::string out;
  for (const Address& address : *got) out += address.text() + " ";
  return out;
}

Asking asking_of(std::vector<std::string> hosts, const std::string& servers) {
  Asking asking;
  asking.options.servers = servers;
  asking.options.try_time = milliseconds(200);
  for (std::string& host : hosts) {
    Ask ask;
    ask.host = std::move(host);
    asking.asks.push_back(std::move(ask));
  }
  return asking;
}

NameAnswer ordinary(const std::string& name, int type) {
  if (name != "both.test" && name != "www.both.test") return {.unknown = true};
  if (type == 1) return {.addresses = {"192.0.2.1", "192.0.2.2"}};
  return {.addresses = {"2001:db8::1"}};
}

TEST(Resolver, LiteralsAndLocalhostNeedNoServer) {
  Asking asking = asking_of({"127.0.0.1", "::1", "0x7f.1", "localhost", "LOCALHOST", "localhost.",
                             "x.localhost", "X.localhost."},
                            "127.0.0.1:1");
  run_names(asking);
  EXPECT_EQ(texts(asking.asks[0].got), "127.0.0.1:80 ");
  EXPECT_EQ(texts(asking.asks[1].got), "[::1]:80 ");
  EXPECT_EQ(texts(asking.asks[2].got), "127.0.0.1:80 ");
  for (std::size_t i = 3; i < 8; ++i) {
    EXPECT_EQ(texts(asking.asks[i].got), "127.0.0.1:80 [::1]:80 ");
  }
  EXPECT_EQ(asking.sent, 0u);
}

TEST(Resolver, BothFamiliesTakeTurnsAndAreCached) {
  NameServer server(ordinary);
  Asking asking = asking_of({"both.test", "Both.Test", "both.test."}, server.text());
  run_names(asking);
  for (const Ask& ask : asking.asks) {
    ASSERT_TRUE(ask.got.has_value()) << texts(ask.got);
    ASSERT_EQ(ask.got->size(), 3u);
    EXPECT_NE(texts(ask.got).find("[2001:db8::1]:80"), std::string::npos);
    EXPECT_NE((*ask.got)[0].family(), (*ask.got)[1].family());
  }
  // The name with the dot of the root is another one: the search list may tell them apart.
  EXPECT_EQ(asking.sent, 2u);
  EXPECT_EQ(asking.cached, 2u);
}

// Names of a server that says nothing, whose clients leave: whoever comes next finds a place.
TEST(Resolver, LookupsThatNobodyWaitsForHoldNoPlace) {
  NameServer server([](const std::string& name, int type) {
    return name.starts_with("silent") ? NameAnswer{.silent = true} : ordinary(name, type);
  });
  std::vector<std::string> names;
  constexpr std::size_t kSilent = kQueriesMax * 2;
  for (std::size_t i = 0; i < kSilent; ++i) names.push_back("silent" + std::to_string(i) + ".test");
  names.push_back("both.test");
  Asking asking = asking_of(std::move(names), server.text());
  asking.together = true;
  asking.options.try_time = milliseconds(60'000);  // none would end by itself
  for (std::size_t i = 0; i < kSilent; ++i) {
    Ask& ask = asking.asks[i];
    // A thousand take half a second with addresses checked on a busy machine.
    if (i >= kQueriesMax) ask.pause_before = milliseconds(2000);
    ask.give_up_after = milliseconds(50);
  }
  asking.asks.back().pause_before = milliseconds(4000);
  run_names(asking);
  for (std::size_t i = 0; i < kSilent; ++i) {
    ASSERT_FALSE(asking.asks[i].got.has_value());
    ASSERT_EQ(asking.asks[i].got.error().code, ErrorCode::kSourceCancelled)
        << asking.asks[i].got.error().detail;
  }
  EXPECT_TRUE(asking.asks.back().got.has_value()) << texts(asking.asks.back().got);
}

TEST(Resolver, ANameThatIsWantedAgainIsNotAskedForTwice) {
  std::atomic<bool> silent{true};
  NameServer server([&silent](const std::string& name, int type) {
    return silent ? NameAnswer{.silent = true} : ordinary(name, type);
  });
  Asking asking = asking_of({"both.test", "both.test"}, server.text());
  asking.asks[0].give_up_after = milliseconds(20);
  asking.options.try_time = milliseconds(300);
  std::thread later([&silent] {
    std::this_thread::sleep_for(milliseconds(100));
    silent = false;
  });
  run_names(asking);
  later.join();
  EXPECT_FALSE(asking.asks[0].got.has_value());
  EXPECT_TRUE(asking.asks[1].got.has_value()) << texts(asking.asks[1].got);
  EXPECT_EQ(asking.sent, 1u);
}

// Search domains for c-ares, in place of resolv.conf's.
class SearchList {
 public:
  explicit SearchList(const char* domains) { setenv("LOCALDOMAIN", domains, 1); }
  ~SearchList() { unsetenv("LOCALDOMAIN"); }
};

// A rooted name lost its dot, and "name." was answered with the address of "name.corp.test".
TEST(Resolver, RootedNamesAreNotSearchedFor) {
  const SearchList search("corp.test");
  NameServer server([](const std::string& name, int type) -> NameAnswer {
    if (!name.ends_with(".corp.test")) return {.unknown = true};
    return type == 1 ? NameAnswer{.addresses = {"192.0.2.1"}} : NameAnswer{};
  });
  Asking asking = asking_of({"host", "host.", "a.host", "a.host.", "HOST."}, server.text());
  asking.options.negative_ttl = std::chrono::seconds(60);
  run_names(asking);
  for (const std::size_t i : {0u, 2u}) EXPECT_EQ(texts(asking.asks[i].got), "192.0.2.1:80 ");
  for (const std::size_t i : {1u, 3u, 4u}) {
    ASSERT_FALSE(asking.asks[i].got.has_value()) << asking.asks[i].host;
    EXPECT_EQ(asking.asks[i].got.error().code, ErrorCode::kSourceUnreachable);
  }
  EXPECT_EQ(asking.sent, 4u);  // "HOST." is known by then
}

TEST(Resolver, LengthsOfNames) {
  NameServer server([](const std::string&, int type) {
    return type == 1 ? NameAnswer{.addresses = {"192.0.2.1"}} : NameAnswer{};
  });
  std::string longest;
  for (int i = 0; i < 4; ++i) longest += std::string(63, 'a') + ".";
  longest.resize(253);  // the last label is the shorter one: 61 letters
  Asking asking = asking_of({longest, longest + ".", longest + "a", longest + "a."}, server.text());
  run_names(asking);
  for (std::size_t i = 0; i < 4; ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(asking.asks[i].got.has_value(), i < 2) << texts(asking.asks[i].got);
  }
  EXPECT_EQ(asking.sent, 2u);
}

TEST(Resolver, OneQueryForMany) {
  NameServer server(ordinary);
  Asking asking = asking_of(std::vector<std::string>(50, "both.test"), server.text());
  asking.together = true;
  run_names(asking);
  for (const Ask& ask : asking.asks) EXPECT_TRUE(ask.got.has_value());
  EXPECT_EQ(asking.sent, 1u);
}

TEST(Resolver, UnknownNamesAreRememberedForASecond) {
  NameServer server(ordinary);
  Asking asking = asking_of({"no.test", "no.test", "no.test"}, server.text());
  asking.asks[2].pause_before = milliseconds(1200);
  run_names(asking);
  for (const Ask& ask : asking.asks) {
    ASSERT_FALSE(ask.got.has_value());
    EXPECT_EQ(ask.got.error().code, ErrorCode::kSourceUnreachable);
    EXPECT_NE(ask.got.error().detail.find("no.test"), std::string::npos);
  }
  EXPECT_EQ(asking.sent, 2u);
}

TEST(Resolver, TimeToLiveEnds) {
  NameServer server([](const std::string&, int type) {
    return type == 1 ? NameAnswer{.addresses = {"192.0.2.1"}, .ttl_s = 1} : NameAnswer{};
  });
  Asking asking = asking_of({"a.test", "a.test", "a.test"}, server.text());
  asking.asks[2].pause_before = milliseconds(1200);
  run_names(asking);
  EXPECT_EQ(texts(asking.asks[2].got), "192.0.2.1:80 ");
  EXPECT_EQ(asking.sent, 2u);
}

TEST(Resolver, TruncatedAnswersAreAskedByTcp) {
  NameServer server([](const std::string&, int type) {
    NameAnswer answer{.addresses = {}, .truncated = true};
    if (type == 1) answer.addresses = {"192.0.2.7"};
    return answer;
  });
  Asking asking = asking_of({"long.test"}, server.text());
  asking.options.try_time = milliseconds(2000);
  run_names(asking);
  EXPECT_EQ(texts(asking.asks[0].got), "192.0.2.7:80 ");
  EXPECT_GE(server.tcp_questions(), 1);
}

TEST(Resolver, ManyAddressesAreCut) {
  NameServer server([](const std::string&, int type) {
    NameAnswer answer;
    for (int i = 0; i < 28 && type == 1; ++i) {
      answer.addresses.push_back("192.0.2." + std::to_string(i));
    }
    return answer;
  });
  Asking asking = asking_of({"many.test"}, server.text());
  run_names(asking);
  ASSERT_TRUE(asking.asks[0].got.has_value());
  EXPECT_EQ(asking.asks[0].got->size(), kAddressesPerNameMax);
}

TEST(Resolver, SilenceIsATimeout) {
  NameServer server([](const std::string&, int) { return NameAnswer{.silent = true}; });
  Asking asking = asking_of({"quiet.test"}, server.text());
  const auto from = std::chrono::steady_clock::now();
  run_names(asking);
  EXPECT_EQ(asking.asks[0].got.error().code, ErrorCode::kSourceUnreachable);
  EXPECT_LT(std::chrono::steady_clock::now() - from, milliseconds(5000));
}

TEST(Resolver, WaitersLeaveBeforeTheAnswer) {
  NameServer server([](const std::string&, int) { return NameAnswer{.silent = true}; });
  Asking asking = asking_of({"quiet.test", "quiet.test"}, server.text());
  asking.options.try_time = milliseconds(3000);
  asking.together = true;
  for (Ask& ask : asking.asks) ask.give_up_after = milliseconds(100);
  const auto from = std::chrono::steady_clock::now();
  run_names(asking);  // close() ends the query that nobody waits for
  for (const Ask& ask : asking.asks) {
    EXPECT_EQ(ask.got.error().code, ErrorCode::kSourceCancelled);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - from, milliseconds(1500));
}

TEST(Resolver, BadNames) {
  Asking asking = asking_of({"", ".", "..", "a..", "localhost..", std::string(300, 'a'),
                             std::string("a\0b", 3), std::string("a\0.", 3)},
                            "127.0.0.1:1");
  run_names(asking);
  for (const Ask& ask : asking.asks) {
    SCOPED_TRACE(ask.host);
    ASSERT_FALSE(ask.got.has_value());
    EXPECT_EQ(ask.got.error().detail, "not a host name");
  }
  EXPECT_EQ(asking.sent, 0u);
}

// The first name of the machine's hosts file that needs the file; some have none.
std::string name_in_hosts_file() {
  std::ifstream file("/etc/hosts");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address, name;
    words >> address >> name;
    const bool needed = !name.empty() && name.find("localhost") == std::string::npos;
    if (needed && parse_address(address, 1)) return name;
  }
  return {};
}

TEST(Resolver, HostsFileIsHonoured) {
  const std::string name = name_in_hosts_file();
  if (name.empty()) return;
  // There it has no dot of the root.
  Asking asking = asking_of({name, name + "."}, "127.0.0.1:1");
  run_names(asking);
  for (const Ask& ask : asking.asks) {
    EXPECT_TRUE(ask.got.has_value()) << ask.host << ": " << texts(ask.got);
  }
}

}  // namespace
}  // namespace imgring::net
