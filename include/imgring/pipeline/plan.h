// The plan: (facts of the source, options) to exact sizes, with no pixels and no libvips.
// A value; what `explain` prints, what tests check by the thousand, what the runner executes.
// Source of every formula: processing.md sections 3 to 6. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/base/image_type.h"
#include "imgring/config/config.h"
#include "imgring/format/format.h"
#include "imgring/image/colour_profiles.h"
#include "imgring/pipeline/step.h"
#include "imgring/url/processing_options.h"

namespace imgring::image {
class Shelter;
}

namespace imgring::pipeline {

using format::SourceFacts;

// Turn that EXIF and auto_rotate ask for: angle first, then the horizontal flip.
struct Turn {
  int angle = 0;
  bool flip = false;
};
Turn turn_of(int orientation, bool auto_rotate) noexcept;
// As turned by EXIF (auto_rotate) and the rotate option together.
Size turned_size(const SourceFacts& facts, const url::PixelOptions& options) noexcept;

// Rounding of the spec: R half away from zero, E half to even. Values past int are clamped.
int round_away(double v) noexcept;
int round_even(double v) noexcept;
int scaled(int size, double factor) noexcept;
int scaled_even(int size, double factor) noexcept;
int min_nonzero(int a, int b) noexcept;
// The size that vips_resize makes of `size`.
int resized(int size, double factor) noexcept;

// processing.md section 5: sizes in the turned frame.
struct Geometry {
  int source_width = 0, source_height = 0;            // W, H turned
  int crop_width = 0, crop_height = 0;                // cropW, cropH; 0 = off
  double width_scale = 1, height_scale = 1;           // WS, HS
  double dpr = 1;                                     // D, effective
  int target_width = 0, target_height = 0;            // TW, TH
  int scaled_width = 0, scaled_height = 0;            // SW, SH
  int result_crop_width = 0, result_crop_height = 0;  // RW, RH
  int extend_ar_width = 0, extend_ar_height = 0;      // EW, EH
};
Geometry compute_geometry(const SourceFacts& facts, const url::PixelOptions& options,
                          int max_result_dimension);

// processing.md section 6, scale-on-load: what to reload with; shrink 1 and scale 1 = nothing.
struct LoadScale {
  int shrink = 1;
  double scale = 1;
  bool thumbnail = false;
  bool any() const noexcept { return shrink != 1 || scale != 1 || thumbnail; }
};

// Position of an inner rectangle (processing.md section 6). overflow: watermark.
struct Position {
  int left = 0, top = 0;
};
struct PositionInput {
  int outer_width, outer_height, inner_width, inner_height;
  double offset_scale = 1;
  bool overflow = false;
};
Position position_of(const PositionInput& in, const url::Gravity& gravity) noexcept;
// Gravity seen before the picture is turned: flips first, then the angle (processing.md section 6).
url::Gravity adjust_gravity(url::Gravity gravity, int angle, bool flip_x, bool flip_y) noexcept;

// processing.md section 3, step 3: the source's own bytes are the answer (SVG: sanitised).
bool skips_processing(ImageType source, const url::RequestOptions& options,
                      const config::ProcessingConfig& config) noexcept;
// processing.md section 3, step 5. SVG wanted: kResultUnsupported. Whether there is a saver is not
// asked.
Result<ImageType> choose_format(const SourceFacts& facts, const url::RequestOptions& options,
                                const config::ProcessingConfig& config);
// Whether the result may show through somewhere, by the source and the steps: what was transparent
// before an opaque background is not any more.
bool may_show_through(const SourceFacts& facts, const url::RequestOptions& options) noexcept;
// Null where the format holds no profile, or none of CMYK.
const image::ColourProfile* profile_held(ImageType result,
                                         const image::ColourProfile* wanted) noexcept;
// processing.md section 3, step 8: vectors are exempt. kResolutionTooLarge.
Result<void> check_resolution(const SourceFacts& facts, int frames,
                              const url::RequestOptions& options);
// processing.md section 10. `type`: the format that is written.
int quality_for(ImageType type, const url::RequestOptions& options,
                const config::ProcessingConfig& config) noexcept;

// A quality that is to be found (quality_search.h).
struct QualitySearch {
  config::AutoqualityMethod method = config::AutoqualityMethod::kSize;
  double target = 0, allowed_error = 0;
  int least = 1, most = 100, first = 1;  // qualities
};
// Saves it takes at most.
int trials_max(const QualitySearch& search) noexcept;
// The format is to be the best one: asked for, or by default.
bool wants_best(const url::RequestOptions& options,
                const config::ProcessingConfig& config) noexcept;
struct AuxImage;

struct PlanInput {
  SourceFacts facts;  // at full size; a guarded vector: at the size the guard left
  const url::RequestOptions* options = nullptr;
  // Of the pipeline that is planned. Those behind the first are given a picture, not a source.
  std::size_t pipeline = 0;
  const url::PixelOptions& pixels() const noexcept { return options->pipelines[pipeline]; }
  bool chained() const noexcept { return pipeline > 0; }
  bool last() const noexcept { return pipeline + 1 == options->pipelines.size(); }
  const config::ProcessingConfig* config = nullptr;
  ImageType result_type = ImageType::kUnknown;
  // Not empty: the smallest of these is the result, and result_type stands for them until then.
  std::vector<ImageType> candidates;
  int frames = 1;           // > 1: animated, no scale-on-load and no trim
  double guard_shrink = 1;  // vectors
  bool trimmed = false;     // facts are those of the trimmed picture
  // That the result is converted to and carries; null: none is asked for, or held by its format.
  const image::ColourProfile* profile = nullptr;
  const AuxImage* configured_mark = nullptr;         // null: none
  std::span<const AuxImage* const> fetched_marks{};  // by pipeline, where one has its own
  // The watermark of the pipeline that is planned; null: none, a text, or it is not known.
  const AuxImage* mark() const noexcept {
    if (pixels().watermark.written()) return nullptr;
    if (!pixels().watermark.fetched()) return configured_mark;
    return pipeline < fetched_marks.size() ? fetched_marks[pipeline] : nullptr;
  }
  image::Shelter* shelter = nullptr;  // for the runner: dangerous formats by a child
};

struct Plan {
  LoadScale load;
  bool reduces = false;       // the scale, as planned before any scale-on-load, makes it smaller
  double wanted_shrink = 1;   // p: how many times the source is larger than what is wanted of it
  SourceFacts loaded;         // the picture the first step sees
  Geometry geometry;          // after scale-on-load
  Turn turn;                  // EXIF's
  url::Gravity crop_gravity;  // offsets corrected for scale-on-load, in the turned frame
  std::vector<Step> steps;
  Size result;  // of one frame, behind this pipeline
  // The pipelines behind the first, each with what it is given as `loaded`.
  std::vector<Plan> later;
  // Of the whole chain.
  Size final_size() const noexcept { return later.empty() ? result : later.back().result; }
  bool any_depends_on_pixels() const noexcept;
  int frames = 1;
  ImageType result_type = ImageType::kUnknown;
  std::vector<ImageType> candidates;  // as in PlanInput
  bool depends_on_pixels = false;     // trim: sizes are those of a picture with nothing to cut
  std::int64_t planned_bytes = 0;     // memory the job is expected to hold at most (decision 9)
  std::int64_t certain_bytes = 0;     // of that, what no luck with the decoder spares it
};

// Vector guard: shrink that brings the picture within the limit, 1 when it is.
double guard_shrink_of(const SourceFacts& facts, std::int64_t max_src_resolution) noexcept;
// The facts of a vector over the limit become those the guard leaves.
void apply_vector_guard(PlanInput* in) noexcept;
// Size the loader is expected to give.
Size predicted_load_size(const SourceFacts& facts, const LoadScale& load) noexcept;

Plan make_plan(const PlanInput& in);
// Whether the result is written once, from its rows: no max_bytes, autoquality or best format.
bool saved_once(const PlanInput& in) noexcept;
// A step makes colours that a palette of the source does not hold: the result gets none of it.
bool adds_colours(const url::RequestOptions& options) noexcept;
// The source has a palette, and no step does that.
bool keeps_palette(const PlanInput& in) noexcept;
// The same with the picture that was really loaded by `load` (sizes or orientation may differ).
Plan make_plan_for_loaded(const PlanInput& in, const LoadScale& load, const SourceFacts& loaded);
// The input of a pipeline that is given `picture`, whatever the source was.
PlanInput input_behind(const PlanInput& in, std::size_t pipeline, const SourceFacts& picture);
// The plan of one pipeline behind the first, for what it is given.
Plan plan_behind(const PlanInput& in);
// Whether a pipeline gets its picture in memory: one that does something. Rows that went on through
// all of a chain would hold a strip for each of its steps, and be made anew wherever they are read
// twice.
bool wants_memory(const Plan& later) noexcept;

// Cuts the result once more. Only for plans that end with a scale or a turn (watermarks).
void cut_result(Plan* plan, const PlanInput& in, Area area);
// After step `index` left `actual` instead of what was planned: the steps behind it anew.
void replan_after(Plan* plan, const PlanInput& in, std::size_t index, Size actual);

// kResultTooLarge: a step makes more pixels than any plan may, or the format holds.
Result<void> check_sizes(const Plan& plan);
// Of one pipeline that was given a picture: the format's largest side is the last one's alone.
Result<void> check_inner_sizes(const Plan& plan, const PlanInput& in);

// The plan as text, a line for each step.
std::string describe(const Plan& plan);

// What the decoder of a JPEG in several scans holds from the first to the last; 0 for others.
std::int64_t coefficient_bytes(const SourceFacts& facts) noexcept;
// Memory a plan needs, by the tables of formats (format/formats.cc) and steps (step_rows.cc).
std::int64_t planned_bytes(const Plan& plan, const PlanInput& in) noexcept;
// Of that, copies that steps make, joined frames, and what saving holds for certain.
std::int64_t certain_bytes(const Plan& plan, const PlanInput& in) noexcept;
// Of planned_bytes, the decoder's.
std::int64_t decode_bytes(const Plan& plan, const PlanInput& in) noexcept;
// Of that, what saving takes for a pixel of the result, and drawing for one of a vector.
double encode_bytes_per_pixel(ImageType result, const PlanInput& in) noexcept;
double certain_bytes_per_pixel(ImageType result, const PlanInput& in) noexcept;
double drawn_bytes_per_pixel(ImageType vector) noexcept;
// The formats the result is written in, one after the other.
std::vector<ImageType> types_tried(const PlanInput& in);
// What encoding the result takes; its EncoderOptions count.
const format::EncodeCost& encode_cost(ImageType result, const PlanInput& in) noexcept;
// The row of the cost tables for a result: a PNG with a palette is made by the quantiser of GIFs.
ImageType encoder_of(ImageType result, const PlanInput& in) noexcept;

}  // namespace imgring::pipeline
