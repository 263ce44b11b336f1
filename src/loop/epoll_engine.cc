// The epoll engine: for kernels and containers that refuse io_uring.
// A system call is tried when it is asked for, and again when epoll says that the descriptor is
// ready; files go to threads. Edge-triggered: a descriptor costs a call when what is wanted of it
// changes, none for each wait. Owns the epoll descriptor and its threads. Its loop's thread only.
// Promises: as the ring's: every operation gets its last completion, out of turn() alone; one that
// is cancelled in time gets -ECANCELED, or what a send had sent by then.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <vector>

#include "engines.h"
#include "file_threads.h"
#include "imgring/base/check.h"

namespace imgring::loop {

namespace {

constexpr std::uint32_t kAlways = EPOLLERR | EPOLLHUP;  // told whether asked for or not
constexpr int kAcceptsMax = 64;                         // of one listener, a turn
constexpr int kEventsMax = 256;
constexpr int kWaits = INT_MIN;  // in place of a result: no errno is so large

// An operation from its start to its last completion.
struct Pending {
  OpRequest request;
  Operation* operation = nullptr;
  Pending* next = nullptr;  // of the same descriptor
  std::size_t sent = 0;     // kSend, kSendMessage
  enum class State : std::uint8_t { kWaiting, kInThread, kDone } state = State::kWaiting;
};

struct Descriptor {
  std::uint32_t known = 0;  // what epoll was asked for; 0: not there
  // Of what the number stands for. Epoll knows files: one that was closed under its number tells on
  // while a copy of it is open anywhere, a child that is being started included.
  std::uint32_t generation = 0;
  Pending* first = nullptr;
};

// What an event says of itself.
std::uint64_t key_of(int fd, std::uint32_t generation) noexcept {
  return std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(fd);
}
int descriptor_of(std::uint64_t key) noexcept { return static_cast<int>(key & 0xffffffff); }

std::uint32_t wanted_by(OpKind kind) noexcept {
  switch (kind) {
    case OpKind::kSend:
    case OpKind::kSendMessage:
    case OpKind::kConnect: return EPOLLOUT;
    case OpKind::kPollStream:
    case OpKind::kWatchStream: return EPOLLIN | EPOLLRDHUP;
    default: return EPOLLIN;
  }
}

// What a failed call that could not wait means here.
int result_of(ssize_t got) noexcept {
  if (got >= 0) return static_cast<int>(got);
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? kWaits : -errno;
}

void set_nonblocking(int fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) == 0) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

// What is left of a message after `sent` bytes; its pieces go to `left`.
msghdr rest_of(const msghdr& message, std::size_t sent, std::vector<iovec>& left) {
  left.assign(message.msg_iov, message.msg_iov + message.msg_iovlen);
  for (iovec& piece : left) {
    const std::size_t part = std::min(sent, piece.iov_len);
    piece.iov_base = static_cast<char*>(piece.iov_base) + part;
    piece.iov_len -= part;
    sent -= part;
  }
  msghdr rest = message;
  rest.msg_iov = left.data();
  return rest;
}

std::size_t size_of(const msghdr& message) noexcept {
  std::size_t all = 0;
  for (std::size_t i = 0; i < message.msg_iovlen; ++i) all += message.msg_iov[i].iov_len;
  return all;
}

class EpollEngine final : public Engine {
 public:
  ~EpollEngine() override;
  Result<void> open();
  std::string_view name() const noexcept override { return "epoll"; }
  void cancel(Operation* operation) noexcept override;
  void turn(Clock::duration wait) noexcept override;

 protected:
  void start(const OpRequest& request, Operation* operation) noexcept override;

 private:
  struct Ready {
    Pending* pending;
    int result;
    bool more;
  };
  Pending* take(const OpRequest& request, Operation* operation);
  void finish(Pending* pending, int result);
  Descriptor& descriptor(int fd);
  void wait_for(Pending* pending, bool look_now);
  bool ask(int fd, std::uint32_t events, bool look_now) noexcept;
  void unlink(Pending* pending) noexcept;
  std::uint32_t wanted(const Descriptor& descriptor) const noexcept;
  void to_thread(Pending* pending);
  int attempt(Pending* pending);
  int attempt_send(Pending* pending);
  int attempt_accepts(Pending* pending);
  int attempt_again(Pending* pending, std::uint32_t events);
  void handle(int fd, std::uint32_t events);
  void take_files() noexcept;
  void deliver_ready() noexcept;

  int epoll_ = -1, wake_ = -1;
  std::vector<Descriptor> descriptors_;  // by number
  std::deque<Pending> all_;
  std::vector<Pending*> free_;
  std::vector<Ready> ready_, delivering_;
  std::vector<int> again_;  // listeners that may have more
  std::vector<iovec> pieces_;
  std::unique_ptr<FileThreads> files_;
};

EpollEngine::~EpollEngine() {
  files_.reset();
  if (wake_ >= 0) close(wake_);
  if (epoll_ >= 0) close(epoll_);
}

Result<void> EpollEngine::open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = key_of(wake_, 0)}};
  if (epoll_ < 0 || wake_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    return fail(ErrorCode::kInternal, std::string("epoll: ") + std::strerror(errno) +
                                          "; raise LimitNOFILE (ulimit -n) of this process");
  }
  files_ = std::make_unique<FileThreads>(wake_);
  return {};
}

