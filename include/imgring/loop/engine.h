// The seam under the loop: submit an operation, get its completion.
// Nothing above it names io_uring. One engine serves one loop and is used by that loop's thread
// only.
// An Operation belongs to whoever awaits it and must live until its last completion (CHECKed).
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "imgring/base/check.h"
#include "imgring/base/error.h"

namespace imgring::loop {

using Clock = std::chrono::steady_clock;

enum class OpKind : std::uint8_t {
  kNop,
  kAccept,       // multishot: a completion per connection
  kRecv,         // into data
  kSend,         // MSG_NOSIGNAL, the whole of data where the kernel can
  kSendMessage,  // message
  kConnect,      // address
  kOpen,         // openat2: path under fd with `how`
  kRead,         // pread of data at offset (-1: current position)
  kPollIn,       // one poll for readability
  kPollStream,   // one poll for bytes or for a peer that has closed its side: what poll(2) says
  kWatchStream,  // multishot: the same each time something changes
  kClose,
};

// What an operation asks for; the memory it points at stays untouched until the last completion.
struct OpRequest {
  OpKind kind = OpKind::kNop;
  int fd = -1;
  void* data = nullptr;
  std::size_t size_bytes = 0;
  std::int64_t offset = 0;
  const void* argument = nullptr;  // sockaddr, open_how or msghdr
  std::uint32_t argument_size = 0;
  const char* path = nullptr;
};

struct Completion {
  int result = 0;     // as the system call's: >= 0, or -errno
  bool more = false;  // a multishot operation goes on
};

// Base of everything that waits for the kernel.
class Operation {
 public:
  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  bool in_flight() const noexcept { return in_flight_; }

 protected:
  // Completions never resume a coroutine; they queue it (style.md section 7, rule 7).
  virtual void complete(const Completion& completion) noexcept = 0;
  virtual ~Operation() { IMGRING_CHECK(!in_flight_); }

 private:
  friend class Engine;
  bool in_flight_ = false;
  void* mark_ = nullptr;
};

class Engine {
 public:
  virtual ~Engine() = default;
  // What operators call it.
  virtual std::string_view name() const noexcept = 0;
  // Never fails: what the kernel can't take now is kept and handed over later.
  void submit(const OpRequest& request, Operation* operation) noexcept;
  // Asks for an early end; the operation's completion still comes, and may say it succeeded.
  virtual void cancel(Operation* operation) noexcept = 0;
  // Submits, waits for at least one completion or so long, delivers all completions.
  virtual void turn(Clock::duration wait) noexcept = 0;
  std::size_t in_flight() const noexcept { return in_flight_; }
  std::uint64_t delivered() const noexcept { return delivered_; }  // completions so far

 protected:
  virtual void start(const OpRequest& request, Operation* operation) noexcept = 0;
  void deliver(Operation* operation, const Completion& completion) noexcept;
  // Where an engine may note what it has for an operation in flight.
  static void*& mark_of(Operation* operation) noexcept { return operation->mark_; }

 private:
  std::size_t in_flight_ = 0;
  std::uint64_t delivered_ = 0;
};

}  // namespace imgring::loop
