// Facts of a source for its estimate, of all formats whose headers tell them without libvips.
// Owns nothing. Any thread. Promises: reads within the span only, and not more than a loop can
// bear; the render itself believes none of it.
#pragma once

#include <optional>

#include "imgring/base/text.h"
#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

// `frames_max`: more of an animation need not be counted; below 2 none are. nullopt: no size that
// can be read here.
std::optional<SourceFacts> facts_of_header(ByteSpan source, ImageType type, int frames_max);

}  // namespace imgring::pipeline
