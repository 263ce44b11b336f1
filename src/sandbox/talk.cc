// sendmsg, recvmsg and poll.
#include "talk.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "imgring/base/check.h"

namespace imgring::sandbox {
namespace {

// How late a stop is seen.
constexpr int kLookMs = 10;

union DescriptorRoom {
  char bytes[CMSG_SPACE(sizeof(int) * kDescriptorsMax)];
  cmsghdr aligned;
};

}  // namespace

bool send_packet(int socket, const void* data, std::size_t size_bytes,
                 std::span<const int> descriptors) {
  IMGRING_CHECK(descriptors.size() <= kDescriptorsMax);
  iovec piece{const_cast<void*>(data), size_bytes};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  DescriptorRoom control{};
  if (!descriptors.empty()) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(size_bytes);
}

Heard hear_packet(int socket, void* data, std::size_t size_bytes, const Patience& patience) {
  for (;;) {
    if (patience.stop.stopped()) return Heard::kStopped;
    const auto left = patience.end - std::chrono::steady_clock::now();
    const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    if (left_ms <= 0) return Heard::kLate;
    pollfd ready{socket, POLLIN, 0};
    const int found = poll(&ready, 1, static_cast<int>(std::min<long>(left_ms, kLookMs)));
    if (found <= 0) continue;
    const ssize_t n = recv(socket, data, size_bytes, MSG_DONTWAIT | MSG_TRUNC);
    if (n == static_cast<ssize_t>(size_bytes)) return Heard::kPacket;
    if (n > 0) return Heard::kOther;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    return Heard::kEnd;
  }
}

Heard hear_packet(int socket, void* data, std::size_t size_bytes, Descriptors* descriptors) {
  iovec piece{data, size_bytes};
  DescriptorRoom control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t n = 0;
  do {
    n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  const cmsghdr* head = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (head != nullptr && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < std::min(count, kDescriptorsMax); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      (*descriptors)[i] = loop::Fd(fd);
    }
  }
  if (n <= 0) return Heard::kEnd;
  const bool whole = (message.msg_flags & MSG_TRUNC) == 0;
  return whole && n == static_cast<ssize_t>(size_bytes) ? Heard::kPacket : Heard::kOther;
}

}  // namespace imgring::sandbox
