// Pictures whose files say strange things: profiles of other colours, samples that are no colour,
// frames that leave the canvas bare.
#include <gtest/gtest.h>

#include "../../../src/image/profile.h"
#include "imgring/image/colour.h"
#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

using Levels = std::vector<std::uint8_t>;

// A header and nothing else.
std::string header(const char* space, const char* device = "mntr", char version = 2) {
  std::string h(128, '\0');
  h[8] = version;
  return h.replace(12, 4, device)
      .replace(16, 4, space)
      .replace(20, 4, "XYZ ")
      .replace(36, 4, "acsp");
}

TEST(Profile, FitsThePictureWhoseColoursItSpeaksOf) {
  using enum ColourModel;
  const struct {
    std::string profile;
    ColourModel model;
    bool fits;
  } kCases[] = {
      {header("RGB "), kRgb, true},
      {header("GRAY"), kGrey, true},
      {header("CMYK"), kCmyk, true},
      {header("Lab "), kLab, true},
      {header("GRAY"), kRgb, false},
      {header("RGB "), kGrey, false},
      {header("CMYK"), kRgb, false},
      {header("RGB "), kCmyk, false},
      {header("GRAY"), kCmyk, false},
      {header("RGB "), kOther, false},
      {header("RGB ", "scnr"), kRgb, true},
      {header("RGB ", "prtr"), kRgb, true},
      {header("RGB ", "spac"), kRgb, true},
      {header("RGB ", "link"), kRgb, false},
      {header("RGB ", "abst"), kRgb, false},
      {header("RGB ", "nmcl"), kRgb, false},
      {header("RGB ", "mntr", 4), kRgb, true},
      {header("RGB ", "mntr", 5), kRgb, true},
      {header("RGB ", "mntr", 0), kRgb, false},
      {header("RGB ", "mntr", 9), kRgb, false},
      {header("RGB ").substr(0, 127), kRgb, false},
      {"", kRgb, false},
      {std::string(200, 'x'), kRgb, false},
  };
  for (const auto& c : kCases) EXPECT_EQ(fits_model(bytes_of(c.profile), c.model), c.fits);
}

struct Keeper {
  ImageType type;
  const char* suffix;
  bool cmyk, alpha, keeps;  // keeps: libvips writes any profile into it
};
constexpr Keeper kKeepers[] = {{ImageType::kJpeg, ".jpg", true, false, false},
                               {ImageType::kTiff, ".tif", true, true, true},
                               {ImageType::kWebp, ".webp", false, true, true},
                               {ImageType::kAvif, ".avif[compression=av1]", false, true, true}};

// libvips' savers leave out what does not fit: three bands of another space get past them.
TEST(Profile, OfOtherColoursIsNoneWhateverTheFormat) {
  for (const Keeper& format : kKeepers) {
    if (!can_save(format.type)) continue;
    for (const int bands : {3, 4}) {
      if (bands == 4 && !format.alpha) continue;
      for (const std::string& profile : {built_in("srgb"), built_in("cmyk"), header("GRAY"),
                                         header("Lab "), header("RGB ", "link")}) {
        const VipsImagePtr base = picture(32, 32, bands);
        const VipsImagePtr tagged = own_copy(base.get());
        ASSERT_NE(tagged, nullptr);
        set_blob(tagged.get(), VIPS_META_ICC_NAME, profile);
        const std::string file = saved_by_vips(tagged.get(), format.suffix);
        const auto image = load(bytes_of(file), format.type, {});
        ASSERT_TRUE(image.has_value()) << image.error().detail;
        const bool there = vips_image_get_typeof(image->get(), VIPS_META_ICC_NAME) != 0;
        EXPECT_EQ(there, profile == built_in("srgb")) << format.suffix << bands;
      }
    }
  }
}

TEST(Profile, OfInksThatBecameRgbIsNone) {
  const VipsImagePtr inks = cmyk_picture(8, 8);
  VipsImage* made = nullptr;
  ASSERT_EQ(vips_addalpha(inks.get(), &made, nullptr), 0);
  const VipsImagePtr with_alpha(made);
  for (VipsImage* image : {inks.get(), with_alpha.get()}) {
    const auto work = to_processing(image, false);
    ASSERT_TRUE(work.has_value());
    EXPECT_EQ(vips_image_get_typeof(work->get(), VIPS_META_ICC_NAME), 0u);
    for (const bool keep : {true, false}) {
      const auto result = to_result(work->get(), keep);
      ASSERT_TRUE(result.has_value());
      EXPECT_EQ(pixels_of(result->get()), pixels_of(work->get()));
    }
  }
}

