// Core-local, self-calibrating buffers for downloads and gzip (mechanism: src/mem/calibration.md).
// Owns: the idle buffers of one loop and one use. Touch: the loop's thread only. A Lease may travel
// with a job to a helper, which reads and writes its bytes, and must come back to the loop to be
// grown, returned or destroyed.
// Promises: the steady get and return path allocates nothing; at most idle_limit idle buffers, of
// kept_bytes_max in all, which are in the ledger;
// learned sizes follow the samples; no reservation beyond the bound on the word of a header.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/mem/budget.h"
#include "imgring/mem/counter.h"

namespace imgring::mem {

class BufferPool;

// One pooled buffer, with exactly one owner. Moving and touching the bytes: the owner, on any
// thread. Destroying: the pool's thread; elsewhere it is a bug (stops debug builds, is counted and
// freed straight away in release builds).
class Lease {
 public:
  Lease() noexcept = default;
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { reset(); }

  explicit operator bool() const noexcept { return data_ != nullptr; }
  std::uint8_t* data() noexcept { return data_; }
  const std::uint8_t* data() const noexcept { return data_; }
  std::size_t capacity() const noexcept { return capacity_; }
  // Bytes in use; the sample of a download.
  std::size_t size() const noexcept { return size_; }
  // What get() was asked for; the sample of a gzip buffer.
  std::size_t requested() const noexcept { return requested_; }
  // The bytes in use, to read or to write.
  ByteSpan bytes() const noexcept { return {data_, size_}; }
  std::span<std::uint8_t> span() noexcept { return {data_, size_}; }
  // The bytes after them, up to the capacity: where a recv, an inflate step or a compressor writes.
  std::span<std::uint8_t> room() noexcept { return {data_ + size_, capacity_ - size_}; }
  // size_bytes may not be above the capacity.
  void set_size(std::size_t size_bytes) noexcept;
  // n bytes of room were filled.
  void advance(std::size_t n) noexcept;
  // Gives the buffer back now. Set the size to 0 before, when the download failed: it is no sample
  // then.
  void reset() noexcept;

 private:
  friend class BufferPool;
  std::uint8_t* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t requested_ = 0;
  BufferPool* pool_ = nullptr;
};

enum class PoolUse : std::uint8_t {
  kDownload,  // expected sizes come from the network and are not trusted; samples are used lengths
  kGzip,      // expected sizes are our own bounds; samples are these
};

// The C allocator, or a test's.
struct BufferMemory {
  void* (*allocate)(std::size_t size_bytes) = std::malloc;
  void* (*reallocate)(void* old, std::size_t size_bytes) = std::realloc;
  void (*release)(void* data) = std::free;
};

#if defined(__OPTIMIZE__)
inline constexpr bool kStopOnForeignFree = false;
#else
inline constexpr bool kStopOnForeignFree = true;
#endif

struct PoolOptions {
  PoolUse use = PoolUse::kDownload;
  std::size_t configured_size_bytes = 0;       // IMGPROXY_DOWNLOAD_BUFFER_SIZE or _GZIP_BUFFER_SIZE
  std::uint32_t calibration_threshold = 1024;  // returns between calibrations
  std::size_t idle_limit = 2;                  // see idle_limit_for
  int loop_index = 0;                          // label of the metrics
  BufferMemory memory = {};
  bool stop_on_foreign_free = kStopOnForeignFree;
  // All idle buffers together. What has no room is freed: before the first calibration every buffer
  // would be kept whatever its size, and later those of one size in twenty.
  std::size_t kept_bytes_max = SIZE_MAX;
  // What idle buffers are of, and who waits for bytes of it: nothing is kept meanwhile. Null:
  // nobody is asked (tests).
  Budget* budget = nullptr;
  const std::atomic<int>* waiters = nullptr;
};

// max(2, ceil(workers / loops)).
std::size_t idle_limit_for(int workers, int loops) noexcept;

// Size classes 64 * 2^i, i = 0..19 (64 B to 32 MiB).
inline constexpr int kClassCount = 20;
inline constexpr std::size_t kClassSizeBytesMax = std::size_t{64} << (kClassCount - 1);
// The smallest class of at least size bytes, the last one when there is none.
int class_for(std::size_t size_bytes) noexcept;
constexpr std::size_t class_size(int index) noexcept { return std::size_t{64} << index; }

// buffer_size_bytes: upper bounds 1024 * 2^k, k = 0..13, then infinity.
inline constexpr int kBufferBucketCount = 14;
constexpr std::size_t kept_bound(int bucket) noexcept { return std::size_t{1024} << bucket; }

// What the metrics read, from any thread.
struct PoolStats {
  Counter idle_bytes, idle_count, in_use_bytes, in_use_count;
  Counter default_size_bytes, max_size_bytes;  // max 0: no limit yet
  Counter calibrations;                        // gauges have no series while this is 0
  Counter dropped_too_big, dropped_full, dropped_decay;
  Counter misses;    // gets that had to allocate
  Counter failures;  // allocations refused
  // Capacities of the buffers kept on return, not cumulative, and their sum.
  std::array<Counter, kBufferBucketCount + 1> kept_buckets;
  Counter kept_bytes;
  // Written by whatever thread made the mistake, hence no Counter.
  std::atomic<std::uint64_t> foreign_frees{0};
  std::atomic<std::uint64_t> foreign_free_bytes{0};
};

class BufferPool {
 public:
  explicit BufferPool(const PoolOptions& options);
  // Stops the process when a lease is out: the loop waits for its jobs first.
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // Makes the calling thread the owner (the constructor's thread is the first). Nothing may be out.
  void adopt() noexcept;

