// libheif decodes planes; rows of them are added up and become colours.
#include "heif_planes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "heif_pointers.h"
#include "heif_source.h"
#include "imgring/base/check.h"
#include "imgring/image/loader.h"

namespace imgring::image {
namespace {

using NclxPtr = std::unique_ptr<heif_color_profile_nclx, Deleter<heif_nclx_color_profile_free>>;

constexpr int kBits = 8;

bool went_well(const heif_error& error) noexcept { return error.code == heif_error_Ok; }

// Before 1.19 libheif makes colours of everything, and would make YCbCr of these again.
bool colours_first() noexcept {
  constexpr std::uint32_t kMakesNone = 0x01130000;
  return heif_get_version_number() < kMakesNone;
}

// Null: not for us. YCbCr at 4:2:0 (whose chroma is finer becomes means of it, of which means are
// made here), or RGB.
HeifImagePtr planes_of(ByteSpan source) {
  const HeifContextPtr context(heif_context_alloc());
  if (context == nullptr || !went_well(heif_context_read_from_memory_without_copy(
                                context.get(), source.data(), source.size(), nullptr))) {
    return nullptr;
  }
  heif_image_handle* raw = nullptr;
  if (!went_well(heif_context_get_primary_image_handle(context.get(), &raw))) return nullptr;
  const HeifHandlePtr handle(raw);
  if (heif_image_handle_has_alpha_channel(handle.get()) != 0 ||
      heif_image_handle_get_luma_bits_per_pixel(handle.get()) != kBits) {
    return nullptr;
  }
  heif_image* planes = nullptr;
  if (!went_well(heif_decode_image(handle.get(), &planes,
                                   colours_first() ? heif_colorspace_RGB : heif_colorspace_YCbCr,
                                   colours_first() ? heif_chroma_444 : heif_chroma_420, nullptr))) {
    return nullptr;
  }
  return HeifImagePtr(planes);
}

struct Plane {
  const std::uint8_t* first = nullptr;
  std::size_t stride = 0;
  int width = 0, height = 0;
};

Plane plane_of(const heif_image* image, heif_channel channel) noexcept {
  int stride = 0;
  Plane plane;
  if (heif_image_has_channel(image, channel) == 0 ||
      heif_image_get_bits_per_pixel_range(image, channel) != kBits) {
    return plane;
  }
  plane.first = heif_image_get_plane_readonly(image, channel, &stride);
  plane.stride = static_cast<std::size_t>(stride);
  plane.width = heif_image_get_width(image, channel);
  plane.height = heif_image_get_height(image, channel);
  return plane;
}

// Luma's weights of red and blue; those of ITU-T H.273, table 4. What says nothing is BT.601, as
// libheif has it.
struct Matrix {
  int number;
  float red, blue;
};
constexpr Matrix kMatrices[] = {{1, 0.2126F, 0.0722F}, {2, 0.299F, 0.114F},   {4, 0.30F, 0.11F},
                                {5, 0.299F, 0.114F},   {6, 0.299F, 0.114F},   {7, 0.212F, 0.087F},
                                {9, 0.2627F, 0.0593F}, {10, 0.2627F, 0.0593F}};

// From YCbCr to RGB.
struct Colours {
  float luma = 1, luma_offset = 0;
  float red_cr = 0, green_cb = 0, green_cr = 0, blue_cb = 0;
};

std::optional<Colours> colours_of(const heif_image* image) noexcept {
  heif_color_profile_nclx* raw = nullptr;
  const bool said = went_well(heif_image_get_nclx_color_profile(image, &raw)) && raw != nullptr;
  const NclxPtr nclx(raw);
  const int number = said ? static_cast<int>(nclx->matrix_coefficients) : 2;
  const bool full = !said || nclx->full_range_flag != 0;
  const auto found = std::ranges::find(kMatrices, number, &Matrix::number);
  if (found == std::end(kMatrices)) return std::nullopt;
  // H.273, equations 20 to 22, 38 to 40.
  constexpr float kFull = 255, kLuma = 219, kChroma = 224, kBlack = 16;
  const float chroma = full ? 1 : kFull / kChroma;
  const float green = 1 - found->red - found->blue;
  Colours colours;
  colours.luma = full ? 1 : kFull / kLuma;
  colours.luma_offset = full ? 0 : kBlack;
  colours.red_cr = 2 * (1 - found->red) * chroma;
  colours.blue_cb = 2 * (1 - found->blue) * chroma;
  colours.green_cr = -2 * (1 - found->red) * found->red / green * chroma;
  colours.green_cb = -2 * (1 - found->blue) * found->blue / green * chroma;
  return colours;
}

// Means of one plane, a row of them at a time.
class Means {
 public:
  Means(const Plane& plane, int times, int count)
      : plane_(plane), times_(times), columns_(static_cast<std::size_t>(plane.width)),
        row_(static_cast<std::size_t>(count)) {}

