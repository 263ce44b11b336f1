// The rules of processing.md section 10.
#include "save_result.h"

#include <algorithm>

#include "imgring/image/colour.h"
#include "imgring/image/metadata.h"
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
Result<Saved> save_to_fit(image::VipsImagePtr picture, ImageType type, image::SaveParams params,
                          std::int64_t bytes_max, const image::StopFlag& stop) {
  constexpr int kQualityEnough = 10;
  IMGRING_TRY(image::VipsImagePtr memory, image::copy_to_memory(picture.get(), stop));
  picture.reset();
  for (;;) {
    IMGRING_TRY_VOID(vips::check_stop(stop));
    IMGRING_TRY(Bytes bytes, image::save(memory.get(), type, params, stop));
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

Result<image::VipsImagePtr> finalised(VipsImage* picture, const PlanInput& input) {
  const url::RequestOptions& o = *input.options;
  IMGRING_TRY(image::VipsImagePtr coloured, image::to_result(picture, keeps_profile(input)));
  IMGRING_TRY(image::VipsImagePtr own, vips::copy(coloured.get()));
  vips_autorot_remove_angle(own.get());
  if (o.strip_metadata) {
    image::strip_metadata(own.get(),
                          {.keep_copyright = o.keep_copyright, .animated = input.frames > 1});
  }
  return own;
}

image::SaveParams save_params(ImageType type, const PlanInput& input) {
  image::SaveParams params;
  params.quality = quality_for(type, *input.options, *input.config);
  params.encoders = input.options->encoders;
  params.config = input.config;
  params.strip_metadata_done = input.options->strip_metadata;
  return params;
}

Result<Saved> save_result(image::VipsImagePtr picture, const PlanInput& input,
                          const image::StopFlag& stop) {
  const ImageType type = written_type(picture.get(), input.result_type);
  const image::SaveParams params = save_params(type, input);
  if (input.options->max_bytes > 0 && facts_of(type).quality)
    return save_to_fit(std::move(picture), type, params, input.options->max_bytes, stop);
  IMGRING_TRY(Bytes bytes, image::save(picture.get(), type, params, stop));
  return Saved{std::move(bytes), type};
}

}  // namespace imgring::pipeline
