// Fuzz target: everything that looks at the first bytes of a picture without a decoder: its
// type, the facts for an estimate, boxes of HEIF, pictures of an icon, chunks of a PNG, scans of
// a JPEG. The first byte picks the type that it is said to be. What it checks beside memory
// errors: sizes are sizes, and pieces lie in the whole.
#include <cstddef>
#include <cstdint>

#include "imgring/base/check.h"
#include "imgring/format/headers.h"
#include "imgring/format/heif_boxes.h"
#include "imgring/format/ico_directory.h"
#include "imgring/format/jpeg_scans.h"
#include "imgring/format/png_view.h"
#include "imgring/format/sniff.h"
#include "imgring/format/tiff_reader.h"
#include "target.h"

namespace {

using namespace imgring;

bool inside(ByteSpan part, ByteSpan whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void look_as(ImageType type, ByteSpan bytes) {
  constexpr int kFramesMax = 50;
  const auto facts = format::facts_of_header(bytes, type, kFramesMax);
  if (facts) IMGRING_CHECK(facts->width > 0 && facts->height > 0 && facts->pages >= 1);
}

}  // namespace

FUZZ_TARGET(headers) {
  if (size < 1) return 0;
  const ByteSpan bytes(data + 1, size - 1);
  static_cast<void>(format::detect_type(bytes, ".dng", "image/x-raw"));
  look_as(static_cast<ImageType>(data[0] % kImageTypeCount), bytes);
  static_cast<void>(format::heif_says(bytes));
  static_cast<void>(format::check_heif(bytes));
  const auto pieces = format::heif_pieces(bytes);
  IMGRING_CHECK(!pieces || (pieces->count >= 1 && pieces->quarter_turns >= 0));
  for (const format::IcoEntry& entry : format::ico_entries(bytes)) {
    IMGRING_CHECK(inside(entry.data, bytes) && entry.data.size() >= format::kIcoDataBytesMin);
  }
  const format::PngView view = format::view_png(bytes);
  IMGRING_CHECK(inside(view.bytes, bytes));
  for (const std::size_t at : view.left_out) IMGRING_CHECK(at < view.bytes.size());
  static_cast<void>(format::check_jpeg(bytes));
  const format::TiffReader tiff(bytes);
  for (const std::uint32_t tag : {256u, 274u, 338u}) static_cast<void>(tiff.find(tag));
  return 0;
}
