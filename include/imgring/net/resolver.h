// Names to addresses: literals, localhost, /etc/hosts and DNS through c-ares, with a cache.
// Owns: the c-ares channel, its cache and the queries under way of one loop. Touch: that loop's
// thread only. Nothing here judges addresses; that is the connector's duty.
// Promises: the same name is asked for once at a time; cache and queries are bounded; a query that
// nobody waits for any more holds no place; close() ends every query, and must be called before the
// loop ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/loop/loop.h"
#include "imgring/net/address.h"

namespace imgring::net {

inline constexpr std::size_t kCachedNamesMax = 1024;  // full: expired ones go, then any
// Names under way, each with a request that waits for it: with two loops as many as there are
// clients by default (IMGPROXY_MAX_CLIENTS), some 2 KB each. Full: kOverloaded.
inline constexpr std::size_t kQueriesMax = 1024;
// Names that nobody waits for any more, until their answer or its time comes: c-ares ends single
// queries on no account. Full: all of them at once, with the channel.
inline constexpr std::size_t kUnwantedMax = 256;
inline constexpr std::size_t kAddressesPerNameMax = 16;  // more are dropped

struct ResolverOptions {
  std::string servers{};  // "127.0.0.1:5353,…" in place of resolv.conf (tests)
  std::chrono::milliseconds try_time{2000};
  int tries = 2;
  std::chrono::seconds ttl_min{1}, ttl_max{300}, negative_ttl{1};
};

class Resolver {
 public:
  Resolver(loop::Loop& loop, ResolverOptions options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // In the order to try. kSourceUnreachable when there is no such name or no answer,
  // kSourceCancelled when the scope ended first. `host` without brackets, any case; one that ends
  // in a dot is not tried below the domains of the search list.
  loop::Task<Result<std::vector<Address>>> resolve(loop::Scope& scope, std::string host,
                                                   std::uint16_t port);
  // Drops what has expired (memory tick).
  void tick() noexcept;
  // Ends what is under way; resolve() fails from here on.
  loop::Task<void> close();
  std::size_t cached() const noexcept;
  std::size_t under_way() const noexcept;  // wanted and unwanted ones
  std::uint64_t queries_sent() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace imgring::net
