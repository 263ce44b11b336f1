// The connection coroutine: heads in, answers in their order, and the end of it.
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "imgring/http/server.h"

namespace imgring::http {

namespace {

using loop::CancelReason;
using std::chrono::milliseconds;
using std::chrono::seconds;

// An IPv4 address in network order. getnameinfo takes microseconds for it, and every refusal on a
// new connection has one.
std::string ipv4_text(const std::uint8_t* address) {
  char text[16];
  char* end = text;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *end++ = '.';
    end = std::to_chars(end, end + 3, address[i]).ptr;  // 255 at most
  }
  return std::string(text, end);
}

std::string address_text(const sockaddr* address, socklen_t size) {
  if (address->sa_family == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(address);
    return ipv4_text(reinterpret_cast<const std::uint8_t*>(&v4.sin_addr));
  }
  if (address->sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) return ipv4_text(v6.s6_addr + 12);
  }
  char host[64] = {};
  const int rc = getnameinfo(address, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return rc == 0 ? host : "";
}

}  // namespace

const std::string& Peer::text() const {
  const int fd = std::exchange(fd_, -1);
  if (fd < 0) return text_;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (getpeername(fd, generic, &size) == 0) text_ = address_text(generic, size);
  return text_;
}

namespace {

enum class Wait : std::uint8_t { kNone, kHead, kRefused, kGone, kLate };

// One connection's state; lives in its coroutine.
struct Connection {
  Connection(ServerContext& c, loop::Fd s)
      : context(c), socket(std::move(s)), reader(c.loop, socket.get(), c.sockets),
        peer(socket.get()) {
    ++context.open_connections;
  }
  ~Connection() { --context.open_connections; }
  ServerContext& context;
  loop::Fd socket;
  loop::StreamReader reader;
  Peer peer;
  std::unique_ptr<RequestParser> parser;  // none while nothing of a request is there
  RefusalPace::Duration hold{};           // what the last answer brought
  Untaken untaken;
};

RequestParser& parser_of(Connection& c) {
  if (!c.parser) c.parser = std::move(c.context.spare_parser);
  if (!c.parser) c.parser = std::make_unique<RequestParser>(c.context.heads);
  return *c.parser;
}

void drop_parser(Connection& c) {
  if (!c.parser) return;
  c.parser->reset();
  if (!c.context.spare_parser) c.context.spare_parser = std::move(c.parser);
  c.parser.reset();
}

// Feeds what is there. kNone: no head is decided by it.
Wait feed(Connection& c) {
  for (;;) {
    const std::string_view bytes = c.reader.unread();
    if (bytes.empty()) return Wait::kNone;
    const RequestParser::Fed fed = parser_of(c).feed(bytes);
    c.reader.consume(fed.consumed);
    if (fed.state == RequestParser::State::kNeedMore) continue;
    c.reader.keep();
    return fed.state == RequestParser::State::kReady ? Wait::kHead : Wait::kRefused;
  }
}

bool started(const Connection& c) noexcept { return c.parser && c.parser->started(); }
bool has_left(const Connection& c) noexcept { return c.reader.gone() || c.reader.ended(); }

// Draining: a request may be on its way already. It gets its answer, and the connection its end.
loop::Task<bool> last_request_comes(Connection& c) {
  loop::Scope last(&c.context.requests);
  loop::Deadline soon(c.context.loop, last, milliseconds(kDrainPatienceMs));
  bool going_on = true;
  while (going_on && c.reader.unread().empty() && !c.reader.ended()) {
    going_on = co_await c.reader.readable(last);
  }
  c.reader.keep();
  co_return going_on;
}

// While others wait for a place: how long a connection may be idle, and how long its head may take
// (a kilobyte, which a slow phone sends in half a second).
constexpr seconds kIdleWhileOthersWait(1), kHeadWhileOthersWait(2);
// How often both are looked at.
constexpr seconds kLook(1);

// The time of a wait for a client's bytes. What comes may be of no use (empty lines, a byte a
// second): that buys no time.
struct Patience {
  Patience(const loop::Loop& l, seconds whole, seconds crowded)
      : loop(l), end(l.now() + whole), crowded_end(l.now() + crowded) {}
  bool over(const ServerContext& context) const noexcept {
    const auto now = loop.now();
    return now >= end || (now >= crowded_end && context.others_wait());
  }
  loop::Clock::duration next_look() const noexcept {
    return std::min<loop::Clock::duration>(end - loop.now(), kLook);
  }
  const loop::Loop& loop;
  loop::Clock::time_point end, crowded_end;
};

// Until a head begins; kNone: it has.
loop::Task<Wait> first_byte(Connection& c, seconds idle_time) {
  const Patience patience(c.context.loop, idle_time, kIdleWhileOthersWait);
  while (!started(c)) {
    if (c.reader.ended() || patience.over(c.context)) co_return Wait::kGone;
    loop::Scope look(&c.context.idle);
    loop::Deadline due(c.context.loop, look, patience.next_look());
    bool going_on = co_await c.reader.readable(look);
    const bool shutdown = !going_on && look.reason() == CancelReason::kShutdown;
    if (shutdown) going_on = co_await last_request_comes(c);
    if (shutdown && going_on) co_return Wait::kNone;
    const Wait decided = going_on ? feed(c) : Wait::kNone;
    if (decided != Wait::kNone) co_return decided;
    if (!going_on && look.reason() != CancelReason::kDeadline) co_return Wait::kGone;
  }
  co_return Wait::kNone;
}

// Until a whole head is there: first byte within the idle time, all of it within the read time.
loop::Task<Wait> next_head(Connection& c, bool first) {
  const seconds read_time(c.context.read_request_timeout_s);
  if (!started(c)) {
    drop_parser(c);
    const seconds idle_time = first ? read_time : seconds(c.context.keep_alive_timeout_s);
    const Wait begun = co_await first_byte(c, idle_time);
    if (begun != Wait::kNone) co_return begun;
  }
  const Patience patience(c.context.loop, read_time, kHeadWhileOthersWait);
  for (;;) {
    const Wait decided = feed(c);
    if (decided != Wait::kNone) co_return decided;
    if (c.reader.ended()) co_return Wait::kGone;
    const Wait late = started(c) ? Wait::kLate : Wait::kGone;
    if (patience.over(c.context)) co_return late;
    loop::Scope look(&c.context.requests);
    loop::Deadline due(c.context.loop, look, patience.next_look());
    const bool going_on = co_await c.reader.readable(look);
    if (!going_on && look.reason() != CancelReason::kDeadline) co_return late;
  }
}

// Not read again for a while, unless the server ends. False: the client has left, or will say no
// more; what it had sent before is not worth an answer each.
loop::Task<bool> hold_back(Connection& c) {
  if (c.context.held_now != nullptr) c.context.held_now->add();
  if (c.context.held_total != nullptr) c.context.held_total->add();
  c.reader.hold(true);
  {
    loop::Scope holding(&c.context.idle);
    loop::Deadline due(c.context.loop, holding, c.hold);
    bool going_on = true;
    while (going_on && !has_left(c)) going_on = co_await c.reader.change(holding);
  }
  c.reader.hold(false);
  if (c.context.held_now != nullptr) c.context.held_now->sub();
  co_return !has_left(c);
}

// Half-close, then drop what comes for a moment, so that the answer is not lost to a reset.
loop::Task<void> linger_for_more(Connection& c) {
  shutdown(c.socket.get(), SHUT_WR);
  loop::Scope draining(&c.context.requests);
  loop::Deadline due(c.context.loop, draining, milliseconds(kLingerTimeMs));
  std::size_t dropped = 0;
  while (dropped <= kBodyDropBytesMax) {
    const std::size_t size = c.reader.unread().size();
    c.reader.consume(size);
    dropped += size;
    if (size > 0) continue;
    if (c.reader.ended()) break;
    const bool going_on = co_await c.reader.readable(draining);
    if (!going_on) break;
  }
}

// Pipelined behind a request whose answer ends the connection.
bool has_unread(Connection& c) noexcept {
  char byte = 0;
  return !c.reader.unread().empty() || recv(c.socket.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

// What the HTTP layer itself says: no request id, no policy headers (server.md 3).
loop::Task<void> refuse(Connection& c, int status) {
  Request request;
  request.keep_alive = false;
  Responder responder(c.context, c.socket.get(), request);
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  const std::string text = std::to_string(status) + " " + std::string(reason_phrase(status));
  co_await responder.send(response, as_bytes(text));
  co_await linger_for_more(c);
}

// True when the connection goes on.
loop::Task<bool> answer_one(Connection& c, Handler& handler) {
  const Request request = c.parser->take();
  drop_parser(c);
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  if (!percent_escapes_valid(path)) {
    co_await refuse(c, 400);
    co_return false;
  }
  loop::Scope scope(&c.context.requests);
  Responder responder(c.context, c.socket.get(), request);
  responder.set_untaken(&c.untaken);
  if (request.has_body) responder.close_after();
  responder.set_client(c.reader, scope);
  co_await handler.handle(scope, request, responder, c.peer);
  c.reader.unwatch();
  c.hold = {};
  if (responder.slot() > RefusalPace::Duration::zero()) {
    c.hold = c.context.pace.count(responder.slot(), c.context.loop.now());
  }
  if (responder.started() && responder.keep_alive()) co_return true;
  // Nobody waits a second for who floods with requests that are refused.
  const bool paced = c.hold > RefusalPace::Duration::zero();
  const bool more_came = request.has_body || (!paced && has_unread(c));
  if (responder.started() && more_came) co_await linger_for_more(c);
  co_return false;
}

}  // namespace

loop::Task<void> serve_connection(ServerContext& context, Handler& handler, loop::Fd socket) {
  Connection c(context, std::move(socket));
  bool waited = true;
  for (bool first = true;; first = false) {
    Wait wait = feed(c);
    if (wait == Wait::kNone) {
      wait = co_await next_head(c, first);
    } else if (!waited) {  // pipelined: answers at once, one behind the other, are one a turn
      co_await loop::nop(context.loop, context.requests);
    }
    if (wait == Wait::kRefused || wait == Wait::kLate) {
      const int status = wait == Wait::kLate ? 400 : c.parser->error().status;
      co_await refuse(c, status);
      break;
    }
    if (wait == Wait::kGone) break;
    const bool going_on = co_await answer_one(c, handler);
    if (!going_on) break;
    waited = c.hold > RefusalPace::Duration::zero();
    if (waited) {
      const bool stays = co_await hold_back(c);
      if (!stays) break;
    }
  }
  drop_parser(c);
  if (c.reader.polled()) co_await c.reader.stop();
}

}  // namespace imgring::http
