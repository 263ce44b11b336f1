// The table of image formats. Immutable, any thread.
// Costs are those of Debian 12's libraries, on the high side, rounded: times of
// `tests/bench/work_bench 3 p16.jpg` (a photo of 4 MP) at imgproxy's default qualities and speeds,
// bytes of `tests/bench/memory_cost`.
// least_ns: 3 MP of one colour took 160 (HEIC), 54 (GIF), 158 (JPEG XL), 17 (PNG), 31 (WebP) on the
// same machine; rounded down for processors that are faster. AVIF's encoder has four threads and a
// speed that is set: no bound.
#include <array>
#include <cstddef>

#include "imgring/format/format.h"
#include "imgring/format/headers.h"

namespace imgring {
namespace {

using namespace std::string_view_literals;
using format::Format;
using enum ImageType;

constexpr std::array kJpegMagics = {"\xff\xd8"sv};
constexpr std::array kJxlMagics = {"\xff\x0a"sv, "\0\0\0\x0cJXL \x0d\x0a\x87\x0a"sv};
constexpr std::array kPngMagics = {"\x89PNG\r\n\x1a\n"sv};
constexpr std::array kWebpMagics = {"RIFF????WEBP"sv};
constexpr std::array kGifMagics = {"GIF8?a"sv};
constexpr std::array kIcoMagics = {"\0\0\1\0"sv};
constexpr std::array kHeicMagics = {"????ftypheic"sv, "????ftypheix"sv, "????ftyphevc"sv,
                                    "????ftypheim"sv, "????ftypheis"sv, "????ftyphevm"sv,
                                    "????ftyphevs"sv};
constexpr std::array kAvifMagics = {"????ftypavif"sv, "????ftypavis"sv};
constexpr std::array kBmpMagics = {"BM"sv};
constexpr std::array kTiffMagics = {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv};  // and BigTIFF

constexpr bool Y = true;

// In the order of ImageType, which is the one in which imgproxy tests first bytes.
constexpr std::array kFormats = {
    Format{.type = kUnknown, .name = "", .mime = "application/octet-stream", .extension = ""},
    Format{.type = kJpeg,
           .name = "jpeg",
           .mime = "image/jpeg",
           .extension = ".jpg",
           .other_name = "jpg",
           .icc = Y,
           .quality = Y,
           .magics = kJpegMagics,
           .header = format::read_jpeg_header,
           .probe = format::read_jpeg_header,
           .largest = {.refused_side = 65500},  // JPEG_MAX_DIMENSION of libjpeg
           .decode = {.bytes = 0, .strip_rows = 64, .whole_bytes = 0, .ns = 4, .whole_ns = 14},
           // All coefficients, at 4:2:0 half as many as at 4:4:4. In one scan a file of plain codes
           // instead (codec/jpeg_codes.h), which is as large of noise only.
           .encode = {.bytes = 6, .certain_bytes = 3, .ns = 10, .fixed_us = 100}},
    Format{
        .type = kJxl,
        .name = "jxl",
        .mime = "image/jxl",
        .extension = ".jxl",
        .alpha = Y,
        .icc = Y,
        .quality = Y,
        .animation_load = Y,
        .hdr = Y,
        .magics = kJxlMagics,
        .header = format::read_jxl_header,
        // Three float planes; 7 bytes measured of 8 bits.
        .decode = {.bytes = 12, .whole_bytes = 12, .ns = 50, .whole_ns = 50},
        .encode = {.bytes = 46, .certain_bytes = 30, .ns = 75, .fixed_us = 2000, .least_ns = 50}},
    Format{.type = kPng,
           .name = "png",
           .mime = "image/png",
           .extension = ".png",
           .alpha = Y,
           .icc = Y,
           .hdr = Y,
           .magics = kPngMagics,
           .header = format::read_png_header,
           .largest = {.refused_side = 1'000'000},  // PNG_USER_WIDTH_MAX of libpng
           // Interlaced: 16 bit RGBA.
           .decode = {.bytes = 0, .strip_rows = 64, .whole_bytes = 8, .ns = 10, .whole_ns = 32},
           .encode = {.bytes = 3, .certain_bytes = 2, .ns = 130, .fixed_us = 500, .least_ns = 8}},
    Format{
        .type = kWebp,
        .name = "webp",
        .mime = "image/webp",
        .extension = ".webp",
        .alpha = Y,
        .icc = Y,
        .quality = Y,
        .animation_load = Y,
        .animation_save = Y,
        .magics = kWebpMagics,
        .header = format::read_webp_header,
        .probe = format::read_still_webp_header,
        .largest = {.fitted_side = 16383},
        // Its ARGB or YUV and our RGBA.
        .decode = {.bytes = 8, .whole_bytes = 8, .ns = 19, .whole_ns = 19},
        .encode = {.bytes = 16, .certain_bytes = 10, .ns = 110, .fixed_us = 4000, .least_ns = 15},
        .lossless = {.bytes = 40, .certain_bytes = 20, .ns = 400, .fixed_us = 4000}},
    Format{.type = kGif,
           .name = "gif",
           .mime = "image/gif",
           .extension = ".gif",
           .alpha = Y,
           .animation_load = Y,
           .animation_save = Y,
           .magics = kGifMagics,
           .header = format::read_gif_header,
           .largest = {.fitted_side = 65535, .fitted_pixels = std::numeric_limits<int>::max() / 4},
           // Canvas and the frame before.
           .decode = {.bytes = 8, .whole_bytes = 8, .ns = 20, .whole_ns = 20},
           .encode =
               {.bytes = 34, .certain_bytes = 20, .ns = 800, .fixed_us = 30'000, .least_ns = 25}},
    Format{.type = kIco,
           .name = "ico",
           .mime = "image/x-icon",
           .extension = ".ico",
           .alpha = Y,
           .magics = kIcoMagics,
           .header = format::read_ico_header,
           .largest = {.fitted_side = 256},
           .decode = {.bytes = 8, .whole_bytes = 8, .ns = 30, .whole_ns = 30},
           .encode = {.bytes = 8, .certain_bytes = 8, .ns = 130, .fixed_us = 500}},
    // Its size is told by svg/root.cc. Never encoded.
    Format{.type = kSvg,
           .name = "svg",
           .mime = "image/svg+xml",
           .extension = ".svg",
           .vector = Y,
           .alpha = Y,
           // The child's tile twice and the pixels it gives.
           .decode = {.bytes = 12, .whole_bytes = 12, .ns = 50, .whole_ns = 50}},
    Format{.type = kHeic,
           .name = "heic",
           .mime = "image/heif",
           .extension = ".heic",
           .alpha = Y,
           .icc = Y,
           .quality = Y,
           .thumbnail = Y,
           .magics = kHeicMagics,
           .header = format::read_heic_header,
           .largest = {.fitted_side = 16384},
           // YUV 4:4:4 at 16 bit and RGBA.
           .decode = {.bytes = 10, .whole_bytes = 10, .ns = 90, .whole_ns = 90},
           .encode =
               {.bytes = 30, .certain_bytes = 20, .ns = 3300, .fixed_us = 50'000, .least_ns = 80}},
    Format{.type = kAvif,
           .name = "avif",
           .mime = "image/avif",
           .extension = ".avif",
           .alpha = Y,
           .icc = Y,
           .quality = Y,
           .hdr = Y,
           .thumbnail = Y,
           .magics = kAvifMagics,
           .header = format::read_avif_header,
           .largest = {.fitted_side = 16384},
           .decode = {.bytes = 10, .whole_bytes = 10, .ns = 50, .whole_ns = 50},
           .encode = {.bytes = 30, .certain_bytes = 20, .ns = 340, .fixed_us = 30'000}},
    Format{.type = kBmp,
           .name = "bmp",
           .mime = "image/bmp",
           .extension = ".bmp",
           .alpha = Y,
           .magics = kBmpMagics,
           .header = format::read_bmp_header,
           .decode = {.bytes = 4, .whole_bytes = 4, .ns = 10, .whole_ns = 10},
           .encode = {.bytes = 5, .certain_bytes = 3, .ns = 2, .fixed_us = 100}},
    Format{.type = kTiff,
           .name = "tiff",
           .mime = "image/tiff",
           .extension = ".tiff",
           .alpha = Y,
           .icc = Y,
           .quality = Y,
           .hdr = Y,
           .magics = kTiffMagics,
           .header = format::read_tiff_header,
           // One strip may be the picture.
           .decode = {.bytes = 8, .whole_bytes = 8, .ns = 12, .whole_ns = 12},
           .encode = {.bytes = 10, .certain_bytes = 6, .ns = 8, .fixed_us = 100}},
};

consteval bool one_row_each() {
  if (kFormats.size() != kImageTypeCount) return false;
  for (std::size_t i = 0; i < kFormats.size(); ++i) {
    if (static_cast<std::size_t>(kFormats[i].type) != i) return false;
    if (i > 0 && (kFormats[i].name.empty() || kFormats[i].mime.empty())) return false;
  }
  return true;
}
static_assert(one_row_each(), "a row for each ImageType, in its order");

}  // namespace

const Format& facts_of(ImageType type) noexcept { return kFormats[static_cast<std::size_t>(type)]; }

bool is_unbuilt_format(std::string_view name) noexcept {
  return name == "pdf" || name == "psd" || name == "raw" || name == "mp4";
}

std::optional<ImageType> image_type_by_name(std::string_view name) noexcept {
  if (name.empty()) return std::nullopt;
  for (const Format& row : kFormats) {
    if (row.name == name || row.other_name == name) return row.type;
  }
  return std::nullopt;
}

}  // namespace imgring
