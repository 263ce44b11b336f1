// Address literals and the guard's tables (hardening.md section 3).
#include "imgring/net/address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <array>
#include <cstring>

#include "imgring/base/text.h"

namespace imgring::net {

namespace {

using Bytes4 = std::array<std::uint8_t, 4>;
using Bytes16 = std::array<std::uint8_t, 16>;

template <class Bytes>
struct Range {
  Bytes prefix;
  int bits;
  AddressClass kind;
};

// First match wins.
constexpr Range<Bytes4> kRanges4[] = {
    {{127, 0, 0, 0}, 8, AddressClass::kLoopback},
    {{0, 0, 0, 0}, 8, AddressClass::kLoopback},
    {{169, 254, 0, 0}, 16, AddressClass::kLinkLocal},
    {{224, 0, 0, 0}, 24, AddressClass::kLinkLocal},
    {{10, 0, 0, 0}, 8, AddressClass::kPrivate},
    {{172, 16, 0, 0}, 12, AddressClass::kPrivate},
    {{192, 168, 0, 0}, 16, AddressClass::kPrivate},
    {{100, 64, 0, 0}, 10, AddressClass::kPrivate},
    {{224, 0, 0, 0}, 4, AddressClass::kNever},
    {{240, 0, 0, 0}, 4, AddressClass::kNever},
};

constexpr Range<Bytes16> kRanges6[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, AddressClass::kLoopback},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 128, AddressClass::kLoopback},
    {{0xfe, 0x80}, 10, AddressClass::kLinkLocal},
    {{0xfc}, 7, AddressClass::kPrivate},
    {{0xfe, 0xc0}, 10, AddressClass::kPrivate},
};

template <class Bytes>
bool within(const Bytes& address, const Range<Bytes>& range) noexcept {
  const auto whole = static_cast<std::size_t>(range.bits / 8);
  if (std::memcmp(address.data(), range.prefix.data(), whole) != 0) return false;
  const int rest = range.bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return ((address[whole] ^ range.prefix[whole]) & mask) == 0;
}

AddressClass class_of(const Bytes4& address) noexcept {
  for (const auto& range : kRanges4) {
    if (within(address, range)) return range.kind;
  }
  return AddressClass::kPublic;
}

AddressClass class_of(const Bytes16& address) noexcept {
  if (address[0] == 0xff) {
    // Multicast: link scope with any flags is link-local, everything else is refused.
    return (address[1] & 0x0f) == 2 ? AddressClass::kLinkLocal : AddressClass::kNever;
  }
  for (const auto& range : kRanges6) {
    if (within(address, range)) return range.kind;
  }
  return AddressClass::kPublic;
}

// Where an IPv6 form keeps its IPv4 address.
struct Embedding {
  Bytes16 prefix;
  int bits;
  std::array<std::uint8_t, 4> at;
  std::uint8_t flip;  // each byte is XORed with it
};

constexpr Embedding kEmbeddings[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, {12, 13, 14, 15}, 0},  // mapped
    {{}, 96, {12, 13, 14, 15}, 0},                                          // compatible
    {{0x20, 0x02}, 16, {2, 3, 4, 5}, 0},                                    // 6to4
    {{0x00, 0x64, 0xff, 0x9b}, 96, {12, 13, 14, 15}, 0},                    // NAT64
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, {6, 7, 9, 10}, 0},           // NAT64, local use
    {{0x20, 0x01, 0x00, 0x00}, 32, {12, 13, 14, 15}, 0xff},                 // Teredo
};

std::optional<Bytes4> embedded(const Bytes16& a) noexcept {
  for (const Embedding& form : kEmbeddings) {
    const Range<Bytes16> range{form.prefix, form.bits, AddressClass::kPublic};
    if (!within(a, range)) continue;
    Bytes4 out;
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<std::uint8_t>(a[form.at[i]] ^ form.flip);
    }
    return out;
  }
  const bool isatap = (a[8] & 0xfd) == 0 && a[9] == 0 && a[10] == 0x5e && a[11] == 0xfe;
  if (isatap) return Bytes4{a[12], a[13], a[14], a[15]};
  return std::nullopt;
}

