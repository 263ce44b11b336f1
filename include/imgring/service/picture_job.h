// What a helper works on: a source, options and configuration, with everything that they point at.
// Shared by the request and the helper's closure, so that either may end first; destroyed on the
// loop (a lease goes back to its pool). The stop flag: any thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "imgring/base/stop.h"
#include "imgring/pipeline/render.h"
#include "imgring/service/request.h"
#include "imgring/service/shared.h"
#include "imgring/service/source_image.h"
#include "imgring/service/watermarks.h"

namespace imgring::service {

struct PictureJob {
  SnapshotPtr snapshot;
  url::RequestOptions options;
  SourcePtr source;
  Marks marks;
  std::vector<const pipeline::AuxImage*> mark_images;  // of the marks
  StopFlag stop;
  std::optional<url::InfoOptions> wanted;  // the info endpoint's
  pipeline::InfoRequest info;
  pipeline::RenderJob render;  // points at the above
};
using JobPtr = std::shared_ptr<PictureJob>;

JobPtr picture_job(const ImageRequest& request, SourcePtr source, Marks marks,
                   const Shared& shared);

}  // namespace imgring::service
