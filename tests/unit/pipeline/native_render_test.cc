// The short way against the libvips way: whether anybody could tell from the result.
#include <chrono>
#include <functional>
#include <numeric>
#include <thread>

#include "imgring/pipeline/estimate.h"
#include "native_alike.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

constexpr std::string_view kPaths[] = {"w:397",
                                       "w:300",
                                       "w:222",
                                       "w:150",
                                       "w:101",
                                       "w:99",
                                       "w:57",
                                       "w:50",
                                       "",
                                       "rt:force/w:300/h:100",
                                       "rt:force/w:400/h:100",
                                       "rt:fill/w:100/h:100",
                                       "rt:fill/w:31/h:170",
                                       "c:200:150",
                                       "c:201:149/w:100",
                                       "c:333:111/rt:fill/w:77/h:53",
                                       "w:200/dpr:1.5",
                                       "rt:fill/w:300/h:10"};

TEST(NativeRender, LooksLikeWhatLibvipsMakes) {
  for (const std::string_view path : kPaths) {
    SCOPED_TRACE(path);
    expect_alike(jpeg_request(path, {401, 299}));
    expect_alike(png_request(path, {401, 299}, 4));
  }
}

// Boxes are averaged before; of odd sizes too, whose last box is not full.
TEST(NativeRender, LooksLikeWhatLibvipsMakesOfLargeReductions) {
  for (const std::string_view path :
       {"w:100", "w:99", "w:50", "w:12", "w:4", "rt:force/w:300/h:20", "rt:force/w:20/h:200",
        "c:333:250/w:40", "rt:fill/w:40/h:40", "c:250:120/rt:fill/w:9/h:17"}) {
    for (const int bands : {1, 2, 3, 4}) {
      SCOPED_TRACE(std::string(path) + " bands " + std::to_string(bands));
      expect_alike(png_request(path, {401, 299}, bands));
    }
  }
}

TEST(NativeRender, LooksLikeWhatLibvipsMakesOfEveryKindOfJpeg) {
  for (const char* suffix : {".jpg[Q=95,subsample-mode=off]", ".jpg[interlace]", ".jpg[Q=60]",
                             ".jpg[Q=85,optimize-coding]"}) {
    for (const std::string_view path : {"w:300", "w:90", "w:20", "c:120:90/w:80"}) {
      SCOPED_TRACE(std::string(suffix) + " " + std::string(path));
      expect_alike(jpeg_request(path, {403, 305}, suffix));
      expect_alike(jpeg_request(path, {403, 305}, suffix, 1));
    }
  }
}

TEST(NativeRender, LooksLikeWhatLibvipsMakesInEveryPairOfFormats) {
  for (const ImageType result : {kJpeg, kPng, kWebp}) {
    for (const std::string_view path : {"w:200", "w:90", "", "c:120:90/w:80"}) {
      SCOPED_TRACE(std::string(path) + " to " + std::string(facts_of(result).name));
      // What is lost by compression is lost in another place: of 36 dB beside the original each.
      const double least_db = result == kWebp ? 36 : 40;
      for (const int bands : {3, 4})
        expect_alike(png_request(path, {403, 305}, bands, result), least_db);
      Request jpeg = jpeg_request(path, {403, 305});
      jpeg.options.format = result;
      expect_alike(jpeg, least_db);
      if (result == kWebp) continue;  // libvips makes colour of grey
      for (const int bands : {1, 2}) expect_alike(png_request(path, {403, 305}, bands, result));
    }
  }
}

TEST(NativeRender, PutsTheBackgroundUnderWhatIsClear) {
  for (const ImageType result : {kJpeg, kPng, kWebp}) {
    for (const int bands : {2, 4}) {
      if (bands == 2 && result == kWebp) continue;
      Request request = png_request("w:165", {331, 199}, bands, result);
      request.options.first().background = {200, 200, 200};
      expect_alike(request);
      request.options.first().background = {200, 30, 60};
      if (bands == 4) expect_alike(request);
    }
  }
}

