// From source bytes to the picture the plan's first step sees: facts at the price of a header, and
// one loader opened with the plan's shrink.
// Owns the images it opens, hands them on. The source bytes must outlive them. Helper threads only.
#pragma once

#include <optional>

#include "imgring/base/text.h"
#include "imgring/format/abilities.h"
#include "imgring/image/shelter.h"
#include "imgring/image/stop.h"
#include "imgring/image/svg_drawing.h"
#include "imgring/image/vips_image.h"
#include "imgring/pipeline/plan.h"
#include "imgring/sandbox/children.h"
#include "pages.h"

namespace imgring::pipeline {

// What is drawn of a vector has sides that cairo can address (hardening.md section 5): beyond it,
// tiles fail inside libvips.
inline constexpr int kVectorSideMax = 32767;

struct LoadRequest {
  ByteSpan source;
  ImageType type = ImageType::kUnknown;
  const url::RequestOptions* options = nullptr;
  const config::ProcessingConfig* config = nullptr;
  const image::StopFlag* stop = nullptr;  // vectors: ends the wait for a child
  sandbox::Children* children = nullptr;  // null: vectors are drawn in this process
  image::Shelter* shelter = nullptr;      // null: so is everything else
  std::uint64_t memory_bytes = 0;         // that a child may take; 0: no bound of the job's
  const Logger* log = nullptr;            // null: nothing is said
  format::Abilities abilities = format::Abilities::all();
};

struct Opened {
  SourceFacts facts;  // of one frame; a guarded vector: as the guard left it
  Size origin;        // of one frame, upright, before any guard
  double guard_shrink = 1;
  image::VipsImagePtr image;  // null: the facts are our own header probe's, or it is a vector
  PageRange pages;            // what `image` was made of
  std::unique_ptr<image::SvgDrawing> drawing;  // a vector, open for its pixels
  bool thumbnail = false;                      // enforce_thumbnail gave the embedded one
};

struct Loaded {
  Plan plan;
  image::VipsImagePtr image;
  Size origin;                 // Opened's, or what libvips says where the probe was wrong
  std::size_t steps_done = 0;  // of the plan, that `image` has behind it (native_run.h)
};

// Facts of an opened image; frames > 1: of one of them.
SourceFacts facts_of_image(VipsImage* image, ImageType type, int frames);

Result<Opened> open_source(const LoadRequest& request);
// The source as its loader gives it, the page of the options at full size. No vectors.
Result<image::VipsImagePtr> load_whole(const LoadRequest& request);
// The plan with what was really loaded for it; `input` gets better facts when the probe was wrong.
Result<Loaded> load_planned(const LoadRequest& request, Opened opened, PlanInput* input);

}  // namespace imgring::pipeline
