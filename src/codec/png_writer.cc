// The rows of a PNG and the chunks around them.
#include "imgring/codec/png_writer.h"

#include <libdeflate.h>

#include <bit>
#include <cstring>

#include "imgring/base/check.h"

namespace imgring::codec {
namespace {

constexpr std::size_t kRawBytesMax = std::size_t{1} << 30;
constexpr std::uint8_t kZlibHead[] = {0x78, 0x9C};  // 32 KiB window, default level
constexpr std::uint8_t kEnd[] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};

void store32_big(std::uint8_t* bytes, std::uint32_t value) noexcept {
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

Error no_memory() { return Error(ErrorCode::kOverloaded, "no memory for the encoded picture"); }

}  // namespace

PngWriter::PngWriter(Reallocate reallocate) noexcept
    : reallocate_(reallocate), out_(reallocate), deflate_(reallocate, out_) {}

bool PngWriter::fits(const PngShape& shape) noexcept {
  return shape.width <= kRawBytesMax / shape.pixel_bytes() - 1 &&
         shape.height <= kRawBytesMax / (shape.width * shape.pixel_bytes() + 1);
}

Result<void> PngWriter::begin(const PngShape& shape, ByteSpan head) {
  IMGRING_CHECK(fits(shape));
  shape_ = shape;
  row_bytes_ = shape.width * shape.pixel_bytes();
  const std::size_t room = kPngRowMargin + row_bytes_;
  rows_.reset(static_cast<std::uint8_t*>(reallocate_(nullptr, 4 * room)));
  if (rows_ == nullptr || !deflate_.begin()) return std::unexpected(no_memory());
  std::memset(rows_.get(), 0, 2 * room);
  row_ = rows_.get() + kPngRowMargin;
  above_ = row_ + room;
  best_ = above_ + room;
  tried_ = best_ + room;

  constexpr std::uint8_t kChunk[] = {0, 0, 0, 0, 'I', 'D', 'A', 'T'};
  out_.append(head);
  out_.append(kChunk);
  data_at_ = out_.size_bytes();
  out_.append(kZlibHead);
  if (out_.failed()) return std::unexpected(no_memory());
  return {};
}

// 16-bit samples go with their high byte first.
void PngWriter::put_pixels(const std::uint8_t* pixels) noexcept {
  if (shape_.sample_bytes == 1 || std::endian::native == std::endian::big) {
    std::memcpy(row_, pixels, row_bytes_);
    return;
  }
  for (std::size_t i = 0; i < row_bytes_; i += 2) {
    row_[i] = pixels[i + 1];
    row_[i + 1] = pixels[i];
  }
}

void PngWriter::add(ByteSpan bytes) noexcept {
  adler_ = libdeflate_adler32(adler_, bytes.data(), bytes.size());
  deflate_.add(bytes);
}

// The filter with the smallest sum of magnitudes, the first of equals: libpng's choice.
Result<void> PngWriter::row(const std::uint8_t* pixels) {
  IMGRING_CHECK(row_count_ < shape_.height);
  put_pixels(pixels);
  const PngRows rows{row_, above_, row_bytes_, shape_.pixel_bytes()};
  std::uint64_t least = ~std::uint64_t{0};
  std::uint8_t chosen = 0;
  for (std::uint8_t filter = 0; filter < kPngFilterCount; ++filter) {
    const std::uint64_t sum = filter_png_row(static_cast<PngFilter>(filter), rows, tried_);
    if (sum >= least) continue;
    least = sum;
    chosen = filter;
    std::swap(best_, tried_);
  }
  add({&chosen, 1});
  add({best_, row_bytes_});
  std::swap(row_, above_);
  ++row_count_;
  if (out_.failed()) return std::unexpected(no_memory());
  return {};
}

Result<Bytes> PngWriter::end() {
  IMGRING_CHECK(row_count_ == shape_.height);
  deflate_.end();
  std::uint8_t sum[4];
  store32_big(sum, adler_);
  out_.append(sum);
  out_.reserve(sizeof sum + sizeof kEnd);
  if (out_.failed()) return std::unexpected(no_memory());
  const std::size_t data_bytes = out_.size_bytes() - data_at_;
  store32_big(out_.at(data_at_ - 8), static_cast<std::uint32_t>(data_bytes));
  store32_big(sum, libdeflate_crc32(0, out_.at(data_at_ - 4), data_bytes + 4));
  out_.append(sum);
  out_.append(kEnd);
  return out_.take();
}

}  // namespace imgring::codec
