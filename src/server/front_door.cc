// Accepting while there is room, hearing who asks for health while there is none, and the line.
#include "front_door.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "imgring/http/request.h"
#include "routes.h"

namespace imgring::server {

namespace {

// So many newcomers of one look take less than a millisecond; a turn of the loop comes between.
constexpr int kNewcomersPerLook = 256;
constexpr std::chrono::seconds kSayEvery(10);
// Descriptors for listeners, rings, logs and children; those of clients are counted.
constexpr std::uint64_t kOwnDescriptors = 64;

std::string full_answer(const config::ServerConfig& config) {
  const std::string text(facts_of(ErrorCode::kOverloaded).public_text);
  return "HTTP/1.1 503 Service Unavailable\r\nServer: " + config.server_name +
         "\r\nContent-Type: text/plain\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: " +
         std::to_string(text.size()) + "\r\n\r\n" + text;
}

// Bytes that were left unread would turn our close into a reset, and the answer would be lost.
void drop_unread(int fd) noexcept {
  char dropped[kHeardHeadBytesMax];
  constexpr int kPiecesMax = 8;
  for (int i = 0; i < kPiecesMax; ++i) {
    if (recv(fd, dropped, sizeof dropped, MSG_DONTWAIT) < static_cast<ssize_t>(sizeof dropped)) {
      return;
    }
  }
}

// Whoever is heard costs one turn: a head that is refused, and a body, would linger for a second.
bool is_good_and_without_body(std::string_view head) {
  http::RequestParser parser;
  http::RequestParser::Fed fed{http::RequestParser::State::kNeedMore, 0};
  while (!head.empty() && fed.state == http::RequestParser::State::kNeedMore) {
    fed = parser.feed(head);
    head.remove_prefix(fed.consumed);
  }
  return fed.state == http::RequestParser::State::kReady && !parser.take().has_body;
}

}  // namespace

Asked what_is_asked(std::string_view head, const config::ServerConfig& config) {
  const bool all_there_is = head.size() >= kHeardHeadBytesMax;
  head.remove_prefix(std::min(head.find_first_not_of("\r\n"), head.size()));
  const std::string_view line = head.substr(0, head.find('\n'));
  if (line.size() == head.size()) return all_there_is ? Asked::kOther : Asked::kUnknown;
  constexpr std::string_view kGet = "GET ";
  if (!line.starts_with(kGet)) return Asked::kOther;
  http::Request request;
  request.method = http::Method::kGet;
  request.target = line.substr(kGet.size(), line.find(' ', kGet.size()) - kGet.size());
  const Route route = route_of(request, config);
  if (route != Route::kHealth && route != Route::kReady) return Asked::kOther;
  if (head.find("\r\n\r\n") != std::string_view::npos) {
    return is_good_and_without_body(head) ? Asked::kHealth : Asked::kOther;
  }
  return all_there_is ? Asked::kOther : Asked::kUnknown;
}

std::size_t line_max(std::uint64_t descriptors, int max_clients, int loops) noexcept {
  const std::uint64_t needed = 2 * static_cast<std::uint64_t>(max_clients) + kOwnDescriptors;
  const std::uint64_t left = descriptors > needed ? descriptors - needed : 0;
  const std::uint64_t each = left / static_cast<std::uint64_t>(std::max(loops, 1));
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(each, kLineMin, kLineMax));
}

FrontDoor::FrontDoor(loop::Loop& loop, const config::ServerConfig& config,
                     observe::CoreMetrics& metrics, House& house, Setup setup)
    : loop_(loop), config_(config), metrics_(metrics), house_(house), setup_(setup),
      full_answer_(full_answer(config)), acceptor_(loop, setup.listen_fd, on_accept, this),
      changed_(loop) {}

void FrontDoor::on_accept(void* me, int fd) noexcept {
  auto* door = static_cast<FrontDoor*>(me);
  if (fd < 0) {
    door->house_.accept_failed(-fd);
  } else {
    door->new_.push_back({loop::Fd(fd), door->loop_.now()});
    door->let_in();
  }
}

