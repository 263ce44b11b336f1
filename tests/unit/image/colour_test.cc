// Colour steps: which spaces come out, what happens to profiles.
#include "imgring/image/colour.h"

#include <gtest/gtest.h>

#include <cmath>

#include "imgring/image/encoder.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

VipsImagePtr as(VipsImagePtr image, VipsInterpretation interpretation) {
  VipsImage* out = nullptr;
  EXPECT_EQ(vips_colourspace(image.get(), &out, interpretation, nullptr), 0);
  return VipsImagePtr(out);
}
void set_profile(VipsImage* image, const std::string& profile) {
  vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, profile.data(), profile.size());
}
// The header fields of the common sRGB profile, nothing else.
std::string standard_header() {
  std::string h(128, '\0');
  h.replace(8, 4, std::string("\x02\x10\0\0", 4));
  h.replace(16, 4, "RGB ");
  h.replace(20, 4, "XYZ ");
  h.replace(24, 6, std::string("\x07\xce\0\x02\0\x09", 6));
  h.replace(48, 4, "IEC ");
  h.replace(52, 4, "sRGB");
  h.replace(80, 4, "HP  ");
  return h;
}
bool has_profile(VipsImage* image) { return vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0; }

TEST(Colour, StandardProfileIsKnownByItsHeader) {
  const VipsImagePtr image = picture(4, 4, 3);
  EXPECT_FALSE(has_standard_srgb_profile(image.get()));
  set_profile(image.get(), standard_header());
  EXPECT_TRUE(has_standard_srgb_profile(image.get()));
  for (const std::size_t offset : {8u, 16u, 24u, 29u, 48u, 52u, 80u}) {
    std::string other = standard_header();
    other[offset] = 'x';
    set_profile(image.get(), other);
    EXPECT_FALSE(has_standard_srgb_profile(image.get())) << offset;
  }
  set_profile(image.get(), standard_header().substr(0, 127));
  EXPECT_FALSE(has_standard_srgb_profile(image.get()));
}

TEST(Colour, ProcessingSpaces) {
  struct Case {
    VipsImagePtr image;
    bool keep_hdr;
    VipsInterpretation want;
  };
  Case cases[] = {
      {picture(8, 8, 3), false, VIPS_INTERPRETATION_sRGB},
      {picture(8, 8, 1), true, VIPS_INTERPRETATION_B_W},
      {picture16(8, 8, 3), false, VIPS_INTERPRETATION_sRGB},
      {picture16(8, 8, 3), true, VIPS_INTERPRETATION_RGB16},
      {picture16(8, 8, 1), false, VIPS_INTERPRETATION_B_W},
      {picture16(8, 8, 1), true, VIPS_INTERPRETATION_GREY16},
      {cmyk_picture(8, 8), true, VIPS_INTERPRETATION_sRGB},
      {as(picture(8, 8, 3), VIPS_INTERPRETATION_LAB), false, VIPS_INTERPRETATION_sRGB},
      {as(picture(8, 8, 3), VIPS_INTERPRETATION_LAB), true, VIPS_INTERPRETATION_RGB16},
      {as(picture(8, 8, 3), VIPS_INTERPRETATION_scRGB), false, VIPS_INTERPRETATION_sRGB},
  };
  for (const Case& c : cases) {
    const auto out = to_processing(c.image.get(), c.keep_hdr);
    ASSERT_TRUE(out.has_value()) << out.error().detail;
    EXPECT_EQ(vips_image_get_interpretation(out->get()), c.want);
  }
}

