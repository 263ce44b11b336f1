// Pictures made by libvips for render tests, and a look at what came out.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "imgring/image/abilities.h"
#include "imgring/image/loader.h"
#include "imgring/image/vips_image.h"
#include "imgring/pipeline/render.h"

namespace imgring::pipeline::testing {

using image::VipsImagePtr;

inline const std::vector<double> kRed{255, 0, 0}, kGreen{0, 255, 0}, kBlue{0, 0, 255},
    kWhite{255, 255, 255};

// Asked of the libraries once.
inline bool can_save(ImageType type) {
  static const format::Abilities can = image::ask_abilities();
  return can.can_save(type);
}

inline VipsImagePtr checked(VipsImage* picture) {
  EXPECT_NE(picture, nullptr) << image::take_vips_error();
  return VipsImagePtr(picture);
}

inline VipsImagePtr as_srgb(VipsImage* picture) {
  VipsImage* out = nullptr;
  vips_copy(picture, &out, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr);
  return checked(out);
}

// One colour all over; 1 to 4 values.
inline VipsImagePtr plain(int width, int height, const std::vector<double>& colour) {
  VipsImage* black = nullptr;
  vips_black(&black, width, height, nullptr);
  const VipsImagePtr base = checked(black);
  VipsImage* out = nullptr;
  const std::vector<double> ones(colour.size(), 1);
  vips_linear(base.get(), &out, ones.data(), colour.data(), static_cast<int>(colour.size()),
              "uchar", TRUE, nullptr);
  const VipsImagePtr painted = checked(out);
  if (colour.size() >= 3) return as_srgb(painted.get());
  VipsImage* grey = nullptr;
  vips_copy(painted.get(), &grey, "interpretation", VIPS_INTERPRETATION_B_W, nullptr);
  return checked(grey);
}

inline VipsImagePtr put(VipsImage* below, VipsImage* above, int x, int y) {
  VipsImage* out = nullptr;
  vips_insert(below, above, &out, x, y, nullptr);
  return checked(out);
}

// Red, green / blue, white quarters.
inline VipsImagePtr quarters(int width, int height) {
  VipsImagePtr all = plain(width, height, {255, 0, 0});
  const int w = width / 2, h = height / 2;
  all = put(all.get(), plain(width - w, h, {0, 255, 0}).get(), w, 0);
  all = put(all.get(), plain(w, height - h, {0, 0, 255}).get(), 0, h);
  return put(all.get(), plain(width - w, height - h, {255, 255, 255}).get(), w, h);
}

inline std::string encoded(VipsImage* picture, const char* suffix) {
  void* data = nullptr;
  std::size_t size = 0;
  EXPECT_EQ(vips_image_write_to_buffer(picture, suffix, &data, &size, nullptr), 0)
      << image::take_vips_error();
  std::string bytes(static_cast<char*>(data), size);
  g_free(data);
  return bytes;
}

// Frames of one colour each.
inline std::string animation(int width, int height, const std::vector<std::vector<double>>& colours,
                             const char* suffix = ".gif") {
  const int count = static_cast<int>(colours.size());
  VipsImagePtr all = plain(width, height * count, colours[0]);
  std::vector<int> delays;
  for (int i = 0; i < count; ++i) {
    all = put(all.get(), plain(width, height, colours[static_cast<std::size_t>(i)]).get(), 0,
              i * height);
    delays.push_back(100 + i * 10);
  }
  VipsImage* own = nullptr;
  vips_copy(all.get(), &own, nullptr);
  const VipsImagePtr out = checked(own);
  vips_image_set_int(out.get(), "page-height", height);
  vips_image_set_array_int(out.get(), "delay", delays.data(), count);
  vips_image_set_int(out.get(), "loop", 3);
  return encoded(out.get(), suffix);
}

inline std::vector<double> pixel(VipsImage* picture, int x, int y) {
  double* values = nullptr;
  int count = 0;
  EXPECT_EQ(vips_getpoint(picture, &values, &count, x, y, nullptr), 0) << image::take_vips_error();
  std::vector<double> out(values, values + count);
  g_free(values);
  return out;
}

inline void expect_pixel(VipsImage* picture, int x, int y, const std::vector<double>& wanted,
                         double off = 12) {
  const auto found = pixel(picture, x, y);
  ASSERT_EQ(found.size(), wanted.size()) << "at " << x << "," << y;
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], wanted[i], off) << "band " << i << " at " << x << "," << y;
}

// Of all samples of two pictures of one size.
inline VipsImagePtr differences(VipsImage* a, VipsImage* b) {
  VipsImage *difference = nullptr, *size = nullptr;
  EXPECT_EQ(vips_subtract(a, b, &difference, nullptr), 0) << image::take_vips_error();
  const VipsImagePtr owned(difference);
  vips_abs(difference, &size, nullptr);
  return checked(size);
}
inline double largest_difference(VipsImage* a, VipsImage* b) {
  double most = -1;
  vips_max(differences(a, b).get(), &most, nullptr);
  return most;
}
inline double mean_difference(VipsImage* a, VipsImage* b) {
  double mean = -1;
  vips_avg(differences(a, b).get(), &mean, nullptr);
  return mean;
}

// A request with everything it needs.
struct Request {
  std::string source;
  ImageType type = ImageType::kPng;
  url::RequestOptions options;
  config::ProcessingConfig config;
  AuxImage watermark;
  const image::ColourProfile* profile = nullptr;
  std::unique_ptr<image::StopFlag> stop = std::make_unique<image::StopFlag>();

  Result<RenderedImage> run() {
    RenderJob job;
    job.source = as_bytes(source);
    job.source_type = type;
    job.options = &options;
    job.config = &config;
    job.profile = profile;
    if (watermark.type != ImageType::kUnknown) job.watermark = &watermark;
    return render(job, *stop);
  }
};

// The result of a request that must work, decoded into memory.
struct Outcome {
  RenderedImage rendered;
  VipsImagePtr picture;
};
inline Outcome outcome_of(Request& request, int pages = 1) {
  Outcome out;
  auto result = request.run();
  if (!result) {
    ADD_FAILURE() << "render failed: " << result.error().detail;
    std::abort();
  }
  out.rendered = std::move(*result);
  image::LoadParams params;
  params.pages = pages;
  auto loaded = image::load(out.rendered.bytes.span(), out.rendered.type, params);
  if (!loaded) {
    ADD_FAILURE() << "result cannot be read: " << loaded.error().detail;
    std::abort();
  }
  out.picture = VipsImagePtr(vips_image_copy_memory(loaded->get()));
  EXPECT_EQ(vips_image_get_width(out.picture.get()), out.rendered.result_width);
  return out;
}

}  // namespace imgring::pipeline::testing
