// BufferPool and Lease: see the header for who may touch what, calibration.md for the sizes.
#include "imgring/mem/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "imgring/base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace imgring::mem {
namespace {

constexpr std::size_t kPageSizeBytes = 4096;
// First reservation for a body of unknown length while nothing was learned: one page.
constexpr std::size_t kUnknownSizeBytes = 4096;
// What a Content-Length may reserve before the first calibration (memory.md 5.2).
constexpr std::size_t kReservationBytesMax = 1 << 20;
constexpr std::size_t kSizeMax = std::numeric_limits<std::size_t>::max();

// The address of a thread's own byte names the thread, cheaper than asking the kernel.
const void* this_thread() noexcept {
  thread_local const char token = 0;
  return &token;
}

std::size_t round_up_to_page(std::size_t size_bytes) noexcept {
  if (size_bytes > kSizeMax - kPageSizeBytes) return size_bytes;  // malloc refuses it anyway
  return (size_bytes + kPageSizeBytes - 1) / kPageSizeBytes * kPageSizeBytes;
}

// A class, or whole pages beyond the last one.
std::size_t round_up(std::size_t size_bytes) noexcept {
  return size_bytes <= kClassSizeBytesMax ? class_size(class_for(size_bytes))
                                          : round_up_to_page(size_bytes);
}

// Where an idle buffer is stored: the largest class it can serve wholly.
int class_within(std::size_t capacity) noexcept {
  const int index = static_cast<int>(std::bit_width(capacity)) - 1 - 6;  // 64 = 2^6
  return std::clamp(index, 0, kClassCount - 1);
}

std::size_t next_capacity(std::size_t capacity) noexcept {
  if (capacity < kClassSizeBytesMax) return class_size(class_for(capacity + 1));
  if (capacity > kSizeMax / 2) return kSizeMax;
  return round_up_to_page(capacity + capacity / 2);
}

// An idle buffer must not be read or written by anybody.
void close_memory([[maybe_unused]] std::uint8_t* data, [[maybe_unused]] std::size_t size_bytes) {
#if defined(__SANITIZE_ADDRESS__)
  ASAN_POISON_MEMORY_REGION(data, size_bytes);
#endif
}
void open_memory([[maybe_unused]] std::uint8_t* data, [[maybe_unused]] std::size_t size_bytes) {
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(data, size_bytes);
#endif
}

}  // namespace

std::size_t idle_limit_for(int workers, int loops) noexcept {
  const int shared = loops > 0 ? (workers + loops - 1) / loops : workers;
  return static_cast<std::size_t>(std::max(2, shared));
}

int class_for(std::size_t size_bytes) noexcept {
  if (size_bytes <= 64) return 0;
  return std::min(static_cast<int>(std::bit_width(size_bytes - 1)) - 6, kClassCount - 1);
}

Lease::Lease(Lease&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)),
      size_(std::exchange(other.size_, 0)), requested_(std::exchange(other.requested_, 0)),
      pool_(std::exchange(other.pool_, nullptr)) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  reset();
  data_ = std::exchange(other.data_, nullptr);
  capacity_ = std::exchange(other.capacity_, 0);
  size_ = std::exchange(other.size_, 0);
  requested_ = std::exchange(other.requested_, 0);
  pool_ = std::exchange(other.pool_, nullptr);
  return *this;
}

void Lease::set_size(std::size_t size_bytes) noexcept {
  IMGRING_CHECK(size_bytes <= capacity_);
  size_ = size_bytes;
}

void Lease::advance(std::size_t n) noexcept {
  IMGRING_CHECK(n <= capacity_ - size_);
  size_ += n;
}

void Lease::reset() noexcept {
  if (pool_ == nullptr) return;
  BufferPool& pool = *std::exchange(pool_, nullptr);
  if (pool.owner_ == this_thread()) {
    pool.put(*this);
  } else {
    pool.put_foreign(*this);
  }
  data_ = nullptr;
  capacity_ = size_ = requested_ = 0;
}

