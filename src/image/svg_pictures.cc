// PNG, JPEG and GIF stay as they are; other formats are decoded here and become PNG.
#include "svg_pictures.h"

#include <algorithm>
#include <memory>

#include "byte_reader.h"
#include "imgring/image/colour.h"
#include "imgring/image/loader.h"
#include "imgring/image/svg.h"
#include "svg_encoding.h"

namespace imgring::image {
namespace {

// A megapixel of PNG: 20 ms.
constexpr double kSecondsOfPixel = 2e-8;

struct Format {
  ImageType type;
  std::string_view name;  // as every rasteriser knows it; empty: it becomes PNG
};
constexpr Format kFormats[] = {
    {ImageType::kPng, "image/png"},
    {ImageType::kJpeg, "image/jpeg"},
    {ImageType::kGif, "image/gif"},
    {ImageType::kWebp, ""},
    {ImageType::kBmp, ""},
    {ImageType::kTiff, ""},
    {ImageType::kIco, ""},
};

struct FreeBytes {
  void operator()(void* p) const noexcept { g_free(p); }
};

// Decoded here, so that it does not matter what the rasteriser was built with.
Result<std::string> as_png(VipsImage* image) {
  IMGRING_TRY(const VipsImagePtr plain, to_processing(image, false));
  IMGRING_TRY(const VipsImagePtr colours, to_result(plain.get(), false));
  void* bytes = nullptr;
  std::size_t size = 0;
  constexpr int kFast = 1;
  if (vips_pngsave_buffer(colours.get(), &bytes, &size, "compression", kFast, nullptr) != 0) {
    return std::unexpected(vips_failure("PNG"));
  }
  const std::unique_ptr<void, FreeBytes> owner(bytes);
  return std::string(static_cast<const char*>(bytes), size);
}

std::int64_t pixels_of(VipsImage* image, const SvgData& data) {
  std::int64_t width = vips_image_get_width(image), height = vips_image_get_height(image);
  if (data.picture == ImageType::kGif) {
    // libvips may take the size of the first frame; the rasteriser's loader believes the canvas.
    const ByteSpan bytes = as_bytes(data.bytes);
    width = std::max<std::int64_t>(width, read_le(bytes, 6, 2).value_or(0));
    height = std::max<std::int64_t>(height, read_le(bytes, 8, 2).value_or(0));
  }
  return width * height;
}

SvgPicture png_of(VipsImage* image, SvgPicture picture, std::int64_t pixels_max) {
  picture.seconds = static_cast<double>(picture.pixels) * kSecondsOfPixel;
  if (picture.pixels > pixels_max) return picture;
  const auto png = as_png(image);
  vips_error_clear();
  if (png) picture.link = data_link("image/png", *png);
  return picture;
}

// At its own size, as rasterisers take it.
SvgPicture prepare_inner_svg(const SvgData& data, const SvgBudget& budget, SvgWork* work,
                             int depth) {
  SvgPicture picture;
  if (depth >= kSvgInsideDepthMax) return picture;
  const auto utf8 = svg_to_utf8(as_bytes(data.bytes), work);
  if (!utf8) return picture;
  const std::string& text = *utf8 ? **utf8 : data.bytes;
  const auto loading = check_svg_loading(as_bytes(text), budget, work);
  if (loading && !loading->empty()) picture.refused = "inside: " + *loading;
  if (!loading || !loading->empty()) return picture;
  const auto size = load(as_bytes(text), ImageType::kSvg, {});
  if (!size) return picture;
  picture.pixels = pixels_of(size->get(), data);
  if (picture.pixels > budget.pixels) return picture;
  const SvgCanvas canvas{static_cast<double>(vips_image_get_width(size->get())),
                         static_cast<double>(vips_image_get_height(size->get()))};
  const auto prepared = prepare_svg(as_bytes(text), canvas, budget, work, depth + 1);
  if (prepared && !prepared->refused.empty()) picture.refused = "inside: " + prepared->refused;
  if (!prepared || !prepared->refused.empty()) return picture;
  const std::string& clean = prepared->text ? *prepared->text : text;
  const auto drawn = load(as_bytes(clean), ImageType::kSvg, {});
  if (!drawn) return picture;
  return png_of(drawn->get(), std::move(picture), budget.pixels);
}

}  // namespace

SvgPicture prepare_picture(const SvgData& data, const SvgBudget& budget, SvgWork* work,
                           int depth) {
  if (data.picture == ImageType::kSvg) return prepare_inner_svg(data, budget, work, depth);
  const auto* format = std::find_if(std::begin(kFormats), std::end(kFormats), [&](const Format& f) {
    return f.type == data.picture;
  });
  if (format == std::end(kFormats) || !can_load(data.picture)) return SvgPicture{};
  const auto image = load(as_bytes(data.bytes), data.picture, LoadParams{});
  vips_error_clear();
  if (!image) return SvgPicture{};
  SvgPicture picture;
  picture.pixels = pixels_of(image->get(), data);
  if (format->name.empty()) return png_of(image->get(), std::move(picture), budget.pixels);
  picture.seconds = static_cast<double>(picture.pixels) * kSecondsOfPixel;
  picture.kept = data.type == format->name && !data.fragment;
  if (!picture.kept) picture.link = data_link(format->name, data.bytes);
  return picture;
}

}  // namespace imgring::image
