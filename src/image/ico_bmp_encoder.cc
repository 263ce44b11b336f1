// BMP and ICO writers (processing.md 10). Grey goes out as colour, wider pixels as 8 bit.
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "encoders.h"
#include "operation.h"
#include "row_puller.h"

namespace imgring::image {
namespace {

constexpr int kIcoSideMax = 256;
constexpr std::uint32_t kIcoDataOffset = 22;  // directory and one entry
constexpr std::uint32_t kBmpFileHeadBytes = 14, kBmpV5HeadBytes = 124;

void put_le(std::vector<std::uint8_t>* out, std::uint32_t value, int width_bytes) {
  for (int i = 0; i < width_bytes; ++i) out->push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// 3 or 4 bands of 8 bits.
Result<VipsImagePtr> as_rgb(VipsImage* image) {
  const int bands = vips_image_get_bands(image);
  const bool ready = vips_image_get_format(image) == VIPS_FORMAT_UCHAR &&
                     vips_image_get_coding(image) == VIPS_CODING_NONE &&
                     vips_image_get_interpretation(image) == VIPS_INTERPRETATION_sRGB &&
                     (bands == 3 || bands == 4);
  if (!ready) return to_8bit_rgb(image, true);
  g_object_ref(image);
  return VipsImagePtr(image);
}

struct BmpShape {
  std::uint32_t width, height, bands, row_bytes, image_bytes;
};

std::vector<std::uint8_t> bmp_head(const BmpShape& shape) {
  constexpr std::uint32_t kOffset = kBmpFileHeadBytes + kBmpV5HeadBytes;
  std::vector<std::uint8_t> out{'B', 'M'};
  put_le(&out, kOffset + shape.image_bytes, 4);
  put_le(&out, 0, 4);
  put_le(&out, kOffset, 4);
  put_le(&out, kBmpV5HeadBytes, 4);
  put_le(&out, shape.width, 4);
  put_le(&out, 0u - shape.height, 4);  // negative: rows from the top
  put_le(&out, 1, 2);
  put_le(&out, shape.bands * 8, 2);
  put_le(&out, 0, 4);  // not compressed
  put_le(&out, shape.image_bytes, 4);
  for (int i = 0; i < 4; ++i) put_le(&out, 0, 4);  // resolution and colours
  for (const std::uint32_t mask : {0x00FF0000u, 0x0000FF00u, 0x000000FFu, 0xFF000000u}) {
    put_le(&out, mask, 4);
  }
  for (const char c : std::string_view("BGRs")) out.push_back(static_cast<std::uint8_t>(c));
  out.resize(out.size() + 36 + 12);  // end points and gammas
  put_le(&out, 4, 4);                // intent: images
  out.resize(kOffset);
  return out;
}

void put_bgr(const std::uint8_t* from, const BmpShape& shape, std::uint8_t* to) noexcept {
  for (std::uint32_t x = 0; x < shape.width; ++x, from += shape.bands, to += shape.bands) {
    to[0] = from[2];
    to[1] = from[1];
    to[2] = from[0];
    if (shape.bands == 4) to[3] = from[3];
  }
}

}  // namespace

Result<Bytes> save_bmp(VipsImage* image, const StopFlag& stop) {
  IMGRING_TRY(const VipsImagePtr rgb, as_rgb(image));
  BmpShape shape{};
  shape.width = static_cast<std::uint32_t>(vips_image_get_width(rgb.get()));
  shape.height = static_cast<std::uint32_t>(vips_image_get_height(rgb.get()));
  shape.bands = static_cast<std::uint32_t>(vips_image_get_bands(rgb.get()));
  shape.row_bytes = (shape.width * shape.bands + 3) & ~3u;
  if (__builtin_mul_overflow(shape.row_bytes, shape.height, &shape.image_bytes) ||
      shape.image_bytes > 0x7FFFFFFFu) {
    return fail(ErrorCode::kResolutionTooLarge, "picture larger than a BMP can be");
  }
  const std::vector<std::uint8_t> head = bmp_head(shape);
  const std::size_t size = head.size() + shape.image_bytes;
  auto* data = static_cast<std::uint8_t*>(std::calloc(size, 1));
  Bytes out = Bytes::of_malloc(data, size);
  if (data == nullptr) return fail(ErrorCode::kOverloaded, "no memory for the encoded picture");
  std::memcpy(data, head.data(), head.size());
  RowPuller rows(rgb.get(), stop);
  for (int top = 0; top < static_cast<int>(shape.height);) {
    IMGRING_TRY(const Strip strip, rows.pull(top));
    for (int row = 0; row < strip.row_count; ++row) {
      const std::size_t line = static_cast<std::size_t>(top) + row;
      put_bgr(strip.first + row * strip.stride_bytes, shape,
              data + head.size() + line * shape.row_bytes);
    }
    top += strip.row_count;
  }
  return out;
}

namespace {

// XMP and comments only libvips writes; a palette of the source is none of an icon's.
Result<Bytes> icon_png(VipsImage* rgb, const StopFlag& stop) {
  IMGRING_TRY(const VipsImagePtr plain, Operation("copy").set("in", rgb).image());
  for (const char* field : {"palette", "palette-bit-depth", "bits-per-sample"}) {
    vips_image_remove(plain.get(), field);
  }
  if (can_pull_png(plain.get(), SaveParams{}))
    return save_png(plain.get(), SaveParams{}, PngFilters::kNone, stop);
  return save_png_by_vips(plain.get(), stop);
}

}  // namespace

Result<Bytes> save_ico(VipsImage* image, const StopFlag& stop) {
  const int width = vips_image_get_width(image), height = vips_image_get_height(image);
  if (width > kIcoSideMax || height > kIcoSideMax) {
    return fail(ErrorCode::kInternal, "icon side over 256");
  }
  IMGRING_TRY(const VipsImagePtr rgb, as_rgb(image));
  IMGRING_TRY(const Bytes png, icon_png(rgb.get(), stop));
  std::vector<std::uint8_t> out{0, 0, 1, 0, 1, 0};
  out.push_back(static_cast<std::uint8_t>(width % kIcoSideMax));  // 0 is 256
  out.push_back(static_cast<std::uint8_t>(height % kIcoSideMax));
  put_le(&out, 0, 2);
  put_le(&out, 1, 2);
  put_le(&out, static_cast<std::uint32_t>(vips_image_get_bands(rgb.get()) * 8), 2);
  put_le(&out, static_cast<std::uint32_t>(png.size()), 4);
  put_le(&out, kIcoDataOffset, 4);
  out.insert(out.end(), png.span().begin(), png.span().end());
  const ByteSpan span(out);
  return Bytes(span, std::move(out));
}

}  // namespace imgring::image
