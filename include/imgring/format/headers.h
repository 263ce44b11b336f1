// Facts of a source for its estimate, of all formats whose headers tell them without libvips: a
// reader for each, and the choice between them.
// Owns nothing. Any thread. Promises: reads within the span only, and not more than a loop can
// bear; the render itself believes none of it but what probe_header says.
#pragma once

#include <optional>

#include "imgring/base/text.h"
#include "imgring/format/source_facts.h"

namespace imgring::format {

// `frames_max`: more of an animation or of pages need not be counted; below 2 none are. nullopt: no
// size that can be read here.
std::optional<SourceFacts> facts_of_header(ByteSpan source, ImageType type, int frames_max);
// Of JPEG and still WebP, as exact as libvips: so that their loaders are opened once, with the
// right shrink. nullopt: let libvips look.
std::optional<SourceFacts> probe_header(ByteSpan source, ImageType type);

// One for each format; named by the rows of formats.cc. A width or height of 0: it can't be read.
SourceFacts read_jpeg_header(ByteSpan source, int frames_max);
SourceFacts read_jxl_header(ByteSpan source, int frames_max);
SourceFacts read_png_header(ByteSpan source, int frames_max);
SourceFacts read_webp_header(ByteSpan source, int frames_max);
SourceFacts read_still_webp_header(ByteSpan source, int frames_max);  // nothing of an animation
SourceFacts read_gif_header(ByteSpan source, int frames_max);
SourceFacts read_ico_header(ByteSpan source, int frames_max);
SourceFacts read_heic_header(ByteSpan source, int frames_max);
SourceFacts read_avif_header(ByteSpan source, int frames_max);
SourceFacts read_bmp_header(ByteSpan source, int frames_max);
SourceFacts read_tiff_header(ByteSpan source, int frames_max);

}  // namespace imgring::format