// A TIFF of one pixel: photometric interpretation, samples, what the extra ones are.
std::string tiff(std::uint32_t space, const std::vector<std::uint16_t>& samples, int depth,
                 const std::vector<std::uint16_t>& extras) {
  const auto le = [](std::uint64_t value, int width) {
    std::string out;
    for (int i = 0; i < width; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
    return out;
  };
  std::string pixel;
  for (const std::uint16_t s : samples) pixel += le(depth == 16 ? s * 257u : s, depth / 8);
  pixel.resize(16, '\0');
  const auto count = static_cast<std::uint32_t>(samples.size());
  const std::size_t lists_at = 8 + 16 + 2 + 10 * 12 + 4;
  std::string lists, extra_list;
  for (std::uint32_t i = 0; i < count; ++i) lists += le(static_cast<std::uint32_t>(depth), 2);
  for (const std::uint16_t e : extras) extra_list += le(e, 2);
  const auto field = [&](std::uint32_t tag, std::uint32_t type, std::uint64_t n, std::uint64_t v) {
    return le(tag, 2) + le(type, 2) + le(n, 4) + le(v, 4);
  };
  const std::size_t extras_at = lists_at + lists.size();
  const bool inline_depth = lists.size() <= 4, inline_extras = extra_list.size() <= 4;
  const std::uint32_t both = static_cast<std::uint32_t>(depth) * (count > 1 ? 65537u : 1u);
  std::uint32_t packed = extras.empty() ? 0u : extras[0];
  if (extras.size() == 2) packed |= static_cast<std::uint32_t>(extras[1]) << 16;
  return "II*" + le(0, 1) + le(24, 4) + pixel + le(10, 2) + field(256, 3, 1, 1) +
         field(257, 3, 1, 1) + field(258, 3, count, inline_depth ? both : lists_at) +
         field(259, 3, 1, 1) + field(262, 3, 1, space) + field(273, 4, 1, 8) +
         field(277, 3, 1, count) + field(278, 3, 1, 1) +
         field(279, 4, 1, count * static_cast<std::uint32_t>(depth) / 8) +
         field(338, 3, extras.size(), inline_extras ? packed : extras_at) + le(0, 4) + lists +
         extra_list;
}

// A mark over one of these was a 500: no step knows the colours of "multiband".
TEST(Samples, EveryPictureIsOfColoursThatAreKnown) {
  const struct {
    std::uint32_t space;
    std::vector<std::uint16_t> samples, extras;
    int depth;
    Levels wanted;  // empty: whatever
  } kCases[] = {
      {9, {137, 128, 128}, {}, 8, {128, 128, 128}},  // ICC Lab
      {9, {137, 128, 128}, {}, 16, {128, 128, 128}},
      {9, {137, 208, 195, 77}, {2}, 8, {}},
      {9, {137, 208, 195, 77}, {2}, 16, {}},
      {8, {137, 0, 0}, {}, 8, {128, 128, 128}},  // CIE Lab
      {4, {1}, {}, 8, {}},
      {32803, {1}, {}, 16, {}},
      {32844, {1}, {}, 16, {}},
      {34892, {1, 2, 3}, {}, 8, {}},
      {6, {1, 2, 3}, {}, 8, {}},
      {10, {1, 2, 3}, {}, 16, {}},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::to_string(c.space) + " " + std::to_string(c.depth));
    const std::string file = tiff(c.space, c.samples, c.depth, c.extras);
    const auto image = load(bytes_of(file), ImageType::kTiff, {});
    if (!image) {
      EXPECT_TRUE(c.wanted.empty()) << image.error().detail;
      continue;
    }
    EXPECT_NE(colour_model(image->get()), ColourModel::kOther);
    const auto work = to_processing(image->get(), false);
    ASSERT_TRUE(work.has_value()) << work.error().detail;
    const Levels seen = pixels_of(work->get());
    for (std::size_t i = 0; i < c.wanted.size(); ++i) EXPECT_NEAR(seen[i], c.wanted[i], 2);
  }
}

TEST(Samples, ColoursAndTheFirstAlphaAreKept) {
  const struct {
    std::uint32_t space;
    std::vector<std::uint16_t> samples, extras;
    Levels wanted;
  } kCases[] = {
      {2, {1, 2, 3, 4}, {2}, {1, 2, 3, 4}},
      {2, {1, 2, 3, 4, 5}, {2, 0}, {1, 2, 3, 4}},
      {2, {1, 2, 3, 4, 5}, {0, 2}, {1, 2, 3, 5}},  // a mask, then alpha
      {2, {1, 2, 3, 4, 5}, {0, 0}, {1, 2, 3, 4}},
      {2, {1, 2, 3, 4, 5, 6, 7, 8}, {0, 0, 2, 0, 0}, {1, 2, 3, 6}},
      {1, {1, 2, 3}, {2, 0}, {1, 2}},
      {1, {1, 2, 3, 4, 5, 6, 7, 8}, {0, 0, 0, 0, 0, 0, 2}, {1, 8}},
      {5, {1, 2, 3, 4, 5, 6}, {2, 0}, {1, 2, 3, 4, 5}},
      {5, {1, 2, 3, 4, 5, 6, 7, 8}, {0, 2, 0, 0}, {1, 2, 3, 4, 6}},
  };
  for (const auto& c : kCases) {
    for (const int depth : {8, 16}) {
      SCOPED_TRACE(std::to_string(c.space) + " " + std::to_string(c.samples.size()) + " x " +
                   std::to_string(depth));
      const std::string file = tiff(c.space, c.samples, depth, c.extras);
      const auto image = load(bytes_of(file), ImageType::kTiff, {});
      ASSERT_TRUE(image.has_value()) << image.error().detail;
      const Levels bytes = pixels_of(image->get());
      ASSERT_EQ(vips_image_get_bands(image->get()), static_cast<int>(c.wanted.size()));
      for (std::size_t i = 0; i < c.wanted.size(); ++i) {
        // Beside inks libvips wants alpha as 0 to 255.
        const bool ink_alpha = c.space == 5 && i == 4;
        const std::size_t low = i * static_cast<std::size_t>(depth / 8);
        EXPECT_EQ(bytes[low], c.wanted[i]) << i;
        if (depth == 8) continue;
        EXPECT_EQ(bytes[low + 1], ink_alpha ? 0 : c.wanted[i]) << i;
      }
    }
  }
}

