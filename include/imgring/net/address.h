// Socket addresses and the guard that decides which of them a source may live at (SSRF).
// Values and plain functions: any thread, no I/O. The guard judges what is given to connect, so no
// spelling of a host and no answer of a name server gets around it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace imgring::net {

// An IPv4 or IPv6 address with its port.
class Address {
 public:
  Address() noexcept : any_{} {}
  explicit Address(const sockaddr_in& v4) noexcept : any_{} { any_.v4 = v4; }
  explicit Address(const sockaddr_in6& v6) noexcept : any_{} { any_.v6 = v6; }
  const sockaddr& get() const noexcept { return any_.base; }
  socklen_t size() const noexcept {
    return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  }
  int family() const noexcept { return any_.base.sa_family; }
  std::uint16_t port() const noexcept;
  void set_port(std::uint16_t port) noexcept;
  // "127.0.0.1:80", "[::1]:80".
  std::string text() const;

 private:
  union {
    sockaddr_in6 v6;
    sockaddr_in v4;
    sockaddr base;
  } any_;
};

// A literal of any spelling that inet_aton or inet_pton knows, IPv6 without its brackets ("::1",
// "fe80::1%2", "127.0.0.1", "0x7f.1", "2130706433"). nullopt: a name.
std::optional<Address> parse_address(std::string_view host, std::uint16_t port);

// Which refusable addresses are allowed: IMGPROXY_ALLOW_*_SOURCE_ADDRESSES.
struct AddressPolicy {
  bool allow_loopback = false, allow_link_local = false, allow_private = true;
};

enum class AddressClass : std::uint8_t { kPublic, kLoopback, kLinkLocal, kPrivate, kNever };
std::string_view name_of(AddressClass kind) noexcept;

struct GuardVerdict {
  bool allowed = false;
  AddressClass kind = AddressClass::kNever;  // what it was refused for, or is
};
// An IPv6 address is judged by itself and by the one IPv4 address it may carry.
GuardVerdict judge(const sockaddr& address, const AddressPolicy& policy) noexcept;

}  // namespace imgring::net