TEST(NativeRender, TurnsAsLibvipsDoes) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    VipsImage* own = nullptr;
    ASSERT_EQ(vips_copy(photo({323, 205}, 3).get(), &own, nullptr), 0);
    const VipsImagePtr picture = checked(own);
    vips_image_set_int(picture.get(), VIPS_META_ORIENTATION, orientation);
    const std::string source = encoded(picture.get(), ".jpg[Q=90]");
    for (const std::string_view path :
         {"", "rt:fill/w:60/h:90", "rot:270/c:77:50/rt:fill/w:31/h:33",
          "rot:180/rt:fill/w:50/h:20"}) {
      for (const int flips : {0, 3}) {
        SCOPED_TRACE(std::string(path) + " " + std::to_string(orientation * 10 + flips));
        Request request = request_of(path, source, kJpeg, kJpeg);
        request.options.first().flip_horizontal = (flips & 1) != 0;
        request.options.first().flip_vertical = (flips & 2) != 0;
        request.options.first().gravity.type = url::GravityType::kNorthWest;
        expect_alike(request, 38);
      }
    }
  }
}

TEST(NativeRender, TurnsEveryKindOfPixel) {
  for (const int bands : {1, 2, 3, 4}) expect_alike(png_request("w:90/rot:90", {323, 205}, bands));
}

TEST(NativeRender, KeepsTheMetadataThatIsKept) {
  VipsImage* own = nullptr;
  ASSERT_EQ(vips_copy(photo({401, 299}, 3).get(), &own, nullptr), 0);
  const VipsImagePtr picture = checked(own);
  vips_image_set_string(picture.get(), "exif-ifd0-Copyright", "Somebody");
  vips_image_set_string(picture.get(), "exif-ifd0-Model", "Camera");
  vips_image_set_int(picture.get(), VIPS_META_ORIENTATION, 1);
  for (const ImageType source : {kJpeg, kPng}) {
    for (const ImageType result : {kJpeg, kPng, kWebp}) {
      const std::string bytes = encoded(picture.get(), source == kJpeg ? ".jpg[Q=90]" : ".png");
      Request request = request_of("w:150", bytes, source, result);
      // libvips puts EXIF blocks with more than the essential together. Those of PNG it reads since
      // 8.15.
      const bool has_exif = !exif_of(image::load(as_bytes(bytes), source, {})->get()).empty();
      for (const bool strip : {true, false}) {
        for (const bool copyright : {true, false}) {
          request.options.strip_metadata = strip;
          request.options.keep_copyright = copyright;
          SCOPED_TRACE(::testing::Message()
                       << facts_of(source).name << facts_of(result).name << strip << copyright);
          expect_alike(request, 36, strip || !has_exif ? By::kNative : By::kFront);
        }
      }
    }
  }
}