TEST(Colour, RgbProfilesAreTransformedAtTheEndOnly) {
  const VipsImagePtr image = picture(8, 8, 3);
  set_profile(image.get(), built_in("p3"));
  const auto work = to_processing(image.get(), false);
  ASSERT_TRUE(work.has_value());
  EXPECT_FALSE(profile_imported(work->get()));
  EXPECT_EQ(pixels_of(work->get()), pixels_of(image.get()));
  const auto kept = to_result(work->get(), true);
  ASSERT_TRUE(kept.has_value());
  EXPECT_TRUE(has_profile(kept->get()));
  EXPECT_EQ(pixels_of(kept->get()), pixels_of(image.get()));
  const auto stripped = to_result(work->get(), false);
  ASSERT_TRUE(stripped.has_value());
  EXPECT_FALSE(has_profile(stripped->get()));
  EXPECT_NE(pixels_of(stripped->get()), pixels_of(image.get()));
}

// Of greys whose numbers are light (gamma 1).
std::string linear_grey() {
  const auto be = [](std::uint32_t value) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
    return out;
  };
  const std::string zeros(4, '\0'), white = be(63190) + be(65536) + be(54061);
  const std::string parts = "desc" + zeros + be(2) + std::string("a\0", 2) + std::string(78, '\0') +
                            "curv" + zeros + zeros + "XYZ " + zeros + white;
  const std::string tags =
      be(3) + "desc" + be(168) + be(92) + "kTRC" + be(260) + be(12) + "wtpt" + be(272) + be(20);
  std::string head(128, '\0');
  head.replace(0, 4, be(292)).replace(8, 1, "\2").replace(12, 12, "mntrGRAYXYZ ");
  head.replace(36, 4, "acsp").replace(68, 12, white);
  return head + tags + parts;
}

// libvips before 8.15 has no standard profile of greys.
TEST(Colour, GreyProfilesAreTransformedToo) {
  for (const int bands : {1, 2}) {
    const VipsImagePtr image = picture(8, 8, bands);
    set_profile(image.get(), linear_grey());
    const auto work = to_processing(image.get(), false);
    ASSERT_TRUE(work.has_value()) << work.error().detail;
    const auto stripped = to_result(work->get(), false);
    ASSERT_TRUE(stripped.has_value()) << stripped.error().detail;
    EXPECT_EQ(vips_image_get_bands(stripped->get()), bands);
    EXPECT_EQ(vips_image_get_interpretation(stripped->get()), VIPS_INTERPRETATION_B_W);
    EXPECT_FALSE(has_profile(stripped->get()));
    const auto before = pixels_of(image.get()), after = pixels_of(stripped->get());
    for (std::size_t i = 0; i < before.size(); ++i) {
      const bool alpha = bands == 2 && i % 2 == 1;
      const double light = before[i] / 255.0;
      const double srgb =
          light > 0.0031308 ? 1.055 * std::pow(light, 1 / 2.4) - 0.055 : 12.92 * light;
      EXPECT_NEAR(after[i], alpha ? before[i] : 255 * srgb, alpha ? 0 : 2.5);
    }
    const auto kept = to_result(work->get(), true);
    ASSERT_TRUE(kept.has_value());
    EXPECT_EQ(pixels_of(kept->get()), before);
    EXPECT_TRUE(has_profile(kept->get()));
  }
}

TEST(Colour, AProfileLostOnTheWayIsRestored) {
  const VipsImagePtr image = picture(8, 8, 3);
  set_profile(image.get(), built_in("p3"));
  const auto work = to_processing(image.get(), false);
  ASSERT_TRUE(work.has_value());
  vips_image_remove(work->get(), VIPS_META_ICC_NAME);
  const auto kept = to_result(work->get(), true);
  ASSERT_TRUE(kept.has_value());
  EXPECT_TRUE(has_profile(kept->get()));
}

TEST(Colour, CmykIsImportedAndExportedAgain) {
  const VipsImagePtr image = cmyk_picture(8, 8);
  set_profile(image.get(), built_in("cmyk"));
  const auto work = to_processing(image.get(), false);
  ASSERT_TRUE(work.has_value()) << work.error().detail;
  EXPECT_TRUE(profile_imported(work->get()));
  const auto kept = to_result(work->get(), true);
  ASSERT_TRUE(kept.has_value()) << kept.error().detail;
  EXPECT_EQ(vips_image_get_bands(kept->get()), 4);
  EXPECT_EQ(vips_image_get_interpretation(kept->get()), VIPS_INTERPRETATION_CMYK);
  const auto stripped = to_result(work->get(), false);
  ASSERT_TRUE(stripped.has_value());
  EXPECT_EQ(vips_image_get_bands(stripped->get()), 3);
  EXPECT_FALSE(has_profile(stripped->get()));
}

