// The parts: pixel_source.h decodes, native_rows.h resizes, the encoders' own
// save_*_rows write.
#include "imgring/image/native.h"

#include "encoders.h"
#include "imgring/base/check.h"
#include "native_rows.h"

namespace imgring::image {
namespace {

bool inside(const codec::ResizeAxis& axis, int loaded) noexcept {
  const bool source_fits = axis.offset >= 0 && axis.size > 0 && axis.offset + axis.size <= loaded;
  return source_fits && axis.first >= 0 && axis.count > 0 &&
         axis.first + axis.count <= axis.resized;
}

Result<std::unique_ptr<PixelSource>> open_pixels(const NativeJob& job) {
  if (job.source_type == ImageType::kJpeg) return open_jpeg_pixels(job);
  if (job.source_type == ImageType::kPng) return open_png_pixels(job);
  return std::unexpected(not_native("no rows of this format"));
}

}  // namespace

Error no_memory_for_rows() { return Error(ErrorCode::kOverloaded, "no memory for the rows"); }
Error not_native(const char* why) { return Error(ErrorCode::kBrokenImage, why); }

Result<Bytes> save_natively(const NativeJob& job, VipsImage* header, const SaveParams& params,
                            const StopFlag& stop) {
  IMGRING_CHECK(inside(job.across, job.loaded_width));
  IMGRING_CHECK(inside(job.down, job.loaded_height));
  IMGRING_CHECK(job.bands >= 1);
  IMGRING_CHECK(job.bands <= codec::kBandsMax);
  IMGRING_CHECK(vips_image_get_width(header) == job.result_width());
  IMGRING_CHECK(vips_image_get_height(header) == job.result_height());
  IMGRING_CHECK(vips_image_get_bands(header) == job.result_bands());
  if (!can_save_rows(header, job.result_type, params))
    return std::unexpected(not_native("a result for libvips' pipeline"));
  if (stop.stopped()) return std::unexpected(stop_error(stop.reason()));
  IMGRING_TRY(const std::unique_ptr<PixelSource> pixels, open_pixels(job));
  ResizedRows resized(job, pixels.get(), stop);
  IMGRING_TRY_VOID(resized.begin());
  TurnedRows turned(job, &resized);
  RowSource* rows = &resized;
  if (job.turn.any()) rows = &turned;
  FlattenedRows flattened(job, rows);
  if (job.result_bands() != job.bands) rows = &flattened;
  return save_rows(header, job.result_type, rows, params, stop);
}

bool is_answer(const Error& error) noexcept {
  return error.code == ErrorCode::kTimeout || error.code == ErrorCode::kCancelled ||
         error.code == ErrorCode::kOverloaded;
}

}  // namespace imgring::image
