// Sources into images: one table row per format names its operation and sets its arguments.
// Owns nothing; the image returned keeps its VipsSource, the bytes stay the caller's.
#include "imgring/image/loader.h"

#include <algorithm>
#include <array>

#include "blobs.h"
#include "gif_canvas.h"
#include "heif_colour.h"
#include "heif_planes.h"
#include "heif_source.h"
#include "imgring/base/shortage.h"
#include "imgring/format/heif_boxes.h"
#include "imgring/format/jpeg_scans.h"
#include "imgring/image/colour.h"
#include "imgring/image/shelter.h"
#include "imgring/image/small_picture.h"
#include "imgring/mem/loop_thread.h"
#include "library_threads.h"
#include "operation.h"
#include "png_source.h"
#include "profile.h"
#include "readers.h"
#include "samples.h"

namespace imgring::image {
namespace {

// The W3C's 96 dots per inch; libvips counts scale from 72.
constexpr double kSvgDpi = 96.0, kVipsDpi = 72.0;
// GObject drops a value out of its range with a warning, and the picture comes at its full size.
constexpr double kSvgScaleMin = 0.001;

using Arguments = void (*)(Operation*, const LoadParams&);
using OwnReader = Result<VipsImagePtr> (*)(ByteSpan);
using Precheck = Result<void> (*)(ByteSpan);
using OpenSource = VipsSourcePtr (*)(ByteSpan, const Logger*);

void jpeg_arguments(Operation* op, const LoadParams& p) { op->set("shrink", p.shrink); }
void png_arguments(Operation* op, const LoadParams& p) {
  op->set_if_known("unlimited", static_cast<int>(p.unlimited));
}
void pages_arguments(Operation* op, const LoadParams& p) {
  op->set_if_known("page", p.page).set_if_known("n", p.pages);
}
void webp_arguments(Operation* op, const LoadParams& p) {
  pages_arguments(op, p);
  op->set("scale", p.scale);
}
void svg_arguments(Operation* op, const LoadParams& p) {
  op->set("dpi", kSvgDpi).set("scale", std::max(kSvgScaleMin, p.scale * kVipsDpi / kSvgDpi));
  op->set_if_known("unlimited", static_cast<int>(p.unlimited));
}
void heif_arguments(Operation* op, const LoadParams& p) {
  op->set("thumbnail", static_cast<int>(p.thumbnail));
  if (p.page > 0 || p.pages > 1) op->set("page", p.page).set("n", p.pages);
}
void tiff_arguments(Operation* op, const LoadParams& p) {
  pages_arguments(op, p);
  op->set_if_known("unlimited", static_cast<int>(p.unlimited));
}

VipsSourcePtr open_png(ByteSpan source, const Logger* log) {
  format::PngView view = format::view_png(source);
  if (!view.complete() && log != nullptr) {
    log->debug(
        "texts, profiles or private chunks of a PNG left out: over 4 MiB each, "
        "16 MiB in all, or 900 texts");
  }
  return open_png_view(std::move(view));
}
VipsSourcePtr open_heif_file(ByteSpan source, const Logger*) { return open_heif(source); }
VipsSourcePtr open_memory(ByteSpan source, const Logger*) {
  return VipsSourcePtr(vips_source_new_from_memory(source.data(), source.size()));
}

struct Loader {
  ImageType type;
  const char* operation = nullptr;  // null: our own reader
  Arguments arguments = nullptr;
  OwnReader reader = nullptr;
  Precheck precheck = nullptr;
  OpenSource open = open_memory;
  const char* untrusted = nullptr;  // the class of libvips that is blocked unless named here
};

// clang-format off
constexpr std::array kLoaders = {
    Loader{ImageType::kJpeg, "jpegload_source", jpeg_arguments, nullptr, format::check_jpeg},
    Loader{.type = ImageType::kJxl, .operation = "jxlload_source", .arguments = pages_arguments,
           .untrusted = "VipsForeignLoadJxl"},
    Loader{ImageType::kPng, "pngload_source", png_arguments, nullptr, nullptr, open_png},
    Loader{ImageType::kWebp, "webpload_source", webp_arguments, nullptr, nullptr},
    Loader{ImageType::kGif, "gifload_source", pages_arguments, nullptr, nullptr},
    Loader{ImageType::kIco, nullptr, nullptr, load_ico, nullptr},
    Loader{.type = ImageType::kSvg, .operation = "svgload_source", .arguments = svg_arguments,
           .untrusted = "VipsForeignLoadSvg"},
    Loader{ImageType::kHeic, "heifload_source", heif_arguments, nullptr, format::check_heif,
           open_heif_file},
    Loader{ImageType::kAvif, "heifload_source", heif_arguments, nullptr, format::check_heif,
           open_heif_file},
    Loader{ImageType::kBmp, nullptr, nullptr, load_bmp, nullptr},
    Loader{ImageType::kTiff, "tiffload_source", tiff_arguments, nullptr, nullptr},
};
// clang-format on

bool is_heif(ImageType type) noexcept {
  return type == ImageType::kAvif || type == ImageType::kHeic;
}

const Loader* loader_of(ImageType type) noexcept {
  for (const Loader& loader : kLoaders) {
    if (loader.type == type) return &loader;
  }
  return nullptr;
}

// Whatever stops a loader at the header is the picture's fault, but for a shortage.
Error broken(Error error) {
  if (error.code != ErrorCode::kOverloaded) error.code = ErrorCode::kBrokenImage;
  return error;
}

Result<VipsImagePtr> load_by_operation(const Loader& loader, ByteSpan source,
                                       const LoadParams& params) {
  const VipsSourcePtr reader =
      params.unlimited ? open_memory(source, params.log) : loader.open(source, params.log);
  if (reader == nullptr) return std::unexpected(vips_failure("source"));
  Operation op(loader.operation);
  op.set("source", reader.get()).set("access", static_cast<int>(VIPS_ACCESS_SEQUENTIAL));
  if (loader.arguments != nullptr) loader.arguments(&op, params);
  auto image = op.image();
  if (!image) return std::unexpected(broken(std::move(image).error()));
  return image;
}

// With the metadata of the whole one, whose pixels nobody asks for.
Result<VipsImagePtr> made_smaller(VipsImagePtr whole, ByteSpan source, const LoadParams& params) {
  const bool plain = vips_image_get_bands(whole.get()) == 3 &&
                     vips_image_get_format(whole.get()) == VIPS_FORMAT_UCHAR &&
                     vips_image_get_interpretation(whole.get()) == VIPS_INTERPRETATION_sRGB;
  if (!plain) return whole;
  const StopFlag never;
  const auto make = [&] {
    return load_heif_smaller(source, vips_image_get_width(whole.get()),
                             vips_image_get_height(whole.get()), params.shrink, params.reduced,
                             params.stop != nullptr ? *params.stop : never);
  };
  IMGRING_TRY(auto small, or_shortage(make));
  if (!small) return whole;
  VipsImage* header = nullptr;
  if (vips_embed(whole.get(), &header, 0, 0, small->width, small->height, nullptr) != 0) {
    return std::unexpected(vips_failure("heif"));
  }
  const VipsImagePtr sized(header);
  return as_memory_image(std::move(*small), sized.get());
}

// What libvips does not look at.
Result<VipsImagePtr> as_its_format_says(VipsImagePtr image, ByteSpan source, ImageType type,
                                        int page) {
  if (type == ImageType::kGif) return with_clear_canvas(image.get(), source, page);
  if (type == ImageType::kPng) set_coded_profile(format::png_says(source), image.get());
  if (is_heif(type)) return as_heif_says(image.get(), source);
  if (type != ImageType::kTiff) return image;
  auto fixed = fix_float_tiff(image.get());
  if (fixed) return fixed;
  drop_vips_error();  // imgproxy warns and goes on with the image as it is
  return image;
}

}  // namespace

bool has_loader(ImageType type) noexcept {
  IMGRING_CHECK_OFF_LOOP();
  const Loader* loader = loader_of(type);
  if (loader == nullptr) return false;
  return loader->operation == nullptr || vips_has_operation(loader->operation);
}

void unblock_loaders() noexcept {
  for (const Loader& loader : kLoaders) {
    if (loader.untrusted != nullptr) vips_operation_block_set(loader.untrusted, FALSE);
  }
}

Result<VipsImagePtr> load(ByteSpan source, ImageType type, const LoadParams& params) {
  IMGRING_CHECK_OFF_LOOP();
  const Loader* loader = loader_of(type);
  if (loader == nullptr || !has_loader(type)) {
    return fail(ErrorCode::kSourceUnsupported, "no loader for this format");
  }
  if (source.empty()) return fail(ErrorCode::kBrokenImage, "empty source");
  if (params.shelter != nullptr && params.shelter->loads(type)) {
    auto there = params.shelter->load(source, type, params);
    // Else no child can be shut in here.
    if (there || params.shelter->loads(type)) return there;
  }
  if (loader->precheck != nullptr && !params.unlimited) {
    IMGRING_TRY_VOID(loader->precheck(source));
  }
  IMGRING_TRY_VOID(expect_threads(threads_to_load(type, source)));
  drop_vips_error();
  if (loader->reader != nullptr) return loader->reader(source);
  IMGRING_TRY(VipsImagePtr loaded, load_by_operation(*loader, source, params));
  drop_large_blobs(loaded.get(), params.log);
  own_blobs(loaded.get());
  if (is_heif(type)) {
    IMGRING_TRY(loaded, as_grey_as_coded(loaded.get(), source));
  }
  IMGRING_TRY(loaded, with_known_colours(loaded.get(), source, type));
  IMGRING_TRY(VipsImagePtr image, with_one_alpha(loaded.get(), source, type));
  drop_strange_profile(image.get(), params.log);
  const bool smaller = (params.shrink > 1 || params.reduced.any()) && !params.thumbnail &&
                       params.page == 0 && is_heif(type);
  IMGRING_TRY(image, as_its_format_says(std::move(image), source, type, params.page));
  return smaller ? made_smaller(std::move(image), source, params) : std::move(image);
}

int orientation_of(VipsImage* image) noexcept {
  int orientation = 1;
  if (vips_image_get_typeof(image, VIPS_META_ORIENTATION) != G_TYPE_INT) return 1;
  if (vips_image_get_int(image, VIPS_META_ORIENTATION, &orientation) != 0) return 1;
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

}  // namespace imgring::image
