// Requests by their path, answers in the manner that it names.
#include "source.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "names.h"

namespace imgring::simulation {

std::string host_of(std::uint32_t id) { return "s" + std::to_string(id % 10) + ".sim"; }
bool is_reachable(std::uint32_t id) noexcept { return id % 10 != 9; }

std::string path_of(const Wish& wish) {
  char text[96];
  std::snprintf(text, sizeof text, "/p/%u/%d/%dx%d/%zu", wish.facts.id,
                static_cast<int>(wish.manner), wish.facts.width, wish.facts.height,
                wish.size_bytes);
  return text;
}

namespace {

bool wish_of(const std::string& head, Wish* out) {
  int manner = 0;
  const int got = std::sscanf(head.c_str(), "GET /p/%u/%d/%dx%d/%zu", &out->facts.id, &manner,
                              &out->facts.width, &out->facts.height, &out->size_bytes);
  out->manner = static_cast<Manner>(manner);
  return got == 5;
}

class SourcePeer final : public Peer, public std::enable_shared_from_this<SourcePeer> {
 public:
  explicit SourcePeer(Wire& wire) : wire_(wire.weak_from_this()) {}
  void on_bytes(std::string_view bytes) override {
    head_ += bytes;
    for (;;) {
      const std::size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return;
      const std::string one = head_.substr(0, end);
      head_.erase(0, end + 4);
      Wish wish;
      if (!wish_of(one, &wish)) world->fail("a source was asked for nothing it knows: " + one);
      world->trace("source", wish.facts.id, static_cast<int>(wish.manner));
      const Time thinks = world->random().latency(50 * kMicrosecond, 60 * kMillisecond);
      world->after(thinks, [self = shared_from_this(), wish] { self->answer(wish); });
    }
  }
  void on_end() override {
    if (const auto wire = wire_.lock()) wire->finish();
  }
  void on_reset() override { gone_ = true; }

