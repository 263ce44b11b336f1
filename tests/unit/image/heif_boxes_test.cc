// Boxes of AVIF and HEIC that libvips does not look at.
#include "imgring/format/heif_boxes.h"

#include <gtest/gtest.h>

#include "../../../src/image/heif_colour.h"
#include "heif_files.h"
#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

using namespace format;

std::string nclx(std::uint32_t primaries, std::uint32_t transfer) {
  return box("colr", "nclx" + be(primaries, 2) + be(transfer, 2) + be(0, 2) + "\x80");
}
// Two items; the properties of the second one, the primary, are the second and third.
std::string file_of(const std::string& colour, const std::string& references) {
  const std::string ipco = box("ipco", box("ispe", be(0, 12)) + box("pixi", be(0, 8)) + colour);
  const std::string uses =
      be(2, 4) + be(1, 2) + be(1, 1) + be(1, 1) + be(2, 2) + be(2, 1) + be(2, 1) + be(0x83, 1);
  const std::string meta = full_box(
      "meta", full_box("pitm", be(2, 2)) + references + box("iprp", ipco + full_box("ipma", uses)));
  return box("ftyp", "avif" + be(0, 4) + "avifmif1") + box("free", be(0, 4)) + meta +
         box("mdat", std::string(40, 'm'));
}

TEST(HeifBoxes, TheColoursOfThePrimaryItemAreRead) {
  const HeifSays says = heif_says(bytes_of(file_of(nclx(12, 13), "")));
  EXPECT_EQ(says.primaries, 12u);
  EXPECT_EQ(says.transfer, 13u);
  EXPECT_FALSE(says.premultiplied);
  EXPECT_EQ(heif_says(bytes_of(file_of(box("colr", "prof...."), ""))).primaries, 2u);
}

TEST(HeifBoxes, OneChannelIsReadFromTheConfiguration) {
  const auto av1 = [](std::uint32_t flags) {
    return box("av1C", be(0x81, 1) + be(0, 1) + be(flags, 1) + be(0, 1));
  };
  EXPECT_TRUE(heif_says(bytes_of(file_of(av1(0x1C), ""))).monochrome);
  EXPECT_FALSE(heif_says(bytes_of(file_of(av1(0x0C), ""))).monochrome);
  const auto hevc = [](std::uint32_t chroma) {
    return box("hvcC", std::string(16, '\xFF') + be(chroma, 1) + std::string(6, '\0'));
  };
  EXPECT_TRUE(heif_says(bytes_of(file_of(hevc(0xFC), ""))).monochrome);
  EXPECT_FALSE(heif_says(bytes_of(file_of(hevc(0xFD), ""))).monochrome);
  EXPECT_FALSE(heif_says(bytes_of(file_of(box("hvcC", ""), ""))).monochrome);
}

TEST(HeifBoxes, AReferencePremIsRead) {
  const std::string auxl = box("auxl", be(1, 2) + be(1, 2) + be(2, 2));
  const std::string prem = box("prem", be(2, 2) + be(1, 2) + be(1, 2));
  EXPECT_FALSE(heif_says(bytes_of(file_of("", full_box("iref", auxl)))).premultiplied);
  EXPECT_TRUE(heif_says(bytes_of(file_of("", full_box("iref", auxl + prem)))).premultiplied);
}

// Tiles 2 to 5 of a grid, whose properties from the second on are those of `tile`.
std::string grid_of(const std::string& of_whole, const std::string& of_tiles,
                    const std::string& last_tile = "") {
  const std::string ipco = box("ipco", box("ispe", be(0, 4) + be(90, 4) + be(70, 4)) +
                                           box("ispe", be(0, 4) + be(48, 4) + be(40, 4)) +
                                           (of_whole.empty() ? box("free", "") : of_whole) +
                                           (of_tiles.empty() ? box("free", "") : of_tiles) +
                                           (last_tile.empty() ? box("free", "") : last_tile));
  std::string uses = be(5, 4) + be(1, 2) + be(2, 1) + be(1, 1) + be(3, 1);
  std::string entries = infe(1, "grid"), inputs;
  for (std::uint32_t tile = 2; tile <= 5; ++tile) {
    uses += be(tile, 2) + be(3, 1) + be(2, 1) + be(4, 1) + be(tile == 5 ? 5 : 4, 1);
    entries += infe(tile, "hvc1");
    inputs += be(tile, 2);
  }
  return box("ftyp", "heic" + be(0, 4) + "mif1heic") +
         full_box("meta", full_box("pitm", be(1, 2)) + full_box("iinf", be(5, 2) + entries) +
                              full_box("iref", box("dimg", be(1, 2) + be(4, 2) + inputs)) +
                              box("iprp", ipco + full_box("ipma", uses)));
}