void expect_damage_as_in_libvips(const std::function<Request()>& make) {
  const Request whole = make();
  for (const std::size_t percent : {3u, 20u, 50u, 80u, 99u}) {
    for (const bool cut : {true, false}) {
      SCOPED_TRACE(::testing::Message() << percent << (cut ? " cut" : " damaged"));
      Request request = make();
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

TEST(NativeRender, DamagedSourcesEndAsTheyDoInLibvips) {
  expect_damage_as_in_libvips([] { return jpeg_request("w:150", {401, 299}); });
  expect_damage_as_in_libvips([] { return png_request("w:150", {401, 299}, 3); });
  expect_damage_as_in_libvips([] { return png_request("w:50", {401, 299}, 4); });
  expect_damage_as_in_libvips([] { return webp_request("w:150", {401, 299}); });
  expect_damage_as_in_libvips([] {
    Request request = jpeg_request("w:150", {401, 299});
    request.options.first().pixelate = 2;
    return request;
  });
}

TEST(NativeRender, StoppedJobsSayWhy) {
  for (const Request& request :
       {jpeg_request("w:150", {401, 299}), png_request("w:150", {401, 299}, 4),
        webp_request("w:150", {401, 299})}) {
    request.stop->stop(image::StopReason::kTimeout);
    const auto result = run(request, false);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kTimeout);
  }
}

// A turn has all of its rows at once: what comes behind it is stopped, too.
TEST(NativeRender, StopsBehindATurn) {
  const auto turned = [] {
    Request request = jpeg_request("rot:90", {1201, 899});
    request.options.format = kPng;
    return request;
  };
  const auto timed = [](const auto& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::steady_clock::now() - begin;
  };
  // Rows are decoded and turned in a third of the time. A machine that is busy in one of the two
  // measures it wrong, or is done before it is told: another moment is tried.
  bool ended = false;
  for (int percent = 80; percent >= 40 && !ended; percent -= 5) {
    const auto whole = timed([&] {
      const auto result = run(turned(), false);
      ASSERT_TRUE(result.has_value());
      EXPECT_TRUE(result->native);
    });
    const Request request = turned();
    std::thread stopper([&] {
      std::this_thread::sleep_for(whole * percent / 100);
      request.stop->stop(image::StopReason::kTimeout);
    });
    const auto stopped = run(request, false);
    stopper.join();
    ended = !stopped.has_value();
    if (ended) EXPECT_EQ(stopped.error().code, ErrorCode::kTimeout);
  }
  EXPECT_TRUE(ended);
}

// Progressive JPEGs from 2.8 megapixels on run one at a time.
TEST(Estimate, LargeWholeDecodesAreTold) {
  struct Case {
    Size size;
    const char* suffix;
    bool large;
  };
  for (const Case& c :
       {Case{{1700, 1700}, ".jpg[interlace]", true}, Case{{1500, 1500}, ".jpg[interlace]", false},
        Case{{1700, 1700}, ".jpg", false}}) {
    const VipsImagePtr picture = plain(c.size.width, c.size.height, {9, 9, 9});
    const Request request = request_of("w:100", encoded(picture.get(), c.suffix), kJpeg, kJpeg);
    RenderJob job;
    job.source = as_bytes(request.source);
    job.source_type = request.type;
    job.options = &request.options;
    job.config = &request.config;
    const auto facts = read_facts(job.source, job.source_type, 1);
    EXPECT_EQ(estimate(job, facts).large, c.large) << c.size.width << c.suffix;
  }
}

// Sizes that JPEG XL writes in eighths, by a ratio, and in full.
TEST(Estimate, ReadsTheSizeOfJxl) {
  if (!can_save(ImageType::kJxl)) GTEST_SKIP() << "libvips has no JPEG XL here";
  for (const Size size : {Size{800, 640}, Size{900, 900}, Size{1280, 720}, Size{701, 463}}) {
    const VipsImagePtr picture = plain(size.width, size.height, {9, 9, 9});
    const Request request =
        request_of("w:8/h:8/rt:force", encoded(picture.get(), ".jxl"), ImageType::kJxl, kJpeg);
    RenderJob job;
    job.source = as_bytes(request.source);
    job.source_type = request.type;
    job.options = &request.options;
    job.config = &request.config;
    constexpr int kDecoderBytes = 12, kRest = 2000;  // by pixel of the source; the result's
    const auto facts = read_facts(job.source, job.source_type, 1);
    EXPECT_NEAR(static_cast<double>(estimate(job, facts).bytes),
                static_cast<double>(size.width) * size.height * kDecoderBytes, kRest)
        << size.width;
  }
}

double lanczos(double x) {
  if (std::abs(x) < 1e-9) return 1;
  if (std::abs(x) >= 3) return 0;
  const double px = 3.14159265358979323846 * x;
  return 3 * std::sin(px) * std::sin(px / 3) / (px * px);
}

// `count` lines of `size` pixels each become `resized` pixels: in double precision, without boxes.
struct Lines {
  int count, size, resized, bands;
  double shrink;
};
std::vector<double> reduced_across(const std::vector<double>& in, const Lines& lines) {
  const auto bands = static_cast<std::size_t>(lines.bands);
  const auto size = static_cast<std::size_t>(lines.size);
  const auto resized = static_cast<std::size_t>(lines.resized);
  std::vector<double> out(static_cast<std::size_t>(lines.count) * resized * bands);
  const double left_over = lines.resized * lines.shrink - lines.size;
  for (std::size_t x = 0; x < resized; ++x) {
    const double centre = (static_cast<double>(x) + 0.5) * lines.shrink - 0.5 - left_over / 2;
    const int from = static_cast<int>(std::ceil(centre - 3 * lines.shrink));
    std::vector<double> weights;
    for (int at = from; at <= centre + 3 * lines.shrink; ++at)
      weights.push_back(lanczos((at - centre) / lines.shrink));
    const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const int at = std::clamp(from + static_cast<int>(k), 0, lines.size - 1);
      for (std::size_t line = 0; line < static_cast<std::size_t>(lines.count); ++line) {
        const double* pixel = &in[(line * size + static_cast<std::size_t>(at)) * bands];
        for (std::size_t band = 0; band < bands; ++band)
          out[(line * resized + x) * bands + band] += weights[k] / all * pixel[band];
      }
    }
  }
  return out;
}
std::vector<double> transposed(const std::vector<double>& in, Size size, int bands) {
  std::vector<double> out;
  for (int x = 0; x < size.width; ++x) {
    for (int y = 0; y < size.height; ++y) {
      const auto at = in.begin() + (y * size.width + x) * bands;
      out.insert(out.end(), at, at + bands);
    }
  }
  return out;
}

std::vector<double> exactly_reduced(VipsImage* source, Size to) {
  const Size from{vips_image_get_width(source), vips_image_get_height(source)};
  const int bands = vips_image_get_bands(source);
  const std::vector<double> narrow = reduced_across(
      visible_samples(source),
      {from.height, from.width, to.width, bands, static_cast<double>(from.width) / to.width});
  const std::vector<double> turned = reduced_across(
      transposed(narrow, {to.width, from.height}, bands),
      {to.width, from.height, to.height, bands, static_cast<double>(from.height) / to.height});
  std::vector<double> out = transposed(turned, {to.height, to.width}, bands);
  for (double& v : out) v = std::clamp(v, 0.0, 255.0);
  return out;
}

VipsImagePtr pixels_of_webp(const std::string& source) {
  return checked(vips_image_copy_memory(image::load(as_bytes(source), kWebp, {})->get()));
}

// Of a WebP's own pixels: nearer to them than libwebp's scaler, be it planes that are reduced first
// or colours.
TEST(NativeRender, WebpIsBetterThanLibwebpsScaler) {
  if (kSanitized) GTEST_SKIP() << "values are those of the release, and others make such pictures";
  struct Case {
    Size from;
    int bands;
    const char* suffix;
    double least_db;
  };
  constexpr Case kCases[] = {
      {{420, 300}, 3, ".webp[Q=85]", 40},     {{401, 299}, 3, ".webp[Q=85]", 40},
      {{1024, 703}, 3, ".webp[Q=85]", 40},    {{401, 299}, 4, ".webp[Q=85]", 40},
      {{401, 299}, 3, ".webp[lossless]", 45}, {{401, 299}, 4, ".webp[near-lossless]", 45},
  };
  for (const Case& c : kCases) {
    const std::string source = encoded(photo(c.from, c.bands).get(), c.suffix);
    const VipsImagePtr whole = pixels_of_webp(source);
    for (const int width : {390, 350, 200, 150, 100, 61, 20}) {
      SCOPED_TRACE(::testing::Message()
                   << c.suffix << " of " << c.from.width << "x" << c.bands << " to " << width);
      const Request request = request_of("w:" + std::to_string(width), source, kWebp, kPng);
      const auto native = run(request, false), vips = run(request, true);
      ASSERT_TRUE(native && vips && native->native && !vips->native);
      const Size to{native->result_width, native->result_height};
      ASSERT_EQ(vips->result_height, to.height);
      const std::vector<double> reference = exactly_reduced(whole.get(), to);
      const double ours = likeness(visible_samples(picture_of(*native).get()), reference);
      const double theirs = likeness(visible_samples(picture_of(*vips).get()), reference);
      EXPECT_GE(ours, theirs);
      EXPECT_GE(ours, c.least_db);
    }
  }
}

// A WebP of a WebP without a way over colours, where nothing but its size changes: with odd sides,
// cut, cut at an odd pixel (which goes over colours), and of other kinds.
TEST(NativeRender, WebpOfAWebpLooksLikeWhatLibvipsMakes) {
  for (const char* suffix : {".webp[Q=85]", ".webp[lossless]"}) {
    for (const Size from : {Size{420, 300}, Size{401, 299}}) {
      for (const std::string_view path :
           {"w:250", "w:211", "w:133", "w:50", "rt:force/w:99/h:298", "rt:fill/w:100/h:100",
            "rt:fill/w:101/h:60/g:noea", "rt:fill/w:100/h:80/g:nowe:1:1", "rt:fill/w:31/h:170",
            "w:150/rot:90", "w:150/sh:0.5"}) {
        SCOPED_TRACE(::testing::Message() << suffix << " " << from.width << " " << path);
        Request request = request_of(path, encoded(photo(from, 3).get(), suffix), kWebp, kWebp);
        request.options.quality = 90;
        // What is lost by compression is lost in another place.
        expect_alike(request, 33);
      }
    }
  }
}

// The end of an odd picture has half a sample of chroma: where each lies is told by its beginning.
TEST(NativeRender, WebpOfAWebpKeepsColoursWhereTheyAre) {
  if (kSanitized) GTEST_SKIP() << "values are those of the release, and others make such pictures";
  for (const Size from : {Size{1000, 300}, Size{1001, 299}}) {
    const std::string source = encoded(photo(from, 3).get(), ".webp[Q=90]");
    const VipsImagePtr whole = pixels_of_webp(source);
    for (const int width : {900, 501, 500, 333, 251, 167}) {
      SCOPED_TRACE(::testing::Message() << from.width << " to " << width);
      Request request = request_of("w:" + std::to_string(width), source, kWebp, kWebp);
      request.options.quality = 95;
      const auto native = run(request, false), vips = run(request, true);
      ASSERT_TRUE(native && vips && native->native && !vips->native);
      const std::vector<double> reference =
          exactly_reduced(whole.get(), {native->result_width, native->result_height});
      const double ours = likeness(visible_samples(picture_of(*native).get()), reference);
      const double theirs = likeness(visible_samples(picture_of(*vips).get()), reference);
      RecordProperty("dB of " + std::to_string(from.width) + " to " + std::to_string(width),
                     std::to_string(ours) + " beside " + std::to_string(theirs));
      EXPECT_GE(ours, theirs);
    }
  }
}

// Stripes of red and blue as light as each other, nineteen pixels from one to the next.
VipsImagePtr stripes(Size size) {
  std::vector<std::uint8_t> samples;
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const double wave = std::sin(2 * std::numbers::pi * (x + y) / 19);
      samples.push_back(static_cast<std::uint8_t>(128 + 40 * wave));
      samples.push_back(128);
      samples.push_back(static_cast<std::uint8_t>(128 - 105 * wave));
    }
  }
  return checked(vips_image_new_from_memory_copy(samples.data(), samples.size(), size.width,
                                                 size.height, 3, VIPS_FORMAT_UCHAR));
}

