// What a loop waits with: a word that the configuration and the loops share. A value.
#pragma once

#include <cstdint>
#include <string_view>

namespace imgring {

// In the order of IMGRING_ENGINE's words; kAuto: io_uring, or epoll where that is refused.
enum class EngineKind : std::uint8_t { kAuto, kIoUring, kEpoll };

constexpr std::string_view engine_name(EngineKind kind) noexcept {
  if (kind == EngineKind::kAuto) return "auto";
  return kind == EngineKind::kEpoll ? "epoll" : "io_uring";
}

}  // namespace imgring