BufferPool::BufferPool(const PoolOptions& options)
    : options_(options), owner_(this_thread()), slots_(options.idle_limit) {
  IMGRING_CHECK(options.calibration_threshold > 0);
  if (options.configured_size_bytes > 0) configured_size_ = round_up(options.configured_size_bytes);
  default_size_ = configured_size_;
  stats_.default_size_bytes.set(default_size_);
  heads_.fill(-1);
  for (std::size_t i = slots_.size(); i-- > 0;) {
    slots_[i].next = free_slot_;
    free_slot_ = static_cast<int>(i);
  }
}

BufferPool::~BufferPool() {
  check_owner();
  IMGRING_CHECK(stats_.in_use_count.value() == stats_.foreign_frees.load());
  drop_idle();
}

void BufferPool::adopt() noexcept {
  IMGRING_CHECK(stats_.in_use_count.value() == 0);
  owner_ = this_thread();
}

void BufferPool::check_owner() const noexcept { IMGRING_CHECK(owner_ == this_thread()); }

std::string_view BufferPool::name() const noexcept {
  return options_.use == PoolUse::kDownload ? "download" : "gzip";
}

// A Content-Length is a wish: only what the past made likely is reserved for it.
std::size_t BufferPool::size_to_reserve(std::size_t expected_bytes) const noexcept {
  if (options_.use != PoolUse::kDownload) return expected_bytes;
  return std::min(expected_bytes, max_size_ > 0 ? max_size_ : kReservationBytesMax);
}

std::size_t BufferPool::size_to_allocate(std::size_t expected_bytes) const noexcept {
  if (expected_bytes == 0) return default_size_ > 0 ? default_size_ : kUnknownSizeBytes;
  const std::size_t reserve = size_to_reserve(expected_bytes);
  const std::size_t rounded = round_up(std::max(reserve, default_size_));
  if (max_size_ == 0 || rounded <= max_size_) return rounded;
  return round_up_to_page(reserve);  // freed on return, so no larger than it must be
}

Result<Lease> BufferPool::get(std::size_t expected_bytes) {
  check_owner();
  Lease lease;
  if (!take_idle(expected_bytes, lease)) {
    stats_.misses.add();
    const std::size_t capacity = size_to_allocate(expected_bytes);
    void* data = options_.memory.allocate(capacity);
    if (data == nullptr) {
      stats_.failures.add();
      return fail(ErrorCode::kOverloaded, "no memory for a buffer");
    }
    lease.data_ = static_cast<std::uint8_t*>(data);
    lease.capacity_ = capacity;
  }
  lease.pool_ = this;
  lease.requested_ = expected_bytes;
  stats_.in_use_bytes.add(lease.capacity_);
  stats_.in_use_count.add();
  return lease;
}

bool BufferPool::take_idle(std::size_t expected_bytes, Lease& lease) noexcept {
  if (filled_ == 0) return false;
  if (expected_bytes > 0) {
    // Best the whole body, else what we would reserve for it.
    return take_at_least(expected_bytes, lease) ||
           take_at_least(size_to_reserve(expected_bytes), lease);
  }
  if (take_at_least(size_to_allocate(0), lease)) return true;
  const int largest = static_cast<int>(std::bit_width(filled_)) - 1;
  return take_from(largest, 0, lease);
}

bool BufferPool::take_at_least(std::size_t size_bytes, Lease& lease) noexcept {
  const int first = class_for(size_bytes);
  const std::uint32_t usable = filled_ >> first << first;
  return usable != 0 && take_from(std::countr_zero(usable), size_bytes, lease);
}

// The walk ends at the first buffer but in the last class, whose members have no common size.
bool BufferPool::take_from(int index, std::size_t size_bytes, Lease& lease) noexcept {
  for (int* link = &heads_[index]; *link != -1; link = &slots_[*link].next) {
    const int slot = *link;
    Idle& idle = slots_[slot];
    if (idle.capacity < size_bytes) continue;
    lease.data_ = idle.data;
    lease.capacity_ = idle.capacity;
    open_memory(idle.data, idle.capacity);
    unlink(index, *link);
    return true;
  }
  return false;
}

