// Awaitable operations, the acceptor and the stream reader over the engine.
#include "imgring/loop/io.h"

#include <poll.h>
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
  return IoAwait(
      loop, scope,
      OpRequest{.kind = OpKind::kRecv, .fd = fd, .data = into.data(), .size_bytes = into.size()});
}
IoAwait send_some(Loop& loop, Scope& scope, int fd, std::span<const std::uint8_t> data) noexcept {
  return IoAwait(loop, scope,
                 OpRequest{.kind = OpKind::kSend,
                           .fd = fd,
                           .data = const_cast<std::uint8_t*>(data.data()),
                           .size_bytes = data.size()});
}
IoAwait send_message(Loop& loop, Scope& scope, int fd, const msghdr* message) noexcept {
  return IoAwait(loop, scope,
                 OpRequest{.kind = OpKind::kSendMessage, .fd = fd, .argument = message});
}
IoAwait connect_to(Loop& loop, Scope& scope, int fd, const sockaddr* address,
                   socklen_t size) noexcept {
  return IoAwait(
      loop, scope,
      OpRequest{.kind = OpKind::kConnect, .fd = fd, .argument = address, .argument_size = size});
}
IoAwait open_file(Loop& loop, Scope& scope, int folder_fd, const char* path,
                  const open_how* how) noexcept {
  return IoAwait(loop, scope,
                 OpRequest{.kind = OpKind::kOpen, .fd = folder_fd, .argument = how, .path = path});
}
IoAwait read_at(Loop& loop, Scope& scope, int fd, std::span<std::uint8_t> into,
                std::int64_t offset) noexcept {
  return IoAwait(loop, scope,
                 OpRequest{.kind = OpKind::kRead,
                           .fd = fd,
                           .data = into.data(),
                           .size_bytes = into.size(),
                           .offset = offset});
}
IoAwait poll_in(Loop& loop, Scope& scope, int fd) noexcept {
  return IoAwait(loop, scope, OpRequest{.kind = OpKind::kPollIn, .fd = fd});
}

Task<int> send_all(Loop& loop, Scope& scope, int fd, std::span<const std::uint8_t> head,
                   std::span<const std::uint8_t> body, SendProgress progress) {
  // The kernel completes one message when all of it has left: progress shows between two.
  constexpr std::size_t kPieceBytes = 64 << 10;
  // A head may be of any size, until a socket of packets says that it is more than one of them.
  std::size_t head_bytes = head.size();
  iovec pieces[2];
  msghdr message{};
  while (!head.empty() || !body.empty()) {
    pieces[0] = {const_cast<std::uint8_t*>(head.data()), std::min(head.size(), head_bytes)};
    pieces[1] = {const_cast<std::uint8_t*>(body.data()), std::min(body.size(), kPieceBytes)};
    message.msg_iov = head.empty() ? &pieces[1] : &pieces[0];
    message.msg_iovlen = head.empty() || body.empty() || head.size() > head_bytes ? 1 : 2;
    const int sent = co_await send_message(loop, scope, fd, &message);
    if (sent == -EMSGSIZE && head_bytes > kPieceBytes) {
      head_bytes = kPieceBytes;
      continue;
    }
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

std::string_view StreamReader::unread() noexcept {
  if (view_.empty() && readable_ && !ended_) receive();
  return view_;
}
void StreamReader::receive() noexcept {
  const std::span<char> room = loop_.receive_room();
  const ssize_t got = recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
  if (got > 0) {
    view_ = {room.data(), static_cast<std::size_t>(got)};
    received_bytes_ += view_.size();
    // Whatever comes behind a short read is a change that the poll tells of.
    readable_ = gone_ || kind_ == Kind::kPackets || view_.size() == room.size();
  } else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    readable_ = errno == EINTR;
  } else {
    ended_ = true;
    error_ = got < 0 ? -errno : 0;
  }
}
void StreamReader::keep() {
  if (view_.empty()) {
    if (!kept_.empty()) std::string().swap(kept_);
  } else if (view_.data() < kept_.data() || view_.data() > kept_.data() + kept_.size()) {
    kept_.assign(view_);
    view_ = kept_;
  }
}
void StreamReader::arm() noexcept {
  if (in_flight() || ended_ || gone_) return;
  const bool once = first_wait_ && !held_ && leave_scope_ == nullptr;
  first_wait_ = false;
  loop_.engine().submit(
      OpRequest{.kind = once ? OpKind::kPollStream : OpKind::kWatchStream, .fd = fd_}, this);
}
void StreamReader::prepare_wait() noexcept {
  if (readable_ || ended_ || gone_ || !view_.empty()) {
    changed_.notify();
  } else {
    arm();
  }
}
void StreamReader::watch(Scope& leave_scope) noexcept {
  pollfd now{.fd = fd_, .events = POLLRDHUP, .revents = 0};
  poll(&now, 1, 0);
  if ((now.revents & (POLLHUP | POLLERR)) != 0) {
    leave_scope.cancel(CancelReason::kClientGone);
  } else if ((now.revents & POLLRDHUP) == 0 && !ended_) {
    leave_scope_ = &leave_scope;
    arm();
  }
}
void StreamReader::hold(bool on) noexcept {
  held_ = on;
  if (on) arm();
}
void StreamReader::complete(const Completion& completion) noexcept {
  constexpr int kGone = POLLRDHUP | POLLHUP | POLLERR;
  if (completion.result >= 0) {
    readable_ = true;
    if ((completion.result & kGone) != 0) {
      gone_ = true;
      if (leave_scope_ != nullptr) leave_scope_->cancel(CancelReason::kClientGone);
    }
  } else if (completion.result != -ECANCELED) {
    readable_ = true;  // what is wrong with the socket its next receive tells
  }
  if (!held_ || gone_) changed_.notify();
  if (completion.more) return;
  if (stopping_) {
    idle_.notify();
  } else if (held_ || leave_scope_ != nullptr) {
    arm();  // the peer may still leave
  }
}
Task<void> StreamReader::stop() {
  leave_scope_ = nullptr;
  stopping_ = true;
  if (in_flight()) loop_.engine().cancel(this);
  Scope uncancelled;
  while (in_flight()) co_await idle_.wait(uncancelled);
}

}  // namespace imgring::loop
