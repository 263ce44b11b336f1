// Numbers of a TIFF block in either byte order, and the fields of its first directory, classic or
// of BigTIFF: EXIF's orientation, sizes for estimates, which sample is alpha.
// Owns nothing, the block must outlive it. Any thread. Promises: 0 outside of the block.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "imgring/base/text.h"

namespace imgring::format {

class TiffReader {
 public:
  explicit TiffReader(ByteSpan block) noexcept
      : block_(block), little_(!block.empty() && block[0] == 'I') {
    constexpr std::uint32_t kBigVersion = 43, kOffsetBytes = 8;
    big_ = u16(2) == kBigVersion && u16(4) == kOffsetBytes;
  }

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
  std::uint64_t u64(std::size_t at) const noexcept {
    const std::uint64_t a = u32(at);
    const std::uint64_t b = u32(at + 4);
    return little_ ? a | b << 32 : a << 32 | b;
  }

  // A field of the first directory: what type its values have, how many there are and where the
  // first one stands.
  struct Field {
    std::uint32_t type = 0;
    std::uint64_t count = 0;
    std::size_t at = 0;
  };
  std::optional<Field> find(std::uint32_t tag) const noexcept {
    constexpr std::uint64_t kEntriesMax = 4096;  // no real directory is that large
    const std::size_t directory = big_ ? u64(8) : u32(4);
    if (directory >= block_.size()) return std::nullopt;
    const std::uint64_t entries =
        std::min<std::uint64_t>(big_ ? u64(directory) : u16(directory), kEntriesMax);
    const std::size_t entry_bytes = big_ ? 20 : 12;
    for (std::uint64_t i = 0; i < entries; ++i) {
      const std::size_t entry = directory + (big_ ? 8 : 2) + i * entry_bytes;
      if (entry >= block_.size()) break;
      if (u16(entry) == tag) return field_at(entry);
    }
    return std::nullopt;
  }
  // Number `index` of a field of SHORTs or LONGs.
  std::uint32_t value(std::uint32_t tag, std::uint32_t otherwise,
                      std::uint64_t index = 0) const noexcept {
    const auto field = find(tag);
    if (!field || index >= std::max<std::uint64_t>(field->count, 1)) return otherwise;
    const bool longs = field->type == kLong;
    const std::size_t at = field->at + index * (longs ? 4 : 2);
    return longs ? u32(at) : u16(at);
  }
  // How many directories follow each other, `most` at most: pages.
  int directories(int most) const noexcept {
    std::uint64_t at = big_ ? u64(8) : u32(4);
    int count = 0;
    while (count < most && at > 0 && at < block_.size()) {
      ++count;
      const std::uint64_t entries = big_ ? u64(at) : u16(at);
      // Beyond the file, and no sum that comes round again.
      if (entries > block_.size()) break;
      const std::uint64_t next = at + (big_ ? 8 + entries * 20 : 2 + entries * 12);
      at = big_ ? u64(next) : u32(next);
    }
    return count;
  }
  // 1 to 8; 1 when the block says nothing that it can be.
  int orientation() const noexcept {
    constexpr std::uint32_t kOrientationTag = 0x0112;
    const auto field = find(kOrientationTag);
    const std::uint32_t found = field ? u16(field->at) : 1;
    return found >= 1 && found <= 8 ? static_cast<int>(found) : 1;
  }

 private:
  static constexpr std::uint32_t kShort = 3, kLong = 4;

  // Values that do not fit stand elsewhere; of other types than these only the place is known.
  Field field_at(std::size_t entry) const noexcept {
    Field field{u16(entry + 2), big_ ? u64(entry + 4) : u32(entry + 4), entry + (big_ ? 12 : 8)};
    const std::uint64_t room = big_ ? 8 : 4;
    const std::uint64_t each = field.type == kLong ? 4 : field.type == kShort ? 2 : 1;
    if (field.count <= room / each || (field.type != kShort && field.type != kLong)) return field;
    field.at = big_ ? u64(field.at) : u32(field.at);
    return field;
  }

  ByteSpan block_;
  bool little_, big_ = false;
};

}  // namespace imgring::format
