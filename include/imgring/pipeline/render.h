// One image: source bytes and options to encoded bytes (probe, plan, load, steps, pull rows,
// encode).
// A plain function on a helper thread; owns everything it makes, keeps nothing between calls.
// `source`, `options`, `config` and `aux` must outlive the call; `stop` may be set by another
// thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "imgring/base/bytes.h"
#include "imgring/base/clock.h"
#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/config/config.h"
#include "imgring/format/abilities.h"
#include "imgring/image/decode_scratch.h"
#include "imgring/image/stop.h"
#include "imgring/pipeline/plan.h"
#include "imgring/sandbox/children.h"
#include "imgring/url/info_options.h"
#include "imgring/url/processing_options.h"

namespace imgring::pipeline {

// Pictures beside the source, not decoded: of the start, or a watermark that a URL names.
struct AuxImage {
  std::string bytes;
  ImageType type = ImageType::kUnknown;
  // By measure(): its upright size as far as its header tells, what decoding it at its full size is
  // expected to hold, and the CPU time of that.
  int width = 0, height = 0;
  std::int64_t decode_bytes = 0;
  double decode_ns = 0;
};

// Until when the result is of use; without a source of time there is no end.
struct RenderTime {
  const TimeSource* source = nullptr;
  TimeSource::Time due{};
};
// What is to be told of a source, in place of a picture of it.
struct InfoRequest {
  const url::InfoOptions* options = nullptr;
  std::int64_t size_bytes = 0;  // of the file, as its source says
  bool cut = false;             // the source is the beginning of a file, which tells enough
};
// The longest side of the picture that colours are told of.
inline constexpr int kInfoPictureSide = 1024;
// The options of the small picture that `wanted` is told of, within the limits of a request; where
// no pixels are wanted, those that leave a source as it is.
url::RequestOptions info_picture_options(const url::RequestOptions& request,
                                         const url::InfoOptions& wanted);

// What a plan takes; `certain`: whatever the picture shows.
struct PlannedBytes {
  std::int64_t planned = 0, certain = 0;
};

struct RenderJob {
  ByteSpan source;
  ImageType source_type = ImageType::kUnknown;
  bool source_replaced = false;  // a fallback image: hashsum says nothing of it
  const url::RequestOptions* options = nullptr;
  const config::ProcessingConfig* config = nullptr;
  const AuxImage* watermark = nullptr;  // null: none configured
  // By pipeline, of those that name one by URL; all of them are there when it runs.
  std::span<const AuxImage* const> fetched_marks{};
  const image::ColourProfile* profile = nullptr;  // that color_profile names; null: none
  format::Abilities abilities = format::Abilities::all();
  sandbox::Children* children = nullptr;    // null: SVGs are drawn in this process (tests)
  image::DecodeScratch* scratch = nullptr;  // null: the allocator
  const Logger* log = nullptr;              // debug lines about what is left out; null: none
  // What the job was granted: a child that works for it may take no more. 0: no bound (tests).
  std::uint64_t memory_bytes = 0;
  // Asked on the job's thread where the picture is larger than the header told that the grant was
  // planned by. The error is the answer. Empty: nothing is asked.
  std::function<Result<void>(const PlannedBytes&)> more_memory{};
  RenderTime time;                    // what searches by trying end before
  const InfoRequest* info = nullptr;  // null: a picture is wanted
  bool libvips_only = false;          // for tests: nothing goes the shorter way
};

struct RenderedImage {
  Bytes bytes;                  // empty when same_as_source
  bool native = false;          // made without libvips' pipeline
  bool bare = false;            // nor opened by it
  bool native_front = false;    // its first steps were, the others by libvips
  bool same_as_source = false;  // skipped processing: the source's own bytes are the answer
  ImageType type = ImageType::kUnknown;
  int origin_width = 0, origin_height = 0;  // of one frame, after EXIF orientation
  int result_width = 0, result_height = 0;  // of one frame
};

Result<RenderedImage> render(const RenderJob& job, const image::StopFlag& stop);

// The plan of a job, from the header alone: for `explain` and for admission (Plan::planned_bytes).
// `skipped`: the source's own bytes would be the answer, the plan is empty.
struct Foreseen {
  Plan plan;
  bool skipped = false;
};
Result<Foreseen> foresee(const RenderJob& job);

}  // namespace imgring::pipeline
