// One picture, one thread, told to libaom option by option.
#include "heif_encoder.h"

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "encoders.h"
#include "exif_block.h"
#include "heif_pointers.h"
#include "imgring/base/text.h"
#include "saver_call.h"

namespace imgring::image {
namespace {

using EncoderPtr = std::unique_ptr<heif_encoder, Deleter<heif_encoder_release>>;
using OptionsPtr = std::unique_ptr<heif_encoding_options, Deleter<heif_encoding_options_free>>;

constexpr int kBits = 8;
// heifsave's own rule for `auto`: full chroma from this quality on.
constexpr int kFullChromaFromQuality = 90;
constexpr int kEffortDefault = 4, kQualityDefault = 50;  // heifsave's
// libaom's "speed": 9 is its path without rate distortion, 8 IMGPROXY_AVIF_SPEED's default.
constexpr int kSpeedMost = 9, kSpeedFast = 8;
constexpr std::string_view kLibaomName = "AOMedia";

struct Choice {
  const char* name;
  const char* value;
};
// At speed 8 with libaom 3.6, 19 photographs of 500 px, the same quality: 0.75 of the CPU, the same
// error (36.15 dB) and 2 % more bytes. Small pictures are mostly edges, which lose by it, and cost
// little. Flat quantiser matrices would take 4 to 6 % of the bytes, at another error: not ours to
// choose.
constexpr std::array kLeanChoices = {
    Choice{"aom:use-intra-dct-only", "1"}, Choice{"aom:enable-paeth-intra", "0"},
    Choice{"aom:enable-smooth-intra", "0"}, Choice{"aom:disable-trellis-quant", "2"}};
constexpr std::int64_t kLeanPixelsMin = 256 * 256;

// Of pixels that are all there.
Result<void> judge(const heif_error& error) {
  if (error.code == heif_error_Ok) return {};
  const std::string words =
      "heifsave: " + std::string(error.message != nullptr ? error.message : "");
  const bool none =
      error.code == heif_error_Unsupported_filetype || error.code == heif_error_Unsupported_feature;
  if (none) return fail(ErrorCode::kResultUnsupported, words);
  // libaom says "Failed to initialize encoder" where it has no memory.
  const bool shortage = error.code == heif_error_Memory_allocation_error ||
                        (error.code == heif_error_Encoder_plugin_error &&
                         error.subcode != heif_suberror_Unsupported_parameter);
  return fail(shortage ? ErrorCode::kOverloaded : ErrorCode::kInternal, words);
}

int whole_of(const SaverCall& call, std::string_view name, int otherwise) {
  for (const SaverCall::Argument& one : call.arguments()) {
    const auto* value = std::get_if<int>(&one.value);
    if (one.name == name && value != nullptr) return *value;
  }
  return otherwise;
}

bool full_chroma(const SaverCall& call, int quality) {
  const int mode = whole_of(call, "subsample_mode", VIPS_FOREIGN_SUBSAMPLE_AUTO);
  if (mode == VIPS_FOREIGN_SUBSAMPLE_AUTO) return quality >= kFullChromaFromQuality;
  return mode == VIPS_FOREIGN_SUBSAMPLE_OFF;
}

struct How {
  const SaverCall& call;
  bool lean;
};

Result<EncoderPtr> encoder_for(heif_context* context, const How& how) {
  const SaverCall& call = how.call;
  heif_encoder* raw = nullptr;
  IMGRING_TRY_VOID(judge(heif_context_get_encoder_for_format(context, heif_compression_AV1, &raw)));
  EncoderPtr encoder(raw);
  const int quality = whole_of(call, "Q", kQualityDefault);
  const int speed = kSpeedMost - whole_of(call, "effort", kEffortDefault);
  IMGRING_TRY_VOID(judge(heif_encoder_set_lossy_quality(raw, quality)));
  IMGRING_TRY_VOID(judge(heif_encoder_set_lossless(raw, 0)));
  // Not every encoder knows these.
  static_cast<void>(heif_encoder_set_parameter_integer(raw, "speed", speed));
  static_cast<void>(heif_encoder_set_parameter_integer(raw, "threads", 1));
  static_cast<void>(
      heif_encoder_set_parameter_string(raw, "chroma", full_chroma(call, quality) ? "444" : "420"));
  const bool libaom = std::string_view(heif_encoder_get_name(raw)).starts_with(kLibaomName);
  if (libaom && how.lean && speed == kSpeedFast) {
    for (const Choice& one : kLeanChoices) {
      static_cast<void>(heif_encoder_set_parameter(raw, one.name, one.value));
    }
  }
  return encoder;
}

void copy_row(const std::uint8_t* from, int width, int bands, std::uint8_t* into) noexcept {
  if (bands >= 3) {
    std::memcpy(into, from, static_cast<std::size_t>(width) * static_cast<std::size_t>(bands));
    return;
  }
  for (int x = 0; x < width; ++x, from += bands) {
    for (int c = 0; c < 3; ++c) *into++ = from[0];
    if (bands == 2) *into++ = from[1];
  }
}

Result<HeifImagePtr> picture_of(VipsImage* memory) {
  const int width = vips_image_get_width(memory), height = vips_image_get_height(memory);
  const int bands = vips_image_get_bands(memory);
  const heif_chroma chroma =
      bands % 2 == 0 ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB;
  heif_image* raw = nullptr;
  IMGRING_TRY_VOID(judge(heif_image_create(width, height, heif_colorspace_RGB, chroma, &raw)));
  HeifImagePtr picture(raw);
  IMGRING_TRY_VOID(
      judge(heif_image_add_plane(raw, heif_channel_interleaved, width, height, kBits)));
  int stride = 0;
  std::uint8_t* const first = heif_image_get_plane(raw, heif_channel_interleaved, &stride);
  if (first == nullptr) return fail(ErrorCode::kOverloaded, "heifsave: no memory for pixels");
  for (int y = 0; y < height; ++y) {
    copy_row(VIPS_IMAGE_ADDR(memory, 0, y), width, bands,
             first + static_cast<std::size_t>(stride) * static_cast<std::size_t>(y));
  }
  const ByteSpan profile = fitting_profile(memory);
  if (!profile.empty()) {
    IMGRING_TRY_VOID(
        judge(heif_image_set_raw_color_profile(raw, "rICC", profile.data(), profile.size())));
  }
  return picture;
}

Result<void> add_metadata(heif_context* context, const heif_image_handle* handle,
                          VipsImage* memory) {
  const std::vector<std::uint8_t> exif = plain_exif_block(memory);
  IMGRING_TRY_VOID(judge(
      heif_context_add_exif_metadata(context, handle, exif.data(), static_cast<int>(exif.size()))));
  const ByteSpan xmp = blob_of(memory, VIPS_META_XMP_NAME);
  if (xmp.empty()) return {};
  return judge(
      heif_context_add_XMP_metadata(context, handle, xmp.data(), static_cast<int>(xmp.size())));
}

heif_error append(heif_context*, const void* data, std::size_t size, void* file) {
  static_cast<std::string*>(file)->append(static_cast<const char*>(data), size);
  return {heif_error_Ok, heif_suberror_Unspecified, ""};
}

Result<Bytes> written(VipsImage* memory, const How& how) {
  const HeifContextPtr context(heif_context_alloc());
  if (context == nullptr) return fail(ErrorCode::kOverloaded, "heifsave: no memory");
  IMGRING_TRY(const EncoderPtr encoder, encoder_for(context.get(), how));
  IMGRING_TRY(HeifImagePtr picture, picture_of(memory));
  const OptionsPtr options(heif_encoding_options_alloc());
  if (options == nullptr) return fail(ErrorCode::kOverloaded, "heifsave: no memory");
  heif_image_handle* raw = nullptr;
  IMGRING_TRY_VOID(judge(
      heif_context_encode_image(context.get(), picture.get(), encoder.get(), options.get(), &raw)));
  const HeifHandlePtr handle(raw);
  picture.reset();
  IMGRING_TRY_VOID(add_metadata(context.get(), handle.get(), memory));
  std::string file;
  heif_writer writer{1, append};
  IMGRING_TRY_VOID(judge(heif_context_write(context.get(), &writer, &file)));
  return Bytes::of(std::move(file));
}

}  // namespace

bool can_write_avif(VipsImage* image) noexcept { return is_plain_still(image); }

Result<Bytes> write_avif(VipsImage* memory, const SaverCall& call) {
  const std::int64_t pixels =
      std::int64_t{vips_image_get_width(memory)} * vips_image_get_height(memory);
  if (pixels < kLeanPixelsMin) return written(memory, {call, false});
  auto lean = written(memory, {call, true});
  // Newer libheif ends at an option that its libaom does not know.
  return lean || lean.error().code == ErrorCode::kOverloaded ? std::move(lean)
                                                             : written(memory, {call, false});
}

}  // namespace imgring::image
