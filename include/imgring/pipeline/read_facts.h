// What is known of a source before its pixels, from its header, whatever its format.
// Cheap enough for a loop thread, no libvips. Any thread.
#pragma once

#include <optional>

#include "imgring/base/text.h"
#include "imgring/format/source_facts.h"

namespace imgring::pipeline {

// Of a vector by the size that its root says, of others by their headers; nullopt: neither tells.
// `frames_max`: more of an animation need not be counted.
std::optional<format::SourceFacts> read_facts(ByteSpan source, ImageType type, int frames_max);

}  // namespace imgring::pipeline
