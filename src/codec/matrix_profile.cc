// ICC.1:2022: header 7.2, tag table 7.3, curveType 10.6, parametricCurveType 10.18, XYZType 10.31.
#include "imgring/codec/matrix_profile.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "imgring/base/byte_reader.h"

namespace imgring::codec {
namespace {

constexpr std::size_t kHeaderBytes = 128, kSpaceAt = 16, kConnectionAt = 20, kSignatureAt = 36;
constexpr std::size_t kTagBytes = 12, kTypeHeadBytes = 8;
// As many as lcms reads, as are points of a curve: it refuses profiles with more.
constexpr std::uint32_t kTagsMax = 100, kPointsMax = 0x7FFF;

std::string_view name_at(ByteSpan bytes, std::size_t at) noexcept {
  const auto name = slice(bytes, at, 4);
  return name ? as_text(*name) : std::string_view();
}

struct Tag {
  std::string_view name;
  ByteSpan data;
};

// lcms prefers tables of colours to curves and a matrix.
bool is_table(std::string_view name) noexcept {
  return name.starts_with("A2B") || name.starts_with("D2B");
}

// The data of one tag; nullopt: it is not there, or there twice.
class Tags {
 public:
  static std::optional<Tags> of(ByteSpan profile) {
    const auto count = read_be(profile, kHeaderBytes, 4);
    if (!count || *count > kTagsMax) return std::nullopt;
    Tags tags;
    for (std::size_t i = 0; i < *count; ++i) {
      const std::size_t at = kHeaderBytes + 4 + i * kTagBytes;
      const auto offset = read_be(profile, at + 4, 4), size = read_be(profile, at + 8, 4);
      if (!offset || !size) return std::nullopt;
      const auto data = slice(profile, *offset, *size);
      if (!data || is_table(name_at(profile, at))) return std::nullopt;
      tags.all_[tags.count_++] = {name_at(profile, at), *data};
    }
    return tags;
  }
  std::optional<ByteSpan> find(std::string_view name) const noexcept {
    const auto end = all_.begin() + tags_end();
    const auto same = [name](const Tag& tag) { return tag.name == name; };
    const auto found = std::find_if(all_.begin(), end, same);
    if (found == end || std::find_if(found + 1, end, same) != end) return std::nullopt;
    return found->data;
  }

 private:
  std::ptrdiff_t tags_end() const noexcept { return static_cast<std::ptrdiff_t>(count_); }
  std::array<Tag, kTagsMax> all_;
  std::size_t count_ = 0;
};

// s15Fixed16Number.
std::optional<double> fixed_at(ByteSpan bytes, std::size_t at) noexcept {
  const auto raw = read_be(bytes, at, 4);
  if (!raw) return std::nullopt;
  return static_cast<std::int32_t>(*raw) / 65536.0;
}

using Column = std::array<double, 3>;
std::optional<Column> column_of(const Tags& tags, std::string_view name) noexcept {
  const auto data = tags.find(name);
  if (!data || name_at(*data, 0) != "XYZ ") return std::nullopt;
  Column xyz;
  for (std::size_t i = 0; i < xyz.size(); ++i) {
    const auto value = fixed_at(*data, kTypeHeadBytes + 4 * i);
    if (!value) return std::nullopt;
    xyz[i] = *value;
  }
  return xyz;
}

// Of the 256 values of a sample, 0 to 1.
using Curve = std::array<double, 256>;

constexpr double value_of(std::size_t sample) noexcept { return static_cast<double>(sample) / 255; }

std::optional<Curve> points_curve(ByteSpan data, std::uint32_t count) noexcept {
  if (count > kPointsMax || data.size() < kTypeHeadBytes + 4 + std::size_t{count} * 2)
    return std::nullopt;
  const auto point = [&](std::size_t i) {
    return static_cast<double>(read_be(data, kTypeHeadBytes + 4 + i * 2, 2).value_or(0)) / 65535;
  };
  Curve curve;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const double at = value_of(i) * (count - 1);
    const auto below = std::min(static_cast<std::size_t>(at), std::size_t{count} - 2);
    const double part = at - static_cast<double>(below);
    curve[i] = point(below) * (1 - part) + point(below + 1) * part;
  }
  return curve;
}

Curve power_curve(double gamma) noexcept {
  Curve curve;
  for (std::size_t i = 0; i < curve.size(); ++i) curve[i] = std::pow(value_of(i), gamma);
  return curve;
}

std::optional<Curve> sampled_curve(ByteSpan data) noexcept {
  const auto count = read_be(data, kTypeHeadBytes, 4);
  if (!count) return std::nullopt;
  if (*count == 0) return power_curve(1);
  if (*count > 1) return points_curve(data, *count);
  const auto gamma = read_be(data, kTypeHeadBytes + 4, 2);  // u8Fixed8Number
  if (!gamma) return std::nullopt;
  return power_curve(*gamma / 256.0);
}

// Y = (a X + b)^g + e from X = d on, c X + f below it; a type leaves out what it does not have.
std::optional<Curve> parametric_curve(ByteSpan data) noexcept {
  constexpr std::array<std::size_t, 5> kCounts = {1, 3, 4, 5, 7};
  const auto type = read_be(data, kTypeHeadBytes, 2);
  if (!type || *type >= kCounts.size()) return std::nullopt;
  std::array<double, 7> p{};
  for (std::size_t i = 0; i < kCounts[*type]; ++i) {
    const auto value = fixed_at(data, kTypeHeadBytes + 4 + i * 4);
    if (!value) return std::nullopt;
    p[i] = *value;
  }
  const double g = p[0], a = *type == 0 ? 1 : p[1], b = p[2];
  double c = p[3], d = p[4], e = p[5], f = p[6];
  if (*type == 1 || *type == 2) {  // 0 below -b / a, and for the latter c on top of all
    if (a == 0) return std::nullopt;
    e = f = *type == 2 ? p[3] : 0;
    c = 0;
    d = -b / a;
  }
  Curve curve;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const double x = value_of(i);
    curve[i] = x >= d ? std::pow(a * x + b, g) + e : c * x + f;
  }
  return curve;
}

