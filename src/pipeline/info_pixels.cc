// One small picture of the source serves all that is told of its colours; transparency is looked
// for in all of its pixels.
#include "info_pixels.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "../image/row_puller.h"
#include "imgring/base/text.h"
#include "imgring/image/encoder.h"
#include "imgring/info/colours.h"
#include "imgring/info/hashes.h"
#include "load.h"
#include "rendition.h"
#include "vips_ops.h"

namespace imgring::pipeline {
namespace {

using image::VipsImagePtr;
using info::Json;

// Pixels out of libvips: RGBA, or grey.
struct Copied {
  std::vector<std::uint8_t> bytes;
  int width = 0, height = 0;
  info::Pixels rgba() const noexcept { return {bytes, width, height}; }
};

Result<Copied> copy_pixels(VipsImage* picture, const image::StopFlag& stop) {
  Copied out;
  out.width = vips_image_get_width(picture);
  out.height = vips_image_get_height(picture);
  const auto row_bytes =
      static_cast<std::size_t>(out.width) * static_cast<std::size_t>(vips_image_get_bands(picture));
  image::RowPuller rows(picture, stop);
  for (int top = 0; top < out.height;) {
    IMGRING_TRY(const image::Strip strip, rows.pull(top));
    for (int row = 0; row < strip.row_count; ++row) {
      const std::uint8_t* line = strip.first + static_cast<std::size_t>(row) * strip.stride_bytes;
      out.bytes.insert(out.bytes.end(), line, line + row_bytes);
    }
    top += strip.row_count;
  }
  return out;
}

Result<Copied> copy_rgba(VipsImage* picture, const image::StopFlag& stop) {
  IMGRING_TRY(const VipsImagePtr rgba, vips::with_alpha(picture));
  return copy_pixels(rgba.get(), stop);
}

// The picture that all colours are told of, in memory: 8 bits, upright, sRGB, with alpha where some
// of it is not full.
Result<VipsImagePtr> base_of(const PixelsOf& source) {
  constexpr int kColours = 3;
  IMGRING_TRY(VipsImagePtr picture, finished_picture(source.job, source.shelter, source.stop));
  if (vips_image_get_interpretation(picture.get()) != VIPS_INTERPRETATION_sRGB) {
    IMGRING_TRY(picture,
                vips::call<vips_colourspace>("colours", picture.get(), VIPS_INTERPRETATION_sRGB));
  }
  IMGRING_TRY(picture, vips::cast(picture.get(), VIPS_FORMAT_UCHAR));
  // What a child says of a picture need not be true.
  const int bands = vips_image_get_bands(picture.get());
  if (bands != kColours && bands != kColours + 1) {
    return fail(ErrorCode::kBrokenImage, "colours of " + std::to_string(bands) + " bands");
  }
  IMGRING_TRY(VipsImagePtr base, image::copy_to_memory(picture.get(), source.stop));
  if (!vips::has_alpha(base.get())) return base;
  IMGRING_TRY(const Copied all, copy_pixels(base.get(), source.stop));
  if (info::any_transparent(all.rgba())) return base;
  return vips::bands(base.get(), 0, kColours);
}

// Rounded: what was cut off would leave less than full alpha.
Result<VipsImagePtr> resized_pixels(VipsImage* picture, double across, double down) {
  if (!vips::has_alpha(picture)) {
    return vips::resize(picture, across, down, VIPS_KERNEL_LANCZOS3);
  }
  IMGRING_TRY(const VipsImagePtr multiplied, vips::call<vips_premultiply>("premultiply", picture));
  IMGRING_TRY(const VipsImagePtr small,
              vips::call<vips_resize>("resize", multiplied.get(), across, "vscale", down, "kernel",
                                      VIPS_KERNEL_LANCZOS3));
  IMGRING_TRY(const VipsImagePtr divided,
              vips::call<vips_unpremultiply>("unpremultiply", small.get()));
  IMGRING_TRY(const VipsImagePtr whole, vips::call<vips_rint>("round", divided.get()));
  return vips::cast(whole.get(), VIPS_FORMAT_UCHAR);
}

// No larger than `side`, and as it is where it fits.
Result<Copied> fitted(VipsImage* base, int side, const image::StopFlag& stop) {
  const double longer = std::max(vips_image_get_width(base), vips_image_get_height(base));
  if (longer <= side) return copy_rgba(base, stop);
  // Each side on its own: at least a pixel is left of the shorter one.
  const auto scale = [&](int pixels) {
    return std::max(1.0, std::round(pixels * side / longer)) / pixels;
  };
  IMGRING_TRY(const VipsImagePtr small, resized_pixels(base, scale(vips_image_get_width(base)),
                                                       scale(vips_image_get_height(base))));
  return copy_rgba(small.get(), stop);
}

// 32 x 32 of the luma of BT.601, over white.
Result<Copied> perceptual_grey(VipsImage* base, const image::StopFlag& stop) {
  IMGRING_TRY(const VipsImagePtr flat, vips::flatten(base, {255, 255, 255}));
  const double weights[] = {0.299, 0.587, 0.114};
  const VipsImagePtr matrix(vips_image_new_matrix_from_array(3, 1, weights, 3));
  if (matrix == nullptr) return std::unexpected(image::vips_failure("matrix"));
  IMGRING_TRY(const VipsImagePtr luma, vips::call<vips_recomb>("luma", flat.get(), matrix.get()));
  IMGRING_TRY(const VipsImagePtr rounded, vips::call<vips_rint>("round", luma.get()));
  IMGRING_TRY(const VipsImagePtr grey, vips::cast(rounded.get(), VIPS_FORMAT_UCHAR));
  constexpr double kSide = info::kPerceptualSide;
  const double across = vips_image_get_width(grey.get()) / kSide;
  const double down = vips_image_get_height(grey.get()) / kSide;
  if (across < 1 || down < 1) {
    IMGRING_TRY(const VipsImagePtr fit,
                vips::resize(grey.get(), 1 / across, 1 / down, VIPS_KERNEL_LANCZOS3));
    return copy_pixels(fit.get(), stop);
  }
  // The whole kernel, without the box that a resize begins with: other implementations' way.
  IMGRING_TRY(const VipsImagePtr small, vips::call<vips_reduce>("reduce", grey.get(), across, down,
                                                                "kernel", VIPS_KERNEL_LANCZOS3));
  return copy_pixels(small.get(), stop);
}

Json rgb_json(const info::Rgba& c) {
  Json out = Json::object();
  out.set("R", Json::number(c.r));
  out.set("G", Json::number(c.g));
  out.set("B", Json::number(c.b));
  return out;
}
Json rgba_json(const info::Rgba& c) {
  Json out = rgb_json(c);
  out.set("A", Json::number(c.a));
  return out;
}

// ---- alpha

// Samples of the alpha of a strip, 8 or 16 bits each.
template <class Sample>
bool strip_is_opaque(const image::Strip& strip, int width, Sample most) noexcept {
  for (int row = 0; row < strip.row_count; ++row) {
    const auto* line = reinterpret_cast<const Sample*>(strip.first + static_cast<std::size_t>(row) *
                                                                         strip.stride_bytes);
    if (!std::all_of(line, line + width, [most](Sample v) { return v >= most; })) return false;
  }
  return true;
}

Result<bool> has_transparency(VipsImage* picture, const image::StopFlag& stop) {
  IMGRING_TRY(VipsImagePtr alpha, vips::bands(picture, vips_image_get_bands(picture) - 1, 1));
  const bool wide = vips_image_get_format(picture) == VIPS_FORMAT_USHORT;
  if (!wide) {
    IMGRING_TRY(alpha, vips::cast(alpha.get(), VIPS_FORMAT_UCHAR));
  }
  const int width = vips_image_get_width(alpha.get()), height = vips_image_get_height(alpha.get());
  image::RowPuller rows(alpha.get(), stop);
  for (int top = 0; top < height;) {
    IMGRING_TRY(const image::Strip strip, rows.pull(top));
    const bool opaque = wide ? strip_is_opaque<std::uint16_t>(strip, width, 65535)
                             : strip_is_opaque<std::uint8_t>(strip, width, 255);
    if (!opaque) return true;
    top += strip.row_count;
  }
  return false;
}

// Of all pixels; a vector's of those that are drawn.
Result<bool> is_transparent(const PixelsOf& source, VipsImage* base) {
  if (source.image == nullptr) return vips::has_alpha(base);
  const LoadRequest request = load_request_of(source.job, source.shelter, source.stop);
  IMGRING_TRY(const VipsImagePtr whole, load_whole(request));
  return has_transparency(whole.get(), source.stop);
}

// ---- crop

struct CropPlace {
  double left = 0, top = 0, width = 1, height = 1;  // parts of the source's sides
};

Result<CropPlace> crop_place(const PixelsOf& source, VipsImage* base) {
  url::PixelOptions options;
  options.crop = source.wanted.crop;
  const Geometry g = compute_geometry(source.facts, options, 0);
  const Size whole{g.source_width, g.source_height};
  const Size cut{std::min(g.crop_width, whole.width), std::min(g.crop_height, whole.height)};
  CropPlace out;
  out.width = static_cast<double>(cut.width) / whole.width;
  out.height = static_cast<double>(cut.height) / whole.height;
  url::Gravity gravity = options.crop.gravity;
  if (gravity.type == url::GravityType::kUnset) gravity = {};
  if (gravity.type != url::GravityType::kSmart) {
    const Position at = position_of({whole.width, whole.height, cut.width, cut.height}, gravity);
    out.left = static_cast<double>(at.left) / whole.width;
    out.top = static_cast<double>(at.top) / whole.height;
    return out;
  }
  const Size small = vips::size_of(base);
  const auto side = [](int pixels, double part) { return std::max(1, round_away(pixels * part)); };
  IMGRING_TRY(const VipsImagePtr found,
              vips::call<vips_smartcrop>("smartcrop", base, side(small.width, out.width),
                                         side(small.height, out.height)));
  const auto part = [](int offset, int pixels, double most) {
    return std::clamp(static_cast<double>(-offset) / pixels, 0.0, most);
  };
  out.left = part(vips_image_get_xoffset(found.get()), small.width, 1 - out.width);
  out.top = part(vips_image_get_yoffset(found.get()), small.height, 1 - out.height);
  return out;
}

Json crop_json(const CropPlace& place) {
  Json out = Json::object();
  out.set("left", Json::real(place.left));
  out.set("top", Json::real(place.top));
  out.set("width", Json::real(place.width));
  out.set("height", Json::real(place.height));
  return out;
}

// ---- colours

Result<void> tell_palette(const PixelsOf& source, VipsImage* base, Json* out) {
  constexpr int kSide = 256;
  if (source.wanted.palette > 0) {
    IMGRING_TRY(const Copied small, fitted(base, kSide, source.stop));
    Json colors = Json::array();
    for (const info::Counted& one : info::quantise(small.rgba(), source.wanted.palette)) {
      colors.add(rgba_json(one.color));
    }
    out->set("palette", std::move(colors));
  }
  if (source.wanted.average) {
    IMGRING_TRY(const Copied all, copy_rgba(base, source.stop));
    const info::Rgba mean = info::average(all.rgba(), source.wanted.average_ignore_transparent);
    out->set("average", rgba_json(mean));
  }
  if (!source.wanted.dominant_colors) return {};
  constexpr int kDominantSide = 112;
  IMGRING_TRY(const Copied small, fitted(base, kDominantSide, source.stop));
  const auto found = info::dominant_colors(small.rgba(), source.wanted.build_missed);
  Json colors = Json::object();
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i]) colors.set(info::kDominantNames[i], rgb_json(*found[i]));
  }
  out->set("dominant_colors", std::move(colors));
  return {};
}