 private:
  void say(std::string text) {
    const auto wire = wire_.lock();
    if (wire && !gone_) wire->send(std::move(text));
  }
  void finish() {
    const auto wire = wire_.lock();
    if (wire && !gone_) wire->finish();
  }
  void reset() {
    const auto wire = wire_.lock();
    if (wire && !gone_) wire->reset();
  }
  void answer(const Wish& wish);
  void answer_body(const Wish& wish);
  void say_in_pieces(std::string rest, std::function<void()> then);
  std::weak_ptr<Wire> wire_;
  std::string head_;
  bool gone_ = false;
};

std::string head_of(std::size_t length, const char* type) {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}

std::string plain(int status, const char* more = "") {
  return "HTTP/1.1 " + std::to_string(status) + " Words\r\nContent-Length: 5\r\n" + more +
         "\r\nwords";
}

std::string chunked(const std::string& body) {
  std::string text;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t count =
        std::min<std::size_t>(body.size() - at, 1 + world->random().below(20'000));
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", count);
    text.append(size).append(body, at, count).append("\r\n");
    at += count;
  }
  return text + "0\r\n\r\n";
}

void SourcePeer::say_in_pieces(std::string rest, std::function<void()> then) {
  const auto wire = wire_.lock();
  if (!wire || gone_) return;
  if (rest.empty()) {
    if (then) then();
    return;
  }
  if (wire->may_send()) {
    const std::size_t count =
        std::min<std::size_t>(rest.size(), 1 + world->random().below(rest.size() / 4 + 20'000));
    say(rest.substr(0, count));
    rest.erase(0, count);
  }
  world->after(world->random().latency(20 * kMicrosecond, 5 * kMillisecond),
               [self = shared_from_this(), rest = std::move(rest), then = std::move(then)] {
                 self->say_in_pieces(rest, then);
               });
}

void SourcePeer::answer(const Wish& wish) {
  switch (wish.manner) {
    case Manner::kMoved: {
      Wish good = wish;
      good.manner = Manner::kGood;
      const std::string to = "Location: " + path_of(good) + "\r\n";
      return say(plain(302, to.c_str()));
    }
    case Manner::kMissing: return say(plain(404));
    case Manner::kBroken: return say(plain(500));
    case Manner::kGarbage: return say("\x01\x02 this is no HTTP\r\n\r\n");
    case Manner::kText: return say(head_of(5, "text/plain") + "words");
    case Manner::kSilent: return;
    case Manner::kLeaving: return finish();
    default: return answer_body(wish);
  }
}

void SourcePeer::answer_body(const Wish& wish) {
  const std::string body = make_source(wish.facts, wish.size_bytes);
  const std::string head = head_of(body.size(), "image/png");
  const std::size_t half = head.size() + body.size() / 2;
  switch (wish.manner) {
    case Manner::kGood: return say_in_pieces(head + body, {});
    case Manner::kSlow:
      say(head.substr(0, 20));
      return world->after(world->random().latency(kMillisecond, 900 * kMillisecond),
                          [self = shared_from_this(), text = head.substr(20) + body] {
                            self->say_in_pieces(text, {});
                          });
    case Manner::kChunked:
      return say_in_pieces(
          "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n" +
              chunked(body),
          {});
    case Manner::kClosing:
      return say_in_pieces(
          "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body,
          [self = shared_from_this()] { self->finish(); });
    case Manner::kCut:
      return say_in_pieces((head + body).substr(0, half),
                           [self = shared_from_this()] { self->finish(); });
    case Manner::kReset:
      return say_in_pieces((head + body).substr(0, half),
                           [self = shared_from_this()] { self->reset(); });
    default: return say_in_pieces((head + body).substr(0, half), {});
  }
}

// Addresses 20.0.0.0 to 20.0.0.255.
enum class Host { kAnswers, kRefuses, kMute };
Host host_of(const sockaddr* address) {
  sockaddr_in v4;
  std::memcpy(&v4, address, sizeof v4);
  const auto last = ntohl(v4.sin_addr.s_addr) & 0xff;
  return last < 200 ? Host::kAnswers : last < 230 ? Host::kRefuses : Host::kMute;
}

sockaddr_in address_of(std::uint32_t last) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(0x14000000 | last);
  return v4;
}

}  // namespace

void connect_sources(Kernel& to) {
  to.network = [](Node& node, const sockaddr* address, std::function<void(int)> done) {
    Random& random = world->random();
    const Host host = host_of(address);
    if (host == Host::kMute) return;
    const Time delay = random.latency(30 * kMicrosecond, 80 * kMillisecond);
    if (host == Host::kRefuses) {
      return world->after(delay, [done = std::move(done)] { done(-ECONNREFUSED); });
    }
    const int fd = node.fd;
    const std::uint64_t number = node.number;
    world->after(delay, [fd, number, delay, done = std::move(done)] {
      Node* now = kernel->find(fd);
      if (now == nullptr || now->number != number) return;
      auto wire = std::make_shared<Wire>(delay / 2 + kMicrosecond, 64 << 10);
      wire->peer = std::make_shared<SourcePeer>(*wire);
      wire->node = now;
      now->wire = std::move(wire);
      done(0);
    });
  };
}

void set_names() {
  name_server = [](const std::string& name, int* ttl) {
    std::vector<sockaddr_in> found;
    if (name.size() != 6 || name[0] != 's' || !name.ends_with(".sim")) return found;
    const auto host = static_cast<std::uint32_t>(name[1] - '0');
    // The first addresses of some are of no use.
    if (host == 7) found.push_back(address_of(210));
    if (host == 8) found.push_back(address_of(240));
    found.push_back(address_of(host));
    if (host % 3 == 0) found.push_back(address_of(host + 10));
    if (host == 9) found = {address_of(211), address_of(241)};
    *ttl = host % 2 == 0 ? 1 : 60;
    return found;
  };
}

}  // namespace imgring::simulation
