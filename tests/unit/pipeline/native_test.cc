// The short way for JPEG against the libvips way: which plans take it, and whether anybody could
// tell from the result.
#include "../../../src/pipeline/native.h"

#include <cmath>

#include "plan_helpers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

// Slopes, waves of several lengths and some grain, as photographs have them.
VipsImagePtr photo(Size size) {
  std::vector<std::uint8_t> pixels;
  std::uint32_t state = 1;
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      state = state * 1664525u + 1013904223u;
      const double grain = static_cast<double>(state >> 24) / 32.0;
      const double wide = 70 * std::sin(x / 61.0 + y / 83.0) + 30 * std::cos(x / 9.0 - y / 14.0);
      const double edge = (x - size.width / 3) * 2 > y ? 25 : -25;
      for (const double shift : {0.0, 20.0, -25.0}) {
        const double v = 120 + wide + edge + grain + shift * std::sin(y / 40.0);
        pixels.push_back(static_cast<std::uint8_t>(std::clamp(v, 0.0, 255.0)));
      }
    }
  }
  const VipsImagePtr raw = checked(vips_image_new_from_memory_copy(
      pixels.data(), pixels.size(), size.width, size.height, 3, VIPS_FORMAT_UCHAR));
  return as_srgb(raw.get());
}

Request jpeg_request(std::string_view path, Size size, const char* suffix = ".jpg[Q=90]") {
  Request request;
  request.source = encoded(photo(size).get(), suffix);
  request.type = kJpeg;
  request.options = options_of(path);
  return request;
}

Result<RenderedImage> run(const Request& request, bool libvips_only) {
  RenderJob job;
  job.source = as_bytes(request.source);
  job.source_type = request.type;
  job.options = &request.options;
  job.config = &request.config;
  job.libvips_only = libvips_only;
  return render(job, *request.stop);
}

VipsImagePtr picture_of(const RenderedImage& rendered) {
  auto loaded = image::load(rendered.bytes.span(), rendered.type, {});
  return loaded ? checked(vips_image_copy_memory(loaded->get())) : nullptr;
}

// Decibels; 99 for the same pixels.
double likeness(VipsImage* a, VipsImage* b) {
  std::size_t size = 0, other = 0;
  void* first = vips_image_write_to_memory(a, &size);
  void* second = vips_image_write_to_memory(b, &other);
  EXPECT_EQ(size, other);
  double sum = 0;
  for (std::size_t i = 0; i < std::min(size, other); ++i) {
    const double d = static_cast<double>(static_cast<std::uint8_t*>(first)[i]) -
                     static_cast<double>(static_cast<std::uint8_t*>(second)[i]);
    sum += d * d;
  }
  g_free(first);
  g_free(second);
  return sum == 0 ? 99 : 10 * std::log10(255.0 * 255.0 * static_cast<double>(size) / sum);
}

std::string exif_of(VipsImage* picture) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_get_typeof(picture, VIPS_META_EXIF_NAME) == 0) return {};
  EXPECT_EQ(vips_image_get_blob(picture, VIPS_META_EXIF_NAME, &data, &size), 0);
  return {static_cast<const char*>(data), size};
}

void expect_alike(const Request& request, double least_db = 40) {
  const auto native = run(request, false);
  const auto vips = run(request, true);
  ASSERT_TRUE(native.has_value());
  ASSERT_TRUE(vips.has_value());
  EXPECT_EQ(native->result_width, vips->result_width);
  EXPECT_EQ(native->result_height, vips->result_height);
  EXPECT_EQ(native->origin_width, vips->origin_width);
  const VipsImagePtr a = picture_of(*native), b = picture_of(*vips);
  ASSERT_EQ(vips_image_get_width(a.get()), vips_image_get_width(b.get()));
  ASSERT_EQ(vips_image_get_height(a.get()), vips_image_get_height(b.get()));
  EXPECT_EQ(exif_of(a.get()), exif_of(b.get()));
  EXPECT_GE(likeness(a.get(), b.get()), least_db);
  const double bytes = static_cast<double>(vips->bytes.size_bytes);
  EXPECT_NEAR(static_cast<double>(native->bytes.size_bytes), bytes, bytes * 0.02 + 16);
}

