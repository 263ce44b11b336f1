// Plain TCP on the loop.
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "imgring/net/transport.h"

namespace imgring::net {

namespace {

using loop::Loop;
using loop::Scope;
using loop::Task;

class PlainTransport final : public Transport {
 public:
  PlainTransport(Loop& loop, loop::Fd socket, const Address& peer) noexcept
      : loop_(loop), socket_(std::move(socket)), peer_(peer) {}
  Task<Result<std::size_t>> read(Scope& scope, std::span<std::uint8_t> into) override;
  Task<Result<void>> write(Scope& scope, ByteSpan data) override;
  bool quiet() noexcept override;
  const Address& peer() const noexcept override { return peer_; }

 private:
  Loop& loop_;
  loop::Fd socket_;
  Address peer_;
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

bool PlainTransport::quiet() noexcept {
  char byte = 0;
  return recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

}  // namespace

TransportPtr make_plain_transport(Loop& loop, loop::Fd socket, const Address& peer) {
  return std::make_unique<PlainTransport>(loop, std::move(socket), peer);
}

Error connection_error(int negative_errno, const std::string& what) {
  if (negative_errno == -ECANCELED) return Error(ErrorCode::kSourceCancelled, what + ": cancelled");
  ErrorCode code = ErrorCode::kSourceUnreachable;
  if (negative_errno == -ETIMEDOUT) code = ErrorCode::kSourceTimeout;
  if (is_shortage(-negative_errno)) code = ErrorCode::kOverloaded;
  return Error(code, what + ": " + std::strerror(-negative_errno));
}

}  // namespace imgring::net
