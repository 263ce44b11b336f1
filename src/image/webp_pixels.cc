// Rows of a still WebP at the size that the plan loads it at. libwebp's own scaler takes a fifth of
// its time more, and is 3 to 10 dB further from exact pixels. Of a lossy one without alpha the
// planes of luma and chroma are each reduced before there are colours, where that makes even those
// of chroma smaller.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "webp_decoder.h"

namespace imgring::image {
namespace {

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

// To as many samples as luma becomes.
ResizeAxes chroma_axes(const DecodedWebp& webp, PlaneSize to) noexcept {
  return coarser_axes(whole_axes(webp.size(), to), webp.chroma_size(), 2, 2);
}

class WebpPlanes final : public PixelSource {
 public:
  // `webp` is open.
  Result<void> begin(DecodedWebp webp, PlaneSize wanted, const StopFlag& stop) {
    webp_ = std::move(webp);
    IMGRING_TRY_VOID(webp_.decode_planes());
    width_ = wanted.width;
    const ResizeAxes luma = whole_axes(webp_.size(), wanted), chroma = chroma_axes(webp_, wanted);
    IMGRING_TRY_VOID(small_[0].emplace(webp_.y(), luma, stop).begin());
    IMGRING_TRY_VOID(small_[1].emplace(webp_.u(), chroma, stop).begin());
    return small_[2].emplace(webp_.v(), chroma, stop).begin();
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
  DecodedWebp webp_;
  std::array<std::optional<SmallRows>, 3> small_;  // behind what they read
  int width_ = 0;
};

class WebpColours final : public PixelSource {
 public:
  // `webp` is open.
  Result<void> begin(DecodedWebp webp, PlaneSize wanted, const StopFlag& stop) {
    webp_ = std::move(webp);
    IMGRING_TRY_VOID(webp_.decode_colours());
    width_ = wanted.width;
    return small_.emplace(webp_.colours(), whole_axes(webp_.size(), wanted), stop).begin();
  }

  int width() const noexcept override { return width_; }
  Result<const std::uint8_t*> next_row(std::uint8_t*) override { return small_->next(); }
  Result<void> finish(std::uint8_t*) override { return {}; }

 private:
  DecodedWebp webp_;
  std::optional<SmallRows> small_;  // behind what it reads
  int width_ = 0;
};

codec::ResizeAxis luma_axis(int size, const codec::ResizeAxis& of_loaded, int loaded) noexcept {
  codec::ResizeAxis axis = whole_axis(size, loaded);
  axis.first = of_loaded.offset + of_loaded.first;
  axis.count = of_loaded.count;
  return axis;
}

// By the same factor, from the same edge: at an odd end half of the last sample is beyond it.
codec::ResizeAxis chroma_axis(const codec::ResizeAxis& luma) noexcept {
  codec::ResizeAxis axis;
  axis.size = (luma.size + 1) / 2;
  axis.resized = (luma.resized + 1) / 2;
  axis.shrink = luma.shrink;
  axis.start = 0;
  axis.first = luma.first / 2;
  axis.count = (luma.count + 1) / 2;
  return axis;
}

class WebpYuv final : public YuvSource {
 public:
  // `webp` is open and has planes.
  WebpYuv(DecodedWebp webp, const NativeJob& job, const StopFlag& stop)
      : webp_(std::move(webp)), stop_(stop),
        across_(luma_axis(webp_.size().width, job.across, job.loaded_width)),
        down_(luma_axis(webp_.size().height, job.down, job.loaded_height)) {}

  // Whether the loops can do it.
  bool possible() const noexcept {
    for (const codec::ResizeAxis& axis : {across_, down_}) {
      const bool halves = axis.first % 2 == 0 && resizable(axis) && resizable(chroma_axis(axis));
      if (!halves) return false;
    }
    return true;
  }

  Result<void> write(const YuvRoom& room) override {
    IMGRING_TRY_VOID(webp_.decode_planes());
    IMGRING_TRY_VOID(write_plane(webp_.y(), across_, down_, {room.y, room.y_stride}));
    const codec::ResizeAxis across = chroma_axis(across_), down = chroma_axis(down_);
    IMGRING_TRY_VOID(write_plane(webp_.u(), across, down, {room.u, room.uv_stride}));
    return write_plane(webp_.v(), across, down, {room.v, room.uv_stride});
  }

 private:
  struct PlaneRoom {
    std::uint8_t* first;
    int stride_bytes;
  };
  Result<void> write_plane(PixelView plane, const codec::ResizeAxis& across,
                           const codec::ResizeAxis& down, PlaneRoom out) const {
    SmallRows rows(plane, {across, down}, stop_);
    IMGRING_TRY_VOID(rows.begin());
    for (int y = 0; y < down.count; ++y, out.first += out.stride_bytes) {
      IMGRING_TRY(const std::uint8_t* row, rows.next());
      std::memcpy(out.first, row, static_cast<std::size_t>(across.count));
    }
    return {};
  }

  DecodedWebp webp_;
  const StopFlag& stop_;
  const codec::ResizeAxis across_, down_;
};

template <class Pixels>
Result<std::unique_ptr<PixelSource>> begun(DecodedWebp webp, PlaneSize wanted,
                                           const StopFlag& stop) {
  auto pixels = std::make_unique<Pixels>();
  IMGRING_TRY_VOID(pixels->begin(std::move(webp), wanted, stop));
  return pixels;
}

}  // namespace

std::unique_ptr<YuvSource> open_webp_planes(const NativeJob& job, const StopFlag& stop) {
  const bool as_loaded = job.bands == 3 && !job.resized && !job.turn.any() && job.blur == 0 &&
                         job.sharpen == 0 && job.profile == nullptr;
  DecodedWebp webp;
  if (!as_loaded || !webp.open(job.source, job.scratch) || !webp.has_planes()) return nullptr;
  auto planes = std::make_unique<WebpYuv>(std::move(webp), job, stop);
  return planes->possible() ? std::move(planes) : nullptr;
}

Result<std::unique_ptr<PixelSource>> open_webp_pixels(const NativeJob& job, const StopFlag& stop) {
  DecodedWebp webp;
  IMGRING_TRY_VOID(webp.open(job.source, job.scratch));
  const PlaneSize wanted{job.loaded_width, job.loaded_height};
  if (job.bands != (webp.alpha() ? 4 : 3) || !resizable(whole_axes(webp.size(), wanted))) {
    return std::unexpected(not_native("a WebP for libvips"));
  }
  const bool planes = webp.has_planes() && resizable(chroma_axes(webp, wanted));
  return planes ? begun<WebpPlanes>(std::move(webp), wanted, stop)
                : begun<WebpColours>(std::move(webp), wanted, stop);
}

}  // namespace imgring::image