constexpr std::string_view kPaths[] = {
    "w:397", "w:300", "w:222", "w:150", "w:101", "w:99", "w:57", "w:50", "", "rt:force/w:300/h:100",
    "rt:force/w:400/h:100", "rt:fill/w:100/h:100", "rt:fill/w:31/h:170", "c:200:150",
    "c:201:149/w:100", "c:333:111/rt:fill/w:77/h:53", "w:200/dpr:1.5", "rt:fill/w:300/h:10"};

TEST(NativeRender, LooksLikeWhatLibvipsMakes) {
  for (const std::string_view path : kPaths) {
    SCOPED_TRACE(path);
    expect_alike(jpeg_request(path, {401, 299}));
  }
}

TEST(NativeRender, LooksLikeWhatLibvipsMakesOfEveryKindOfJpeg) {
  for (const char* suffix : {".jpg[Q=95,subsample-mode=off]", ".jpg[interlace]", ".jpg[Q=60]",
                             ".jpg[Q=85,optimize-coding]"}) {
    for (const std::string_view path : {"w:300", "w:90", "c:120:90/w:80"}) {
      SCOPED_TRACE(std::string(suffix) + " " + std::string(path));
      expect_alike(jpeg_request(path, {403, 305}, suffix));
    }
  }
}

TEST(NativeRender, KeepsTheMetadataThatIsKept) {
  Request request = jpeg_request("w:150", {401, 299});
  VipsImage* own = nullptr;
  ASSERT_EQ(vips_copy(photo({401, 299}).get(), &own, nullptr), 0);
  const VipsImagePtr picture = checked(own);
  vips_image_set_string(picture.get(), "exif-ifd0-Copyright", "Somebody");
  vips_image_set_string(picture.get(), "exif-ifd0-Model", "Camera");
  vips_image_set_int(picture.get(), VIPS_META_ORIENTATION, 1);
  request.source = encoded(picture.get(), ".jpg[Q=90]");
  for (const bool strip : {true, false}) {
    for (const bool copyright : {true, false}) {
      request.options.strip_metadata = strip;
      request.options.keep_copyright = copyright;
      SCOPED_TRACE(::testing::Message() << strip << copyright);
      expect_alike(request);
    }
  }
}

TEST(NativeRender, DamagedSourcesEndAsTheyDoInLibvips) {
  const Request whole = jpeg_request("w:150", {401, 299});
  for (const std::size_t percent : {3u, 20u, 50u, 80u, 99u}) {
    for (const bool cut : {true, false}) {
      SCOPED_TRACE(::testing::Message() << percent << (cut ? " cut" : " damaged"));
      Request request = jpeg_request("w:150", {401, 299});
      const std::size_t at = whole.source.size() * percent / 100;
      if (cut) request.source.resize(at);
      for (std::size_t i = at; i < std::min(at + 40, request.source.size()); ++i)
        request.source[i] = static_cast<char>(i * 91);
      const auto native = run(request, false);
      const auto vips = run(request, true);
      ASSERT_EQ(native.has_value(), vips.has_value());
      if (!native) {
        EXPECT_EQ(native.error().code, vips.error().code);
        continue;
      }
      EXPECT_EQ(native->result_height, vips->result_height);
      EXPECT_GE(likeness(picture_of(*native).get(), picture_of(*vips).get()), 36);
    }
  }
}

TEST(NativeRender, StoppedJobsSayWhy) {
  const Request request = jpeg_request("w:150", {401, 299});
  request.stop->stop(image::StopReason::kTimeout);
  const auto result = run(request, false);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kTimeout);
}

