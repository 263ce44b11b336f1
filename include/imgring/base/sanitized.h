// Whether this is a sanitizer's build: it reserves terabytes of addresses, has threads of its own,
// and takes its time.
#pragma once

namespace imgring {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace imgring
