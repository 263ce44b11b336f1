// A shortage of memory as a value (decision 8). Pixels, rows and tables of a job are large, and
// come from `new` too: where it finds nothing the job fails, not the process. Any thread.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "imgring/base/error.h"

namespace imgring {

template <class T>
inline constexpr bool kIsResult = false;
template <class T>
inline constexpr bool kIsResult<Result<T>> = true;

// What `work` gives; kOverloaded where memory ran out in it and it gives a Result. No frame between
// here and the allocation may be noexcept, and none a library's that holds a lock.
template <class F>
std::invoke_result_t<F&> or_shortage(F& work) {
  if constexpr (kIsResult<std::invoke_result_t<F&>>) {
    try {
      return work();
    } catch (const std::bad_alloc&) {
      return fail(ErrorCode::kOverloaded, "no memory");
    }
  } else {
    return work();
  }
}

}  // namespace imgring
