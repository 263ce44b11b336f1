// Idle blocks behind a mutex; what a tick finds unused for half of an interval is unmapped.
#include "imgring/image/decode_scratch.h"

#include <sys/mman.h>

#include <algorithm>
#include <optional>

namespace imgring::image {

namespace {

std::byte* map(std::size_t size) noexcept {
  void* start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return start == MAP_FAILED ? nullptr : static_cast<std::byte*>(start);
}

}  // namespace

DecodeScratch::Block::~Block() {
  if (owner_ != nullptr) owner_->keep(*this);
}

DecodeScratch::Block& DecodeScratch::Block::operator=(Block&& other) noexcept {
  std::swap(owner_, other.owner_);
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  std::swap(spare_, other.spare_);
  return *this;
}

DecodeScratch::~DecodeScratch() { release_all(); }

DecodeScratch::Block DecodeScratch::take(std::size_t bytes) {
  std::optional<Idle> idle;
  {
    std::lock_guard lock(mutex_);
    const auto fits = [bytes](const Idle& block) { return block.size >= bytes; };
    auto found = std::ranges::find_if(idle_, fits);
    if (found == idle_.end() && !idle_.empty()) found = idle_.end() - 1;
    if (found != idle_.end()) {
      idle = *found;
      idle_.erase(found);
      idle_bytes_ -= idle->size;
      give_back(std::min(idle->size, bytes));
    }
  }
  if (idle && idle->size >= bytes) return {this, idle->start, idle->size, idle->size - bytes};
  // The new block takes the place of one that was too small.
  if (idle) munmap(idle->start, idle->size);
  std::byte* start = map(bytes);
  return start == nullptr ? Block() : Block(this, start, bytes, 0);
}

// A block that stays while jobs wait would keep them waiting for it until the next tick. Who waits
// says so and then takes what is idle, under the same lock: either it finds this block there, or we
// find the waiter.
bool DecodeScratch::try_keep(const Block& block) noexcept {
  const std::lock_guard lock(mutex_);
  if (ledger_.waiters != nullptr && ledger_.waiters->load() > 0) return false;
  if (idle_bytes_ + block.size_ > idle_bytes_max_) return false;
  mem::Budget* budget = ledger_.budget;
  if (budget != nullptr && !budget->try_acquire(block.size_ - block.spare_)) return false;
  idle_.push_back({block.start_, block.size_, Clock::now()});
  idle_bytes_ += block.size_;
  return true;
}

void DecodeScratch::keep(const Block& block) noexcept {
  if (try_keep(block)) return;
  munmap(block.start_, block.size_);
  give_back(block.spare_);
}

void DecodeScratch::release_all() noexcept { release_unused(Clock::time_point::max()); }

void DecodeScratch::release_unused(Clock::time_point since) {
  std::vector<Idle> unused;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(idle_, [&](const Idle& block) {
      if (block.since >= since) return false;
      idle_bytes_ -= block.size;
      give_back(block.size);
      unused.push_back(block);
      return true;
    });
  }
  for (const Idle& block : unused) munmap(block.start, block.size);
}

void DecodeScratch::give_back(std::size_t size) noexcept {
  if (ledger_.budget != nullptr && size > 0) ledger_.budget->release(size);
}

std::uint64_t DecodeScratch::idle_bytes() const {
  std::lock_guard lock(mutex_);
  return idle_bytes_;
}

}  // namespace imgring::image