void FrontDoor::hold(Hold why) noexcept {
  holds_ |= static_cast<unsigned>(why);
  set_acceptor();
}

void FrontDoor::let_go(Hold why) noexcept {
  holds_ &= ~static_cast<unsigned>(why);
  let_in();
}

void FrontDoor::client_left() noexcept { let_in(); }
void FrontDoor::heard() noexcept { --heard_; }

bool FrontDoor::take_place() noexcept {
  const int max = config_.max_clients;
  int taken = setup_.clients.load();
  while (max == 0 || taken < max) {
    if (!setup_.clients.compare_exchange_weak(taken, taken + 1)) continue;
    if (setup_.memory == nullptr || setup_.memory->try_acquire(mem::kClientBytes)) return true;
    setup_.clients.fetch_sub(1);
    return false;
  }
  return false;
}

bool FrontDoor::places_taken() const noexcept {
  const int max = config_.max_clients;
  if (max > 0 && setup_.clients.load() >= max) return true;
  const mem::Budget* memory = setup_.memory;
  return memory != nullptr && memory->current() + mem::kClientBytes > memory->max();
}

bool FrontDoor::serve_next() noexcept {
  std::deque<Guest>& queue = !line_.empty() ? line_ : !silent_.empty() ? silent_ : new_;
  if (queue.empty() || held(Hold::kMemory) || held(Hold::kStopping) || !take_place()) return false;
  loop::Fd socket = std::move(queue.front().socket);
  queue.pop_front();
  house_.serve(std::move(socket));
  return true;
}

// As many as there are places. Who finds none says so to the other cores, and tries once more: one
// of their clients may have left before.
void FrontDoor::let_in() noexcept {
  bool full = true;
  while (full) {
    while (serve_next()) continue;
    full = places_taken();
    if (full && wanting_.exchange(true)) break;
  }
  if (full && !held(Hold::kClients)) say_full();
  if (!full) wanting_.store(false);
  constexpr auto kBit = static_cast<unsigned>(Hold::kClients);
  holds_ = full ? holds_ | kBit : holds_ & ~kBit;
  set_acceptor();
}

void FrontDoor::say_full() noexcept {
  const auto now = loop_.now();
  if (now - said_ < kSayEvery) return;
  said_ = now;
  setup_.log.warning("All places of clients are taken (" + std::to_string(setup_.clients.load()) +
                     "), who comes now waits: raise IMGPROXY_MAX_CLIENTS, or the memory limit "
                     "(IMGRING_MEMORY_LIMIT), of which a tenth is for connections");
}

void FrontDoor::set_acceptor() noexcept {
  metrics_.connections_waiting.set(line_.size() + silent_.size() + new_.size());
  if (holds_ == 0) {
    acceptor_.start();
  } else {
    acceptor_.pause();
  }
  if (holds_ != 0 || !new_.empty()) changed_.notify();
}

