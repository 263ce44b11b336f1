// Sources into libvips images: one contiguous buffer, which must outlive the image, opened by the
// loader of the detected type by name (never "find a loader"). Helper threads only.
#pragma once

#include "imgring/base/image_type.h"
#include "imgring/base/log.h"
#include "imgring/base/stop.h"
#include "imgring/base/text.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

class Shelter;

// The most for HEIC and AVIF: even, so that chroma of half the size is cut where luma is; sums of a
// column fit 16 bits.
inline constexpr int kHeifShrinkMost = 128;

// A picture of `from_width` by `from_height` made smaller to half of it or less by Lanczos3:
// `across` and `down` are what the sides are divided by, of which rounding leaves the sizes.
struct Reduced {
  int from_width = 0, from_height = 0, width = 0, height = 0;
  double across = 1, down = 1;
  bool any() const noexcept { return width > 0; }
  bool operator==(const Reduced&) const = default;
};

// Whether our loops make that of means of `shrink` pixels, or of the planes (1): both sides become
// half or less, and neither less than a 128th of these.
bool reducible(const Reduced& wanted, int shrink) noexcept;

struct LoadParams {
  // JPEG: 1, 2, 4, 8. HEIC, AVIF: even, sides are rounded up, and the picture comes at its own size
  // where that can't be (alpha, more than 8 bits and others).
  int shrink = 1;
  // HEIC, AVIF: to this size at once, by means of `shrink` pixels before; or at its own, as above.
  Reduced reduced;
  const StopFlag* stop = nullptr;  // of that; null: nobody stops it. Outlives the call
  double scale = 1;        // WebP, SVG: result size / own size (SVG 1 = one CSS pixel per pixel)
  int page = 0;            // the first one; HEIC, AVIF: 0 is the primary picture
  int pages = 1;           // frames or pages to stack, alike in size; -1 all
  bool thumbnail = false;  // HEIC, AVIF: the embedded thumbnail; the main image when there is none
  bool unlimited = false;  // PNG, SVG, TIFF: lift the loader's limits
  const Logger* log = nullptr;  // where to say what is left out; null: nowhere
  Shelter* shelter = nullptr;   // dangerous formats by a child; null: in this process
};

// Whether there is an operation for it, asked of libvips: not on a loop, where Abilities tell.
bool has_loader(ImageType type) noexcept;
// Those of the formats that we serve and libvips holds for untrusted (init_vips).
void unblock_loaders() noexcept;
// Sequential access. Bounded before any decode: PNG chunks, JPEG scans, header sizes
// (hardening.md section 5). Nothing the image says of itself points into its loader; what is too
// large is left out.
// Errors: kBrokenImage and others of vips_failure.
Result<VipsImagePtr> load(ByteSpan source, ImageType type, const LoadParams& params);

// EXIF orientation 1..8 of a loaded image (1 when absent).
int orientation_of(VipsImage* image) noexcept;

}  // namespace imgring::image
