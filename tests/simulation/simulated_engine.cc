// What each kind of operation waits for, and how its completion finds its way.
#include "simulated_engine.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace imgring::simulation {

namespace {

constexpr int kWaits = INT_MIN;
constexpr Time kTellMost = 40 * kMicrosecond;     // from a completion to the turn that sees it
constexpr Time kCancelMost = 300 * kMicrosecond;  // a cancel on its way

// Of a completion that is delayed: longer than a loop's turns, shorter than every limit.
constexpr Time kHeld = 700 * kMillisecond;

// What the kernel may say of an operation on a socket though nothing is wrong with it; 0: of this
// one it says nothing of the kind.
int failure_of(const loop::OpRequest& request) noexcept {
  switch (request.kind) {
    case loop::OpKind::kAccept: return -ENFILE;
    case loop::OpKind::kConnect: return -ETIMEDOUT;
    case loop::OpKind::kRecv: return -ECONNRESET;
    case loop::OpKind::kSend:
    case loop::OpKind::kSendMessage: return -EPIPE;
    case loop::OpKind::kPollStream:
    case loop::OpKind::kWatchStream: return -ENOMEM;
    default: return 0;
  }
}

bool is_input(loop::OpKind kind) noexcept {
  return kind != loop::OpKind::kSend && kind != loop::OpKind::kSendMessage;
}

}  // namespace

SimulatedEngine::SimulatedEngine() : turns_(std::make_shared<std::uint64_t>(0)) {}
SimulatedEngine::~SimulatedEngine() { *turns_ = 0; }

void SimulatedEngine::start(const loop::OpRequest& request, loop::Operation* operation) noexcept {
  auto made = std::make_unique<Pending>();
  made->request = request;
  made->operation = operation;
  made->engine = this;
  made->number = ++numbers_;
  Pending* pending = made.get();
  all_.push_back(std::move(made));
  mark_of(operation) = pending;
  submitted_.push_back(pending);
}

Node* SimulatedEngine::node_of(const Pending& pending) { return kernel->find(pending.request.fd); }

void SimulatedEngine::see_submitted() {
  const Chances& chances = kernel->chances();
  std::size_t count = submitted_.size();
  if (count > 1 && world->random().chance(chances.crowded_queue)) count = 1;
  for (; count > 0 && !submitted_.empty(); --count) {
    Pending* pending = submitted_.front();
    submitted_.pop_front();
    see(*pending);
  }
}

void SimulatedEngine::see(Pending& pending) {
  pending.seen = true;
  const loop::OpRequest& r = pending.request;
  if (r.kind == loop::OpKind::kNop) return finish(pending, 0);
  if (r.kind == loop::OpKind::kOpen) return finish(pending, -ENOENT);
  if (r.kind == loop::OpKind::kClose) return finish(pending, kernel->close(r.fd));
  Node* node = node_of(pending);
  if (node == nullptr) return finish(pending, -EBADF);
  node->waiting.push_back(&pending);
  if (r.kind == loop::OpKind::kConnect) return connect(pending);
  attempt(pending, Change::kBoth);
}

void SimulatedEngine::connect(Pending& pending) {
  Node& node = kernel->get(pending.request.fd);
  const auto* address = static_cast<const sockaddr*>(pending.request.argument);
  const int fd = node.fd;
  const std::uint64_t number = node.number;
  kernel->network(node, address, [fd, number](int result) {
    Node* now = kernel->find(fd);
    if (now == nullptr || now->number != number || now->connect_result != 1) return;
    now->connect_result = result;
    kernel->changed(*now, Change::kBoth);
  });
}

void SimulatedEngine::attempt(Pending& pending, Change change) {
  if (pending.over || !pending.seen) return;
  Node& node = kernel->get(pending.request.fd);
  int result = kWaits;
  switch (pending.request.kind) {
    case loop::OpKind::kAccept: return try_accept(pending, node);
    case loop::OpKind::kPollStream:
    case loop::OpKind::kWatchStream: return try_watch(pending, node, change);
    case loop::OpKind::kRecv: result = try_recv(pending, node); break;
    case loop::OpKind::kSend:
    case loop::OpKind::kSendMessage: result = try_send(pending, node); break;
    case loop::OpKind::kRead: result = try_read(pending, node); break;
    case loop::OpKind::kConnect:
      if (node.connect_result != 1) result = node.connect_result;
      break;
    case loop::OpKind::kPollIn:
      if (node.count > 0 || node.readable || kernel->epoll_ready(node)) result = POLLIN;
      break;
    default: result = -EINVAL;
  }
  if (result != kWaits) finish(pending, result);
}

