// Bytes and ends on their way.
#include "wire.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernel.h"

namespace imgring::simulation {

namespace {
constexpr Time kStalled = 20 * kMillisecond;  // until somebody who does not read is looked at again
}

// Two of one sender's arrive as they were sent.
Time Wire::in_order() {
  const Time due =
      std::max(world->now() + world->random().latency(latency / 2, 2 * latency), last_arrival_ + 1);
  last_arrival_ = due;
  return due - world->now();
}

void Wire::send(std::string bytes) {
  world->after(in_order(), [self = shared_from_this(), bytes = std::move(bytes)]() mutable {
    self->arrive(std::move(bytes), false);
  });
}

void Wire::finish() {
  world->after(in_order(), [self = shared_from_this()] { self->arrive({}, true); });
}

void Wire::arrive(std::string bytes, bool end) {
  if (broken || in_end) return;
  if (node == nullptr && end_told_) return;
  in += bytes;
  arrived_bytes_ += bytes.size();
  if (peer && !bytes.empty()) peer->on_arrived(arrived_bytes_);
  in_end = in_end || end;
  if (node != nullptr) kernel->changed(*node, Change::kInput);
}

void Wire::reset() {
  peer.reset();
  world->after(world->random().latency(latency / 2, latency), [self = shared_from_this()] {
    if (self->broken) return;
    self->broken = true;
    self->in.clear();
    self->out.clear();
    self->out_taken = 0;
    if (self->node != nullptr) kernel->changed(*self->node, Change::kBoth);
  });
}

std::size_t Wire::read(char* into, std::size_t most, bool peek) {
  const std::size_t count = std::min(most, in.size());
  std::memcpy(into, in.data(), count);
  if (peek) return count;
  in.erase(0, count);
  read_bytes_ += count;
  if (peer) peer->on_server_read(read_bytes_);
  return count;
}

std::size_t Wire::write(const char* data, std::size_t size) {
  const std::size_t count = std::min(size, room());
  out.append(data, count);
  if (peer && count > 0) peer->on_server_wrote({data, count});
  start_pump();
  return count;
}

void Wire::start_pump() {
  if (pumping_) return;
  pumping_ = true;
  world->after(world->random().latency(latency / 2, 2 * latency),
               [self = shared_from_this()] { self->pump(); });
}

void Wire::pump() {
  pumping_ = false;
  if (!peer) {  // nobody takes it: the other side's kernel says so
    const bool any = untaken() > 0;
    out.clear();
    out_taken = 0;
    if (any && !broken) reset();
    return;
  }
  const std::size_t count = std::min(untaken(), peer->appetite());
  if (count > 0) {
    const std::string piece = out.substr(out_taken, count);
    out_taken += count;
    if (out_taken == out.size() || out_taken > (256 << 10)) {
      out.erase(0, out_taken);
      out_taken = 0;
    }
    if (node != nullptr) kernel->changed(*node, Change::kOutput);
    const std::shared_ptr<Peer> keep = peer;
    keep->on_bytes(piece);
  }
  if (untaken() > 0) {
    if (count > 0) return start_pump();
    pumping_ = true;
    world->after(kStalled, [self = shared_from_this()] { self->pump(); });
    return;
  }
  if (!out_end || end_told_ || !peer) return;
  end_told_ = true;
  const std::shared_ptr<Peer> keep = peer;
  keep->on_end();
}

void Wire::shut() {
  if (out_end) return;
  out_end = true;
  start_pump();
}

// Unread bytes turn a close into a reset (RFC 9293, 3.10.4), as a linger of zero does.
void Wire::close(bool abort) {
  node = nullptr;
  if (!abort && in.empty()) return shut();
  drop_peer(true);
}

void Wire::drop_peer(bool) {
  out.clear();
  out_taken = 0;
  out_end = end_told_ = true;
  world->after(world->random().latency(latency / 2, latency), [self = shared_from_this()] {
    const std::shared_ptr<Peer> gone = std::exchange(self->peer, nullptr);
    if (gone) gone->on_reset();
  });
}

short Wire::events() const noexcept {
  int events = 0;
  if (!in.empty() || in_end) events |= POLLIN;
  if (in_end) events |= POLLRDHUP;
  if (in_end && out_end) events |= POLLHUP;
  if (broken) events |= POLLIN | POLLRDHUP | POLLHUP | POLLERR;
  if (room() > 0) events |= POLLOUT;
  return static_cast<short>(events);
}

}  // namespace imgring::simulation
