// The connection coroutine and the way an answer leaves.
#include "imgring/http/server.h"

#include <sys/socket.h>

#include <charconv>
#include <ctime>
#include <optional>

namespace imgring::http {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ByteSpan kNothing;
// What one WRITE_RESPONSE_TIMEOUT covers without a look at the rate, and the rate beyond it.
constexpr std::size_t kLargeAnswerBytes = 256 << 10;
constexpr std::size_t kSlowestReaderBytesPerSecond = 64 << 10;

struct Phrase {
  int status;
  std::string_view text;
};
constexpr Phrase kPhrases[] = {
    {200, "OK"}, {204, "No Content"}, {206, "Partial Content"}, {301, "Moved Permanently"},
    {302, "Found"}, {304, "Not Modified"}, {400, "Bad Request"}, {401, "Unauthorized"},
    {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"}, {408, "Request Timeout"},
    {410, "Gone"}, {416, "Requested Range Not Satisfiable"}, {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {422, "Unprocessable Entity"}, {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
    {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"}};

const std::string& date_of(ServerContext& context) {
  const std::int64_t now = std::time(nullptr);
  if (now != context.date_second) {
    context.date = http_date(now);
    context.date_second = now;
  }
  return context.date;
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
  keep_alive_ = keep_alive_ && request_.keep_alive && !context_.draining &&
                context_.keep_alive_timeout_s > 0;
  chunked_ = content_length < 0 && !bodiless && request_.minor_version > 0;
  if (content_length < 0 && !bodiless && !chunked_) keep_alive_ = false;
  std::string head = request_.minor_version > 0 ? "HTTP/1.1 " : "HTTP/1.0 ";
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

loop::Task<bool> Responder::put(ByteSpan head, ByteSpan body) {
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
  writing_ = nullptr;
  if (rc == 0) co_return true;
  keep_alive_ = false;
  co_return false;
}

loop::Task<bool> Responder::send(const Response& response, ByteSpan body) {
  started_ = true;
  const auto length = static_cast<std::int64_t>(body.size());
  const std::string head = head_text(response, length);
  const bool bodiless = request_.method == Method::kHead || response.status == 304;
  const ByteSpan sent_body = bodiless ? ByteSpan{} : body;
  const bool sent = co_await put(as_bytes(head), sent_body);
  co_return sent;
}

loop::Task<bool> Responder::begin(const Response& response, std::int64_t content_length) {
  started_ = true;
  const std::string head = head_text(response, content_length);
  const bool sent = co_await put(as_bytes(head), kNothing);
  co_return sent;
}

loop::Task<bool> Responder::write(ByteSpan piece) {
  if (piece.empty() || request_.method == Method::kHead) co_return true;
  if (!chunked_) {
    const bool sent = co_await put(piece, kNothing);
    co_return sent;
  }
  char size[24];
  auto* end = std::to_chars(size, size + 16, piece.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  const std::string_view size_line(size, static_cast<std::size_t>(end - size));
  const bool sent = co_await put(as_bytes(size_line), piece);
  if (!sent) co_return false;
  const bool ended = co_await put(as_bytes("\r\n"), kNothing);
  co_return ended;
}

loop::Task<bool> Responder::finish() {
  if (!chunked_ || request_.method == Method::kHead) co_return true;
  const bool sent = co_await put(as_bytes("0\r\n\r\n"), kNothing);
  co_return sent;
}

namespace {

enum class Wait : std::uint8_t { kHead, kRefused, kGone, kLate };

// One connection's state; lives in its coroutine.
struct Connection {
  Connection(ServerContext& c, loop::Fd s)
      : context(c),
        socket(std::move(s)),
        reader(c.loop, socket.get(), {kPipelineBytesMax, kPipelineFreeBytes, c.heads}) {
    ++context.open_connections;
  }
  ~Connection() { --context.open_connections; }
  ServerContext& context;
  loop::Fd socket;
  loop::StreamReader reader;
  std::optional<RequestParser> parser;  // none while nothing of a request is there
  RefusalPace::Duration hold{};         // what the last answer brought
};

// Feeds what is there; true when the head is decided.
bool feed(Connection& c, Wait* outcome) {
  if (!c.parser && !c.reader.unread().empty()) c.parser.emplace(c.context.heads);
  while (!c.reader.unread().empty()) {
    const RequestParser::Fed fed = c.parser->feed(c.reader.unread());
    c.reader.consume(fed.consumed);
    if (fed.state == RequestParser::State::kNeedMore) continue;
    *outcome = fed.state == RequestParser::State::kReady ? Wait::kHead : Wait::kRefused;
    return true;
  }
  return false;
}

bool started(const Connection& c) noexcept { return c.parser && c.parser->started(); }

// A byte to read, or the end; false: the scope's end.
loop::Task<bool> first_byte(Connection& c, loop::Scope& scope) {
  bool going_on = true;
  while (going_on && c.reader.unread().empty() && !c.reader.ended()) {
    going_on = co_await c.reader.more(scope);
  }
  co_return going_on;
}

// Until a whole head is there: first byte within the idle time, all of it within the read time.
loop::Task<Wait> next_head(Connection& c, bool first) {
  Wait outcome = Wait::kGone;
  if (feed(c, &outcome)) co_return outcome;
  const seconds read_time(c.context.read_request_timeout_s);
  const seconds idle_time = first ? read_time : seconds(c.context.keep_alive_timeout_s);
  if (!started(c)) {
    c.parser.reset();
    c.reader.trim();
    loop::Scope idle(&c.context.idle);
    loop::Deadline due(c.context.loop, idle, idle_time);
    bool arrived = co_await first_byte(c, idle);
    if (!arrived && idle.reason() == loop::CancelReason::kShutdown) {
      // A request may be on its way already: it gets its answer, and the connection its end.
      loop::Scope last(&c.context.requests);
      loop::Deadline soon(c.context.loop, last, milliseconds(kDrainPatienceMs));
      arrived = co_await first_byte(c, last);
    }
    if (!arrived) co_return Wait::kGone;
  }
  loop::Scope reading(&c.context.requests);
  loop::Deadline due(c.context.loop, reading, read_time);
  for (;;) {
    if (feed(c, &outcome)) co_return outcome;
    if (c.reader.ended()) co_return Wait::kGone;
    const bool arrived = co_await c.reader.more(reading);
    if (!arrived) co_return started(c) ? Wait::kLate : Wait::kGone;
  }
}

// Not read again for a while, unless the server ends. False: the client has left, or will say no
// more; what it had sent before is not worth an answer each.
loop::Task<bool> hold_back(Connection& c) {
  int gone = 0;
  if (c.context.held_now != nullptr) c.context.held_now->add();
  if (c.context.held_total != nullptr) c.context.held_total->add();
  c.reader.pause();
  {
    loop::Scope holding(&c.context.idle);
    loop::Deadline due(c.context.loop, holding, c.hold);
    gone = co_await loop::poll_gone(c.context.loop, holding, c.socket.get());
  }
  c.reader.resume();
  if (c.context.held_now != nullptr) c.context.held_now->sub();
  co_return gone <= 0;
}

// Half-close, then drop what comes for a moment, so that the answer is not lost to a reset.
loop::Task<void> linger(Connection& c) {
  shutdown(c.socket.get(), SHUT_WR);
  loop::Scope draining(&c.context.requests);
  loop::Deadline due(c.context.loop, draining, milliseconds(kLingerTimeMs));
  std::size_t dropped = 0;
  while (!c.reader.ended() && dropped <= kBodyDropBytesMax) {
    dropped += c.reader.unread().size();
    c.reader.consume(c.reader.unread().size());
    const bool arrived = co_await c.reader.more(draining);
    if (!arrived) break;
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
loop::Task<bool> answer_one(Connection& c, Handler& handler, std::string_view peer) {
  const Request request = c.parser->take();
  c.parser->reset();
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  if (!percent_escapes_valid(path)) {
    co_await refuse(c, 400);
    co_return false;
  }
  loop::Scope scope(&c.context.requests);
  Responder responder(c.context, c.socket.get(), request);
  if (request.has_body) responder.close_after();
  // A peer that had closed its side before we began asked for one answer and waits for it; one that
  // closes while we work has left (as Go's server sees it, which tells no half-close from a close).
  if (!c.reader.ended()) c.reader.watch(&scope);
  co_await handler.handle(scope, request, responder, peer);
  c.reader.watch(nullptr);
  c.hold = {};
  if (responder.slot() > RefusalPace::Duration::zero()) {
    c.hold = c.context.pace.count(responder.slot(), c.context.loop.now());
  }
  if (responder.started() && responder.keep_alive()) co_return true;
  if (responder.started() && request.has_body) co_await linger(c);
  co_return false;
}

}  // namespace

loop::Task<void> serve_connection(ServerContext& context, Handler& handler, loop::Fd socket,
                                  std::string peer) {
  Connection c(context, std::move(socket));
  c.reader.start();
  for (bool first = true;; first = false) {
    const Wait wait = co_await next_head(c, first);
    if (wait == Wait::kRefused || wait == Wait::kLate) {
      const int status = wait == Wait::kLate ? 400 : c.parser->error().status;
      co_await refuse(c, status);
      break;
    }
    if (wait == Wait::kGone) break;
    const bool going_on = co_await answer_one(c, handler, peer);
    if (!going_on) break;
    if (c.hold > RefusalPace::Duration::zero()) {
      const bool stays = co_await hold_back(c);
      if (!stays) break;
    }
  }
  co_await c.reader.stop();
}

}  // namespace imgring::http