int SimulatedEngine::try_recv(Pending& pending, Node& node) {
  if (!node.wire) return -ENOTCONN;
  Wire& wire = *node.wire;
  if (!wire.in.empty()) {
    std::size_t most = pending.request.size_bytes;
    if (most > 1 && world->random().chance(kernel->chances().short_transfer)) {
      most = 1 + world->random().below(most - 1);
    }
    return static_cast<int>(wire.read(static_cast<char*>(pending.request.data), most, false));
  }
  if (wire.broken) return std::exchange(wire.broken_told, true) ? 0 : -ECONNRESET;
  return wire.in_end ? 0 : kWaits;
}

int SimulatedEngine::try_send(Pending& pending, Node& node) {
  if (!node.wire) return -ENOTCONN;
  Wire& wire = *node.wire;
  const loop::OpRequest& r = pending.request;
  iovec plain{r.data, r.size_bytes};
  const auto* message = static_cast<const msghdr*>(r.argument);
  const bool is_plain = r.kind == loop::OpKind::kSend;
  const iovec* pieces = is_plain ? &plain : message->msg_iov;
  const std::size_t count = is_plain ? 1 : message->msg_iovlen;
  if (wire.broken || wire.out_end) {
    return pending.sent_bytes > 0 ? static_cast<int>(pending.sent_bytes) : -EPIPE;
  }
  if (pending.sent_bytes == 0 && world->random().chance(kernel->chances().send_fails)) {
    return -ENOBUFS;
  }
  std::size_t all = 0, begin = 0;
  for (std::size_t i = 0; i < count; ++i) all += pieces[i].iov_len;
  for (std::size_t i = 0; i < count; begin += pieces[i].iov_len, ++i) {
    if (pending.sent_bytes >= begin + pieces[i].iov_len) continue;
    const std::size_t skip = pending.sent_bytes - begin;
    const std::size_t left = pieces[i].iov_len - skip;
    const std::size_t took = wire.write(static_cast<const char*>(pieces[i].iov_base) + skip, left);
    pending.sent_bytes += took;
    if (took < left) break;
  }
  const bool cut =
      pending.sent_bytes > 0 && world->random().chance(kernel->chances().short_transfer);
  return pending.sent_bytes == all || cut ? static_cast<int>(pending.sent_bytes) : kWaits;
}

int SimulatedEngine::try_read(Pending& pending, Node& node) {
  auto* into = static_cast<char*>(pending.request.data);
  if (node.kind == Node::Kind::kEvent) {
    if (node.count == 0) return kWaits;
    std::memcpy(into, &node.count, sizeof node.count);
    node.count = 0;
    return sizeof node.count;
  }
  const auto at = static_cast<std::size_t>(std::max<std::int64_t>(pending.request.offset, 0));
  if (at >= node.content.size()) return 0;
  const std::size_t count = std::min(pending.request.size_bytes, node.content.size() - at);
  std::memcpy(into, node.content.data() + at, count);
  return static_cast<int>(count);
}

void SimulatedEngine::try_accept(Pending& pending, Node& node) {
  Random& random = world->random();
  while (!node.backlog.empty()) {
    if (random.chance(kernel->chances().refused_accept)) {
      return finish(pending, random.chance(0.5) ? -ENOBUFS : -ECONNABORTED);
    }
    const int fd = kernel->accept(node.fd);
    if (fd < 0) return finish(pending, -errno);
    finish(pending, fd, !random.chance(kernel->chances().watch_ends));
    if (pending.over) return;
  }
  if (!node.listening) finish(pending, -EINVAL);
}

// A multishot poll tells of changes, the first time of what is there.
void SimulatedEngine::try_watch(Pending& pending, Node& node, Change change) {
  if (!node.wire || change == Change::kOutput) return;
  const int events = node.wire->events() & (POLLIN | POLLRDHUP | POLLHUP | POLLERR);
  if (events == 0) return;
  const bool more = pending.request.kind == loop::OpKind::kWatchStream &&
                    !world->random().chance(kernel->chances().watch_ends);
  for (Done& done : done_) {  // one that nobody has seen yet tells of both
    if (done.pending == &pending && done.more && more) {
      done.result |= events;
      return;
    }
  }
  finish(pending, events, more);
}

