// PNG, JPEG and GIF stay as they are; other formats are decoded here and become PNG.
#include "svg_pictures.h"

#include <algorithm>
#include <memory>

#include "imgring/base/byte_reader.h"
#include "imgring/image/colour.h"
#include "imgring/image/loader.h"
#include "imgring/mem/allocator.h"
#include "imgring/svg/encoding.h"
#include "imgring/svg/svg.h"

namespace imgring::image {
namespace {

using namespace svg;

// A megapixel of PNG: 20 ms.
constexpr double kSecondsOfPixel = 2e-8;

struct Format {
  ImageType type;
  std::string_view name;  // as every rasteriser knows it; empty: it becomes PNG or JPEG
};
constexpr Format kFormats[] = {
    {ImageType::kPng, "image/png"}, {ImageType::kJpeg, "image/jpeg"},
    {ImageType::kGif, "image/gif"}, {ImageType::kWebp, ""},
    {ImageType::kBmp, ""},          {ImageType::kTiff, ""},
    {ImageType::kIco, ""},          {ImageType::kAvif, ""},
    {ImageType::kHeic, ""},         {ImageType::kJxl, ""},
};

struct FreeBytes {
  void operator()(void* p) const noexcept { g_free(p); }
};

// Decoded here, so that it does not matter what the rasteriser was built with. PNG, or JPEG where
// nobody sees a difference and the PNG of a photo would take some ten times the room: 12 MP of it
// are 20 MB, of which six copies are made on the way.
Result<std::string> as_plain_link(VipsImage* image) {
  constexpr std::int64_t kLargePixels = 1'000'000;
  IMGRING_TRY(const VipsImagePtr plain, to_processing(image, false));
  IMGRING_TRY(const VipsImagePtr colours, to_result(plain.get(), false));
  VipsImage* in = colours.get();
  const bool large = VIPS_IMAGE_N_PELS(in) > static_cast<guint64>(kLargePixels);
  const bool jpeg = large && vips_image_hasalpha(in) == 0;
  void* bytes = nullptr;
  std::size_t size = 0;
  constexpr int kFast = 1, kQuality = 95;
  const int failed = jpeg ? vips_jpegsave_buffer(in, &bytes, &size, "Q", kQuality, "subsample_mode",
                                                 VIPS_FOREIGN_SUBSAMPLE_OFF, nullptr)
                          : vips_pngsave_buffer(in, &bytes, &size, "compression", kFast, nullptr);
  if (failed != 0) return std::unexpected(vips_failure("a picture inside an SVG"));
  const std::unique_ptr<void, FreeBytes> owner(bytes);
  return data_link(jpeg ? "image/jpeg" : "image/png", {static_cast<const char*>(bytes), size});
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

SvgPicture plain_of(VipsImage* image, SvgPicture picture, std::int64_t pixels_max) {
  picture.seconds = static_cast<double>(picture.pixels) * kSecondsOfPixel;
  if (picture.pixels > pixels_max) return picture;
  auto link = as_plain_link(image);
  drop_vips_error();
  if (link) picture.link = std::move(*link);
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
  return plain_of(drawn->get(), std::move(picture), budget.pixels);
}

SvgPicture prepare_any(const SvgData& data, const SvgBudget& budget, SvgWork* work, int depth) {
  if (data.picture == ImageType::kSvg) return prepare_inner_svg(data, budget, work, depth);
  const auto* format = std::find_if(std::begin(kFormats), std::end(kFormats),
                                    [&](const Format& f) { return f.type == data.picture; });
  if (format == std::end(kFormats) || !has_loader(data.picture)) return SvgPicture{};
  const auto image = load(as_bytes(data.bytes), data.picture, LoadParams{});
  drop_vips_error();
  if (!image) return SvgPicture{};
  SvgPicture picture;
  picture.pixels = pixels_of(image->get(), data);
  if (format->name.empty()) return plain_of(image->get(), std::move(picture), budget.pixels);
  picture.seconds = static_cast<double>(picture.pixels) * kSecondsOfPixel;
  picture.kept = data.type == format->name && !data.fragment;
  if (!picture.kept) picture.link = data_link(format->name, data.bytes);
  return picture;
}

}  // namespace

SvgPicture prepare_picture(const SvgData& data, const SvgBudget& budget, SvgWork* work, int depth) {
  SvgPicture picture = prepare_any(data, budget, work, depth);
  // What decoding took must be there again when the rasteriser draws.
  constexpr std::int64_t kLargePixels = 4'000'000;
  if (picture.pixels > kLargePixels) mem::collect(mem::Collect::kForced);
  return picture;
}

}  // namespace imgring::image