std::string gif_frame(int left, int top, int width, int height, int disposal, bool transparent) {
  const auto le = [](int value) {
    return std::string{static_cast<char>(value), static_cast<char>(value >> 8)};
  };
  // Codes of three bits: clear, then one of the second colour and a clear for each pixel.
  std::string bits, data(1, '\2');
  const auto put = [&bits](int code) {
    for (int i = 0; i < 3; ++i) bits.push_back(static_cast<char>(code >> i & 1));
  };
  put(4);
  for (int i = 0; i < width * height; ++i) put(1), put(4);
  put(5);
  std::string packed((bits.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < bits.size(); ++i) {
    packed[i / 8] = static_cast<char>(packed[i / 8] | bits[i] << (i % 8));
  }
  for (std::size_t at = 0; at < packed.size(); at += 255) {
    const std::string part = packed.substr(at, 255);
    data += static_cast<char>(part.size()) + part;
  }
  return std::string("\x21\xf9\x04", 3) + static_cast<char>(disposal << 2 | (transparent ? 1 : 0)) +
         le(5) + std::string("\3\0", 2) + "," + le(left) + le(top) + le(width) + le(height) +
         std::string(1, '\0') + data + std::string(1, '\0');
}
std::string gif(const std::string& frames) {
  return std::string("GIF89a\4\0\2\0\xf1\0\0", 13) +
         std::string("\0\0\0\xc8\x14\x14\0\0\xff\xff\xff\xff", 12) + frames + ";";
}
Levels alpha_of(const std::string& file, int pages) {
  const auto image = load(bytes_of(file), ImageType::kGif, {.pages = pages});
  if (!image) {
    ADD_FAILURE() << image.error().detail;
    return {};
  }
  const Levels pixels = pixels_of(image->get());
  const auto bands = static_cast<std::size_t>(vips_image_get_bands(image->get()));
  if (bands != 4) return Levels{static_cast<std::uint8_t>(bands)};
  Levels alpha;
  for (std::size_t at = 3; at < pixels.size(); at += 4) {
    alpha.push_back(pixels[at]);
    EXPECT_EQ(pixels[at - 3], pixels[at] == 0 ? 0 : 0xc8);
  }
  return alpha;
}

TEST(GifCanvas, WhatTheFirstFrameLeavesBareIsClear) {
  EXPECT_EQ(alpha_of(gif(gif_frame(0, 0, 4, 2, 0, false)), 1), Levels{3});  // covered: no alpha
  EXPECT_EQ(alpha_of(gif(gif_frame(0, 0, 2, 1, 0, false)), 1),
            (Levels{255, 255, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(alpha_of(gif(gif_frame(1, 1, 2, 1, 0, false)), 1),
            (Levels{0, 0, 0, 0, 0, 255, 255, 0}));
  EXPECT_EQ(alpha_of(gif(gif_frame(1, 0, 1, 2, 0, true)), 1),
            (Levels{0, 255, 0, 0, 0, 255, 0, 0}));  // libvips' own
}

TEST(GifCanvas, FurtherFramesCoverMore) {
  const std::string left = gif_frame(0, 0, 1, 2, 1, false), right = gif_frame(3, 0, 1, 2, 1, false);
  const std::string passing = gif_frame(3, 0, 1, 2, 3, false);
  const std::string whole = gif_frame(0, 0, 4, 2, 1, false);
  EXPECT_EQ(alpha_of(gif(left + right), 2),
            (Levels{255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 255, 255, 0, 0, 255}));
  EXPECT_EQ(alpha_of(gif(left + passing + left), 3),
            (Levels{255, 0, 0, 0,   255, 0, 0, 0, 255, 0, 0, 255,
                    255, 0, 0, 255, 255, 0, 0, 0, 255, 0, 0, 0}));
  EXPECT_EQ(alpha_of(gif(left + whole), 2),
            (Levels{255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255}));
}

}  // namespace
}  // namespace imgring::image::test
