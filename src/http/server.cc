// The connection coroutine and the way an answer leaves.
#include "imgring/http/server.h"

#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "imgring/mem/ledger.h"

namespace imgring::http {

namespace {

using loop::CancelReason;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ByteSpan kNothing;
// What one WRITE_RESPONSE_TIMEOUT covers without a look at the rate, and the rate beyond it: less
// than a phone has at the edge of its network. Where others need the memory, the slowest are ended
// long before.
constexpr std::size_t kLargeAnswerBytes = 256 << 10;
constexpr std::size_t kSlowestReaderBytesPerSecond = 8 << 10;

struct Phrase {
  int status;
  std::string_view text;
};
constexpr Phrase kPhrases[] = {{200, "OK"},
                               {204, "No Content"},
                               {206, "Partial Content"},
                               {301, "Moved Permanently"},
                               {302, "Found"},
                               {304, "Not Modified"},
                               {400, "Bad Request"},
                               {401, "Unauthorized"},
                               {403, "Forbidden"},
                               {404, "Not Found"},
                               {405, "Method Not Allowed"},
                               {408, "Request Timeout"},
                               {410, "Gone"},
                               {416, "Requested Range Not Satisfiable"},
                               {417, "Expectation Failed"},
                               {418, "I'm a teapot"},
                               {422, "Unprocessable Entity"},
                               {429, "Too Many Requests"},
                               {431, "Request Header Fields Too Large"},
                               {500, "Internal Server Error"},
                               {502, "Bad Gateway"},
                               {503, "Service Unavailable"},
                               {504, "Gateway Timeout"},
                               {505, "HTTP Version Not Supported"}};

const std::string& date_of(ServerContext& context) {
  const std::int64_t now = context.loop.unix_s();
  if (now != context.date_second) {
    context.date = http_date(now);
    context.date_second = now;
  }
  return context.date;
}

bool crowded(const ServerContext& context) noexcept {
  return context.crowded != nullptr && context.crowded->load(std::memory_order_relaxed) > 0;
}

bool may_keep_alive(const ServerContext& context) noexcept {
  return !context.draining && !crowded(context) && context.keep_alive_timeout_s > 0;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (!safe_value(name) || !safe_value(value)) return;  // an origin's value must not split ours
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Status";
}

std::string Responder::head_text(const Response& response, std::int64_t content_length) {
  const bool bodiless = response.status == 304 || response.status == 204;
  keep_alive_ = keep_alive_ && request_.keep_alive && may_keep_alive(context_);
  chunked_ = content_length < 0 && !bodiless && request_.minor_version > 0;
  if (content_length < 0 && !bodiless && !chunked_) keep_alive_ = false;
  constexpr std::size_t kUsualBytes = 512;
  std::string head;
  head.reserve(kUsualBytes);
  head.append(request_.minor_version > 0 ? "HTTP/1.1 " : "HTTP/1.0 ");
  head.append(std::to_string(response.status)).append(" ");
  head.append(reason_phrase(response.status)).append("\r\n");
  append_field(head, "Server", context_.server_name);
  append_field(head, "Date", date_of(context_));
  for (const auto& [name, value] : response.headers.fields()) append_field(head, name, value);
  if (content_length >= 0 && !bodiless) {
    append_field(head, "Content-Length", std::to_string(content_length));
  }
  if (chunked_) append_field(head, "Transfer-Encoding", "chunked");
  if (!keep_alive_) {
    append_field(head, "Connection", "close");
  } else if (request_.minor_version == 0) {
    append_field(head, "Connection", "keep-alive");
  }
  head.append("\r\n");
  return head;
}

namespace {

// What the kernel holds of what we sent: not acknowledged by the client's side (TCP), not read by
// it (a unix socket). 0 once the connection is gone.
std::uint32_t untaken_bytes(int fd) noexcept {
  std::uint32_t numbers[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof numbers;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, numbers, &size) != 0) return 0;
  return std::max(numbers[SK_MEMINFO_WMEM_QUEUED], numbers[SK_MEMINFO_WMEM_ALLOC]);
}

// The kernel would keep what a client does not take for minutes after our close.
void drop_untaken(int fd) noexcept {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace

void Responder::abort() noexcept {
  keep_alive_ = false;
  drop_untaken(fd_);
}

void Responder::limit_untaken(std::uint64_t bytes_max) noexcept {
  if (bytes_max >= mem::kSocketBytesMax) return;
  const int half = static_cast<int>(bytes_max / 2);  // the kernel doubles it
  setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &half, sizeof half);
}

// In the kernel, when the answer is over for us.
bool Responder::may_stay(std::uint64_t untaken) noexcept {
  if (untaken_ != nullptr) untaken_->bytes_max = untaken;
  if (untaken <= mem::kClientUntakenBytes) {
    if (untaken_ != nullptr) untaken_->paid.reset();
    return true;
  }
  // Behind the last answer nobody would be there to pay.
  const bool small =
      keep_alive_ && sent_bytes_ <= kSmallAnswerBytes && untaken <= kPipelinedUntakenBytes;
  if (!small || untaken_ == nullptr || context_.heads == nullptr) return false;
  constexpr std::uint64_t kStep = 8 << 10;
  const std::uint64_t wanted = (untaken + kStep - 1) / kStep * kStep;
  const std::uint64_t has = untaken_->paid.bytes();
  if (has >= wanted) return true;
  if (has > 0) return untaken_->paid.add(wanted - has);
  auto grant = context_.heads->try_grant(wanted);
  if (grant) untaken_->paid = std::move(*grant);
  return grant.has_value();
}

// Of an answer that has left at once. What is small enough to stay whatever the client does is not
// asked after.
bool Responder::may_stay_unseen() noexcept {
  if (untaken_ == nullptr) return true;
  untaken_->bytes_max += sent_bytes_;
  const bool little = untaken_->bytes_max <= mem::kClientUntakenBytes;
  return (little && untaken_->paid.bytes() == 0) || may_stay(untaken_bytes(fd_));
}

// Nothing that it sent waits to be read.
bool Responder::client_is_silent() {
  if (reader_ == nullptr) return false;
  const bool silent = reader_->unread().empty() && !reader_->ended() && !reader_->gone();
  reader_->keep();
  return silent;
}

// Until the client says more: its side acknowledges with that, and without it only after 40 ms.
loop::Task<bool> Responder::nap(loop::Scope& writing, loop::Clock::duration time) {
  if (!client_is_silent()) {
    const bool slept = co_await loop::Sleep(context_.loop, writing, time);
    co_return slept;
  }
  loop::Scope napping(&writing);
  loop::Deadline over(context_.loop, napping, time);
  bool going_on = true;
  while (going_on && client_is_silent()) going_on = co_await reader_->readable(napping);
  co_return !writing.cancelled();
}

// A near client's side has taken all of it by now; for others one look a round trip would do.
loop::Task<bool> Responder::taken(loop::Scope& writing, loop::Deadline& progress) {
  constexpr milliseconds kFirstNap(2), kLongestNap(256);
  milliseconds time = kFirstNap;
  std::uint32_t left = untaken_bytes(fd_);
  if (may_stay(left)) co_return true;
  const seconds write_time(context_.write_response_timeout_s);
  const seconds most(left / kSlowestReaderBytesPerSecond);
  const loop::Deadline all(context_.loop, writing, write_time + most);
  bool going_on = true;
  std::uint32_t before = std::numeric_limits<std::uint32_t>::max();
  while (going_on && !may_stay(left)) {
    if (left < before) progress.restart(write_time);
    before = std::min(before, left);
    going_on = co_await nap(writing, time);
    time = std::min(2 * time, kLongestNap);
    left = untaken_bytes(fd_);
  }
  co_return going_on;
}

loop::Task<bool> Responder::put(ByteSpan head, ByteSpan body, Then then) {
  // Not below the request's scope: a client that only stopped sending still reads its answer.
  loop::Scope writing(&context_.requests);
  const seconds time(context_.write_response_timeout_s);
  loop::Deadline progress(context_.loop, writing, time);
  // Progress alone would let a slow reader keep a large answer in memory for hours.
  std::optional<loop::Deadline> all;
  if (body.size() > kLargeAnswerBytes) {
    const seconds most(static_cast<std::int64_t>(body.size() / kSlowestReaderBytesPerSecond));
    all.emplace(context_.loop, writing, time + most);
  }
  const loop::SendProgress told{.deadline = &progress, .time = time, .sent_bytes = &sent_bytes_};
  writing_ = &writing;
  const int rc = co_await loop::send_all(context_.loop, writing, fd_, head, body, told);
  all.reset();
  bool good = rc == 0;
  if (good && then == Then::kOver) {
    if (!keep_alive_) shutdown(fd_, SHUT_WR);  // the end comes right behind the answer
    good = co_await taken(writing, progress);
  }
  writing_ = nullptr;
  if (good) co_return true;
  // At the end of the process the kernel delivers what has left whole.
  if (rc != 0 || writing.reason() != loop::CancelReason::kShutdown) drop_untaken(fd_);
  keep_alive_ = false;
  co_return false;
}

// As much as the socket takes at once. False: the connection is gone.
bool Responder::try_send() noexcept {
  iovec pieces[2] = {{const_cast<std::uint8_t*>(head_left_.data()), head_left_.size()},
                     {const_cast<std::uint8_t*>(body_left_.data()), body_left_.size()}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  const ssize_t sent = sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  // EMSGSIZE: more than one packet of IMGPROXY_NETWORK=unixpacket can hold; send_all has pieces.
  if (sent < 0) return errno == EAGAIN || errno == EINTR || errno == EMSGSIZE;
  const auto bytes = static_cast<std::size_t>(sent);
  const std::size_t of_head = std::min(bytes, head_left_.size());
  head_left_ = head_left_.subspan(of_head);
  body_left_ = body_left_.subspan(bytes - of_head);
  sent_bytes_ += bytes;
  return true;
}

std::optional<bool> Responder::send_now(const Response& response, ByteSpan body) {
  started_ = true;
  head_ = head_text(response, static_cast<std::int64_t>(body.size()));
  const bool bodiless = request_.method == Method::kHead || response.status == 304;
  head_left_ = as_bytes(head_);
  body_left_ = bodiless ? ByteSpan{} : body;
  // The kernel copies what it takes: no more of it than others may wait for.
  if (body_left_.size() > kLargeAnswerBytes) return std::nullopt;
  if (!try_send()) {
    keep_alive_ = false;
    return false;
  }
  if (!head_left_.empty() || !body_left_.empty()) return std::nullopt;
  if (!may_stay_unseen()) return std::nullopt;
  return true;
}

loop::Task<bool> Responder::send_rest() {
  const bool sent = co_await put(head_left_, body_left_, Then::kOver);
  co_return sent;
}

loop::Task<bool> Responder::send(const Response& response, ByteSpan body) {
  const std::optional<bool> at_once = send_now(response, body);
  if (at_once) co_return *at_once;
  const bool sent = co_await send_rest();
  co_return sent;
}

loop::Task<bool> Responder::begin(const Response& response, std::int64_t content_length) {
  started_ = true;
  const std::string head = head_text(response, content_length);
  const bool sent = co_await put(as_bytes(head), kNothing, Then::kMore);
  co_return sent;
}

loop::Task<bool> Responder::write(ByteSpan piece) {
  if (piece.empty() || request_.method == Method::kHead) co_return true;
  if (!chunked_) {
    const bool sent = co_await put(piece, kNothing, Then::kMore);
    co_return sent;
  }
  char size[24];
  auto* end = std::to_chars(size, size + 16, piece.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  const std::string_view size_line(size, static_cast<std::size_t>(end - size));
  const bool sent = co_await put(as_bytes(size_line), piece, Then::kMore);
  if (!sent) co_return false;
  const bool ended = co_await put(as_bytes("\r\n"), kNothing, Then::kMore);
  co_return ended;
}

loop::Task<bool> Responder::finish() {
  const bool ends = chunked_ && request_.method != Method::kHead;
  const ByteSpan last = ends ? as_bytes("0\r\n\r\n") : kNothing;
  const bool sent = co_await put(last, kNothing, Then::kOver);
  co_return sent;
}

namespace {

// An IPv4 address in network order. getnameinfo takes microseconds for it, and every refusal on a
// new connection has one.
std::string ipv4_text(const std::uint8_t* address) {
  char text[16];
  char* end = text;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *end++ = '.';
    end = std::to_chars(end, text + sizeof text, address[i]).ptr;
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

// How often an idle connection looks whether others wait for its place.
constexpr seconds kIdleLook(1);

// Until a whole head is there: first byte within the idle time, all of it within the read time.
loop::Task<Wait> next_head(Connection& c, bool first) {
  const seconds read_time(c.context.read_request_timeout_s);
  const seconds idle_time = first ? read_time : seconds(c.context.keep_alive_timeout_s);
  if (!started(c)) {
    drop_parser(c);
    const auto end = c.context.loop.now() + idle_time;
    CancelReason over = CancelReason::kNone;
    while (over == CancelReason::kNone && !started(c)) {
      if (c.reader.ended()) co_return Wait::kGone;
      loop::Scope look(&c.context.idle);
      loop::Deadline due(c.context.loop, look,
                         std::min<loop::Clock::duration>(end - c.context.loop.now(), kIdleLook));
      const bool going_on = co_await c.reader.readable(look);
      const Wait decided = going_on ? feed(c) : Wait::kNone;
      if (decided != Wait::kNone) co_return decided;
      if (going_on) continue;
      over = look.reason();
      if (over == CancelReason::kNone) co_return Wait::kGone;
      const bool stays = c.context.loop.now() < end && !crowded(c.context);
      if (over == CancelReason::kDeadline && stays) over = CancelReason::kNone;
    }
    bool going_on = over == CancelReason::kNone;
    if (over == CancelReason::kShutdown) going_on = co_await last_request_comes(c);
    if (!going_on) co_return Wait::kGone;
  }
  loop::Scope reading(&c.context.requests);
  loop::Deadline due(c.context.loop, reading, read_time);
  for (;;) {
    const Wait decided = feed(c);
    if (decided != Wait::kNone) co_return decided;
    if (c.reader.ended()) co_return Wait::kGone;
    const bool going_on = co_await c.reader.readable(reading);
    if (!going_on) co_return started(c) ? Wait::kLate : Wait::kGone;
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
loop::Task<void> linger(Connection& c) {
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
  co_await linger(c);
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
  if (responder.started() && request.has_body) co_await linger(c);
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
