// Memory, the choice of scans, and rows from what they gave.
#include "progressive.h"

#include <cstring>

namespace imgring::codec::jpeg {
namespace {

std::uint64_t band_of(const Scan& s) noexcept {
  return (~std::uint64_t{0} >> (63 - s.to)) & (~std::uint64_t{0} << s.from);
}

// The kept ones, and all in the band of a refinement that has one of them, and so on.
std::uint64_t read_of(const Headers& headers, std::size_t component, std::uint64_t kept) noexcept {
  std::uint64_t read = kept;
  for (std::uint64_t before = 0; before != read;) {
    before = read;
    for (const Scan& s : headers.scans) {
      const bool refines = s.high != 0 && s.from > 0 && s.components[0].index == component;
      if (refines && (band_of(s) & read) != 0) read |= band_of(s);
    }
  }
  return read;
}

std::size_t lanes_of(const Plane& p) noexcept {
  return static_cast<std::size_t>(p.component->sets_x) *
         static_cast<std::size_t>(p.component->block_rows) * static_cast<std::size_t>(p.set_lanes);
}
std::size_t words_of(const Plane& p) noexcept {
  if ((p.read & ~std::uint64_t{1}) == 0) return 0;
  return static_cast<std::size_t>(p.component->blocks_x) *
         static_cast<std::size_t>(p.component->blocks_y);
}

}  // namespace

JpegEnd ProgressiveDecoder::begin(const Headers& headers, const JpegSetup& setup, Layout* layout) {
  layout_ = layout;
  EntropyReader reader;
  for (std::size_t i = 0; i < layout->components.size(); ++i) {
    Plane& p = planes_[i];
    p.component = &layout->components[i];
    p.set_lanes = p.component->kept.count * kLanes;
    p.read = read_of(headers, i, p.component->kept.mask);
    reader.dc[i].most = p.component->dc_most;
  }
  if (mostly_filling()) return JpegEnd::kIrregular;
  if (!take_memory(setup)) return JpegEnd::kNoMemory;
  ScanWork work{.codes = headers.codes.data(),
                .reader = &reader,
                .planes = &planes_,
                .mcus_x = layout->mcus_x,
                .mcus_y = layout->mcus_y,
                .stop = setup.stop};
  const DecodeScan decode = progressive_loop();
  for (const Scan& scan : headers.scans) {
    work.scan = &scan;
    if ((band_of(scan) & work.plane(0).read) == 0) continue;
    reader.start_scan(scan.data, scan.restart_interval);
    const JpegEnd end = decode(work);
    if (end != JpegEnd::kFine) return end;
    const bool whole = reader.at_marker(&reader.place) && reader.feed.marker() + 2 == scan.data.end;
    if (!whole) return JpegEnd::kIrregular;
  }
  histories_.reset();
  return JpegEnd::kFine;
}

// Planes have rows of whole sets. Those of narrow pictures would be mostly nothing, up to sixteen
// times of what libjpeg-turbo holds and the plan counts (8 x 65500, 4:1:1: 33 MB for 1.6): a small
// one may be so.
bool ProgressiveDecoder::mostly_filling() const noexcept {
  constexpr std::size_t kFilledBytesMax = std::size_t{1} << 20;
  std::size_t lanes = 0;
  for (std::size_t i = 0; i < layout_->components.size(); ++i) lanes += lanes_of(planes_[i]);
  return layout_->mcus_x < kLanes && lanes * sizeof(std::int16_t) > kFilledBytesMax;
}

bool ProgressiveDecoder::take_memory(const JpegSetup& setup) {
  std::size_t lanes = 0, words = 0;
  for (std::size_t i = 0; i < layout_->components.size(); ++i) {
    lanes += lanes_of(planes_[i]);
    words += words_of(planes_[i]);
  }
  const std::size_t bytes = lanes * sizeof(std::int16_t);
  std::int16_t* coefficients = nullptr;
  if (setup.take != nullptr && bytes >= setup.take_bytes_min) {
    coefficients = static_cast<std::int16_t*>(setup.take(setup.take_owner, bytes));
    if (coefficients != nullptr) std::memset(coefficients, 0, bytes);
  } else {
    own_ = zeroed<std::int16_t>(lanes);
    coefficients = own_.get();
  }
  if (words > 0) histories_ = zeroed<std::uint64_t>(words);
  if (coefficients == nullptr || (words > 0 && histories_ == nullptr)) return false;
  std::uint64_t* history = histories_.get();
  for (std::size_t i = 0; i < layout_->components.size(); ++i) {
    planes_[i].coefficients = coefficients;
    coefficients += lanes_of(planes_[i]);
    planes_[i].history = history;
    history += words_of(planes_[i]);
  }
  return true;
}

void ProgressiveDecoder::transform_row(int mcu_row, const Window& wanted) {
  for (std::size_t i = 0; i < layout_->components.size(); ++i) {
    const Plane& p = planes_[i];
    const Component& c = *p.component;
    const int set_pixels = kLanes * c.nx;
    // Of chroma at half of luma's width, a pixel is two.
    const Component& luma = layout_->components[0];
    const int ratio = luma.h * luma.nx / (c.h * c.nx);
    for (int y = 0; y < c.v; ++y) {
      const std::int16_t* set = p.block(0, mcu_row * c.v + y);
      std::uint8_t* out = c.row(y * c.ny);
      for (int x = 0; x < c.sets_x; ++x, set += p.set_lanes, out += set_pixels) {
        if (x * set_pixels * ratio >= wanted.right) break;
        if ((x + 1) * set_pixels * ratio <= wanted.left) continue;
        c.transform(set, c.kept.dequant.data(), out, c.stride);
      }
    }
  }
}

}  // namespace imgring::codec::jpeg
