// What a file's components become at a size: which coefficients are kept and where they lie, and
// the samples of one row of MCUs.
// Owns: a strip of samples for each component. Helper threads only.
// Promises: places of coefficients that are not kept lead to a slot of their own; every offset
// follows from the frame header alone.
#pragma once

#include <cstdlib>
#include <memory>

#include "headers.h"
#include "loops.h"

namespace imgring::codec::jpeg {

struct FreeMemory {
  void operator()(void* bytes) const noexcept { std::free(bytes); }
};
template <class T>
using Memory = std::unique_ptr<T[], FreeMemory>;
// Zeroed; null: the system has none.
template <class T>
Memory<T> zeroed(std::size_t count) noexcept {
  return Memory<T>(static_cast<T*>(std::calloc(count, sizeof(T))));
}

inline int divided_up(int n, int by) noexcept { return (n + by - 1) / by; }

// Coefficients that a component keeps of its blocks.
struct Kept {
  int count = 0;
  int last = 0;  // highest place in the zigzag
  std::uint64_t mask = 0;
  // By place in the zigzag: where in a set, in lanes of its first block. Those that are not kept
  // share the slot behind the kept ones.
  std::array<std::uint16_t, 64> place{};
  std::array<Dequant, 64> dequant{};  // by slot

  bool has(int k) const noexcept { return (mask >> k & 1) != 0; }
};

struct Component {
  int h = 1, v = 1;                // blocks of an MCU
  int nx = 8, ny = 8;              // pixels a block becomes
  int blocks_x = 0, blocks_y = 0;  // with pixels of the picture in them
  int sets_x = 0, block_rows = 0;  // held: MCUs and sets are filled up
  int dc_most = 0;                 // the most that pixels can make
  Kept kept;
  SetTransform transform = nullptr;
  // One row of MCUs, behind the last row of the one before.
  Memory<std::uint8_t> samples;
  std::ptrdiff_t stride = 0;

  std::uint8_t* row(int index) const noexcept { return samples.get() + (1 + index) * stride; }
  int strip_rows() const noexcept { return v * ny; }
};

struct Layout {
  int width = 0, height = 0;  // of the result
  int mcus_x = 0, mcus_y = 0;
  std::vector<Component> components;
};
// nullopt: no memory.
std::optional<Layout> make_layout(const Headers& headers, int shrink, JpegKernel kernel);

}  // namespace imgring::codec::jpeg
