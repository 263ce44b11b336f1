// The parser of one response: llhttp, lenient where sources need it, our limits on the head,
// interim answers skipped, and the body unwrapped in place. Plain functions, no I/O; one owner, any
// thread.
// Promises: a bad length, chunk or head is an Error, and so is a status that ends nothing (101);
// memory holds the head alone: trailers are dropped as they come.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "imgring/base/error.h"
#include "imgring/http/headers.h"

namespace imgring::http {

inline constexpr std::size_t kResponseHeadBytesMax = 1 << 20;
inline constexpr std::size_t kResponseHeadersMax = 1000;
inline constexpr std::size_t kResponseTrailerBytesMax = 64 << 10;  // names and values together
inline constexpr int kInterimResponsesMax = 8;

struct ResponseHead {
  int status = 0;
  Headers headers;
  std::int64_t content_length = -1;  // -1: chunked, or until the end of the stream
};

class ResponseParser {
 public:
  ResponseParser() noexcept;
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  struct Fed {
    std::size_t consumed_bytes;  // less than given only when the response is done
    std::size_t body_bytes;      // of the body; they are moved to the front of what was given
  };
  // kSourceUnreachable for a bad head, kSourceIncomplete for a bad body.
  Result<Fed> feed(std::span<std::uint8_t> data);
  // The peer closed: fine at the end of a body without a length, else kSourceIncomplete, or
  // kSourceUnreachable inside the head.
  Result<void> end_of_stream();

  bool started() const noexcept { return head_bytes_ > 0; }
  bool head_done() const noexcept { return head_done_; }
  bool done() const noexcept { return done_; }
  // Done, and the connection may carry another request.
  bool keeps_alive() const noexcept { return done_ && keeps_alive_; }
  ResponseHead& head() noexcept { return head_; }

 private:
  struct Callbacks;
  Error failure(const char* reason) const;
  Error version_error() const;
  Result<void> check_head();

  llhttp_t parser_{};
  ResponseHead head_;
  std::string name_, value_;
  std::size_t head_bytes_ = 0, trailers_ = 0, trailer_bytes_ = 0;
  int interim_ = 0;
  const char* refusal_ = nullptr;
  std::uint8_t* body_at_ = nullptr;  // where the next body bytes go
  bool head_done_ = false, done_ = false, keeps_alive_ = false, head_checked_ = false;
};

}  // namespace imgring::http
