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
};
// What a JPEG in several scans of 2.8 megapixels holds: with the rows of the rest, far above what
// others take.
inline constexpr std::int64_t kLargeDecodeBytes = 8 << 20;
// `known`: what read_facts() told of the source.
Estimate estimate(const RenderJob& job, const std::optional<SourceFacts>& known);
// What decoding a picture at its full size is expected to hold (watermarks, at the start).
std::int64_t decode_bytes_of(ByteSpan source, ImageType type);

}  // namespace imgring::pipeline
