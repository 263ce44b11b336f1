// One row for each kind of step: when a plan has it and how large the picture is after it, what it
// copies, how long it takes. Plans, admission's bytes, lanes and refusals read nothing else of it.
// Constant; any thread.
#pragma once

#include "imgring/pipeline/plan.h"
#include "step_maker.h"

namespace imgring::pipeline {

// What the filters bound their sigmas to: libvips' own least, below which it does nothing, and its
// maximum of a blur; sharpening beyond this
// sharpens nothing more, and costs seconds for each strip.
inline constexpr double kBlurSigmaMin = 0.2, kBlurSigmaMax = 1000;
inline constexpr double kSharpenSigmaMax = 100;
// Pictures that are wider are filtered by libvips: natively their rows wait in rings, of up to 800
// bytes for each column.
inline constexpr int kFilteredWidthMax = 16384;

// CPU time of libvips' blur for each pixel.
double blur_ns(double sigma) noexcept;
// Whether a filter is on that looks at one pixel alone: of 8 bits, as its rows come.
bool filters_change_colours(const url::PixelOptions& options) noexcept;
// Whether the filters of a picture of this width can be done natively, row by row, as far as its
// options say.
bool filters_by_rows(const url::PixelOptions& options, const Step& step, int width) noexcept;
// Whether a filter that is on looks at the pixels around a pixel; others take rows as they come.
bool filters_hold_copies(const url::PixelOptions& options, const Step& step) noexcept;

struct StepFacts {
  const Step& step;
  Size before;
  const PlanInput& in;
};
struct StepCost {
  // Pictures as large as the one it is given that it holds in memory, at 4 bytes a pixel; 0: rows
  // stream through it.
  int copies = 0;
  // CPU time for each pixel of the larger of both pictures, that it is given and that it gives; and
  // what of it is certain whatever the picture shows, on a processor that is twice as fast.
  double ns = 0, least_ns = 0;
};
// What the picture shows is still all there, and nothing else: no cut that may leave the sky only.
enum class Content : std::uint8_t { kChanged, kKept };

struct StepRow {
  StepKind kind;
  void (*make)(StepMaker& m);  // adds the step if it is wanted
  StepCost (*cost)(const StepFacts& facts);
  Content content = Content::kChanged;
};
const StepRow& row_of(StepKind kind) noexcept;

}  // namespace imgring::pipeline
