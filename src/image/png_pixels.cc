// Rows of a PNG: 8 bit, not interlaced, no palette, no transparent colour, every checksum right.
// libdeflate unpacks the pixels at once, in 40 % of the time zlib takes for its rows.
// Owns the unpacked picture, kPngUnpackedBytesMax at most.
#include <libdeflate.h>

#include <array>
#include <cstring>

#include "imgring/base/byte_reader.h"
#include "imgring/base/check.h"
#include "imgring/codec/png_unfilter.h"
#include "imgring/mem/mapped_block.h"
#include "pixel_source.h"

namespace imgring::image {
namespace {

// Larger ones go row by row through libvips: 8 MP with alpha.
constexpr std::size_t kSignatureBytes = 8, kChunkBytes = 12, kHeaderBytes = 13;
constexpr std::array<std::uint8_t, kSignatureBytes> kSignature = {0x89, 'P',  'N',  'G',
                                                                  '\r', '\n', 0x1A, '\n'};

struct Chunk {
  std::string_view name;
  ByteSpan data;
};

// The chunk at `*at`, which moves on behind it; nullopt: cut off or damaged.
std::optional<Chunk> next_chunk(ByteSpan source, std::size_t* at) noexcept {
  const auto size = read_be(source, *at, 4);
  if (!size) return std::nullopt;
  const auto named = slice(source, *at + 4, std::size_t{*size} + 4);
  const auto checksum = read_be(source, *at + 8 + *size, 4);
  if (!named || !checksum) return std::nullopt;
  if (libdeflate_crc32(0, named->data(), named->size()) != *checksum) return std::nullopt;
  *at += kChunkBytes + *size;
  return Chunk{as_text(named->first(4)), named->subspan(4)};
}

// Ancillary chunks have a small first letter; they change nothing in pixels like these, but for
// those that make some of them transparent.
bool harmless(std::string_view name) noexcept { return name != "tRNS" && (name[0] & 0x20) != 0; }

bool as_expected(ByteSpan header, const NativeJob& job) noexcept {
  constexpr std::array<int, 4> kColourTypes = {0, 4, 2, 6};  // by bands
  const auto width = static_cast<std::uint32_t>(job.loaded_width);
  const auto height = static_cast<std::uint32_t>(job.loaded_height);
  return header.size() == kHeaderBytes && read_be(header, 0, 4) == width &&
         read_be(header, 4, 4) == height && header[8] == 8 &&
         header[9] == kColourTypes[static_cast<std::size_t>(job.bands - 1)] && header[10] == 0 &&
         header[11] == 0 && header[12] == 0;
}

// Bytes of the allocator, or of a map of their own where they are many.
class Room {
 public:
  std::uint8_t* make(std::size_t bytes) noexcept {
    if (bytes >= mem::MappedBlock::kHugePageBytes) {
      large_ = mem::MappedBlock(bytes);
    } else {
      small_.reset(static_cast<std::uint8_t*>(std::malloc(bytes)));
    }
    return data();
  }
  std::uint8_t* data() const noexcept { return large_ ? large_.data() : small_.get(); }

