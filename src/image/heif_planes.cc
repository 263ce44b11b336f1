// Where libheif would make colours, the decoders' planes are taken from under it; else its own.
#include "heif_planes.h"

#include <array>
#include <cstdint>
#include <memory>

#include "heif_codecs.h"
#include "heif_means.h"
#include "heif_pointers.h"
#include "heif_source.h"
#include "imgring/base/check.h"
#include "imgring/format/heif_boxes.h"
#include "imgring/image/loader.h"

namespace imgring::image {
namespace {

using NclxPtr = std::unique_ptr<heif_color_profile_nclx, Deleter<heif_nclx_color_profile_free>>;

constexpr int kBits = 8;

CodedPlane plane_of(const heif_image* image, heif_channel channel) noexcept {
  int stride = 0;
  CodedPlane plane;
  if (heif_image_has_channel(image, channel) == 0 ||
      heif_image_get_bits_per_pixel_range(image, channel) != kBits) {
    return plane;
  }
  plane.first = heif_image_get_plane_readonly(image, channel, &stride);
  plane.stride = static_cast<std::size_t>(stride);
  plane.width = heif_image_get_width(image, channel);
  plane.height = heif_image_get_height(image, channel);
  return plane;
}

// As libheif decoded it, turned and put together.
std::optional<SmallPicture> means_of_planes(ByteSpan source, int width, int height, int shrink) {
  // Chroma that is finer becomes means of it, of which means are made here.
  const HeifImagePtr image =
      decode_primary(source, {heif_colorspace_YCbCr, heif_chroma_420, std::nullopt});
  if (image == nullptr) return std::nullopt;
  CodedPicture whole;
  whole.planes = {plane_of(image.get(), heif_channel_Y), plane_of(image.get(), heif_channel_Cb),
                  plane_of(image.get(), heif_channel_Cr)};
  heif_color_profile_nclx* raw = nullptr;
  const bool said =
      went_well(heif_image_get_nclx_color_profile(image.get(), &raw)) && raw != nullptr;
  const NclxPtr nclx(raw);
  whole.matrix = said ? static_cast<int>(nclx->matrix_coefficients) : 2;
  whole.full_range = !said || nclx->full_range_flag != 0;
  format::HeifPieces one;
  one.width = static_cast<std::uint32_t>(width);
  one.height = static_cast<std::uint32_t>(height);
  MeansOfPieces means(width, height, shrink, one);
  if (!means.take(whole)) return std::nullopt;
  return means.finish();
}

}  // namespace

Result<std::optional<SmallPicture>> load_heif_smaller(ByteSpan source, int width, int height,
                                                      int shrink) {
  IMGRING_CHECK(shrink >= 2 && shrink <= kHeifShrinkMost && shrink % 2 == 0);
  const auto plain = plain_heif(source);
  if (!plain) return std::nullopt;
  if (!makes_colours()) return means_of_planes(*plain, width, height, shrink);
  const auto pieces = format::heif_pieces(*plain);
  if (!pieces || pieces->width == 0 || pieces->height == 0) return std::nullopt;
  MeansOfPieces means(width, height, shrink, *pieces);
  const auto decoded = decode_pieces(*plain, pieces->width, pieces->height, &means);
  if (decoded) return means.finish();
  if (decoded.error() == PieceError::kNotForUs) return std::nullopt;
  return fail(ErrorCode::kBrokenImage, "heif: a coded picture is larger than its header says");
}

}  // namespace imgring::image
