// The sizes in the boxes of a HEIC or AVIF file.
#include <algorithm>
#include <string_view>

#include "header_fields.h"
#include "imgring/format/headers.h"
#include "imgring/format/heif_boxes.h"

namespace imgring::format {
namespace {

// Where the `meta` box begins, which may lie behind the pixels; 0 when it isn't found.
std::size_t meta_box(ByteSpan s) noexcept {
  constexpr int kBoxesMax = 64;
  constexpr std::size_t kHeaderBytes = 8, kLargeHeaderBytes = 16;
  std::size_t at = 0;
  for (int i = 0; i < kBoxesMax && at < s.size() && s.size() - at >= kLargeHeaderBytes; ++i) {
    if (as_text(s).substr(at + 4, 4) == "meta") return at;
    std::uint64_t size = number(s, at, 4, true);
    if (size == 1) {
      size = std::uint64_t{number(s, at + 8, 4, true)} << 32 | number(s, at + 12, 4, true);
    }
    if (size < kHeaderBytes || size > s.size() - at) break;
    at += size;
  }
  return 0;
}

// Largest image spatial extents property of the file (ISO/IEC 23008-12): tiles are smaller than the
// whole.
SourceFacts heif_facts(ByteSpan source, ImageType type) {
  constexpr std::size_t kSearchBytes = 64 << 10;
  const ByteSpan s = source.subspan(meta_box(source));
  const std::string_view text = as_text(s.first(std::min(s.size(), kSearchBytes)));
  SourceFacts best = facts_of_size(type, 0, 0);
  std::size_t at = text.find("ispe");
  for (; at != std::string_view::npos; at = text.find("ispe", at + 4)) {
    const SourceFacts one =
        facts_of_size(type, number(s, at + 8, 4, true), number(s, at + 12, 4, true));
    if (std::int64_t{one.width} * one.height > std::int64_t{best.width} * best.height) best = one;
  }
  // Usual pictures have alpha, or a map of brightness beside them.
  constexpr double kUsual = 2;
  if (const auto work = heif_work(source)) {
    best.skipped_pixels = std::max(0.0, work->pixels - kUsual * work->own);
  }
  return best;
}

}  // namespace

SourceFacts read_heic_header(ByteSpan s, int) { return heif_facts(s, ImageType::kHeic); }
SourceFacts read_avif_header(ByteSpan s, int) { return heif_facts(s, ImageType::kAvif); }

}  // namespace imgring::format
