// Abilities as text and as a rule.
#include "imgring/format/abilities.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

namespace imgring::format {
namespace {

using enum ImageType;

Abilities without(std::initializer_list<ImageType> loads, std::initializer_list<ImageType> saves) {
  Abilities can;
  const Abilities all = Abilities::all();
  for (int i = 1; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    if (std::find(loads.begin(), loads.end(), type) == loads.end()) can.loads.add(type);
    if (all.can_save(type) && std::find(saves.begin(), saves.end(), type) == saves.end()) {
      can.saves.add(type);
    }
  }
  return can;
}

TEST(Abilities, SvgIsSentAndNotSaved) {
  const Abilities all = Abilities::all();
  EXPECT_FALSE(all.can_save(kSvg));
  EXPECT_TRUE(all.can_answer_in(kSvg));
  EXPECT_TRUE(all.can_answer_in(kUnknown)) << "no format is asked for";
  EXPECT_FALSE(all.can_load(kUnknown));
  EXPECT_FALSE(without({}, {kHeic}).can_answer_in(kHeic));
}

TEST(Abilities, WhatIsMissingIsNamed) {
  EXPECT_EQ(missing_text(Abilities::all()), "");
  EXPECT_EQ(missing_text(without({kJxl}, {})), " cannot load jxl");
  EXPECT_EQ(missing_text(without({}, {kHeic})), " cannot save heic");
  EXPECT_EQ(missing_text(without({kJxl}, {kHeic, kAvif})),
            " cannot load jxl and cannot save heic, avif");
}

TEST(Abilities, EachFormatSaysWhatItCan) {
  const std::string text = abilities_text(without({kJxl, kBmp}, {kJxl, kAvif}));
  EXPECT_EQ(text.substr(0, text.find(", webp")), "jpeg (load, save), jxl (none), png (load, save)");
  for (const char* one : {", svg (load), ", ", avif (load), ", ", bmp (save), "}) {
    EXPECT_NE(text.find(one), std::string::npos) << one << " in " << text;
  }
}

TEST(Abilities, PreferredFormatsThatCannotBeSavedGo) {
  std::vector<ImageType> preferred = {kJpeg, kHeic, kPng, kAvif};
  EXPECT_EQ(drop_unsaved(&preferred, Abilities::all()), "");
  EXPECT_EQ(preferred.size(), 4u);
  EXPECT_EQ(drop_unsaved(&preferred, without({}, {kHeic, kAvif})),
            "preferred formats that cannot be saved are left out: heic, avif");
  EXPECT_EQ(preferred, (std::vector<ImageType>{kJpeg, kPng}));
}

}  // namespace
}  // namespace imgring::format
