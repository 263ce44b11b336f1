// Profiles of a folder, and pictures that are converted to one.
#include "imgring/image/colour_profiles.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "imgring/image/colour.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

std::string shipped_profile(const char* name) {
  VipsBlob* blob = nullptr;
  EXPECT_EQ(vips_profile_load(name, &blob, nullptr), 0);
  std::size_t size = 0;
  const void* data = vips_blob_get(blob, &size);
  std::string profile(static_cast<const char*>(data), size);
  vips_area_unref(reinterpret_cast<VipsArea*>(blob));
  return profile;
}

class ProfileFolder {
 public:
  ProfileFolder() {
    std::string name = std::filesystem::temp_directory_path() / "imgring-profiles-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~ProfileFolder() { std::filesystem::remove_all(path); }
  ProfileFolder(const ProfileFolder&) = delete;
  ProfileFolder& operator=(const ProfileFolder&) = delete;
  void write(const char* name, const std::string& bytes) const {
    std::ofstream(path + "/" + name, std::ios::binary) << bytes;
  }
  std::string path;
};

VipsImagePtr with_icc(VipsImagePtr image, const std::string& profile) {
  vips_image_set_blob_copy(image.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  return image;
}
std::string icc_of(VipsImage* image) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0) return {};
  EXPECT_EQ(vips_image_get_blob(image, VIPS_META_ICC_NAME, &data, &size), 0);
  return {static_cast<const char*>(data), size};
}
VipsImagePtr profiled(VipsImage* image, const ColourProfile& profile) {
  auto out = to_profile(image, profile);
  EXPECT_TRUE(out.has_value()) << out.error().detail;
  EXPECT_FALSE(icc_of(out->get()).empty());
  return std::move(*out);
}
// By libvips in one go, which knows output profiles by the names of files.
VipsImagePtr transformed(VipsImage* image, const std::string& file) {
  VipsImage* out = nullptr;
  EXPECT_EQ(vips_icc_transform(image, &out, file.c_str(), "embedded", TRUE, "input_profile", "srgb",
                               nullptr),
            0);
  return VipsImagePtr(out);
}
void expect_near_pixels(VipsImage* left, VipsImage* right, int off) {
  const auto a = pixels_of(left), b = pixels_of(right);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], off) << i;
}

TEST(ColourProfiles, OfAFolder) {
  const ProfileFolder folder;
  folder.write("wide.icc", shipped_profile("p3"));
  folder.write("press.icm", shipped_profile("cmyk"));
  folder.write("broken.icc", "no profile");
  folder.write("cut.icc", shipped_profile("p3").substr(0, 128));
  folder.write("large.icc", std::string(kColourProfileBytesMax + 1, 'x'));
  folder.write("text.txt", shipped_profile("p3"));
  std::vector<std::string> warnings;
  const ColourProfiles all = find_colour_profiles(folder.path, &warnings);
  EXPECT_EQ(all.size(), 4u);
  EXPECT_EQ(warnings.size(), 3u);
  for (const std::string& text : warnings) {
    EXPECT_TRUE(text.starts_with("IMGPROXY_COLOR_PROFILES_DIR: ")) << text;
  }
  ASSERT_NE(find_profile(all, "wide"), nullptr);
  EXPECT_EQ(find_profile(all, "wide")->file, folder.path + "/wide.icc");
  EXPECT_EQ(find_profile(all, "wide.icc"), find_profile(all, "wide"));
  ASSERT_NE(find_profile(all, "press"), nullptr);
  EXPECT_TRUE(find_profile(all, "press")->cmyk);
  EXPECT_EQ(find_profile(all, "sRGB"), find_profile(all, "srgb"));
  EXPECT_TRUE(find_profile(all, "srgb")->standard_srgb);
  EXPECT_TRUE(find_profile(all, "CMYK")->cmyk);
  for (const char* none : {"broken", "cut", "large.icc", "text", "text.txt", "", "../wide"}) {
    EXPECT_EQ(find_profile(all, none), nullptr) << none;
  }
}

TEST(ColourProfiles, AFolderThatIsNotThereHasNone) {
  std::vector<std::string> warnings;
  EXPECT_EQ(find_colour_profiles("/nowhere/profiles", &warnings).size(), 2u);
  EXPECT_TRUE(warnings.empty());
}

