// Records of many writers for one reader, without a lock: a ring of bytes.
// Owns: its bytes, all of them taken at the start, none of them touched before they are used.
// push: any thread, never waits. next, release: the one reader's thread.
//
// A record is a word with its size and then its bytes, padded to words. Writers reserve by moving
// `head_`, copy, and then store the size, which makes the record whole. The reader zeroes what it
// has read before it moves `tail_`: a word of an old record can't be taken for a size.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace imgring {

class LogRing {
 public:
  explicit LogRing(std::size_t size_bytes);

  // False: less than `kept_free` bytes would be left.
  bool push(std::string_view record, std::size_t kept_free) noexcept;
  // The size of the next whole record; 0: there is none.
  std::size_t next_size() const noexcept;
  // Copies the next record to `out` and gives its room back.
  void take(char* out) noexcept;

  std::size_t size_bytes() const noexcept { return mask_ + 1; }
  // Positions only grow. All before taken() have been taken.
  std::uint64_t pushed() const noexcept { return head_.load(std::memory_order_acquire); }
  std::uint64_t taken() const noexcept { return tail_.load(std::memory_order_acquire); }

 private:
  using Word = std::uint64_t;
  struct Free {
    void operator()(unsigned char* p) const noexcept { std::free(p); }
  };
  std::atomic_ref<Word> word_at(std::uint64_t position) const noexcept {
    return std::atomic_ref<Word>(*reinterpret_cast<Word*>(bytes_.get() + (position & mask_)));
  }
  static std::size_t room_of(std::size_t size_bytes) noexcept {
    return sizeof(Word) + (size_bytes + sizeof(Word) - 1) / sizeof(Word) * sizeof(Word);
  }

  std::size_t mask_;
  std::unique_ptr<unsigned char, Free> bytes_;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
};

}  // namespace imgring
