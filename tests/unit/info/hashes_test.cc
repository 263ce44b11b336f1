// Tests of src/info/hashes.cc: equal to other implementations on the same pixels.
#include "imgring/info/hashes.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>

#include "pictures.h"

namespace imgring::info {
namespace {

using testing::made;
using testing::Made;
using testing::view;

// Recorded from PyPI's blurhash-python 1.2.2 (the C code of woltapp/blurhash) and blurhash 1.1.5,
// which agree, over white. npm's blurhash 2.0.5 takes the largest factor for the largest in size,
// so that it agrees where that is no negative one: in 15 of these.
struct BlurCase {
  Made picture;
  int x, y;
  std::string_view hash;
};
// clang-format off
constexpr BlurCase kBlurCases[] = {
    {{32, 24, 2, false}, 4, 3, R"-(LgFPH92kwzX5qKWFj[afb=j[ayj[)-"},
    {{32, 24, 2, false}, 1, 1, R"-(00FPH9)-"},
    {{32, 24, 2, false}, 9, 9,
     R"-(|gFPH92kwzX5bFofWnofS1qKWFj[aff7e:fRjZfkb=j[ayj[j[bFj[fjazn+W.j@a|fQf7ayjua|jGaz)-"
     R"-(juayfQfjj[a{j[s:W.f6fjjtayf7fQfQaLf8jtayf7fQj[f7f7oyWoj[bFj[a{fQj[bGaLj[a{f7f7ay)-"
     R"-(fQf7ay)-"},
    {{32, 24, 2, false}, 3, 7, R"-(ugFPH92kwzqKWFj[b=j[ayn+W.j@jGazjus:W.f6aLf8jt)-"},
    {{24, 32, 4, true}, 4, 3, R"-(LuLN##y=?HtR:s-;%2oMo{ofkCj[)-"},
    {{24, 32, 4, true}, 1, 1, R"-(00LN##)-"},
    {{24, 32, 4, true}, 3, 7, R"-(uuLN##y=?H:s-;%2o{ofkCV@R%WBayf7fQxat7ofoMofj[)-"},
    {{100, 60, 6, false}, 4, 3, R"-(LhFFsa2RwzSdl@a$fQf8gKfQfQfQ)-"},
    {{100, 60, 6, false}, 1, 1, R"-(00FFsa)-"},
    {{100, 60, 6, false}, 3, 7, R"-(uhFFsa2Rwzl@a$fQgKfQfQi|a|j@fifRfQo2a{j[f6fRfQ)-"},
    {{1, 1, 8, false}, 4, 3, R"-(L00+:,_3_3_3_3_3_3_3_3_3_3_3)-"},
    {{1, 1, 8, false}, 1, 1, R"-(000+:,)-"},
    {{1, 1, 8, false}, 3, 7, R"-(u00+:,_3_3_3_3_3_3_3_3_3_3_3_3_3_3_3_3_3_3_3_3)-"},
    {{10, 7, 1, false}, 4, 3, R"-(LdGIcG7U6y^5*PNIS3wMRjn,WVWC)-"},
    {{10, 7, 1, false}, 1, 1, R"-(00GIcG)-"},
    {{10, 7, 1, false}, 3, 7, R"-(udGIcG7U6y*PNIS3Rjn,WV%LSwSfm.WEj[%eX4S2mUWFn*)-"},
    {{60, 100, 3, true}, 4, 3, R"-(LqMjUDqE%N$%:r-;xuo2koj[kBfQ)-"},
    {{60, 100, 3, true}, 1, 1, R"-(00MjUD)-"},
    {{60, 100, 3, true}, 3, 7, R"-(uqMjUDqE%N:r-;xukoj[kBRPRjWBfjf7fQs;s;ofj[j[j[)-"},
    {{7, 1, 12, false}, 4, 3, R"-(L_FUCZA+Wow~|*A+Wow~|*A+Wow~)-"},
    {{7, 1, 12, false}, 1, 1, R"-(00FUCZ)-"},
    {{7, 1, 12, false}, 3, 7, R"-(u_FUCZA+Wo|*A+Wo|*A+Wo|*A+Wo|*A+Wo|*A+Wo|*A+Wo)-"},
};
// clang-format on

TEST(Blurhash, EqualsOtherImplementations) {
  for (const BlurCase& c : kBlurCases) {
    SCOPED_TRACE(c.hash);
    const auto rgba = made(c.picture);
    EXPECT_EQ(blurhash(view(rgba, c.picture), {c.x, c.y}), c.hash);
  }
}

TEST(Blurhash, HasTheLengthOfItsComponents) {
  const Made picture{9, 9, 4, true};
  const auto rgba = made(picture);
  for (int x = 1; x <= 9; ++x) {
    for (int y = 1; y <= 9; ++y) {
      EXPECT_EQ(blurhash(view(rgba, picture), {x, y}).size(), 4u + 2u * x * y);
    }
  }
}

TEST(Blurhash, TransparentIsWhite) {
  const std::vector<std::uint8_t> clear(16, 0), white(16, 255);
  EXPECT_EQ(blurhash({clear, 2, 2}, {2, 2}), blurhash({white, 2, 2}, {2, 2}));
}

// Recorded from npm's thumbhash 0.1.1; PyPI's thumbhash 0.1.2 agrees where there is no alpha, and
// fails where there is. Left out: a picture of which a factor is 0 but for rounding, by which the
// cosines of that engine and of this library say different halves.
struct ThumbCase {
  Made picture;
  std::string_view hex;
};
constexpr ThumbCase kThumbCases[] = {
    {{32, 24, 2, false}, "5cf80d0d948087778178777787788778897008f878"},
    {{24, 32, 4, true}, "5f18860c103ab3069c88887607bb79917f0776597588888807"},
    {{100, 60, 6, false}, "5cf80d14947077877187877777878a8008f877"},
    {{1, 1, 8, false}, "020806070008f708888788708f7088f80888000000000000"},
    {{10, 7, 1, false}, "5bf8091d9841696970887787777888880d7537f477"},
    {{7, 1, 12, false}, "d2c62651b28477778888087b8b874f8808"},
};

TEST(ThumbHash, EqualsItsAuthorsImplementation) {
  for (const ThumbCase& c : kThumbCases) {
    SCOPED_TRACE(c.hex);
    const auto rgba = made(c.picture);
    EXPECT_EQ(hex_encode(thumb_hash(view(rgba, c.picture))), c.hex);
  }
}

std::vector<std::uint8_t> green_of(std::uint32_t seed) {
  const auto rgba = made({32, 32, seed, false});
  std::vector<std::uint8_t> out;
  for (std::size_t i = 1; i < rgba.size(); i += 4) out.push_back(rgba[i]);
  return out;
}

// Recorded from PyPI's ImageHash 4.3.2, of the green of these pictures as grey.
TEST(PerceptualHash, EqualsImagehash) {
  struct Case {
    std::uint32_t seed;
    std::uint64_t hash;
  };
  const Case cases[] = {
      {2, 0xf4419359ab2e9f42ull},
      {4, 0xdf17d1495d2c5a12ull},
      {6, 0xaf4ead22b5411d66ull},
      {9, 0xfe0a2f5d68138723ull},
  };
  for (const Case& c : cases) EXPECT_EQ(perceptual_hash(green_of(c.seed)), c.hash) << c.seed;
}

TEST(PerceptualHash, SetsHalfOfTheBitsAndOneOfAFlatPicture) {
  EXPECT_EQ(std::popcount(perceptual_hash(green_of(77))), 32);
  const std::vector<std::uint8_t> flat(1024, 200), black(1024, 0);
  EXPECT_EQ(perceptual_hash(flat), 0x8000000000000000ull);
  EXPECT_EQ(perceptual_hash(black), 0u);
}

}  // namespace
}  // namespace imgring::info
