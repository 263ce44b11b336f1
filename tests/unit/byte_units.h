// Bytes as tests count them.
#pragma once

#include <cstddef>

namespace imgring {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

}  // namespace imgring
