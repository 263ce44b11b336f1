// One row for each image format: names in imgproxy's words, first bytes, what it can hold, and what
// it costs. Whoever asks "which format" reads a field here. Any thread, immutable.
// What libvips does for a format stands in the tables of image/loader.cc and image/encoder.cc.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "imgring/base/image_type.h"
#include "imgring/base/text.h"
#include "imgring/format/source_facts.h"

namespace imgring::format {

// Sides and pixels that files of a format hold. A larger result is made smaller to fit, or refused.
struct Largest {
  int fitted_side = std::numeric_limits<int>::max();
  double fitted_pixels = std::numeric_limits<double>::infinity();  // of one frame
  int refused_side = std::numeric_limits<int>::max();              // above it
};

// What decoding takes, measured by tests/bench/memory_cost and tests/bench/work_bench.
struct DecodeCost {
  // For each source pixel (a vector: drawn pixel), held at once; 0: it streams, and holds
  // `strip_rows` rows.
  double bytes = 4;
  int strip_rows = 0;
  double whole_bytes = 4;  // instead, of an interlaced PNG; a JPEG in several scans: coefficients
  double ns = 4;           // CPU time for each such pixel
  double whole_ns = 14;    // JPEG in several scans, interlaced PNG
};

// What encoding takes, for each result pixel.
struct EncodeCost {
  double bytes = 4;          // a memory image where the saver needs one, and the encoder
  double certain_bytes = 4;  // of that, what every picture takes, however soft it is
  double ns = 10;
  double fixed_us = 100;  // for any picture
  double least_ns = 0;    // what a picture of one colour takes; 0: no bound
};

// `frames_max`: more of an animation need not be counted. A width or height of 0: not readable.
using HeaderReader = SourceFacts (*)(ByteSpan source, int frames_max);

struct Format {
  ImageType type;
  std::string_view name;             // "jpeg"
  std::string_view mime;             // "image/jpeg"
  std::string_view extension;        // ".jpg"
  std::string_view other_name = {};  // "jpg"
  // processing.md section 3, facts of the formats.
  bool vector = false, alpha = false, icc = false, quality = false;
  bool animation_load = false, animation_save = false, hdr = false, thumbnail = false;
  // First bytes, any of them; '?' is any byte. What is told otherwise, or after the others
  // (TIFF, HEIF by its brands, SVG), stands in sniff.cc.
  std::span<const std::string_view> magics = {};
  HeaderReader header = nullptr;  // null: sizes are the business of whoever opens it
  HeaderReader probe = nullptr;   // as exact as the decoder; null: libvips looks
  Largest largest = {};
  DecodeCost decode = {};
  EncodeCost encode = {};
  EncodeCost lossless = {};  // instead, where it is packed so
};

}  // namespace imgring::format

namespace imgring {

// The row of a format; kUnknown has one, too. Beside ImageType, so that every module finds it.
const format::Format& facts_of(ImageType type) noexcept;
// "jpeg", "jpg", "png", ...: lower case only (urls.md 3.5).
std::optional<ImageType> image_type_by_name(std::string_view name) noexcept;
// Of imgproxy's paid edition, and not built: lists of formats may hold them.
bool is_unbuilt_format(std::string_view name) noexcept;

}  // namespace imgring
