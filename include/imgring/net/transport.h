// A byte stream to a peer: plain TCP, or TLS over one. Loop thread; one owner, one coroutine at a
// time. Destroying it closes the connection: nothing may be under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/loop/io.h"
#include "imgring/net/address.h"

namespace imgring::net {

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;
  // What has arrived, at least a byte; 0 at the end of the stream. kSourceCancelled when the scope
  // ended, else kSourceUnreachable with the reason.
  virtual loop::Task<Result<std::size_t>> read(loop::Scope& scope,
                                               std::span<std::uint8_t> into) = 0;
  // All of it.
  virtual loop::Task<Result<void>> write(loop::Scope& scope, ByteSpan data) = 0;
  // Nothing has arrived and the peer has not closed: fit to carry another request.
  virtual bool quiet() noexcept = 0;
  // What the kernel may hold for us unread, about twice the window that the peer is told of. More
  // than the system allows counts as that. Never less than before: what a peer was told it may send
  // would be dropped, and come again after a fifth of a second.
  virtual void set_unread(std::size_t bytes_max) noexcept = 0;
  virtual std::size_t unread_bytes_max() const noexcept = 0;
  // Gives up memory that only a busy connection needs. A peer that sends now is cut short, until
  // set_unread() with what was set before.
  virtual void rest() noexcept = 0;
  virtual const Address& peer() const noexcept = 0;
};
using TransportPtr = std::unique_ptr<Transport>;

// Over a connected socket.
TransportPtr make_plain_transport(loop::Loop& loop, loop::Fd socket, const Address& peer);

// Before a socket connects: the first window that its peer is told of is that of set_unread().
void prepare_buffer(int socket, std::size_t bytes_max) noexcept;

// The error of a failed system call on a connection: cancelled, timed out (kSourceTimeout), a
// shortage of ours (kOverloaded), or unreachable. `what`: "connect to 1.2.3.4:80".
Error connection_error(int negative_errno, const std::string& what);

}  // namespace imgring::net
