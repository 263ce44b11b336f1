// Admission's estimate: sizes out of headers, then the plan's tables.
#include "imgring/pipeline/estimate.h"

#include <algorithm>
#include <iterator>
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

// Fields of JPEG XL, lowest bit first.
class Bits {
 public:
  explicit Bits(ByteSpan bytes) noexcept : bytes_(bytes) {}
  std::uint32_t take(int count) noexcept {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const std::uint32_t byte = at_ / 8 < bytes_.size() ? bytes_[at_ / 8] : 0u;
      value |= (byte >> at_ % 8 & 1) << i;
    }
    return value;
  }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
};

// SizeHeader of ISO/IEC 18181-1: a side, and the other one or its ratio to the first.
SourceFacts jxl_size(ByteSpan codestream) {
  struct Ratio {
    std::uint32_t across, down;
  };
  constexpr Ratio kRatios[] = {{1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}};
  constexpr int kSideBits[] = {9, 13, 18, 30}, kEighthsBits = 5;
  Bits bits(codestream.subspan(std::min<std::size_t>(2, codestream.size())));
  const bool eighths = bits.take(1) != 0;
  const auto side = [&] {
    if (eighths) return (bits.take(kEighthsBits) + 1) * 8;
    return bits.take(kSideBits[bits.take(2)]) + 1;
  };
  const std::uint32_t height = side();
  const std::uint32_t ratio = bits.take(3);
  if (ratio == 0) return facts(ImageType::kJxl, side(), height);
  const auto [across, down] = kRatios[ratio - 1];
  const std::uint64_t width = std::uint64_t{height} * across / down;
  return facts(ImageType::kJxl, static_cast<std::uint32_t>(width), height);
}

// The codestream as it is, or in the first box of a container that holds some of it.
SourceFacts jxl_facts(ByteSpan s) {
  constexpr std::size_t kSearchBytes = 16 << 10;
  if (s.size() > 1 && s[0] == 0xFF && s[1] == 0x0A) return jxl_size(s);
  const std::string_view text = as_text(s.first(std::min(s.size(), kSearchBytes)));
  const std::size_t whole = text.find("jxlc\xFF\x0A"), part = text.find("jxlp");
  if (whole != std::string_view::npos) return jxl_size(s.subspan(whole + 4));
  if (part == std::string_view::npos || part + 8 > s.size()) return {};
  return jxl_size(s.subspan(part + 8));  // behind its number
}

// Of PNG's colour types; a palette is one sample that becomes three or four.
double png_samples(std::uint32_t colour_type) noexcept {
  constexpr double kSamples[] = {1, 4, 3, 4, 2, 4, 4};
  return colour_type < std::size(kSamples) ? kSamples[colour_type] : 4;
}

std::optional<SourceFacts> facts_of_header(ByteSpan s, ImageType type) {
  if (auto probed = probe_header(s, type)) return probed;
  SourceFacts out;
  if (type == ImageType::kPng) {
    out = facts(type, number(s, 16, 4, true), number(s, 20, 4, true));
    out.whole_decode = s.size() > 28 && s[28] != 0;  // interlaced
    out.samples_per_pixel = png_samples(number(s, 25, 1, true));
  } else if (type == ImageType::kGif) {
    out = facts(type, number(s, 6, 2, false), number(s, 8, 2, false));
  } else if (type == ImageType::kBmp) {
    out = facts(type, number(s, 18, 4, false), number(s, 22, 4, false));
  } else if (type == ImageType::kAvif || type == ImageType::kHeic) {
    out = heif_facts(s, type);
  } else if (type == ImageType::kJxl) {
    out = jxl_facts(s);
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
