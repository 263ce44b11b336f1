// The parts: pixel_source.h decodes, native_rows.h resizes, the encoders' own save_*_rows write.
// A JPEG that our decoder gives up begins again with libjpeg-turbo, also behind some of its rows:
// the result is then that of libjpeg-turbo alone.
#include "imgring/image/native.h"

#include <cstring>
#include <utility>

#include "encoders.h"
#include "filtered_rows.h"
#include "imgring/base/check.h"
#include "native_rows.h"

namespace imgring::image {
namespace {

bool inside(const codec::ResizeAxis& axis, int loaded) noexcept {
  const bool source_fits = axis.offset >= 0 && axis.size > 0 && axis.offset + axis.size <= loaded;
  return source_fits && axis.first >= 0 && axis.count > 0 &&
         axis.first + axis.count <= axis.resized;
}

// The flag is looked at before each strip: a turn has all of its rows at once.
class StoppableRows final : public RowSource {
 public:
  StoppableRows(RowSource* rows, const StopFlag& stop) noexcept : rows_(*rows), stop_(stop) {}
  Result<Strip> pull(int top) override {
    if (stop_.stopped()) return std::unexpected(stop_error(stop_.reason()));
    return rows_.pull(top);
  }

 private:
  RowSource& rows_;
  const StopFlag& stop_;
};

enum class JpegBy : std::uint8_t { kOwn, kTurbo };

Result<std::unique_ptr<PixelSource>> open_pixels(const NativeJob& job, JpegBy by,
                                                 const StopFlag& stop) {
  const bool own = by == JpegBy::kOwn;
  if (job.source_type == ImageType::kJpeg)
    return own ? open_own_jpeg_pixels(job, stop) : open_jpeg_pixels(job);
  if (job.source_type == ImageType::kPng) return open_png_pixels(job);
  if (job.source_type == ImageType::kWebp) return open_webp_pixels(job, stop);
  return std::unexpected(not_native("no rows of this format"));
}

// What `use` makes of the job's rows. Everything is made anew: what an earlier try left is gone.
template <class Use>
auto use_rows_by(JpegBy by, const NativeJob& job, const StopFlag& stop, const Use& use)
    -> decltype(use(std::declval<RowSource*>())) {
  if (stop.stopped()) return std::unexpected(stop_error(stop.reason()));
  IMGRING_TRY(const std::unique_ptr<PixelSource> pixels, open_pixels(job, by, stop));
  ResizedRows resized(job, pixels.get(), stop);
  IMGRING_TRY_VOID(resized.begin());
  TurnedRows turned(job, &resized);
  RowSource* rows = &resized;
  if (job.turn.any()) rows = &turned;
  std::optional<BlurredRows> blurred;
  if (job.blur > 0) rows = &blurred.emplace(job, rows);
  std::optional<SharpenedRows> sharpened;
  if (job.sharpen > 0) rows = &sharpened.emplace(job, rows);
  FlattenedRows flattened(job, rows);
  if (job.result_bands() != job.bands) rows = &flattened;
  StandardRows standard(job, rows);
  if (job.profile != nullptr) rows = &standard;
  StoppableRows stoppable(rows, stop);
  return use(&stoppable);
}

template <class Use>
auto use_rows(const NativeJob& job, const StopFlag& stop, const Use& use) {
  IMGRING_CHECK(inside(job.across, job.loaded_width));
  IMGRING_CHECK(inside(job.down, job.loaded_height));
  IMGRING_CHECK(job.bands >= 1);
  IMGRING_CHECK(job.bands <= codec::kBandsMax);
  if (job.blur > 0 || job.sharpen > 0) IMGRING_CHECK(job.bands == 3);
  IMGRING_CHECK(job.profile == nullptr || job.bands >= 3);
  if (job.own_jpeg_decoder && job.source_type == ImageType::kJpeg) {
    auto made = use_rows_by(JpegBy::kOwn, job, stop, use);
    if (made || is_answer(made.error())) return made;
  }
  return use_rows_by(JpegBy::kTurbo, job, stop, use);
}

// Null: what is written is made of colours.
std::unique_ptr<YuvSource> planes_of(const NativeJob& job, VipsImage* header,
                                     const SaveParams& params, const StopFlag& stop) {
  const bool webp = job.source_type == ImageType::kWebp && job.result_type == ImageType::kWebp;
  if (!webp || stop.stopped() || !can_save_webp_planes(header, params)) return nullptr;
  return open_webp_planes(job, stop);
}

Result<SmallPicture> picture_of(const NativeJob& job, RowSource* rows) {
  SmallPicture picture;
  picture.width = job.result_width();
  picture.height = job.result_height();
  picture.bands = job.result_bands();
  IMGRING_TRY(picture.block,
              PixelBlock::of(picture.row_bytes() * static_cast<std::size_t>(picture.height)));
  for (int top = 0; top < picture.height;) {
    IMGRING_TRY(const Strip strip, rows->pull(top));
    for (int i = 0; i < strip.row_count; ++i) {
      std::memcpy(picture.row(top + i),
                  strip.first + static_cast<std::size_t>(i) * strip.stride_bytes,
                  picture.row_bytes());
    }
    top += strip.row_count;
  }
  return picture;
}

}  // namespace

Error no_memory_for_rows() { return Error(ErrorCode::kOverloaded, "no memory for the rows"); }
Error not_native(const char* why) { return Error(ErrorCode::kBrokenImage, why); }

bool can_save_natively(const NativeJob& job, VipsImage* header, const SaveParams& params) {
  return can_save_rows(header, job.result_type, params);
}

Result<Bytes> save_natively(const NativeJob& job, VipsImage* header, const SaveParams& params,
                            const StopFlag& stop) {
  IMGRING_CHECK(vips_image_get_width(header) == job.result_width());
  IMGRING_CHECK(vips_image_get_height(header) == job.result_height());
  IMGRING_CHECK(vips_image_get_bands(header) == job.result_bands());
  if (!can_save_natively(job, header, params))
    return std::unexpected(not_native("a result for libvips' pipeline"));
  const std::unique_ptr<YuvSource> planes = planes_of(job, header, params, stop);
  if (planes != nullptr) return save_webp_planes(header, planes.get(), params, stop);
  return use_rows(job, stop, [&](RowSource* rows) {
    return save_rows(header, job.result_type, rows, params, stop);
  });
}

Result<SmallPicture> make_natively(const NativeJob& job, const StopFlag& stop) {
  return use_rows(job, stop, [&](RowSource* rows) { return picture_of(job, rows); });
}

bool is_answer(const Error& error) noexcept {
  return error.code == ErrorCode::kTimeout || error.code == ErrorCode::kCancelled ||
         error.code == ErrorCode::kOverloaded;
}

}  // namespace imgring::image
