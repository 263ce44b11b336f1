// Memory a job will hold at most and CPU time it will take, told before it starts (decision 9).
// Reads headers only: cheap enough for a loop thread, no libvips. Any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "imgring/pipeline/plan_work.h"
#include "imgring/pipeline/read_facts.h"
#include "imgring/pipeline/render.h"

namespace imgring::pipeline {

// From the plan where the header can be read without libvips, else from the size of the file and
// the result that is asked for; the source's own bytes are not in it.
struct Estimate {
  std::int64_t bytes = 0;
  // Of these, what it takes for certain: result, copies of steps. Decoders' tables are guesses.
  std::int64_t certain_bytes = 0;
  PlannedWork work;
  bool large = false;  // a whole decode of kLargeDecodeBytes or more
  bool drawn = false;  // a child draws for it: its source, or a watermark
};
// What a JPEG in several scans of 2.8 megapixels holds: with the rows of the rest, far above what
// others take.
inline constexpr std::int64_t kLargeDecodeBytes = 8 << 20;
// `known`: what read_facts() told of the source.
Estimate estimate(const RenderJob& job, const std::optional<SourceFacts>& known);
// Fills in what decoding such a picture takes, from its bytes and type.
void measure(AuxImage* image);

}  // namespace imgring::pipeline
