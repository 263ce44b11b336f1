// The rules of processing.md section 10.
#include "save_result.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "best_format.h"
#include "imgring/codec/ssim.h"
#include "imgring/image/colour.h"
#include "imgring/image/loader.h"
#include "imgring/image/luma.h"
#include "imgring/image/metadata.h"
#include "imgring/image/shelter.h"
#include "quality_search.h"
#include "vips_ops.h"

namespace imgring::pipeline {
namespace {

// AVIF has no pictures with a side below 16.
ImageType written_type(VipsImage* picture, ImageType wanted) {
  constexpr int kAvifSideMin = 16;
  const Size size = vips::size_of(picture);
  const bool large_enough = std::min(size.width, size.height) >= kAvifSideMin;
  if (wanted != ImageType::kAvif || large_enough) return wanted;
  return vips::has_alpha(picture) ? ImageType::kPng : ImageType::kJpeg;
}

int lower_quality(int quality, double times_over) noexcept {
  constexpr int kLeast = 1;
  const double factor = times_over > 3 ? 0.25 : times_over > 1.5 ? 0.5 : 0.75;
  return std::max(kLeast, std::min(quality - 1, round_away(quality * factor)));
}

// The last attempt is the answer even when it is too large.
Result<Saved> save_to_fit(VipsImage* memory, ImageType type, image::SaveParams params,
                          std::int64_t bytes_max, const image::StopFlag& stop) {
  constexpr int kQualityEnough = 10;
  for (;;) {
    IMGRING_TRY_VOID(vips::check_stop(stop));
    IMGRING_TRY(Bytes bytes, image::save(memory, type, params, stop));
    const auto size = static_cast<std::int64_t>(bytes.size());
    if (size <= bytes_max || params.quality <= kQualityEnough) return Saved{std::move(bytes), type};
    const double over = static_cast<double>(size) / static_cast<double>(bytes_max);
    params.quality = lower_quality(params.quality, over);
  }
}

}  // namespace

bool keeps_profile(const PlanInput& input) noexcept {
  return !input.options->strip_color_profile && facts_of(input.result_type).icc;
}

void set_metadata(VipsImage* own, const PlanInput& input) {
  const url::RequestOptions& o = *input.options;
  vips_autorot_remove_angle(own);
  if (o.strip_metadata) {
    image::strip_metadata(own, {.keep_copyright = o.keep_copyright,
                                .animated = input.frames > 1,
                                .dpi = input.config->strip_metadata_dpi});
  }
  if (o.dpi > 0) image::set_resolution(own, o.dpi);
}

Result<image::VipsImagePtr> finalised(VipsImage* picture, const PlanInput& input) {
  IMGRING_TRY(image::VipsImagePtr coloured, input.profile != nullptr
                                                ? image::to_profile(picture, *input.profile)
                                                : image::to_result(picture, keeps_profile(input)));
  IMGRING_TRY(image::VipsImagePtr own, adds_colours(*input.options)
                                           ? vips::without_palette(coloured.get())
                                           : vips::copy(coloured.get()));
  set_metadata(own.get(), input);
  return own;
}

image::SaveParams save_params(ImageType type, const PlanInput& input) {
  image::SaveParams params;
  params.quality = quality_for(type, *input.options, *input.config);
  params.encoders = input.options->encoders;
  params.config = input.config;
  params.strip_metadata_done = input.options->strip_metadata;
  params.shelter = input.shelter;
  return params;
}

namespace {

// Files of one format at several qualities, measured by how far they are off.
class PictureTrials final : public TrialMaker {
 public:
  PictureTrials(VipsImage* memory, ImageType type, const image::SaveParams& params,
                const SaveContext& context)
      : memory_(memory), type_(type), params_(params), context_(context), clock_(context.time) {}

  void compare_light() noexcept { compares_ = true; }

  Result<Trial> make(int quality) override {
    IMGRING_TRY_VOID(vips::check_stop(context_.stop));
    Trial trial;
    trial.quality = quality;
    params_.quality = quality;
    IMGRING_TRY(trial.bytes, image::save(memory_, type_, params_, context_.stop));
    trial.value = static_cast<double>(trial.bytes.size());
    if (compares_) {
      IMGRING_TRY(trial.value, off_by(trial.bytes.span()));
    }
    clock_.mark();
    return trial;
  }
  bool time_for_another() override { return clock_.time_for_another(); }

