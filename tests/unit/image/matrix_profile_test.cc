// Profiles of curves and a matrix: ours beside lcms, and profiles that are left to it.
#include "imgring/codec/matrix_profile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include "test_images.h"

namespace imgring::image {
namespace {

using codec::MatrixProfile;
using namespace test;

std::string big_endian(std::uint32_t value, int width_bytes = 4) {
  std::string out;
  for (int shift = (width_bytes - 1) * 8; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xFF);
  return out;
}
std::string fixed(double v) {
  return big_endian(static_cast<std::uint32_t>(static_cast<std::int32_t>(std::lround(v * 65536))));
}
std::string column(double x, double y, double z) {
  return "XYZ " + big_endian(0) + fixed(x) + fixed(y) + fixed(z);
}
std::string gamma_curve(double gamma) {
  return "curv" + big_endian(0) + big_endian(1) +
         big_endian(static_cast<std::uint32_t>(std::lround(gamma * 256)), 2);
}
template <class Value>
std::string points_curve(std::uint32_t count, Value value) {
  std::string out = "curv" + big_endian(0) + big_endian(count);
  for (std::uint32_t i = 0; i < count; ++i)
    out += big_endian(static_cast<std::uint32_t>(std::lround(value(i / (count - 1.0)) * 65535)), 2);
  return out;
}
std::string parametric(std::uint32_t type, const std::vector<double>& values) {
  std::string out = "para" + big_endian(0) + big_endian(type, 2) + big_endian(0, 2);
  for (const double v : values) out += fixed(v);
  return out;
}

struct MatrixFile {
  std::string space = "RGB ", connection = "XYZ ", version = std::string("\x02\x10\0\0", 4);
  std::vector<std::pair<std::string, std::string>> tags;