// Whether the plan of a path is carried out the short way.
struct Asked {
  SourceFacts source = facts(kJpeg, 1000, 800);
  url::ProcessingOptions options;
  config::ProcessingConfig config;
  ImageType result = kJpeg;
  int frames = 1;
  bool watermark = false;

  bool native() const {
    PlanInput in;
    in.facts = source;
    in.options = &options;
    in.config = &config;
    in.result_type = result;
    in.frames = frames;
    in.watermark = watermark;
    return native_job(make_plan(in), in).has_value();
  }
};

TEST(NativeJob, TakesCutsAndReductions) {
  for (const std::string_view path : {"", "w:500", "w:50", "w:2000", "rt:fill/w:300/h:300",
                                      "c:500:300/w:100"}) {
    Asked asked;
    asked.options = options_of(path);
    EXPECT_TRUE(asked.native()) << path;
  }
}

// Four times and more, after what libjpeg takes: libvips averages boxes there.
TEST(NativeJob, LeavesLargeFactorsToLibvips) {
  for (const std::string_view path : {"rt:force/w:999/h:200", "w:31", "w:1"}) {
    Asked asked;
    asked.options = options_of(path);
    EXPECT_FALSE(asked.native()) << path;
  }
}

TEST(NativeJob, LeavesEverythingElseToLibvips) {
  using Change = void (*)(Asked*);
  constexpr Change kChanges[] = {
      [](Asked* a) { a->result = kPng; },
      [](Asked* a) { a->source.type = kPng; },
      [](Asked* a) { a->source.alpha = true; },
      [](Asked* a) { a->source.orientation = 6; },
      [](Asked* a) { a->frames = 2; },
      [](Asked* a) { a->config.use_linear_colorspace = true; },
      [](Asked* a) { a->options.rotate = 90; },
      [](Asked* a) { a->options.flip_horizontal = true; },
      [](Asked* a) { a->options.blur = 2; },
      [](Asked* a) { a->options.sharpen = 2; },
      [](Asked* a) { a->options.pixelate = 4; },
      [](Asked* a) { a->options.trim.on = true; },
      [](Asked* a) { a->options.max_bytes = 1000; },
      [](Asked* a) { a->options.padding.top = 4; },
      [](Asked* a) { a->options.width = 2000, a->options.enlarge = true; },
      [](Asked* a) { a->options.height = 700, a->options.extend.on = true; },
      [](Asked* a) { a->watermark = true, a->options.watermark.opacity = 1; },
      [](Asked* a) {
        a->options.resizing_type = url::ResizingType::kFill;
        a->options.height = 500;
        a->options.gravity.type = url::GravityType::kSmart;
      },
  };
  for (std::size_t i = 0; i < std::size(kChanges); ++i) {
    Asked asked;
    asked.options = options_of("w:400");
    ASSERT_TRUE(asked.native());
    kChanges[i](&asked);
    EXPECT_FALSE(asked.native()) << "change " << i;
  }
}

TEST(NativeJob, TakesATurnedSourceThatStaysAsItIs) {
  Asked asked;
  asked.options = options_of("w:400");
  asked.source.orientation = 6;
  asked.options.auto_rotate = false;
  EXPECT_TRUE(asked.native());
}

TEST(NativePixels, AreThoseOfPlainSrgb) {
  EXPECT_TRUE(has_native_pixels(photo({8, 8}).get()));
  EXPECT_FALSE(has_native_pixels(plain(8, 8, {7}).get()));
  VipsImage* own = nullptr;
  ASSERT_EQ(vips_copy(photo({8, 8}).get(), &own, nullptr), 0);
  const VipsImagePtr picture = checked(own);
  const std::string profile(200, 'p');
  vips_image_set_blob_copy(picture.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  EXPECT_FALSE(has_native_pixels(picture.get()));
}

}  // namespace
}  // namespace imgring::pipeline
