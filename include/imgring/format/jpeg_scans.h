// Looks at a source before a decoder may: what a small file can make a decoder do is bounded here
// (hardening.md 5). Plain functions over spans, any thread; allocate nothing that grows with the
// input.
#pragma once

#include "imgring/base/error.h"
#include "imgring/base/text.h"

namespace imgring::format {

// At most 100 scans. 1000 scans in a small file cost seconds.
inline constexpr int kJpegScansMax = 100;
Result<void> check_jpeg(ByteSpan source);

}  // namespace imgring::format
