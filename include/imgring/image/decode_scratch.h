// Memory for what a decoder must hold of a whole picture: the coefficients of progressive JPEGs,
// the pixels of WebP (DecodedWebp::kScratchBytesMin). A block that has been used serves the next
// picture: tens of megabytes that are mapped, cleared by the kernel page by page and given back for
// each were half of all page faults at jpeg500 (mem/calibration.md). Owns: the blocks that nobody
// uses. Any thread. Outlives its blocks. Promises: as many blocks as were in use at a time, at
// most; nothing idle above `idle_bytes_max`, nor beyond what the ledger has room for, nor while
// jobs wait for bytes; what a block has above what its job asked for stays in the ledger; what was
// not used for a while goes at release_unused.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "imgring/mem/budget.h"

namespace imgring::image {

// What idle blocks are of. Null: nothing is asked (tests).
struct ScratchLedger {
  mem::Budget* budget = nullptr;
  const std::atomic<int>* waiters = nullptr;  // jobs that wait for bytes of it
};

class DecodeScratch {
 public:
  using Clock = std::chrono::steady_clock;
  // Of JPEGs smaller ones are the allocator's: they cost little, and they decode side by side.
  // Those from here on are few at a time (pipeline::kLargeDecodeBytes).
  static constexpr std::size_t kBlockBytesMin = 8 << 20;

  class Block {  // page-aligned; the bytes are whatever was there
   public:
    Block() = default;
    Block(Block&& o) noexcept
        : owner_(std::exchange(o.owner_, nullptr)), start_(o.start_), size_(o.size_),
          spare_(o.spare_) {}
    Block& operator=(Block&& other) noexcept;
    ~Block();
    std::byte* data() const noexcept { return start_; }
    explicit operator bool() const noexcept { return owner_ != nullptr; }

   private:
    friend class DecodeScratch;
    Block(DecodeScratch* owner, std::byte* start, std::size_t size, std::size_t spare) noexcept
        : owner_(owner), start_(start), size_(size), spare_(spare) {}
    DecodeScratch* owner_ = nullptr;
    std::byte* start_ = nullptr;
    std::size_t size_ = 0;
    std::size_t spare_ = 0;  // above what was asked for: no grant of a job has it
  };

  // What is larger than idle_bytes_max is never kept, nor what the budget has no room for: idle
  // blocks are its bytes, blocks in use those of the job's grant.
  explicit DecodeScratch(std::size_t idle_bytes_max, ScratchLedger ledger = {})
      : idle_bytes_max_(idle_bytes_max), ledger_(ledger) {}
  DecodeScratch(const DecodeScratch&) = delete;
  DecodeScratch& operator=(const DecodeScratch&) = delete;
  ~DecodeScratch();

  // Empty: the system has no memory.
  Block take(std::size_t bytes);
  // Unmaps what was given back before then. Milliseconds: on a loop only when memory is short.
  void release_unused(Clock::time_point since);
  // All that is idle, for somebody who waits. What is given back a moment later is not kept while
  // `waiters` says so.
  void release_all() noexcept;
  std::uint64_t idle_bytes() const;

 private:
  struct Idle {
    std::byte* start;
    std::size_t size;
    Clock::time_point since;
  };
  void keep(const Block& block) noexcept;
  bool try_keep(const Block& block) noexcept;
  void give_back(std::size_t size) noexcept;

  const std::size_t idle_bytes_max_;
  const ScratchLedger ledger_;
  mutable std::mutex mutex_;
  std::vector<Idle> idle_;  // the last one was given back last
  std::size_t idle_bytes_ = 0;
};

}  // namespace imgring::image
