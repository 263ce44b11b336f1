// Server connections: one coroutine reads heads, calls the handler, sends answers, in order.
// Owns: the socket, its stream reader and parser. Loop thread only.
// Promises: every deadline of hardening.md 1; answers in the order of the requests; the socket is
// closed only after its last operation. Pipelined heads wait in the kernel's buffer, whose size
// bounds them; at most what one read brought (loop::kReceiveBytesMax) waits here, unparsed. A
// connection that was refused beyond the pace (refusal_pace.h) is held: it is not read; the
// client's leaving and the end of the server end that at once.
// An answer is over when the client's side has taken it but for mem::kClientUntakenBytes: until
// then its bytes and what pays for them are held. Small answers to pipelined requests may gather,
// as long as the heads' part pays for that.
// What a refusal costs bounds what strangers can take from others (hardening.md 6): one whose head
// is there is read, answered and, when asked for, closed without an operation of the engine, a
// timer or a wait. The kernel is asked what the client has taken only when all that has left since
// is more than the connection has paid for.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "imgring/http/headers.h"
#include "imgring/http/refusal_pace.h"
#include "imgring/http/request.h"
#include "imgring/loop/io.h"
#include "imgring/loop/loop.h"
#include "imgring/mem/counter.h"

namespace imgring::http {

// What small answers (kSmallAnswerBytes) may leave in the kernel, once that is paid for.
inline constexpr std::size_t kPipelinedUntakenBytes = 64 << 10;
inline constexpr std::size_t kSmallAnswerBytes = 4 << 10;
// Draining: how long an idle connection may still bring the request that crossed our decision.
inline constexpr int kDrainPatienceMs = 100;
inline constexpr int kLingerTimeMs = 1000;  // half-close, drain, close: the client sees the answer

struct Response {
  int status = 200;
  Headers headers;
};

// What a connection needs of its core; outlives all connections.
struct ServerContext {
  ServerContext(loop::Loop& l, loop::Scope& r, loop::Scope& i) : loop(l), requests(r), idle(i) {}
  loop::Loop& loop;
  loop::Scope& requests;  // parent of every request: cancelled at the end of the grace time
  loop::Scope& idle;      // parent of every wait for a next request: cancelled when draining
  std::string server_name;
  int read_request_timeout_s = 10, write_response_timeout_s = 10, keep_alive_timeout_s = 10;
  bool draining = false;
  // Above 0: others wait for a place: each answer ends its connection, and who is idle for a second
  // is closed; null: never (tests).
  const std::atomic<int>* crowded = nullptr;
  bool others_wait() const noexcept {
    return crowded != nullptr && crowded->load(std::memory_order_relaxed) > 0;
  }
  mem::Budget* heads = nullptr;  // of large heads; null: none (tests)
  loop::StreamReader::Kind sockets = loop::StreamReader::Kind::kBytes;
  std::unique_ptr<RequestParser> spare_parser;  // most heads come whole: one serves them all
  RefusalPace pace;
  mem::Counter* held_now = nullptr;    // connections that are held; null: not counted
  mem::Counter* held_total = nullptr;  // how often one was
  std::uint64_t open_connections = 0;
  std::string date;  // of date_second
  std::int64_t date_second = 0;
};

// Who is at the other end, as text for the log; looked up when it is first asked for.
class Peer {
 public:
  explicit Peer(int fd) noexcept : fd_(fd) {}
  explicit Peer(std::string text) noexcept : text_(std::move(text)) {}  // known (tests)
  // Empty: a socket without an address, or a client that has left before.
  const std::string& text() const;

