// The parser of one response: llhttp behind ResponseLines, which reads past the oddities of
// sources; our limits on the head, interim answers skipped, and the body unwrapped in place. Plain
// functions, no I/O; one owner, any thread.
// Promises: a bad length, chunk or head is an Error, and so is a status that ends nothing (101);
// what comes out does not depend on how the bytes were cut; after an oddity the connection is not
// used again; memory holds the head, or one line of a chunk or trailer.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "imgring/base/error.h"
#include "imgring/http/client_response_lines.h"
#include "imgring/http/headers.h"
#include "imgring/mem/budget.h"

namespace imgring::http {

inline constexpr std::size_t kResponseHeadBytesMax = 1 << 20;
// A head may be so long on its connection's account. Beyond, four bytes are paid for each: a line
// is there as it came, without its folds, and as name and value.
inline constexpr std::size_t kResponseHeadFreeBytes = 16 << 10;
inline constexpr std::size_t kPaidPerHeadByte = 4;
inline constexpr std::size_t kResponseHeadersMax = 1000;
inline constexpr std::size_t kResponseTrailerBytesMax = 64 << 10;  // all lines together
inline constexpr std::size_t kChunkLineBytesMax = 16 << 10;        // a size with its extensions
inline constexpr int kInterimResponsesMax = 8;

// Interim answers, No Content and Not Modified end with their heads.
constexpr bool has_no_body(int status) noexcept {
  return (status >= 100 && status < 200) || status == 204 || status == 304;
}

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
  // Who pays for a long head, and lives as long as it is read; null: nobody is asked.
  void set_paid(mem::Grant* paid) noexcept { paid_ = paid; }
  // kSourceUnreachable for a bad head, kSourceIncomplete for a bad body, kOverloaded where a long
  // head can't be paid.
  Result<Fed> feed(std::span<std::uint8_t> data);
  // The peer closed: fine at the end of a body without a length, else kSourceIncomplete, or
  // kSourceUnreachable inside the head.
  Result<void> end_of_stream();

  bool started() const noexcept { return head_bytes_ > 0; }
  bool head_done() const noexcept { return head_done_; }
  bool done() const noexcept { return done_; }
  // Done, and the connection may carry another request.
  bool keeps_alive() const noexcept { return done_ && keeps_alive_ && !lines_.odd(); }
  ResponseHead& head() noexcept { return head_; }

 private:
  enum class Part : std::uint8_t { kHead, kBody, kChunkSize, kTrailers };
  struct Callbacks;
  // Each takes bytes of its part and returns how many.
  Result<std::size_t> feed_part(std::span<std::uint8_t> rest);
  Result<std::size_t> feed_head(std::span<std::uint8_t> rest);
  Result<std::size_t> feed_body(std::span<std::uint8_t> rest);
  Result<std::size_t> feed_chunk_size(std::span<std::uint8_t> rest);
  Result<std::size_t> feed_trailers(std::span<std::uint8_t> rest);
  std::size_t collect(std::span<std::uint8_t> rest);
  bool line_ended() const noexcept { return !raw_.empty() && raw_.back() == '\n'; }
  std::string_view raw_text() noexcept;
  Result<void> pay_for_head();
  Result<void> end_raw_line();
  Result<void> end_line();
  Result<void> end_head();
  Result<void> parse(std::string_view text);
  Error failure(const char* reason) const;

  llhttp_t parser_{};
  ResponseHead head_;
  ResponseLines lines_;
  std::string raw_;   // a line as it comes, with its end
  std::string line_;  // of the head, with the folds that have come
  std::string name_, value_;
  std::size_t head_bytes_ = 0, fields_ = 0, trailers_ = 0, trailer_bytes_ = 0;
  int interim_ = 0;
  std::size_t paid_head_bytes_ = kResponseHeadFreeBytes;
  mem::Grant* paid_ = nullptr;
  const char* refusal_ = nullptr;
  std::uint8_t* body_at_ = nullptr;  // where the next body bytes go
  Part part_ = Part::kHead;
  bool has_line_ = false, has_status_ = false, has_name_ = false;
  std::uint8_t last_byte_ = 0;  // of the body as it came
  bool head_done_ = false, done_ = false, keeps_alive_ = false;
};

}  // namespace imgring::http