 private:
  mem::MappedBlock large_;
  MallocedBytes small_;
};

struct Packed {
  Room joined;  // of several chunks
  ByteSpan bytes;
};

// Pixel data of all chunks in one piece; empty: not in order.
Result<Packed> packed_pixels(const NativeJob& job) {
  const ByteSpan source = job.source;
  if (source.size() < kSignatureBytes ||
      std::memcmp(source.data(), kSignature.data(), kSignatureBytes) != 0)
    return std::unexpected(not_native("no PNG"));
  std::size_t at = kSignatureBytes, joined_bytes = 0;
  const auto header = next_chunk(source, &at);
  if (!header || header->name != "IHDR" || !as_expected(header->data, job))
    return std::unexpected(not_native("a PNG for libvips"));
  Packed packed;
  bool ended = false;  // other chunks came behind the pixels
  while (true) {
    const auto chunk = next_chunk(source, &at);
    if (!chunk) return std::unexpected(not_native("a damaged PNG"));
    if (chunk->name == "IEND") break;
    if (chunk->name != "IDAT") {
      if (!harmless(chunk->name)) return std::unexpected(not_native("a PNG for libvips"));
      ended = !packed.bytes.empty();
      continue;
    }
    if (ended) return std::unexpected(not_native("a PNG with pixels in two places"));
    if (packed.bytes.empty()) {
      packed.bytes = chunk->data;
      joined_bytes = chunk->data.size();
      continue;
    }
    // No more than the file is long.
    std::uint8_t* joined = packed.joined.data();
    if (joined == nullptr) {
      joined = packed.joined.make(source.size());
      if (joined == nullptr) return std::unexpected(no_memory_for_rows());
      std::memcpy(joined, packed.bytes.data(), joined_bytes);
    }
    if (!chunk->data.empty())
      std::memcpy(joined + joined_bytes, chunk->data.data(), chunk->data.size());
    joined_bytes += chunk->data.size();
    packed.bytes = {joined, joined_bytes};
  }
  return packed;
}

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* d) const noexcept { libdeflate_free_decompressor(d); }
};

class PngPixels final : public PixelSource {
 public:
  explicit PngPixels(const NativeJob& job) noexcept
      : width_(job.loaded_width), height_(job.loaded_height), pixel_bytes_(job.bands),
        row_bytes_(static_cast<std::size_t>(job.loaded_width) *
                   static_cast<std::size_t>(job.bands)) {}

  Result<void> begin(const NativeJob& job) {
    const std::size_t size_bytes = (row_bytes_ + 1) * static_cast<std::size_t>(height_);
    if (size_bytes > kPngUnpackedBytesMax) return std::unexpected(not_native("a large PNG"));
    IMGRING_TRY(const Packed packed, packed_pixels(job));
    std::uint8_t* const rows = rows_.make(size_bytes + kPadBytes);
    above_first_.reset(static_cast<std::uint8_t*>(std::calloc(1, row_bytes_ + kPadBytes)));
    const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
        libdeflate_alloc_decompressor());
    if (rows == nullptr || above_first_ == nullptr || decompressor == nullptr)
      return std::unexpected(no_memory_for_rows());
    std::size_t used = 0;
    const libdeflate_result result =
        libdeflate_zlib_decompress_ex(decompressor.get(), packed.bytes.data(), packed.bytes.size(),
                                      rows, size_bytes, &used, nullptr);
    if (result != LIBDEFLATE_SUCCESS || used != packed.bytes.size())
      return std::unexpected(not_native("damaged pixels"));
    above_ = above_first_.get();
    return {};
  }

  int width() const noexcept override { return width_; }

  Result<const std::uint8_t*> next_row(std::uint8_t*) override {
    IMGRING_CHECK(next_ < height_);
    std::uint8_t* row = rows_.data() + static_cast<std::size_t>(next_++) * (row_bytes_ + 1);
    if (!codec::unfilter_png_row(row[0], row + 1, above_, row_bytes_, pixel_bytes_))
      return std::unexpected(not_native("an unknown filter"));
    above_ = row + 1;
    return above_;
  }

  // Every byte but the filters of further rows has been checked.
  Result<void> finish(std::uint8_t*) override { return {}; }

 private:
  static constexpr std::size_t kPadBytes = 16;

  const int width_, height_, pixel_bytes_;
  const std::size_t row_bytes_;
  Room rows_;
  MallocedBytes above_first_;
  const std::uint8_t* above_ = nullptr;
  int next_ = 0;
};

}  // namespace

Result<std::unique_ptr<PixelSource>> open_png_pixels(const NativeJob& job) {
  auto pixels = std::make_unique<PngPixels>(job);
  IMGRING_TRY_VOID(pixels->begin(job));
  return pixels;
}

}  // namespace imgring::image
