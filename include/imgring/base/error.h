// Expected failures as values.
// Error: code (decides status, public text and metric type), an optional status of its own (a
// source's 4xx comes through), and a private detail for the log and the development mode.
// Any thread, immutable.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace imgring {

enum class ErrorCode : std::uint8_t {
  kNotFound,            // 404, one space: no route
  kForbidden,           // 403 Forbidden: secret or signature
  kSignatureIsOption,   // 403, the long sentence: checking is off and the signature has a colon
  kSecurityOption,      // 403 Invalid URL: a security option while these are not allowed
  kInvalidUrl,          // 404 Invalid URL
  kInvalidSourceUrl,    // 404 Invalid source URL: not allowed, or the address is refused
  kSourceUnreachable,   // 404 (or the status given) Source is unreachable
  kSourceTimeout,       // 504 Source is unreachable
  kSourceCancelled,     // 499 Source is unreachable
  kSourceIncomplete,    // 422 Source response is incomplete
  kSourceTooLarge,      // 422 Invalid source image: over the file size limit
  kUnknownType,         // 422 Invalid source image: type not recognised
  kTypeReadFailed,      // 422 Failed to detect source image type
  kHashsumMismatch,     // 422 Source image hashsum mismatch
  kResolutionTooLarge,  // 422 Invalid source image: over a resolution limit
  kBrokenImage,         // 422 Broken or unsupported image
  kBrokenSvg,           // 422 Broken or unsupported SVG image
  kSourceUnsupported,   // 422 Invalid URL: the source format cannot be loaded
  kResultUnsupported,   // 422 Invalid URL: the result format cannot be saved
  kResultTooLarge,      // 422 Invalid URL: the result takes more memory than there is for all
  kTooManyRequests,     // 429 Too many requests
  kTimeout,             // 503 Timeout
  kOverloaded,          // 503 Server is overloaded, with Retry-After
  kCancelled,           // 499 Cancelled
  kInternal,            // 500 Internal error
};

struct ErrorFacts {
  int status;
  std::string_view public_text;
  std::string_view metric_type;  // label of errors_total
};
// The table behind the comments above.
const ErrorFacts& facts_of(ErrorCode code) noexcept;

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string detail{};  // for the log and the development mode, never for ordinary answers
  int status_override = 0;
  // Of a source: its body had begun to be a picture's, so no fallback image takes its place.
  bool in_body = false;

  Error() = default;
  explicit Error(ErrorCode c, std::string d = {}, int status = 0)
      : code(c), detail(std::move(d)), status_override(status) {}
  int status() const noexcept { return status_override ? status_override : facts_of(code).status; }
  std::string_view public_text() const noexcept { return facts_of(code).public_text; }
};

// Whether an errno tells of a shortage of this machine's or process's own: descriptors, memory,
// buffers. Nobody's picture is at fault then: kOverloaded.
bool is_shortage(int positive_errno) noexcept;

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string detail = {}, int status = 0) {
  return std::unexpected<Error>(Error(code, std::move(detail), status));
}

}  // namespace imgring

#define IMGRING_CONCAT_(a, b) a##b
#define IMGRING_CONCAT(a, b) IMGRING_CONCAT_(a, b)
// IMGRING_TRY(int width, parse_width(text)); declares width or returns the Error (plain functions).
#define IMGRING_TRY(declaration, ...) \
  IMGRING_TRY_(return, IMGRING_CONCAT(try_, __LINE__), declaration, __VA_ARGS__)
// The same for coroutines. One co_await at most in the expression (style.md section 7, rule 1).
#define IMGRING_CO_TRY(declaration, ...) \
  IMGRING_TRY_(co_return, IMGRING_CONCAT(try_, __LINE__), declaration, __VA_ARGS__)
#define IMGRING_TRY_(give_back, name, declaration, ...)          \
  auto name = __VA_ARGS__;                                       \
  if (!name) give_back std::unexpected(std::move(name).error()); \
  declaration = std::move(*name)
// For Result<void>.
#define IMGRING_TRY_VOID(...)                                               \
  do {                                                                      \
    auto try_result = __VA_ARGS__;                                          \
    if (!try_result) return std::unexpected(std::move(try_result).error()); \
  } while (false)
#define IMGRING_CO_TRY_VOID(...) IMGRING_CO_TRY_VOID_(IMGRING_CONCAT(try_, __LINE__), __VA_ARGS__)
#define IMGRING_CO_TRY_VOID_(name, ...) \
  auto name = __VA_ARGS__;              \
  if (!name) co_return std::unexpected(std::move(name).error())
