// Colour steps (processing.md 8). Functions from an image to an image; the two private fields below
// carry the source's profile and the "imported" mark through all operations between.
#include "imgring/image/colour.h"

#include <cstring>

#include "encoders.h"
#include "imgring/base/text.h"
#include "operation.h"
#include "profile.h"

namespace imgring::image {
namespace {

constexpr const char* kBackupField = "imgring-icc-profile";
constexpr const char* kImportedField = "imgring-icc-imported";
constexpr std::size_t kIccHeaderBytes = 128;
constexpr double kUcharAlphaMax = 255.0, kUshortAlphaMax = 65535.0;

// Empty when there is no profile or it is shorter than its header.
ByteSpan profile_of(VipsImage* image) noexcept {
  const ByteSpan profile = blob_of(image, VIPS_META_ICC_NAME);
  return profile.size() < kIccHeaderBytes ? ByteSpan{} : profile;
}
bool has_profile(VipsImage* image) noexcept {
  return vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0;
}
bool profile_changes_nothing(VipsImage* image) noexcept {
  return vips_image_guess_interpretation(image) == VIPS_INTERPRETATION_sRGB &&
         has_standard_srgb_profile(image);
}
int pcs_of(VipsImage* image) noexcept {
  const ByteSpan profile = profile_of(image);
  if (profile.empty()) return VIPS_PCS_LAB;
  return std::memcmp(profile.data() + 20, "XYZ ", 4) == 0 ? VIPS_PCS_XYZ : VIPS_PCS_LAB;
}

// An image of our own to change fields of.
Result<VipsImagePtr> copy(VipsImage* image) { return Operation("copy").set("in", image).image(); }
// The image itself, where there is nothing to do: a copy is an operation of some 20 us.
VipsImagePtr same(VipsImage* image) noexcept {
  g_object_ref(image);
  return VipsImagePtr(image);
}
Result<VipsImagePtr> cast(VipsImage* image, VipsBandFormat format) {
  return Operation("cast").set("in", image).set("format", static_cast<int>(format)).image();
}
Result<VipsImagePtr> extract_bands(VipsImage* image, int first, int count) {
  return Operation("extract_band").set("in", image).set("band", first).set("n", count).image();
}
Result<VipsImagePtr> multiply(VipsImage* image, double factor) {
  VipsImage* out = nullptr;
  if (vips_linear1(image, &out, factor, 0.0, nullptr) != 0) {
    return std::unexpected(vips_failure("linear"));
  }
  return VipsImagePtr(out);
}
Result<VipsImagePtr> join_bands(VipsImage* first, VipsImage* second) {
  VipsImage* out = nullptr;
  if (vips_bandjoin2(first, second, &out, nullptr) != 0) {
    return std::unexpected(vips_failure("bandjoin"));
  }
  return VipsImagePtr(out);
}

constexpr const char* kProfileFields[] = {VIPS_META_ICC_NAME, kBackupField, "exif-ifd0-WhitePoint",
                                          "exif-ifd0-PrimaryChromaticities",
                                          "exif-ifd2-ColorSpace"};

void remove_profile_fields(VipsImage* image) noexcept {
  for (const char* field : kProfileFields) vips_image_remove(image, field);
}

// Without one there is nothing to back up, to export or to remove.
bool has_any_profile_field(VipsImage* image) noexcept {
  if (profile_imported(image)) return true;
  for (const char* field : kProfileFields) {
    if (vips_image_get_typeof(image, field) != 0) return true;
  }
  return false;
}

// libvips loses the profile in some conversions: what the source said is kept under another name.
void back_up_profile(VipsImage* image) noexcept {
  const ByteSpan profile = profile_of(image);
  if (profile.empty()) return;
  vips_image_remove(image, kBackupField);
  vips_image_set_blob_copy(image, kBackupField, profile.data(), profile.size());
}
void restore_profile(VipsImage* image) noexcept {
  if (has_profile(image)) return;
  const ByteSpan backup = blob_of(image, kBackupField);
  if (backup.size() < kIccHeaderBytes) return;
  vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, backup.data(), backup.size());
}

// Where inks become RGB libvips leaves the profile it took of its own: it says nothing of RGB.
Result<VipsImagePtr> without_icc_field(VipsImagePtr image) {
  if (!has_profile(image.get())) return image;
  IMGRING_TRY(VipsImagePtr own, copy(image.get()));
  vips_image_remove(own.get(), VIPS_META_ICC_NAME);
  return own;
}

bool importable(VipsImage* image) noexcept {
  const VipsBandFormat format = vips_image_get_format(image);
  return !profile_imported(image) && vips_image_get_coding(image) == VIPS_CODING_NONE &&
         (format == VIPS_FORMAT_UCHAR || format == VIPS_FORMAT_USHORT) && has_profile(image) &&
         !profile_changes_nothing(image);
}

// Colour bands of a 16-bit image with alpha: vips_icc_import takes its alpha for 0..255.
int colour_bands_before_wide_alpha(VipsImage* image) noexcept {
  const VipsInterpretation type = vips_image_get_interpretation(image);
  const int bands = vips_image_get_bands(image);
  if (type == VIPS_INTERPRETATION_RGB16 && bands > 3) return 3;
  if (type == VIPS_INTERPRETATION_GREY16 && bands > 1) return 1;
  return 0;
}

// libvips leaves a field that points into the operation, which ends before the picture does: the
// field gets a copy.
void own_profile_field(VipsImage* image) noexcept {
  const ByteSpan profile = blob_of(image, VIPS_META_ICC_NAME);
  if (!profile.empty()) {
    vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, profile.data(), profile.size());
  }
}

