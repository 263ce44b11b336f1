// The front door of one core: who gets in, who waits, and who is heard although nobody gets in.
// Owns: the acceptor of the core's listener, the line of those who wait, the places of those who
// are heard. Loop thread only, but for wanting().
//
// Without a reason to hold (MAX_CLIENTS clients of all cores, 85 % of memory) whoever is accepted
// is a client. With one, connections are accepted all the same, for health must be heard (decision
// 40), and the kernel's backlog is a line that has to be gone through to reach the one who asks for
// it. They are only looked at, by peeking, every kLookEvery; their bytes stay in the kernel:
//   * A whole head, kHeardHeadBytesMax at most, that asks for health or readiness is answered, then
//     the connection is closed.
//   * Who asks for anything else waits in the line, first come first served, until there is room:
//     kLineMax at most (fewer where descriptors are few), and no longer than IMGPROXY_TIMEOUT.
//     Beyond either: 503 with Retry-After, and closed.
//   * Who has said nothing to tell it by has one of kHealthPlaces. When all are taken, the one that
//     is there longest is closed for the next: after kSilentTime, or at once for who asks for
//     health.
// Out of descriptors and while stopping nobody is accepted.
// Who has a place gives it up for who waits longer than kLongWait: while anybody does, answers end
// their connections (`crowded`) and who is idle for a second is closed, in all cores. Without that,
// as many clients as there are places keep all others out for as long as they like.
//
// Promises: one who waits costs a descriptor and what the kernel holds of it, and no memory of
// ours; looking costs microseconds however many strangers there are; nothing here blocks.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "imgring/base/log.h"
#include "imgring/config/config.h"
#include "imgring/loop/io.h"
#include "imgring/mem/ledger.h"
#include "imgring/observe/metrics.h"

namespace imgring::server {

// Of a loop; a prober asks once a second, and a handful of them at a time is many.
inline constexpr std::size_t kHealthPlaces = 32;
// Probers send some 200 bytes.
inline constexpr std::size_t kHeardHeadBytesMax = 8 << 10;
// Of a loop; as many as the kernel keeps for a listener.
inline constexpr std::size_t kLineMax = 1024;
// However few descriptors there are.
inline constexpr std::size_t kLineMin = 64;
// A quarter of what health may take (20 ms).
inline constexpr std::chrono::milliseconds kLookEvery{5};
// A client's head comes right behind its handshake; one that is slow to be scheduled needs some
// milliseconds. More would let strangers stand before the one who asks: 6400 a second may so.
inline constexpr std::chrono::milliseconds kSilentTime{5};

// Of the first in the line. Clients wait for a connection for seconds; a new connection costs some
// 20 us, which must not be paid for each answer only because places are just enough.
inline constexpr std::chrono::milliseconds kLongWait{500};

// What a connection's first bytes ask for.
enum class Asked : std::uint8_t { kUnknown, kHealth, kOther };
// `head`: what has come, kHeardHeadBytesMax at most. Health only when the head is whole.
Asked what_is_asked(std::string_view head, const config::ServerConfig& config);

// How many may wait in each loop's line with so many descriptors in all: each client may need one
// more for its source.
std::size_t line_max(std::uint64_t descriptors, int max_clients, int loops) noexcept;

class FrontDoor {
 public:
  // What the core does with those who are let in. Neither may throw or run a coroutine.
  class House {
   public:
    virtual ~House() = default;
    virtual void serve(loop::Fd client) noexcept = 0;  // has a place among the clients
    virtual void hear(loop::Fd prober) noexcept = 0;   // until heard() is called
    virtual void accept_failed(int error) noexcept = 0;
  };
  enum class Hold : std::uint8_t {
    kClients = 1,
    kMemory = 2,
    kDescriptors = 4,
    kStopping = 8,
    kLeaving = 16  // who is here already is served
  };

  struct Setup {
    int listen_fd = -1;
    std::size_t line_max = kLineMax;
    std::atomic<int>& clients;  // of all cores; who is served is counted, by who serves uncounted
    // Doors of all cores where somebody waits for a place for longer than kLongWait.
    std::atomic<int>& crowded;
    const Logger& log;
    // Holds mem::kClientBytes for each of them, given back by who serves; null: none (tests).
    mem::Budget* memory = nullptr;
  };
  FrontDoor(loop::Loop& loop, const config::ServerConfig& config, observe::CoreMetrics& metrics,
            House& house, Setup setup);

  // A reason not to let in, and that it is gone.
  void hold(Hold why) noexcept;
  void let_go(Hold why) noexcept;
  void client_left() noexcept;  // of any core
  void heard() noexcept;        // a prober has its answer
  // Any thread: somebody waits for a client's place.
  bool wanting() const noexcept { return wanting_.load(); }

  // Opens; accepts and looks until the scope ends.
  loop::Task<void> keep(loop::Scope& scope);
  // Nobody more is taken from the kernel; done when that is so. Who is here is served.
  loop::Task<void> leave();
  // Nobody is accepted any more, who waits is closed. Not while leave() is at work.
  loop::Task<void> close();

 private:
  struct Guest {
    loop::Fd socket;
    loop::Clock::time_point since;
  };
  static void on_accept(void* me, int fd) noexcept;
  bool held(Hold why) const noexcept { return (holds_ & static_cast<unsigned>(why)) != 0; }
  bool take_place() noexcept;
  bool places_taken() const noexcept;
  bool serve_next() noexcept;
  void let_in() noexcept;
  void say_full() noexcept;
  void set_acceptor() noexcept;
  bool examine(const Guest& guest, Asked* asked) const noexcept;  // false: it has left
  bool place_for_one(Asked asked) noexcept;
  bool decide(Guest& guest, Asked asked) noexcept;
  void refuse(Guest guest) noexcept;
  void look_at_silent() noexcept;
  void look_at_line() noexcept;
  void say_crowded(bool crowded) noexcept;
  bool accept_one() noexcept;
  bool look_at_newcomers() noexcept;

  loop::Loop& loop_;
  const config::ServerConfig& config_;
  observe::CoreMetrics& metrics_;
  House& house_;
  Setup setup_;
  std::string full_answer_;  // to those beyond the line
  loop::Acceptor acceptor_;
  loop::Event changed_;
  unsigned holds_ = 0;
  std::atomic<bool> wanting_{false};
  bool crowded_ = false;      // counted in setup_.crowded
  std::deque<Guest> new_;     // accepted, not looked at yet: a backlog at most
  std::deque<Guest> silent_;  // the oldest first
  std::deque<Guest> line_;
  std::size_t heard_ = 0;  // being answered
  loop::Clock::time_point said_{};
};

}  // namespace imgring::server
