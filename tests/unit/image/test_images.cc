// Pictures for the image tests; the global environment starts and stops libvips.
#include "test_images.h"

#include <gtest/gtest.h>

#include <cmath>

#include "imgring/image/abilities.h"
#include "imgring/mem/gzip.h"

namespace imgring::image::test {
namespace {

class VipsEnvironment : public testing::Environment {
 public:
  void SetUp() override { ASSERT_TRUE(init_vips("image_test").has_value()); }
  void TearDown() override { shutdown_vips(); }
};
const testing::Environment* const kEnvironment =
    testing::AddGlobalTestEnvironment(new VipsEnvironment);

template <class T>
VipsImagePtr drawn(int width, int height, int bands, VipsBandFormat format,
                   VipsInterpretation interpretation) {
  const double max = sizeof(T) == 1 ? 255 : 65535;
  std::vector<T> pixels(static_cast<std::size_t>(width) * height * bands);
  std::size_t at = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int b = 0; b < bands; ++b) {
        const double wave = 0.5 + 0.5 * std::sin((x + 3.0 * b) / 9.0 + y / (7.0 + b));
        const bool edge = (x / 13 + y / 11) % 2 == 0;
        pixels[at++] = static_cast<T>(max * (edge ? wave : wave * 0.4));
      }
    }
  }
  VipsImage* raw = vips_image_new_from_memory_copy(pixels.data(), pixels.size() * sizeof(T), width,
                                                   height, bands, format);
  VipsImage* out = nullptr;
  const VipsImagePtr owner(raw);
  EXPECT_EQ(vips_copy(raw, &out, "interpretation", interpretation, "xres", 72 / 25.4, "yres",
                      72 / 25.4, nullptr),
            0);
  return VipsImagePtr(out);
}

}  // namespace

VipsImagePtr picture(int width, int height, int bands) {
  return drawn<std::uint8_t>(width, height, bands, VIPS_FORMAT_UCHAR,
                             bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB);
}
VipsImagePtr picture16(int width, int height, int bands) {
  return drawn<std::uint16_t>(width, height, bands, VIPS_FORMAT_USHORT,
                              bands < 3 ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_RGB16);
}
VipsImagePtr cmyk_picture(int width, int height) {
  return drawn<std::uint8_t>(width, height, 4, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_CMYK);
}

namespace {

const format::Abilities& abilities() {
  static const format::Abilities can = ask_abilities();
  return can;
}

}  // namespace

bool can_save(ImageType type) { return abilities().can_save(type); }
bool can_load(ImageType type) { return abilities().can_load(type); }

std::string saved_by_vips(VipsImage* image, const char* suffix) {
  void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_write_to_buffer(image, suffix, &data, &size, nullptr) != 0) {
    ADD_FAILURE() << suffix << ": " << take_vips_error();
    return {};
  }
  std::string bytes(static_cast<const char*>(data), size);
  g_free(data);
  return bytes;
}

std::vector<std::uint8_t> pixels_of(VipsImage* image) {
  std::size_t size = 0;
  void* data = vips_image_write_to_memory(image, &size);
  if (data == nullptr) {
    ADD_FAILURE() << take_vips_error();
    return {};
  }
  const auto* first = static_cast<const std::uint8_t*>(data);
  std::vector<std::uint8_t> pixels(first, first + size);
  g_free(data);
  return pixels;
}

double mean_difference(VipsImage* a, VipsImage* b) {
  const auto left = pixels_of(a), right = pixels_of(b);
  if (left.size() != right.size()) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i) sum += std::abs(left[i] - right[i]);
  return sum / static_cast<double>(left.size());
}

VipsImagePtr decoded(ByteSpan bytes) {
  VipsImage* image = vips_image_new_from_buffer(bytes.data(), bytes.size(), "", nullptr);
  if (image == nullptr) ADD_FAILURE() << take_vips_error();
  return VipsImagePtr(image);
}

std::string gzipped(const std::string& bytes) {
  std::string out(mem::gzip_bound(bytes.size()), '\0');
  const auto size = mem::gzip_compress(6, as_bytes(bytes),
                                       {reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  EXPECT_TRUE(size.has_value());
  out.resize(size.value_or(0));
  return out;
}

ByteSpan bytes_of(const std::string& text) { return as_bytes(text); }
std::string text_of(const Bytes& bytes) { return std::string(as_text(bytes.span())); }

std::string built_in(const char* name) {
  VipsBlob* blob = nullptr;
  if (vips_profile_load(name, &blob, nullptr) != 0 || blob == nullptr) {
    ADD_FAILURE() << take_vips_error();
    return {};
  }
  std::size_t size = 0;
  const void* data = vips_blob_get(blob, &size);
  std::string profile(static_cast<const char*>(data), size);
  vips_area_unref(reinterpret_cast<VipsArea*>(blob));
  return profile;
}

std::string srgb_profile() { return built_in("srgb"); }

VipsImagePtr own_copy(VipsImage* image) {
  VipsImage* out = nullptr;
  EXPECT_EQ(vips_copy(image, &out, nullptr), 0);
  return VipsImagePtr(out);
}

bool has_field(VipsImage* image, const char* field) {
  return vips_image_get_typeof(image, field) != 0;
}

void set_blob(VipsImage* image, const char* field, const std::string& bytes) {
  vips_image_set_blob_copy(image, field, bytes.data(), bytes.size());
}

}  // namespace imgring::image::test
