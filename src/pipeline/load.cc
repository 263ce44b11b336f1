// Order of processing.md sections 3 and 6: header, vector guard, scale-on-load.
#include "load.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "imgring/format/headers.h"
#include "imgring/image/loader.h"
#include "vips_ops.h"

namespace imgring::pipeline {
namespace {

using image::LoadParams;
using image::VipsImagePtr;

LoadParams params_of(const LoadRequest& request, const LoadScale& scale, const PageRange& pages) {
  const config::ProcessingConfig& c = *request.config;
  LoadParams params;
  if (request.type == ImageType::kPng) params.unlimited = c.png_unlimited;
  if (request.type == ImageType::kTiff) params.unlimited = c.tiff_unlimited;
  params.page = pages.first;
  params.pages = pages.count;
  params.shrink = scale.shrink;
  params.scale = scale.scale;
  params.thumbnail = scale.thumbnail;
  params.log = request.log;
  params.shelter = request.shelter;
  params.stop = request.stop;
  return params;
}

Result<VipsImagePtr> load_with(const LoadRequest& request, const LoadScale& scale,
                               const PageRange& pages) {
  return image::load(request.source, request.type, params_of(request, scale, pages));
}

int int_field(VipsImage* image, const char* name, int otherwise) noexcept {
  int value = otherwise;
  if (vips_image_get_typeof(image, name) != G_TYPE_INT) return otherwise;
  return vips_image_get_int(image, name, &value) == 0 ? value : otherwise;
}

bool png_interlaced(ByteSpan source) noexcept { return source.size() > 28 && source[28] != 0; }

Size upright(const SourceFacts& facts) noexcept {
  if (facts.orientation >= 5) return {facts.height, facts.width};
  return {facts.width, facts.height};
}

// Pages of their own sizes, one by one.
Result<VipsImagePtr> load_each(const LoadRequest& request, const PageRange& range) {
  if (range.count > kMixedPagesMax) {
    return fail(ErrorCode::kResolutionTooLarge,
                "pages that differ in size or kind are joined up to " +
                    std::to_string(kMixedPagesMax) + ", not " + std::to_string(range.count));
  }
  std::vector<VipsImagePtr> pages;
  for (int i = 0; i < range.count; ++i) {
    if (request.stop != nullptr) IMGRING_TRY_VOID(vips::check_stop(*request.stop));
    IMGRING_TRY(VipsImagePtr page, load_with(request, {}, {range.first + i, 1}));
    pages.push_back(std::move(page));
  }
  return joined_pages(std::move(pages));
}

// The pages that the options name, in the place of the first one.
Result<void> select_pages(const LoadRequest& request, Opened* opened) {
  const PageRange range = pages_wanted(opened->facts, *request.options, *request.config);
  // Where nothing is done to a source all of it is the answer.
  if (skips_processing(request.type, *request.options, *request.config)) return {};
  if (range.is_first_alone()) return {};
  IMGRING_TRY_VOID(check_pages(opened->facts, range, *request.options));
  auto image = load_with(request, {}, range);
  // Frames are alike, so what is wrong is something else.
  if (!image && range.count > 1 && !facts_of(request.type).animation_load) {
    image::drop_vips_error();
    image = load_each(request, range);
  }
  if (!image) return std::unexpected(std::move(image).error());
  if (range.count > 1) {
    IMGRING_TRY(*image, vips::without_palette(image->get()));
  }
  SourceFacts facts = facts_of_image(image->get(), request.type, 1);
  facts.pages = opened->facts.pages;
  set_pages(&facts, range, opened->facts);
  opened->facts = facts;
  opened->image = std::move(*image);
  opened->pages = range;
  return {};
}

Result<Opened> open_image(const LoadRequest& request) {
  Opened opened;
  const bool first_page = request.options->page == 0 && request.options->pages == 1;
  if (facts_of(request.type).thumbnail && request.options->enforce_thumbnail && first_page) {
    LoadScale thumbnail;
    thumbnail.thumbnail = true;
    auto small = load_with(request, thumbnail, {});
    opened.thumbnail = small.has_value();
    if (small)
      opened.image = std::move(*small);
    else
      image::drop_vips_error();
  }
  if (opened.image == nullptr) {
    IMGRING_TRY(VipsImagePtr whole, load_with(request, {}, {}));
    opened.image = std::move(whole);
  }
  opened.facts = facts_of_image(opened.image.get(), request.type, 1);
  if (request.type == ImageType::kPng) opened.facts.whole_decode = png_interlaced(request.source);
  IMGRING_TRY_VOID(select_pages(request, &opened));
  return opened;
}

Result<SourceFacts> look_at_vector(const LoadRequest& request, image::SvgDrawing* drawing,
                                   double scale) {
  IMGRING_TRY(const image::SvgSize size, drawing->look(scale));
  SourceFacts facts;
  facts.type = request.type;
  facts.width = size.width;
  facts.height = size.height;
  facts.alpha = true;
  return facts;
}

Result<Opened> open_vector(const LoadRequest& request) {
  image::SvgParams params;
  params.pixels_max = request.options->max_src_resolution;
  params.unlimited = request.config->svg_unlimited;
  params.served = skips_processing(request.type, *request.options, *request.config);
  params.memory_bytes = request.memory_bytes;
  Opened opened;
  if (request.children == nullptr) {
    opened.drawing = image::draw_here(request.source, params);
  } else {
    IMGRING_TRY(opened.drawing,
                image::draw_in_child(*request.children, request.source, params, *request.stop));
  }
  IMGRING_TRY(opened.facts, look_at_vector(request, opened.drawing.get(), 1));
  return opened;
}

// SVG: brings it within the limit (processing.md section 6, vector guard).
Result<void> guard_vector(const LoadRequest& request, Opened* opened) {
  opened->guard_shrink = guard_shrink_of(opened->facts, request.options->max_src_resolution);
  if (opened->guard_shrink == 1) return {};
  IMGRING_TRY(opened->facts,
              look_at_vector(request, opened->drawing.get(), 1 / opened->guard_shrink));
  // The loader scales down to a thousandth only, so what is larger still is too large. Rounding may
  // leave a row or a column more than the limit.
  constexpr double kRoundingMax = 1.01;
  if (guard_shrink_of(opened->facts, request.options->max_src_resolution) > kRoundingMax)
    return fail(ErrorCode::kResolutionTooLarge, "SVG too large to be scaled down to the limit");
  return {};
}

Result<void> check_vector_sides(const SourceFacts& drawn) {
  if (std::max(drawn.width, drawn.height) <= kVectorSideMax) return {};
  return fail(ErrorCode::kResolutionTooLarge, "an SVG drawn with a side over 32767 pixels");
}

// The embedded thumbnail serves when it is smaller than the picture and larger than what is wanted.
bool thumbnail_serves(const PlanInput& input, const SourceFacts& small, double wanted_shrink) {
  const Size whole = turned_size(input.facts, input.pixels());
  const Size now = turned_size(small, input.pixels());
  const double fw = static_cast<double>(whole.width) / now.width;
  const double fh = static_cast<double>(whole.height) / now.height;
  return std::min(fw, fh) > 1 && std::max(fw, fh) <= wanted_shrink;
}

// Where HEIC and AVIF become smaller while they are decoded.
struct Smaller {
  int shrink = 1;
  image::Reduced reduced;
  bool any() const noexcept { return shrink > 1 || reduced.any(); }
};

// By the first half of what the resize would do, as libvips splits it (the gap of vips_resize), in
// the numbers that the loader has; and by the rest at once where that is Lanczos3.
Smaller smaller_load(const Plan& plan, const PlanInput& in) noexcept {
  constexpr double kGap = 2;
  using url::ResizingAlgorithm;
  const bool heif = in.facts.type == ImageType::kHeic || in.facts.type == ImageType::kAvif;
  const ResizingAlgorithm by = in.pixels().resizing_algorithm;
  if (!heif || by == ResizingAlgorithm::kNearest || in.frames > 1 ||
      in.config->disable_shrink_on_load || in.config->use_linear_colorspace ||
      plan.steps.size() < 2 || plan.steps[0].kind != StepKind::kToProcessing ||
      plan.steps[1].kind != StepKind::kScale) {
    return {};
  }
  const Step& scale = plan.steps[1];
  const double least = 1 / std::max(scale.width_scale, scale.height_scale);
  const auto times = static_cast<int>(std::min<double>(image::kHeifShrinkMost, least / kGap));
  Smaller smaller{.shrink = std::max(1, times / 2 * 2), .reduced = {}};
  const image::Reduced reduced = {plan.loaded.width,     plan.loaded.height,
                                  scale.after.width,     scale.after.height,
                                  1 / scale.width_scale, 1 / scale.height_scale};
  if (by == ResizingAlgorithm::kLanczos3 && image::reducible(reduced, smaller.shrink)) {
    smaller.reduced = reduced;
  }
  return smaller;
}

// False: it did not come at the size that the scale makes.
bool leave_out_scale(Plan* plan, int shrink, Size now) noexcept {
  if (now != plan->steps[1].after) return false;
  plan->steps.erase(plan->steps.begin() + 1);
  plan->load.shrink = shrink;
  plan->loaded.width = now.width;
  plan->loaded.height = now.height;
  plan->steps[0].after = now;
  return true;
}

// The same sizes from a picture that came smaller. False: it did not come as expected.
bool scale_the_rest(Plan* plan, int shrink, Size now) noexcept {
  const auto up = [shrink](int side) { return (side + shrink - 1) / shrink; };
  if (now != Size{up(plan->loaded.width), up(plan->loaded.height)}) return false;
  const auto rest = [shrink](int before, int after, double scale) {
    const double left = scale * shrink;
    return resized(before, left) == after ? left : static_cast<double>(after) / before;
  };
  Step& scale = plan->steps[1];
  scale.width_scale = rest(now.width, scale.after.width, scale.width_scale);
  scale.height_scale = rest(now.height, scale.after.height, scale.height_scale);
  plan->load.shrink = shrink;
  plan->loaded.width = now.width;
  plan->loaded.height = now.height;
  plan->steps[0].after = now;
  return true;
}

// Of one that is open at its own size.
Result<Loaded> whole_or_smaller(const LoadRequest& request, Opened opened, const PlanInput& input) {
  Loaded loaded{make_plan_for_loaded(input, {}, input.facts), std::move(opened.image),
                opened.origin};
  const Smaller smaller = smaller_load(loaded.plan, input);
  if (!smaller.any() || opened.thumbnail || !opened.pages.is_first_alone()) return loaded;
  LoadParams params = params_of(request, {.shrink = smaller.shrink}, opened.pages);
  params.reduced = smaller.reduced;
  auto small = image::load(request.source, request.type, params);
  if (!small) return std::unexpected(std::move(small).error());
  const Size size = vips::size_of(small->get());
  if (smaller.reduced.any() ? leave_out_scale(&loaded.plan, smaller.shrink, size)
                            : scale_the_rest(&loaded.plan, smaller.shrink, size)) {
    loaded.image = std::move(*small);
  }
  return loaded;
}

Result<Loaded> load_thumbnail_or_whole(const LoadRequest& request, Opened opened,
                                       const PlanInput& input, Plan plan) {
  auto small = load_with(request, plan.load, opened.pages);
  if (small) {
    const SourceFacts facts = facts_of_image(small->get(), request.type, 1);
    if (thumbnail_serves(input, facts, plan.wanted_shrink))
      return Loaded{make_plan_for_loaded(input, plan.load, facts), std::move(*small),
                    opened.origin};
  } else {
    image::drop_vips_error();
  }
  return whole_or_smaller(request, std::move(opened), input);
}

Result<Loaded> load_vector(const LoadRequest& request, Opened opened, PlanInput* input) {
  IMGRING_TRY_VOID(guard_vector(request, &opened));
  input->facts = opened.facts;
  input->guard_shrink = opened.guard_shrink;
  LoadScale scale;
  scale.scale = 1 / opened.guard_shrink;
  SourceFacts drawn = opened.facts;
  const Plan plan = make_plan(*input);
  if (plan.load.scale != scale.scale) {
    scale = plan.load;
    IMGRING_TRY(drawn, look_at_vector(request, opened.drawing.get(), scale.scale));
  }
  IMGRING_TRY_VOID(check_vector_sides(drawn));
  Plan exact = make_plan_for_loaded(*input, scale, drawn);
  IMGRING_TRY_VOID(check_sizes(exact));
  IMGRING_TRY(VipsImagePtr image, opened.drawing->draw());
  return Loaded{std::move(exact), std::move(image), opened.origin};
}

bool as_expected(const Plan& plan, const SourceFacts& loaded) noexcept {
  return plan.loaded.width == loaded.width && plan.loaded.height == loaded.height &&
         plan.loaded.orientation == loaded.orientation && plan.loaded.alpha == loaded.alpha;
}

}  // namespace

SourceFacts facts_of_image(VipsImage* image, ImageType type, int frames) {
  SourceFacts facts;
  facts.type = type;
  facts.width = vips_image_get_width(image);
  facts.height = vips_image_get_height(image);
  if (frames > 1) {
    const int page_height = int_field(image, VIPS_META_PAGE_HEIGHT, facts.height);
    if (page_height > 0 && page_height <= facts.height) facts.height = page_height;
  }
  facts.orientation = image::orientation_of(image);
  facts.pages = std::max(1, int_field(image, VIPS_META_N_PAGES, 1));
  facts.alpha = vips::has_alpha(image);
  facts.animated = facts.pages > 1 && vips_image_get_typeof(image, "delay") != G_TYPE_INVALID &&
                   vips_image_get_typeof(image, "loop") != G_TYPE_INVALID;
  return facts;
}

Result<Opened> open_source(const LoadRequest& request) {
  if (!request.abilities.can_load(request.type))
    return fail(ErrorCode::kSourceUnsupported, "no loader for this format");
  if (const auto facts = format::probe_header(request.source, request.type)) {
    Opened opened;
    opened.facts = *facts;
    opened.origin = upright(*facts);
    return opened;
  }
  const bool vector = facts_of(request.type).vector;
  IMGRING_TRY(Opened opened, vector ? open_vector(request) : open_image(request));
  opened.origin = upright(opened.facts);
  return opened;
}

Result<VipsImagePtr> load_whole(const LoadRequest& request) {
  IMGRING_TRY(VipsImagePtr first, load_with(request, {}, PageRange{}));
  if (request.options->page == 0) return first;
  const SourceFacts facts = facts_of_image(first.get(), request.type, 1);
  const PageRange page{std::min(request.options->page, facts.pages - 1), 1};
  if (page.is_first_alone()) return first;
  IMGRING_TRY_VOID(check_pages(facts, page, *request.options));
  return load_with(request, {}, page);
}

Result<Loaded> load_planned(const LoadRequest& request, Opened opened, PlanInput* input) {
  if (opened.drawing != nullptr) return load_vector(request, std::move(opened), input);
  Plan plan = make_plan(*input);
  if (plan.load.thumbnail && !opened.thumbnail)
    return load_thumbnail_or_whole(request, std::move(opened), *input, std::move(plan));
  const bool same_scale = plan.load.shrink == 1 && plan.load.scale == 1;
  if (opened.image != nullptr && input->frames == 1 && (same_scale || opened.thumbnail))
    return whole_or_smaller(request, std::move(opened), *input);
  const PageRange pages = input->frames > 1 ? PageRange{0, input->frames} : opened.pages;
  IMGRING_TRY(VipsImagePtr image, load_with(request, plan.load, pages));
  const SourceFacts loaded = facts_of_image(image.get(), request.type, input->frames);
  if (opened.image == nullptr && !as_expected(plan, loaded)) {
    // The probe saw the file otherwise than libvips: what libvips sees counts.
    IMGRING_TRY(Opened again, open_image(request));
    again.origin = upright(again.facts);
    input->facts = again.facts;
    return load_planned(request, std::move(again), input);
  }
  return Loaded{make_plan_for_loaded(*input, plan.load, loaded), std::move(image), opened.origin};
}

}  // namespace imgring::pipeline
