// AVIF and HEIC that come smaller: the same as all pixels and then their means.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "heif_files.h"
#include "imgring/base/byte_reader.h"
#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

struct Way {
  ImageType type;
  const char *suffix, *item, *configuration;
};
constexpr Way kWays[] = {
    {ImageType::kAvif, ".avif[compression=av1,effort=0,strip]", "av01", "av1C"},
    {ImageType::kHeic, ".heic[strip]", "hvc1", "hvcC"}};

bool can_both(const Way& way) { return can_load(way.type) && can_save(way.type); }

// The bytes of the first box of that name, found by its name alone.
std::string body_of(const std::string& file, const std::string& name) {
  const std::size_t at = file.find(name);
  EXPECT_NE(at, std::string::npos) << name;
  if (at == std::string::npos || at < 4) return {};
  return file.substr(at + 4, read_be(bytes_of(file), at - 4, 4).value_or(8) - 8);
}

// A coded picture without its file.
struct Coded {
  std::string data, configuration;
};
Coded coded(const Way& way, VipsImage* image) {
  const std::string file = saved_by_vips(image, way.suffix);
  return {body_of(file, "mdat"), body_of(file, way.configuration)};
}

struct Whole {
  int width = 0, height = 0;  // as coded
  int tile_width = 0, tile_height = 0;
  std::string transforms;     // boxes for the whole
  int columns = 0, rows = 0;  // 0: no grid
};

// A picture of tiles, or one alone, as item 1.
std::string heif_file(const Way& way, const std::vector<Coded>& tiles, const Whole& whole) {
  const bool grid = whole.columns > 0;
  const auto size = [](int width, int height) {
    return box("ispe", be(0, 4) + be(static_cast<std::uint32_t>(width), 4) +
                           be(static_cast<std::uint32_t>(height), 4));
  };
  const std::string ipco =
      box("ipco", size(whole.width, whole.height) + size(whole.tile_width, whole.tile_height) +
                      box(way.configuration, tiles[0].configuration) +
                      box("colr", "nclx" + be(1, 2) + be(13, 2) + be(6, 2) + "\x80") +
                      whole.transforms);
  const auto first = static_cast<std::uint32_t>(grid ? 2 : 1);
  const auto count = static_cast<std::uint32_t>(tiles.size());
  const std::uint32_t items = count + first - 1;
  const std::string turns = whole.transforms.empty() ? "" : be(5, 1);
  const auto turned = static_cast<std::uint32_t>(turns.size());
  std::string uses = be(items, 4), entries, inputs;
  if (grid) {
    uses += be(1, 2) + be(1 + turned, 1) + be(1, 1) + turns;
    entries = infe(1, "grid");
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    uses += be(first + i, 2) + be(3 + (grid ? 0 : turned), 1) + be(2, 1) + be(0x83, 1) + be(4, 1) +
            (grid ? "" : turns);
    entries += infe(first + i, way.item);
    inputs += be(first + i, 2);
  }
  const std::string description = be(0, 2) + be(static_cast<std::uint32_t>(whole.rows - 1), 1) +
                                  be(static_cast<std::uint32_t>(whole.columns - 1), 1) +
                                  be(static_cast<std::uint32_t>(whole.width), 2) +
                                  be(static_cast<std::uint32_t>(whole.height), 2);
  const std::string brand = way.type == ImageType::kAvif ? "avif" : "heic";
  const std::string head = box("ftyp", brand + be(0, 4) + "mif1" + brand);
  // Twice: where the data stands depends on how long this is.
  std::string meta;
  for (std::size_t at = 0;; at = head.size() + meta.size() + 8) {
    std::string places = be(0x44, 1) + be(0, 1) + be(items, 2);
    const auto place = [&places](std::uint32_t item, std::uint32_t how, std::size_t where,
                                 std::size_t bytes) {
      places += be(item, 2) + be(how, 2) + be(0, 2) + be(1, 2) +
                be(static_cast<std::uint32_t>(where), 4) + be(static_cast<std::uint32_t>(bytes), 4);
    };
    if (grid) place(1, 1, 0, description.size());
    std::size_t where = at;
    for (std::uint32_t i = 0; i < count; ++i) {
      place(first + i, 0, where, tiles[i].data.size());
      where += tiles[i].data.size();
    }
    meta = full_box(
        "meta",
        full_box("hdlr", be(0, 4) + "pict" + be(0, 12) + be(0, 1)) + full_box("pitm", be(1, 2)) +
            full_box("iloc", places, 1) + full_box("iinf", be(items, 2) + entries) +
            (grid ? full_box("iref", box("dimg", be(1, 2) + be(count, 2) + inputs)) : "") +
            box("iprp", ipco + full_box("ipma", uses)) + (grid ? box("idat", description) : ""));
    if (at > 0) break;
  }
  std::string data;
  for (const Coded& tile : tiles) data += tile.data;
  return head + meta + box("mdat", data);
}

