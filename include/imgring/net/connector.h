// From a host and port to a connected socket: lookup, guard, then the addresses in turn with a head
// start for each (RFC 8305). Owns nothing but references. Loop thread.
// Promises: connect is only ever called with an address that the guard allows; what a proxy is to
// connect to has no address that it refuses.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/loop/loop.h"
#include "imgring/net/address.h"
#include "imgring/net/resolver.h"
#include "imgring/net/transport.h"

namespace imgring::net {

struct ConnectorOptions {
  AddressPolicy policy{};
  std::chrono::milliseconds head_start{250};     // of one address before the next is tried too
  std::chrono::milliseconds connect_time{5000};  // of all addresses together, lookup apart
};

class Connector {
 public:
  Connector(loop::Loop& loop, Resolver& resolver, const ConnectorOptions& options) noexcept
      : loop_(loop), resolver_(resolver), options_(options) {}

  // Refused addresses are left out. kInvalidSourceUrl when every address is refused; kSourceTimeout
  // after connect_time; kSourceUnreachable with the last reason; kSourceCancelled.
  loop::Task<Result<TransportPtr>> connect(loop::Scope& scope, std::string host,
                                           std::uint16_t port);
  // The lookup and the guard alone: for targets that a proxy will connect to. The proxy picks the
  // address, so kInvalidSourceUrl when any of them is refused.
  loop::Task<Result<void>> check(loop::Scope& scope, std::string host, std::uint16_t port);
  // Without the guard, for what the operator configured: proxies and storage endpoints.
  loop::Task<Result<TransportPtr>> connect_trusted(loop::Scope& scope, std::string host,
                                                   std::uint16_t port);

 private:
  struct Race;
  loop::Task<Result<TransportPtr>> race(loop::Scope& scope, std::vector<Address> addresses);
  static loop::Task<void> attempt(Race* race, std::size_t index);

  loop::Loop& loop_;
  Resolver& resolver_;
  ConnectorOptions options_;
};

}  // namespace imgring::net
