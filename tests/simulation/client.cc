// Requests, conduct, and the judgement of what comes.
#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernel.h"

namespace imgring::simulation {

namespace {
// From a deadline to the first byte of the answer that tells of it: a turn or two of a busy loop.
constexpr Time kSlack = 250 * kMillisecond;
// Behind another answer: until the client's side has taken that (http/responder.cc looks every
// 256 ms at last), and a refusal's pause.
constexpr Time kSlackBehind = 1600 * kMillisecond;
// In calm seeds, from a request's arrival until it is read: a loop's turn, and a look at an answer
// that the client's side has taken (256 ms at most).
constexpr Time kReadTime = 400 * kMillisecond;
constexpr std::size_t kAtOnce = 1 << 20;
}  // namespace

std::string Tally::here_text() const {
  constexpr std::array<const char*, static_cast<std::size_t>(Conduct::kEnd)> kNames = {
      "patient", "pipelining", "leaving", "half-closed", "slow", "deaf", "trickling", "silent"};
  std::string text;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (here_by_conduct[i] > 0) text += " " + std::to_string(here_by_conduct[i]) + " " + kNames[i];
  }
  return text;
}

Client::Client(House& house, Plan plan)
    : house_(house), plan_(std::move(plan)), number_(++house.tally.clients) {
  ++house_.tally.here;
  ++house_.tally.here_by_conduct[static_cast<std::size_t>(plan_.conduct)];
}
Client::~Client() {
  --house_.tally.here;
  --house_.tally.here_by_conduct[static_cast<std::size_t>(plan_.conduct)];
}

void Client::wrong(const std::string& what) const {
  world->fail("client " + std::to_string(number_) + ", request " + std::to_string(answered_) +
              " of " + std::to_string(asked_) + ": " + what);
}

void Client::connect() {
  for (std::size_t i = 0; i < plan_.wishes.size(); ++i) {
    requests_.push_back({.wish = plan_.wishes[i], .raw = plan_.raw[i]});
  }
  Random& random = world->random();
  const bool slow = plan_.conduct == Conduct::kSlow || plan_.conduct == Conduct::kDeaf;
  wire_ = std::make_shared<Wire>(random.latency(20 * kMicrosecond, 50 * kMillisecond),
                                 slow ? 16 << 10 : 64 << (10 + random.below(4)));
  wire_->peer = shared_from_this();
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(0x1e000000 | static_cast<std::uint32_t>(number_));
  std::memcpy(&wire_->address, &from, sizeof from);
  if (!kernel->arrive(house_.listen_fds[plan_.listener], wire_)) return on_reset();
  if (plan_.conduct == Conduct::kLeaving) {
    world->after(random.latency(0, 4 * kSecond), [self = shared_from_this()] { self->leave(); });
  }
  if (plan_.conduct == Conduct::kDeaf) {  // what it does not take the kernel would keep for minutes
    world->after(random.between(3 * kSecond, 20 * kSecond),
                 [self = shared_from_this()] { self->leave(); });
  }
  if (plan_.conduct == Conduct::kSilent) return;
  ask_next();
}

std::string Client::text_of(const Request& request) const {
  const std::string host = host_of(request.wish.facts.id);
  const std::string options = request.raw ? "raw:1" : "rs:fit:100:100/f:png";
  return "GET /unsafe/" + options + "/plain/http://" + host + path_of(request.wish) +
         " HTTP/1.1\r\nHost: imgring.sim\r\nAccept: image/*\r\n\r\n";
}

void Client::send_request(Request& request) {
  std::string text = text_of(request);
  sent_bytes_ += text.size();
  request.end = sent_bytes_;
  ++asked_;
  ++house_.tally.asked;
  if (plan_.conduct != Conduct::kTrickling) return wire_->send(std::move(text));
  send_pieces(std::move(text));
}

void Client::send_pieces(std::string rest) {
  if (gone_ || rest.empty()) return;
  const std::size_t count = std::min<std::size_t>(rest.size(), 1 + world->random().below(40));
  wire_->send(rest.substr(0, count));
  world->after(world->random().latency(10 * kMicrosecond, 80 * kMillisecond),
               [self = shared_from_this(), rest = rest.substr(count)] { self->send_pieces(rest); });
}

void Client::ask_next() {
  if (gone_) return;
  const bool all = plan_.conduct == Conduct::kPipelining || plan_.conduct == Conduct::kHalfClosed;
  std::size_t count = all ? requests_.size() : 1;
  while (count-- > 0 && asked_ < requests_.size()) send_request(requests_[asked_]);
  if (plan_.conduct == Conduct::kHalfClosed) wire_->finish();
}

