// operator new of the mem tests. In a file of its own: where the compiler can see into both sides
// it takes malloc here and delete there for a mismatch.
#include "counting_new.h"

#include <cstdlib>
#include <new>

namespace {
thread_local std::uint64_t t_new_calls = 0;
}

void* operator new(std::size_t size_bytes) {
  ++t_new_calls;
  if (void* data = std::malloc(size_bytes)) return data;
  throw std::bad_alloc();
}
// With a sanitizer the library's own is not made of the one above.
void* operator new(std::size_t size_bytes, const std::nothrow_t&) noexcept {
  ++t_new_calls;
  return std::malloc(size_bytes);
}
void operator delete(void* data) noexcept { std::free(data); }
void operator delete(void* data, std::size_t) noexcept { std::free(data); }

namespace imgring::mem {

std::uint64_t new_calls() noexcept { return t_new_calls; }

}  // namespace imgring::mem
