// Rows of a lossy WebP without alpha at the size that the plan loads it at, half of its own or
// less. libwebp decodes planes of luma and chroma, and each is reduced before there are colours:
// its own scaler takes a fifth of the decoder's time more, and is 3 to 10 dB further from exact
// pixels.
// Owns the planes, kWebpPlanesBytesMax at most.
#include <webp/decode.h>

#include <algorithm>
#include <array>
#include <optional>

#include "imgring/base/byte_reader.h"
#include "imgring/mem/mapped_block.h"
#include "native_rows.h"

namespace imgring::image {
namespace {

struct PlaneSize {
  int width = 0, height = 0;
  std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
};

// One plane, in memory of its owner with codec::kRowPadBytes behind it.
class PlaneRows final : public PixelSource {
 public:
  PlaneRows(const std::uint8_t* first, PlaneSize size) noexcept : next_(first), size_(size) {}
  int width() const noexcept override { return size_.width; }
  Result<const std::uint8_t*> next_row(std::uint8_t*) override {
    const std::uint8_t* row = next_;
    next_ += size_.width;
    return row;
  }
  Result<void> finish(std::uint8_t*) override { return {}; }

 private:
  const std::uint8_t* next_;
  const PlaneSize size_;
};

codec::ResizeAxis axis_of(int size, int resized) noexcept {
  return {0, size, resized, static_cast<double>(size) / resized, 0, resized};
}

NativeJob job_of(PlaneSize from, PlaneSize to) noexcept {
  NativeJob job;
  job.bands = 1;
  job.loaded_width = from.width;
  job.loaded_height = from.height;
  job.across = axis_of(from.width, to.width);
  job.down = axis_of(from.height, to.height);
  job.resized = true;
  return job;
}

// A plane made smaller, row by row.
class SmallPlane {
 public:
  SmallPlane(const std::uint8_t* first, PlaneSize from, PlaneSize to, const StopFlag& stop)
      : job_(job_of(from, to)), plane_(first, from), rows_(job_, &plane_, stop) {}
  SmallPlane(const SmallPlane&) = delete;
  SmallPlane& operator=(const SmallPlane&) = delete;

  Result<void> begin() { return rows_.begin(); }
  // Until the next call.
  Result<const std::uint8_t*> next() {
    if (given_ == strip_.row_count) {
      top_ += given_;
      given_ = 0;
      IMGRING_TRY(strip_, rows_.pull(top_));
    }
    return strip_.first + static_cast<std::size_t>(given_++) * strip_.stride_bytes;
  }

 private:
  const NativeJob job_;
  PlaneRows plane_;
  ResizedRows rows_;
  Strip strip_;
  int top_ = 0, given_ = 0;
};

// ITU-R BT.601: luma of 16..235, chroma of 16..240 about 128; in 16 bits behind the point.
void to_rgb(const std::uint8_t* y, const std::uint8_t* u, const std::uint8_t* v, int count,
            std::uint8_t* out) noexcept {
  constexpr auto fixed = [](double factor) { return static_cast<int>(factor * 65536 + 0.5); };
  constexpr int kLuma = fixed(255.0 / 219), kHalf = 1 << 15;
  constexpr int kRed = fixed(1.402 * 255 / 224), kBlue = fixed(1.772 * 255 / 224);
  constexpr int kGreenOfU = fixed(1.772 * 0.114 / 0.587 * 255 / 224);
  constexpr int kGreenOfV = fixed(1.402 * 0.299 / 0.587 * 255 / 224);
  const auto byte = [](int value) {
    return static_cast<std::uint8_t>(std::clamp(value >> 16, 0, 255));
  };
  for (int i = 0; i < count; ++i, out += 3) {
    const int light = kLuma * (y[i] - 16) + kHalf, cu = u[i] - 128, cv = v[i] - 128;
    out[0] = byte(light + kRed * cv);
    out[1] = byte(light - kGreenOfU * cu - kGreenOfV * cv);
    out[2] = byte(light + kBlue * cu);
  }
}

// The chunk of a lossy picture, with its name and size; empty: not all of it is there.
ByteSpan picture_chunk(ByteSpan source) noexcept {
  constexpr std::size_t kFileHeaderBytes = 12, kChunkHeaderBytes = 8;
  constexpr int kChunksMax = 1000;  // in front of it, where others have five
  std::size_t at = kFileHeaderBytes;
  for (int i = 0; i < kChunksMax; ++i) {
    if (!slice(source, at, kChunkHeaderBytes)) return {};
    const std::size_t size_bytes = le32(source, at + 4);
    if (as_text(source).substr(at, 4) == "VP8 ") {
      return slice(source, at, kChunkHeaderBytes + size_bytes).value_or(ByteSpan());
    }
    at += kChunkHeaderBytes + size_bytes + (size_bytes & 1);
  }
  return {};
}

bool fits(const codec::ResizeAxis& axis) noexcept {
  return axis.resized > 0 && axis.shrink >= 1 && codec::box_of(axis) <= codec::kBoxMax;
}
bool fits(const NativeJob& job) noexcept { return fits(job.across) && fits(job.down); }

class WebpPixels final : public PixelSource {
 public:
  explicit WebpPixels(const StopFlag& stop) noexcept : stop_(stop) {}