 private:
  mutable int fd_ = -1;  // -1: looked up
  mutable std::string text_;
};

// What a connection's answers have left in the kernel.
struct Untaken {
  std::uint64_t bytes_max = 0;  // there may be so many: the last look, and what has left since
  mem::Grant paid;              // for small answers that the client has not taken yet
};

// One request's way back. Used by its handler until the handler's coroutine ends.
class Responder {
 public:
  Responder(ServerContext& context, int fd, const Request& request)
      : context_(context), fd_(fd), request_(request) {}
  // Head and body at once, with Content-Length; HEAD and 304 send no body. False: the connection is
  // gone.
  loop::Task<bool> send(const Response& response, ByteSpan body);
  // The same without a wait. None: something is left, here or in the kernel; `body` has to stay
  // until send_rest() is over.
  std::optional<bool> send_now(const Response& response, ByteSpan body);
  loop::Task<bool> send_rest();
  // A body in pieces: by length when >= 0, else chunked (HTTP/1.0: until the close).
  loop::Task<bool> begin(const Response& response, std::int64_t content_length);
  loop::Task<bool> write(ByteSpan piece);
  loop::Task<bool> finish();
  // Before work that takes its time: from here on the request's scope ends when the client leaves.
  void watch_client() noexcept {
    if (reader_ != nullptr) reader_->watch(*scope_);
  }
  void set_client(loop::StreamReader& reader, loop::Scope& scope) noexcept {
    reader_ = &reader;
    scope_ = &scope;
  }
  // Nothing more comes: the client must see a broken body.
  void abort() noexcept;
  // The answer ends the connection.
  void close_after() noexcept { keep_alive_ = false; }
  // The answer costs next to nothing, so how often it is given is bounded: by these slots.
  void take_slot(RefusalPace::Duration slot) noexcept { slot_ = slot; }
  RefusalPace::Duration slot() const noexcept { return slot_; }
  // What is being written ends as if the client had left.
  void give_up() noexcept {
    if (writing_ != nullptr) writing_->cancel(loop::CancelReason::kOverload);
  }
  bool writing() const noexcept { return writing_ != nullptr; }
  // The connection's. Null: what leaves at once is not asked after.
  void set_untaken(Untaken* untaken) noexcept { untaken_ = untaken; }
  // What the kernel may hold of this answer and the next ones, where that is less than the usual.
  void limit_untaken(std::uint64_t bytes_max) noexcept;
  bool started() const noexcept { return started_; }
  bool keep_alive() const noexcept { return keep_alive_; }
  std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }  // also while it is sending

 private:
  std::string head_text(const Response& response, std::int64_t content_length);
  enum class Then : std::uint8_t { kMore, kOver };
  loop::Task<bool> put(ByteSpan head, ByteSpan body, Then then);
  bool try_send() noexcept;
  loop::Task<bool> taken(loop::Scope& writing, loop::Deadline& progress);
  loop::Task<bool> nap(loop::Scope& writing, loop::Clock::duration time);
  bool client_is_silent();
  bool may_stay(std::uint64_t untaken) noexcept;
  bool may_stay_unseen() noexcept;
  ServerContext& context_;
  int fd_;
  const Request& request_;
  bool keep_alive_ = true;
  bool started_ = false;
  bool chunked_ = false;
  RefusalPace::Duration slot_{};  // zero: not counted
  std::uint64_t sent_bytes_ = 0;
  Untaken* untaken_ = nullptr;
  loop::Scope* writing_ = nullptr;  // while put() is at it
  loop::StreamReader* reader_ = nullptr;
  loop::Scope* scope_ = nullptr;    // of the request
  std::string head_;                // of send_now()
  ByteSpan head_left_, body_left_;  // of both, what has not left yet
};

class Handler {
 public:
  virtual ~Handler() = default;
  // `scope` is cancelled with kClientGone when the peer leaves after watch_client(). Must send an
  // answer or leave the responder unstarted (the connection is closed then).
  virtual loop::Task<void> handle(loop::Scope& scope, const Request& request, Responder& responder,
                                  const Peer& peer) = 0;
};

// Serves one accepted socket until its end.
loop::Task<void> serve_connection(ServerContext& context, Handler& handler, loop::Fd socket);

std::string_view reason_phrase(int status) noexcept;
// IMF-fixdate of a time (RFC 9110 5.6.7).
std::string http_date(std::int64_t unix_s);
// Unix seconds of an HTTP date in any of its three forms; nullopt on anything else.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace imgring::http