  // A buffer for a body of expected bytes, 0 when unknown. Downloads: it may be smaller than
  // expected, see grow. kOverloaded when memory is refused.
  Result<Lease> get(std::size_t expected_bytes);
  // Room for needed bytes in all, which must have arrived or be vouched for (never a
  // Content-Length): next class, by half above 32 MiB. kSourceTooLarge when needed is above limit +
  // 1; the one byte more is how "too long" is seen.
  struct Growth {
    std::size_t needed_bytes;
    std::size_t limit_bytes;
  };
  Result<void> grow(Lease& lease, Growth growth);
  // The memory-release tick: frees what was not used for one whole interval (decision 10).
  void on_tick() noexcept;
  // The same in pieces, for loops with work to do: one begin_tick, then decay until it says false.
  // A piece ends with the buffer that passes bytes_max.
  void begin_tick() noexcept;
  bool decay(std::size_t bytes_max) noexcept;
  // Frees every idle buffer now (memory is short).
  void drop_idle() noexcept;

  std::string_view name() const noexcept;  // "download" or "gzip": the label `type`
  int loop_index() const noexcept { return options_.loop_index; }
  // Its idle buffers are.
  bool in_ledger() const noexcept { return options_.budget != nullptr; }
  std::size_t default_size() const noexcept { return default_size_; }
  std::size_t max_size() const noexcept { return max_size_; }
  const PoolStats& stats() const noexcept { return stats_; }

 private:
  friend class Lease;
  struct Idle {
    std::uint8_t* data = nullptr;
    std::size_t capacity = 0;
    std::uint64_t tick = 0;  // of its return
    int next = -1;           // in its class or in the list of free slots
  };
  enum class Drop : std::uint8_t { kTooBig, kFull, kDecay };

  void check_owner() const noexcept;
  std::size_t size_to_reserve(std::size_t expected_bytes) const noexcept;
  std::size_t size_to_allocate(std::size_t expected_bytes) const noexcept;
  std::size_t grown_capacity(const Lease& lease, std::size_t needed) const noexcept;
  bool take_idle(std::size_t expected_bytes, Lease& lease) noexcept;
  bool take_at_least(std::size_t size_bytes, Lease& lease) noexcept;
  bool take_from(int index, std::size_t size_bytes, Lease& lease) noexcept;
  void unlink(int index, int& link) noexcept;
  bool move_to_idle(Lease& lease, std::size_t needed) noexcept;
  void put(Lease& lease) noexcept;
  void put_foreign(Lease& lease) noexcept;
  bool keep_or_drop(std::uint8_t* data, std::size_t capacity) noexcept;
  bool may_keep(std::size_t capacity) noexcept;
  void count_sample(std::size_t sample_bytes) noexcept;
  void count_kept(std::size_t capacity) noexcept;
  void calibrate() noexcept;
  void drop(std::uint8_t* data, Drop reason) noexcept;
  template <class Wanted>
  bool drop_where(Wanted wanted, Drop reason, std::size_t bytes_max = SIZE_MAX) noexcept;

  PoolOptions options_;
  const void* owner_;
  std::size_t configured_size_ = 0;  // rounded up to its class
  std::size_t default_size_ = 0;
  std::size_t max_size_ = 0;
  std::array<std::uint32_t, kClassCount> samples_ = {};
  std::uint32_t sample_count_ = 0;
  std::uint64_t tick_ = 0;
  std::uint32_t filled_ = 0;  // bit i: class i has an idle buffer
  std::array<int, kClassCount> heads_;
  std::vector<Idle> slots_;  // idle_limit of them, allocated once
  int free_slot_ = -1;
  PoolStats stats_;
};

}  // namespace imgring::mem
