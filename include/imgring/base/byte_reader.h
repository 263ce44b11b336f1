// Bounded little- and big-endian reads over a span: every read says whether it fits, nothing reads
// past the end. A value, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "imgring/base/text.h"

namespace imgring {

// offset <= size and length <= size - offset, or nothing.
inline std::optional<ByteSpan> slice(ByteSpan bytes, std::size_t offset,
                                     std::size_t size_bytes) noexcept {
  if (offset > bytes.size() || size_bytes > bytes.size() - offset) return std::nullopt;
  return bytes.subspan(offset, size_bytes);
}
inline std::optional<std::uint32_t> read_le(ByteSpan bytes, std::size_t offset,
                                            int width_bytes) noexcept {
  const auto part = slice(bytes, offset, static_cast<std::size_t>(width_bytes));
  if (!part) return std::nullopt;
  std::uint32_t value = 0;
  for (int i = width_bytes - 1; i >= 0; --i) value = value << 8 | (*part)[i];
  return value;
}
inline std::optional<std::uint32_t> read_be(ByteSpan bytes, std::size_t offset,
                                            int width_bytes) noexcept {
  const auto part = slice(bytes, offset, static_cast<std::size_t>(width_bytes));
  if (!part) return std::nullopt;
  std::uint32_t value = 0;
  for (int i = 0; i < width_bytes; ++i) value = value << 8 | (*part)[i];
  return value;
}
// For offsets checked before: 0 past the end.
inline std::uint16_t le16(ByteSpan bytes, std::size_t offset) noexcept {
  return static_cast<std::uint16_t>(read_le(bytes, offset, 2).value_or(0));
}
inline std::uint32_t le32(ByteSpan bytes, std::size_t offset) noexcept {
  return read_le(bytes, offset, 4).value_or(0);
}

}  // namespace imgring
