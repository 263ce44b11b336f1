// The system calls of the server, answered by the simulated kernel: the linker's --wrap leads every
// reference of the library here (meson.build has the list). Real descriptors, which only the
// simulation itself has, go on to the real calls.
#include "calls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <string_view>

#include "kernel.h"

using imgring::simulation::Change;
using imgring::simulation::kernel;
using imgring::simulation::Node;
using imgring::simulation::Wire;
using imgring::simulation::world;

namespace imgring::simulation {

std::uint64_t resident_bytes = 0;

namespace {

int failed(int error) noexcept {
  errno = error;
  return -1;
}

Wire* wire_of(int fd) {
  Node& node = kernel->get(fd);
  return node.wire ? node.wire.get() : nullptr;
}

ssize_t receive(int fd, void* into, std::size_t size, int flags) {
  Wire* wire = wire_of(fd);
  if (wire == nullptr) return failed(ENOTCONN);
  if ((flags & MSG_DONTWAIT) == 0) world->fail("a recv that would block the loop");
  if (!wire->in.empty()) {
    return static_cast<ssize_t>(
        wire->read(static_cast<char*>(into), size, (flags & MSG_PEEK) != 0));
  }
  if (wire->broken) {
    return std::exchange(wire->broken_told, true) ? 0 : failed(ECONNRESET);
  }
  return wire->in_end ? 0 : failed(EAGAIN);
}

ssize_t transmit(int fd, const iovec* pieces, std::size_t count, int flags) {
  Wire* wire = wire_of(fd);
  if (wire == nullptr) return failed(ENOTCONN);
  if ((flags & MSG_DONTWAIT) == 0) world->fail("a send that would block the loop");
  if (wire->broken || wire->out_end) return failed(EPIPE);
  if (world->random().chance(kernel->chances().send_fails)) return failed(ENOBUFS);
  std::size_t sent = 0, all = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t most = pieces[i].iov_len;
    all += most;
    if (most > 1 && world->random().chance(kernel->chances().short_transfer)) {
      most = 1 + world->random().below(most - 1);
    }
    const std::size_t took = wire->write(static_cast<const char*>(pieces[i].iov_base), most);
    sent += took;
    if (took < pieces[i].iov_len) break;
  }
  return sent > 0 || all == 0 ? static_cast<ssize_t>(sent) : failed(EAGAIN);
}

// What the process holds, as the kernel tells it.
int open_path(const char* path) {
  if (std::string_view(path) == "/proc/self/statm") {
    const std::string pages = std::to_string(resident_bytes / 4096);
    return kernel->open_file(pages + " " + pages + " 0 0 0 0 0\n");
  }
  if (std::string_view(path) == "/dev/null") return kernel->open_file({});
  return failed(ENOENT);
}

}  // namespace

}  // namespace imgring::simulation

namespace simulation = imgring::simulation;

extern "C" {

int __real_close(int fd);
ssize_t __real_read(int fd, void* into, std::size_t size);
ssize_t __real_write(int fd, const void* data, std::size_t size);
int __real_poll(pollfd* fds, nfds_t count, int time);
int __real_open64(const char* path, int flags, ...);

int __wrap_close(int fd) {
  if (kernel == nullptr || !kernel->knows(fd)) return __real_close(fd);
  return kernel->close(fd);
}

ssize_t __wrap_read(int fd, void* into, std::size_t size) {
  if (kernel == nullptr || !kernel->knows(fd)) return __real_read(fd, into, size);
  Node& node = kernel->get(fd);
  const std::size_t count = std::min(size, node.content.size() - node.position);
  std::memcpy(into, node.content.data() + node.position, count);
  node.position += count;
  return static_cast<ssize_t>(count);
}
ssize_t __wrap___read_chk(int fd, void* into, std::size_t size, std::size_t) {
  return __wrap_read(fd, into, size);
}

ssize_t __wrap_write(int fd, const void* data, std::size_t size) {
  if (fd == simulation::kLogDescriptor && world != nullptr) {
    world->trace({static_cast<const char*>(data), size > 0 ? size - 1 : 0});
    return static_cast<ssize_t>(size);
  }
  if (kernel == nullptr || !kernel->knows(fd)) return __real_write(fd, data, size);
  Node& node = kernel->get(fd);
  if (node.kind != Node::Kind::kEvent) world->fail("write() to what is no event descriptor");
  std::uint64_t more = 0;
  std::memcpy(&more, data, sizeof more);
  node.count += more;
  kernel->changed(node, Change::kInput);
  return sizeof more;
}

int __wrap_poll(pollfd* fds, nfds_t count, int time) {
  if (kernel == nullptr || count != 1 || !kernel->knows(fds->fd)) {
    return __real_poll(fds, count, time);
  }
  const Wire* wire = simulation::wire_of(fds->fd);
  const int events = wire != nullptr ? wire->events() : POLLHUP;
  fds->revents = static_cast<short>(events & (fds->events | POLLERR | POLLHUP));
  return fds->revents != 0 ? 1 : 0;
}
int __wrap___poll_chk(pollfd* fds, nfds_t count, int time, std::size_t) {
  return __wrap_poll(fds, count, time);
}

ssize_t __wrap_recv(int fd, void* into, std::size_t size, int flags) {
  return simulation::receive(fd, into, size, flags);
}
ssize_t __wrap___recv_chk(int fd, void* into, std::size_t size, std::size_t, int flags) {
  return simulation::receive(fd, into, size, flags);
}
ssize_t __wrap_send(int fd, const void* data, std::size_t size, int flags) {
  const iovec piece{const_cast<void*>(data), size};
  return simulation::transmit(fd, &piece, 1, flags);
}
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  return simulation::transmit(fd, message->msg_iov, message->msg_iovlen, flags);
}

