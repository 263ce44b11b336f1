// save(): picks the encoder of a format.
#include "imgring/image/encoder.h"

#include <array>

#include "encoders.h"
#include "exif_block.h"
#include "imgring/base/byte_reader.h"
#include "imgring/format/headers.h"
#include "imgring/image/colour.h"
#include "imgring/image/shelter.h"
#include "imgring/mem/loop_thread.h"
#include "library_threads.h"
#include "operation.h"

namespace imgring::image {
namespace {

using Save = Result<Bytes> (*)(VipsImage*, const SaveParams&, const StopFlag&);

Result<Bytes> jpeg(VipsImage* image, const SaveParams& params, const StopFlag& stop) {
  if (can_pull_jpeg(image)) return save_jpeg(image, params, stop);
  return save_by_vips(image, ImageType::kJpeg, params, stop);
}
Result<Bytes> png(VipsImage* image, const SaveParams& params, const StopFlag& stop) {
  if (can_pull_png(image, params)) return save_png(image, params, PngFilters::kAll, stop);
  IMGRING_TRY(const VipsImagePtr ready, ready_for_png(image));
  return save_by_vips(ready.get(), ImageType::kPng, params, stop);
}
Result<Bytes> webp(VipsImage* image, const SaveParams& params, const StopFlag& stop) {
  if (can_pull_webp(image)) return save_webp(image, params, stop);
  return save_by_vips(image, ImageType::kWebp, params, stop);
}
Result<Bytes> bmp(VipsImage* image, const SaveParams&, const StopFlag& stop) {
  return save_bmp(image, stop);
}
Result<Bytes> ico(VipsImage* image, const SaveParams&, const StopFlag& stop) {
  return save_ico(image, stop);
}

struct Saver {
  ImageType type;
  Save save;  // null: save_by_vips
};
constexpr std::array kSavers = {
    Saver{ImageType::kJpeg, jpeg},    Saver{ImageType::kJxl, nullptr},  Saver{ImageType::kPng, png},
    Saver{ImageType::kWebp, webp},    Saver{ImageType::kGif, nullptr},  Saver{ImageType::kIco, ico},
    Saver{ImageType::kHeic, nullptr}, Saver{ImageType::kAvif, nullptr}, Saver{ImageType::kBmp, bmp},
    Saver{ImageType::kTiff, nullptr},
};

const Saver* saver_of(ImageType type) noexcept {
  for (const Saver& saver : kSavers) {
    if (saver.type == type) return &saver;
  }
  return nullptr;
}

}  // namespace

bool has_own_saver(ImageType type) noexcept {
  const Saver* saver = saver_of(type);
  return saver != nullptr && saver->save != nullptr;
}

bool has_saver(ImageType type) noexcept {
  return saver_of(type) != nullptr && (has_own_saver(type) || vips_has_saver(type));
}

namespace {

// Where an encoder of HEIC or AVIF runs out of memory, libheif writes a file without a picture and
// calls it good.
bool holds_picture(ByteSpan file, ImageType type) {
  if (type != ImageType::kHeic && type != ImageType::kAvif) return true;
  return format::facts_of_header(file, type, 1).has_value();
}

}  // namespace

Result<Bytes> save(VipsImage* image, ImageType type, const SaveParams& params,
                   const StopFlag& stop) {
  IMGRING_CHECK_OFF_LOOP();
  const Saver* saver = saver_of(type);
  if (!has_saver(type)) {
    return fail(ErrorCode::kResultUnsupported, "no saver for this format");
  }
  const bool here = params.shelter == nullptr || !params.shelter->saves(type);
  if (here) IMGRING_TRY_VOID(expect_threads(threads_to_save(type)));
  auto saved = saver->save != nullptr ? saver->save(image, params, stop)
                                      : save_by_vips(image, type, params, stop);
  if (saved && (saved->empty() || !holds_picture(saved->span(), type))) {
    return fail(ErrorCode::kOverloaded, "no memory for the encoded picture");
  }
  return saved;
}

bool can_save_rows(VipsImage* header, ImageType type, const SaveParams& params) noexcept {
  if (type == ImageType::kJpeg) return can_pull_jpeg(header);
  // Grey becomes RGB there.
  if (type == ImageType::kWebp) return can_pull_webp(header) && vips_image_get_bands(header) >= 3;
  return type == ImageType::kPng && can_save_png_rows(header, params);
}

Result<Bytes> save_rows(VipsImage* header, ImageType type, RowSource* rows,
                        const SaveParams& params, const StopFlag& stop) {
  if (type == ImageType::kJpeg) return save_jpeg_rows(header, rows, params);
  if (type == ImageType::kWebp) return save_webp_rows(header, rows, params, stop);
  return save_png_rows(header, rows, params);
}

bool is_plain_still(VipsImage* image) noexcept {
  const VipsInterpretation type = vips_image_get_interpretation(image);
  const int bands = vips_image_get_bands(image);
  if (vips_image_get_coding(image) != VIPS_CODING_NONE) return false;
  if (vips_image_get_format(image) != VIPS_FORMAT_UCHAR || !has_plain_exif(image)) return false;
  if (vips_image_get_page_height(image) != vips_image_get_height(image)) return false;
  if (type == VIPS_INTERPRETATION_B_W) return bands == 1 || bands == 2;
  return type == VIPS_INTERPRETATION_sRGB && (bands == 3 || bands == 4);
}

ByteSpan blob_of(VipsImage* image, const char* field) noexcept {
  const void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_get_typeof(image, field) == 0) return {};
  if (vips_image_get_blob(image, field, &data, &size) != 0) return {};
  return {static_cast<const std::uint8_t*>(data), size};
}