TEST(HeifBoxes, AGridIsItsTiles) {
  const std::string turn = box("irot", be(3, 1));
  const std::string colour = box("colr", "nclx" + be(1, 2) + be(1, 2) + be(6, 2) + "\x80");
  const auto pieces = heif_pieces(bytes_of(grid_of(turn, colour)));
  ASSERT_TRUE(pieces.has_value());
  EXPECT_EQ(*pieces, (HeifPieces{3, 4, 48, 40, 6, true}));
  EXPECT_EQ(*heif_pieces(bytes_of(grid_of("", ""))), (HeifPieces{0, 4, 48, 40, -1, false}));
}

TEST(HeifBoxes, WhatIsMoreThanItsTilesIsNotTold) {
  const std::string turn = box("irot", be(1, 1)), mirror = box("imir", be(0, 1));
  const std::string clap = box("clap", be(0, 32)), other = box("ispe", be(0, 4) + be(9, 8));
  EXPECT_FALSE(heif_pieces(bytes_of(grid_of(mirror, ""))));
  EXPECT_FALSE(heif_pieces(bytes_of(grid_of(clap, ""))));
  EXPECT_FALSE(heif_pieces(bytes_of(grid_of("", turn))));
  EXPECT_FALSE(heif_pieces(bytes_of(grid_of("", "", mirror))));
  EXPECT_FALSE(heif_pieces(bytes_of(grid_of("", "", other))));
  std::string file = grid_of("", "");
  for (const char* type : {"iden", "iovl"}) {
    std::string bent = file;
    bent.replace(bent.find("grid"), 4, type);
    EXPECT_FALSE(heif_pieces(bytes_of(bent))) << type;
  }
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(heif_pieces(bytes_of(file).first(size)) == HeifPieces({0, 4, 48, 40}) &&
                 size < file.find("ipma"));
  }
}

TEST(HeifBoxes, EveryCutAndFlippedByteIsSurvived) {
  const std::string prem = full_box("iref", box("prem", be(2, 2) + be(1, 2) + be(1, 2)));
  const std::string file = file_of(nclx(12, 13), prem);
  std::uint32_t found = 0;
  for (std::size_t size = 0; size < file.size(); ++size) {
    found += heif_says(bytes_of(file).first(size)).primaries == 12 ? 1 : 0;
  }
  EXPECT_LT(found, 60u);  // only what ends behind `meta`
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const char value : {'\0', '\1', '\x7f', '\xff'}) {
      std::string bent = file;
      bent[at] = value;
      EXPECT_LE(heif_says(bytes_of(bent)).primaries, 0xFFFFu);
      std::string grid = grid_of("", "");
      grid[at % grid.size()] = value;
      const auto pieces = heif_pieces(bytes_of(grid));
      EXPECT_TRUE(!pieces || pieces->count <= 1024);
    }
  }
}

