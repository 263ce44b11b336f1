// Begins at a multiple of a huge page: older kernels give huge pages only to whole ones of a map.
#include "imgring/mem/mapped_block.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace imgring::mem {
namespace {

std::size_t page_bytes() noexcept {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

std::size_t round_up(std::size_t value, std::size_t to) noexcept {
  return (value + to - 1) / to * to;
}

}  // namespace

MappedBlock::MappedBlock(std::size_t bytes) noexcept {
  const std::size_t size = round_up(bytes, page_bytes());
  const std::size_t spare = size >= kHugePageBytes ? kHugePageBytes : 0;
  void* mapped =
      mmap(nullptr, size + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return;
  auto* from = static_cast<std::uint8_t*>(mapped);
  start_ = from;
  size_ = bytes;
  if (spare == 0) return;
  const auto address = reinterpret_cast<std::uintptr_t>(from);
  const std::size_t before = round_up(address, kHugePageBytes) - address;
  start_ = from + before;
  if (before > 0) munmap(from, before);
  if (spare > before) munmap(start_ + size, spare - before);
  // Whole huge pages only: the end of a block takes no more than it has. Where the kernel has none
  // it says so, and small ones do.
  madvise(start_, size / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);
}

MappedBlock::~MappedBlock() {
  if (start_ != nullptr) munmap(start_, round_up(size_, page_bytes()));
}

}  // namespace imgring::mem