// Where the source's profile is no use libvips takes one of its own.
Result<VipsImagePtr> icc_import(VipsImage* image) {
  IMGRING_TRY(VipsImagePtr out, Operation("icc_import")
                                    .set("in", image)
                                    .set("embedded", 1)
                                    .set("pcs", pcs_of(image))
                                    .image());
  own_profile_field(out.get());
  return out;
}

// The image itself when there is nothing to import.
Result<VipsImagePtr> import_profile(VipsImage* image) {
  if (!importable(image)) return same(image);
  const int colours = colour_bands_before_wide_alpha(image);
  if (colours == 0) {
    IMGRING_TRY(VipsImagePtr imported, icc_import(image));
    vips_image_set_int(imported.get(), kImportedField, 1);
    return imported;
  }
  IMGRING_TRY(VipsImagePtr colour, extract_bands(image, 0, colours));
  IMGRING_TRY(VipsImagePtr alpha, extract_bands(image, colours, 1));
  IMGRING_TRY(VipsImagePtr imported, icc_import(colour.get()));
  IMGRING_TRY(VipsImagePtr wide, cast(alpha.get(), vips_image_get_format(imported.get())));
  IMGRING_TRY(VipsImagePtr narrow, multiply(wide.get(), 1.0 / kUcharAlphaMax));
  IMGRING_TRY(VipsImagePtr joined, join_bands(imported.get(), narrow.get()));
  vips_image_set_int(joined.get(), kImportedField, 1);
  return joined;
}

Result<VipsImagePtr> export_profile(VipsImage* image) {
  if (!has_profile(image) || profile_changes_nothing(image)) return same(image);
  return Operation("icc_export")
      .set("in", image)
      .set("pcs", pcs_of(image))
      .set("depth", pixel_depth(image))
      .image();
}

// Of RGB whose channels are the same, with its alpha.
Result<VipsImagePtr> grey_of(VipsImage* rgb, VipsInterpretation grey) {
  IMGRING_TRY(VipsImagePtr out, extract_bands(rgb, 0, 1));
  if (vips_image_hasalpha(rgb) != 0) {
    IMGRING_TRY(const VipsImagePtr alpha, extract_bands(rgb, 3, 1));
    IMGRING_TRY(out, join_bands(out.get(), alpha.get()));
  }
  return Operation("copy")
      .set("in", out.get())
      .set("interpretation", static_cast<int>(grey))
      .image();
}

// Greys become sRGB and grey again: libvips before 8.15 has no standard profile of greys.
Result<VipsImagePtr> transform_to_standard(VipsImage* image) {
  const bool none = !has_profile(image) || !profile_fits(image);
  if (none || profile_changes_nothing(image)) return same(image);
  const VipsInterpretation type = vips_image_get_interpretation(image);
  const bool grey = type == VIPS_INTERPRETATION_B_W || type == VIPS_INTERPRETATION_GREY16;
  IMGRING_TRY(VipsImagePtr out, Operation("icc_transform")
                                    .set("in", image)
                                    .set("output_profile", "sRGB")
                                    .set("embedded", 1)
                                    .set("pcs", pcs_of(image))
                                    .set("depth", pixel_depth(image))
                                    .image());
  return grey ? grey_of(out.get(), type) : std::move(out);
}

