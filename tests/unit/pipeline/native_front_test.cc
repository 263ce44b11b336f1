// Plans that only begin natively, and colours that are made sRGB, beside libvips all alone.
#include "../../../src/pipeline/step_rows.h"
#include "native_alike.h"

namespace imgring::pipeline {
namespace {

using namespace testing;

// Steps that only libvips has, behind a native front.
TEST(NativeRender, FrontLooksLikeWhatLibvipsMakesAllAlone) {
  struct Case {
    const char* name;
    void (*change)(url::PixelOptions*);
    double least_db = 40;
  };
  constexpr Case kCases[] = {
      {"pixelate and blur", [](url::PixelOptions* o) { o->blur = 3, o->pixelate = 2; }},
      {"pixelate", [](url::PixelOptions* o) { o->pixelate = 5; }},
      {"extend", [](url::PixelOptions* o) { o->height = 300, o->extend.on = true; }},
      {"padding", [](url::PixelOptions* o) { o->padding = {3, 4, 5, 6}; }},
      {"background",
       [](url::PixelOptions* o) {
         o->padding.left = 9;
         o->background = {90, 30, 60};
       }},
      {"turned",
       [](url::PixelOptions* o) {
         o->rotate = 90;
         o->flip_horizontal = true;
         o->pixelate = 2;
       }},
      {"crop",
       [](url::PixelOptions* o) {
         o->crop.width = 222;
         o->crop.height = 141;
         o->crop.gravity.type = url::GravityType::kSouthEast;
         o->blur = 30;
       }},
      {"smart",
       [](url::PixelOptions* o) {
         o->resizing_type = url::ResizingType::kFill;
         o->height = 190;
         o->gravity.type = url::GravityType::kSmart;
       }},
      {"watermark", [](url::PixelOptions* o) { o->watermark.opacity = 0.5; }},
  };
  AuxImage mark;
  mark.bytes = encoded_photo({60, 40}, 4, ".png");
  mark.type = kPng;
  for (const Case& c : kCases) {
    for (const ImageType result : {kJpeg, kPng, kWebp}) {
      for (const int bands : {1, 2, 3, 4}) {
        SCOPED_TRACE(std::string(c.name) + " to " + std::string(facts_of(result).name) + " bands " +
                     std::to_string(bands));
        Request request = png_request("w:170", {331, 299}, bands, result);
        c.change(&request.options.first());
        if (request.options.first().watermark.opacity > 0) request.watermark = mark;
        expect_alike(request, result == kWebp ? 34 : c.least_db, By::kFront);
      }
    }
  }
}

TEST(NativeRender, BlursAndSharpensAsLibvipsDoes) {
  for (const double blur : {0.1, 0.7, 4.0, 17.0}) {
    for (const double sharpen : {0.0, 0.5, 1.0, 6.0}) {
      SCOPED_TRACE(std::to_string(blur) + " " + std::to_string(sharpen));
      Request request = png_request("w:170/rot:90", {331, 299}, 3);
      request.options.first().blur = blur;
      request.options.first().sharpen = sharpen;
      expect_alike(request, 36);
    }
  }
  for (const ImageType result : {kJpeg, kWebp}) {
    for (const int bands : {1, 3, 4}) {
      Request request = png_request("w:170", {331, 299}, bands, result);
      request.options.first().blur = 1;
      request.options.first().sharpen = 2;
      expect_alike(request, 34, bands == 3 ? By::kNative : By::kFront);
    }
  }
}

// Rings for rows that there are not held 700 MB for a row of a million pixels.
TEST(NativeRender, FiltersOfLowAndOfWidePictures) {
  for (const Size size :
       {Size{kFilteredWidthMax, 4}, Size{kFilteredWidthMax, 40}, Size{kFilteredWidthMax + 1, 4}}) {
    SCOPED_TRACE(size.width);
    Request request = png_request("w:0", size, 3);
    request.options.first().blur = 17;
    request.options.first().sharpen = 6;
    expect_alike(request, 36, size.width > kFilteredWidthMax ? By::kFront : By::kNative);
  }
}

TEST(NativeRender, ASharpeningOfNothingIsNone) {
  Request request = png_request("w:170", {331, 299}, 3);
  request.options.first().sharpen = 1e-200;
  expect_alike(request, 45);
}

TEST(NativeRender, FrontServesEverySaver) {
  for (const ImageType result : {kAvif, kTiff, kBmp, kIco}) {
    if (!can_save(result)) continue;
    for (const int bands : {3, 4}) {
      SCOPED_TRACE(std::string(facts_of(result).name) + " bands " + std::to_string(bands));
      Request request = png_request("w:170", {331, 299}, bands, result);
      expect_alike(request, result == kAvif ? 36 : 40, By::kFront);
    }
  }
}

VipsImagePtr p3_photo(Size size, int bands) {
  VipsImage* own = nullptr;
  EXPECT_EQ(vips_copy(photo(size, bands).get(), &own, nullptr), 0);
  VipsImagePtr picture = checked(own);
  VipsBlob* p3 = nullptr;
  EXPECT_EQ(vips_profile_load("p3", &p3, nullptr), 0);
  std::size_t size_bytes = 0;
  const void* profile = vips_blob_get(p3, &size_bytes);
  vips_image_set_blob_copy(picture.get(), VIPS_META_ICC_NAME, profile, size_bytes);
  vips_area_unref(reinterpret_cast<VipsArea*>(p3));
  return picture;
}

TEST(NativeRender, MakesMatrixProfilesSrgbOrKeepsThem) {
  for (const int bands : {3, 4}) {
    const std::string png = encoded(p3_photo({401, 299}, bands).get(), ".png");
    for (const ImageType result : {kJpeg, kPng, kWebp, kTiff}) {
      for (const bool strip_profile : {true, false}) {
        SCOPED_TRACE(::testing::Message() << facts_of(result).name << bands << strip_profile);
        Request request = request_of("w:150/rot:90", png, kPng, result);
        request.options.strip_color_profile = strip_profile;
        expect_alike(request, result == kWebp ? 36 : 40,
                     result == kTiff ? By::kFront : By::kNative);
        const VipsImagePtr made = picture_of(*run(request, false));
        EXPECT_EQ(vips_image_get_typeof(made.get(), VIPS_META_ICC_NAME) == 0, strip_profile);
      }
    }
  }
  const std::string jpeg = encoded(p3_photo({401, 299}, 3).get(), ".jpg[Q=92]");
  expect_alike(request_of("w:150", jpeg, kJpeg, kJpeg));
}

// Whatever the source says of itself goes with the pixels.
TEST(NativeRender, FrontKeepsWhatIsKept) {
  const VipsImagePtr picture = p3_photo({401, 299}, 3);
  vips_image_set_string(picture.get(), "exif-ifd0-Copyright", "Somebody");
  vips_image_set_int(picture.get(), VIPS_META_ORIENTATION, 6);
  const std::string bytes = encoded(picture.get(), ".jpg[Q=90]");
  for (const ImageType result : {kJpeg, kPng, kWebp, kTiff}) {
    for (const bool strip : {true, false}) {
      for (const bool strip_profile : {true, false}) {
        SCOPED_TRACE(::testing::Message() << facts_of(result).name << strip << strip_profile);
        Request request = request_of("w:150", bytes, kJpeg, result);
        request.options.strip_metadata = strip;
        request.options.strip_color_profile = strip_profile;
        request.options.first().pixelate = 2;
        expect_alike(request, 34, By::kFront);
      }
    }
  }
}

}  // namespace
}  // namespace imgring::pipeline
