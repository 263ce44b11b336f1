// The pixel part of a PNG without libpng: rows filtered by vector loops (png_filter.cc) and packed
// by a deflate of our own, made for filtered rows; checksums by libdeflate.
// Owns: the file so far and a fixed 0.8 MB of work memory. Helper threads only.
// Promises: a refused allocation is kOverloaded; files no larger than zlib's at level 6.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "imgring/base/bytes.h"
#include "imgring/base/error.h"
#include "imgring/base/text.h"

namespace imgring::codec {

enum class PngFilter : std::uint8_t { kNone, kSub, kUp, kAverage, kPaeth };
inline constexpr std::size_t kPngFilterCount = 5;
// Bytes before the first pixel of a row, all zero: the left neighbour the format asks for. The
// largest pixel has 8 bytes.
inline constexpr std::size_t kPngRowMargin = 8;

// One row and the one above; both have kPngRowMargin zero bytes before them.
struct PngRows {
  const std::uint8_t* row = nullptr;
  const std::uint8_t* above = nullptr;
  std::size_t size_bytes = 0;
  std::size_t pixel_bytes = 0;  // 1..8
};
// Writes the filtered bytes and returns the sum of their magnitudes as signed numbers.
std::uint64_t filter_png_row(PngFilter filter, const PngRows& rows, std::uint8_t* out) noexcept;

// realloc(), or what a test puts in its place; free() takes its memory back.
using Reallocate = void* (*)(void* old, std::size_t size_bytes);

struct FreeBytes {
  void operator()(void* bytes) const noexcept;
};

// Position-independent code takes functions that others could replace for calls, also within a
// file; hidden ones it inlines. Programs of sanitizers share a library, and inline nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IMGRING_HIDDEN
#else
#define IMGRING_HIDDEN [[gnu::visibility("hidden")]]
#endif

// Bytes that grow. Every failure to grow is sticky: the caller asks failed() when it suits.
class IMGRING_HIDDEN PngOutput {
 public:
  explicit PngOutput(Reallocate reallocate) noexcept : reallocate_(reallocate) {}
  bool reserve(std::size_t more_bytes) noexcept;
  void append(ByteSpan bytes) noexcept;
  // Unchecked: into room reserved before, which has 8 bytes more than asked for.
  void bits(std::uint64_t value, unsigned count) noexcept;  // 57 at most
  void end_byte() noexcept;                                 // fills the last byte with zeros
  bool failed() const noexcept { return failed_; }
  std::size_t size_bytes() const noexcept { return size_bytes_; }
  std::uint8_t* at(std::size_t index) noexcept { return bytes_.get() + index; }
  Bytes take() noexcept;

 private:
  Reallocate reallocate_;
  std::unique_ptr<std::uint8_t, FreeBytes> bytes_;
  std::size_t size_bytes_ = 0, room_bytes_ = 0;
  std::uint64_t pending_ = 0;  // bits that do not fill a byte yet
  unsigned pending_count_ = 0;
  bool failed_ = false;
};

// Deflate for filtered rows. Most of their bytes are noise around zero that Huffman codes pack well
// and short matches only spoil, so matches have 6 bytes at least (zlib's Z_FILTERED, which libpng
// uses and libdeflate does not know: its files are 1 to 4 % larger). A hash over 6 bytes
// keeps chains short, which is where the time is saved; blocks end where the statistics change.
class IMGRING_HIDDEN PngDeflate {
 public:
  PngDeflate(Reallocate reallocate, PngOutput& out) noexcept : out_(out), reallocate_(reallocate) {}
  bool begin() noexcept;  // false: no memory
  void add(ByteSpan bytes) noexcept;
  void end() noexcept;

  static constexpr std::size_t kLiteralCodes = 286, kDistanceCodes = 30;
  struct Counts {
    std::array<std::uint32_t, kLiteralCodes> literals{};
    std::array<std::uint32_t, kDistanceCodes> distances{};
  };

 private:
  struct Work;
  struct Match {
    std::uint32_t length = 0, distance = 0;
  };
  struct Search {
    std::uint32_t candidate, length_min;
  };
  struct Block {
    std::size_t token_count = 0;
    std::uint32_t raw_bytes = 0;
    bool last = false;
  };

  const std::uint8_t* at(std::uint32_t position) const noexcept;
  std::uint32_t insert(std::uint32_t position) noexcept;
  Match find(std::uint32_t position, Search search) const noexcept;
  void match_up_to(std::uint32_t stop) noexcept;
  void slide() noexcept;
  void put_literal(std::uint8_t byte) noexcept;
  void put_match(const Match& match) noexcept;
  void end_part() noexcept;
  void write_block(const Counts& counts, Block block) noexcept;
  void write_stored(Block block) noexcept;

  PngOutput& out_;
  Reallocate reallocate_;
  std::unique_ptr<Work, FreeBytes> work_;
  // Positions count all bytes; the first is one window in, so that 0 is too far from any of them.
  std::uint32_t base_ = 0, position_ = 0, end_ = 0;
  std::uint32_t block_start_ = 0;
  std::size_t token_count_ = 0, block_tokens_ = 0;  // of the block; the rest is its next part
  std::uint32_t part_start_ = 0;
  Counts block_, part_;
};

struct PngShape {
  std::size_t width = 0, height = 0;  // above 0
  std::size_t bands = 0;              // 1..4
  std::size_t sample_bytes = 0;       // 1 or 2, machine order

  std::size_t pixel_bytes() const noexcept { return bands * sample_bytes; }
};

class IMGRING_HIDDEN PngWriter {
 public:
  explicit PngWriter(Reallocate reallocate) noexcept;
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  // False: more than one IDAT chunk and the positions above hold.
  static bool fits(const PngShape& shape) noexcept;

  // `head`: signature and chunks in front of IDAT.
  Result<void> begin(const PngShape& shape, ByteSpan head);
  // The next row of pixels, shape.height times.
  Result<void> row(const std::uint8_t* pixels);
  // After the last row, once.
  Result<Bytes> end();

 private:
  void put_pixels(const std::uint8_t* pixels) noexcept;
  void add(ByteSpan bytes) noexcept;

  Reallocate reallocate_;
  PngShape shape_;
  PngOutput out_;
  PngDeflate deflate_;
  std::unique_ptr<std::uint8_t, FreeBytes> rows_;  // the four below
  std::uint8_t* row_ = nullptr;                    // these two with their margins
  std::uint8_t* above_ = nullptr;
  std::uint8_t* best_ = nullptr;
  std::uint8_t* tried_ = nullptr;
  std::size_t row_bytes_ = 0, row_count_ = 0, data_at_ = 0;
  std::uint32_t adler_ = 1;
};

}  // namespace imgring::codec
