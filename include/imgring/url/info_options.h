// What one URL of the info endpoint asks to be told of its source (info.md section 2).
// Immutable after parsing, moved with the request, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "imgring/base/digest.h"
#include "imgring/base/log.h"
#include "imgring/url/option_table.h"
#include "imgring/url/processing_options.h"

namespace imgring::url {

inline constexpr int kPaletteMax = 256;           // of one byte, as PNG and GIF have them
inline constexpr int kBlurhashComponentsMax = 9;  // one digit of the hash holds both counts

struct InfoOptions {
  // Told by a header.
  bool size = true, format = true, dimensions = true;
  bool exif = true, exif_canonical_names = false;
  bool iptc = true, xmp = true;
  bool video_meta = true;  // no video is a source: says nothing
  // Told by the file.
  bool colorspace = false, bands = false, sample_format = false, pages_number = false;
  bool alpha = false;
  std::array<bool, kDigestKindCount> hashsums = {};  // by DigestKind; of kNone never
  int page = 0;                                      // of it all is told
  bool checks_hashsum = false;                       // the option hashsum names a sum
  // Told by pixels.
  bool check_transparency = false;
  Crop crop;  // told when both sides are above 0
  int palette = 0;
  bool average = false, average_ignore_transparent = true;
  bool dominant_colors = false, build_missed = false;
  int blurhash_x = 0, blurhash_y = 0;  // told when both are above 0
  bool thumb_hash = false, perceptual_hash = false;

  bool wants_crop() const noexcept { return crop.width > 0 && crop.height > 0; }
  bool wants_blurhash() const noexcept { return blurhash_x > 0 && blurhash_y > 0; }
  bool wants_metadata() const noexcept { return exif || iptc || xmp; }
  bool wants_hashsums() const noexcept {
    for (const bool one : hashsums) {
      if (one) return true;
    }
    return false;
  }
  // Pixels of a small picture of the source.
  bool wants_colours() const noexcept {
    return palette > 0 || average || dominant_colors || wants_blurhash() || thumb_hash ||
           perceptual_hash;
  }
  bool wants_pixels() const noexcept {
    return wants_colours() || (alpha && check_transparency) || wants_crop();
  }
  // All bytes of the source.
  bool wants_file() const noexcept {
    return wants_pixels() || colorspace || bands || sample_format || pages_number || alpha ||
           wants_hashsums() || checks_hashsum || page > 0;
  }
};

// The table of the info endpoint's options.
std::span<const UrlOption> info_url_options() noexcept;
// By name or alias.
const UrlOption* find_info_url_option(std::string_view name) noexcept;
// Those that differ from their defaults.
LogGroup log_fields(const InfoOptions& options);
std::string describe(const InfoOptions& options);

}  // namespace imgring::url