// Of what is there: libvips would repeat the edges into boxes that stand over them.
VipsImagePtr means_of(VipsImage* whole, int shrink) {
  const std::vector<std::uint8_t> pixels = pixels_of(whole);
  const int width = vips_image_get_width(whole), height = vips_image_get_height(whole);
  const int across = (width + shrink - 1) / shrink, down = (height + shrink - 1) / shrink;
  std::vector<std::uint8_t> out;
  for (int box = 0; box < across * down * 3; ++box) {
    const int left = box / 3 % across * shrink, top = box / 3 / across * shrink;
    const int right = std::min(left + shrink, width), bottom = std::min(top + shrink, height);
    double sum = 0;
    for (int y = top; y < bottom; ++y) {
      for (int x = left; x < right; ++x) {
        sum += pixels[static_cast<std::size_t>((y * width + x) * 3 + box % 3)];
      }
    }
    out.push_back(static_cast<std::uint8_t>(sum / ((right - left) * (bottom - top)) + 0.5));
  }
  return VipsImagePtr(
      vips_image_new_from_memory_copy(out.data(), out.size(), across, down, 3, VIPS_FORMAT_UCHAR));
}

void expect_means(const std::string& file, ImageType type, int shrink, double most) {
  const auto whole = load(bytes_of(file), type, {});
  ASSERT_TRUE(whole.has_value()) << whole.error().detail;
  LoadParams params;
  params.shrink = shrink;
  const auto small = load(bytes_of(file), type, params);
  ASSERT_TRUE(small.has_value()) << small.error().detail;
  const VipsImagePtr means = means_of(whole->get(), shrink);
  EXPECT_EQ(vips_image_get_width(small->get()), vips_image_get_width(means.get()));
  EXPECT_EQ(vips_image_get_height(small->get()), vips_image_get_height(means.get()));
  EXPECT_LT(mean_difference(small->get(), means.get()), most);
}

// To the size that a scale makes at once: by libvips' resize of all pixels.
void expect_reduced(const std::string& file, ImageType type, double across, double down) {
  const auto whole = load(bytes_of(file), type, {});
  ASSERT_TRUE(whole.has_value()) << whole.error().detail;
  VipsImage* resized = nullptr;
  ASSERT_EQ(vips_resize(whole->get(), &resized, across, "vscale", down, nullptr), 0);
  const VipsImagePtr expected(resized);
  Reduced wanted;
  wanted.from_width = vips_image_get_width(whole->get());
  wanted.from_height = vips_image_get_height(whole->get());
  wanted.width = vips_image_get_width(expected.get());
  wanted.height = vips_image_get_height(expected.get());
  wanted.across = 1 / across;
  wanted.down = 1 / down;
  const double most = 1 / std::max(across, down) / 2;
  for (int shrink = 1; shrink == 1 || shrink <= most; shrink = shrink / 2 * 2 + 2) {
    LoadParams params;
    params.shrink = shrink;
    params.reduced = wanted;
    const auto small = load(bytes_of(file), type, params);
    ASSERT_TRUE(small.has_value()) << small.error().detail;
    EXPECT_EQ(vips_image_get_width(small->get()), wanted.width);
    EXPECT_EQ(vips_image_get_height(small->get()), wanted.height);
    // Colours are made of reduced samples, not reduced: edges differ.
    EXPECT_LT(mean_difference(small->get(), expected.get()), 2.5) << "means of " << shrink;
  }
}
void expect_reduced(const std::string& file, ImageType type, double scale) {
  expect_reduced(file, type, scale, scale);
}

// What is left of the picture is not symmetric in any way.
VipsImagePtr lopsided(int width, int height) {
  const VipsImagePtr base = picture(width, height, 3);
  VipsImage* out = nullptr;
  EXPECT_EQ(vips_copy(base.get(), &out, nullptr), 0);
  VipsImagePtr copy = own_copy(out);
  g_object_unref(out);
  double ink[] = {250, 30, 10};
  vips_draw_rect(copy.get(), ink, 3, width / 8, height / 4, width / 3, height / 8, "fill", TRUE,
                 nullptr);
  return copy;
}