TEST(ColourProfiles, PicturesAreConvertedAsLibvipsDoesItByFiles) {
  const ProfileFolder folder;
  folder.write("p3.icc", shipped_profile("p3"));
  folder.write("cmyk.icc", shipped_profile("cmyk"));
  std::vector<std::string> warnings;
  const ColourProfiles all = find_colour_profiles(folder.path, &warnings);
  const VipsImagePtr plain = picture(40, 30, 3);
  const VipsImagePtr wide = with_icc(picture(40, 30, 3), shipped_profile("p3"));
  for (const char* name : {"p3", "cmyk"}) {
    const ColourProfile& profile = *find_profile(all, std::string(name) + ".icc");
    for (VipsImage* source : {plain.get(), wide.get()}) {
      const VipsImagePtr got = profiled(source, profile);
      EXPECT_EQ(vips_image_get_bands(got.get()), profile.cmyk ? 4 : 3);
      EXPECT_EQ(icc_of(got.get()), shipped_profile(name));
      expect_near_pixels(got.get(), transformed(source, profile.file).get(), 0);
    }
  }
  // Out of its own profile, as colours are made sRGB.
  const VipsImagePtr srgb = profiled(wide.get(), *find_profile(all, "srgb"));
  expect_near_pixels(srgb.get(), to_result(wide.get(), false)->get(), 1);
}

TEST(ColourProfiles, SrgbOfSrgbLeavesPixelsAsTheyAre) {
  std::vector<std::string> warnings;
  const ColourProfiles all = find_colour_profiles("", &warnings);
  const ColourProfile& srgb = *find_profile(all, "srgb");
  const VipsImagePtr plain = picture(40, 30, 3);
  const VipsImagePtr once = profiled(plain.get(), srgb);
  EXPECT_EQ(pixels_of(once.get()), pixels_of(plain.get()));
  EXPECT_EQ(icc_of(once.get()), shipped_profile("srgb"));
  expect_near_pixels(profiled(once.get(), srgb).get(), plain.get(), 1);
  // What was imported is sRGB, whatever profile came with it.
  const VipsImagePtr inks = cmyk_picture(40, 30);
  auto imported = to_processing(inks.get(), false);
  ASSERT_TRUE(imported.has_value());
  EXPECT_EQ(pixels_of(profiled(imported->get(), srgb).get()), pixels_of(imported->get()));
}

TEST(ColourProfiles, GreyBecomesColourAndAlphaStaysOrIsWhite) {
  std::vector<std::string> warnings;
  const ColourProfiles all = find_colour_profiles("", &warnings);
  const VipsImagePtr grey = profiled(picture(20, 10, 1).get(), *find_profile(all, "srgb"));
  EXPECT_EQ(vips_image_get_bands(grey.get()), 3);
  const VipsImagePtr clear = picture(20, 10, 4);
  const VipsImagePtr with_alpha = profiled(clear.get(), *find_profile(all, "srgb"));
  EXPECT_EQ(pixels_of(with_alpha.get()), pixels_of(clear.get()));
  VipsImage* raw = nullptr;
  ASSERT_EQ(vips_black(&raw, 4, 4, "bands", 4, nullptr), 0);
  const VipsImagePtr black(raw);
  VipsImage* typed = nullptr;
  ASSERT_EQ(vips_copy(black.get(), &typed, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr), 0);
  const VipsImagePtr nothing(typed);
  const VipsImagePtr inks = profiled(nothing.get(), *find_profile(all, "cmyk"));
  EXPECT_EQ(vips_image_get_bands(inks.get()), 4);
  for (const std::uint8_t ink : pixels_of(inks.get())) EXPECT_LE(ink, 2);
  // 16 bits keep theirs.
  const VipsImagePtr deep = profiled(picture16(20, 10, 4).get(), *find_profile(all, "srgb"));
  EXPECT_EQ(vips_image_get_format(deep.get()), VIPS_FORMAT_USHORT);
  EXPECT_EQ(vips_image_get_bands(deep.get()), 4);
}

}  // namespace
}  // namespace imgring::image::test
