// c-ares on the loop: its sockets sit in an epoll descriptor, and that one is polled by the engine.
// So c-ares may open and close sockets as it likes, also while a poll is in flight, and can wait
// for writability (TCP), which the engine's poll does not offer.
#include "imgring/net/resolver.h"

#include <ares.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "imgring/base/check.h"
#include "imgring/base/text.h"
#include "imgring/loop/io.h"

namespace imgring::net {

namespace {

using loop::Clock;
using loop::Loop;
using loop::Scope;
using loop::Task;

constexpr auto kTurnMax = std::chrono::milliseconds(500);  // a new query's timer is seen by then
constexpr int kEventsPerTurn = 32;
constexpr std::size_t kNameBytesMax = 253;  // RFC 1035, without the dot of the root

struct ChannelEnd {
  void operator()(ares_channel channel) const noexcept { ares_destroy(channel); }
};
using ChannelPtr = std::unique_ptr<std::remove_pointer_t<ares_channel>, ChannelEnd>;

struct HostEnd {
  void operator()(hostent* host) const noexcept { ares_free_hostent(host); }
};
using HostPtr = std::unique_ptr<hostent, HostEnd>;

struct AddrInfoEnd {
  void operator()(ares_addrinfo* info) const noexcept { ares_freeaddrinfo(info); }
};
using AddrInfoPtr = std::unique_ptr<ares_addrinfo, AddrInfoEnd>;

struct Answer {
  std::vector<Address> addresses;
  std::string problem;    // why there are none
  bool shortage = false;  // it is ours
  std::chrono::seconds ttl{0};
};

struct Cached {
  Answer answer;
  Clock::time_point expires;
};

// c-ares does not say why it reached no server: that we have no descriptor is seen by a try.
bool is_shortage_of_ours(int ares_status) noexcept {
  if (ares_status == ARES_ENOMEM) return true;
  if (ares_status == ARES_ENOTFOUND || ares_status == ARES_ENODATA) return false;
  const loop::Fd probe(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return !probe && is_shortage(errno);
}

Address from_sockaddr(const sockaddr* address) noexcept {
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    return Address(v6);
  }
  sockaddr_in v4;
  std::memcpy(&v4, address, sizeof v4);
  return Address(v4);
}

// Families take turns, so that one family that does not work costs one head start (RFC 8305).
std::vector<Address> interleaved(std::vector<Address> in) {
  std::vector<Address> out;
  out.reserve(in.size());
  int last = 0;
  while (!in.empty()) {
    auto next =
        std::find_if(in.begin(), in.end(), [last](const Address& a) { return a.family() != last; });
    if (next == in.end()) next = in.begin();
    last = next->family();
    out.push_back(*next);
    in.erase(next);
  }
  return out;
}

bool is_localhost(std::string_view host) noexcept {
  constexpr std::string_view kName = "localhost";
  if (host.size() < kName.size()) return false;
  const std::string_view tail = host.substr(host.size() - kName.size());
  if (tail != kName) return false;
  return host.size() == kName.size() || host[host.size() - kName.size() - 1] == '.';
}

// Without the one dot that may stand for the root.
std::string_view without_root(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool is_host_name(std::string_view host) noexcept {
  const std::string_view name = without_root(host);
  return !name.empty() && name.size() <= kNameBytesMax && !name.ends_with('.') &&
         name.find('\0') == std::string_view::npos;
}

// The hosts file writes names without the dot of the root, and c-ares compares them as they are.
// It reads the file here as it does for every lookup.
bool is_in_hosts_file(ares_channel channel, const std::string& name) {
  hostent* found = nullptr;
  const int rc = ares_gethostbyname_file(channel, name.c_str(), AF_UNSPEC, &found);
  const HostPtr owned(found);
  return rc == ARES_SUCCESS;
}

// RFC 6761: always loopback, whatever a name server says.
std::vector<Address> localhost_addresses() {
  std::vector<Address> out;
  for (const std::string_view literal : {"127.0.0.1", "::1"}) {
    out.push_back(*parse_address(literal, 0));
  }
  return out;
}

std::vector<Address> with_port(std::vector<Address> addresses, std::uint16_t port) {
  for (Address& address : addresses) address.set_port(port);
  return addresses;
}

}  // namespace

struct Resolver::Impl {
  // One waiting coroutine; lives in its frame.
  struct Waiter {
    explicit Waiter(Loop& loop) : done(loop) {}
    loop::Event done;
    const Answer* answer = nullptr;  // valid until the next await
  };
  struct Query {
    Impl* owner = nullptr;
    std::string host;
    std::vector<Waiter*> waiters;
    Answer answer;
  };
  using Queries = std::unordered_map<std::string, std::shared_ptr<Query>>;

