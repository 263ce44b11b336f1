// Budgets and grants: one atomic counter for each budget.
#include "imgring/mem/budget.h"

#include "imgring/base/check.h"

namespace imgring::mem {

Budget::~Budget() { IMGRING_CHECK(current() == 0); }

bool Budget::try_acquire_below(std::uint64_t top, std::uint64_t n) noexcept {
  std::uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used > top || n > top - used) return false;
  } while (!used_.compare_exchange_weak(used, used + n, std::memory_order_relaxed));
  note_peak(used + n);
  return true;
}

void Budget::note_peak(std::uint64_t used) noexcept {
  std::uint64_t peak = peak_.load(std::memory_order_relaxed);
  while (used > peak && !peak_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
  }
}

bool Budget::try_acquire(std::uint64_t n) noexcept {
  return try_acquire_below(max_ - reserved_.load(std::memory_order_relaxed), n);
}

bool Budget::reserve(std::uint64_t n) noexcept {
  IMGRING_CHECK(n > 0 && n <= max_);
  std::uint64_t none = 0;
  return reserved_.compare_exchange_strong(none, n, std::memory_order_relaxed);
}

std::optional<Grant> Budget::redeem() noexcept {
  const std::uint64_t n = reserved_.load(std::memory_order_relaxed);
  IMGRING_CHECK(n > 0);
  if (!try_acquire_below(max_, n)) return std::nullopt;
  unreserve();
  return Grant(*this, n);
}

void Budget::release(std::uint64_t n) noexcept {
  const std::uint64_t before = used_.fetch_sub(n, std::memory_order_relaxed);
  IMGRING_CHECK(before >= n);
}

std::optional<Grant> Budget::try_grant(std::uint64_t n) noexcept {
  if (!try_acquire(n)) return std::nullopt;
  return Grant(*this, n);
}

Grant& Grant::operator=(Grant&& other) noexcept {
  if (this == &other) return *this;
  reset();
  budget_ = std::exchange(other.budget_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

bool Grant::add(std::uint64_t n) noexcept {
  IMGRING_CHECK(budget_ != nullptr);
  if (!budget_->try_acquire(n)) return false;
  bytes_ += n;
  return true;
}

void Grant::shrink_to(std::uint64_t n) noexcept {
  if (budget_ == nullptr || n >= bytes_) return;
  budget_->release(bytes_ - n);
  bytes_ = n;
}

}  // namespace imgring::mem
