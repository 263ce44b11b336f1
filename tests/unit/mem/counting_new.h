// Counts the calling thread's uses of operator new, to prove that a path allocates nothing.
#pragma once

#include <cstdint>

namespace imgring::mem {

std::uint64_t new_calls() noexcept;

}  // namespace imgring::mem
