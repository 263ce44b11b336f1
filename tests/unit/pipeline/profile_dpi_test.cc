// The options color_profile and dpi, by format (paid.md section 9).
#include "imgring/image/colour_profiles.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

// Sizes tell them apart, and a failure stays readable.
std::size_t profile_in(VipsImage* image) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0) return 0;
  vips_image_get_blob(image, VIPS_META_ICC_NAME, &data, &size);
  return size;
}

const image::ColourProfile& shipped(const char* name) {
  static const image::ColourProfiles all = [] {
    std::vector<std::string> warnings;
    return image::find_colour_profiles("", &warnings);
  }();
  return *image::find_profile(all, name);
}

std::size_t bytes_of(const char* name) {
  VipsBlob* blob = nullptr;
  EXPECT_EQ(vips_profile_load(name, &blob, nullptr), 0);
  std::size_t size = 0;
  vips_blob_get(blob, &size);
  vips_area_unref(reinterpret_cast<VipsArea*>(blob));
  return size;
}

Outcome converted(Request& request, const image::ColourProfile& profile) {
  request.profile = &profile;
  return outcome_of(request);
}

// JPEG XL is left out: libvips shows the profile of what it decoded, not the one in the file.
TEST(ProfileOption, IsCarriedWhereTheFormatHoldsIt) {
  for (const ImageType type : {kJpeg, kPng, kWebp, kTiff, kAvif, kGif, kBmp}) {
    if (!can_save(type)) continue;
    SCOPED_TRACE(std::string(facts_of(type).name));
    for (const bool strip : {true, false}) {
      Request request;
      request.source = encoded(quarters(300, 200).get(), ".png");
      request.options.format = type;
      request.options.strip_color_profile = strip;
      const bool held = facts_of(type).icc;
      const std::size_t srgb = profile_in(converted(request, shipped("srgb")).picture.get());
      EXPECT_EQ(srgb, held ? bytes_of("srgb") : 0);
      const bool inks = type == kJpeg || type == kTiff;
      const Outcome cmyk = converted(request, shipped("cmyk"));
      EXPECT_EQ(profile_in(cmyk.picture.get()), inks ? bytes_of("cmyk") : 0);
      EXPECT_EQ(vips_image_get_interpretation(cmyk.picture.get()) == VIPS_INTERPRETATION_CMYK,
                inks);
    }
  }
}

// From pictures of all kinds, natively decoded and not.
TEST(ProfileOption, OfSourcesOfAllKinds) {
  const VipsImagePtr clear =
      put(plain(400, 300, {0, 0, 0, 0}).get(), plain(200, 300, {200, 40, 40, 255}).get(), 0, 0);
  const std::string sources[] = {
      encoded(quarters(400, 300).get(), ".jpg"), encoded(plain(400, 300, {90}).get(), ".png"),
      encoded(clear.get(), ".png"),
      animation(40, 30, {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}}, ".gif")};
  const ImageType types[] = {kJpeg, kPng, kPng, kGif};
  for (int i = 0; i < 4; ++i) {
    for (const char* name : {"srgb", "cmyk"}) {
      SCOPED_TRACE(std::to_string(i) + name);
      Request request;
      request.source = sources[i];
      request.type = types[i];
      request.options.format = i == 3 ? kWebp : kJpeg;
      request.options.max_animation_frames = 3;
      request.options.first().width = 100;
      const Outcome out = converted(request, shipped(name));
      EXPECT_FALSE(out.rendered.native);
      if (i < 3 || name == std::string("srgb")) {
        EXPECT_EQ(profile_in(out.picture.get()), bytes_of(name));
      }
    }
  }
}

// Known colours to the inks that libvips' own profile has for them, by its transform alone. No
// golden picture: the profile is larger than all of those.
TEST(ProfileOption, InksOfKnownColours) {
  const VipsImagePtr source = quarters(300, 200);
  VipsImage* raw = nullptr;
  ASSERT_EQ(vips_icc_transform(source.get(), &raw, "cmyk", "input_profile", "srgb", nullptr), 0);
  const VipsImagePtr wanted = checked(raw);
  for (const ImageType type : {kTiff, kJpeg}) {
    SCOPED_TRACE(std::string(facts_of(type).name));
    Request request;
    request.source = encoded(source.get(), ".png");
    request.options.format = type;
    request.options.quality = 100;
    const Outcome inks = converted(request, shipped("cmyk"));
    const double off = type == kTiff ? 0 : 4;
    for (const auto& [x, y] : {std::pair{40, 30}, {260, 30}, {40, 170}, {260, 170}}) {
      expect_pixel(inks.picture.get(), x, y, pixel(wanted.get(), x, y), off);
    }
    // White paper has no ink, and a red has no cyan to speak of.
    expect_pixel(inks.picture.get(), 260, 170, {0, 0, 0, 0}, 2 + off);
    EXPECT_LT(pixel(inks.picture.get(), 40, 30)[0], 40);
    EXPECT_GT(pixel(inks.picture.get(), 40, 30)[1], 200);
  }
}

// With metadata and without; EXIF that is kept says the same.
TEST(DpiOption, IsTheResultsResolution) {
  for (const ImageType type : {kJpeg, kPng, kTiff}) {
    for (const bool strip : {true, false}) {
      for (const ImageType from : {kJpeg, kPng}) {
        SCOPED_TRACE(std::string(facts_of(type).name) + (strip ? "" : " sm:0"));
        Request request;
        const VipsImagePtr source = quarters(300, 200);
        vips_image_set_string(source.get(), "exif-ifd0-Make", "something");
        source->Xres = source->Yres = 10;  // 254 dpi
        request.source = encoded(source.get(), from == kJpeg ? ".jpg" : ".png");
        request.type = from;
        request.options.format = type;
        request.options.strip_metadata = strip;
        const double own = strip ? 72 : 254;
        const auto dpi = [&request] {
          return vips_image_get_xres(outcome_of(request).picture.get()) * 25.4;
        };
        EXPECT_NEAR(dpi(), own, 0.5);
        request.options.dpi = 300;
        EXPECT_NEAR(dpi(), 300, 0.5);
        request.options.dpi = 0;
        request.config.strip_metadata_dpi = 96;
        EXPECT_NEAR(dpi(), strip ? 96 : 254, 0.5);
      }
    }
  }
}

TEST(DpiOption, IsSaidByExifToo) {
  Request request;
  const VipsImagePtr source = quarters(300, 200);
  vips_image_set_string(source.get(), "exif-ifd0-Make", "something");
  request.source = encoded(source.get(), ".jpg");
  request.type = kJpeg;
  request.options.strip_metadata = false;
  request.options.dpi = 300;
  for (const ImageType type : {kJpeg, kWebp}) {
    request.options.format = type;
    const Outcome out = outcome_of(request);
    const char* text = "";
    ASSERT_EQ(vips_image_get_string(out.picture.get(), "exif-ifd0-XResolution", &text), 0);
    EXPECT_NE(std::string(text).find("(300"), std::string::npos) << text;
    ASSERT_EQ(vips_image_get_string(out.picture.get(), "exif-ifd0-ResolutionUnit", &text), 0);
    EXPECT_TRUE(std::string(text).starts_with("2 ")) << text;  // inches
  }
}

}  // namespace
}  // namespace imgring::pipeline
