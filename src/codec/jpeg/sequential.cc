// Sets of a component lie side by side: sixteen MCUs are h sets for each of its v rows.
#include "sequential.h"

namespace imgring::codec::jpeg {

JpegEnd SequentialDecoder::begin(const Headers& headers, Layout* layout) {
  layout_ = layout;
  decode_ = sequential_loop();
  if (!set_tables(headers)) return JpegEnd::kIrregular;
  if (!set_blocks()) return JpegEnd::kNoMemory;
  const Scan& scan = headers.scans[0];
  reader_.start_scan(scan.data, scan.restart_interval);
  return JpegEnd::kFine;
}

// Two pairs of codes of equal numbers, as every encoder writes them.
bool SequentialDecoder::set_tables(const Headers& headers) {
  tables_.resize(2);
  parts_.resize(layout_->components.size());
  std::array<SequentialNeeds, 2> needs;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const ScanComponent& s = headers.scans[0].components[i];
    if (!s.dc || !s.ac || s.dc_id != s.ac_id || s.dc_id > 1) return false;
    const Kept& kept = layout_->components[i].kept;
    Part& part = parts_[i];
    part.mode = kept.count == 1 ? Mode::kSkip : kept.last < 63 ? Mode::kPart : Mode::kAll;
    part.table = static_cast<std::size_t>(s.dc_id);
    tables_[part.table].dc = &headers.codes[*s.dc];
    tables_[part.table].ac = &headers.codes[*s.ac];
    needs[part.table].skips |= part.mode != Mode::kAll;
    needs[part.table].values |= part.mode != Mode::kSkip;
    reader_.dc[i].most = layout_->components[i].dc_most;
  }
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    if (tables_[i].dc != nullptr) build(needs[i], &tables_[i]);
  }
  return true;
}

bool SequentialDecoder::set_blocks() {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Component& c = layout_->components[i];
    Part& part = parts_[i];
    part.set_lanes = (c.kept.count + 1) * kLanes;
    part.coefficient_count = static_cast<std::size_t>(part.set_lanes * c.h * c.v);
    part.coefficients = zeroed<std::int16_t>(part.coefficient_count);
    if (part.coefficients == nullptr) return false;
    part.place.fill(static_cast<std::uint16_t>(c.kept.count * kLanes));
    for (std::size_t k = 0; k < 64; ++k)
      part.place[static_cast<std::size_t>(63 - kToComeMin) - k] = c.kept.place[k];
  }
  for (int mcu = 0; mcu < kLanes; ++mcu) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const Component& c = layout_->components[i];
      const Part& part = parts_[i];
      for (int n = 0; n < c.h * c.v; ++n) {
        const int column = mcu * c.h + n % c.h, set = n / c.h * c.h + column / kLanes;
        blocks_.push_back({.tables = &tables_[part.table],
                           .dc = &reader_.dc[i],
                           .lane = part.coefficients.get() + set * part.set_lanes + column % kLanes,
                           .place = part.place.data() - kToComeMin,
                           .rest = 63 - c.kept.last,
                           .mode = part.mode});
      }
    }
  }
  return true;
}

bool SequentialDecoder::decode_row(const Window* wanted) {
  const int each = static_cast<int>(blocks_.size()) / kLanes;
  for (int first = 0; first < layout_->mcus_x; first += kLanes) {
    const int count = std::min(kLanes, layout_->mcus_x - first);
    if (!decode_(&reader_, {blocks_.data(), each, each * count})) return false;
    if (wanted != nullptr) transform_group(first, *wanted);
    for (Part& part : parts_)
      std::fill_n(part.coefficients.get(), part.coefficient_count, std::int16_t{0});
  }
  return true;
}

void SequentialDecoder::transform_group(int first_mcu, const Window& wanted) {
  const Component& luma = layout_->components[0];
  const int mcu_pixels = luma.h * luma.nx;
  if (first_mcu * mcu_pixels >= wanted.right) return;
  if ((first_mcu + kLanes) * mcu_pixels <= wanted.left) return;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Component& c = layout_->components[i];
    const std::int16_t* set = parts_[i].coefficients.get();
    for (int y = 0; y < c.v; ++y) {
      std::uint8_t* out = c.row(y * c.ny) + std::ptrdiff_t{first_mcu} * c.h * c.nx;
      for (int x = 0; x < c.h; ++x, set += parts_[i].set_lanes)
        c.transform(set, c.kept.dequant.data(), out + x * kLanes * c.nx, c.stride);
    }
  }
}

bool SequentialDecoder::at_end() noexcept {
  constexpr std::uint8_t kEoi = 0xD9;
  return reader_.at_marker(&reader_.place) && reader_.feed.marker()[1] == kEoi;
}

}  // namespace imgring::codec::jpeg