int __wrap_socket(int, int type, int) {
  if (kernel->refuses_descriptor()) return simulation::failed(EMFILE);
  const bool datagram = (type & 0xf) == SOCK_DGRAM;
  return kernel->open(datagram ? Node::Kind::kDatagram : Node::Kind::kStream);
}

int __wrap_accept4(int fd, sockaddr*, socklen_t*, int) { return kernel->accept(fd); }

int __wrap_shutdown(int fd, int) {
  Node& node = kernel->get(fd);
  if (node.kind == Node::Kind::kListener) {
    node.listening = false;
    for (const auto& wire : node.backlog) wire->close(true);
    node.backlog.clear();
    kernel->changed(node, Change::kInput);
  } else if (node.wire) {
    node.wire->shut();
  }
  return 0;
}

int __wrap_setsockopt(int fd, int level, int option, const void* value, socklen_t) {
  Node& node = kernel->get(fd);
  if (level == SOL_SOCKET && option == SO_LINGER) {
    node.linger_zero = static_cast<const linger*>(value)->l_onoff != 0;
  } else if (level == SOL_SOCKET && option == SO_SNDBUF && node.wire) {
    node.wire->capacity = 2 * static_cast<std::size_t>(*static_cast<const int*>(value));
  }
  return 0;
}

int __wrap_getsockopt(int fd, int level, int option, void* value, socklen_t* size) {
  const Wire* wire = simulation::wire_of(fd);
  std::memset(value, 0, *size);
  if (level != SOL_SOCKET) return simulation::failed(ENOPROTOOPT);
  if (option == SO_MEMINFO && wire != nullptr) {
    static_cast<std::uint32_t*>(value)[SK_MEMINFO_WMEM_QUEUED] =
        static_cast<std::uint32_t>(wire->untaken());
  } else if (option == SO_RCVBUF) {
    *static_cast<int*>(value) = 128 << 10;
  }
  return 0;
}

int __wrap_getpeername(int fd, sockaddr* address, socklen_t* size) {
  const Wire* wire = simulation::wire_of(fd);
  if (wire == nullptr) return simulation::failed(ENOTCONN);
  std::memcpy(address, &wire->address, std::min<std::size_t>(*size, sizeof wire->address));
  *size = sizeof(sockaddr_in);
  return 0;
}

int __wrap_eventfd(unsigned, int) { return kernel->open(Node::Kind::kEvent); }
int __wrap_epoll_create1(int) {
  if (kernel->refuses_descriptor()) return simulation::failed(EMFILE);
  return kernel->open(Node::Kind::kEpoll);
}
int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  auto& watched = kernel->get(epoll).watched;
  const bool known = watched.count(fd) > 0;
  if (operation == EPOLL_CTL_ADD ? known : !known) {
    return simulation::failed(known ? EEXIST : ENOENT);
  }
  if (operation == EPOLL_CTL_DEL) {
    watched.erase(fd);
  } else {
    watched[fd] = event->events;
  }
  return 0;
}
int __wrap_epoll_wait(int epoll, epoll_event* events, int most, int time) {
  if (time != 0) world->fail("an epoll_wait that would block the loop");
  int count = 0;
  for (const auto& [fd, wanted] : kernel->get(epoll).watched) {
    const Node* node = kernel->find(fd);
    if (node == nullptr || !node->readable || count == most) continue;
    events[count].events = EPOLLIN & wanted;
    events[count++].data.fd = fd;
  }
  return count;
}

int __wrap_open64(const char* path, int flags, ...) {
  if (kernel == nullptr) {
    va_list more;
    va_start(more, flags);
    const auto mode = va_arg(more, unsigned);
    va_end(more);
    return __real_open64(path, flags, mode);
  }
  return simulation::open_path(path);
}
int __wrap___open64_2(const char* path, int flags) { return __wrap_open64(path, flags, 0); }

int __wrap_getrlimit64(int, rlimit64* limit) {
  limit->rlim_cur = limit->rlim_max = 4096;
  return 0;
}

// Ids of requests.
ssize_t __wrap_getrandom(void* into, std::size_t size, unsigned) {
  auto* bytes = static_cast<unsigned char*>(into);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<unsigned char>(world->random().next());
  }
  return static_cast<ssize_t>(size);
}

}  // extern "C"