ByteSpan fitting_profile(VipsImage* image) noexcept {
  const ByteSpan profile = blob_of(image, VIPS_META_ICC_NAME);
  if (profile.empty()) return {};
  return vips_icc_is_compatible_profile(image, profile.data(), profile.size()) ? profile
                                                                               : ByteSpan{};
}

ByteSpan png_profile(VipsImage* image) noexcept {
  constexpr std::size_t kLeastBytes = 132, kVersionAt = 8;
  constexpr std::uint8_t kVersionInWords = 4;  // from it on the length is a multiple of 4
  const ByteSpan profile = fitting_profile(image);
  if (profile.size() < kLeastBytes || read_be(profile, 0, 4) != profile.size()) return {};
  const bool whole = profile[kVersionAt] < kVersionInWords || profile.size() % 4 == 0;
  return whole ? profile : ByteSpan{};
}

Result<VipsImagePtr> ready_for_png(VipsImage* image) {
  if (png_profile(image).empty() && !blob_of(image, VIPS_META_ICC_NAME).empty()) {
    return without_profile(image);
  }
  g_object_ref(image);
  return VipsImagePtr(image);
}

int palette_depth(VipsImage* image) noexcept {
  int depth = 0;
  // libvips before 8.15 marks palettes by their depth alone, later ones by `palette`.
  if (vips_image_get_typeof(image, "palette-bit-depth") == G_TYPE_INT &&
      vips_image_get_int(image, "palette-bit-depth", &depth) == 0) {
    return depth;
  }
  int palette = 0;
  if (vips_image_get_typeof(image, "palette") != G_TYPE_INT ||
      vips_image_get_int(image, "palette", &palette) != 0 || palette == 0) {
    return 0;
  }
  if (vips_image_get_typeof(image, "bits-per-sample") == G_TYPE_INT &&
      vips_image_get_int(image, "bits-per-sample", &depth) == 0) {
    return depth;
  }
  return 8;
}

Result<VipsImagePtr> to_8bit_rgb(VipsImage* image, bool keep_alpha) {
  VipsImagePtr work;
  if (vips_image_get_interpretation(image) == VIPS_INTERPRETATION_CMYK) {
    IMGRING_TRY(work, Operation("icc_transform")
                          .set("in", image)
                          .set("output_profile", "sRGB")
                          .set("embedded", 1)
                          .set("input_profile", "cmyk")
                          .image());
  } else {
    IMGRING_TRY(work, Operation("colourspace")
                          .set("in", image)
                          .set("space", static_cast<int>(VIPS_INTERPRETATION_sRGB))
                          .image());
  }
  IMGRING_TRY(VipsImagePtr narrow, Operation("cast")
                                       .set("in", work.get())
                                       .set("format", static_cast<int>(VIPS_FORMAT_UCHAR))
                                       .image());
  const int bands = vips_image_get_bands(narrow.get());
  const int wanted = keep_alpha && bands >= 4 ? 4 : 3;
  if (bands == wanted) return narrow;
  return Operation("extract_band").set("in", narrow.get()).set("band", 0).set("n", wanted).image();
}

}  // namespace imgring::image
