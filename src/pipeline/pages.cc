// Ranges by facts and options; joins by libvips.
#include "pages.h"

#include <algorithm>
#include <limits>
#include <string>

#include "imgring/image/colour.h"
#include "vips_ops.h"

namespace imgring::pipeline {
namespace {

using image::VipsImagePtr;

double skipped_pixels(const SourceFacts& one, const PageRange& range) noexcept {
  // Pages of a document stand by themselves.
  if (!facts_of(one.type).animation_load) return 0;
  return static_cast<double>(one.width) * one.height * range.first;
}

bool alike(VipsImage* a, VipsImage* b) noexcept {
  return vips_image_get_bands(a) == vips_image_get_bands(b) &&
         vips_image_get_format(a) == vips_image_get_format(b) &&
         vips_image_get_coding(a) == vips_image_get_coding(b) &&
         vips_image_get_interpretation(a) == vips_image_get_interpretation(b);
}

// sRGB of 8 bits, with alpha where `alpha`.
Result<VipsImagePtr> plain_page(VipsImage* page, bool alpha) {
  IMGRING_TRY(VipsImagePtr ready, image::to_processing(page, false));
  IMGRING_TRY(ready, image::to_result(ready.get(), false));
  IMGRING_TRY(ready, image::to_interpretation(ready.get(), VIPS_INTERPRETATION_sRGB));
  return alpha ? vips::with_alpha(ready.get()) : std::move(ready);
}

Result<std::vector<VipsImagePtr>> all_alike(std::vector<VipsImagePtr> pages) {
  bool same = true, alpha = false;
  for (const VipsImagePtr& page : pages) {
    same = same && alike(page.get(), pages.front().get());
    alpha = alpha || vips::has_alpha(page.get());
  }
  if (same) return pages;
  for (VipsImagePtr& page : pages) {
    IMGRING_TRY(page, plain_page(page.get(), alpha));
  }
  return pages;
}

}  // namespace

PageRange pages_wanted(const SourceFacts& facts, const url::RequestOptions& options,
                       const config::ProcessingConfig& config) {
  if (options.page == 0 && options.pages == 1) return {};
  if (facts.pages < 2) return {};
  if (facts.animated && options.frames_max() > 1) {
    const auto type = choose_format(facts, options, config);
    if (type && facts_of(*type).animation_save) return {};
  }
  const int first = std::min(options.page, facts.pages - 1);
  return {first, std::min(options.pages, facts.pages - first)};
}

Result<void> check_pages(const SourceFacts& facts, const PageRange& range,
                         const url::RequestOptions& options) {
  const double most = static_cast<double>(options.max_src_resolution) * kSkippedTimesMax;
  if (skipped_pixels(facts, range) <= most) return {};
  return fail(ErrorCode::kResolutionTooLarge,
              "page " + std::to_string(range.first) + " has " + std::to_string(range.first) +
                  " frames of " + std::to_string(facts.width) + " x " +
                  std::to_string(facts.height) +
                  " pixels before it, which is above four times IMGPROXY_MAX_SRC_RESOLUTION");
}

void set_pages(SourceFacts* facts, const PageRange& range, const SourceFacts& one) noexcept {
  facts->pages_joined = range.count;
  facts->skipped_pixels = one.skipped_pixels + skipped_pixels(one, range);
}

int stacked_height(int height, int count) noexcept {
  const std::int64_t all = std::int64_t{height} * count;
  return static_cast<int>(std::min<std::int64_t>(all, std::numeric_limits<int>::max()));
}

Result<VipsImagePtr> joined_pages(std::vector<VipsImagePtr> pages) {
  constexpr double kWhite = 255, kClear = 0;
  IMGRING_TRY(pages, all_alike(std::move(pages)));
  VipsImagePtr all = std::move(pages.front());
  const bool wide = vips_image_get_format(all.get()) == VIPS_FORMAT_USHORT;
  const double free = vips::has_alpha(all.get()) ? kClear : wide ? kWhite * 257 : kWhite;
  VipsArrayDouble* background = vips_array_double_newv(1, free);
  for (std::size_t i = 1; i < pages.size(); ++i) {
    VipsImage* joined = nullptr;
    const int failed = vips_join(all.get(), pages[i].get(), &joined, VIPS_DIRECTION_VERTICAL,
                                 "expand", TRUE, "background", background, nullptr);
    if (failed != 0) break;
    all.reset(joined);
    pages[i].reset();
  }
  vips_area_unref(reinterpret_cast<VipsArea*>(background));
  const bool all_in = pages.size() < 2 || pages.back() == nullptr;
  if (!all_in) return std::unexpected(image::vips_failure("pages"));
  return all;
}

}  // namespace imgring::pipeline