TEST(HeifBoxes, ColoursThatAreMultipliedByAlphaAreDividedByIt) {
  const std::uint8_t pixels[] = {100, 50, 0, 128, 7, 8, 9, 255, 0, 0, 0, 0};
  const VipsImagePtr raw(
      vips_image_new_from_memory_copy(pixels, sizeof pixels, 3, 1, 4, VIPS_FORMAT_UCHAR));
  VipsImage* made = nullptr;
  ASSERT_EQ(vips_copy(raw.get(), &made, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr), 0);
  const VipsImagePtr image(made);
  const std::string prem = full_box("iref", box("prem", be(2, 2) + be(1, 2) + be(1, 2)));
  const auto divided = as_heif_says(image.get(), bytes_of(file_of("", prem)));
  ASSERT_TRUE(divided.has_value());
  EXPECT_EQ(pixels_of(divided->get()),
            (std::vector<std::uint8_t>{199, 99, 0, 128, 7, 8, 9, 255, 0, 0, 0, 0}));
  const auto plain = as_heif_says(image.get(), bytes_of(file_of("", "")));
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(pixels_of(plain->get()), pixels_of(image.get()));
}

TEST(HeifBoxes, P3ThatOnlyNclxSaysGetsItsProfile) {
  const struct {
    std::uint32_t primaries, transfer;
    bool profile;
  } kCases[] = {{12, 13, true}, {12, 2, true},   {12, 1, true}, {1, 13, false},
                {9, 16, false}, {12, 16, false}, {2, 2, false}};
  for (const auto& c : kCases) {
    const VipsImagePtr base = picture(8, 8, 3), image = own_copy(base.get());
    const std::string file = file_of(nclx(c.primaries, c.transfer), "");
    ASSERT_TRUE(as_heif_says(image.get(), bytes_of(file)).has_value());
    EXPECT_EQ(vips_image_get_typeof(image.get(), VIPS_META_ICC_NAME) != 0, c.profile)
        << c.primaries << " " << c.transfer;
  }
}

TEST(HeifBoxes, AProfileOfThePicturesOwnStays) {
  const VipsImagePtr base = picture(8, 8, 3), image = own_copy(base.get());
  const std::string profile = srgb_profile();
  vips_image_set_blob_copy(image.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  ASSERT_TRUE(as_heif_says(image.get(), bytes_of(file_of(nclx(12, 13), ""))).has_value());
  std::size_t size = 0;
  const void* data = nullptr;
  vips_image_get_blob(image.get(), VIPS_META_ICC_NAME, &data, &size);
  EXPECT_EQ(size, profile.size());
}

// libheif reads no file without a brand that it knows.
TEST(HeifBoxes, FilesOfOtherBrandsAreRead) {
  for (const auto& [type, suffix] : {std::pair{ImageType::kAvif, ".avif[compression=av1]"},
                                     std::pair{ImageType::kHeic, ".heic[compression=hevc]"}}) {
    if (!can_save(type)) continue;
    const std::string good = saved_by_vips(picture(64, 64, 3).get(), suffix);
    const auto plain = load(bytes_of(good), type, {});
    ASSERT_TRUE(plain.has_value()) << plain.error().detail;
    const auto end = static_cast<std::size_t>(static_cast<unsigned char>(good[3]));
    for (const std::string brand : {"avis", "msf1", "miaf", "hevc"}) {
      std::string bent = good;
      for (std::size_t at = 16; at < end; at += 4) bent.replace(at, 4, brand);
      bent.replace(8, 4, brand);
      const auto image = load(bytes_of(bent), type, {});
      ASSERT_TRUE(image.has_value()) << brand << image.error().detail;
      EXPECT_EQ(pixels_of(image->get()), pixels_of(plain->get()));
    }
  }
}

TEST(HeifBoxes, AFileBehindThePictureIsNone) {
  if (!can_save(ImageType::kAvif)) return;
  const std::string good = saved_by_vips(picture(64, 64, 3).get(), ".avif[compression=av1]");
  const auto plain = load(bytes_of(good), ImageType::kAvif, {});
  ASSERT_TRUE(plain.has_value());
  for (const std::string& behind : {box("ftyp", "mp42" + be(0, 4)) + "moov", box("free", "abc"),
                                    box("ftyp", "qt  "), std::string("junk")}) {
    const std::string file = good + behind;
    const auto image = load(bytes_of(file), ImageType::kAvif, {});
    ASSERT_TRUE(image.has_value()) << behind << image.error().detail;
    EXPECT_EQ(pixels_of(image->get()), pixels_of(plain->get()));
  }
}

}  // namespace
}  // namespace imgring::image::test