// From black to white, and never falls: as a camera's.
bool plain(const Curve& curve) noexcept {
  constexpr double kNearBlack = 0.01, kNearWhite = 0.99, kMost = 1.01;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    // Also what is no number.
    if (!(curve[i] >= (i == 0 ? 0 : curve[i - 1])) || !(curve[i] <= kMost)) return false;
  }
  return curve.front() <= kNearBlack && curve.back() >= kNearWhite;
}

std::optional<Curve> curve_of(const Tags& tags, std::string_view name) noexcept {
  const auto data = tags.find(name);
  if (!data) return std::nullopt;
  std::optional<Curve> curve;
  if (name_at(*data, 0) == "curv") curve = sampled_curve(*data);
  if (name_at(*data, 0) == "para") curve = parametric_curve(*data);
  if (!curve || !plain(*curve)) return std::nullopt;
  return curve;
}

// From XYZ by D50 to linear sRGB: the inverse of the colourants of the profile that libvips has for
// sRGB, in units of 2^-16: red (28564, 14574, 912), green (25253, 46992, 6366), blue (9373, 3971,
// 46782).
constexpr std::array<Column, 3> kToSrgb = {{{3.1359360, -1.6187167, -0.4908983},
                                            {-0.9786602, 1.9160115, 0.0334424},
                                            {0.0720400, -0.2291706, 1.4058998}}};

// A colour that is far from what a pixel can be is no camera's.
bool plain(const Column& column) noexcept {
  constexpr double kMost = 2;
  return std::ranges::all_of(column, [](double v) { return std::abs(v) <= kMost; });
}

// Linear light to a sample; the steepest slope is 12.92 * 255 levels for all of it: a fifth of a
// level for an entry.
constexpr std::size_t kSteps = 1 << 14;
constexpr float kLastStep = kSteps - 1;
using Encoding = std::array<std::uint8_t, kSteps>;

Encoding make_encoding() noexcept {
  Encoding table;
  for (std::size_t i = 0; i < kSteps; ++i) {
    const double linear = static_cast<double>(i) / (kSteps - 1);
    const double v =
        linear <= 0.0031308 ? linear * 12.92 : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
    table[i] = static_cast<std::uint8_t>(std::lround(v * 255));
  }
  return table;
}

const Encoding& encoding() noexcept {
  static const Encoding kTable = make_encoding();
  return kTable;
}

}  // namespace

std::shared_ptr<const MatrixProfile> MatrixProfile::parse(ByteSpan profile) {
  const bool rgb = name_at(profile, kSpaceAt) == "RGB " &&
                   name_at(profile, kConnectionAt) == "XYZ " &&
                   name_at(profile, kSignatureAt) == "acsp";
  if (!rgb) return nullptr;
  // Nor does lcms look behind what the header says is the end.
  const std::size_t said = read_be(profile, 0, 4).value_or(0);
  const auto tags = Tags::of(profile.first(std::min(profile.size(), said)));
  if (!tags) return nullptr;
  constexpr std::array<std::string_view, 3> kColumns = {"rXYZ", "gXYZ", "bXYZ"};
  constexpr std::array<std::string_view, 3> kCurves = {"rTRC", "gTRC", "bTRC"};
  auto made = std::make_shared<MatrixProfile>();
  for (std::size_t band = 0; band < kColumns.size(); ++band) {
    const auto column = column_of(*tags, kColumns[band]);
    const auto curve = curve_of(*tags, kCurves[band]);
    if (!column || !plain(*column) || !curve) return nullptr;
    for (std::size_t i = 0; i < kToSrgb.size(); ++i) {
      const Column& row = kToSrgb[i];
      const double factor = row[0] * (*column)[0] + row[1] * (*column)[1] + row[2] * (*column)[2];
      for (std::size_t v = 0; v < curve->size(); ++v)
        made->shares_[band][v][i] = static_cast<float>((*curve)[v] * factor * kLastStep);
    }
  }
  return made;
}

// Four lanes at a time, which the compiler finds by itself.
void MatrixProfile::to_srgb(const std::uint8_t* row, std::size_t pixel_count, int bands,
                            std::uint8_t* out) const noexcept {
  const std::uint8_t* encode = encoding().data();
  for (std::size_t i = 0; i < pixel_count; ++i, row += bands, out += bands) {
    const Share &red = shares_[0][row[0]], &green = shares_[1][row[1]], &blue = shares_[2][row[2]];
    std::array<std::int32_t, 4> at;
    for (std::size_t k = 0; k < at.size(); ++k) {
      const float sum = red[k] + green[k] + blue[k] + 0.5F;
      at[k] = static_cast<std::int32_t>(std::min(std::max(sum, 0.0F), kLastStep));
    }
    if (bands == 4) out[3] = row[3];
    for (std::size_t k = 0; k < 3; ++k) out[k] = encode[static_cast<std::size_t>(at[k])];
  }
}

}  // namespace imgring::codec
