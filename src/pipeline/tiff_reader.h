// Numbers of a TIFF block in either byte order, and the fields of its first directory: EXIF's
// orientation, and sizes for estimates.
// Owns nothing, the block must outlive it. Any thread. Promises: 0 outside of the block.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "imgring/base/text.h"

namespace imgring::pipeline {

class TiffReader {
 public:
  explicit TiffReader(ByteSpan block) noexcept
      : block_(block), little_(!block.empty() && block[0] == 'I') {}

  std::uint32_t u16(std::size_t at) const noexcept {
    if (block_.size() < 2 || at > block_.size() - 2) return 0;
    const std::uint32_t a = block_[at];
    const std::uint32_t b = block_[at + 1];
    return little_ ? a | b << 8 : a << 8 | b;
  }
  std::uint32_t u32(std::size_t at) const noexcept {
    const std::uint32_t a = u16(at);
    const std::uint32_t b = u16(at + 2);
    return little_ ? a | b << 16 : a << 16 | b;
  }

  // Where the value of a field stands.
  std::optional<std::size_t> find(std::uint32_t tag) const noexcept {
    constexpr std::uint32_t kEntriesMax = 4096;  // no real directory is that large
    constexpr std::size_t kEntryBytes = 12;
    const std::size_t directory = u32(4);
    const std::uint32_t entries = std::min(u16(directory), kEntriesMax);
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::size_t entry = directory + 2 + i * kEntryBytes;
      if (entry >= block_.size()) break;
      if (u16(entry) == tag) return entry + 8;
    }
    return std::nullopt;
  }
  // Of a field that is a SHORT or a LONG.
  std::uint32_t value(std::uint32_t tag, std::uint32_t otherwise) const noexcept {
    constexpr std::uint32_t kLong = 4;
    const auto at = find(tag);
    if (!at) return otherwise;
    return u16(*at - 6) == kLong ? u32(*at) : u16(*at);
  }
  // 1 to 8; 1 when the block says nothing that it can be.
  int orientation() const noexcept {
    constexpr std::uint32_t kOrientationTag = 0x0112;
    const auto at = find(kOrientationTag);
    const std::uint32_t found = at ? u16(*at) : 1;
    return found >= 1 && found <= 8 ? static_cast<int>(found) : 1;
  }

 private:
  ByteSpan block_;
  bool little_;
};

}  // namespace imgring::pipeline