// A failing profile is no reason to refuse the picture: it goes on as it was (imgproxy warns). Not
// where nothing is wrong with it but that memory is short.
Result<VipsImagePtr> or_as_it_was(Result<VipsImagePtr> tried, VipsImage* before) {
  if (tried || tried.error().code == ErrorCode::kOverloaded) return tried;
  drop_vips_error();
  return same(before);
}

VipsInterpretation processing_interpretation(VipsInterpretation guessed, bool keep_hdr) noexcept {
  if (guessed == VIPS_INTERPRETATION_RGB || guessed == VIPS_INTERPRETATION_sRGB ||
      guessed == VIPS_INTERPRETATION_B_W) {
    return guessed;
  }
  if (guessed == VIPS_INTERPRETATION_GREY16) {
    return keep_hdr ? guessed : VIPS_INTERPRETATION_B_W;
  }
  if (guessed == VIPS_INTERPRETATION_CMYK) return VIPS_INTERPRETATION_sRGB;
  return keep_hdr ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
}

bool processed_in_own_space(VipsInterpretation guessed) noexcept {
  for (const VipsInterpretation known :
       {VIPS_INTERPRETATION_RGB, VIPS_INTERPRETATION_sRGB, VIPS_INTERPRETATION_RGB16,
        VIPS_INTERPRETATION_scRGB, VIPS_INTERPRETATION_GREY16, VIPS_INTERPRETATION_B_W}) {
    if (guessed == known) return true;
  }
  return false;
}

// Before a conversion out of the picture's own profile: without one where its colours are sRGB.
Result<VipsImagePtr> with_own_profile(VipsImage* image) {
  IMGRING_TRY(VipsImagePtr own, copy(image));
  if (!profile_imported(image)) restore_profile(own.get());
  const bool useless =
      profile_imported(image) || !profile_fits(own.get()) || profile_changes_nothing(own.get());
  if (useless) vips_image_remove(own.get(), VIPS_META_ICC_NAME);
  return own;
}

Result<VipsImagePtr> over_white(VipsImage* image) {
  const double white = pixel_depth(image) == 16 ? kUshortAlphaMax : kUcharAlphaMax;
  VipsArrayDouble* background = vips_array_double_newv(1, white);
  auto flat = Operation("flatten")
                  .set("in", image)
                  .set("background", background)
                  .set("max_alpha", white)
                  .image();
  vips_area_unref(reinterpret_cast<VipsArea*>(background));
  return flat;
}

bool is_grey(VipsImage* image) noexcept {
  const VipsInterpretation type = vips_image_get_interpretation(image);
  return type == VIPS_INTERPRETATION_B_W || type == VIPS_INTERPRETATION_GREY16;
}

// Of pixels that are in it already.
Result<VipsImagePtr> with_named_profile(VipsImage* image, const ColourProfile& profile) {
  IMGRING_TRY(VipsImagePtr own, copy(image));
  VipsBlob* blob = nullptr;
  if (vips_profile_load(profile.file.c_str(), &blob, nullptr) != 0 || blob == nullptr) {
    return std::unexpected(vips_failure("profile"));
  }
  std::size_t size = 0;
  const void* bytes = vips_blob_get(blob, &size);
  vips_image_set_blob_copy(own.get(), VIPS_META_ICC_NAME, bytes, size);
  vips_area_unref(reinterpret_cast<VipsArea*>(blob));
  return own;
}

// Colour bands alone, with the profile. In one go: through a connection space in between colours
// were up to 32 levels off.
Result<VipsImagePtr> converted(VipsImage* colour, const ColourProfile& target) {
  VipsImagePtr work = same(colour);
  if (is_grey(colour) && !has_profile(colour)) {
    const bool wide = pixel_depth(colour) == 16;
    IMGRING_TRY(work, to_interpretation(
                          colour, wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB));
  }
  if (target.standard_srgb && !has_profile(work.get())) {
    return with_named_profile(work.get(), target);
  }
  IMGRING_TRY(VipsImagePtr out, Operation("icc_transform")
                                    .set("in", work.get())
                                    .set("output_profile", target.file.c_str())
                                    .set("embedded", has_profile(work.get()) ? 1 : 0)
                                    .set("input_profile", "srgb")
                                    .set("depth", target.cmyk ? 8 : pixel_depth(work.get()))
                                    .image());
  own_profile_field(out.get());
  return out;
}

