// Plain TCP on the loop.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "imgring/mem/ledger.h"
#include "imgring/net/transport.h"

namespace imgring::net {

namespace {

using loop::Loop;
using loop::Scope;
using loop::Task;

void set_number(int fd, int option, int value) noexcept {
  setsockopt(fd, SOL_SOCKET, option, &value, sizeof value);
}

// Of what is received; 0: not known.
std::size_t buffer_bytes(int fd) noexcept {
  int now = 0;
  socklen_t size = sizeof now;
  const bool known = getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &now, &size) == 0;
  return known ? static_cast<std::size_t>(now) : 0;
}

// Ends the kernel's tuning.
void limit_buffer(int fd, std::size_t bytes_max) noexcept {
  set_number(fd, SO_RCVBUF, static_cast<int>(bytes_max / 2));  // the kernel doubles it
}

void set_buffer_lock(int fd, bool locked) noexcept {
  constexpr int kReceive = 2;  // SOCK_RCVBUF_LOCK of Linux, which the C library lacks
  set_number(fd, SO_BUF_LOCK, locked ? kReceive : 0);
}

class PlainTransport final : public Transport {
 public:
  PlainTransport(Loop& loop, loop::Fd socket, const Address& peer) noexcept
      : loop_(loop), socket_(std::move(socket)), peer_(peer) {}
  Task<Result<std::size_t>> read(Scope& scope, std::span<std::uint8_t> into) override;
  Task<Result<void>> write(Scope& scope, ByteSpan data) override;
  bool quiet() noexcept override;
  void set_unread(std::size_t bytes_max) noexcept override;
  std::size_t unread_bytes_max() const noexcept override { return unread_bytes_max_; }
  void rest() noexcept override { limit_buffer(socket_.get(), mem::kSourceIdleUnreadBytes); }
  const Address& peer() const noexcept override { return peer_; }

 private:
  Loop& loop_;
  loop::Fd socket_;
  Address peer_;
  std::size_t unread_bytes_max_ = 0;
};

Task<Result<std::size_t>> PlainTransport::read(Scope& scope, std::span<std::uint8_t> into) {
  for (;;) {
    const int got = co_await loop::recv_some(loop_, scope, socket_.get(), into);
    if (got >= 0) co_return static_cast<std::size_t>(got);
    if (got == -EINTR || got == -EAGAIN) continue;
    co_return std::unexpected(connection_error(got, "read from " + peer_.text()));
  }
}

Task<Result<void>> PlainTransport::write(Scope& scope, ByteSpan data) {
  while (!data.empty()) {
    const int sent = co_await loop::send_some(loop_, scope, socket_.get(), data);
    if (sent == -EINTR || sent == -EAGAIN) continue;
    if (sent <= 0) {
      const int error = sent == 0 ? -EPIPE : sent;
      co_return std::unexpected(connection_error(error, "write to " + peer_.text()));
    }
    data = data.subspan(static_cast<std::size_t>(sent));
  }
  co_return Result<void>();
}

// SO_RCVBUF alone goes no higher than net.core.rmem_max (212 992 bytes unless somebody raised it),
// and the kernel's own tuning as high as tcp_rmem allows (6 MiB to 32). SO_RCVLOWAT makes room for
// what it asks for, with the window; SO_BUF_LOCK (Linux 5.14) ends the tuning. What arrives beyond
// is dropped by the kernel and sent again later.
void PlainTransport::set_unread(std::size_t bytes_max) noexcept {
  unread_bytes_max_ = std::max(bytes_max, unread_bytes_max_);
  const int fd = socket_.get();
  const int half = static_cast<int>(unread_bytes_max_ / 2);  // the kernel doubles it
  const std::size_t now = buffer_bytes(fd);
  if (now < unread_bytes_max_) {
    set_buffer_lock(fd, false);
    set_number(fd, SO_RCVLOWAT, half);
    set_number(fd, SO_RCVLOWAT, 1);
  }
  // From small segments the kernel concludes that a window needs a larger buffer.
  if (buffer_bytes(fd) > unread_bytes_max_) {
    limit_buffer(fd, unread_bytes_max_);
  } else {
    set_buffer_lock(fd, true);
  }
}

bool PlainTransport::quiet() noexcept {
  char byte = 0;
  return recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

}  // namespace

TransportPtr make_plain_transport(Loop& loop, loop::Fd socket, const Address& peer) {
  return std::make_unique<PlainTransport>(loop, std::move(socket), peer);
}

void prepare_buffer(int socket, std::size_t bytes_max) noexcept {
  limit_buffer(socket, bytes_max);
  // While it is locked the window could never be scaled beyond it.
  set_buffer_lock(socket, false);
}

Error connection_error(int negative_errno, const std::string& what) {
  if (negative_errno == -ECANCELED) return Error(ErrorCode::kSourceCancelled, what + ": cancelled");
  ErrorCode code = ErrorCode::kSourceUnreachable;
  if (negative_errno == -ETIMEDOUT) code = ErrorCode::kSourceTimeout;
  if (is_shortage(-negative_errno)) code = ErrorCode::kOverloaded;
  return Error(code, what + ": " + std::strerror(-negative_errno));
}

}  // namespace imgring::net
