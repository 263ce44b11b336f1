// Requests as they come in: an incremental head parser over llhttp with the limits of
// hardening.md section 2.
// RequestParser is owned by one connection; plain code, no I/O. Request is a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "imgring/http/headers.h"
#include "imgring/mem/budget.h"

namespace imgring::http {

inline constexpr std::size_t kHeadBytesMax = 1 << 20;       // as imgproxy: 431 above
inline constexpr std::size_t kHeaderNameBytesMax = 1024;    // no real name is longer
inline constexpr std::size_t kHeaderCountMax = 256;         // a browser behind two proxies sends 40
inline constexpr std::size_t kBodyDropBytesMax = 64 << 10;  // no route takes one: dropped

enum class Method : std::uint8_t { kGet, kHead, kOptions, kOther };

struct Request {
  Method method = Method::kOther;
  std::string method_name;
  std::string target;  // the raw bytes of the request line, absolute form reduced to its path
  int minor_version = 1;
  Headers headers;
  bool keep_alive = true;  // what the client wants; a request with a body never
  bool has_body = false;   // close after the answer
  mem::Grant memory;       // of a large head: for as long as the request
};

// Why a head is refused: the answer's status (400, 417, 431, 505) and a reason for the log.
struct HeadError {
  int status = 400;
  std::string reason;
};

// What a head may hold on the connection's own account; above it pays for all it holds.
inline constexpr std::size_t kHeadFreeBytes = 8 << 10;

class RequestParser {
 public:
  // `budget`: of large heads, shared by all connections; null: none (tests). Without room there a
  // head is refused with 431.
  explicit RequestParser(mem::Budget* budget = nullptr);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  enum class State : std::uint8_t { kNeedMore, kReady, kRefused };
  // Takes bytes as they come; never looks past the end of one head. After kReady or kRefused:
  // take() or error(), then reset().
  struct Fed {
    State state;
    std::size_t consumed;
  };
  Fed feed(std::string_view bytes);
  Request take();
  const HeadError& error() const noexcept;
  // True once a byte of the next head was taken.
  bool started() const noexcept;
  // Ready for the next head; gives memory of a large one back.
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace imgring::http
