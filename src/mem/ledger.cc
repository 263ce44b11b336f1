// The parts of the account and their sizes.
#include "imgring/mem/ledger.h"

#include <algorithm>
#include <limits>

#include "imgring/base/check.h"
#include "imgring/base/log_queue.h"

namespace imgring::mem {
namespace {

constexpr PartFacts kParts[] = {
    {Part::kPlans, "plans", 60,
     "pixels, coefficients, results until they are sent, children at work",
     "requests wait in order, then 503; while they wait the slowest readers are ended"},
    {Part::kDownloads, "downloads", 25, "bodies of sources and the connections they come by",
     "sockets are not read; 503 after a second; meanwhile the slowest readers are ended"},
    {Part::kHeads, "heads", 5, "heads of requests above 8 KiB, small answers that gather",
     "431; answers are waited for, one by one"},
    {Part::kConnections, "connections", 10, "connections of clients, children without work",
     "new ones wait to be accepted; idle children end"},
};
constexpr bool in_order() noexcept {
  unsigned sum = 0;
  for (std::size_t i = 0; i < kPartCount; ++i) {
    if (kParts[i].part != static_cast<Part>(i)) return false;
    sum += kParts[i].percent;
  }
  return sum == 100;
}
static_assert(std::size(kParts) == kPartCount && in_order());

std::string mib(std::uint64_t bytes) {
  constexpr std::uint64_t kMiB = 1 << 20;
  const std::uint64_t tenths = bytes * 10 / kMiB;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

}  // namespace

const PartFacts& facts_of(Part part) noexcept { return kParts[static_cast<std::size_t>(part)]; }

std::uint64_t left_for_parts(std::uint64_t limit_bytes) noexcept {
  const std::uint64_t taken = kRestBytes + limit_bytes / kSparePart;
  const std::uint64_t left = limit_bytes > taken ? limit_bytes - taken : 0;
  return std::max(left, limit_bytes / kLeftPartMin);
}

std::uint64_t part_bytes(Part part, std::uint64_t limit_bytes) noexcept {
  return left_for_parts(limit_bytes) / 100 * facts_of(part).percent;
}

Ledger::Ledger(std::uint64_t limit_bytes) noexcept
    : limit_bytes_(limit_bytes), parts_{Budget(part_bytes(Part::kPlans, limit_bytes)),
                                        Budget(part_bytes(Part::kDownloads, limit_bytes)),
                                        Budget(part_bytes(Part::kHeads, limit_bytes)),
                                        Budget(part_bytes(Part::kConnections, limit_bytes))},
      results_(std::numeric_limits<std::uint64_t>::max()),
      sent_downloads_(std::numeric_limits<std::uint64_t>::max()),
      cached_pictures_(cached_pictures_bytes_max(part_bytes(Part::kDownloads, limit_bytes))) {}

bool Ledger::short_of_downloads() const noexcept {
  return download_waiters_.load(std::memory_order_relaxed) > 0 &&
         sent_downloads_.current() > sent_bytes_max(part(Part::kDownloads).max());
}

std::string describe_ledger(const MemoryLimit& limit) {
  std::string text = "# memory limit: " + mib(limit.bytes) + " (" + std::string(limit.origin) +
                     "); at rest " + mib(kRestBytes) + " (log lines on their way are " +
                     mib(kLogRingBytes) + " of it), for libraries " +
                     mib(limit.bytes / kSparePart) + "\n";
  for (const PartFacts& facts : kParts) {
    text += "# memory of " + std::string(facts.name) + ": " +
            mib(part_bytes(facts.part, limit.bytes)) + " (" + std::string(facts.holds) +
            "); when full: " + std::string(facts.when_full) + "\n";
  }
  return text;
}

}  // namespace imgring::mem