// `link` is the place that names the slot.
void BufferPool::unlink(int index, int& link) noexcept {
  const int slot = link;
  Idle& idle = slots_[slot];
  stats_.idle_bytes.sub(idle.capacity);
  stats_.idle_count.sub();
  if (options_.budget != nullptr) options_.budget->release(idle.capacity);
  link = std::exchange(idle.next, free_slot_);
  free_slot_ = slot;
  idle.data = nullptr;
  if (heads_[index] == -1) filled_ &= ~(1u << index);
}

Result<void> BufferPool::grow(Lease& lease, Growth growth) {
  check_owner();
  IMGRING_CHECK(lease.pool_ == this);
  const std::size_t most =
      growth.limit_bytes == kSizeMax ? growth.limit_bytes : growth.limit_bytes + 1;
  if (growth.needed_bytes > most) {
    return fail(ErrorCode::kSourceTooLarge, "the body is longer than the limit");
  }
  if (growth.needed_bytes <= lease.capacity_) return {};
  if (move_to_idle(lease, growth.needed_bytes)) return {};
  const std::size_t capacity = std::min(grown_capacity(lease, growth.needed_bytes), most);
  // The C library moves pages here; mimalloc copies, at most twice the final size in all.
  void* data = options_.memory.reallocate(lease.data_, capacity);
  if (data == nullptr) {
    stats_.failures.add();
    return fail(ErrorCode::kOverloaded, "no memory to grow a buffer");
  }
  stats_.in_use_bytes.add(capacity - lease.capacity_);
  lease.data_ = static_cast<std::uint8_t*>(data);
  lease.capacity_ = capacity;
  return {};
}

std::size_t BufferPool::grown_capacity(const Lease& lease, std::size_t needed) const noexcept {
  std::size_t capacity = lease.capacity_;
  while (capacity < needed) capacity = next_capacity(capacity);
  if (capacity <= kClassSizeBytesMax) return capacity;
  // An announced size is believed when it makes the step smaller: no half of a large body wasted.
  const std::size_t announced = std::max(lease.requested_, kClassSizeBytesMax);
  return announced >= needed ? std::min(capacity, round_up_to_page(announced)) : capacity;
}

// A large enough idle buffer saves an allocation and costs the copy that realloc would cost too.
bool BufferPool::move_to_idle(Lease& lease, std::size_t needed) noexcept {
  Lease larger;
  if (!take_at_least(needed, larger)) return false;
  std::memcpy(larger.data_, lease.data_, lease.size_);
  keep_or_drop(lease.data_, lease.capacity_);
  stats_.in_use_bytes.add(larger.capacity_ - lease.capacity_);
  lease.data_ = std::exchange(larger.data_, nullptr);
  lease.capacity_ = larger.capacity_;
  return true;
}

void BufferPool::put(Lease& lease) noexcept {
  stats_.in_use_bytes.sub(lease.capacity_);
  stats_.in_use_count.sub();
  const bool download = options_.use == PoolUse::kDownload;
  const std::size_t sample_bytes = download ? lease.size_ : lease.requested_;
  if (sample_bytes > 0) count_sample(sample_bytes);
  const bool kept = keep_or_drop(lease.data_, lease.capacity_);
  if (kept && sample_bytes > 0) count_kept(lease.capacity_);
}

// The owner's structures and counters are not ours here; what is out stays counted as out.
void BufferPool::put_foreign(Lease& lease) noexcept {
  IMGRING_CHECK(!options_.stop_on_foreign_free);
  options_.memory.release(lease.data_);
  stats_.foreign_free_bytes.fetch_add(lease.capacity_, std::memory_order_relaxed);
  // Release: the destructor's check must see a pool that we are done with.
  stats_.foreign_frees.fetch_add(1, std::memory_order_release);
}

bool BufferPool::may_keep(std::size_t capacity) noexcept {
  if (stats_.idle_bytes.value() + capacity > options_.kept_bytes_max) return false;
  if (options_.waiters != nullptr && options_.waiters->load() > 0) return false;
  return options_.budget == nullptr || options_.budget->try_acquire(capacity);
}

