// One step of a pipeline: what it is, and what a plan says of it. Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// All steps in the order they are done in: kind, the function in steps/ that does it, and its name
// in `explain` and in errors. A macro, so that one line makes the kind, the function's declaration
// and its rows in the tables. What a plan makes of it and what it costs stand in step_rows.cc.
#define IMGRING_STEPS(STEP)                                    \
  STEP(kTrim, trim, "trim")                                    \
  STEP(kToProcessing, to_processing, "colour to processing")   \
  STEP(kCrop, crop, "crop")                                    \
  STEP(kScale, scale, "scale")                                 \
  STEP(kTurn, turn, "rotate and flip")                         \
  STEP(kResultCrop, crop, "crop to result")                    \
  STEP(kFilters, filters, "filters")                           \
  STEP(kBlurAreas, blur_areas, "blur areas")                   \
  STEP(kProgressiveBlur, progressive_blur, "progressive blur") \
  STEP(kExtend, embed, "extend")                               \
  STEP(kExtendAspectRatio, embed, "extend aspect ratio")       \
  STEP(kPadding, embed, "padding")                             \
  STEP(kFixSize, fix_size, "fix size")                         \
  STEP(kFlatten, flatten, "flatten")                           \
  STEP(kBackground, background, "background")                  \
  STEP(kColorize, colorize, "colorize")                        \
  STEP(kGradient, gradient, "gradient")                        \
  STEP(kWatermark, watermark, "watermark")

namespace imgring::pipeline {

enum class StepKind : std::uint8_t {
#define IMGRING_STEP_KIND(kind, function, name) kind,
  IMGRING_STEPS(IMGRING_STEP_KIND)
#undef IMGRING_STEP_KIND
      kEnd
};
inline constexpr std::size_t kStepKindCount = static_cast<std::size_t>(StepKind::kEnd);
constexpr std::size_t index_of(StepKind kind) noexcept { return static_cast<std::size_t>(kind); }
std::string_view name_of(StepKind kind) noexcept;

struct Size {
  int width = 0, height = 0;
  bool operator==(const Size&) const = default;
};
struct Area {
  int left = 0, top = 0, width = 0, height = 0;
};

struct Step {
  StepKind kind = StepKind::kEnd;
  Size after;            // of one frame
  Area area;             // crops: the part kept; canvases: where the picture lies
  bool smart = false;    // crops: libvips finds the place, which is in `area` once it has
  bool unsharp = false;  // kFilters: unsharp masking is on
  double width_scale = 1, height_scale = 1;  // kScale, kFixSize: in the frame of the pixels
};

}  // namespace imgring::pipeline