Pending* EpollEngine::take(const OpRequest& request, Operation* operation) {
  if (free_.empty()) free_.push_back(&all_.emplace_back());
  Pending* pending = free_.back();
  free_.pop_back();
  *pending = Pending{.request = request, .operation = operation};
  mark_of(operation) = pending;
  return pending;
}

void EpollEngine::finish(Pending* pending, int result) {
  pending->state = Pending::State::kDone;
  ready_.push_back({pending, result, false});
}

Descriptor& EpollEngine::descriptor(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= descriptors_.size()) descriptors_.resize(std::max(index + 1, index * 2));
  return descriptors_[index];
}

std::uint32_t EpollEngine::wanted(const Descriptor& descriptor) const noexcept {
  std::uint32_t all = 0;
  for (const Pending* p = descriptor.first; p != nullptr; p = p->next) {
    all |= wanted_by(p->request.kind);
  }
  return all;
}

// `look_now`: what is ready already is told, too. False: the descriptor is no thing to wait for.
bool EpollEngine::ask(int fd, std::uint32_t events, bool look_now) noexcept {
  Descriptor& d = descriptor(fd);
  if (d.known != 0 && (events & ~d.known) == 0 && !look_now) return true;
  epoll_event event{.events = events | EPOLLET, .data = {.u64 = key_of(fd, d.generation)}};
  // Closed and opened again since: the number stands for something else.
  bool done = d.known != 0 && epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0;
  if (!done) {
    event.data.u64 = key_of(fd, ++d.generation);
    done = epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
  }
  d.known = done ? events : 0;
  return done;
}

void EpollEngine::wait_for(Pending* pending, bool look_now) {
  const int fd = pending->request.fd;
  if (fd < 0) return finish(pending, -EBADF);
  Descriptor& d = descriptor(fd);
  // What is known of a descriptor that nobody has in flight may be of one that was closed since.
  const bool known = d.first != nullptr;
  pending->next = d.first;
  d.first = pending;
  if (ask(fd, wanted(d), look_now || !known)) return;
  const int error = errno;
  unlink(pending);
  finish(pending, -error);
}

void EpollEngine::unlink(Pending* pending) noexcept {
  Pending** link = &descriptor(pending->request.fd).first;
  while (*link != pending) link = &(*link)->next;
  *link = pending->next;
}

void EpollEngine::to_thread(Pending* pending) {
  pending->state = Pending::State::kInThread;
  if (!files_->submit(pending->request, pending)) finish(pending, -EAGAIN);
}

int EpollEngine::attempt_send(Pending* pending) {
  const OpRequest& r = pending->request;
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
  const auto* message = static_cast<const msghdr*>(r.argument);
  const bool plain = r.kind == OpKind::kSend;
  const std::size_t all = plain ? r.size_bytes : size_of(*message);
  for (;;) {
    ssize_t got = 0;
    if (plain) {
      got = send(r.fd, static_cast<char*>(r.data) + pending->sent, all - pending->sent, kFlags);
    } else if (pending->sent == 0) {
      got = sendmsg(r.fd, message, kFlags);
    } else {
      const msghdr rest = rest_of(*message, pending->sent, pieces_);
      got = sendmsg(r.fd, &rest, kFlags);
    }
    const int result = result_of(got);
    if (result == kWaits) return kWaits;
    if (result < 0) return pending->sent > 0 ? static_cast<int>(pending->sent) : result;
    pending->sent += static_cast<std::size_t>(result);
    if (pending->sent >= all || result == 0) return static_cast<int>(pending->sent);
  }
}

// Of a listener: a completion each, until there is nobody more.
int EpollEngine::attempt_accepts(Pending* pending) {
  for (int i = 0; i < kAcceptsMax; ++i) {
    const int fd = accept4(pending->request.fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      ready_.push_back({pending, fd, true});
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return result_of(-1);
    }
  }
  again_.push_back(pending->request.fd);
  return kWaits;
}

// At the start: what needs no waiting is done at once.
int EpollEngine::attempt(Pending* pending) {
  const OpRequest& r = pending->request;
  switch (r.kind) {
    case OpKind::kNop: return 0;
    case OpKind::kRecv: return result_of(recv(r.fd, r.data, r.size_bytes, MSG_DONTWAIT));
    case OpKind::kSend:
    case OpKind::kSendMessage: return attempt_send(pending);
    case OpKind::kConnect: {
      set_nonblocking(r.fd);
      const int rc = connect(r.fd, static_cast<const sockaddr*>(r.argument), r.argument_size);
      if (rc == 0) return 0;
      return errno == EINPROGRESS || errno == EINTR ? kWaits : -errno;
    }
    case OpKind::kClose: return close(r.fd) == 0 ? 0 : -errno;
    case OpKind::kAccept: set_nonblocking(r.fd); return kWaits;
    default: return kWaits;
  }
}