TEST(HeifSmaller, IsMadeOfMeans) {
  for (const Way& way : kWays) {
    if (!can_both(way)) continue;
    const VipsImagePtr image = lopsided(301, 203);
    const std::string profile = srgb_profile();
    set_blob(image.get(), VIPS_META_ICC_NAME, profile);
    const std::string file = saved_by_vips(
        image.get(), way.type == ImageType::kAvif ? ".avif[compression=av1,effort=0]" : ".heic");
    for (const double scale : {0.5, 0.49, 0.3, 0.247}) {
      SCOPED_TRACE(way.item + std::to_string(scale));
      expect_reduced(file, way.type, scale);
    }
    expect_reduced(file, way.type, 0.1, 0.5);
    expect_reduced(file, way.type, 0.43, 0.2);
    for (const int shrink : {2, 4, 6}) {
      SCOPED_TRACE(way.item + std::to_string(shrink));
      expect_means(file, way.type, shrink, 1);
      LoadParams params;
      params.shrink = shrink;
      const auto small = load(bytes_of(file), way.type, params);
      ASSERT_TRUE(small.has_value());
      EXPECT_NE(vips_image_get_typeof(small->get(), VIPS_META_ICC_NAME), 0u);
    }
  }
}

TEST(HeifSmaller, AlphaComesWhole) {
  if (!can_save(ImageType::kAvif)) GTEST_SKIP() << "no encoder of AVIF";
  const std::string file = saved_by_vips(picture(64, 48, 4).get(), kWays[0].suffix);
  LoadParams params;
  params.shrink = 2;
  const auto image = load(bytes_of(file), ImageType::kAvif, params);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(vips_image_get_width(image->get()), 64);
}

// The loops make nothing smaller than a 130th; what libvips makes of the whole is.
TEST(HeifSmaller, AThinStripStaysWhole) {
  for (const Way& way : kWays) {
    if (!can_both(way)) continue;
    const std::string file = saved_by_vips(picture(1400, 64, 3).get(), way.suffix);
    LoadParams params;
    params.reduced = {1400, 64, 10, 32, 140, 2};
    ASSERT_FALSE(reducible(params.reduced, 1));
    const auto whole = load(bytes_of(file), way.type, params);
    ASSERT_TRUE(whole.has_value()) << whole.error().detail;
    EXPECT_EQ(vips_image_get_width(whole->get()), 1400);
    params.reduced = {1400, 64, 11, 32, 1400 / 11.0, 2};
    ASSERT_TRUE(reducible(params.reduced, 1));
    const auto small = load(bytes_of(file), way.type, params);
    ASSERT_TRUE(small.has_value()) << small.error().detail;
    EXPECT_EQ(vips_image_get_width(small->get()), 11);
    // Another picture's: it is not believed.
    params.reduced.from_width = 1401;
    const auto other = load(bytes_of(file), way.type, params);
    ASSERT_TRUE(other.has_value()) << other.error().detail;
    EXPECT_EQ(vips_image_get_width(other->get()), 1400);
  }
}

TEST(HeifSmaller, StopsBetweenRows) {
  for (const Way& way : kWays) {
    if (!can_both(way)) continue;
    const std::string file = saved_by_vips(picture(400, 300, 3).get(), way.suffix);
    StopFlag stop;
    stop.stop(StopReason::kClientGone);
    LoadParams params;
    params.stop = &stop;
    for (const int shrink : {1, 2}) {
      params.shrink = shrink;
      params.reduced = {400, 300, 80, 60, 5, 5};
      const auto stopped = load(bytes_of(file), way.type, params);
      ASSERT_FALSE(stopped.has_value());
      EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
    }
  }
}

TEST(HeifSmaller, IsTurnedAsItsFileSays) {
  for (const Way& way : kWays) {
    if (!can_both(way)) continue;
    const std::vector<Coded> one = {coded(way, lopsided(120, 72).get())};
    for (std::uint32_t turns = 0; turns < 4; ++turns) {
      for (const int shrink : {2, 6}) {
        SCOPED_TRACE(way.item + std::to_string(turns) + "/" + std::to_string(shrink));
        const std::string turn = box("irot", be(turns, 1));
        expect_means(heif_file(way, one, {120, 72, 120, 72, turn}), way.type, shrink, 1);
        expect_reduced(heif_file(way, one, {120, 72, 120, 72, turn}), way.type, 0.9 / shrink);
      }
    }
  }
}