bool allows(AddressClass kind, const AddressPolicy& policy) noexcept {
  switch (kind) {
    case AddressClass::kPublic: return true;
    case AddressClass::kLoopback: return policy.allow_loopback;
    case AddressClass::kLinkLocal: return policy.allow_link_local;
    case AddressClass::kPrivate: return policy.allow_private;
    case AddressClass::kNever: return false;
  }
  return false;
}

GuardVerdict judge_v6(const sockaddr_in6& v6, const AddressPolicy& policy) noexcept {
  Bytes16 bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  const AddressClass own = class_of(bytes);
  if (own != AddressClass::kPublic && !allows(own, policy)) return {false, own};
  // ::1 and :: are written in the compatible form too: what they are is settled.
  if (own == AddressClass::kLoopback) return {true, own};
  const std::optional<Bytes4> inner = embedded(bytes);
  if (!inner) return {true, own};
  const AddressClass kind = class_of(*inner);
  return {allows(kind, policy), kind == AddressClass::kPublic ? own : kind};
}

std::optional<Address> parse_v6(const std::string& text, std::uint16_t port) {
  const std::size_t percent = text.find('%');
  const std::string number = text.substr(0, percent);
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, number.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
  if (percent != std::string::npos) {
    const std::string zone = text.substr(percent + 1);
    const auto index = parse_int(zone);
    v6.sin6_scope_id = index ? static_cast<std::uint32_t>(*index) : if_nametoindex(zone.c_str());
  }
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  return Address(v6);
}

}  // namespace

std::uint16_t Address::port() const noexcept {
  return ntohs(family() == AF_INET6 ? any_.v6.sin6_port : any_.v4.sin_port);
}

void Address::set_port(std::uint16_t port) noexcept {
  (family() == AF_INET6 ? any_.v6.sin6_port : any_.v4.sin_port) = htons(port);
}

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  if (family() == AF_INET6) {
    inet_ntop(AF_INET6, &any_.v6.sin6_addr, buffer, sizeof buffer);
    // Not "[" + …: gcc 12 sees an overlap there (its bug 105651).
    std::string text(1, '[');
    text += buffer;
    return text + "]:" + std::to_string(port());
  }
  if (family() != AF_INET) return "?";
  inet_ntop(AF_INET, &any_.v4.sin_addr, buffer, sizeof buffer);
  return std::string(buffer) + ":" + std::to_string(port());
}

std::optional<Address> parse_address(std::string_view host, std::uint16_t port) {
  // inet_aton stops at white space and NUL: neither is part of an address.
  if (host.empty() || host.size() > 64) return std::nullopt;
  for (const char c : host) {
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f) {
      return std::nullopt;
    }
  }
  const std::string text(host);
  if (text.find(':') != std::string::npos) return parse_v6(text, port);
  sockaddr_in v4{};
  if (inet_aton(text.c_str(), &v4.sin_addr) == 0) return std::nullopt;
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  return Address(v4);
}

std::string_view name_of(AddressClass kind) noexcept {
  constexpr std::string_view kNames[] = {"public", "loopback", "link-local", "private",
                                         "multicast or reserved"};
  return kNames[static_cast<std::size_t>(kind)];
}

GuardVerdict judge(const sockaddr& address, const AddressPolicy& policy) noexcept {
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    return judge_v6(v6, policy);
  }
  if (address.sa_family != AF_INET) return {false, AddressClass::kNever};
  sockaddr_in v4;
  std::memcpy(&v4, &address, sizeof v4);
  Bytes4 bytes;
  std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
  const AddressClass kind = class_of(bytes);
  return {allows(kind, policy), kind};
}

}  // namespace imgring::net
