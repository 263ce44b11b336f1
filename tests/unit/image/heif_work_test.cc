// What decoding a HEIF file takes, by its items and what they are put together of.
#include <gtest/gtest.h>

#include "heif_files.h"
#include "imgring/format/headers.h"
#include "imgring/format/heif_boxes.h"
#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

using namespace format;

// Items from 1 on; each has the size of its row.
struct ItemRow {
  std::string type;
  std::uint32_t width, height;
};

std::string reference(const std::string& kind, std::uint32_t from,
                      const std::vector<std::uint32_t>& to) {
  std::string body = be(from, 2) + be(static_cast<std::uint32_t>(to.size()), 2);
  for (const std::uint32_t item : to) body += be(item, 2);
  return box(kind, body);
}

std::string file_of(const std::vector<ItemRow>& items, const std::string& references) {
  const auto count = static_cast<std::uint32_t>(items.size());
  std::string sizes, uses = be(count, 4), entries;
  for (std::uint32_t i = 0; i < count; ++i) {
    sizes += box("ispe", be(0, 4) + be(items[i].width, 4) + be(items[i].height, 4));
    uses += be(i + 1, 2) + be(1, 1) + be(i + 1, 1);
    entries += infe(i + 1, items[i].type);
  }
  return box("ftyp", "heic" + be(0, 4) + "mif1heic") +
         full_box("meta", full_box("pitm", be(1, 2)) + full_box("iinf", be(count, 2) + entries) +
                              full_box("iref", references) +
                              box("iprp", box("ipco", sizes) + full_box("ipma", uses)));
}

std::string why(const std::string& file) {
  const auto checked = check_heif(bytes_of(file));
  return checked ? "" : checked.error().detail;
}

TEST(HeifWork, TilesAndTheirAlphaCountAsOftenAsTheyAreUsed) {
  const std::vector<ItemRow> items = {
      {"grid", 4000, 3000}, {"hvc1", 1000, 1000}, {"hvc1", 4000, 3000}};
  const std::string references = reference("dimg", 1, std::vector<std::uint32_t>(12, 2)) +
                                 reference("auxl", 3, {1}) + reference("thmb", 2, {1});
  const auto work = heif_work(bytes_of(file_of(items, references)));
  ASSERT_TRUE(work.has_value()) << work.error().detail;
  EXPECT_EQ(work->pixels, 24e6 + 12e6 / 4);
  EXPECT_EQ(work->own, 12e6);
  EXPECT_EQ(work->pictures, 14);
  const auto facts = facts_of_header(bytes_of(file_of(items, references)), ImageType::kHeic, 1);
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->skipped_pixels, 12e6 / 4);
}

