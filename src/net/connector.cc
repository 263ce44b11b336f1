// Happy eyeballs over guarded addresses.
#include "imgring/net/connector.h"

#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "imgring/mem/ledger.h"

namespace imgring::net {

using loop::CancelReason;
using loop::Deadline;
using loop::Nursery;
using loop::Scope;
using loop::Task;

namespace {

struct Judged {
  std::vector<Address> allowed;
  std::string refused;  // the last one and why; empty: none was
};

// What would let addresses of a kind through; empty: nothing does.
std::string cure_of(AddressClass kind) {
  switch (kind) {
    case AddressClass::kLoopback: return " (IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES allows them)";
    case AddressClass::kLinkLocal:
      return " (IMGPROXY_ALLOW_LINK_LOCAL_SOURCE_ADDRESSES allows them)";
    case AddressClass::kPrivate: return " (IMGPROXY_ALLOW_PRIVATE_SOURCE_ADDRESSES allows them)";
    case AddressClass::kPublic:
    case AddressClass::kNever: return {};
  }
  return {};
}

Judged judge_all(const std::vector<Address>& addresses, const AddressPolicy& policy) {
  Judged out;
  for (const Address& address : addresses) {
    const GuardVerdict verdict = judge(address.get(), policy);
    if (verdict.allowed) {
      out.allowed.push_back(address);
    } else {
      out.refused = address.text() + " is a " + std::string(name_of(verdict.kind)) + " address" +
                    cure_of(verdict.kind);
    }
  }
  return out;
}

// Of IPv4, EADDRNOTAVAIL tells that every port of ours is in use.
bool is_own_shortage(int negative_errno, const Address& address) noexcept {
  const bool no_port = negative_errno == -EADDRNOTAVAIL && address.family() == AF_INET;
  return no_port || is_shortage(-negative_errno);
}

Error refusal(const std::string& name, const Judged& judged) {
  return Error(ErrorCode::kInvalidSourceUrl, name + " is refused: " + judged.refused);
}

}  // namespace

// What the attempts share: lives in race()'s frame, which joins them all.
struct Connector::Race {
  Race(loop::Loop& l, Scope& parent, std::vector<Address> a)
      : loop(l), nursery(l, &parent), changed(l), addresses(std::move(a)) {}
  loop::Loop& loop;
  Nursery nursery;
  loop::Event changed;
  std::vector<Address> addresses;
  std::size_t failed = 0, started = 0;
  loop::Fd winner;
  std::size_t winner_index = 0;
  int last_error = 0;
  std::size_t last_failed = 0;
  bool shortage = false;  // last_error is one of ours, and stays: an address was not asked
};

Task<void> Connector::attempt(Race* race, std::size_t index) {
  const Address& address = race->addresses[index];
  // Blocking mode: the engine waits by itself, and asks again for nothing on EAGAIN then.
  loop::Fd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  int result = fd ? 0 : -errno;
  if (fd) {
    const int one = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    prepare_buffer(fd.get(), mem::kSourceUnreadBytes);
    result = co_await loop::connect_to(race->loop, race->nursery.scope(), fd.get(), &address.get(),
                                       address.size());
  }
  if (result == 0 && !race->winner) {
    race->winner = std::move(fd);
    race->winner_index = index;
    race->changed.notify();
  } else if (result != 0) {
    ++race->failed;
    // A cancelled attempt tells nothing about the address.
    if (!race->shortage && (result != -ECANCELED || race->last_error == 0)) {
      race->last_error = result;
      race->last_failed = index;
      race->shortage = is_own_shortage(result, address);
    }
    race->changed.notify();
  }
}

Task<Result<TransportPtr>> Connector::race(Scope& scope, std::vector<Address> addresses) {
  Scope timed(&scope);
  Deadline deadline(loop_, timed, options_.connect_time);
  Race race(loop_, timed, std::move(addresses));
  while (!race.winner && race.failed < race.addresses.size() && !timed.cancelled()) {
    const bool more = race.started < race.addresses.size();
    if (more) race.nursery.start(attempt(&race, race.started++));
    const std::size_t failed_before = race.failed;
    Scope head_start(&timed);
    std::optional<Deadline> next;
    if (race.started < race.addresses.size()) next.emplace(loop_, head_start, options_.head_start);
    while (!race.winner && race.failed == failed_before && !head_start.cancelled()) {
      co_await race.changed.wait(head_start);
    }
  }
  race.nursery.scope().cancel(CancelReason::kDone);
  co_await race.nursery.join();
  if (race.winner) {
    const Address& peer = race.addresses[race.winner_index];
    TransportPtr made = make_plain_transport(loop_, std::move(race.winner), peer);
    made->set_unread(mem::kSourceUnreadBytes);
    co_return made;
  }
  const std::string what = "connect to " + race.addresses[race.last_failed].text();
  if (deadline.fired() && !scope.cancelled()) {
    co_return fail(ErrorCode::kSourceTimeout, what + ": timed out");
  }
  if (scope.cancelled()) co_return std::unexpected(connection_error(-ECANCELED, what));
  if (race.shortage) {
    co_return fail(ErrorCode::kOverloaded, what + ": " + std::strerror(-race.last_error));
  }
  co_return std::unexpected(connection_error(race.last_error, what));
}

Task<Result<TransportPtr>> Connector::connect(Scope& scope, std::string host, std::uint16_t port) {
  const std::string name = host;
  IMGRING_CO_TRY(const std::vector<Address> found,
                 co_await resolver_.resolve(scope, std::move(host), port));
  Judged judged = judge_all(found, options_.policy);
  if (judged.allowed.empty()) co_return std::unexpected(refusal(name, judged));
  co_return co_await race(scope, std::move(judged.allowed));
}

Task<Result<void>> Connector::check(Scope& scope, std::string host, std::uint16_t port) {
  const std::string name = host;
  IMGRING_CO_TRY(const std::vector<Address> found,
                 co_await resolver_.resolve(scope, std::move(host), port));
  const Judged judged = judge_all(found, options_.policy);
  if (!judged.refused.empty()) co_return std::unexpected(refusal(name, judged));
  co_return Result<void>();
}

Task<Result<TransportPtr>> Connector::connect_trusted(Scope& scope, std::string host,
                                                      std::uint16_t port) {
  IMGRING_CO_TRY(std::vector<Address> addresses,
                 co_await resolver_.resolve(scope, std::move(host), port));
  co_return co_await race(scope, std::move(addresses));
}

}  // namespace imgring::net
