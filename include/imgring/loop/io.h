// Awaitable operations: each registers with a scope, ends early with -ECANCELED when that is
// cancelled, and gives the system call's result (>= 0, or -errno). Cancelling can lose the race:
// handle every result.
// Loop thread only; the memory given must live until the await is over.
#pragma once

#include <linux/openat2.h>
#include <sys/socket.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "imgring/loop/loop.h"

namespace imgring::loop {

// Owns a descriptor; closed at the end of life. Nothing may be in flight on it then.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  Fd& operator=(Fd&& o) noexcept {
    if (this != &o) {
      reset();
      fd_ = std::exchange(o.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

class IoAwait final : Operation, Cancellable {
 public:
  IoAwait(Loop& loop, Scope& scope, const OpRequest& request) noexcept
      : loop_(loop), scope_(scope), request_(request) {}
  bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  int await_resume() const noexcept { return result_; }

 private:
  void complete(const Completion& completion) noexcept override;
  void on_cancel() noexcept override { loop_.engine().cancel(this); }
  Loop& loop_;
  Scope& scope_;
  OpRequest request_;
  std::coroutine_handle<> handle_;
  int result_ = 0;
};

IoAwait nop(Loop& loop, Scope& scope) noexcept;
IoAwait recv_some(Loop& loop, Scope& scope, int fd, std::span<std::uint8_t> into) noexcept;
IoAwait send_some(Loop& loop, Scope& scope, int fd, std::span<const std::uint8_t> data) noexcept;
IoAwait send_message(Loop& loop, Scope& scope, int fd, const msghdr* message) noexcept;
IoAwait connect_to(Loop& loop, Scope& scope, int fd, const sockaddr* address,
                   socklen_t size) noexcept;
IoAwait open_file(Loop& loop, Scope& scope, int folder_fd, const char* path,
                  const open_how* how) noexcept;
IoAwait read_at(Loop& loop, Scope& scope, int fd, std::span<std::uint8_t> into,
                std::int64_t offset) noexcept;
IoAwait poll_in(Loop& loop, Scope& scope, int fd) noexcept;

// What a sender tells while it is at it.
struct SendProgress {
  Deadline* deadline = nullptr;  // restarted with `time` after each part that left
  Clock::duration time{};
  std::uint64_t* sent_bytes = nullptr;  // added to
};
// All of both pieces, in order. 0, or -errno.
Task<int> send_all(Loop& loop, Scope& scope, int fd, std::span<const std::uint8_t> head,
                   std::span<const std::uint8_t> body, SendProgress progress);

// Accepts connections from a listener until told to stop; takes the descriptors in `on_accept`.
class Acceptor final : Operation {
 public:
  // `on_accept` gets the new descriptor (>= 0) or -errno, on the loop, without running a coroutine.
  using Callback = void (*)(void* context, int fd_or_error) noexcept;
  Acceptor(Loop& loop, int listen_fd, Callback callback, void* context) noexcept
      : loop_(loop), listen_fd_(listen_fd), callback_(callback), context_(context), idle_(loop) {}
  void start() noexcept;
  // Stops taking connections; may be started again.
  void pause() noexcept;
  bool running() const noexcept { return wanted_; }
  // Until the kernel holds nothing of it. Call pause() first.
  Task<void> drained(Scope& scope);

 private:
  void complete(const Completion& completion) noexcept override;
  void arm() noexcept;
  Loop& loop_;
  int listen_fd_;
  Callback callback_;
  void* context_;
  Event idle_;
  bool wanted_ = false;
};

// Bytes that arrive on a socket, read when they are wanted: what nobody asks for waits in the
// kernel, whose buffer bounds it. A read costs one system call and no operation of the engine; only
// who finds nothing has the socket polled. The first wait of a connection polls once, so that one
// that is answered and closed leaves nothing behind to be cancelled; later ones keep their poll.
// Also the watch for a peer that leaves: `leave_scope` is cancelled with kClientGone at once,
// whatever is unread.
// Owned by one connection coroutine; must be drained (stop()) before the socket is closed.
class StreamReader final : Operation {
 public:
  enum class Kind : std::uint8_t { kBytes, kPackets };  // SOCK_STREAM, SOCK_SEQPACKET
  StreamReader(Loop& loop, int fd, Kind kind = Kind::kBytes) noexcept
      : loop_(loop), fd_(fd), kind_(kind), changed_(loop), idle_(loop) {}
  // Unread bytes, kReceiveBytesMax at most; receives when there are none. Empty: nothing is there,
  // or ended(). They lie where every reader of the loop receives: keep() before any await.
  std::string_view unread() noexcept;
  void consume(std::size_t bytes) noexcept { view_.remove_prefix(bytes); }
  void keep();
  bool ended() const noexcept { return ended_; }
  int error() const noexcept { return error_; }  // -errno when the stream ended by an error
  // co_await readable(scope): until unread() may find something; it may also find nothing yet.
  // False: the scope was cancelled.
  auto readable(Scope& scope) {
    keep();
    prepare_wait();
    return changed_.wait(scope);
  }
  // co_await change(scope): until what is above may have changed; while held, until the peer left.
  auto change(Scope& scope) noexcept { return changed_.wait(scope); }
  // From now on, until unwatch(). A peer that has closed only its own side by now asked for one
  // answer and waits for it; one that does so later has left (as Go's server sees it, which tells
  // no half-close from a close).
  void watch(Scope& leave_scope) noexcept;
  void unwatch() noexcept { leave_scope_ = nullptr; }
  // Between hold(true) and hold(false) only the peer's leaving ends a wait.
  void hold(bool on) noexcept;
  // The peer has left: seen by a poll, so only after a wait or while it is watched.
  bool gone() const noexcept { return gone_; }
  std::uint64_t received_bytes() const noexcept { return received_bytes_; }
  // The kernel holds a poll: stop() has to be awaited.
  bool polled() const noexcept { return in_flight(); }
  // Ends the poll and waits for its last completion.
  Task<void> stop();

 private:
  void complete(const Completion& completion) noexcept override;
  void receive() noexcept;
  void arm() noexcept;
  void prepare_wait() noexcept;
  Loop& loop_;
  int fd_;
  Kind kind_;
  Event changed_, idle_;
  std::string kept_;
  std::string_view view_;  // in kept_ or in the loop's room
  std::uint64_t received_bytes_ = 0;
  Scope* leave_scope_ = nullptr;
  bool readable_ = true;  // a read may find something
  bool first_wait_ = true;
  bool gone_ = false, ended_ = false, stopping_ = false, held_ = false;
  int error_ = 0;
};

}  // namespace imgring::loop
