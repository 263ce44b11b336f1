// Rows of a JPEG by our own decoder.
#include <algorithm>

#include "pixel_source.h"

namespace imgring::image {
namespace {

using codec::JpegEnd;

class OwnJpegPixels final : public PixelSource {
 public:
  explicit OwnJpegPixels(const StopFlag& stop) noexcept : stop_(stop) {}

  Result<void> begin(const NativeJob& job) {
    scratch_ = job.scratch;
    codec::JpegSetup setup{.source = job.source, .shrink = job.shrink, .stop = &stop_};
    setup.pixels_max = (job.loaded_width + std::int64_t{1}) * job.shrink *
                       ((job.loaded_height + std::int64_t{1}) * job.shrink);
    if (scratch_ != nullptr) {
      setup.take = take;
      setup.take_owner = this;
      setup.take_bytes_min = DecodeScratch::kBlockBytesMin;
    }
    IMGRING_TRY_VOID(checked(decoder_.open(setup)));
    const auto fits = [](int given, int wanted) { return given == wanted || given == wanted + 1; };
    const bool same = decoder_.bands() == job.bands && fits(decoder_.width(), job.loaded_width) &&
                      fits(decoder_.height(), job.loaded_height);
    return checked(same ? JpegEnd::kFine : JpegEnd::kIrregular);
  }

  int width() const noexcept override { return decoder_.width(); }

  void want(const codec::JpegWindow& window) noexcept override { decoder_.want(window); }

  Result<const std::uint8_t*> next_row(std::uint8_t* room) override {
    static_assert(codec::kJpegRowPadBytes <= codec::kRowPadBytes);
    ++rows_read_;
    IMGRING_TRY_VOID(checked(decoder_.next_row(room)));
    return room;
  }

  // As far as jpeg_pixels.cc reads on.
  Result<void> finish(std::uint8_t*) override {
    constexpr int kMore = 8, kTileRows = 16;
    return checked(decoder_.finish((rows_read_ + kMore) / kTileRows * kTileRows + kTileRows));
  }

 private:
  static void* take(void* owner, std::size_t bytes) noexcept {
    auto* self = static_cast<OwnJpegPixels*>(owner);
    self->coefficients_ = self->scratch_->take(bytes);
    return self->coefficients_.data();
  }

  Result<void> checked(JpegEnd end) const {
    switch (end) {
      case JpegEnd::kFine: return {};
      case JpegEnd::kStopped: return std::unexpected(stop_error(stop_.reason()));
      case JpegEnd::kNoMemory: return std::unexpected(no_memory_for_rows());
      case JpegEnd::kIrregular: break;
    }
    return std::unexpected(not_native("a JPEG for libjpeg-turbo"));
  }

  const StopFlag& stop_;
  DecodeScratch* scratch_ = nullptr;
  DecodeScratch::Block coefficients_;
  codec::JpegDecoder decoder_;
  int rows_read_ = 0;
};

}  // namespace

Result<std::unique_ptr<PixelSource>> open_own_jpeg_pixels(const NativeJob& job,
                                                          const StopFlag& stop) {
  auto pixels = std::make_unique<OwnJpegPixels>(stop);
  IMGRING_TRY_VOID(pixels->begin(job));
  return pixels;
}

}  // namespace imgring::image