// As encoders do that want even sides; a cut at another corner is libheif's.
TEST(HeifSmaller, IsCutAsItsFileSays) {
  for (const Way& way : kWays) {
    if (!can_both(way)) continue;
    const std::vector<Coded> one = {coded(way, lopsided(120, 72).get())};
    const auto cut = [](std::uint32_t width, std::uint32_t height, int across, int down) {
      return box("clap", be(width, 4) + be(1, 4) + be(height, 4) + be(1, 4) +
                             be(static_cast<std::uint32_t>(across), 4) + be(2, 4) +
                             be(static_cast<std::uint32_t>(down), 4) + be(2, 4));
    };
    const std::string corner = cut(101, 67, 101 - 120, 67 - 72);
    expect_means(heif_file(way, one, {120, 72, 120, 72, corner}), way.type, 4, 1);
    expect_reduced(heif_file(way, one, {120, 72, 120, 72, corner}), way.type, 0.41);
    const std::string even = cut(96, 60, 96 - 120, 60 - 72);
    EXPECT_EQ(format::heif_pieces(bytes_of(heif_file(way, one, {120, 72, 120, 72, even}))),
              (format::HeifPieces{0, 1, 120, 72, 6, true, 96, 60}));
    const std::string middle = cut(96, 60, 0, 0);
    EXPECT_FALSE(format::heif_pieces(bytes_of(heif_file(way, one, {120, 72, 120, 72, middle}))));
    const std::string huge = cut(0x7FFFFFFF, 60, 0, 0);
    EXPECT_FALSE(format::heif_pieces(bytes_of(heif_file(way, one, {120, 72, 120, 72, huge}))));
  }
}

TEST(HeifSmaller, AGridIsPutTogether) {
  for (const Way& way : kWays) {
    if (!can_both(way)) continue;
    std::vector<Coded> tiles;
    const VipsImagePtr picture = lopsided(192, 128);
    for (const auto& [left, top] :
         {std::pair{0, 0}, {64, 0}, {128, 0}, {0, 64}, {64, 64}, {128, 64}}) {
      VipsImage* cut = nullptr;
      ASSERT_EQ(vips_extract_area(picture.get(), &cut, left, top, 64, 64, nullptr), 0);
      tiles.push_back(coded(way, VipsImagePtr(cut).get()));
    }
    // The tiles stand over its edges, and boxes over the tiles'.
    for (const int shrink : {2, 4, 6, 10, 64, 128}) {
      SCOPED_TRACE(way.item + std::to_string(shrink));
      expect_means(heif_file(way, tiles, {180, 100, 64, 64, "", 3, 2}), way.type, shrink, 1);
    }
    const std::string turned =
        heif_file(way, tiles, {180, 100, 64, 64, box("irot", be(1, 1)), 3, 2});
    expect_means(turned, way.type, 4, 1);
    for (const double scale : {0.5, 0.37, 0.2}) {
      expect_reduced(heif_file(way, tiles, {180, 100, 64, 64, "", 3, 2}), way.type, scale);
      expect_reduced(turned, way.type, scale);
    }
  }
}

// Turns of sides that do not divide, mirrors, and grids of too few tiles are libheif's to say; what
// comes is the same picture, smaller or not.
TEST(HeifSmaller, WhatIsNotForUsIsLeftToLibheif) {
  for (const Way& way : kWays) {
    if (!can_both(way)) continue;
    const std::vector<Coded> one = {coded(way, lopsided(64, 64).get())};
    for (const std::string& transform :
         {box("imir", be(0, 1)), box("imir", be(1, 1)), box("irot", be(1, 1))}) {
      const std::string file = heif_file(way, one, {64, 64, 64, 64, transform});
      const auto whole = load(bytes_of(file), way.type, {});
      ASSERT_TRUE(whole.has_value());
      LoadParams params;
      params.shrink = 6;
      const auto image = load(bytes_of(file), way.type, params);
      ASSERT_TRUE(image.has_value());
      if (vips_image_get_width(image->get()) == 64) {
        EXPECT_EQ(pixels_of(image->get()), pixels_of(whole->get()));
      } else {
        EXPECT_LT(mean_difference(image->get(), means_of(whole->get(), 6).get()), 1);
      }
    }
  }
}

// It would be decoded at its whole size to learn that.
TEST(HeifSmaller, ACodedPictureLargerThanItsHeaderSaysIsBroken) {
  for (const Way& way : kWays) {
    if (!can_both(way)) continue;
    const std::vector<Coded> one = {coded(way, picture(512, 512, 3).get())};
    const std::string file = heif_file(way, one, {64, 64, 64, 64, ""});
    LoadParams params;
    params.shrink = 2;
    const auto image = load(bytes_of(file), way.type, params);
    if (image.has_value()) {  // newer libheif says so where the pixels are asked for
      std::size_t size = 0;
      EXPECT_EQ(vips_image_write_to_memory(image->get(), &size), nullptr);
      vips_error_clear();
    } else {
      EXPECT_EQ(image.error().code, ErrorCode::kBrokenImage);
    }
  }
}

}  // namespace
}  // namespace imgring::image::test
