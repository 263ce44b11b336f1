// What the info endpoint tells of pixels: alpha, a crop, colours and hashes. Helper threads only.
#pragma once

#include "imgring/image/vips_image.h"
#include "imgring/info/json.h"
#include "imgring/pipeline/render.h"
#include "imgring/url/info_options.h"

namespace imgring::pipeline {

struct PixelsOf {
  const RenderJob& job;
  const url::InfoOptions& wanted;
  const image::StopFlag& stop;
  image::Shelter* shelter;
  const SourceFacts& facts;  // of one frame
  VipsImage* image;          // the source as loaded, its header; null: a vector, or not wanted
};
Result<void> tell_pixels(const PixelsOf& source, info::Json* out);

}  // namespace imgring::pipeline
