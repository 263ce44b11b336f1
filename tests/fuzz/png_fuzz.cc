// Fuzz target: our reader of PNG rows. The first byte picks: a file, whose checksums are put
// right, or filtered rows, which are packed here. What it checks beside memory errors: where
// libvips reads the picture too, the pixels are the same.
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "../../src/image/pixel_source.h"
#include "picture.h"
#include "target.h"

namespace {

using namespace imgring;
using namespace imgring::image;
using Octets = std::vector<std::uint8_t>;

constexpr std::array<std::uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::size_t kHeaderAt = 16;  // of the sizes, in IHDR

std::uint32_t word(const Octets& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}
void put_word(std::uint32_t value, std::uint8_t* at) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

Octets with_checksums(ByteSpan bytes) {
  Octets out(bytes.begin(), bytes.end());
  std::copy_n(kSignature.begin(), std::min(out.size(), kSignature.size()), out.begin());
  for (std::size_t at = kSignature.size(); at + 12 <= out.size();) {
    const std::size_t size = word(out, at);
    if (size > out.size() - at - 12) break;
    put_word(libdeflate_crc32(0, out.data() + at + 4, size + 4), out.data() + at + 8 + size);
    at += 12 + size;
  }
  return out;
}

void put_chunk(const char* name, const Octets& data, Octets& out) {
  const std::size_t at = out.size();
  out.resize(at + 12 + data.size());
  put_word(static_cast<std::uint32_t>(data.size()), out.data() + at);
  std::memcpy(out.data() + at + 4, name, 4);
  std::copy(data.begin(), data.end(), out.begin() + static_cast<std::ptrdiff_t>(at) + 8);
}

// A PNG of these filtered rows; the first two bytes are its width and what a pixel is.
Octets of_rows(ByteSpan bytes) {
  constexpr std::array<std::uint8_t, 4> kColourTypes = {0, 4, 2, 6};
  if (bytes.size() < 3) return {};
  const std::size_t width = 1 + bytes[0] % 64, bands = 1 + bytes[1] % 4;
  Octets rows(bytes.begin() + 2, bytes.end());
  const std::size_t height = (rows.size() + width * bands) / (width * bands + 1);
  rows.resize(height * (width * bands + 1));
  for (std::size_t y = 0; y < height; ++y) rows[y * (width * bands + 1)] %= 5;
  Octets header(13);
  put_word(static_cast<std::uint32_t>(width), header.data());
  put_word(static_cast<std::uint32_t>(height), header.data() + 4);
  header[8] = 8;
  header[9] = kColourTypes[bands - 1];
  libdeflate_compressor* packer = libdeflate_alloc_compressor(1);
  Octets packed(libdeflate_zlib_compress_bound(packer, rows.size()));
  packed.resize(
      libdeflate_zlib_compress(packer, rows.data(), rows.size(), packed.data(), packed.size()));
  libdeflate_free_compressor(packer);
  Octets out(kSignature.begin(), kSignature.end());
  put_chunk("IHDR", header, out);
  put_chunk("IDAT", packed, out);
  put_chunk("IEND", {}, out);
  return with_checksums(out);
}

// What the header says; nullopt: nothing for our reader, or too large for this test.
std::optional<NativeJob> job_of(const Octets& png) {
  constexpr std::array<int, 7> kBands = {1, 0, 3, 0, 2, 0, 4};  // by colour type
  constexpr std::uint32_t kSideMax = 2000;
  if (png.size() < kHeaderAt + 13) return std::nullopt;
  const std::uint32_t width = word(png, kHeaderAt), height = word(png, kHeaderAt + 4);
  const std::uint8_t colours = png[kHeaderAt + 9];
  if (width < 1 || width > kSideMax || height < 1 || height > kSideMax) return std::nullopt;
  if (colours >= kBands.size() || kBands[colours] == 0) return std::nullopt;
  NativeJob job;
  job.source = png;
  job.source_type = ImageType::kPng;
  job.loaded_width = static_cast<int>(width);
  job.loaded_height = static_cast<int>(height);
  job.bands = kBands[colours];
  return job;
}

std::optional<Octets> rows_of(const NativeJob& job) {
  const auto source = open_png_pixels(job);
  if (!source) return std::nullopt;
  const auto row_bytes = static_cast<std::size_t>(job.loaded_width * job.bands);
  Octets out, room(row_bytes + codec::kRowPadBytes);
  for (int y = 0; y < job.loaded_height; ++y) {
    const auto row = (*source)->next_row(room.data());
    if (!row) return std::nullopt;
    out.insert(out.end(), *row, *row + row_bytes);
  }
  if (!(*source)->finish(room.data())) return std::nullopt;
  return out;
}

void expect_pixels(const NativeJob& job, const Octets& ours) {
  const VipsImagePtr theirs = fuzz::pixels_of(job.source, ImageType::kPng);
  if (theirs != nullptr) {
    IMGRING_CHECK(vips_image_get_bands(theirs.get()) == job.bands);
    const void* pixels = vips_image_get_data(theirs.get());
    IMGRING_CHECK(pixels != nullptr);
    IMGRING_CHECK(std::memcmp(pixels, ours.data(), ours.size()) == 0);
  }
}

}  // namespace

FUZZ_TARGET(png) {
  if (size < 1 || !fuzz::libvips_ready()) return 0;
  const ByteSpan bytes(data + 1, size - 1);
  const Octets png = data[0] % 2 == 0 ? with_checksums(bytes) : of_rows(bytes);
  const auto job = job_of(png);
  if (!job) return 0;
  const auto ours = rows_of(*job);
  if (ours) expect_pixels(*job, *ours);
  job_finished();
  return 0;
}
