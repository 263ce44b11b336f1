// The guard as a table: ranges, switches, embedded IPv4, and spellings of forbidden hosts.
#include "imgring/net/address.h"

#include <gtest/gtest.h>

#include <string_view>

namespace imgring::net {
namespace {

struct Case {
  std::string_view host;
  AddressClass kind;
};

constexpr AddressClass kPublic = AddressClass::kPublic;
constexpr AddressClass kLoopback = AddressClass::kLoopback;
constexpr AddressClass kLinkLocal = AddressClass::kLinkLocal;
constexpr AddressClass kPrivate = AddressClass::kPrivate;
constexpr AddressClass kNever = AddressClass::kNever;

constexpr Case kCases[] = {
    // loopback, however it is spelled
    {"127.0.0.1", kLoopback},
    {"127.255.255.254", kLoopback},
    {"127.1", kLoopback},
    {"0x7f.1", kLoopback},
    {"0x7f000001", kLoopback},
    {"2130706433", kLoopback},
    {"017700000001", kLoopback},
    {"0177.0.0.1", kLoopback},
    {"0x7F.0x0.0x0.0x1", kLoopback},
    {"127.0x000001", kLoopback},
    {"0", kLoopback},
    {"0.0.0.0", kLoopback},
    {"0.1.2.3", kLoopback},
    {"::1", kLoopback},
    {"0:0:0:0:0:0:0:1", kLoopback},
    {"::", kLoopback},
    {"::ffff:127.0.0.1", kLoopback},
    {"::ffff:7f00:1", kLoopback},
    {"::127.0.0.1", kLoopback},
    {"2002:7f00:1::", kLoopback},
    {"2002:7f00:0001:1234::9", kLoopback},
    {"64:ff9b::127.0.0.1", kLoopback},
    {"64:ff9b::7f00:1", kLoopback},
    {"64:ff9b:1:7f00:0:100::", kLoopback},
    {"2001:0:1234::80ff:fffe", kLoopback},
    {"2400::5efe:127.0.0.1", kLoopback},
    {"2400::200:5efe:127.0.0.1", kLoopback},
    {"::ffff:0.0.0.0", kLoopback},
    // link-local
    {"169.254.169.254", kLinkLocal},
    {"2852039166", kLinkLocal},
    {"0xa9fea9fe", kLinkLocal},
    {"0251.0376.0251.0376", kLinkLocal},
    {"169.254.43518", kLinkLocal},
    {"::ffff:169.254.169.254", kLinkLocal},
    {"::169.254.169.254", kLinkLocal},
    {"2002:a9fe:a9fe::", kLinkLocal},
    {"64:ff9b::a9fe:a9fe", kLinkLocal},
    {"64:ff9b:1:a9fe:a9:fe00::", kLinkLocal},
    {"2001:0:9::5601:5601", kLinkLocal},
    {"fe80::1", kLinkLocal},
    {"fe80::1%1", kLinkLocal},
    {"febf::1", kLinkLocal},
    {"ff02::1", kLinkLocal},
    {"ff12::1", kLinkLocal},
    {"224.0.0.251", kLinkLocal},
    {"2400::5efe:169.254.1.1", kLinkLocal},
    // private
    {"10.0.0.1", kPrivate},
    {"172.16.0.1", kPrivate},
    {"172.31.255.255", kPrivate},
    {"192.168.1.1", kPrivate},
    {"100.64.0.1", kPrivate},
    {"100.127.255.255", kPrivate},
    {"fc00::1", kPrivate},
    {"fdff::1", kPrivate},
    {"fec0::1", kPrivate},
    {"feff::1", kPrivate},
    {"::ffff:10.0.0.1", kPrivate},
    {"2002:c0a8:101::", kPrivate},
    // never
    {"224.0.1.1", kNever},
    {"239.255.255.255", kNever},
    {"240.0.0.1", kNever},
    {"255.255.255.255", kNever},
    {"ff0e::1", kNever},
    {"ff01::1", kNever},
    {"::ffff:255.255.255.255", kNever},
    // public
    {"1.1.1.1", kPublic},
    {"126.255.255.255", kPublic},
    {"128.0.0.1", kPublic},
    {"172.15.255.255", kPublic},
    {"172.32.0.1", kPublic},
    {"192.167.1.1", kPublic},
    {"100.63.255.255", kPublic},
    {"100.128.0.0", kPublic},
    {"169.253.1.1", kPublic},
    {"198.18.0.1", kPublic},
    {"223.255.255.255", kPublic},
    {"2606:4700::1111", kPublic},
    {"::ffff:8.8.8.8", kPublic},
    {"2002:808:808::", kPublic},
    {"64:ff9b::8.8.8.8", kPublic},
    {"2001:db8::1", kPublic},
    {"fe40::1", kPublic},
    {"2001:0:9::f7f7:f7f7", kPublic},
    // one layer only: what a mapped address holds is IPv4
    {"2002:100:1::", kPublic},
};

TEST(AddressGuard, ClassOfEachSpelling) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.host);
    const auto address = parse_address(c.host, 80);
    ASSERT_TRUE(address.has_value());
    const GuardVerdict verdict = judge(address->get(), AddressPolicy{false, false, false});
    EXPECT_EQ(verdict.kind, c.kind) << name_of(verdict.kind);
    EXPECT_EQ(verdict.allowed, c.kind == kPublic);
  }
}

TEST(AddressGuard, EachSwitchAllowsItsClassOnly) {
  struct Switch {
    AddressPolicy policy;
    AddressClass allowed;
  };
  constexpr Switch kSwitches[] = {{{true, false, false}, kLoopback},
                                  {{false, true, false}, kLinkLocal},
                                  {{false, false, true}, kPrivate}};
  for (const Switch& one : kSwitches) {
    for (const Case& c : kCases) {
      SCOPED_TRACE(c.host);
      const auto address = parse_address(c.host, 80);
      ASSERT_TRUE(address.has_value());
      const bool wanted = c.kind == kPublic || c.kind == one.allowed;
      EXPECT_EQ(judge(address->get(), one.policy).allowed, wanted);
    }
  }
}

// fe80:: with an ISATAP loopback inside needs both switches.
TEST(AddressGuard, OuterAndInnerAddressMustBothBeAllowed) {
  const auto address = parse_address("fe80::5efe:127.0.0.1", 80);
  ASSERT_TRUE(address.has_value());
  EXPECT_FALSE(judge(address->get(), {true, false, true}).allowed);
  EXPECT_FALSE(judge(address->get(), {false, true, true}).allowed);
  EXPECT_TRUE(judge(address->get(), {true, true, true}).allowed);
}

TEST(AddressGuard, OtherFamiliesAreRefused) {
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_FALSE(judge(other, {true, true, true}).allowed);
}

TEST(Address, NamesAreNoLiterals) {
  for (const std::string_view host : {"example.com", "", "localhost", "1.2.3.4.5", "256.1.1.1",
                                      "127.0.0.1 x", "0x", "::g", "1:2", "127.0.0.1\n"}) {
    SCOPED_TRACE(host);
    EXPECT_FALSE(parse_address(host, 1).has_value());
  }
}

TEST(Address, TextAndPort) {
  auto v4 = parse_address("0x7f.1", 80);
  ASSERT_TRUE(v4.has_value());
  EXPECT_EQ(v4->text(), "127.0.0.1:80");
  v4->set_port(443);
  EXPECT_EQ(v4->port(), 443);
  const auto v6 = parse_address("::1", 8080);
  ASSERT_TRUE(v6.has_value());
  EXPECT_EQ(v6->text(), "[::1]:8080");
}

}  // namespace
}  // namespace imgring::net