void SimulatedEngine::finish(Pending& pending, int result, bool more) {
  const CompletionFault::Kind fault = kernel->next_completion();
  const int failure = failure_of(pending.request);
  if (fault == CompletionFault::Kind::kFailed && failure != 0) {
    world->trace("made to fail", static_cast<int>(pending.request.kind), result);
    if (pending.request.kind == loop::OpKind::kAccept && result >= 0) kernel->close(result);
    result = failure;
    more = false;
    kernel->fault_done();
  }
  if (!more) {
    pending.over = true;
    if (Node* node = node_of(pending)) std::erase(node->waiting, &pending);
  }
  const Done done{&pending, result, more};
  if (fault == CompletionFault::Kind::kDelayed || holds(pending)) return hold(done);
  tell(done);
}

bool SimulatedEngine::holds(const Pending& pending) const noexcept {
  return !held_.empty() && held_.front().pending == &pending;
}

void SimulatedEngine::hold(const Done& done) {
  held_.push_back(done);
  if (held_.size() > 1) return;
  kernel->fault_done();
  world->trace("held", static_cast<int>(done.pending->request.kind), done.result);
  world->after(kHeld, [this, alive = turns_] {
    if (*alive > 0) let_go();
  });
}

void SimulatedEngine::let_go() {
  for (const Done& done : std::exchange(held_, {})) tell(done);
}

void SimulatedEngine::tell(const Done& done) {
  done_.push_back(done);
  if (sleeper_ == nullptr) return;
  Fiber* fiber = sleeper_;
  world->after(world->random().between(0, kTellMost), [fiber] { world->wake(fiber); });
}

void SimulatedEngine::cancel_seen(Pending& pending) {
  if (pending.over) return;
  const bool some = pending.sent_bytes > 0 && !is_input(pending.request.kind);
  finish(pending, some ? static_cast<int>(pending.sent_bytes) : -ECANCELED);
}

Pending* SimulatedEngine::by_number(std::uint64_t number) {
  for (const auto& one : all_) {
    if (one->number == number) return one.get();
  }
  return nullptr;
}

void SimulatedEngine::cancel(loop::Operation* operation) noexcept {
  auto* pending = static_cast<Pending*>(mark_of(operation));
  if (holds(*pending)) let_go();
  if (pending->over) return;  // too late
  if (!pending->seen) {       // it waits outside of a full queue: the kernel never sees it
    std::erase(submitted_, pending);
    const std::unique_ptr<Pending> own = [&] {
      const auto at = std::ranges::find(all_, pending, &std::unique_ptr<Pending>::get);
      std::unique_ptr<Pending> taken = std::move(*at);
      all_.erase(at);
      return taken;
    }();
    return deliver(operation, {.result = -ECANCELED});
  }
  if (!world->random().chance(kernel->chances().late_cancel)) return cancel_seen(*pending);
  const std::uint64_t number = pending->number;
  world->after(world->random().between(0, kCancelMost), [this, alive = turns_, number] {
    Pending* late = *alive > 0 ? by_number(number) : nullptr;
    if (late != nullptr) cancel_seen(*late);
  });
}

// Completions of different operations come in any order, those of one in theirs.
void SimulatedEngine::shuffle() {
  for (std::size_t i = 1; i < done_.size(); ++i) {
    const std::size_t j = i - 1;
    if (done_[i].pending != done_[j].pending && world->random().chance(0.5)) {
      std::swap(done_[i], done_[j]);
    }
  }
}

void SimulatedEngine::deliver_all() {
  shuffle();
  const std::vector<Done> now = std::exchange(done_, {});
  for (const Done& one : now) {
    loop::Operation* operation = one.pending->operation;
    world->trace("done", static_cast<int>(one.pending->request.kind), one.result);
    if (!one.more) std::erase_if(all_, [&](const auto& p) { return p.get() == one.pending; });
    deliver(operation, {.result = one.result, .more = one.more});
  }
}

void SimulatedEngine::turn(loop::Clock::duration wait) noexcept {
  const std::uint64_t turn = ++*turns_;
  see_submitted();
  const Time time = std::chrono::nanoseconds(wait).count();
  if (done_.empty() && submitted_.empty() && time > 0) {
    sleeper_ = world->current();
    bool over = false;
    world->after(time, [this, alive = turns_, turn, &over] {
      if (*alive != turn || sleeper_ == nullptr) return;
      over = true;
      world->wake(sleeper_);
    });
    while (done_.empty() && !over) world->block();
    sleeper_ = nullptr;
  } else {
    world->sleep(kMicrosecond);
  }
  deliver_all();
}

}  // namespace imgring::simulation
