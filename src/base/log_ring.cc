// The ring of log records.
#include "log_ring.h"

#include <algorithm>
#include <cstring>

#include "imgring/base/check.h"

namespace imgring {

// calloc: the pages come from the kernel as zeroes, when they are used.
LogRing::LogRing(std::size_t size_bytes)
    : mask_(size_bytes - 1), bytes_(static_cast<unsigned char*>(std::calloc(size_bytes, 1))) {
  IMGRING_CHECK(size_bytes >= sizeof(Word));
  IMGRING_CHECK((size_bytes & mask_) == 0);
  IMGRING_CHECK(bytes_ != nullptr);
}

bool LogRing::push(std::string_view record, std::size_t kept_free) noexcept {
  const std::size_t need = room_of(record.size());
  // The tail first: it is never ahead of a head that is read later.
  std::uint64_t tail = tail_.load(std::memory_order_acquire);
  std::uint64_t head = head_.load(std::memory_order_relaxed);
  do {
    if (head - tail + need + kept_free > size_bytes()) {
      tail = tail_.load(std::memory_order_acquire);
      head = std::max(head, tail);
      if (head - tail + need + kept_free > size_bytes()) return false;
    }
  } while (!head_.compare_exchange_weak(head, head + need, std::memory_order_acq_rel,
                                        std::memory_order_relaxed));
  const std::size_t start = (head + sizeof(Word)) & mask_;
  const std::size_t first = std::min(record.size(), size_bytes() - start);
  std::memcpy(bytes_.get() + start, record.data(), first);
  std::memcpy(bytes_.get(), record.data() + first, record.size() - first);
  // Sequentially consistent, as is what the reader does before it sleeps (LogQueue).
  word_at(head).store(record.size(), std::memory_order_seq_cst);
  return true;
}

std::size_t LogRing::next_size() const noexcept {
  return word_at(tail_.load(std::memory_order_relaxed)).load(std::memory_order_seq_cst);
}

void LogRing::take(char* out) noexcept {
  const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
  const std::size_t size = next_size();
  const std::size_t start = (tail + sizeof(Word)) & mask_;
  const std::size_t first = std::min(size, size_bytes() - start);
  std::memcpy(out, bytes_.get() + start, first);
  std::memcpy(out + first, bytes_.get(), size - first);
  std::memset(bytes_.get() + start, 0, first);
  std::memset(bytes_.get(), 0, size - first);
  word_at(tail).store(0, std::memory_order_relaxed);
  tail_.store(tail + room_of(size), std::memory_order_release);
}

}  // namespace imgring
