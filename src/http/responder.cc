// The way an answer leaves: its head, what the socket takes at once, and the wait for the rest.
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>

#include "imgring/http/server.h"
#include "imgring/mem/ledger.h"

namespace imgring::http {

namespace {

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

bool may_keep_alive(const ServerContext& context) noexcept {
  return !context.draining && !context.others_wait() && context.keep_alive_timeout_s > 0;
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
  const struct linger now{.l_onoff = 1, .l_linger = 0};
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

}  // namespace imgring::http