// libvips before 8.15 takes linear alpha as 0..255 but loads it as 0..1.
Result<VipsImagePtr> widen_linear_alpha(VipsImage* image) {
  if (vips_version(0) > 8 || (vips_version(0) == 8 && vips_version(1) >= 15)) return same(image);
  const int bands = vips_image_get_bands(image);
  IMGRING_TRY(VipsImagePtr colour, extract_bands(image, 0, 3));
  IMGRING_TRY(VipsImagePtr alpha, extract_bands(image, 3, bands - 3));
  IMGRING_TRY(VipsImagePtr wide, multiply(alpha.get(), kUcharAlphaMax));
  IMGRING_TRY(VipsImagePtr same, cast(wide.get(), vips_image_get_format(image)));
  return join_bands(colour.get(), same.get());
}

// libvips calls linear grey floats B_W or GREY16: as scRGB they get their gamma.
Result<VipsImagePtr> linear_grey_to_grey16(VipsImage* image) {
  const int bands = vips_image_get_bands(image);
  IMGRING_TRY(VipsImagePtr grey, extract_bands(image, 0, 1));
  VipsImage* three[3] = {grey.get(), grey.get(), grey.get()};
  VipsImage* rgb = nullptr;
  if (vips_bandjoin(three, &rgb, 3, nullptr) != 0) return std::unexpected(vips_failure("bandjoin"));
  const VipsImagePtr joined(rgb);
  IMGRING_TRY(VipsImagePtr out,
              Operation("colourspace")
                  .set("in", joined.get())
                  .set("space", static_cast<int>(VIPS_INTERPRETATION_GREY16))
                  .set("source_space", static_cast<int>(VIPS_INTERPRETATION_scRGB))
                  .image());
  if (bands > 1) {
    IMGRING_TRY(VipsImagePtr alpha, extract_bands(image, 1, bands - 1));
    IMGRING_TRY(VipsImagePtr wide, multiply(alpha.get(), kUshortAlphaMax));
    IMGRING_TRY(VipsImagePtr ushort_alpha, cast(wide.get(), VIPS_FORMAT_USHORT));
    IMGRING_TRY(VipsImagePtr with_alpha, join_bands(out.get(), ushort_alpha.get()));
    out = std::move(with_alpha);
  }
  IMGRING_TRY(VipsImagePtr result, copy(out.get()));
  remove_profile_fields(result.get());
  return result;
}

}  // namespace

bool has_standard_srgb_profile(VipsImage* image) noexcept {
  struct Mark {
    std::size_t offset;
    std::string_view bytes;
  };
  using namespace std::string_view_literals;
  constexpr Mark kMarks[] = {
      {8, "\x02\x10\0\0"sv}, {16, "RGB "sv}, {24, "\x07\xce\0\x02\0\x09"sv},  // 1998-02-09
      {48, "IEC "sv},        {52, "sRGB"sv}, {80, "HP  "sv}};
  const ByteSpan profile = profile_of(image);
  if (profile.empty()) return false;
  for (const Mark& mark : kMarks) {
    if (as_text(profile).substr(mark.offset, mark.bytes.size()) != mark.bytes) return false;
  }
  return true;
}

std::shared_ptr<const codec::MatrixProfile> matrix_profile_of(VipsImage* image) {
  return codec::MatrixProfile::parse(profile_of(image));
}

Result<VipsImagePtr> without_profile(VipsImage* image) {
  IMGRING_TRY(VipsImagePtr own, copy(image));
  remove_profile_fields(own.get());
  return own;
}

bool profile_imported(VipsImage* image) noexcept {
  return vips_image_get_typeof(image, kImportedField) != 0;
}

int pixel_depth(VipsImage* image) noexcept {
  const VipsInterpretation type = vips_image_get_interpretation(image);
  return type == VIPS_INTERPRETATION_GREY16 || type == VIPS_INTERPRETATION_RGB16 ||
                 type == VIPS_INTERPRETATION_scRGB
             ? 16
             : 8;
}

Result<VipsImagePtr> to_interpretation(VipsImage* image, VipsInterpretation interpretation) {
  if (vips_image_get_interpretation(image) == interpretation) return same(image);
  return Operation("colourspace")
      .set("in", image)
      .set("space", static_cast<int>(interpretation))
      .image();
}

