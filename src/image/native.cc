// The parts: pixel_source.h decodes, native_rows.h resizes, the encoders' own save_*_rows write.
// A JPEG that our decoder gives up begins again with libjpeg-turbo, also behind some of its rows:
// the result is then that of libjpeg-turbo alone.
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

enum class JpegBy : std::uint8_t { kOwn, kTurbo };

Result<std::unique_ptr<PixelSource>> open_pixels(const NativeJob& job, JpegBy by,
                                                 const StopFlag& stop) {
  const bool own = by == JpegBy::kOwn;
  if (job.source_type == ImageType::kJpeg)
    return own ? open_own_jpeg_pixels(job, stop) : open_jpeg_pixels(job);
  if (job.source_type == ImageType::kPng) return open_png_pixels(job);
  return std::unexpected(not_native("no rows of this format"));
}

struct Saving {
  const NativeJob& job;
  VipsImage* header;
  const SaveParams& params;
  const StopFlag& stop;
};

// Everything is made anew: what an earlier try left is gone with it.
Result<Bytes> save_by(JpegBy by, const Saving& s) {
  if (s.stop.stopped()) return std::unexpected(stop_error(s.stop.reason()));
  IMGRING_TRY(const std::unique_ptr<PixelSource> pixels, open_pixels(s.job, by, s.stop));
  ResizedRows resized(s.job, pixels.get(), s.stop);
  IMGRING_TRY_VOID(resized.begin());
  TurnedRows turned(s.job, &resized);
  RowSource* rows = &resized;
  if (s.job.turn.any()) rows = &turned;
  FlattenedRows flattened(s.job, rows);
  if (s.job.result_bands() != s.job.bands) rows = &flattened;
  return save_rows(s.header, s.job.result_type, rows, s.params, s.stop);
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
  const Saving saving{job, header, params, stop};
  if (job.own_jpeg_decoder && job.source_type == ImageType::kJpeg) {
    Result<Bytes> saved = save_by(JpegBy::kOwn, saving);
    if (saved || is_answer(saved.error())) return saved;
  }
  return save_by(JpegBy::kTurbo, saving);
}

bool is_answer(const Error& error) noexcept {
  return error.code == ErrorCode::kTimeout || error.code == ErrorCode::kCancelled ||
         error.code == ErrorCode::kOverloaded;
}

}  // namespace imgring::image
