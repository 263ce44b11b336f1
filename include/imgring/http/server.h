// Server connections: one coroutine reads heads, calls the handler, sends answers, in order.
// Owns: the socket, its stream reader and parser. Loop thread only.
// Promises: every deadline of hardening.md 1; answers in the order of the requests; the socket is
// closed only after its last operation. Pipelined heads wait unparsed, kPipelineBytesMax at most,
// then reading stops. A connection that was refused beyond the pace (refusal_pace.h) is held: it is
// not read, so that what it sends waits in the kernel's buffer, whose size bounds it; the client's
// leaving and the end of the server end that at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "imgring/http/headers.h"
#include "imgring/http/refusal_pace.h"
#include "imgring/http/request.h"
#include "imgring/loop/io.h"
#include "imgring/loop/loop.h"
#include "imgring/mem/counter.h"

namespace imgring::http {

inline constexpr std::size_t kPipelineBytesMax = 64 << 10;
// Of these, what a connection holds on its own account; above it they are paid for, and without
// room not read.
inline constexpr std::size_t kPipelineFreeBytes = 4 << 10;
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
  mem::Budget* heads = nullptr;  // of large heads and pipelined requests; null: none (tests)
  RefusalPace pace;
  mem::Counter* held_now = nullptr;    // connections that are held; null: not counted
  mem::Counter* held_total = nullptr;  // how often one was
  std::uint64_t open_connections = 0;
  std::string date;  // of date_second
  std::int64_t date_second = 0;
};

// One request's way back. Used by its handler until the handler's coroutine ends.
class Responder {
 public:
  Responder(ServerContext& context, int fd, const Request& request)
      : context_(context), fd_(fd), request_(request) {}
  // Head and body at once, with Content-Length; HEAD and 304 send no body. False: the connection is
  // gone.
  loop::Task<bool> send(const Response& response, ByteSpan body);
  // A body in pieces: by length when >= 0, else chunked (HTTP/1.0: until the close).
  loop::Task<bool> begin(const Response& response, std::int64_t content_length);
  loop::Task<bool> write(ByteSpan piece);
  loop::Task<bool> finish();
  // Nothing more comes: the client must see a broken body.
  void abort() noexcept { keep_alive_ = false; }
  // The answer ends the connection.
  void close_after() noexcept { keep_alive_ = false; }
  // The answer costs next to nothing, so how often it is given is bounded: by these slots.
  void take_slot(RefusalPace::Duration slot) noexcept { slot_ = slot; }
  RefusalPace::Duration slot() const noexcept { return slot_; }
  // What is being written ends as if the client had left.
  void give_up() noexcept {
    if (writing_ != nullptr) writing_->cancel(loop::CancelReason::kOverload);
  }
  bool started() const noexcept { return started_; }
  bool keep_alive() const noexcept { return keep_alive_; }
  std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }  // also while it is sending

 private:
  std::string head_text(const Response& response, std::int64_t content_length);
  loop::Task<bool> put(ByteSpan head, ByteSpan body);
  ServerContext& context_;
  int fd_;
  const Request& request_;
  bool keep_alive_ = true;
  bool started_ = false;
  bool chunked_ = false;
  RefusalPace::Duration slot_{};  // zero: not counted
  std::uint64_t sent_bytes_ = 0;
  loop::Scope* writing_ = nullptr;  // while put() is at it
};

class Handler {
 public:
  virtual ~Handler() = default;
  // `scope` is cancelled with kClientGone when the peer leaves. Must send an answer or leave the
  // responder unstarted (the connection is closed then).
  virtual loop::Task<void> handle(loop::Scope& scope, const Request& request, Responder& responder,
                                  std::string_view peer) = 0;
};

// Serves one accepted socket until its end. `peer`: address text for the log.
loop::Task<void> serve_connection(ServerContext& context, Handler& handler, loop::Fd socket,
                                  std::string peer);

std::string_view reason_phrase(int status) noexcept;
// IMF-fixdate of a time (RFC 9110 5.6.7).
std::string http_date(std::int64_t unix_s);
// Unix seconds of an HTTP date in any of its three forms; nullopt on anything else.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace imgring::http