 private:
  Result<double> off_by(ByteSpan file) {
    // Of an animation the first frame: encoders leave out those that are like the one before.
    const Size frame{vips_image_get_width(memory_), vips_image_get_page_height(memory_)};
    const int shrink = codec::shrink_for_ssim(frame.width, frame.height);
    if (light_.values.empty()) {
      IMGRING_TRY(const image::VipsImagePtr first,
                  vips::cut(memory_, {0, 0, frame.width, frame.height}));
      IMGRING_TRY(light_, image::luma_of(first.get(), shrink, context_.stop));
    }
    // A file that a child wrote is read by a child.
    std::optional<image::Shelter> shelter;
    if (context_.input.shelter != nullptr) shelter.emplace(context_.input.shelter->settings());
    image::LoadParams load;
    if (shelter) load.shelter = &*shelter;
    IMGRING_TRY(const image::VipsImagePtr seen, image::load(file, type_, load));
    // Before anything is made of what a child says.
    if (vips::size_of(seen.get()) != frame) {
      return fail(ErrorCode::kInternal, "a trial of another size");
    }
    IMGRING_TRY(const codec::Luma light, image::luma_of(seen.get(), shrink, context_.stop));
    return codec::dssim(light_, light);
  }

  VipsImage* memory_;
  ImageType type_;
  image::SaveParams params_;
  const SaveContext& context_;
  TrialClock clock_;
  codec::Luma light_;
  bool compares_ = false;
};

double pixels_of(VipsImage* picture) noexcept {
  const Size size = vips::size_of(picture);
  return static_cast<double>(size.width) * size.height;
}

bool packs_lossily(ImageType type, const image::SaveParams& params) noexcept {
  if (type == ImageType::kWebp)
    return params.encoders.webp_compression == config::WebpCompression::kLossy;
  return type != ImageType::kJxl || !params.encoders.jxl_lossless;
}

}  // namespace

TrialClock::TrialClock(const RenderTime& time) noexcept : time_(time) {
  if (time_.source != nullptr) begin_ = last_ = time_.source->now();
}

void TrialClock::mark() noexcept {
  if (time_.source == nullptr) return;
  const TimeSource::Time now = time_.source->now();
  longest_ = std::max(longest_, now - last_);
  last_ = now;
}

bool TrialClock::time_for_another() const noexcept {
  // Sending the answer takes its time, too.
  constexpr std::chrono::milliseconds kAnswer(200);
  if (time_.source == nullptr) return true;
  return time_.source->now() + longest_ * 3 / 2 + kAnswer < time_.due;
}

bool TrialClock::past_half() const noexcept {
  if (time_.source == nullptr) return false;
  return time_.source->now() - begin_ > (time_.due - begin_) / 2;
}

Result<Saved> save_as(VipsImage* memory, ImageType type, const image::SaveParams& params,
                      const SaveContext& context) {
  const url::RequestOptions& o = *context.input.options;
  const std::int64_t bytes_max = facts_of(type).quality ? o.max_bytes : 0;
  const auto search = quality_search(type, pixels_of(memory), o, *context.input.config);
  if (!search || !packs_lossily(type, params)) {
    if (bytes_max > 0) return save_to_fit(memory, type, params, bytes_max, context.stop);
    IMGRING_TRY(Bytes bytes, image::save(memory, type, params, context.stop));
    return Saved{std::move(bytes), type};
  }
  PictureTrials trials(memory, type, params, context);
  if (search->method == config::AutoqualityMethod::kDssim) trials.compare_light();
  IMGRING_TRY(Trial found, search_quality(*search, &trials));
  const auto size = static_cast<std::int64_t>(found.bytes.size());
  if (bytes_max <= 0 || size <= bytes_max) return Saved{std::move(found.bytes), type};
  image::SaveParams lower = params;
  lower.quality = found.quality;
  found.bytes = {};
  return save_to_fit(memory, type, lower, bytes_max, context.stop);
}

Result<Saved> save_result(image::VipsImagePtr picture, const SaveContext& context) {
  const PlanInput& input = context.input;
  if (!input.candidates.empty()) return save_best(std::move(picture), context);
  const ImageType type = written_type(picture.get(), input.result_type);
  const image::SaveParams params = save_params(type, input);
  if (!saved_once(input)) {
    IMGRING_TRY(const image::VipsImagePtr memory,
                image::copy_to_memory(picture.get(), context.stop));
    picture.reset();
    return save_as(memory.get(), type, params, context);
  }
  IMGRING_TRY(Bytes bytes, image::save(picture.get(), type, params, context.stop));
  return Saved{std::move(bytes), type};
}

}  // namespace imgring::pipeline
