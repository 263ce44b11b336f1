// One request by both ways, and whether anybody could tell the results apart.
#pragma once

#include <vips/vips.h>
// needs the types of the one above
#include <vips/vector.h>

#include <map>
#include <string>
#include <tuple>

#include "imgring/base/sanitized.h"
#include "native_pictures.h"
#include "plan_helpers.h"

namespace imgring::pipeline::testing {

using enum ImageType;

inline Request request_of(std::string_view path, std::string source, ImageType type,
                          ImageType result) {
  Request request;
  request.source = std::move(source);
  request.type = type;
  request.options = options_of(path);
  request.options.format = result;
  return request;
}
// Each is made once.
inline const std::string& encoded_photo(Size size, int bands, const char* suffix) {
  static std::map<std::tuple<int, int, int, std::string>, std::string> made;
  std::string& bytes = made[{size.width, size.height, bands, suffix}];
  if (bytes.empty()) bytes = encoded(photo(size, bands).get(), suffix);
  return bytes;
}
inline Request jpeg_request(std::string_view path, Size size, const char* suffix = ".jpg[Q=90]",
                            int bands = 3) {
  return request_of(path, encoded_photo(size, bands, suffix), kJpeg, kJpeg);
}
inline Request webp_request(std::string_view path, Size size) {
  return request_of(path, encoded_photo(size, 3, ".webp[Q=85]"), kWebp, kPng);
}
inline Request png_request(std::string_view path, Size size, int bands, ImageType result = kPng) {
  return request_of(path, encoded_photo(size, bands, ".png[filter=all]"), kPng, result);
}

inline Result<RenderedImage> run(const Request& request, bool libvips_only) {
  RenderJob job;
  job.source = as_bytes(request.source);
  job.source_type = request.type;
  job.options = &request.options;
  job.config = &request.config;
  if (request.watermark.type != kUnknown) job.watermark = &request.watermark;
  job.libvips_only = libvips_only;
  return render(job, *request.stop);
}

inline VipsImagePtr picture_of(const RenderedImage& rendered) {
  auto loaded = image::load(rendered.bytes.span(), rendered.type, {});
  return loaded ? checked(vips_image_copy_memory(loaded->get())) : nullptr;
}

inline std::string exif_of(VipsImage* picture) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_get_typeof(picture, VIPS_META_EXIF_NAME) == 0) return {};
  EXPECT_EQ(vips_image_get_blob(picture, VIPS_META_EXIF_NAME, &data, &size), 0);
  return {static_cast<const char*>(data), size};
}

// Later versions of libvips resize a little differently, and so does one without its vector loops
// (VIPS_NOVECTOR). The distances were set beside 8.14 with them.
inline double slack_db() {
  constexpr int kMajor = 8, kMinor = 14;
  const bool known = vips_version(0) == kMajor && vips_version(1) == kMinor;
  return known && vips_vector_isenabled() ? 0 : 0.5;
}

// What is native of a result.
enum class By : std::uint8_t { kNative, kFront };

// The same metadata and size, and nearly the same pixels. A sanitizer's build only makes ours: what
// it looks for is in the making, and values are those of the release.
inline void expect_alike(const Request& request, double least_db = 40, By by = By::kNative) {
  const auto native = run(request, false);
  ASSERT_TRUE(native.has_value());
  EXPECT_EQ(native->native, by == By::kNative);
  EXPECT_EQ(native->native_front, by == By::kFront);
  if (kSanitized) return;
  const auto vips = run(request, true);
  ASSERT_TRUE(vips.has_value());
  EXPECT_FALSE(vips->native || vips->native_front);
  EXPECT_EQ(native->type, vips->type);
  EXPECT_EQ(native->result_width, vips->result_width);
  EXPECT_EQ(native->result_height, vips->result_height);
  EXPECT_EQ(native->origin_width, vips->origin_width);
  const VipsImagePtr a = picture_of(*native), b = picture_of(*vips);
  ASSERT_EQ(vips_image_get_width(a.get()), vips_image_get_width(b.get()));
  ASSERT_EQ(vips_image_get_height(a.get()), vips_image_get_height(b.get()));
  ASSERT_EQ(vips_image_get_bands(a.get()), vips_image_get_bands(b.get()));
  EXPECT_EQ(a->Xres, b->Xres);
  EXPECT_EQ(exif_of(a.get()), exif_of(b.get()));
  EXPECT_GE(likeness(a.get(), b.get()), least_db - slack_db());
  const double bytes = static_cast<double>(vips->bytes.size());
  EXPECT_NEAR(static_cast<double>(native->bytes.size()), bytes, bytes * 0.06 + 60);
}

}  // namespace imgring::pipeline::testing
