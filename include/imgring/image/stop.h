// The flag that ends a job, under the name by which jobs hand it on.
#pragma once

#include "imgring/base/stop.h"

namespace imgring::image {

using imgring::StopFlag;
using imgring::StopReason;

}  // namespace imgring::image
