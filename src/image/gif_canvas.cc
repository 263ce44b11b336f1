// Offsets of GIF89a; a walk over blocks up to the frames that were loaded.
#include "gif_canvas.h"

#include <algorithm>
#include <vector>

#include "imgring/base/byte_reader.h"
#include "operation.h"

namespace imgring::image {
namespace {

// Each frame lies on those before it, as one more operation; the places that are covered grow, and
// a frame of the whole canvas begins anew. Further frames are taken to cover what the last one did.
constexpr std::size_t kFramesMax = 100;

struct Frame {
  VipsRect area;
  bool restored = false;  // what was there before comes back behind it
};

struct Canvas {
  int width, height;
  bool covered_by(const VipsRect& area) const noexcept {
    return area.left <= 0 && area.top <= 0 && area.left + area.width >= width &&
           area.top + area.height >= height;
  }
};

std::size_t table_bytes(std::uint8_t flags) noexcept {
  return (flags & 0x80) != 0 ? std::size_t{6} << (flags & 7) : 0;
}

// Behind the empty one of the blocks at `at`.
std::size_t behind_blocks(ByteSpan s, std::size_t at) noexcept {
  while (at < s.size() && s[at] != 0) at += std::size_t{1} + s[at];
  return at + 1;
}

// The first frames, `wanted` at most.
std::vector<Frame> frames_of(ByteSpan s, std::size_t wanted) {
  constexpr std::uint8_t kPicture = 0x2C, kExtension = 0x21, kControl = 0xF9;
  constexpr std::size_t kScreenBytes = 13, kDescriptorBytes = 10;
  constexpr int kRestore = 3;
  std::vector<Frame> frames;
  if (s.size() < kScreenBytes) return frames;
  std::size_t at = kScreenBytes + table_bytes(s[10]);
  int disposal = 0;
  while (at < s.size() && frames.size() < wanted) {
    if (s[at] == kExtension) {
      if (read_le(s, at + 1, 1) == kControl) {
        disposal = static_cast<int>(read_le(s, at + 3, 1).value_or(0) >> 2 & 7);
      }
      at = behind_blocks(s, at + 2);
      continue;
    }
    if (s[at] != kPicture || !slice(s, at, kDescriptorBytes)) return frames;
    frames.push_back({{le16(s, at + 1), le16(s, at + 3), le16(s, at + 5), le16(s, at + 7)},
                      disposal == kRestore});
    disposal = 0;
    at = behind_blocks(s, at + kDescriptorBytes + table_bytes(s[at + 9]) + 1);
  }
  return frames;
}

Result<VipsImagePtr> filled(int width, int height) {
  IMGRING_TRY(const VipsImagePtr black,
              Operation("black").set("width", width).set("height", height).image());
  return Operation("invert").set("in", black.get()).image();
}

VipsImagePtr shared(VipsImage* image) noexcept {
  g_object_ref(image);
  return VipsImagePtr(image);
}

// `below` with `area` covered too.
Result<VipsImagePtr> covered(VipsImage* below, const Canvas& canvas, const VipsRect& area) {
  if (canvas.covered_by(area)) return filled(canvas.width, canvas.height);
  if (area.width == 0 || area.height == 0) return shared(below);
  IMGRING_TRY(const VipsImagePtr part, filled(area.width, area.height));
  return Operation("insert")
      .set("main", below)
      .set("sub", part.get())
      .set("x", area.left)
      .set("y", area.top)
      .image();
}

Result<VipsImagePtr> stacked(const std::vector<VipsImagePtr>& pages) {
  std::vector<VipsImage*> raw;
  for (const VipsImagePtr& page : pages) raw.push_back(page.get());
  VipsImage* out = nullptr;
  if (vips_arrayjoin(raw.data(), &out, static_cast<int>(raw.size()), "across", 1, nullptr) != 0) {
    return std::unexpected(vips_failure("gif canvas"));
  }
  return VipsImagePtr(out);
}

// Which frames of the file are in the image.
struct Shown {
  int first, count;
};

Result<VipsImagePtr> coverage(const std::vector<Frame>& frames, const Canvas& canvas,
                              const Shown& wanted) {
  IMGRING_TRY(VipsImagePtr kept,
              Operation("black").set("width", canvas.width).set("height", canvas.height).image());
  VipsImagePtr page;
  std::vector<VipsImagePtr> shown;
  const auto from = static_cast<std::size_t>(wanted.first);
  const std::size_t end = from + static_cast<std::size_t>(wanted.count);
  for (std::size_t i = 0; i < std::min(end, frames.size()); ++i) {
    IMGRING_TRY(page, covered(kept.get(), canvas, frames[i].area));
    if (!frames[i].restored) kept = shared(page.get());
    if (i >= from) shown.push_back(shared(page.get()));
  }
  while (shown.size() < static_cast<std::size_t>(wanted.count)) {
    shown.push_back(shared(page.get()));
  }
  return stacked(shown);
}

}  // namespace

Result<VipsImagePtr> with_clear_canvas(VipsImage* image, ByteSpan source, int first) {
  const int page_height = vips_image_get_page_height(image);
  const Canvas canvas{vips_image_get_width(image), page_height};
  const int pages = vips_image_get_height(image) / page_height;
  std::vector<Frame> frames;
  if (vips_image_hasalpha(image) == 0) frames = frames_of(source, 1);
  if (frames.empty() || canvas.covered_by(frames.front().area)) {
    return shared(image);
  }
  const std::size_t last = static_cast<std::size_t>(first) + static_cast<std::size_t>(pages);
  frames = frames_of(source, std::min(last, kFramesMax));
  IMGRING_TRY(const VipsImagePtr alpha, coverage(frames, canvas, {first, pages}));
  VipsImage* out = nullptr;
  if (vips_bandjoin2(image, alpha.get(), &out, nullptr) != 0) {
    return std::unexpected(vips_failure("gif canvas"));
  }
  return VipsImagePtr(out);
}

}  // namespace imgring::image
