// The scans of a progressive file, of which only those are read that the kept coefficients depend
// on.
// A refinement puts its new coefficients by counting those that are still zero. Who reads one must
// know which coefficients of its band are not zero, kept or not: a word of a block's history has a
// bit for each.
// Owns: the kept coefficients of the whole picture, and the histories while scans are read. Helper
// threads only.
#pragma once

#include "components.h"
#include "sequential.h"

namespace imgring::codec::jpeg {

struct Plane {  // of a component
  const Component* component = nullptr;
  std::int16_t* coefficients = nullptr;  // [row of blocks][set][slot][lane]
  std::uint64_t* history = nullptr;      // [row of blocks][block], with pixels of the picture
  std::uint64_t read = 0;                // coefficients whose bands are read
  int set_lanes = 0;

  std::int16_t* block(int x, int y) const noexcept {
    const std::ptrdiff_t set = std::ptrdiff_t{y} * component->sets_x + x / kLanes;
    return coefficients + set * set_lanes + x % kLanes;
  }
};

struct ScanWork {
  const Scan* scan = nullptr;
  const HuffmanCodes* codes = nullptr;  // Headers::codes
  EntropyReader* reader = nullptr;
  std::array<Plane, kComponentsMax>* planes = nullptr;
  int mcus_x = 0, mcus_y = 0;
  const StopFlag* stop = nullptr;

  bool stopped() const noexcept { return stop != nullptr && stop->stopped(); }
  const Plane& plane(std::size_t i) const noexcept { return (*planes)[scan->components[i].index]; }
};
// The best for this processor: a scan of DC bits, or of a band.
using DecodeScan = JpegEnd (*)(const ScanWork& work);
DecodeScan progressive_loop() noexcept;

class ProgressiveDecoder {
 public:
  // All scans.
  JpegEnd begin(const Headers& headers, const JpegSetup& setup, Layout* layout);
  // Row `mcu_row` of MCUs into the strips of the components.
  void transform_row(int mcu_row, const Window& wanted);

 private:
  bool mostly_filling() const noexcept;
  bool take_memory(const JpegSetup& setup);

  Layout* layout_ = nullptr;
  std::array<Plane, kComponentsMax> planes_;
  Memory<std::int16_t> own_;
  Memory<std::uint64_t> histories_;
};

}  // namespace imgring::codec::jpeg
