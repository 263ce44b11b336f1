// What server and child say to each other about a picture. The first question brings the source and
// opens it; the next ones ask for strips of its rows, from top to bottom. Or the only question, or
// a last one, brings pixels to be encoded. Values.
#pragma once

#include <cstdint>

#include "imgring/image/loader.h"
#include "imgring/sandbox/kind.h"
#include "picture_fields.h"

namespace imgring::image {

enum class PictureAsk : std::uint8_t { kOpen, kRows, kSave };

// kOpen, kRows. The answer to kOpen has sizes, a PictureHeader and fields.
struct LoadQuestion {
  PictureAsk ask = PictureAsk::kOpen;
  std::uint8_t type = 0, thumbnail = 0, unlimited = 0;
  std::int32_t shrink = 1, page = 0, pages = 1;
  std::int32_t top = 0, rows = 0;
  double scale = 1;
  Reduced reduced;
};

// Sizes stand in the question's facts, the fields are the picture's and then the saver's arguments.
struct SaveQuestion {
  PictureAsk ask = PictureAsk::kSave;
  std::uint8_t type = 0;
  PictureHeader header;
};

// Before the names of the saver's arguments; the second where libvips may not know one.
inline constexpr std::string_view kArgument = "saver:", kArgumentIfKnown = "saver?";

// Of one strip of pixels: the cost of a question is nothing beside it, and it does not count beside
// what decoders take.
inline constexpr std::uint64_t kStripBytesMost = std::uint64_t{4} << 20;
// A strip has 16 rows at least, and its memory file is no more than a few gigabytes whatever a
// child says: 16 bytes for each of 16 million pixels.
inline constexpr std::size_t kRowBytesMost = std::size_t{256} << 20;

}  // namespace imgring::image