bool BufferPool::keep_or_drop(std::uint8_t* data, std::size_t capacity) noexcept {
  if (max_size_ > 0 && capacity > max_size_) {
    drop(data, Drop::kTooBig);
    return false;
  }
  if (free_slot_ == -1 || !may_keep(capacity)) {
    drop(data, Drop::kFull);
    return false;
  }
  const int index = class_within(capacity);
  const int slot = free_slot_;
  free_slot_ = slots_[slot].next;
  slots_[slot] = {.data = data, .capacity = capacity, .tick = tick_, .next = heads_[index]};
  heads_[index] = slot;
  filled_ |= 1u << index;
  close_memory(data, capacity);
  stats_.idle_bytes.add(capacity);
  stats_.idle_count.add();
  return true;
}

void BufferPool::count_kept(std::size_t capacity) noexcept {
  int bucket = 0;
  while (bucket < kBufferBucketCount && capacity > kept_bound(bucket)) ++bucket;
  stats_.kept_buckets[bucket].add();
  stats_.kept_bytes.add(capacity);
}

void BufferPool::count_sample(std::size_t sample_bytes) noexcept {
  ++samples_[class_for(sample_bytes)];
  ++sample_count_;
  if (sample_count_ >= options_.calibration_threshold) calibrate();
}

void BufferPool::calibrate() noexcept {
  const std::uint64_t total = sample_count_;
  std::uint64_t sum = 0;
  int default_class = -1;
  int max_class = -1;
  for (int i = 0; i < kClassCount && max_class == -1; ++i) {
    sum += samples_[i];
    if (default_class == -1 && sum * 100 > total * 50) default_class = i;
    if (sum * 100 > total * 95) max_class = i;
  }
  samples_.fill(0);
  sample_count_ = 0;
  // The configured size is a promise of at least that much.
  default_size_ = std::max(class_size(default_class), configured_size_);
  max_size_ = std::max(class_size(max_class), default_size_);
  stats_.default_size_bytes.set(default_size_);
  stats_.max_size_bytes.set(max_size_);
  stats_.calibrations.add();
  drop_where([this](const Idle& idle) { return idle.capacity > max_size_; }, Drop::kTooBig);
}

void BufferPool::on_tick() noexcept {
  begin_tick();
  decay(SIZE_MAX);
}

void BufferPool::begin_tick() noexcept {
  check_owner();
  ++tick_;
}

bool BufferPool::decay(std::size_t bytes_max) noexcept {
  check_owner();
  // Returned before the last tick, so unused for one whole interval.
  return drop_where([this](const Idle& idle) { return idle.tick + 2 <= tick_; }, Drop::kDecay,
                    bytes_max);
}

void BufferPool::drop_idle() noexcept {
  check_owner();
  drop_where([](const Idle&) { return true; }, Drop::kDecay);
}

template <class Wanted>
bool BufferPool::drop_where(Wanted wanted, Drop reason, std::size_t bytes_max) noexcept {
  std::size_t dropped_bytes = 0;
  for (int index = 0; index < kClassCount; ++index) {
    int* link = &heads_[index];
    while (*link != -1) {
      const Idle idle = slots_[*link];
      if (!wanted(idle)) {
        link = &slots_[*link].next;
        continue;
      }
      unlink(index, *link);
      open_memory(idle.data, idle.capacity);
      drop(idle.data, reason);
      dropped_bytes += idle.capacity;
      if (dropped_bytes >= bytes_max) return true;
    }
  }
  return false;
}

void BufferPool::drop(std::uint8_t* data, Drop reason) noexcept {
  options_.memory.release(data);
  switch (reason) {
    case Drop::kTooBig: stats_.dropped_too_big.add(); break;
    case Drop::kFull: stats_.dropped_full.add(); break;
    case Drop::kDecay: stats_.dropped_decay.add(); break;
  }
}

}  // namespace imgring::mem
