// What the tests of buffer pools share: memory that counts and can refuse, buffers that come and
// go.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "../byte_units.h"
#include "counting_new.h"
#include "imgring/mem/buffer_pool.h"

namespace imgring::mem {

inline constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// Memory that counts, and can refuse.
struct Book {
  int allocations = 0;
  int reallocations = 0;
  int releases = 0;
  std::size_t largest = 0;
  bool refuse = false;
};
inline thread_local Book t_book;

inline void* book_allocate(std::size_t n) {
  if (t_book.refuse) return nullptr;
  ++t_book.allocations;
  t_book.largest = std::max(t_book.largest, n);
  return std::malloc(n);
}
inline void* book_reallocate(void* old, std::size_t n) {
  if (t_book.refuse) return nullptr;
  ++t_book.reallocations;
  t_book.largest = std::max(t_book.largest, n);
  return std::realloc(old, n);
}
inline void book_release(void* data) {
  ++t_book.releases;
  std::free(data);
}

inline PoolOptions options(PoolUse use = PoolUse::kDownload) {
  t_book = {};
  PoolOptions o;
  o.use = use;
  o.calibration_threshold = 64;
  o.idle_limit = 4;
  o.memory = {book_allocate, book_reallocate, book_release};
  o.stop_on_foreign_free = false;
  return o;
}

inline Lease take(BufferPool& pool, std::size_t expected) {
  Result<Lease> got = pool.get(expected);
  EXPECT_TRUE(got.has_value());
  return got ? std::move(*got) : Lease();
}

// A body of size bytes comes and goes.
inline void pass(BufferPool& pool, std::size_t size_bytes) {
  Lease lease = take(pool, size_bytes);
  ASSERT_TRUE(pool.grow(lease, {.needed_bytes = size_bytes, .limit_bytes = kNoLimit}).has_value());
  lease.set_size(size_bytes);
}

}  // namespace imgring::mem
