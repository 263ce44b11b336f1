// Awaitable operations, the acceptor and the stream reader over the engine.
#include "imgring/loop/io.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace imgring::loop {

void Fd::reset() noexcept {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

bool IoAwait::await_ready() noexcept {
  if (!scope_.cancelled()) return false;
  result_ = -ECANCELED;
  return true;
}
void IoAwait::await_suspend(std::coroutine_handle<> handle) noexcept {
  handle_ = handle;
  scope_.add(this);
  loop_.engine().submit(request_, this);
}
void IoAwait::complete(const Completion& completion) noexcept {
  result_ = completion.result;
  unlink();
  loop_.post(handle_);
}

IoAwait nop(Loop& loop, Scope& scope) noexcept {
  return IoAwait(loop, scope, OpRequest{.kind = OpKind::kNop});
}
IoAwait recv_some(Loop& loop, Scope& scope, int fd, std::span<std::uint8_t> into) noexcept {
  return IoAwait(loop, scope, OpRequest{.kind = OpKind::kRecv, .fd = fd, .data = into.data(),
                                        .size_bytes = into.size()});
}
IoAwait send_some(Loop& loop, Scope& scope, int fd, std::span<const std::uint8_t> data) noexcept {
  return IoAwait(loop, scope,
                 OpRequest{.kind = OpKind::kSend, .fd = fd,
                           .data = const_cast<std::uint8_t*>(data.data()),
                           .size_bytes = data.size()});
}
IoAwait send_message(Loop& loop, Scope& scope, int fd, const msghdr* message) noexcept {
  return IoAwait(loop, scope,
                 OpRequest{.kind = OpKind::kSendMessage, .fd = fd, .argument = message});
}
IoAwait connect_to(Loop& loop, Scope& scope, int fd, const sockaddr* address,
                   socklen_t size) noexcept {
  return IoAwait(loop, scope, OpRequest{.kind = OpKind::kConnect, .fd = fd, .argument = address,
                                        .argument_size = size});
}
IoAwait open_file(Loop& loop, Scope& scope, int folder_fd, const char* path,
                  const open_how* how) noexcept {
  return IoAwait(loop, scope, OpRequest{.kind = OpKind::kOpen, .fd = folder_fd, .argument = how,
                                        .path = path});
}
IoAwait read_at(Loop& loop, Scope& scope, int fd, std::span<std::uint8_t> into,
                std::int64_t offset) noexcept {
  return IoAwait(loop, scope, OpRequest{.kind = OpKind::kRead, .fd = fd, .data = into.data(),
                                        .size_bytes = into.size(), .offset = offset});
}
IoAwait poll_in(Loop& loop, Scope& scope, int fd) noexcept {
  return IoAwait(loop, scope, OpRequest{.kind = OpKind::kPollIn, .fd = fd});
}
IoAwait poll_gone(Loop& loop, Scope& scope, int fd) noexcept {
  return IoAwait(loop, scope, OpRequest{.kind = OpKind::kPollGone, .fd = fd});
}

Task<int> send_all(Loop& loop, Scope& scope, int fd, std::span<const std::uint8_t> head,
                   std::span<const std::uint8_t> body, SendProgress progress) {
  // The kernel completes one message when all of it has left: progress shows between two.
  constexpr std::size_t kPieceBytes = 256 << 10;
  iovec pieces[2];
  msghdr message{};
  while (!head.empty() || !body.empty()) {
    pieces[0] = {const_cast<std::uint8_t*>(head.data()), head.size()};
    pieces[1] = {const_cast<std::uint8_t*>(body.data()), std::min(body.size(), kPieceBytes)};
    message.msg_iov = head.empty() ? &pieces[1] : &pieces[0];
    message.msg_iovlen = head.empty() || body.empty() ? 1 : 2;
    const int sent = co_await send_message(loop, scope, fd, &message);
    if (sent == -EINTR || sent == -EAGAIN) continue;
    if (sent < 0) co_return sent;
    if (sent == 0) co_return -EPIPE;
    auto left = static_cast<std::size_t>(sent);
    const std::size_t of_head = left < head.size() ? left : head.size();
    head = head.subspan(of_head);
    left -= of_head;
    body = body.subspan(left);
    if (progress.deadline != nullptr) progress.deadline->restart(progress.time);
    if (progress.sent_bytes != nullptr) *progress.sent_bytes += static_cast<std::uint64_t>(sent);
  }
  co_return 0;
}

void Acceptor::start() noexcept {
  if (wanted_) return;
  wanted_ = true;
  if (!in_flight()) arm();
}
void Acceptor::arm() noexcept {
  loop_.engine().submit(OpRequest{.kind = OpKind::kAccept, .fd = listen_fd_}, this);
}
void Acceptor::pause() noexcept {
  if (!wanted_) return;
  wanted_ = false;
  if (in_flight()) loop_.engine().cancel(this);
}
void Acceptor::complete(const Completion& completion) noexcept {
  if (completion.result != -ECANCELED) callback_(context_, completion.result);
  if (completion.more) return;
  if (wanted_) {
    if (!in_flight()) arm();  // the callback may have started us
  } else {
    idle_.notify();
  }
}
Task<void> Acceptor::drained(Scope& scope) {
  while (in_flight()) {
    const bool going_on = co_await idle_.wait(scope);
    if (!going_on) break;
  }
}

void StreamReader::start() noexcept { arm(); }
void StreamReader::arm() noexcept {
  paused_ = false;
  loop_.engine().submit(OpRequest{.kind = OpKind::kRecvStream, .fd = fd_}, this);
}
void StreamReader::consume(std::size_t bytes) noexcept {
  consumed_ += bytes;
  if (consumed_ == buffer_.size()) {
    buffer_.clear();
    consumed_ = 0;
  } else if (consumed_ > buffer_.size() / 2) {
    buffer_.erase(0, consumed_);
    consumed_ = 0;
  }
  if (unread_bytes() <= limits_.free_bytes) paid_.reset();
  arm_if_room();
}
void StreamReader::arm_if_room() noexcept {
  if (paused_ && !held_ && may_go_on() && !in_flight() && !ended_ && !stopping_) arm();
}
void StreamReader::pause() noexcept {
  held_ = true;
  if (paused_) return;
  paused_ = true;
  if (in_flight()) loop_.engine().cancel(this);
}
void StreamReader::resume() noexcept {
  held_ = false;
  arm_if_room();
}
bool StreamReader::full() noexcept {
  const std::size_t unread = unread_bytes();
  if (unread > limits_.bytes_max) return true;
  if (limits_.budget == nullptr || unread <= limits_.free_bytes + paid_.bytes()) return false;
  // All that it may ever be: a stream that is beyond the free part seldom stops there.
  const std::size_t rest = limits_.bytes_max - limits_.free_bytes;
  if (paid_.bytes() > 0) return !paid_.add(rest - paid_.bytes());
  auto grant = limits_.budget->try_grant(rest);
  if (grant) paid_ = std::move(*grant);
  return !grant;
}
bool StreamReader::may_go_on() const noexcept {
  const std::size_t most = paid_.bytes() > 0 ? limits_.bytes_max : limits_.free_bytes;
  return unread_bytes() <= most / 2;
}
void StreamReader::watch(Scope* leave_scope) noexcept {
  leave_scope_ = leave_scope;
  if (ended_) leave();
}
void StreamReader::leave() noexcept {
  if (leave_scope_ != nullptr) leave_scope_->cancel(CancelReason::kClientGone);
}
void StreamReader::trim() noexcept {
  if (buffer_.empty()) buffer_.shrink_to_fit();
}
void StreamReader::complete(const Completion& completion) noexcept {
  if (!completion.data.empty()) {
    buffer_.append(reinterpret_cast<const char*>(completion.data.data()), completion.data.size());
    received_bytes_ += completion.data.size();
    changed_.notify();
  } else if (completion.result != -ENOBUFS && completion.result != -ECANCELED &&
             completion.result != -EINTR) {
    ended_ = true;
    error_ = completion.result;
    changed_.notify();
    leave();
  }
  const bool stop_reading = full();
  if (completion.more) {
    if (stop_reading && !paused_) {
      paused_ = true;
      loop_.engine().cancel(this);
    }
    return;
  }
  if (stopping_ || ended_) {
    idle_.notify();
  } else if (stop_reading || paused_) {
    paused_ = true;
    arm_if_room();
  } else {
    // Also after ENOBUFS: this receive is submitted with the next turn, after the buffers went
    // back.
    arm();
  }
}
Task<bool> StreamReader::more(Scope& scope) {
  if (ended_) co_return true;
  const bool going_on = co_await changed_.wait(scope);
  co_return going_on;
}
Task<void> StreamReader::stop() {
  leave_scope_ = nullptr;
  stopping_ = true;
  if (in_flight()) loop_.engine().cancel(this);
  Scope uncancelled;
  while (in_flight()) co_await idle_.wait(uncancelled);
}

}  // namespace imgring::loop