  const std::vector<float>& row(int index) {
    const int top = index * times_;
    const int end = std::min(top + times_, plane_.height);
    std::ranges::fill(columns_, std::uint16_t{0});
    for (int y = top; y < end; ++y) {
      const std::uint8_t* samples = plane_.first + static_cast<std::size_t>(y) * plane_.stride;
      for (std::size_t x = 0; x < columns_.size(); ++x) {
        columns_[x] = static_cast<std::uint16_t>(columns_[x] + samples[x]);
      }
    }
    add_up(end - top);
    return row_;
  }

 private:
  void add_up(int rows) {
    const auto times = static_cast<std::size_t>(times_);
    for (std::size_t i = 0; i < row_.size(); ++i) {
      const std::size_t first = i * times;
      const std::size_t end = std::min(first + times, columns_.size());
      std::uint32_t sum = 0;
      for (std::size_t x = first; x < end; ++x) sum += columns_[x];
      const auto count = static_cast<float>(end - first) * static_cast<float>(rows);
      row_[i] = static_cast<float>(sum) / count;
    }
  }

  Plane plane_;
  int times_;
  std::vector<std::uint16_t> columns_;
  std::vector<float> row_;
};

std::uint8_t sample_of(float value) noexcept {
  constexpr float kMost = 255;
  return static_cast<std::uint8_t>(std::clamp(value, 0.0F, kMost) + 0.5F);
}

void make_row(const Colours& c, const std::vector<float>& luma, const std::vector<float>& cb,
              const std::vector<float>& cr, std::uint8_t* out) noexcept {
  constexpr float kMiddle = 128;
  for (std::size_t i = 0; i < luma.size(); ++i) {
    const float y = (luma[i] - c.luma_offset) * c.luma;
    const float b = cb[i] - kMiddle, r = cr[i] - kMiddle;
    out[3 * i] = sample_of(y + c.red_cr * r);
    out[3 * i + 1] = sample_of(y + c.green_cb * b + c.green_cr * r);
    out[3 * i + 2] = sample_of(y + c.blue_cb * b);
  }
}

// Of what are colours.
void put_row(const Colours&, const std::vector<float>& red, const std::vector<float>& green,
             const std::vector<float>& blue, std::uint8_t* out) noexcept {
  for (std::size_t i = 0; i < red.size(); ++i) {
    out[3 * i] = sample_of(red[i]);
    out[3 * i + 1] = sample_of(green[i]);
    out[3 * i + 2] = sample_of(blue[i]);
  }
}

int divided_up(int side, int by) noexcept { return (side + by - 1) / by; }

}  // namespace

std::optional<SmallPicture> load_heif_smaller(ByteSpan source, int width, int height, int shrink) {
  IMGRING_CHECK(shrink >= 2 && shrink <= kHeifShrinkMost && shrink % 2 == 0);
  const auto plain = plain_heif(source);
  if (!plain) return std::nullopt;
  const HeifImagePtr image = planes_of(*plain);
  if (image == nullptr) return std::nullopt;
  const bool rgb = heif_image_get_colorspace(image.get()) == heif_colorspace_RGB;
  // What luma and chroma have; of RGB each plane is as luma's.
  const int finer = rgb ? 1 : 2;
  const std::optional<Colours> colours = rgb ? Colours() : colours_of(image.get());
  const std::array planes = {plane_of(image.get(), rgb ? heif_channel_R : heif_channel_Y),
                             plane_of(image.get(), rgb ? heif_channel_G : heif_channel_Cb),
                             plane_of(image.get(), rgb ? heif_channel_B : heif_channel_Cr)};
  if (!colours) return std::nullopt;
  for (const Plane& plane : planes) {
    const int times = &plane == planes.data() ? 1 : finer;
    if (plane.first == nullptr || plane.width != divided_up(width, times) ||
        plane.height != divided_up(height, times)) {
      return std::nullopt;
    }
  }
  SmallPicture small;
  small.width = divided_up(width, shrink);
  small.height = divided_up(height, shrink);
  small.bands = 3;
  auto block = PixelBlock::of(small.row_bytes() * static_cast<std::size_t>(small.height));
  if (!block) return std::nullopt;
  small.block = std::move(*block);
  Means first(planes[0], shrink, small.width);
  Means second(planes[1], shrink / finer, small.width),
      third(planes[2], shrink / finer, small.width);
  for (int row = 0; row < small.height; ++row) {
    const auto make = rgb ? put_row : make_row;
    make(*colours, first.row(row), second.row(row), third.row(row), small.row(row));
  }
  return small;
}

}  // namespace imgring::image
