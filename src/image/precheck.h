// Looks at a source before a decoder may: what a small file can make a decoder do is bounded here
// (hardening.md 5). Plain functions over spans, any thread; allocate nothing that grows with the
// input.
#pragma once

#include "imgring/base/error.h"
#include "imgring/base/text.h"

namespace imgring::image {

// At most 100 scans. 1000 scans in a small file cost seconds.
inline constexpr int kJpegScansMax = 100;
Result<void> check_jpeg(ByteSpan source);

// A profile or text of at most 4 MiB decoded each, 1000 text chunks, 16 MiB of
// them all. A chunk cut short by the end of the file says at most 8 MiB.
inline constexpr std::size_t kPngChunkDecodedBytesMax = std::size_t{4} << 20;
inline constexpr std::size_t kPngChunksDecodedBytesMax = std::size_t{16} << 20;
inline constexpr std::uint32_t kPngMissingBytesMax = std::uint32_t{8} << 20;
inline constexpr int kPngTextChunksMax = 1000;
Result<void> check_png(ByteSpan source);

}  // namespace imgring::image
