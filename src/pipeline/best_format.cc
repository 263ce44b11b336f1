// Candidates, their class by how much a picture shows, and trials.
#include "best_format.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "imgring/image/luma.h"
#include "vips_ops.h"

namespace imgring::pipeline {
namespace {

using enum ImageType;

// What packs best, by what is known of photographs: taken where there is no time to try.
constexpr ImageType kByRank[] = {kJxl, kAvif, kWebp, kJpeg, kPng};

bool accepted(ImageType type, const url::RequestOptions& o) noexcept {
  if (type == kJxl) return o.prefer_jxl;
  if (type == kAvif) return o.prefer_avif;
  return type != kWebp || o.prefer_webp;
}

bool holds(ImageType type, Size size) noexcept {
  constexpr int kAvifSideMin = 16;
  const format::Largest& largest = facts_of(type).largest;
  const int longest = std::max(size.width, size.height);
  if (longest > largest.fitted_side || longest > largest.refused_side) return false;
  return type != kAvif || std::min(size.width, size.height) >= kAvifSideMin;
}

// How much a picture shows: the class that its encoders come from.
struct Picture {
  bool transparent = false;
  bool lossless = false;  // few tones: what packs them without loss is smaller
  bool flat = false;      // so few that a palette holds them
};

bool packs_without_loss(ImageType type) noexcept {
  return type == kPng || type == kWebp || type == kJxl;
}

// Of these formats those of the class; whatever there is where it has none.
std::vector<ImageType> of_class(std::vector<ImageType> types, const Picture& picture) {
  const auto in_class = [&](ImageType type) {
    return picture.lossless ? packs_without_loss(type) : type != kPng;
  };
  std::vector<ImageType> out;
  std::ranges::copy_if(types, std::back_inserter(out), in_class);
  return out.empty() ? types : out;
}

image::SaveParams params_of(ImageType type, const Picture& picture, const PlanInput& input) {
  image::SaveParams params = save_params(type, input);
  config::EncoderOptions& o = params.encoders;
  if (!picture.lossless) return params;
  if (!o.webp_given) o.webp_compression = config::WebpCompression::kNearLossless;
  if (!o.png_given && picture.flat) o.png_quantize = true;
  o.jxl_lossless = true;
  return params;
}

Result<Picture> look_at(VipsImage* picture, const SaveContext& context) {
  constexpr double kFlatShare = 0.5;
  const double threshold = context.input.config->best_format.complexity_threshold;
  Picture out;
  IMGRING_TRY(out.transparent, image::is_transparent(picture, context.stop));
  if (threshold <= 0) return out;
  IMGRING_TRY(const double bits, image::grey_entropy(picture, context.stop));
  out.lossless = bits <= threshold;
  out.flat = bits <= threshold * kFlatShare;
  return out;
}

// The picture without an alpha that shows nothing, or over the background where no format holds it.
Result<image::VipsImagePtr> without_alpha(VipsImage* picture, const Picture& looks,
                                          const SaveContext& context) {
  constexpr url::Color kWhite{255, 255, 255};
  // A layer that can be seen through is there already, over what shows white.
  const url::PixelOptions& last = context.input.options->pipelines.back();
  const url::Color under = last.background_alpha < 1 ? kWhite : last.background.value_or(kWhite);
  if (looks.transparent) return vips::flatten(picture, under);
  return vips::bands(picture, 0, vips_image_get_bands(picture) - 1);
}

std::vector<ImageType> those_that(const std::vector<ImageType>& types, Size size, bool alpha) {
  std::vector<ImageType> out;
  std::ranges::copy_if(types, std::back_inserter(out), [&](ImageType type) {
    return holds(type, size) && (!alpha || facts_of(type).alpha);
  });
  return out;
}

ImageType first_by_rank(const std::vector<ImageType>& types) noexcept {
  for (const ImageType type : kByRank) {
    if (std::ranges::find(types, type) != types.end()) return type;
  }
  return types.front();
}

bool few_enough(Size size, const config::BestFormatConfig& config) noexcept {
  const double pixels = static_cast<double>(size.width) * size.height;
  return config.max_resolution <= 0 || pixels <= static_cast<double>(config.max_resolution);
}

}  // namespace

std::vector<ImageType> best_candidates(const PlanInput& input, const format::Abilities& abilities) {
  const url::RequestOptions& options = *input.options;
  std::vector<ImageType> out;
  const auto add = [&](ImageType type) {
    const bool still = type != kGif && type != kIco && type != kSvg;
    const bool twice = std::ranges::find(out, type) != out.end();
    if (still && !twice && accepted(type, options) && abilities.can_save(type)) out.push_back(type);
  };
  for (const ImageType type : input.config->preferred_formats) add(type);
  for (const ImageType type : {kJxl, kAvif, kWebp}) add(type);
  if (out.empty()) out.push_back(kJpeg);
  // What shows through is never lost.
  const bool held = std::ranges::any_of(out, [](ImageType type) { return facts_of(type).alpha; });
  if (!held && may_show_through(input.facts, options) && abilities.can_save(kPng))
    out.push_back(kPng);
  return out;
}

void set_candidates(std::vector<ImageType> types, PlanInput* input) {
  const image::ColourProfile* const profile = input->profile;
  const auto holds_it = [profile](ImageType type) {
    return profile_held(type, profile) != nullptr;
  };
  if (profile != nullptr && profile->cmyk && !std::ranges::all_of(types, holds_it)) {
    input->profile = nullptr;
  }
  input->candidates = std::move(types);
}

Result<Saved> save_best(image::VipsImagePtr picture, const SaveContext& context) {
  const PlanInput& input = context.input;
  IMGRING_TRY(image::VipsImagePtr memory, image::copy_to_memory(picture.get(), context.stop));
  picture.reset();
  IMGRING_TRY(Picture looks, look_at(memory.get(), context));
  const Size size = vips::size_of(memory.get());
  std::vector<ImageType> types = those_that(input.candidates, size, looks.transparent);
  const bool hidden = types.empty();  // what shows through has to go
  if (hidden) types = those_that(input.candidates, size, false);
  if (types.empty()) types = {kPng};
  if (vips::has_alpha(memory.get()) && (!looks.transparent || hidden)) {
    IMGRING_TRY(const image::VipsImagePtr bare, without_alpha(memory.get(), looks, context));
    IMGRING_TRY(memory, image::copy_to_memory(bare.get(), context.stop));
  }
  types = of_class(std::move(types), looks);
  if (!few_enough(size, input.config->best_format)) types = {first_by_rank(types)};
  const TrialClock clock(context.time);
  std::optional<Saved> best;
  for (const ImageType type : types) {
    const bool late = clock.past_half();
    const ImageType now = late ? first_by_rank(types) : type;
    if (late && best) break;
    IMGRING_TRY(Saved saved, save_as(memory.get(), now, params_of(now, looks, input), context));
    if (!best || saved.bytes.size() < best->bytes.size()) best = std::move(saved);
    if (late) break;
  }
  return std::move(*best);
}

}  // namespace imgring::pipeline
