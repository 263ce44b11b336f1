// Where libheif would make colours, the decoders' planes are taken from under it; else its own.
#include "heif_planes.h"

#include <array>
#include <cstdint>
#include <memory>

#include "heif_codecs.h"
#include "heif_means.h"
#include "heif_pointers.h"
#include "heif_reduced.h"
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

using Picture = std::optional<SmallPicture>;

// As libheif decoded it, turned and put together.
template <class Taker>
bool take_whole(ByteSpan source, Taker* taker) {
  // Chroma that is finer becomes means of it, of which means are made here.
  const HeifImagePtr image =
      decode_primary(source, {heif_colorspace_YCbCr, heif_chroma_420, std::nullopt});
  if (image == nullptr) return false;
  CodedPicture whole;
  whole.planes = {plane_of(image.get(), heif_channel_Y), plane_of(image.get(), heif_channel_Cb),
                  plane_of(image.get(), heif_channel_Cr)};
  heif_color_profile_nclx* raw = nullptr;
  const bool said =
      went_well(heif_image_get_nclx_color_profile(image.get(), &raw)) && raw != nullptr;
  const NclxPtr nclx(raw);
  whole.matrix = said ? static_cast<int>(nclx->matrix_coefficients) : 2;
  whole.full_range = !said || nclx->full_range_flag != 0;
  return taker->take(whole);
}

// Whatever comes of the file's coded pictures.
template <class Taker>
Result<Picture> made_by(Taker* taker, ByteSpan source, const format::HeifPieces& pieces) {
  if (!makes_colours()) {
    if (!take_whole(source, taker)) return std::nullopt;
    return taker->finish();
  }
  const auto decoded = decode_pieces(source, pieces.width, pieces.height, taker);
  if (decoded) return taker->finish();
  if (decoded.error() == PieceError::kNotForUs) return std::nullopt;
  return fail(ErrorCode::kBrokenImage, "heif: a coded picture is larger than its header says");
}

std::optional<format::HeifPieces> pieces_of(ByteSpan source, int width, int height) {
  if (makes_colours()) return format::heif_pieces(source);
  format::HeifPieces one;
  one.width = static_cast<std::uint32_t>(width);
  one.height = static_cast<std::uint32_t>(height);
  return one;
}

}  // namespace

Result<Picture> load_heif_smaller(ByteSpan source, int width, int height, int shrink,
                                  const Reduced& wanted, const StopFlag& stop) {
  IMGRING_CHECK(shrink == 1 || (shrink <= kHeifShrinkMost && shrink % 2 == 0));
  const auto plain = plain_heif(source);
  if (!plain) return std::nullopt;
  const auto pieces = pieces_of(*plain, width, height);
  if (!pieces || pieces->width == 0 || pieces->height == 0) return std::nullopt;
  if (wanted.any()) {
    const bool of_this = wanted.from_width == width && wanted.from_height == height;
    if (!of_this || !reducible(wanted, shrink)) return std::nullopt;
  }
  if (shrink == 1) {
    if (!wanted.any()) return std::nullopt;
    PlanesOfPieces planes(width, height, wanted, *pieces, stop);
    return made_by(&planes, *plain, *pieces);
  }
  MeansOfPieces means(width, height, shrink, *pieces);
  IMGRING_TRY(Picture small, made_by(&means, *plain, *pieces));
  if (!small || !wanted.any()) return small;
  return reduced(*small, wanted, shrink, stop);
}

}  // namespace imgring::image
