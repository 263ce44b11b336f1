// A picture of a source as its steps and colours leave it, without a saver: what is told of pixels
// is told of this. Helper threads only.
#pragma once

#include "imgring/image/shelter.h"
#include "imgring/image/stop.h"
#include "imgring/image/vips_image.h"
#include "imgring/pipeline/render.h"
#include "load.h"

namespace imgring::pipeline {

// How the job's source is loaded. `shelter` outlives what is loaded; null: in this process.
LoadRequest load_request_of(const RenderJob& job, image::Shelter* shelter,
                            const image::StopFlag& stop) noexcept;

// The first frame, as `job.options` ask for it. Errors: those of render().
// `shelter`: outlives it.
Result<image::VipsImagePtr> finished_picture(const RenderJob& job, image::Shelter* shelter,
                                             const image::StopFlag& stop);

// The answer of the info endpoint: JSON. `job.info` is set.
Result<RenderedImage> render_info(const RenderJob& job, const image::StopFlag& stop);

}  // namespace imgring::pipeline