// The one that is to be answered next.
void Client::expect_answer() {
  if (gone_ || answered_ >= asked_ || reader_.begun()) return;
  Request& request = requests_[answered_];
  if (request.read_at < 0 || request.due >= 0) return;
  const Time most = house_.time_max + (answered_ > 0 ? kSlackBehind : kSlack);
  request.due = world->now() - world->frozen() + most;
  const std::size_t which = answered_;
  world->after(most + kMillisecond, [self = shared_from_this(), which] {
    const bool waits = self->answered_ == which && !self->reader_.begun();
    if (self->gone_ || !waits || self->wire_->node == nullptr) return;
    const Time late = world->now() - world->frozen() - self->requests_[which].due;
    if (late > 0) self->wrong("no answer when its time was over");
  });
}

// Whoever keeps a client waiting for a wake-up that was lost does so for a second, mostly.
void Client::on_arrived(std::uint64_t all_bytes) {
  if (!house_.calm || plan_.conduct != Conduct::kPatient || all_bytes < sent_bytes_) return;
  const std::size_t which = asked_ - 1;
  world->after(kReadTime, [self = shared_from_this(), which] {
    if (self->gone_ || self->house_.stopping || self->requests_[which].read_at >= 0) return;
    self->wrong("it has come, and is not read");
  });
}

void Client::on_server_read(std::uint64_t all_bytes) {
  for (std::size_t i = answered_; i < asked_; ++i) {
    Request& request = requests_[i];
    if (request.read_at < 0 && request.end <= all_bytes) request.read_at = world->now();
  }
  expect_answer();
}

void Client::on_server_wrote(std::string_view bytes) {
  written_bytes_ += bytes.size();
  std::uint64_t at = written_bytes_ - bytes.size();
  while (!bytes.empty()) {
    // Who waited at the door in vain is told so before its head was read.
    if (last_told_) wrong("bytes behind the last answer");
    if (!reader_.begun() && answered_ < asked_) {
      const Request& request = requests_[answered_];
      const Time late = world->now() - world->frozen() - request.due;
      if (request.due >= 0 && late > 0) wrong("its answer begins late");
    }
    const std::size_t taken = reader_.feed(bytes);
    bytes.remove_prefix(taken);
    at += taken;
    if (reader_.state() == AnswerReader::State::kWrong) wrong("what is no HTTP answer");
    if (reader_.state() != AnswerReader::State::kWhole) return;
    judge();
    answer_ends_.push_back(at);
    last_told_ = reader_.closes();
    reader_.next();
    expect_answer();
  }
}

void Client::judge() {
  const int status = reader_.status();
  if (answered_ >= asked_) {
    // Slow heads are refused, and so is who says nothing at a full door.
    if (status == 400 || status == 503 || status == 408) return;
    wrong("an answer that nobody asked for: " + std::to_string(status));
  }
  const Request& request = requests_[answered_];
  ++answered_;
  ++house_.tally.answered;
  world->trace("answer", request.wish.facts.id, status);
  const bool good = is_good(request.wish.manner);
  if (status != 200) {
    const bool reachable = is_reachable(request.wish.facts.id);
    if (house_.calm && good && reachable && status != 503 && status != 504) {
      wrong("a good source's picture, and status " + std::to_string(status));
    }
    return;
  }
  ++house_.tally.good;
  const std::string& body = reader_.body();
  if (!good && !request.raw) wrong("a picture of a source that gave none");
  auto id = id_of_source(body);
  if (!id && !request.raw) id = id_of_result(body);
  if (good && id != request.wish.facts.id) wrong("not the picture that was asked for");
}

void Client::on_bytes(std::string_view bytes) {
  received_bytes_ += bytes.size();
  while (taken_ < answer_ends_.size() && received_bytes_ >= answer_ends_[taken_]) {
    ++taken_;
    if (taken_ == requests_.size()) {
      world->after(world->random().latency(0, 100 * kMillisecond),
                   [self = shared_from_this()] { self->over(); });
    } else if (plan_.conduct != Conduct::kPipelining && plan_.conduct != Conduct::kHalfClosed) {
      world->after(world->random().latency(0, 300 * kMillisecond),
                   [self = shared_from_this()] { self->ask_next(); });
    }
  }
}

std::size_t Client::appetite() {
  if (plan_.conduct == Conduct::kDeaf) return 0;
  if (plan_.conduct == Conduct::kSlow) return world->random().below(4000);
  return kAtOnce;
}

void Client::over() {
  if (gone_) return;
  if (world->random().chance(0.3)) return leave();
  wire_->finish();
}

void Client::leave() {
  if (gone_) return;
  gone_ = true;
  ++house_.tally.left;
  wire_->reset();
}

void Client::on_end() {
  if (gone_) return;
  gone_ = true;
  ++house_.tally.closed;
  wire_->finish();
  wire_->peer.reset();
}

void Client::on_reset() {
  if (gone_) return;
  gone_ = true;
  ++house_.tally.closed;
  if (wire_) wire_->peer.reset();
}

}  // namespace imgring::simulation
