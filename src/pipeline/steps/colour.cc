// Colour to processing (processing.md 8.2).
#include "imgring/image/colour.h"

#include "steps.h"

namespace imgring::pipeline::steps {

Result<image::VipsImagePtr> to_processing(VipsImage* picture, const StepContext& context,
                                          const Step&) {
  const bool keep_hdr =
      facts_of(context.input.result_type).hdr && context.input.options->preserve_hdr;
  return image::to_processing(picture, keep_hdr);
}

}  // namespace imgring::pipeline::steps
