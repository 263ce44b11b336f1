// Still WebP by libwebp's advanced interface from pulled rows: the same picture data as the libvips
// saver, with profile, EXIF and XMP chunks put around it.
#include <webp/encode.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "encoders.h"
#include "exif_block.h"
#include "imgring/base/byte_reader.h"
#include "imgring/base/check.h"
#include "operation.h"
#include "row_puller.h"
#include "yuv_source.h"

namespace imgring::image {
namespace {

constexpr int kDefaultEffort = 4, kAlphaQuality = 100;

struct PresetName {
  config::WebpPreset preset;
  WebPPreset webp;
};
constexpr std::array kPresets = {PresetName{config::WebpPreset::kDefault, WEBP_PRESET_DEFAULT},
                                 PresetName{config::WebpPreset::kPhoto, WEBP_PRESET_PHOTO},
                                 PresetName{config::WebpPreset::kPicture, WEBP_PRESET_PICTURE},
                                 PresetName{config::WebpPreset::kDrawing, WEBP_PRESET_DRAWING},
                                 PresetName{config::WebpPreset::kIcon, WEBP_PRESET_ICON},
                                 PresetName{config::WebpPreset::kText, WEBP_PRESET_TEXT}};

WebPPreset preset_of(const SaveParams& params) noexcept {
  for (const PresetName& name : kPresets) {
    if (name.preset == params.encoders.webp_preset) return name.webp;
  }
  return WEBP_PRESET_DEFAULT;
}

// Owns a picture and the memory it is written to.
class Picture {
 public:
  Picture() noexcept {
    WebPMemoryWriterInit(&writer_);
    usable_ = WebPPictureInit(&picture_) != 0;
    picture_.writer = WebPMemoryWrite;
    picture_.custom_ptr = &writer_;
  }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
  ~Picture() {
    WebPPictureFree(&picture_);
    WebPMemoryWriterClear(&writer_);
  }
  bool usable() const noexcept { return usable_; }
  WebPPicture* get() noexcept { return &picture_; }
  ByteSpan written() const noexcept { return {writer_.mem, writer_.size}; }

