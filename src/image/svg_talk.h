// One packet with at most one descriptor, over the socket of a child. Plain functions, any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "imgring/base/error.h"
#include "imgring/image/stop.h"
#include "imgring/loop/io.h"

namespace imgring::image {

// False: nobody reads at the other end, or the socket is full, which is the same.
bool send_packet(int socket, const void* data, std::size_t size_bytes, int descriptor = -1);

enum class Heard : std::uint8_t { kPacket, kEnd, kOther, kStopped, kLate };
struct Patience {
  const StopFlag& stop;
  std::chrono::steady_clock::time_point end;
};
// Waits for one packet of exactly this size. Descriptors that come with it are dropped.
Heard hear_packet(int socket, void* data, std::size_t size_bytes, const Patience& patience);
// The child's side: waits for ever; a descriptor is kept. kEnd when the server is gone.
Heard hear_packet(int socket, void* data, std::size_t size_bytes, loop::Fd* descriptor);

}  // namespace imgring::image