std::string hex_text(std::uint64_t value) {
  std::uint8_t bytes[8];
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return hex_encode(bytes);
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

Result<void> tell_hashes(const PixelsOf& source, VipsImage* base, Json* out) {
  const url::InfoOptions& wanted = source.wanted;
  if (wanted.wants_blurhash() || wanted.thumb_hash) {
    IMGRING_TRY(const Copied small, fitted(base, info::kThumbHashSideMax, source.stop));
    if (wanted.wants_blurhash()) {
      out->set("blurhash",
               Json::text(info::blurhash(small.rgba(), {wanted.blurhash_x, wanted.blurhash_y})));
    }
    if (wanted.thumb_hash) {
      out->set("thumb_hash", Json::text(upper(hex_encode(info::thumb_hash(small.rgba())))));
    }
  }
  if (wanted.perceptual_hash) {
    IMGRING_TRY(const Copied grey, perceptual_grey(base, source.stop));
    out->set("perceptual_hash", Json::text(hex_text(info::perceptual_hash(grey.bytes))));
  }
  return {};
}

}  // namespace

Result<void> tell_pixels(const PixelsOf& source, Json* out) {
  const url::InfoOptions& wanted = source.wanted;
  const bool alpha = source.image == nullptr ? source.facts.alpha : vips::has_alpha(source.image);
  const bool transparency = wanted.alpha && wanted.check_transparency && alpha;
  const bool smart = wanted.wants_crop() && wanted.crop.gravity.type == url::GravityType::kSmart;
  VipsImagePtr base;
  if (wanted.wants_colours() || smart || (transparency && source.image == nullptr)) {
    IMGRING_TRY(base, base_of(source));
  }
  if (wanted.alpha) out->set("alpha", Json::boolean(alpha));
  if (wanted.alpha && wanted.check_transparency) {
    bool found = false;
    if (transparency) {
      IMGRING_TRY(found, is_transparent(source, base.get()));
    }
    out->set("transparency", Json::boolean(found));
  }
  if (wanted.wants_crop()) {
    IMGRING_TRY(const CropPlace place, crop_place(source, base.get()));
    out->set("crop", crop_json(place));
  }
  if (!wanted.wants_colours()) return {};
  IMGRING_TRY_VOID(tell_palette(source, base.get(), out));
  return tell_hashes(source, base.get(), out);
}

}  // namespace imgring::pipeline