 private:
  WebPPicture picture_{};
  WebPMemoryWriter writer_{};
  bool usable_ = false;
};

Error no_room() { return Error(ErrorCode::kOverloaded, "webpsave: picture memory error"); }

struct Plane {
  const std::uint8_t* from;
  int from_stride;
  std::uint8_t* to;
  int to_stride, width, height;
};
void copy_plane(const Plane& plane) noexcept {
  const std::uint8_t* from = plane.from;
  std::uint8_t* to = plane.to;
  for (int y = 0; y < plane.height; ++y, from += plane.from_stride, to += plane.to_stride)
    std::memcpy(to, from, static_cast<std::size_t>(plane.width));
}

// Opaque pixels strip by strip, so that nobody holds all of them. libwebp makes YUV 4:2:0 of two
// rows at a time: of strips that begin at even rows it makes the same bytes as of the whole.
Result<void> import_opaque(VipsImage*, RowSource* rows, WebPPicture* out) {
  static_assert(kStripRows % 2 == 0);
  out->colorspace = WEBP_YUV420;
  if (WebPPictureAlloc(out) == 0) return std::unexpected(no_room());
  const int width = out->width, height = out->height;
  for (int top = 0; top < height;) {
    IMGRING_TRY(const Strip strip, rows->pull(top));
    IMGRING_CHECK(strip.row_count % 2 == 0 || top + strip.row_count == height);
    Picture imported;
    WebPPicture& in = *imported.get();
    in.width = width;
    in.height = strip.row_count;
    const bool made =
        imported.usable() &&
        WebPPictureImportRGB(&in, strip.first, static_cast<int>(strip.stride_bytes)) != 0;
    if (!made) return std::unexpected(no_room());
    const int half_width = (width + 1) / 2, half_top = top / 2,
              half_count = (strip.row_count + 1) / 2;
    copy_plane({in.y, in.y_stride, out->y + std::ptrdiff_t{top} * out->y_stride, out->y_stride,
                width, strip.row_count});
    copy_plane({in.u, in.uv_stride, out->u + std::ptrdiff_t{half_top} * out->uv_stride,
                out->uv_stride, half_width, half_count});
    copy_plane({in.v, in.uv_stride, out->v + std::ptrdiff_t{half_top} * out->uv_stride,
                out->uv_stride, half_width, half_count});
    top += strip.row_count;
  }
  return {};
}

// As libwebp packs it without loss, and takes it for sharper colours: one word a pixel.
Result<void> import_words(VipsImage* header, RowSource* rows, WebPPicture* out) {
  out->use_argb = 1;
  if (WebPPictureAlloc(out) == 0) return std::unexpected(no_room());
  const int bands = vips_image_get_bands(header);
  for (int top = 0; top < out->height;) {
    IMGRING_TRY(const Strip strip, rows->pull(top));
    for (int row = 0; row < strip.row_count; ++row) {
      const std::uint8_t* from = strip.first + static_cast<std::size_t>(row) * strip.stride_bytes;
      std::uint32_t* to = out->argb + std::ptrdiff_t{top + row} * out->argb_stride;
      for (int x = 0; x < out->width; ++x, from += bands) {
        const std::uint32_t alpha = bands == 4 ? from[3] : 0xFF;
        to[x] = alpha << 24 | std::uint32_t{from[0]} << 16 | std::uint32_t{from[1]} << 8 | from[2];
      }
    }
    top += strip.row_count;
  }
  return {};
}

struct Free {
  void operator()(std::uint8_t* p) const noexcept { std::free(p); }
};

// With alpha, which libwebp leaves out where all is opaque: it has to see the whole.
Result<void> import_alpha(VipsImage* header, RowSource* rows, WebPPicture* out) {
  const std::size_t row_bytes = VIPS_IMAGE_SIZEOF_LINE(header);
  const auto height = static_cast<std::size_t>(out->height);
  const std::unique_ptr<std::uint8_t, Free> pixels(
      static_cast<std::uint8_t*>(std::malloc(row_bytes * height)));
  if (pixels == nullptr) return fail(ErrorCode::kOverloaded, "no memory for the pixels");
  for (int top = 0; top < out->height;) {
    IMGRING_TRY(const Strip strip, rows->pull(top));
    for (int row = 0; row < strip.row_count; ++row) {
      std::memcpy(pixels.get() + (static_cast<std::size_t>(top) + row) * row_bytes,
                  strip.first + row * strip.stride_bytes, row_bytes);
    }
    top += strip.row_count;
  }
  if (WebPPictureImportRGBA(out, pixels.get(), static_cast<int>(row_bytes)) == 0)
    return std::unexpected(no_room());
  return {};
}

int go_on(int, const WebPPicture* picture) {
  return static_cast<const StopFlag*>(picture->user_data)->stopped() ? 0 : 1;
}

Result<WebPConfig> config_of(const SaveParams& params) {
  WebPConfig webp;
  const auto quality = static_cast<float>(params.quality);
  if (WebPConfigPreset(&webp, preset_of(params), quality) == 0) {
    return fail(ErrorCode::kInternal, "webpsave: config version error");
  }
  webp.alpha_quality = kAlphaQuality;
  const config::WebpCompression compression = params.encoders.webp_compression;
  webp.lossless = compression != config::WebpCompression::kLossy ? 1 : 0;
  // Its level: 100 changes nothing.
  if (compression == config::WebpCompression::kNearLossless) webp.near_lossless = params.quality;
  webp.use_sharp_yuv = params.encoders.webp_smart_subsample ? 1 : 0;
  webp.method = params.config != nullptr ? params.config->webp_effort : kDefaultEffort;
  if (WebPValidateConfig(&webp) == 0) {
    return fail(ErrorCode::kInternal, "webpsave: invalid configuration");
  }
  return webp;
}

// RIFF writing.
void put_le(std::vector<std::uint8_t>* out, std::uint32_t value, int width_bytes) {
  for (int i = 0; i < width_bytes; ++i) out->push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
void put_chunk(std::vector<std::uint8_t>* out, std::string_view name, ByteSpan data) {
  out->insert(out->end(), name.begin(), name.end());
  put_le(out, static_cast<std::uint32_t>(data.size()), 4);
  out->insert(out->end(), data.begin(), data.end());
  if (data.size() % 2 != 0) out->push_back(0);
}

constexpr std::uint32_t kFlagXmp = 0x04, kFlagExif = 0x08, kFlagAlpha = 0x10, kFlagProfile = 0x20;
constexpr std::size_t kRiffHeadBytes = 12, kChunkHeadBytes = 8;

// The picture's own chunks (ALPH, VP8, VP8L) of what libwebp wrote, and whether they hold alpha.
struct PictureChunks {
  std::vector<std::uint8_t> bytes;
  bool alpha = false;
};
PictureChunks picture_chunks(ByteSpan riff) {
  PictureChunks chunks;
  std::size_t at = kRiffHeadBytes;
  while (at + kChunkHeadBytes <= riff.size()) {
    const std::string_view name = as_text(riff.subspan(at, 4));
    const std::size_t size = le32(riff, at + 4);
    const auto data = slice(riff, at + kChunkHeadBytes, size);
    if (!data) break;
    if (name == "ALPH") chunks.alpha = true;
    // VP8L: signature byte, 14 bits of width and of height, then the alpha bit.
    if (name == "VP8L" && size >= 5 && ((*data)[4] & 0x10) != 0) chunks.alpha = true;
    if (name != "VP8X") put_chunk(&chunks.bytes, name, *data);
    at += kChunkHeadBytes + size + size % 2;
  }
  return chunks;
}

Bytes with_metadata(VipsImage* image, ByteSpan riff) {
  const PictureChunks chunks = picture_chunks(riff);
  const ByteSpan profile = fitting_profile(image);
  const ByteSpan xmp = blob_of(image, VIPS_META_XMP_NAME);
  const std::vector<std::uint8_t> exif = plain_exif_block(image);
  const std::uint32_t flags = kFlagExif | (chunks.alpha ? kFlagAlpha : 0) |
                              (profile.empty() ? 0 : kFlagProfile) | (xmp.empty() ? 0 : kFlagXmp);
  std::vector<std::uint8_t> features;
  put_le(&features, flags, 4);
  put_le(&features, static_cast<std::uint32_t>(vips_image_get_width(image) - 1), 3);
  put_le(&features, static_cast<std::uint32_t>(vips_image_get_height(image) - 1), 3);
  std::vector<std::uint8_t> body;
  put_chunk(&body, "VP8X", features);
  if (!profile.empty()) put_chunk(&body, "ICCP", profile);
  body.insert(body.end(), chunks.bytes.begin(), chunks.bytes.end());
  put_chunk(&body, "EXIF", exif);
  if (!xmp.empty()) put_chunk(&body, "XMP ", xmp);
  std::vector<std::uint8_t> out{'R', 'I', 'F', 'F'};
  put_le(&out, static_cast<std::uint32_t>(body.size() + 4), 4);
  for (const char c : std::string_view("WEBP")) out.push_back(static_cast<std::uint8_t>(c));
  out.insert(out.end(), body.begin(), body.end());
  const ByteSpan span(out);
  return Bytes(span, std::move(out));
}

Error encode_error(const WebPPicture& picture, const StopFlag& stop) {
  if (picture.error_code == VP8_ENC_ERROR_USER_ABORT && stop.stopped()) {
    return stop_error(stop.reason());
  }
  if (picture.error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ||
      picture.error_code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY) {
    return Error(ErrorCode::kOverloaded, "no memory for the encoded picture");
  }
  return Error(ErrorCode::kInternal,
               "webpsave: unable to encode: " + std::to_string(picture.error_code));
}

}  // namespace

bool can_pull_webp(VipsImage* image) noexcept {
  return is_plain_still(image) && vips_image_get_typeof(image, "loop") == 0;
}

Result<Bytes> save_webp(VipsImage* image, const SaveParams& params, const StopFlag& stop) {
  VipsImagePtr coloured;
  VipsImage* source = image;
  if (vips_image_get_bands(image) < 3) {
    IMGRING_TRY(coloured, Operation("colourspace")
                              .set("in", image)
                              .set("space", static_cast<int>(VIPS_INTERPRETATION_sRGB))
                              .image());
    source = coloured.get();
  }
  RowPuller rows(source, stop);
  return save_webp_rows(source, &rows, params, stop);
}

namespace {

// `import` fills the picture.
template <class Import>
Result<Bytes> encoded(VipsImage* header, const WebPConfig& config, const StopFlag& stop,
                      const Import& import) {
  Picture picture;
  if (!picture.usable()) return fail(ErrorCode::kInternal, "webpsave: picture version error");
  picture.get()->width = vips_image_get_width(header);
  picture.get()->height = vips_image_get_height(header);
  picture.get()->progress_hook = go_on;
  picture.get()->user_data = const_cast<StopFlag*>(&stop);
  IMGRING_TRY_VOID(import(picture.get()));
  if (WebPEncode(&config, picture.get()) == 0) {
    return std::unexpected(encode_error(*picture.get(), stop));
  }
  return with_metadata(header, picture.written());
}

}  // namespace

Result<Bytes> save_webp_rows(VipsImage* header, RowSource* rows, const SaveParams& params,
                             const StopFlag& stop) {
  IMGRING_TRY(const WebPConfig config, config_of(params));
  const bool words = config.lossless != 0 || config.use_sharp_yuv != 0;
  const bool alpha = vips_image_get_bands(header) == 4;
  const auto import = words ? import_words : alpha ? import_alpha : import_opaque;
  return encoded(header, config, stop,
                 [&](WebPPicture* picture) { return import(header, rows, picture); });
}

bool can_save_webp_planes(VipsImage* header, const SaveParams& params) noexcept {
  return can_pull_webp(header) && vips_image_get_bands(header) == 3 &&
         params.encoders.webp_compression == config::WebpCompression::kLossy &&
         !params.encoders.webp_smart_subsample;
}

Result<Bytes> save_webp_planes(VipsImage* header, YuvSource* planes, const SaveParams& params,
                               const StopFlag& stop) {
  IMGRING_TRY(const WebPConfig config, config_of(params));
  return encoded(header, config, stop, [&](WebPPicture* picture) -> Result<void> {
    picture->colorspace = WEBP_YUV420;
    if (WebPPictureAlloc(picture) == 0) return std::unexpected(no_room());
    return planes->write({picture->y, picture->u, picture->v, picture->y_stride, picture->uv_stride,
                          picture->width, picture->height});
  });
}

}  // namespace imgring::image
