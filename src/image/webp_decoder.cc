// libwebp is given the picture's own chunk: what it makes of damaged files depends on what stands
// behind, and on the pieces they come in.
#include "webp_decoder.h"

#include <webp/decode.h>

#include <cstdlib>
#include <string_view>

#include "imgring/base/byte_reader.h"
#include "imgring/base/check.h"

namespace imgring::image {
namespace {

constexpr std::size_t kFileHeaderBytes = 12, kChunkHeaderBytes = 8;

// The chunk of the picture, with its name and size; empty: not all of it is there.
ByteSpan picture_chunk(ByteSpan source, std::string_view name) noexcept {
  constexpr int kChunksMax = 1000;  // in front of it, where others have five
  std::size_t at = kFileHeaderBytes;
  for (int i = 0; i < kChunksMax; ++i) {
    if (!slice(source, at, kChunkHeaderBytes)) return {};
    const std::size_t size_bytes = le32(source, at + 4);
    if (as_text(source).substr(at, 4) == name) {
      return slice(source, at, kChunkHeaderBytes + size_bytes).value_or(ByteSpan());
    }
    at += kChunkHeaderBytes + size_bytes + (size_bytes & 1);
  }
  return {};
}

Result<void> decode(ByteSpan bytes, PlaneSize size, WebPDecoderConfig* config) {
  config->output.is_external_memory = 1;
  // At once: the most that it is given takes 0.2 s.
  if (bytes.empty()) return std::unexpected(not_native("a damaged WebP"));
  switch (WebPDecode(bytes.data(), bytes.size(), config)) {
    case VP8_STATUS_OK: break;
    case VP8_STATUS_OUT_OF_MEMORY: return std::unexpected(no_memory_for_rows());
    default: return std::unexpected(not_native("a damaged WebP"));
  }
  // In what a smaller one left of the room there may be pixels of the picture before.
  const bool whole = config->input.width == size.width && config->input.height == size.height;
  if (!whole) return std::unexpected(not_native("a WebP of another size than its header says"));
  return {};
}

}  // namespace

Result<void> DecodedWebp::open(ByteSpan source, DecodeScratch* scratch) {
  enum : std::uint8_t { kLossy = 1, kLossless = 2 };
  WebPBitstreamFeatures features;
  const bool readable = WebPGetFeatures(source.data(), source.size(), &features) == VP8_STATUS_OK;
  const bool still = readable && !features.has_animation &&
                     (features.format == kLossy || features.format == kLossless);
  if (!still) return std::unexpected(not_native("a WebP for libvips"));
  source_ = source;
  scratch_ = scratch;
  size_ = {features.width, features.height};
  lossy_ = features.format == kLossy;
  alpha_ = features.has_alpha != 0;
  return {};
}

PixelView DecodedWebp::colours() const noexcept {
  const int bands = alpha_ ? 4 : 3;
  return {pixels_, static_cast<std::size_t>(size_.width) * static_cast<std::size_t>(bands), size_,
          bands};
}

Result<void> DecodedWebp::make_room(std::size_t bytes) {
  if (bytes > kWebpPixelsBytesMax) return std::unexpected(not_native("a large WebP"));
  if (scratch_ != nullptr && bytes >= kScratchBytesMin) {
    block_ = scratch_->take(bytes);
    pixels_ = reinterpret_cast<std::uint8_t*>(block_.data());
  } else {
    own_.reset(static_cast<std::uint8_t*>(std::malloc(bytes)));
    pixels_ = own_.get();
  }
  if (pixels_ == nullptr) return std::unexpected(no_memory_for_rows());
  return {};
}

Result<void> DecodedWebp::decode_planes() {
  IMGRING_CHECK(has_planes());
  const PlaneSize chroma = chroma_size();
  IMGRING_TRY_VOID(make_room(size_.bytes() + 2 * chroma.bytes()));
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return std::unexpected(not_native("another libwebp"));
  config.output.colorspace = MODE_YUV;
  WebPYUVABuffer& out = config.output.u.YUVA;
  out = {};
  out.y = pixels_;
  out.u = out.y + size_.bytes();
  out.v = out.u + chroma.bytes();
  out.y_stride = size_.width;
  out.u_stride = out.v_stride = chroma.width;
  out.y_size = size_.bytes();
  out.u_size = out.v_size = chroma.bytes();
  return decode(picture_chunk(source_, "VP8 "), size_, &config);
}

Result<void> DecodedWebp::decode_colours() {
  const std::size_t row_bytes = static_cast<std::size_t>(size_.width) * (alpha_ ? 4 : 3);
  IMGRING_TRY_VOID(make_room(row_bytes * static_cast<std::size_t>(size_.height)));
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return std::unexpected(not_native("another libwebp"));
  config.output.colorspace = alpha_ ? MODE_RGBA : MODE_RGB;
  WebPRGBABuffer& out = config.output.u.RGBA;
  out.rgba = pixels_;
  out.stride = static_cast<int>(row_bytes);
  out.size = row_bytes * static_cast<std::size_t>(size_.height);
  // The alpha of a lossy one is a chunk of its own in front of it.
  if (lossy_ && alpha_) return decode(source_, size_, &config);
  return decode(picture_chunk(source_, lossy_ ? "VP8 " : "VP8L"), size_, &config);
}

}  // namespace imgring::image
