// Memory a job will hold at most, told before it starts (decision 9). Reads headers only: cheap
// enough for a loop thread, no libvips. Any thread.
#pragma once

#include <cstdint>

#include "imgring/pipeline/render.h"

namespace imgring::pipeline {

// From the plan where the header can be read without libvips, else from the size of the file; the
// source's own bytes are not in it.
std::int64_t estimate_bytes(const RenderJob& job);

}  // namespace imgring::pipeline