// When its descriptor is ready.
int EpollEngine::attempt_again(Pending* pending, std::uint32_t events) {
  const OpRequest& r = pending->request;
  switch (r.kind) {
    case OpKind::kConnect: {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(r.fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return -error;
      sockaddr_storage peer;
      size = sizeof peer;
      return getpeername(r.fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 ? 0 : kWaits;
    }
    case OpKind::kAccept: return attempt_accepts(pending);
    case OpKind::kRead: {  // it may block: an event that is out of date must not
      pollfd now{.fd = r.fd, .events = POLLIN, .revents = 0};
      return poll(&now, 1, 0) > 0 ? result_of(read(r.fd, r.data, r.size_bytes)) : kWaits;
    }
    case OpKind::kPollIn:
    case OpKind::kPollStream: return static_cast<int>(events);
    case OpKind::kWatchStream:
      ready_.push_back({pending, static_cast<int>(events), true});
      return kWaits;
    default: return attempt(pending);
  }
}

void EpollEngine::start(const OpRequest& request, Operation* operation) noexcept {
  Pending* pending = take(request, operation);
  // Epoll takes some files for streams (FUSE, /proc), and reading any may block.
  const bool of_file = request.kind == OpKind::kRead && request.offset >= 0;
  if (request.kind == OpKind::kOpen || of_file) return to_thread(pending);
  const int result = attempt(pending);
  if (result != kWaits) return finish(pending, result);
  // Whoever was told to wait will be told when that changes; the others have not looked yet.
  const bool looked = request.kind == OpKind::kRecv || request.kind == OpKind::kSend ||
                      request.kind == OpKind::kSendMessage;
  wait_for(pending, !looked);
}

void EpollEngine::cancel(Operation* operation) noexcept {
  auto* pending = static_cast<Pending*>(mark_of(operation));
  if (pending->state == Pending::State::kDone) return;  // too late
  if (pending->state == Pending::State::kInThread) {
    if (files_->take_back(pending)) finish(pending, -ECANCELED);
    return;
  }
  unlink(pending);
  finish(pending, pending->sent > 0 ? static_cast<int>(pending->sent) : -ECANCELED);
}

void EpollEngine::handle(int fd, std::uint32_t events) {
  Descriptor& d = descriptor(fd);
  const std::uint32_t unwanted = events & ~(wanted(d) | kAlways);
  Pending* next = nullptr;
  for (Pending* pending = d.first; pending != nullptr; pending = next) {
    next = pending->next;
    const std::uint32_t own = events & (wanted_by(pending->request.kind) | kAlways);
    const int result = own != 0 ? attempt_again(pending, own) : kWaits;
    if (result == kWaits) continue;
    unlink(pending);
    finish(pending, result);
  }
  if (unwanted == 0) return;
  // Somebody wanted it once: told about it no more.
  epoll_event event{};
  if (d.first == nullptr) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &event);
    d.known = 0;
  } else {
    ask(fd, wanted(d), true);
  }
}

void EpollEngine::take_files() noexcept {
  std::uint64_t count = 0;
  (void)!read(wake_, &count, sizeof count);
  for (const FileThreads::Done& done : files_->take_done()) {
    finish(static_cast<Pending*>(done.key), done.result);
  }
}

void EpollEngine::deliver_ready() noexcept {
  delivering_.swap(ready_);  // what they start is of the next turn
  for (const Ready& one : delivering_) {
    Operation* operation = one.pending->operation;
    if (!one.more) free_.push_back(one.pending);
    deliver(operation, Completion{.result = one.result, .more = one.more});
  }
  delivering_.clear();
}

void EpollEngine::turn(Clock::duration wait) noexcept {
  // Rounded up: a timer that fires late is one, one that fires early is none.
  constexpr std::int64_t kWaitMsMax = 3'600'000;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  const bool at_once = !ready_.empty() || !again_.empty();
  const int time = at_once ? 0 : static_cast<int>(std::clamp<std::int64_t>(ms, 0, kWaitMsMax));
  std::array<epoll_event, kEventsMax> events;
  const int count = epoll_wait(epoll_, events.data(), kEventsMax, time);
  IMGRING_CHECK(count >= 0 || errno == EINTR);
  const std::vector<int> listeners = std::exchange(again_, {});
  for (const int fd : listeners) handle(fd, EPOLLIN);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const int fd = descriptor_of(event.data.u64);
    if (fd == wake_) {
      take_files();
    } else if (event.data.u64 == key_of(fd, descriptor(fd).generation)) {
      handle(fd, event.events);
    }
  }
  deliver_ready();
}

}  // namespace

Result<std::unique_ptr<Engine>> make_epoll_engine() {
  auto engine = std::make_unique<EpollEngine>();
  IMGRING_TRY_VOID(engine->open());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace imgring::loop
