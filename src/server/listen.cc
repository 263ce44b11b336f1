// Binding of TCP and unix listeners.
#include "imgring/server/listen.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

#include "imgring/base/system_text.h"
#include "imgring/base/text.h"
#include "imgring/mem/ledger.h"

namespace imgring::server {

namespace {

// Without SOCK_NONBLOCK a plain accept4() of the loop's would wait for a client when nobody does.
// io_uring waits for one either way.
constexpr int kListenerFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;

using Outcome = std::expected<Listeners, ListenFailure>;

struct HostPort {
  std::string host, port;
};

HostPort split_bind(const std::string& bind) {
  const std::size_t colon = bind.rfind(':');  // config has seen to it
  HostPort out{bind.substr(0, colon), bind.substr(colon + 1)};
  if (out.host.starts_with('[') && out.host.ends_with(']')) {
    out.host = out.host.substr(1, out.host.size() - 2);
  }
  return out;
}

struct Cure {
  int error;
  bool lasting;  // see ListenFailure
  const char* text;
};
constexpr Cure kTcpCures[] = {
    {EADDRINUSE, false, "stop what listens there, or choose another address"},
    {EADDRNOTAVAIL, false,
     "no interface of this machine has it: correct it, or start once the network is up"},
    {EACCES, true,
     "a port below 1024 needs CAP_NET_BIND_SERVICE (AmbientCapabilities= of the unit, --cap-add= "
     "of a container, or sysctl net.ipv4.ip_unprivileged_port_start); or choose a higher one"},
    {EAFNOSUPPORT, true, "this machine lacks that family of addresses: choose one of the other"},
    {EMFILE, true, "raise LimitNOFILE (ulimit -n), or lower IMGRING_LOOPS"},
};
constexpr Cure kUnixCures[] = {
    {EADDRINUSE, false,
     "a server listens there, or left it when it was killed: stop it, or remove the file"},
    {ENOENT, true, "its folder is missing: make it (RuntimeDirectory= of the unit)"},
    {ENOTDIR, true, "a part of the path is a file: correct it"},
    {EACCES, true, "let it write in that folder"},
    {EPERM, true, "let it write in that folder"},
    {EROFS, true, "that file system is read-only: choose a folder that can be written"},
    {ELOOP, true, "links lead in a circle: correct the path"},
};

std::unexpected<ListenFailure> failure(const ListenInput& input, int error) {
  const bool unix =
      input.network == config::Network::kUnix || input.network == config::Network::kUnixPacket;
  std::string text = "can't listen on " + input.bind + ": " + std::strerror(error);
  if (error == EACCES || error == EPERM) text += " for " + own_user_text();
  const std::span<const Cure> cures =
      unix ? std::span<const Cure>(kUnixCures) : std::span<const Cure>(kTcpCures);
  for (const Cure& cure : cures) {
    if (cure.error != error) continue;
    return std::unexpected(ListenFailure{text + "; " + cure.text, error, cure.lasting});
  }
  return std::unexpected(ListenFailure{text, error});
}

void set_option(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

// The kernel's own tuning ends there: the last number of tcp_wmem, 4 MiB unless somebody changed
// it.
std::uint64_t tuned_send_bytes_max() noexcept {
  std::FILE* file = std::fopen("/proc/sys/net/ipv4/tcp_wmem", "re");
  if (file == nullptr) return 0;
  unsigned long long least = 0, first = 0, most = 0;
  const int got = std::fscanf(file, "%llu %llu %llu", &least, &first, &most);
  std::fclose(file);
  return got == 3 ? most : 0;
}

// Accepted sockets inherit all of it.
void bound_buffers(int fd) noexcept {
  // The kernel doubles both, for its own needs.
  set_option(fd, SOL_SOCKET, SO_RCVBUF, static_cast<int>(mem::kClientUnreadBytes / 2));
  if (tuned_send_bytes_max() > mem::kSocketBytesMax) {
    set_option(fd, SOL_SOCKET, SO_SNDBUF, static_cast<int>(mem::kSocketBytesMax / 2));
  }
  // Of a client that does not read there is no more than that; what is on its way comes on top.
  constexpr int kUnsentBytes = 256 << 10;
  set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytes);
}

struct Bound {
  loop::Fd fd;
  int error = 0;
};

Bound bind_one(const sockaddr* address, socklen_t size, bool reuse_port, bool v6_only) {
  Bound out{loop::Fd(socket(address->sa_family, SOCK_STREAM | kListenerFlags, 0))};
  if (!out.fd) {
    out.error = errno;
    return out;
  }
  set_option(out.fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (reuse_port) set_option(out.fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (address->sa_family == AF_INET6) {
    set_option(out.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, v6_only ? 1 : 0);
  }
  // Accepted sockets inherit it: answers leave without waiting for a full segment.
  set_option(out.fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  bound_buffers(out.fd.get());
  if (::bind(out.fd.get(), address, size) != 0) out.error = errno;
  return out;
}

Outcome listen_unix(const ListenInput& input) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (input.bind.size() >= sizeof address.sun_path) return failure(input, ENAMETOOLONG);
  std::memcpy(address.sun_path, input.bind.data(), input.bind.size());
  const int type = input.network == config::Network::kUnixPacket ? SOCK_SEQPACKET : SOCK_STREAM;
  loop::Fd fd(socket(AF_UNIX, type | kListenerFlags, 0));
  if (!fd) return failure(input, errno);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return failure(input, errno);
  }
  Listeners out;
  out.address = input.bind;
  SocketFile file(input.bind);
  if (input.dry) return out;
  out.unix_file = std::move(file);
  if (listen(fd.get(), kBacklog) != 0) return failure(input, errno);
  for (int i = 1; i < input.count; ++i) {
    out.fds.emplace_back(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!out.fds.back()) return failure(input, errno);
  }
  out.fds.push_back(std::move(fd));
  return out;
}

// Another process that listens here too would take a share of our connections: found by a bind that
// does not share (decision 16).
int foreign_listener(const sockaddr* address, socklen_t size, bool v6_only) {
  Bound probe = bind_one(address, size, false, v6_only);
  return probe.error;
}

Outcome listen_address(const ListenInput& input, const addrinfo* info, bool any_host) {
  sockaddr_storage address{};
  std::memcpy(&address, info->ai_addr, info->ai_addrlen);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = info->ai_addrlen;
  const bool v6_only = !any_host || input.network == config::Network::kTcp6;
  if (!input.shared) {
    const int error = foreign_listener(generic, size, v6_only);
    if (error != 0) return failure(input, error);
  }
  Listeners out;
  out.address = input.bind;
  for (int i = 0; i < input.count; ++i) {
    Bound one = bind_one(generic, size, true, v6_only);
    if (one.error != 0) return failure(input, one.error);
    if (input.dry) return out;
    if (listen(one.fd.get(), kBacklog) != 0) return failure(input, errno);
    size = sizeof address;
    getsockname(one.fd.get(), generic, &size);  // the others take the port the first one got
    out.fds.push_back(std::move(one.fd));
  }
  out.port =
      ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                          : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  return out;
}

// A name that nobody knows now may be known when the network is up.
std::unexpected<ListenFailure> unknown_host(const ListenInput& input, int rc) {
  const char* why = rc == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(rc);
  return std::unexpected(ListenFailure{"can't listen on " + input.bind + ": " + why +
                                       "; give an address of this machine, or :PORT for all"});
}

}  // namespace

Outcome listen_on(const ListenInput& input) {
  if (input.network == config::Network::kUnix || input.network == config::Network::kUnixPacket) {
    return listen_unix(input);
  }
  const HostPort parts = split_bind(input.bind);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_family = input.network == config::Network::kTcp4   ? AF_INET
                    : input.network == config::Network::kTcp6 ? AF_INET6
                                                              : AF_UNSPEC;
  const bool any_host = parts.host.empty();
  // Both families on one socket, as a bind without a host means.
  if (any_host && hints.ai_family == AF_UNSPEC) hints.ai_family = AF_INET6;
  for (;;) {
    addrinfo* found = nullptr;
    const int rc =
        getaddrinfo(any_host ? nullptr : parts.host.c_str(), parts.port.c_str(), &hints, &found);
    if (rc != 0) return unknown_host(input, rc);
    Outcome out = listen_address(input, found, any_host);
    freeaddrinfo(found);
    const bool no_v6 = !out && any_host && hints.ai_family == AF_INET6 &&
                       input.network == config::Network::kTcp && out.error().error == EAFNOSUPPORT;
    if (!no_v6) return out;
    hints.ai_family = AF_INET;  // a machine without IPv6
  }
}

namespace {

constexpr int kFirstHanded = 3;  // SD_LISTEN_FDS_START
constexpr int kHandedMax = 16;   // two are known what to do with

std::string taken_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  unsetenv(name);  // the children that draw are not meant
  return text;
}

int option_of(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

std::string local_address(int fd, int* port) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  if (address.ss_family == AF_UNIX) {
    return {reinterpret_cast<const sockaddr_un*>(&address)->sun_path};
  }
  char host[NI_MAXHOST], service[NI_MAXSERV];
  if (getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof host, service,
                  sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  *port = static_cast<int>(parse_int(service).value_or(0));
  const bool v6 = address.ss_family == AF_INET6;
  return (v6 ? "[" : "") + std::string(host) + (v6 ? "]:" : ":") + service;
}

}  // namespace

HandedOver take_handed_over() {
  const auto pid = parse_int(taken_variable("LISTEN_PID"));
  const auto count = parse_int(taken_variable("LISTEN_FDS"));
  const std::string all_names = taken_variable("LISTEN_FDNAMES");
  HandedOver out;
  if (!pid || *pid != getpid() || !count || *count <= 0) return out;
  const auto names = split(all_names, ":");
  for (int i = 0; i < std::min<std::int64_t>(*count, kHandedMax); ++i) {
    const bool named = static_cast<std::size_t>(i) < names.size();
    const bool metrics = named && names[static_cast<std::size_t>(i)] == "metrics";
    loop::Fd& place = metrics ? out.metrics : out.main;
    if (place) {
      out.problem = "LISTEN_FDS: there are two sockets for " +
                    std::string(metrics ? "metrics" : "clients") +
                    ": give one, with FileDescriptorName=metrics the one of the metrics";
    }
    place = loop::Fd(kFirstHanded + i);
  }
  return out;
}

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  struct stat facts = {};
  if (lstat(path_.c_str(), &facts) != 0) path_.clear();
  device_ = facts.st_dev;
  number_ = facts.st_ino;
}

SocketFile& SocketFile::operator=(SocketFile&& o) noexcept {
  remove();
  path_ = std::exchange(o.path_, {});
  device_ = o.device_;
  number_ = o.number_;
  return *this;
}

void SocketFile::remove() noexcept {
  struct stat facts = {};
  const bool there = !path_.empty() && lstat(path_.c_str(), &facts) == 0;
  if (there && facts.st_dev == device_ && facts.st_ino == number_) unlink(path_.c_str());
  path_.clear();
}

Outcome listen_on_handed(loop::Fd socket, int count) {
  const int fd = socket.get();
  if (option_of(fd, SO_ACCEPTCONN) != 1 || option_of(fd, SO_TYPE) != SOCK_STREAM) {
    return std::unexpected(
        ListenFailure{"descriptor " + std::to_string(fd) +
                          " of LISTEN_FDS is no stream socket that listens; give it by "
                          "ListenStream= of a socket unit, with Accept=no",
                      0, true});
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  bound_buffers(fd);
  Listeners out;
  out.handed_over = true;
  out.address = local_address(fd, &out.port) + " (handed over)";
  for (int i = 1; i < count; ++i) {
    out.fds.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (out.fds.back()) continue;
    const std::string why = "a descriptor for each loop can't be had: ";
    return std::unexpected(ListenFailure{why + std::strerror(errno), errno, false});
  }
  out.fds.push_back(std::move(socket));
  return out;
}

}  // namespace imgring::server
