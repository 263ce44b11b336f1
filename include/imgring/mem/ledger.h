// The one account of bytes that strangers can make this process hold (decision 29).
// Owns: a budget for each part. Built once, before the loops; outlives every grant. Any thread.
// Promises: the parts, what the process holds at rest and a tenth for what libraries take unasked
// sum to the memory limit, so that all parts may be full at once. Each part has a size, a reaction
// when it is full (PartFacts::when_full), its use and the most it ever held.
//
// Of what the limit leaves: 60 % plans, 25 % downloads, 5 % heads, 10 % connections. At 256 MiB:
// 48 at rest, 25.6 for libraries, and 109, 45, 9 and 18 MiB.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "imgring/mem/budget.h"
#include "imgring/mem/machine.h"

namespace imgring::mem {

enum class Part : std::uint8_t { kPlans, kDownloads, kHeads, kConnections };
inline constexpr std::size_t kPartCount = 4;

struct PartFacts {
  Part part;
  std::string_view name;  // label of metrics, word of print-config
  unsigned percent;       // of what the limit leaves
  std::string_view holds, when_full;
};
const PartFacts& facts_of(Part part) noexcept;

// Resident after a burst, with 2 helpers. Log lines that wait for their reader are in it: the
// ring's kLogRingBytes are there from the start (base/log_queue.h).
inline constexpr std::uint64_t kRestBytes = 48 << 20;
// For what libraries take unasked, and for what allocators can't give back at once.
inline constexpr std::uint64_t kSparePart = 10;
// A limit that leaves less than this part of itself counts as if it left that: the process sheds,
// and says so at its start.
inline constexpr std::uint64_t kLeftPartMin = 5;
std::uint64_t left_for_parts(std::uint64_t limit_bytes) noexcept;
std::uint64_t part_bytes(Part part, std::uint64_t limit_bytes) noexcept;

// Answers that wait for their readers keep their bytes: results in the plans' part, bodies that
// nothing was done to and raw ones in the downloads'. Above this share of it they keep others from
// being made: the slowest readers are ended while anybody waits.
constexpr std::uint64_t sent_bytes_max(std::uint64_t part_bytes) noexcept { return part_bytes / 2; }

// One download may take three quarters of the part, and this much where nobody asked for more by
// IMGPROXY_MAX_SRC_FILE_SIZE (an endless body took over a gigabyte). Those above a quarter take
// turns, so that a quarter is always left to the others.
inline constexpr std::uint64_t kDownloadBytesMax = 512 << 20;
constexpr std::uint64_t one_download_bytes_max(std::uint64_t downloads_bytes) noexcept {
  return downloads_bytes / 4 * 3;
}
constexpr std::uint64_t large_download_bytes(std::uint64_t downloads_bytes) noexcept {
  return downloads_bytes / 4;
}

// Watermarks and fallback images that URLs name are kept as they were fetched, of the downloads'
// part: an eighth of it, 64 MiB at most.
inline constexpr std::uint64_t kCachedPicturesMax = 64 << 20;
constexpr std::uint64_t cached_pictures_bytes_max(std::uint64_t downloads_bytes) noexcept {
  return std::min(downloads_bytes / 8, kCachedPicturesMax);
}

// What a peer can make the kernel hold of one socket, each way, beyond what a connection has from
// its start. Left alone the kernel held 4.2 MB for a client that had read fast and stopped, and
// 31.6 MB of a source that was not read any more. 4 MiB (2 of payload, at least) are 40 MB/s at a
// round trip of 50 ms; for what is sent they are Linux' own limit. A window takes an eighth of what
// downloads have free at most: at 256 MiB the first ones get 4 MiB, and 128 KiB are 1.3 MB/s.
inline constexpr std::uint64_t kSocketBytesMin = 128 << 10;
inline constexpr std::uint64_t kSocketBytesMax = 4 << 20;
constexpr std::uint64_t window_bytes_max(std::uint64_t free_downloads_bytes) noexcept {
  return std::clamp(free_downloads_bytes / 8, kSocketBytesMin, kSocketBytesMax);
}
// Of a raw answer, what the kernel may hold on its way to the client: 64 of them fit into the
// downloads' part; from a memory limit of 1.2 GiB on it is as for all others.
constexpr std::uint64_t raw_untaken_bytes_max(std::uint64_t downloads_bytes) noexcept {
  return std::clamp(downloads_bytes / 64, kSocketBytesMin, kSocketBytesMax);
}
// A client's connection in the kernel: what it may send unread (half of that is its window: a head
// of 7 KB comes in one flight, with half as much those above 2.9 KB took a round trip more), and
// what it has not taken of answers that are over for us.
inline constexpr std::uint64_t kClientUnreadBytes = 16 << 10;
inline constexpr std::uint64_t kClientUntakenBytes = 4 << 10;
// A client's connection: these, its socket, coroutine and reader, a head of the usual size and what
// one read brought behind it. Heads above 8 KiB are the heads' part; what is pipelined waits in the
// kernel.
inline constexpr std::uint64_t kClientBytes = (8 << 10) + kClientUnreadBytes + kClientUntakenBytes;
// Clients that wait at the front door hold what they sent: a quarter of what libraries have.
constexpr std::uint64_t waiting_clients_max(std::uint64_t limit_bytes) noexcept {
  return limit_bytes / kSparePart / 4 / kClientUnreadBytes;
}
// What a source may send unread before its body is paid for.
inline constexpr std::uint64_t kSourceUnreadBytes = 64 << 10;
// Of a connection to a source that waits for its next request: 0.8 MiB with all that are kept.
inline constexpr std::uint64_t kSourceIdleUnreadBytes = 8 << 10;
// A connection to a source while it is used: name look-up, reader, gunzip with its 16 KiB of input
// (56 KiB), with TLS its state, what is received at once and its queue (50 KiB each, as the queue
// grows 67), and what the kernel holds.
inline constexpr std::uint64_t kSourceConnectionBytes = (192 << 10) + kSourceUnreadBytes;
// A child that has nothing to do: what it has for itself alone when it is ready (7.9 MB of
// Pss_Anon in /proc/PID/smaps_rollup). Idle ones may hold half of the part.
inline constexpr std::uint64_t kIdleChildBytes = 8 << 20;
constexpr std::uint64_t idle_children_bytes_max(std::uint64_t connections_bytes) noexcept {
  return connections_bytes / 2;
}

class Ledger {
 public:
  explicit Ledger(std::uint64_t limit_bytes) noexcept;
  Budget& part(Part part) noexcept { return parts_[static_cast<std::size_t>(part)]; }
  const Budget& part(Part part) const noexcept { return parts_[static_cast<std::size_t>(part)]; }
  std::uint64_t limit_bytes() const noexcept { return limit_bytes_; }
  // Of the plans' part, results between the end of their job and their last byte sent.
  Budget& results() noexcept { return results_; }
  const Budget& results() const noexcept { return results_; }
  // The turn of downloads above large_download_bytes(): one unit.
  Budget& large_downloads() noexcept { return large_downloads_; }
  // Of the downloads' part, bodies and pieces of them that are being sent to clients.
  Budget& sent_downloads() noexcept { return sent_downloads_; }
  const Budget& sent_downloads() const noexcept { return sent_downloads_; }
  // Of the downloads' part, pictures that are kept for who asks next.
  Budget& cached_pictures() noexcept { return cached_pictures_; }
  // Who waits for bytes of the downloads' part now.
  std::atomic<int>& download_waiters() noexcept { return download_waiters_; }
  // Answers keep others from being downloaded: the slowest readers are to be ended.
  bool short_of_downloads() const noexcept;

 private:
  std::uint64_t limit_bytes_;
  std::array<Budget, kPartCount> parts_;
  Budget results_;
  Budget large_downloads_{1};
  Budget sent_downloads_;
  Budget cached_pictures_;
  std::atomic<int> download_waiters_{0};
};

// Lines of print-config: the limit, what is at rest, and a line for each part.
std::string describe_ledger(const MemoryLimit& limit);

}  // namespace imgring::mem