bool FrontDoor::examine(const Guest& guest, Asked* asked) const noexcept {
  char head[kHeardHeadBytesMax];
  const ssize_t size = recv(guest.socket.get(), head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
  *asked = Asked::kUnknown;
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  *asked = what_is_asked({head, static_cast<std::size_t>(size)}, config_);
  return true;
}

// Makes room for one more that is heard, if it may.
bool FrontDoor::place_for_one(Asked asked) noexcept {
  if (heard_ + silent_.size() < kHealthPlaces) return true;
  if (silent_.empty()) return false;
  const bool young = loop_.now() - silent_.front().since < kSilentTime;
  if (young && asked != Asked::kHealth) return false;
  silent_.pop_front();
  metrics_.count_refusal(observe::Refusal::kSilent);
  return true;
}

void FrontDoor::refuse(Guest guest) noexcept {
  const bool memory = held(Hold::kMemory);
  metrics_.count_refusal(memory ? observe::Refusal::kMemory : observe::Refusal::kClients);
  const int fd = guest.socket.get();
  drop_unread(fd);
  send(fd, full_answer_.data(), full_answer_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

// False: there is no place for it, and it stays the caller's.
bool FrontDoor::decide(Guest& guest, Asked asked) noexcept {
  if (asked == Asked::kOther) {
    if (line_.size() < setup_.line_max) {
      line_.push_back(std::move(guest));
    } else {
      refuse(std::move(guest));
    }
    return true;
  }
  if (!place_for_one(asked)) return false;
  if (asked == Asked::kHealth) {
    ++heard_;
    house_.hear(std::move(guest.socket));
  } else {
    silent_.push_back(std::move(guest));
  }
  return true;
}

void FrontDoor::look_at_silent() noexcept {
  std::deque<Guest> before = std::move(silent_);
  silent_.clear();
  const std::chrono::seconds time(config_.read_request_timeout_s);
  for (Guest& guest : before) {
    Asked asked = Asked::kUnknown;
    const bool here = examine(guest, &asked);
    if (here && loop_.now() - guest.since < time) decide(guest, asked);
  }
}

void FrontDoor::look_at_line() noexcept {
  const auto over = loop_.now() - std::chrono::seconds(config_.timeout_s);
  while (!line_.empty() && line_.front().since <= over) {
    refuse(std::move(line_.front()));
    line_.pop_front();
  }
}

void FrontDoor::say_crowded(bool crowded) noexcept {
  if (crowded == crowded_) return;
  crowded_ = crowded;
  setup_.crowded.fetch_add(crowded ? 1 : -1, std::memory_order_relaxed);
}

// Out of the kernel's backlog; false: nobody is there, or nobody may be taken.
bool FrontDoor::accept_one() noexcept {
  if (held(Hold::kDescriptors) || held(Hold::kStopping) || held(Hold::kLeaving)) return false;
  const int fd = accept4(setup_.listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) {
    new_.push_back({loop::Fd(fd), loop_.now()});
  } else if (errno != EAGAIN && errno != EINTR) {
    house_.accept_failed(errno);
  }
  return fd >= 0;
}

// True: there may be more.
bool FrontDoor::look_at_newcomers() noexcept {
  for (int i = 0; i < kNewcomersPerLook; ++i) {
    if (new_.empty() && !accept_one()) return false;
    Guest guest = std::move(new_.front());
    new_.pop_front();
    Asked asked = Asked::kUnknown;
    if (!examine(guest, &asked) || decide(guest, asked)) continue;
    new_.push_front(std::move(guest));
    return false;
  }
  return true;
}

loop::Task<void> FrontDoor::keep(loop::Scope& scope) {
  let_in();
  bool going_on = true;
  while (going_on) {
    // Without memory a place that is given up lets nobody in.
    say_crowded(!line_.empty() && !held(Hold::kMemory) &&
                loop_.now() - line_.front().since > kLongWait);
    if (holds_ == 0 && new_.empty() && silent_.empty() && line_.empty()) {
      going_on = co_await changed_.wait(scope);
      continue;
    }
    look_at_silent();
    look_at_line();
    const bool more = look_at_newcomers();
    let_in();
    if (more) {
      co_await loop::nop(loop_, scope);
      going_on = !scope.cancelled();
    } else {
      going_on = co_await loop::Sleep(loop_, scope, kLookEvery);
    }
  }
}

loop::Task<void> FrontDoor::leave() {
  hold(Hold::kLeaving);
  loop::Scope always;
  co_await acceptor_.drained(always);
  let_in();
}

loop::Task<void> FrontDoor::close() {
  hold(Hold::kStopping);
  loop::Scope always;
  co_await acceptor_.drained(always);
  new_.clear();
  silent_.clear();
  line_.clear();
  say_crowded(false);
  metrics_.connections_waiting.set(0);
}

}  // namespace imgring::server
