// See the header.
#include "frame_stack.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "vips_ops.h"

namespace imgring::pipeline {
namespace {

constexpr int kStripRows = 16;

// Fields that are members of VipsImage and not metadata.
constexpr std::string_view kHeaderFields[] = {"width",   "height",  "bands", "format",
                                              "coding",  "xoffset", "yoffset", "interpretation",
                                              "xres",    "yres",    "filename"};

void* copy_field(VipsImage*, const char* name, GValue* value, void* to) {
  if (std::ranges::find(kHeaderFields, name) == std::end(kHeaderFields))
    vips_image_set(static_cast<VipsImage*>(to), name, value);
  return nullptr;
}

}  // namespace

Result<void> FrameStack::begin(VipsImage* frame) {
  width_ = vips_image_get_width(frame);
  height_ = vips_image_get_height(frame);
  bands_ = vips_image_get_bands(frame);
  format_ = vips_image_get_format(frame);
  row_bytes_ = VIPS_IMAGE_SIZEOF_LINE(frame);
  std::size_t total = 0;
  if (__builtin_mul_overflow(row_bytes_, static_cast<std::size_t>(height_), &total) ||
      __builtin_mul_overflow(total, static_cast<std::size_t>(frames_), &total) ||
      std::int64_t{height_} * frames_ > VIPS_MAX_COORD) {
    return fail(ErrorCode::kResolutionTooLarge, "animation is too large");
  }
  pixels_.reset(static_cast<std::uint8_t*>(std::malloc(total)));
  if (pixels_ == nullptr) return fail(ErrorCode::kOverloaded, "no memory for the frames");
  first_ = vips::share(frame);
  return {};
}

Result<void> FrameStack::append(VipsImage* frame, const image::StopFlag& stop) {
  if (appended_ == 0) IMGRING_TRY_VOID(begin(frame));
  const bool alike = vips::size_of(frame) == Size{width_, height_} &&
                     vips_image_get_bands(frame) == bands_ &&
                     vips_image_get_format(frame) == format_;
  if (!alike || appended_ == frames_) return fail(ErrorCode::kInternal, "frames differ");
  const image::VipsRegionPtr region(vips_region_new(frame));
  if (region == nullptr) return std::unexpected(image::vips_failure("frame"));
  std::uint8_t* to = pixels_.get() + row_bytes_ * static_cast<std::size_t>(height_) *
                                         static_cast<std::size_t>(appended_);
  for (int y = 0; y < height_; y += kStripRows) {
    IMGRING_TRY_VOID(vips::check_stop(stop));
    const VipsRect strip{0, y, width_, std::min(kStripRows, height_ - y)};
    if (vips_region_prepare(region.get(), &strip) != 0)
      return std::unexpected(image::vips_failure("frame"));
    for (int row = 0; row < strip.height; ++row, to += row_bytes_)
      std::memcpy(to, VIPS_REGION_ADDR(region.get(), 0, y + row), row_bytes_);
  }
  ++appended_;
  return {};
}

Result<image::VipsImagePtr> FrameStack::image() {
  const std::size_t size = row_bytes_ * static_cast<std::size_t>(height_) *
                           static_cast<std::size_t>(frames_);
  image::VipsImagePtr raw(vips_image_new_from_memory(pixels_.get(), size, width_,
                                                     height_ * frames_, bands_, format_));
  if (raw == nullptr) return std::unexpected(image::vips_failure("frames"));
  // Freed with the image's private data, after the image is done with it.
  g_object_set_data_full(reinterpret_cast<GObject*>(raw.get()), "imgring-frames",
                         pixels_.release(), [](void* p) { std::free(p); });
  IMGRING_TRY(image::VipsImagePtr out,
              vips::call<vips_copy>("frames", raw.get(), "interpretation",
                                    vips_image_get_interpretation(first_.get())));
  vips_image_map(first_.get(), copy_field, out.get());
  first_.reset();
  return out;
}

}  // namespace imgring::pipeline