  std::string bytes() const {
    std::string table = big_endian(static_cast<std::uint32_t>(tags.size())), data;
    const std::size_t begin = 128 + 4 + tags.size() * 12;
    for (const auto& [name, content] : tags) {
      table += name + big_endian(static_cast<std::uint32_t>(begin + data.size())) +
               big_endian(static_cast<std::uint32_t>(content.size()));
      data += content;
      data.resize((data.size() + 3) / 4 * 4);
    }
    std::string head(128, '\0');
    head.replace(8, 4, version);
    head.replace(12, 12, "mntr" + space + connection);
    head.replace(36, 4, "acsp");
    head.replace(68, 12, fixed(0.9642) + fixed(1) + fixed(0.8249));
    head.replace(0, 4, big_endian(static_cast<std::uint32_t>(128 + table.size() + data.size())));
    return head + table + data;
  }
  std::string& operator[](const std::string& name) {
    for (auto& [tag, content] : tags) {
      if (tag == name) return content;
    }
    return tags.emplace_back(name, std::string()).second;
  }
};

double srgb_to_linear(double v) {
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

MatrixFile display_p3(const std::string& curve) {
  MatrixFile p;
  p["desc"] =
      "desc" + big_endian(0) + big_endian(3) + std::string("P3\0", 3) + std::string(78, '\0');
  p["cprt"] = "text" + big_endian(0) + std::string("none\0", 5);
  p["wtpt"] = column(0.9642, 1, 0.8249);
  p["rXYZ"] = column(0.51512, 0.24120, -0.00105);
  p["gXYZ"] = column(0.29198, 0.69225, 0.04189);
  p["bXYZ"] = column(0.15710, 0.06657, 0.78407);
  for (const char* name : {"rTRC", "gTRC", "bTRC"}) p[name] = curve;
  return p;
}
MatrixFile adobe_rgb() {
  MatrixFile p = display_p3(gamma_curve(2.19921875));
  p["rXYZ"] = column(0.60974, 0.31111, 0.01947);
  p["gXYZ"] = column(0.20528, 0.62567, 0.06087);
  p["bXYZ"] = column(0.14919, 0.06322, 0.74457);
  return p;
}
// sRGB's own curve, in the numbers that telephones write.
std::string srgb_parametric() {
  return parametric(3, {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045});
}

std::shared_ptr<const MatrixProfile> parsed(const std::string& bytes) {
  return MatrixProfile::parse(as_bytes(bytes));
}

// Every step of 15 and all that lies at the ends.
std::vector<std::uint8_t> all_colours(int bands) {
  std::vector<std::uint8_t> out;
  std::vector<std::uint8_t> steps = {1, 2, 3, 5, 8, 13, 250, 254};
  for (int v = 0; v <= 255; v += 15) steps.push_back(static_cast<std::uint8_t>(v));
  for (const std::uint8_t r : steps) {
    for (const std::uint8_t g : steps) {
      for (const std::uint8_t b : steps) {
        for (const std::uint8_t v : {r, g, b}) out.push_back(v);
        if (bands == 4) out.push_back(static_cast<std::uint8_t>(r ^ g));
      }
    }
  }
  return out;
}

// What lcms makes of them, as the libvips way asks it.
std::vector<std::uint8_t> by_lcms(const std::string& profile,
                                  const std::vector<std::uint8_t>& pixels, int bands) {
  const int width = static_cast<int>(pixels.size()) / bands;
  const VipsImagePtr raw(vips_image_new_from_memory_copy(pixels.data(), pixels.size(), width, 1,
                                                         bands, VIPS_FORMAT_UCHAR));
  VipsImage* out = nullptr;
  EXPECT_EQ(vips_copy(raw.get(), &out, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr), 0);
  const VipsImagePtr picture(out);
  vips_image_set_blob_copy(picture.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  EXPECT_EQ(vips_icc_transform(picture.get(), &out, "sRGB", "embedded", TRUE, "pcs", VIPS_PCS_XYZ,
                               "depth", 8, nullptr),
            0)
      << take_vips_error();
  const VipsImagePtr srgb(out);
  return pixels_of(srgb.get());
}

TEST(MatrixProfile, IsWithinOneLevelOfLcms) {
  // With libvips 8.16 some colours are two levels away.
  const int most_levels = vips_version(0) == 8 && vips_version(1) == 14 ? 1 : 2;
  const std::string sampled = points_curve(1024, srgb_to_linear);
  std::vector<std::pair<const char*, std::string>> profiles = {
      {"P3, points", display_p3(sampled).bytes()},
      {"P3, parameters", display_p3(srgb_parametric()).bytes()},
      {"P3, few points", display_p3(points_curve(37, srgb_to_linear)).bytes()},
      {"Adobe RGB", adobe_rgb().bytes()},
      {"linear", display_p3("curv" + big_endian(0) + big_endian(0)).bytes()},
      {"parameters 0", display_p3(parametric(0, {1.8})).bytes()},
      {"parameters 1", display_p3(parametric(1, {2, 1.25, -0.25})).bytes()},
      {"parameters 4",
       display_p3(parametric(4, {2.4, 0.94787, 0.05213, 0.0774, 0.04045, 0, 0})).bytes()},
      {"sRGB", srgb_profile()},
  };
  VipsBlob* p3 = nullptr;
  ASSERT_EQ(vips_profile_load("p3", &p3, nullptr), 0);
  std::size_t size = 0;
  const void* bytes = vips_blob_get(p3, &size);
  profiles.emplace_back("P3 of libvips", std::string(static_cast<const char*>(bytes), size));
  vips_area_unref(reinterpret_cast<VipsArea*>(p3));
  for (const auto& [name, profile] : profiles) {
    const auto ours = parsed(profile);
    ASSERT_NE(ours, nullptr) << name;
    for (const int bands : {3, 4}) {
      const std::vector<std::uint8_t> pixels = all_colours(bands);
      const std::vector<std::uint8_t> theirs = by_lcms(profile, pixels, bands);
      ASSERT_EQ(theirs.size(), pixels.size());
      std::vector<std::uint8_t> made(pixels.size());
      ours->to_srgb(pixels.data(), pixels.size() / static_cast<std::size_t>(bands), bands,
                    made.data());
      int most = 0;
      std::size_t differ = 0;
      for (std::size_t i = 0; i < made.size(); ++i) {
        most = std::max(most, std::abs(made[i] - theirs[i]));
        differ += made[i] != theirs[i] ? 1 : 0;
      }
      EXPECT_LE(most, most_levels) << name << " bands " << bands;
      RecordProperty(std::string(name) + " differ of 1000",
                     std::to_string(1000 * differ / made.size()));
    }
  }
}

TEST(MatrixProfile, LeavesOthersToLcms) {
  const std::string good = gamma_curve(2.2);
  ASSERT_NE(parsed(display_p3(good).bytes()), nullptr);
  using Change = void (*)(MatrixFile*);
  constexpr Change kChanges[] = {
      [](MatrixFile* p) { p->space = "CMYK"; },
      [](MatrixFile* p) { p->connection = "Lab "; },
      [](MatrixFile* p) { (*p)["A2B0"] = "mft2" + std::string(100, '\0'); },
      [](MatrixFile* p) { (*p)["A2B1"] = "mAB " + std::string(100, '\0'); },
      [](MatrixFile* p) { (*p)["D2B0"] = "mpet" + std::string(100, '\0'); },
      [](MatrixFile* p) { p->tags.pop_back(); },
      [](MatrixFile* p) { p->tags.push_back(p->tags.back()); },
      [](MatrixFile* p) { (*p)["rXYZ"] = "XYY " + std::string(16, '\0'); },
      [](MatrixFile* p) { (*p)["rXYZ"] = "XYZ " + std::string(12, '\0'); },
      [](MatrixFile* p) { (*p)["gXYZ"] = column(30000, 0, 0); },
      [](MatrixFile* p) { (*p)["gTRC"] = std::string(); },
      [](MatrixFile* p) { (*p)["gTRC"] = "curv"; },
      [](MatrixFile* p) { (*p)["gTRC"] = "curv" + big_endian(0) + big_endian(1); },
      [](MatrixFile* p) {
        (*p)["gTRC"] = "curv" + big_endian(0) + big_endian(0xFFFFFFFF) + "abcd";
      },
      [](MatrixFile* p) {
        (*p)["gTRC"] = "curv" + big_endian(0) + big_endian(32768) + std::string(65536, 'a');
      },
      [](MatrixFile* p) { (*p)["gTRC"] = points_curve(1024, [](double) { return 0.5; }); },
      [](MatrixFile* p) { (*p)["gTRC"] = points_curve(1024, [](double x) { return 1 - x; }); },
      [](MatrixFile* p) {
        (*p)["gTRC"] = points_curve(1024, [](double x) { return x < 0.5 ? x : x * x; });
      },
      [](MatrixFile* p) { (*p)["gTRC"] = points_curve(2, [](double x) { return x / 2; }); },
      [](MatrixFile* p) { (*p)["gTRC"] = gamma_curve(0); },
      [](MatrixFile* p) { (*p)["gTRC"] = parametric(5, {1, 1, 1, 1, 1, 1, 1}); },
      [](MatrixFile* p) { (*p)["gTRC"] = parametric(3, {2.4, 1}); },
      [](MatrixFile* p) { (*p)["gTRC"] = parametric(0, {-2}); },
      [](MatrixFile* p) { (*p)["gTRC"] = parametric(1, {2.4, 0, 1}); },
      [](MatrixFile* p) { (*p)["gTRC"] = parametric(3, {2.4, -30000, 30000, 1, 0}); },
      [](MatrixFile* p) { (*p)["gTRC"] = parametric(3, {0.5, 1, -1, 0, 0}); },
      [](MatrixFile* p) { (*p)["gTRC"] = "sf32" + std::string(20, '\0'); },
  };
  for (std::size_t i = 0; i < std::size(kChanges); ++i) {
    MatrixFile profile = display_p3(good);
    kChanges[i](&profile);
    EXPECT_EQ(parsed(profile.bytes()), nullptr) << "change " << i;
  }
}

TEST(MatrixProfile, ReadsNothingOutsideTheProfile) {
  const std::string whole = display_p3(points_curve(1024, srgb_to_linear)).bytes();
  // Each end has a block of its own, so that a read behind it is one that the sanitizers see. The
  // last curve alone may be padded.
  for (std::size_t size = 0; size + 4 < whole.size(); size += size < 400 ? 1 : 97) {
    const std::vector<std::uint8_t> cut(whole.begin(),
                                        whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(MatrixProfile::parse(cut), nullptr) << size;
  }
  // The places of tags, their sizes and numbers.
  for (std::size_t at = 128; at + 4 <= 132 + 12 * 9; ++at) {
    for (const std::uint32_t value : {0u, 1u, 127u, 0x7FFFFFFFu, 0xFFFFFFFFu, 0xFFFFFF00u}) {
      std::string odd = whole;
      odd.replace(at, 4, big_endian(value));
      const std::vector<std::uint8_t> bytes(odd.begin(), odd.end());
      MatrixProfile::parse(bytes);
    }
  }
}

// Whatever is accepted gives pixels.
TEST(MatrixProfile, RandomDamageIsHarmless) {
  const std::string whole = display_p3(srgb_parametric()).bytes();
  std::mt19937 random(14);
  for (int turn = 0; turn < 5000; ++turn) {
    std::vector<std::uint8_t> bytes(whole.begin(), whole.end());
    for (int i = 0; i < 3; ++i)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    const auto profile = MatrixProfile::parse(bytes);
    if (profile == nullptr) continue;
    std::array<std::uint8_t, 6> pixels = {0, 128, 255, 255, 255, 255};
    profile->to_srgb(pixels.data(), 2, 3, pixels.data());
  }
}

}  // namespace
}  // namespace imgring::image
