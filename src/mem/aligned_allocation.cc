// Aligned blocks for mimalloc 3.0.1 (Debian 13), which forgets of a page that blocks in it begin
// behind the start of their cell as soon as the thread ends that had it. Freed, such a block then
// comes into the list of free cells as it is, and lies across two of them: memory of others.
// Seen as crashes of a process whose threads end, as libvips' do. Mended in mimalloc 3.0.2.
// Here no block of a page that others share begins behind the start of its cell: a size that is a
// multiple of the alignment has cells that are aligned, and what that does not hold for has a page
// of its own.
// Owns nothing; defines what the C library calls so, for us and, as the program's functions come
// before those of a library, for all libraries. Any thread.
#if defined(IMGRING_MIMALLOC)
#include <mimalloc.h>

// 300 and 301: 3.0.0 and 3.0.1. Versions of five digits are 2.3 and 3.0.10 and later.
#if MI_MALLOC_VERSION >= 300 && MI_MALLOC_VERSION <= 301
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

// Pages begin so, and sizes from here on that are multiples of a power of two up to it (tried with
// all sizes up to 8 MiB: mem/calibration.md).
constexpr std::size_t kPageAlignment = 128;
// MI_LARGE_MAX_OBJ_SIZE: what is larger has a page of its own.
constexpr std::size_t kSharedPageMax = std::size_t{512} << 10;

void* alone_in_page(std::size_t alignment, std::size_t size) noexcept {
  return mi_malloc_aligned(size > kSharedPageMax ? size : kSharedPageMax + 1, alignment);
}

void* aligned_block(std::size_t alignment, std::size_t size) noexcept {
  if (alignment > kPageAlignment) return alone_in_page(alignment, size);
  const std::size_t whole = size == 0 ? alignment : (size + alignment - 1) & ~(alignment - 1);
  if (whole < size) return nullptr;
  const bool shares = alignment == kPageAlignment && whole <= kSharedPageMax;
  void* block = std::malloc(shares ? std::bit_ceil(whole) : whole);
  if (reinterpret_cast<std::uintptr_t>(block) % alignment == 0) return block;
  std::free(block);  // a library that was built otherwise
  return alone_in_page(alignment, size);
}

bool is_alignment(std::size_t alignment) noexcept { return std::has_single_bit(alignment); }

void* aligned_or_errno(std::size_t alignment, std::size_t size) noexcept {
  void* block = is_alignment(alignment) ? aligned_block(alignment, size) : nullptr;
  if (block == nullptr) errno = is_alignment(alignment) ? ENOMEM : EINVAL;
  return block;
}

void* aligned_or_thrown(std::align_val_t alignment, std::size_t size) {
  for (;;) {
    void* block = aligned_block(static_cast<std::size_t>(alignment), size);
    if (block != nullptr) return block;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

extern "C" {

[[gnu::visibility("default")]] int posix_memalign(void** out, std::size_t alignment,
                                                  std::size_t size) noexcept {
  if (!is_alignment(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  void* block = aligned_block(alignment, size);
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}
[[gnu::visibility("default")]] void* aligned_alloc(std::size_t alignment,
                                                   std::size_t size) noexcept {
  return aligned_or_errno(alignment, size);
}
[[gnu::visibility("default")]] void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return aligned_or_errno(alignment, size);
}

}  // extern "C"

[[gnu::visibility("default")]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return aligned_or_thrown(alignment, size);
}
[[gnu::visibility("default")]] void* operator new[](std::size_t size, std::align_val_t alignment) {
  return aligned_or_thrown(alignment, size);
}
[[gnu::visibility("default")]] void* operator new(std::size_t size, std::align_val_t alignment,
                                                  const std::nothrow_t&) noexcept {
  return aligned_block(static_cast<std::size_t>(alignment), size);
}
[[gnu::visibility("default")]] void* operator new[](std::size_t size, std::align_val_t alignment,
                                                    const std::nothrow_t&) noexcept {
  return aligned_block(static_cast<std::size_t>(alignment), size);
}

#endif
#endif
