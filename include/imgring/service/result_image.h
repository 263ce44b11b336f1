// Fifth stage: a job with its admission to a result, on a helper.
// The job owns what it touches and may outlive its request (decision 1). A ResultImage never
// changes and may be shared; its bytes keep their grant, and go on the loop that made it.
#pragma once

#include <memory>

#include "imgring/base/bytes.h"
#include "imgring/base/error.h"
#include "imgring/mem/ledger.h"
#include "imgring/service/admission.h"
#include "imgring/service/picture_job.h"
#include "imgring/service/request.h"
#include "imgring/service/services.h"
#include "imgring/service/source_image.h"

namespace imgring::service {

struct ResultImage {
  Bytes bytes;
  ImageType type = ImageType::kUnknown;
  int origin_width = 0, origin_height = 0;  // of one frame, after EXIF orientation
  int result_width = 0, result_height = 0;  // of one frame
  mem::Part of_part = mem::Part::kPlans;    // whose bytes they are: the source's own are downloads
  std::shared_ptr<const Origin> origin;     // what it was made from
};
using ResultPtr = std::shared_ptr<const ResultImage>;

loop::Task<Result<ResultPtr>> make_result(Services& services, loop::Scope& scope,
                                          ImageRequest& request, JobPtr job, Admission admission);

}  // namespace imgring::service