Result<VipsImagePtr> to_processing(VipsImage* image, bool keep_hdr) {
  VipsImagePtr work = same(image);
  const bool had_profile = has_profile(image) || !blob_of(image, kBackupField).empty();
  if (has_any_profile_field(image)) {
    IMGRING_TRY(VipsImagePtr own, copy(image));
    work = std::move(own);
  }
  if (vips_image_get_coding(work.get()) == VIPS_CODING_RAD) {
    IMGRING_TRY(VipsImagePtr decoded, Operation("rad2float").set("in", work.get()).image());
    work = std::move(decoded);
  }
  const VipsInterpretation guessed = vips_image_guess_interpretation(work.get());
  const VipsInterpretation target = processing_interpretation(guessed, keep_hdr);
  if (guessed == VIPS_INTERPRETATION_scRGB) {
    remove_profile_fields(work.get());
  } else {
    back_up_profile(work.get());
    if (!processed_in_own_space(guessed)) {
      IMGRING_TRY(VipsImagePtr imported, or_as_it_was(import_profile(work.get()), work.get()));
      work = std::move(imported);
    }
  }
  IMGRING_TRY(VipsImagePtr out, to_interpretation(work.get(), target));
  return had_profile ? std::move(out) : without_icc_field(std::move(out));
}

Result<VipsImagePtr> out_of_profile(VipsImage* image, VipsInterpretation interpretation) {
  IMGRING_TRY(VipsImagePtr imported, or_as_it_was(import_profile(image), image));
  return to_interpretation(imported.get(), interpretation);
}

Result<VipsImagePtr> to_linear(VipsImage* image) {
  return out_of_profile(image, VIPS_INTERPRETATION_scRGB);
}

Result<VipsImagePtr> to_result(VipsImage* image, bool keep_profile) {
  if (!has_any_profile_field(image)) return same(image);
  const bool imported = profile_imported(image);
  IMGRING_TRY(VipsImagePtr work, copy(image));
  restore_profile(work.get());
  if (keep_profile && imported) {
    IMGRING_TRY(VipsImagePtr out, or_as_it_was(export_profile(work.get()), work.get()));
    work = std::move(out);
  } else if (!keep_profile && !imported) {
    IMGRING_TRY(VipsImagePtr out, or_as_it_was(transform_to_standard(work.get()), work.get()));
    work = std::move(out);
  }
  if (keep_profile && profile_fits(work.get())) return work;
  IMGRING_TRY(VipsImagePtr result, copy(work.get()));
  remove_profile_fields(result.get());
  return result;
}

Result<VipsImagePtr> to_profile(VipsImage* image, const ColourProfile& profile) {
  IMGRING_TRY(VipsImagePtr work, with_own_profile(image));
  VipsImagePtr alpha;
  if (vips_image_hasalpha(work.get()) != 0) {
    const int colours = vips_image_get_bands(work.get()) - 1;
    if (profile.cmyk) {
      IMGRING_TRY(work, over_white(work.get()));
    } else {
      IMGRING_TRY(alpha, extract_bands(work.get(), colours, 1));
      IMGRING_TRY(work, extract_bands(work.get(), 0, colours));
    }
  }
  IMGRING_TRY(VipsImagePtr out, converted(work.get(), profile));
  if (alpha != nullptr) {
    IMGRING_TRY(out, join_bands(out.get(), alpha.get()));
  }
  IMGRING_TRY(VipsImagePtr result, copy(out.get()));
  for (const char* field : kProfileFields) {
    if (std::string_view(field) != VIPS_META_ICC_NAME) vips_image_remove(result.get(), field);
  }
  vips_image_remove(result.get(), kImportedField);
  return result;
}

Result<VipsImagePtr> fix_float_tiff(VipsImage* image) {
  const VipsInterpretation type = vips_image_get_interpretation(image);
  const VipsBandFormat format = vips_image_get_format(image);
  if (type == VIPS_INTERPRETATION_scRGB && vips_image_get_bands(image) > 3) {
    return widen_linear_alpha(image);
  }
  const bool grey = type == VIPS_INTERPRETATION_B_W || type == VIPS_INTERPRETATION_GREY16;
  if (grey && (format == VIPS_FORMAT_FLOAT || format == VIPS_FORMAT_DOUBLE)) {
    return linear_grey_to_grey16(image);
  }
  return same(image);
}

}  // namespace imgring::image
