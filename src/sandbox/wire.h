// What server and child say to each other over a SOCK_SEQPACKET pair, one struct a packet. Bytes
// travel beside it in memory files: the parts of a question sealed by the server, those of an
// answer in a file of the server's size that the child may only write to.
// Values. The server believes nothing of an answer: it checks sizes and codes and asks for no
// descriptor.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "imgring/sandbox/kind.h"

namespace imgring::sandbox {

// Sent to a child whose kind is stoppable: its job is given up.
inline constexpr int kStopSignal = SIGUSR1;

enum class AskKind : std::uint32_t {
  kAsk = 1,  // descriptors: the parts' file when there are parts, then the room's when there is one
  kEnd,      // forget the job; no answer
};

struct Ask {
  AskKind kind = AskKind::kEnd;
  std::uint32_t seconds_max = 0;
  std::uint64_t room_bytes = 0;
  Parts<std::uint64_t> part_bytes;
  Facts facts;
};

inline constexpr std::size_t kDetailBytesMax = 400;

struct Told {
  std::uint32_t good = 0;
  std::uint32_t code = 0;            // ErrorCode when it is not
  std::uint32_t shut_out = 0;        // at its start: 1 when the kernel refused to shut it in
  std::uint64_t resident_bytes = 0;  // of the child, with the job and what it made of it
  Parts<std::uint64_t> part_bytes;   // in the room
  Facts facts;
  std::uint32_t detail_bytes = 0;
  char detail[kDetailBytesMax] = {};
};

// Where parts of these sizes stand: one after the other, each at a multiple of kPartAlignment.
inline constexpr std::uint64_t kPartAlignment = 64;
struct Layout {
  Parts<std::uint64_t> offsets;
  std::uint64_t end_bytes = 0;
};
// Nothing when they end behind `bytes_max`.
std::optional<Layout> layout_of(const Parts<std::uint64_t>& part_bytes, std::uint64_t bytes_max);

}  // namespace imgring::sandbox
