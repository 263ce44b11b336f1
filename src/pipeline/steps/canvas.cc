// Extend, extend to the aspect ratio, padding: the picture on a transparent canvas. And flatten,
// which puts a background under what is transparent.
#include "steps.h"

namespace imgring::pipeline::steps {

Result<image::VipsImagePtr> embed(VipsImage* picture, const StepContext&, const Step& step) {
  return vips::on_canvas(picture, step.after, {step.area.left, step.area.top});
}

Result<image::VipsImagePtr> flatten(VipsImage* picture, const StepContext& context, const Step&) {
  constexpr url::Color kWhite{255, 255, 255};
  return vips::flatten(picture, context.input.pixels().background.value_or(kWhite));
}

}  // namespace imgring::pipeline::steps