  Impl(Loop& l, ResolverOptions o) : loop(l), options(std::move(o)), nursery(l, nullptr) {}

  Result<void> open();
  void watch(int fd, bool readable, bool writable) noexcept;
  Result<std::shared_ptr<Query>> start(const std::string& host);
  void ask(Query& query);
  void give_up(const std::shared_ptr<Query>& query);
  void renew();
  void finish(Query& query, int status, AddrInfoPtr info);
  void remember(const Query& query);
  const Answer* find_cached(const std::string& host);
  std::chrono::milliseconds wait_time() noexcept;
  void process_ready() noexcept;
  static Task<void> pump(Impl* self);
  static void on_socket(void* data, ares_socket_t fd, int readable, int writable) {
    static_cast<Impl*>(data)->watch(fd, readable != 0, writable != 0);
  }
  static void on_answer(void* data, int status, int, ares_addrinfo* info);

  Loop& loop;
  ResolverOptions options;
  loop::Fd epoll;
  ChannelPtr channel;
  loop::Nursery nursery;  // the pump, while queries are under way
  Queries queries;        // somebody waits for each
  Queries unwanted;       // nobody does
  std::unordered_map<std::string, Cached> cache;
  std::uint64_t sent = 0;
  bool pumping = false, closed = false, renewing = false;
};

Result<void> Resolver::Impl::open() {
  if (channel) return {};
  if (!epoll) epoll = loop::Fd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return fail(ErrorCode::kOverloaded,
                std::string("no descriptor for name lookups: ") + std::strerror(errno));
  }
  ares_options settings{};
  settings.sock_state_cb = &Impl::on_socket;
  settings.sock_state_cb_data = this;
  settings.timeout = static_cast<int>(options.try_time.count());
  settings.tries = options.tries;
  ares_channel made = nullptr;
  int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
#ifdef ARES_OPT_QUERY_CACHE
  settings.qcache_max_ttl = 0;  // c-ares 1.31 and later would keep answers beside our own cache
  mask |= ARES_OPT_QUERY_CACHE;
#endif
  const int rc = ares_init_options(&made, &settings, mask);
  if (rc != ARES_SUCCESS) {
    const ErrorCode code = is_shortage_of_ours(rc) ? ErrorCode::kOverloaded : ErrorCode::kInternal;
    return fail(code, std::string("c-ares: ") + ares_strerror(rc));
  }
  channel.reset(made);
  if (!options.servers.empty()) {
    ares_set_servers_ports_csv(channel.get(), options.servers.c_str());
  }
  return {};
}

void Resolver::Impl::watch(int fd, bool readable, bool writable) noexcept {
  epoll_event event{};
  event.data.fd = fd;
  event.events = (readable ? unsigned{EPOLLIN} : 0u) | (writable ? unsigned{EPOLLOUT} : 0u);
  if (event.events == 0) {
    epoll_ctl(epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
  } else if (epoll_ctl(epoll.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
    epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event);
  }
}

const Answer* Resolver::Impl::find_cached(const std::string& host) {
  const auto found = cache.find(host);
  if (found == cache.end()) return nullptr;
  if (found->second.expires > loop.now()) return &found->second.answer;
  cache.erase(found);
  return nullptr;
}

void Resolver::Impl::remember(const Query& query) {
  if (query.answer.ttl.count() <= 0) return;
  if (cache.size() >= kCachedNamesMax) {
    std::erase_if(cache, [this](const auto& item) { return item.second.expires <= loop.now(); });
  }
  if (cache.size() >= kCachedNamesMax) cache.erase(cache.begin());
  cache.insert_or_assign(query.host, Cached{query.answer, loop.now() + query.answer.ttl});
}

void Resolver::Impl::on_answer(void* data, int status, int, ares_addrinfo* info) {
  auto* query = static_cast<Query*>(data);
  if (query->owner->renewing) return;  // those that are wanted are asked again
  query->owner->finish(*query, status, AddrInfoPtr(info));
}

void Resolver::Impl::finish(Query& query, int status, AddrInfoPtr info) {
  Answer& answer = query.answer;
  answer.ttl = options.ttl_max;
  for (auto* node = info ? info->nodes : nullptr; node != nullptr; node = node->ai_next) {
    if (answer.addresses.size() == kAddressesPerNameMax) break;
    answer.addresses.push_back(from_sockaddr(node->ai_addr));
    answer.ttl = std::min(answer.ttl, std::chrono::seconds(node->ai_ttl));
  }
  answer.ttl = std::max(answer.ttl, options.ttl_min);
  if (answer.addresses.empty()) {
    answer.problem = status == ARES_SUCCESS ? "no address" : ares_strerror(status);
    answer.shortage = status != ARES_SUCCESS && is_shortage_of_ours(status);
    const bool known = status == ARES_ENOTFOUND || status == ARES_ENODATA;
    answer.ttl = known ? options.negative_ttl : std::chrono::seconds(0);
  }
  answer.addresses = interleaved(std::move(answer.addresses));
  remember(query);
  for (Waiter* waiter : query.waiters) {
    waiter->answer = &answer;
    waiter->done.notify();
  }
  // Waiters that were told hold the query themselves. The key is copied: it dies with the query.
  const std::string host = query.host;
  queries.erase(host);
  unwanted.erase(host);
}

Result<std::shared_ptr<Resolver::Impl::Query>> Resolver::Impl::start(const std::string& host) {
  const auto found = queries.find(host);
  if (found != queries.end()) return found->second;
  if (queries.size() >= kQueriesMax) {
    return fail(ErrorCode::kOverloaded, std::to_string(kQueriesMax) + " names are being looked up");
  }
  if (auto wanted_again = unwanted.extract(host)) {
    return queries.insert(std::move(wanted_again)).position->second;
  }
  IMGRING_TRY_VOID(open());
  auto query = std::make_shared<Query>();
  query->owner = this;
  query->host = host;
  queries.emplace(host, query);
  ask(*query);
  if (!queries.empty() && !pumping) {
    pumping = true;
    nursery.start(pump(this));
  }
  return query;
}

// May call back at once (/etc/hosts): the query is finished then.
void Resolver::Impl::ask(Query& query) {
  ++sent;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // A name with the dot of the root is whole: c-ares keeps the search list away from it.
  std::string asked = query.host;
  if (asked.ends_with('.')) {
    const std::string name(without_root(asked));
    if (is_in_hosts_file(channel.get(), name)) asked = name;
  }
  ares_getaddrinfo(channel.get(), asked.c_str(), nullptr, &hints, &Impl::on_answer, &query);
}

void Resolver::Impl::give_up(const std::shared_ptr<Query>& query) {
  const auto found = queries.find(query->host);
  if (found == queries.end() || found->second != query || !query->waiters.empty()) return;
  unwanted.insert(queries.extract(found));
  if (unwanted.size() >= kUnwantedMax) renew();
}

// The channel goes with every query; those that are wanted are asked again on a new one. Never
// called by c-ares.
void Resolver::Impl::renew() {
  renewing = true;
  channel.reset();
  renewing = false;
  unwanted.clear();
  std::vector<std::shared_ptr<Query>> wanted;
  for (const auto& [host, query] : queries) wanted.push_back(query);
  const Result<void> opened = open();
  for (const auto& query : wanted) {
    if (opened) {
      ask(*query);
    } else {
      finish(*query, ARES_ENOMEM, nullptr);
    }
  }
}

std::chrono::milliseconds Resolver::Impl::wait_time() noexcept {
  timeval most{};
  most.tv_usec = std::chrono::microseconds(kTurnMax).count();
  timeval left{};
  const timeval* wait = ares_timeout(channel.get(), &most, &left);
  return std::chrono::milliseconds(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1);
}

void Resolver::Impl::process_ready() noexcept {
  if (!channel) return;  // it could not be renewed
  epoll_event events[kEventsPerTurn];
  const int count = epoll_wait(epoll.get(), events, kEventsPerTurn, 0);
  for (int i = 0; i < count; ++i) {
    const int fd = events[i].data.fd;
    const bool in = (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
    const bool out = (events[i].events & EPOLLOUT) != 0;
    ares_process_fd(channel.get(), in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel.get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // timeouts
}

Task<void> Resolver::Impl::pump(Impl* self) {
  while (!self->queries.empty() || !self->unwanted.empty()) {
    Scope turn(&self->nursery.scope());
    loop::Deadline deadline(self->loop, turn, self->wait_time());
    co_await loop::poll_in(self->loop, turn, self->epoll.get());
    self->process_ready();
  }
  self->pumping = false;
}

Resolver::Resolver(Loop& loop, ResolverOptions options)
    : impl_(std::make_unique<Impl>(loop, std::move(options))) {}

Resolver::~Resolver() { IMGRING_CHECK(under_way() == 0); }

Task<Result<std::vector<Address>>> Resolver::resolve(Scope& scope, std::string host,
                                                     std::uint16_t port) {
  const std::string_view unrooted = without_root(host);
  if (const auto literal = parse_address(unrooted, port)) co_return std::vector<Address>{*literal};
  host = to_lower(host);
  if (!is_host_name(host)) co_return fail(ErrorCode::kSourceUnreachable, "not a host name");
  if (is_localhost(without_root(host))) co_return with_port(localhost_addresses(), port);
  if (impl_->closed) co_return fail(ErrorCode::kSourceCancelled, "the resolver is closed");

  std::shared_ptr<Impl::Query> query;
  Impl::Waiter waiter(impl_->loop);
  const Answer* answer = impl_->find_cached(host);
  if (answer == nullptr) {
    IMGRING_CO_TRY(query, impl_->start(host));
    answer = &query->answer;
    const bool under_way = impl_->queries.count(host) > 0;
    if (under_way) {
      query->waiters.push_back(&waiter);
      const bool answered = co_await waiter.done.wait(scope);
      std::erase(query->waiters, &waiter);
      if (!answered && waiter.answer == nullptr) {
        impl_->give_up(query);
        co_return fail(ErrorCode::kSourceCancelled, "cancelled while looking up " + host);
      }
    }
  }
  if (answer->addresses.empty()) {
    const ErrorCode code =
        answer->shortage ? ErrorCode::kOverloaded : ErrorCode::kSourceUnreachable;
    co_return fail(code, "lookup of " + host + ": " + answer->problem);
  }
  co_return with_port(answer->addresses, port);
}

void Resolver::tick() noexcept {
  const auto now = impl_->loop.now();
  std::erase_if(impl_->cache, [now](const auto& item) { return item.second.expires <= now; });
}

Task<void> Resolver::close() {
  impl_->closed = true;
  if (impl_->channel) ares_cancel(impl_->channel.get());
  impl_->nursery.scope().cancel(loop::CancelReason::kShutdown);
  co_await impl_->nursery.join();
}

std::size_t Resolver::cached() const noexcept { return impl_->cache.size(); }
std::size_t Resolver::under_way() const noexcept {
  return impl_->queries.size() + impl_->unwanted.size();
}
std::uint64_t Resolver::queries_sent() const noexcept { return impl_->sent; }

}  // namespace imgring::net