TEST(HeifWork, OneLargeTileOverAndOverIsRefused) {
  const std::vector<ItemRow> items = {{"grid", 6000, 6000}, {"hvc1", 6000, 6000}};
  const auto grid = [&](std::size_t times) {
    return file_of(items, reference("dimg", 1, std::vector<std::uint32_t>(times, 2)));
  };
  EXPECT_EQ(why(grid(7)), "");
  EXPECT_EQ(why(grid(9)),
            "heif: 333 MP of tiles and layers are decoded for 36 MP, at most 288 may be");
  EXPECT_EQ(why(grid(60'000)), "heif: more than 4096 tiles and layers");
  EXPECT_EQ(why(grid(65535)), "heif: more than 4096 tiles and layers");
  const auto facts = facts_of_header(bytes_of(grid(7)), ImageType::kHeic, 1);
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->skipped_pixels, 5 * 36e6 + 36e6 / 4);
}

TEST(HeifWork, ASmallPictureOfLargeTilesIsRead) {
  const std::vector<ItemRow> items = {{"grid", 40, 40}, {"av01", 1024, 1024}};
  const auto grid = [&](std::size_t times) {
    return file_of(items, reference("dimg", 1, std::vector<std::uint32_t>(times, 2)));
  };
  EXPECT_EQ(why(grid(15)), "");
  EXPECT_NE(why(grid(16)), "");
}

TEST(HeifWork, PicturesOfPicturesEndSomewhere) {
  const std::vector<ItemRow> two = {{"iden", 9, 9}, {"iovl", 9, 9}};
  EXPECT_EQ(why(file_of(two, reference("dimg", 1, {2}) + reference("dimg", 2, {1}))),
            "heif: item 1 is made of itself");
  EXPECT_NE(why(file_of({{"iden", 9, 9}}, reference("dimg", 1, {1}))), "");
  std::vector<ItemRow> chain;
  std::string references;
  for (std::uint32_t i = 1; i < 12; ++i) {
    chain.push_back({"iden", 9, 9});
    references += reference("dimg", i, {i + 1});
  }
  chain.push_back({"av01", 9, 9});
  EXPECT_EQ(why(file_of(chain, references)), "heif: pictures of pictures, over 8 deep");
  // The other way round each item is looked at behind what it is made of.
  const auto upwards = [](std::uint32_t count) {
    std::vector<ItemRow> items = {{"av01", 9, 9}};
    std::string made_of;
    for (std::uint32_t i = 2; i <= count; ++i) {
      items.push_back({"iden", 9, 9});
      made_of += reference("dimg", i, {i - 1});
    }
    return file_of(items, made_of);
  };
  EXPECT_EQ(why(upwards(8)), "");
  EXPECT_EQ(why(upwards(9)), "heif: pictures of pictures, over 8 deep");
  EXPECT_EQ(why(upwards(4000)), "heif: pictures of pictures, over 8 deep");
}

// Each layer has the next one sixteen times.
TEST(HeifWork, LayersOfLayersAreMultiplied) {
  const auto layers = [](std::uint32_t count) {
    std::vector<ItemRow> items;
    std::string references;
    for (std::uint32_t i = 1; i <= count; ++i) {
      items.push_back({"iovl", 64, 64});
      references += reference("dimg", i, std::vector<std::uint32_t>(16, i + 1));
    }
    items.push_back({"av01", 64, 64});
    return file_of(items, references);
  };
  const auto work = heif_work(bytes_of(layers(2)));
  ASSERT_TRUE(work.has_value());
  EXPECT_EQ(work->pixels, 16 * (16 * (16 << 10) + 1024.0) + 1024);  // small ones count as so many
  EXPECT_EQ(work->pictures, 1 + 16 + 256);
  EXPECT_EQ(why(layers(5)), "heif: more than 4096 tiles and layers");
}

// Which of them a library reads is its own business.
TEST(HeifWork, TwoListsOfPicturesAreRefused) {
  const std::string file = file_of({{"av01", 9, 9}}, "");
  EXPECT_EQ(why(file + box("mdat", "data")), "");
  EXPECT_EQ(why(file + file.substr(file.find("meta") - 4)), "heif: two lists of its pictures");
  std::string boxes = file.substr(0, file.find("meta") - 4);
  for (int i = 0; i < 5000; ++i) boxes += box("free", "");
  EXPECT_EQ(why(boxes + file.substr(file.find("meta") - 4)), "heif: more than 4096 boxes");
}

// Each one of them has few.
TEST(HeifWork, ACollectionHasMoreTilesThanAPicture) {
  std::vector<ItemRow> items;
  std::string references;
  for (std::uint32_t i = 0; i < 60; ++i) {
    items.push_back({"grid", 5120, 4096});
    items.push_back({"hvc1", 512, 512});
    references += reference("dimg", 2 * i + 1, std::vector<std::uint32_t>(80, 2 * i + 2));
  }
  EXPECT_EQ(why(file_of(items, references)), "");
}

// A canvas is cleared and filled, whatever lies on it.
TEST(HeifWork, ACanvasCounts) {
  const std::vector<ItemRow> items = {{"grid", 6000, 6000}, {"iovl", 6000, 6000}, {"av01", 64, 64}};
  const std::string layer = reference("dimg", 2, {3});
  EXPECT_EQ(why(file_of(items, reference("dimg", 1, {2, 2, 2, 2}) + layer)), "");
  EXPECT_NE(why(file_of(items, reference("dimg", 1, std::vector<std::uint32_t>(100, 2)) + layer)),
            "");
}

TEST(HeifWork, ATileWithoutASizeMayBeAsLargeAsAny) {
  std::string file =
      file_of({{"grid", 40, 40}, {"av01", 9, 9}, {"av01", 8000, 8000}}, reference("dimg", 1, {2}));
  EXPECT_EQ(why(file), "");
  const std::string use = be(2, 2) + be(1, 1) + be(2, 1);
  file.replace(file.find(use), use.size(), be(2, 2) + be(1, 1) + be(0, 1));
  EXPECT_NE(why(file), "");
}

TEST(HeifWork, WhatEncodersWriteIsRead) {
  for (const auto& [type, suffix] : {std::pair{ImageType::kAvif, ".avif[compression=av1]"},
                                     std::pair{ImageType::kHeic, ".heic[compression=hevc]"}}) {
    if (!can_save(type)) continue;
    for (const int bands : {3, 4}) {
      const std::string file = saved_by_vips(picture(90, 70, bands).get(), suffix);
      EXPECT_EQ(why(file), "") << suffix;
      const auto work = heif_work(bytes_of(file));
      ASSERT_TRUE(work.has_value());
      EXPECT_EQ(work->own, 90 * 70) << suffix;
      EXPECT_GE(work->pictures, bands - 2) << suffix;
    }
  }
}

TEST(HeifWork, EveryCutAndFlippedByteIsSurvived) {
  const std::string file = file_of({{"grid", 40, 40}, {"av01", 9, 9}, {"av01", 40, 40}},
                                   reference("dimg", 1, {2, 2, 2}) + reference("auxl", 3, {1}));
  int refused = 0;
  for (std::size_t at = 0; at < file.size(); ++at) {
    static_cast<void>(check_heif(bytes_of(file).first(at)));
    for (const char value : {'\0', '\1', '\x7f', '\xff'}) {
      std::string bent = file;
      bent[at] = value;
      refused += check_heif(bytes_of(bent)) ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 200);
}

// The loader asks first: libheif is not given what it would decode for ever.
TEST(HeifWork, TheLoaderRefusesWhatTakesTooMuch) {
  if (!can_load(ImageType::kHeic)) return;
  const std::string file = file_of({{"grid", 6000, 6000}, {"hvc1", 6000, 6000}},
                                   reference("dimg", 1, std::vector<std::uint32_t>(100, 2)));
  const auto image = load(bytes_of(file), ImageType::kHeic, {});
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().code, ErrorCode::kBrokenImage);
  EXPECT_NE(image.error().detail.find("3609 MP of tiles"), std::string::npos)
      << image.error().detail;
}

}  // namespace
}  // namespace imgring::image::test
