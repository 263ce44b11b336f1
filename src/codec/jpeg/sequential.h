// A sequential scan, sixteen MCUs at a time.
// Owns: tables of two pairs of Huffman codes, coefficients of sixteen MCUs. Helper threads only.
// Promises: a coefficient is stored in its block's lane of a set or not at all; what overruns a
// block, or has no code, is irregular.
#pragma once

#include "components.h"

namespace imgring::codec::jpeg {

// What is done with the AC coefficients of a component: none is wanted, some, all.
enum class Mode : std::uint8_t { kSkip, kPart, kAll };

// Coefficients to come in a block: from 63 down, below zero behind an EOB or an overrun.
inline constexpr int kToComeMin = -192;

// Where a block of sixteen MCUs goes, and how.
struct LaneBlock {
  const SequentialTables* tables = nullptr;
  DcState* dc = nullptr;
  std::int16_t* lane = nullptr;
  const std::uint16_t* place = nullptr;  // by coefficients to come, kToComeMin to 63
  int rest = 0;                          // to come behind the last one that is kept
  Mode mode = Mode::kAll;
};

// `count` blocks, `each` for an MCU. False: irregular.
struct LaneBlocks {
  const LaneBlock* first = nullptr;
  int each = 0, count = 0;
};
using DecodeBlocks = bool (*)(EntropyReader* reader, const LaneBlocks& blocks);
// The best for this processor.
DecodeBlocks sequential_loop() noexcept;

// Pixels of a row that are wanted.
struct Window {
  int left = 0, right = 0;
};

class SequentialDecoder {
 public:
  JpegEnd begin(const Headers& headers, Layout* layout);
  // A row of MCUs into the strips of the components, or only past it. False: irregular.
  bool decode_row(const Window* wanted);
  // Behind the last row: nothing but the end of the file is to come.
  bool at_end() noexcept;

 private:
  bool set_tables(const Headers& headers);
  bool set_blocks();
  void transform_group(int first_mcu, const Window& wanted);

  struct Part {  // of a component
    Memory<std::int16_t> coefficients;
    std::size_t coefficient_count = 0;
    int set_lanes = 0;  // of a set, with the slot for what is not kept
    std::size_t table = 0;
    Mode mode = Mode::kAll;
    std::array<std::uint16_t, 64 - kToComeMin> place;
  };

  Layout* layout_ = nullptr;
  EntropyReader reader_;
  std::vector<SequentialTables> tables_;
  std::vector<Part> parts_;
  std::vector<LaneBlock> blocks_;  // of sixteen MCUs
  DecodeBlocks decode_ = nullptr;
};

}  // namespace imgring::codec::jpeg