TEST(Colour, BrokenProfilesDoNotStopThePictureAndAreNotKept) {
  for (const std::string& profile : {std::string("x"), std::string(200, '\0'), standard_header()}) {
    const VipsImagePtr image = picture(8, 8, 3);
    set_profile(image.get(), profile);
    const auto work = to_processing(image.get(), false);
    ASSERT_TRUE(work.has_value());
    for (const bool keep : {false, true}) {
      const auto out = to_result(work->get(), keep);
      ASSERT_TRUE(out.has_value()) << out.error().detail;
      EXPECT_EQ(pixels_of(out->get()), pixels_of(image.get()));
      EXPECT_FALSE(has_profile(out->get()));
    }
  }
}

TEST(Colour, TheProfileTakenForABrokenOneOutlivesItsConversion) {
  const VipsImagePtr image = picture(8, 8, 3);
  set_profile(image.get(), std::string(200, '\0'));
  auto linear = to_linear(image.get());
  ASSERT_TRUE(linear.has_value()) << linear.error().detail;
  const auto memory = copy_to_memory(linear->get(), StopFlag{});
  ASSERT_TRUE(memory.has_value());
  linear->reset();  // its conversion goes with it
  const void* data = nullptr;
  std::size_t size = 0;
  ASSERT_EQ(vips_image_get_blob(memory->get(), VIPS_META_ICC_NAME, &data, &size), 0);
  EXPECT_EQ(std::string(static_cast<const char*>(data), size), built_in("srgb"));
}

TEST(Colour, LinearAndBackIsTheSamePicture) {
  const VipsImagePtr image = picture(16, 16, 3);
  const auto linear = to_linear(image.get());
  ASSERT_TRUE(linear.has_value());
  EXPECT_EQ(vips_image_get_interpretation(linear->get()), VIPS_INTERPRETATION_scRGB);
  const auto back = to_interpretation(linear->get(), VIPS_INTERPRETATION_sRGB);
  ASSERT_TRUE(back.has_value());
  const auto before = pixels_of(image.get()), after = pixels_of(back->get());
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i], after[i], 1);
}

TEST(Colour, LinearGreyFloatsGetTheirGamma) {
  const float pixels[] = {0.0f, 0.5f, 1.0f, 1.0f};  // grey, alpha, grey, alpha
  VipsImage* raw =
      vips_image_new_from_memory_copy(pixels, sizeof pixels, 2, 1, 2, VIPS_FORMAT_FLOAT);
  VipsImage* typed = nullptr;
  ASSERT_EQ(vips_copy(raw, &typed, "interpretation", VIPS_INTERPRETATION_B_W, nullptr), 0);
  const VipsImagePtr owner(raw), image(typed);
  const auto out = fix_float_tiff(image.get());
  ASSERT_TRUE(out.has_value()) << out.error().detail;
  EXPECT_EQ(vips_image_get_interpretation(out->get()), VIPS_INTERPRETATION_GREY16);
  EXPECT_EQ(vips_image_get_format(out->get()), VIPS_FORMAT_USHORT);
  const auto bytes = pixels_of(out->get());
  const auto* values = reinterpret_cast<const std::uint16_t*>(bytes.data());
  EXPECT_EQ(values[0], 0);
  EXPECT_NEAR(values[1], 32767, 1);
  EXPECT_NEAR(values[2], 65535, 2);
  EXPECT_EQ(values[3], 65535);
}

}  // namespace
}  // namespace imgring::image::test
