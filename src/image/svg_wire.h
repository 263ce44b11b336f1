// What server and child say to each other over a SOCK_SEQPACKET pair, one struct a packet. Bytes
// travel beside it in memory files: the source sealed by the server, the pixels in a file of the
// server's size that the child may only write to.
// Values. The server believes nothing of an answer: it checks sizes and codes and asks for no
// descriptor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imgring::image {

enum class SvgAskKind : std::uint32_t {
  kOpen = 1,  // a source (descriptor), looked at with `scale`
  kLook,      // the same source at another scale
  kDraw,      // into the file (descriptor), width * height * 4 bytes
  kEnd,       // forget the source; no answer
};

struct SvgAsk {
  SvgAskKind kind = SvgAskKind::kEnd;
  std::uint32_t unlimited = 0;
  std::uint32_t cpu_seconds = 0;  // that this source may take
  std::uint32_t served = 0;       // looked at only
  std::uint64_t source_bytes = 0;
  std::int64_t pixels_max = 0;
  double scale = 1;
};

inline constexpr std::size_t kSvgDetailBytesMax = 400;
inline constexpr int kSvgBands = 4;

struct SvgTold {
  std::uint32_t good = 0;
  std::uint32_t code = 0;  // ErrorCode when it is not
  std::int32_t width = 0, height = 0;
  std::uint64_t resident_bytes = 0;  // of the child, with the source and what it made of it
  std::uint32_t detail_bytes = 0;
  char detail[kSvgDetailBytesMax] = {};
};

}  // namespace imgring::image
