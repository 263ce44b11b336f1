// The two functions of Orc that libvips calls and that touch its code memory, under a mutex: those
// of the program come before those of its libraries.
#include "orc_lock.h"

#include <dlfcn.h>

#include <mutex>

namespace {

std::mutex& orc_mutex() noexcept {
  static std::mutex mutex;
  return mutex;
}

template <class Function>
Function next_of(const char* name) noexcept {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// Orc's own signatures, with its types as libvips passes them: by pointer, and an enumeration back.
extern "C" {

[[gnu::visibility("default")]] int orc_program_compile(void* program) {
  static const auto next = next_of<int (*)(void*)>("orc_program_compile");
  const std::lock_guard lock(orc_mutex());
  return next(program);
}

[[gnu::visibility("default")]] void orc_program_free(void* program) {
  static const auto next = next_of<void (*)(void*)>("orc_program_free");
  const std::lock_guard lock(orc_mutex());
  next(program);
}

}  // extern "C"

namespace imgring::image {

void guard_orc() noexcept { orc_mutex(); }

}  // namespace imgring::image