  Result<void> begin(const NativeJob& job) {
    constexpr int kLossy = 1;
    WebPBitstreamFeatures features;
    const bool readable =
        WebPGetFeatures(job.source.data(), job.source.size(), &features) == VP8_STATUS_OK;
    if (!readable || features.format != kLossy || features.has_alpha || features.has_animation ||
        job.bands != 3) {
      return std::unexpected(not_native("a WebP for libvips"));
    }
    const PlaneSize luma{features.width, features.height};
    const PlaneSize chroma{(luma.width + 1) / 2, (luma.height + 1) / 2};
    const PlaneSize wanted{job.loaded_width, job.loaded_height};
    if (!fits(job_of(luma, wanted)) || !fits(job_of(chroma, wanted))) {
      return std::unexpected(not_native("a WebP that is not made small enough"));
    }
    const std::size_t size_bytes = luma.bytes() + 2 * chroma.bytes() + codec::kRowPadBytes;
    if (size_bytes > kWebpPlanesBytesMax) return std::unexpected(not_native("a large WebP"));
    planes_ = mem::MappedBlock(size_bytes);
    if (!planes_) return std::unexpected(no_memory_for_rows());
    std::uint8_t* const u = planes_.data() + luma.bytes();
    std::uint8_t* const v = u + chroma.bytes();
    IMGRING_TRY_VOID(decode(job.source, luma, chroma));
    width_ = wanted.width;
    IMGRING_TRY_VOID(small_[0].emplace(planes_.data(), luma, wanted, stop_).begin());
    IMGRING_TRY_VOID(small_[1].emplace(u, chroma, wanted, stop_).begin());
    return small_[2].emplace(v, chroma, wanted, stop_).begin();
  }

  int width() const noexcept override { return width_; }

  Result<const std::uint8_t*> next_row(std::uint8_t* room) override {
    IMGRING_TRY(const std::uint8_t* y, small_[0]->next());
    IMGRING_TRY(const std::uint8_t* u, small_[1]->next());
    IMGRING_TRY(const std::uint8_t* v, small_[2]->next());
    to_rgb(y, u, v, width_, room);
    return room;
  }

  // All of it has been decoded.
  Result<void> finish(std::uint8_t*) override { return {}; }

 private:
  Result<void> decode(ByteSpan source, PlaneSize luma, PlaneSize chroma) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return std::unexpected(not_native("another libwebp"));
    config.output.colorspace = MODE_YUV;
    config.output.is_external_memory = 1;
    WebPYUVABuffer& out = config.output.u.YUVA;
    out = {};
    out.y = planes_.data();
    out.u = out.y + luma.bytes();
    out.v = out.u + chroma.bytes();
    out.y_stride = luma.width;
    out.u_stride = out.v_stride = chroma.width;
    out.y_size = luma.bytes();
    out.u_size = out.v_size = chroma.bytes();
    // At once, as libvips does: what libwebp makes of damaged files depends on the pieces they come
    // in, and on what stands behind. The most that it is given takes 0.2 s.
    const ByteSpan bytes = picture_chunk(source);
    if (bytes.empty()) return std::unexpected(not_native("a damaged WebP"));
    switch (WebPDecode(bytes.data(), bytes.size(), &config)) {
      case VP8_STATUS_OK: return {};
      case VP8_STATUS_OUT_OF_MEMORY: return std::unexpected(no_memory_for_rows());
      default: return std::unexpected(not_native("a damaged WebP"));
    }
  }

  const StopFlag& stop_;
  mem::MappedBlock planes_;
  std::array<std::optional<SmallPlane>, 3> small_;  // behind what they read
  int width_ = 0;
};

}  // namespace

Result<std::unique_ptr<PixelSource>> open_webp_pixels(const NativeJob& job, const StopFlag& stop) {
  auto pixels = std::make_unique<WebpPixels>(stop);
  IMGRING_TRY_VOID(pixels->begin(job));
  return pixels;
}

}  // namespace imgring::image
