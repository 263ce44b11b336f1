// Admission's estimate: sizes out of headers, then the plan's tables.
#include "imgring/pipeline/estimate.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "imgring/pipeline/plan.h"
#include "load.h"

namespace imgring::pipeline {
namespace {

// Where the header is libvips' business: decoded pixels against bytes of the file, with a floor for
// small files and a cap at what MAX_SRC_RESOLUTION lets through at most (50 MP at 4 bytes).
constexpr std::int64_t kBytesPerFileByte = 30;
constexpr std::int64_t kUnknownBytesMin = 4 << 20;
constexpr std::int64_t kUnknownBytesMax = 200 << 20;

// A child that draws an SVG: itself (45 MB resident, most of it shared with the server), and its
// tree of the source (a source of 6.3 MB and 150 000 elements: 335 MB); its limit is the most.
constexpr std::int64_t kSvgChildBytes = 16 << 20;
constexpr std::int64_t kSvgBytesPerFileByte = 60;
constexpr std::int64_t kSvgBytesMax = std::int64_t{1} << 30;

std::uint32_t number(ByteSpan s, std::size_t at, int bytes, bool big) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    const std::size_t index = at + static_cast<std::size_t>(big ? i : bytes - 1 - i);
    value = value << 8 | (index < s.size() ? s[index] : 0u);
  }
  return value;
}

SourceFacts facts(ImageType type, std::uint32_t width, std::uint32_t height) {
  constexpr std::uint32_t kSideMax = 1 << 20;
  SourceFacts out;
  out.type = type;
  out.width = static_cast<int>(std::min(width, kSideMax));
  out.height = static_cast<int>(std::min(height, kSideMax));
  return out;
}

// Largest image spatial extents property of the file (ISO/IEC 23008-12): tiles are smaller than the
// whole.
SourceFacts heif_facts(ByteSpan s, ImageType type) {
  constexpr std::size_t kSearchBytes = 16 << 10;
  const std::string_view text = as_text(s.first(std::min(s.size(), kSearchBytes)));
  SourceFacts best = facts(type, 0, 0);
  std::size_t at = text.find("ispe");
  for (; at != std::string_view::npos; at = text.find("ispe", at + 4)) {
    const SourceFacts one = facts(type, number(s, at + 8, 4, true), number(s, at + 12, 4, true));
    if (std::int64_t{one.width} * one.height > std::int64_t{best.width} * best.height) best = one;
  }
  return best;
}

std::optional<SourceFacts> facts_of_header(ByteSpan s, ImageType type) {
  if (auto probed = probe_header(s, type)) return probed;
  SourceFacts out;
  if (type == ImageType::kPng) {
    out = facts(type, number(s, 16, 4, true), number(s, 20, 4, true));
    out.whole_decode = s.size() > 28 && s[28] != 0;  // interlaced
  } else if (type == ImageType::kGif) {
    out = facts(type, number(s, 6, 2, false), number(s, 8, 2, false));
  } else if (type == ImageType::kBmp) {
    out = facts(type, number(s, 18, 4, false), number(s, 22, 4, false));
  } else if (type == ImageType::kAvif || type == ImageType::kHeic) {
    out = heif_facts(s, type);
  }
  if (out.width <= 0 || out.height <= 0) return std::nullopt;
  return out;
}

// Unknown, or refused as soon as it runs.
Estimate without_plan(const RenderJob& job) {
  constexpr double kBytesPerPixel = 4;
  const auto size = static_cast<std::int64_t>(job.source.size());
  Estimate out;
  out.bytes = std::clamp(size * kBytesPerFileByte, kUnknownBytesMin, kUnknownBytesMax);
  UnreadSource unread{.source = job.source_type, .result = job.options->format};
  unread.pixels = static_cast<double>(out.bytes) / kBytesPerPixel;
  if (unread.result == ImageType::kUnknown) unread.result = job.source_type;
  out.work = planned_work(unread);
  if (job.source_type == ImageType::kSvg) {
    out.bytes = std::min(kSvgChildBytes + size * kSvgBytesPerFileByte, kSvgBytesMax);
  }
  return out;
}

}  // namespace

Estimate estimate(const RenderJob& job) {
  const std::optional<SourceFacts> known = facts_of_header(job.source, job.source_type);
  if (!known || !check_resolution(*known, 1, *job.options)) return without_plan(job);
  if (skips_processing(job.source_type, *job.options, *job.config)) return {};
  PlanInput input;
  input.facts = *known;
  input.options = job.options;
  input.config = job.config;
  input.result_type = choose_format(*known, *job.options, *job.config).value_or(job.source_type);
  input.frames = std::max(1, std::min(known->pages, job.options->max_animation_frames));
  input.watermark = job.watermark != nullptr;
  const Plan plan = make_plan(input);
  return {.bytes = plan.planned_bytes,
          .work = planned_work(plan, input),
          .large = known->whole_decode && plan.planned_bytes >= kLargeDecodeBytes};
}

}  // namespace imgring::pipeline
