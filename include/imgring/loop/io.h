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
#include "imgring/mem/budget.h"

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
// Until a socket's peer has closed its side or the connection is broken; bytes do not end it.
IoAwait poll_gone(Loop& loop, Scope& scope, int fd) noexcept;

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

// Bytes that arrive on a socket, through the engine's receive buffers, into one growing text.
// Also the watch for a peer that leaves: `leave_scope` is cancelled with kClientGone at the end of
// stream.
// Owned by one connection coroutine; must be drained (stop()) before the socket is closed.
class StreamReader final : Operation {
 public:
  // Above `bytes_max` unread bytes the kernel is asked to stop until some are consumed, and above
  // `free_bytes` where `budget` has no room for the rest.
  struct Limits {
    std::size_t bytes_max;
    std::size_t free_bytes;
    mem::Budget* budget;  // null: nothing is asked
  };
  StreamReader(Loop& loop, int fd, std::size_t bytes_max) noexcept
      : StreamReader(loop, fd, Limits{bytes_max, bytes_max, nullptr}) {}
  StreamReader(Loop& loop, int fd, const Limits& limits) noexcept
      : loop_(loop),
        fd_(fd),
        limits_(limits),
        changed_(loop),
        idle_(loop) {}
  void start() noexcept;
  // Unread bytes. Valid until consume() or the next await.
  std::string_view unread() const noexcept { return std::string_view(buffer_).substr(consumed_); }
  void consume(std::size_t bytes) noexcept;
  bool ended() const noexcept { return ended_; }
  int error() const noexcept { return error_; }  // -errno when the stream ended by an error
  // Waits for more bytes or the end. False when the scope was cancelled. Bytes that came and were
  // consumed without this wait end the next one at once: look at unread().
  Task<bool> more(Scope& scope);
  void watch(Scope* leave_scope) noexcept;
  // Reads nothing more until resume(): what comes waits in the kernel.
  void pause() noexcept;
  void resume() noexcept;
  // Gives the buffer's memory back when nothing is unread (idle connections).
  void trim() noexcept;
  std::uint64_t received_bytes() const noexcept { return received_bytes_; }
  // Ends the receive and waits for its last completion.
  Task<void> stop();

 private:
  void complete(const Completion& completion) noexcept override;
  void arm() noexcept;
  void arm_if_room() noexcept;
  void leave() noexcept;
  std::size_t unread_bytes() const noexcept { return buffer_.size() - consumed_; }
  bool full() noexcept;  // pays for what is unread, where it can
  bool may_go_on() const noexcept;
  Loop& loop_;
  int fd_;
  Limits limits_;
  mem::Grant paid_;
  Event changed_, idle_;
  std::string buffer_;
  std::size_t consumed_ = 0;
  std::uint64_t received_bytes_ = 0;
  Scope* leave_scope_ = nullptr;
  bool ended_ = false, stopping_ = false, paused_ = false;
  bool held_ = false;  // between pause() and resume()
  int error_ = 0;
};

}  // namespace imgring::loop
