// One packet with at most two descriptors, over the socket of a child. Plain functions, any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "imgring/base/error.h"
#include "imgring/base/stop.h"
#include "imgring/loop/io.h"

namespace imgring::sandbox {

inline constexpr std::size_t kDescriptorsMax = 2;
using Descriptors = std::array<loop::Fd, kDescriptorsMax>;  // in their order, the rest empty

// False: nobody reads at the other end, or the socket is full, which is the same.
bool send_packet(int socket, const void* data, std::size_t size_bytes,
                 std::span<const int> descriptors = {});

enum class Heard : std::uint8_t { kPacket, kEnd, kOther, kStopped, kLate };
struct Patience {
  const StopFlag& stop;
  std::chrono::steady_clock::time_point end;
};
// Waits for one packet of exactly this size. Descriptors that come with it are dropped.
Heard hear_packet(int socket, void* data, std::size_t size_bytes, const Patience& patience);
// The child's side: waits for ever; descriptors are kept. kEnd when the server is gone.
Heard hear_packet(int socket, void* data, std::size_t size_bytes, Descriptors* descriptors);

}  // namespace imgring::sandbox