// Chroma of an odd side has half a sample more than luma, which is not squeezed into the picture.
TEST(NativeRender, ColoursOfAWebpAreNotStretched) {
  if (kSanitized) GTEST_SKIP() << "values are those of the release, and others make such pictures";
  for (const Size from : {Size{400, 300}, Size{401, 301}}) {
    const std::string source = encoded(stripes(from).get(), ".webp[Q=95]");
    const VipsImagePtr whole = pixels_of_webp(source);
    for (const int width : {201, 200, 160, 133, 101}) {
      SCOPED_TRACE(::testing::Message() << from.width << " to " << width);
      const Request request = request_of("w:" + std::to_string(width), source, kWebp, kPng);
      const auto native = run(request, false);
      ASSERT_TRUE(native && native->native);
      const std::vector<double> reference =
          exactly_reduced(whole.get(), {native->result_width, native->result_height});
      EXPECT_GE(likeness(visible_samples(picture_of(*native).get()), reference), 36);
    }
  }
}

// Both ways against double precision: ours is never the worse one by more than a trifle.
TEST(NativeRender, IsAsGoodAsLibvipsAgainstDoublePrecision) {
  if (kSanitized) GTEST_SKIP() << "values are those of the release, and others make such pictures";
  struct Case {
    Size source, result;
  };
  constexpr Case kCases[] = {{{420, 300}, {350, 250}}, {{420, 300}, {210, 150}},
                             {{420, 300}, {168, 120}}, {{399, 285}, {133, 95}},
                             {{420, 300}, {105, 75}},  {{420, 300}, {70, 50}},
                             {{420, 300}, {42, 30}},   {{397, 291}, {83, 200}}};
  for (const Case& c : kCases) {
    for (const int bands : {1, 3, 4}) {
      const auto [to_w, to_h] = c.result;
      const std::string path = "rt:force/w:" + std::to_string(to_w) + "/h:" + std::to_string(to_h);
      SCOPED_TRACE(path + " bands " + std::to_string(bands));
      const VipsImagePtr source = photo(c.source, bands);
      const std::vector<double> reference = exactly_reduced(source.get(), c.result);
      const Request request = png_request(path, c.source, bands);
      const auto native = run(request, false), vips = run(request, true);
      ASSERT_TRUE(native && vips && native->native);
      const double ours = likeness(visible_samples(picture_of(*native).get()), reference);
      const double theirs = likeness(visible_samples(picture_of(*vips).get()), reference);
      // From 55 dB on, half a level out of 255, nothing tells them apart.
      EXPECT_GE(ours, std::min(theirs - 0.2, 55.0));
      RecordProperty("dB of " + path + " bands " + std::to_string(bands),
                     std::to_string(ours) + " " + std::to_string(theirs));
    }
  }
}

}  // namespace
}  // namespace imgring::pipeline
