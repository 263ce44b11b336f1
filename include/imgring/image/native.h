// JPEG, PNG and WebP without libvips' pipeline: decoded rows through our own resize into the
// encoders of JPEG, PNG and WebP, or into a picture in memory for whatever comes behind.
// Owns everything of one call. Helper threads only.
// Promises: memory for a few rows besides what the codecs need, and for the result where it is
// turned; the smallest irregularity in the source is an error, with which the caller goes the
// libvips way.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "imgring/base/image_type.h"
#include "imgring/base/text.h"
#include "imgring/codec/blur.h"
#include "imgring/codec/matrix_profile.h"
#include "imgring/codec/resize.h"
#include "imgring/codec/sharpen.h"
#include "imgring/image/decode_scratch.h"
#include "imgring/image/encoder.h"
#include "imgring/image/small_picture.h"

namespace imgring::image {

// Pixel (x, y) of the result is pixel (x, y) of the picture, or (y, x) when transposed, counted
// from the right and from the bottom of the picture when flipped.
struct NativeTurn {
  bool transposed = false, flipped_x = false, flipped_y = false;
  bool any() const noexcept { return transposed || flipped_x || flipped_y; }
};

// A PNG is unpacked at once; one of more bytes of pixels goes the libvips way.
inline constexpr std::size_t kPngUnpackedBytesMax = std::size_t{32} << 20;
// A WebP is decoded at once, to 1.5, 3 or 4 bytes a pixel; one of more bytes goes the libvips way,
// which holds a few rows.
inline constexpr std::size_t kWebpPixelsBytesMax = std::size_t{24} << 20;

struct NativeJob {
  ByteSpan source;
  DecodeScratch* scratch = nullptr;  // null: the allocator
  // JPEGs by codec::JpegDecoder; what it does not take begins again with libjpeg-turbo.
  bool own_jpeg_decoder = false;
  ImageType source_type = ImageType::kUnknown, result_type = ImageType::kUnknown;
  int shrink = 1;                           // libjpeg's: 1, 2, 4, 8
  int loaded_width = 0, loaded_height = 0;  // rounded down; libjpeg has up to one pixel more.
                                            // WebP: the source's or less
  int bands = 3;                            // loaded: grey or RGB, with alpha when even
  codec::ResizeAxis across, down;
  bool resized = false;  // alpha is multiplied in before and out behind
  NativeTurn turn;       // behind the resize
  // Sigmas, behind the turn, in this order; RGB without alpha alone.
  double blur = 0, sharpen = 0;
  // Under what is transparent; of grey with alpha the first value alone.
  std::optional<std::array<std::uint8_t, 3>> background;
  // Whose colours these are, to be made sRGB behind everything else; null: they stay as they are.
  std::shared_ptr<const codec::MatrixProfile> profile;

  bool alpha() const noexcept { return bands % 2 == 0; }
  int result_bands() const noexcept { return alpha() && background ? bands - 1 : bands; }
  int result_width() const noexcept { return turn.transposed ? down.count : across.count; }
  int result_height() const noexcept { return turn.transposed ? across.count : down.count; }
};

// Whether the result's rows are written here. `header`: size, bands and metadata of the result,
// 8-bit; its pixels are not looked at.
bool can_save_natively(const NativeJob& job, VipsImage* header, const SaveParams& params);
// Errors: kTimeout, kCancelled and kOverloaded are answers; any other asks for the libvips way.
Result<Bytes> save_natively(const NativeJob& job, VipsImage* header, const SaveParams& params,
                            const StopFlag& stop);
// The rows in memory; of result_type nothing is asked. Errors are the same.
Result<SmallPicture> make_natively(const NativeJob& job, const StopFlag& stop);
bool is_answer(const Error& error) noexcept;

}  // namespace imgring::image
