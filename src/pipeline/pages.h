// Which pages of a source a still result is made of, and those pages as one picture.
// Values and plain functions. The choice: any thread; joined_pages: helper threads only.
#pragma once

#include <vector>

#include "imgring/image/vips_image.h"
#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

// Pages that are not alike are opened one by one, and each time the file's list of pages is read.
inline constexpr int kMixedPagesMax = 100;
// Frames of an animation need those before them: pixels of these, as a multiple of
// IMGPROXY_MAX_SRC_RESOLUTION. 200 megapixels of GIF or WebP take 4 s.
inline constexpr std::int64_t kSkippedTimesMax = 4;

struct PageRange {
  int first = 0, count = 1;
  bool is_first_alone() const noexcept { return first == 0 && count == 1; }
};
// By the options `page` and `pages`: the last one where there are fewer, cut at the end. The first
// alone where the result is animated, as all its frames are in it.
PageRange pages_wanted(const SourceFacts& facts, const url::RequestOptions& options,
                       const config::ProcessingConfig& config);
// kResolutionTooLarge: too much lies before the first of them.
Result<void> check_pages(const SourceFacts& facts, const PageRange& range,
                         const url::RequestOptions& options);
// Into the facts of a picture made of these pages of a source; `one`: of one page.
void set_pages(SourceFacts* facts, const PageRange& range, const SourceFacts& one) noexcept;
// Of pages that are alike; beyond any limit it is that.
int stacked_height(int height, int count) noexcept;

// One below the other, left aligned; what is free is transparent, or white where no page has alpha.
// Pages of different colours are brought into those that steps work in.
Result<image::VipsImagePtr> joined_pages(std::vector<image::VipsImagePtr> pages);

}  // namespace imgring::pipeline
