// Markers of a JPEG: its frame, tables and scans, or the reason to leave it to libjpeg-turbo.
// Owns: the Huffman codes; entropy-coded bytes are the caller's. Any thread.
// Promises: what it accepts has sizes, indices and tables in range, a progression that gives every
// bit of every coefficient once and in order, at most kScansMax scans and kCodesMax codes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "entropy_reader.h"
#include "imgring/base/text.h"

namespace imgring::codec::jpeg {

inline constexpr int kSideMax = 65500;  // libjpeg's JPEG_MAX_DIMENSION
inline constexpr int kScansMax = 100;  // format::kJpegScansMax; more are refused before any decoder
// Definitions of Huffman codes, 420 bytes each: four for each scan. More are irregular.
inline constexpr std::size_t kCodesMax = 400;

struct FrameComponent {
  std::uint8_t id = 0;
  int h = 1, v = 1;  // samples of each MCU, in blocks
  std::size_t quant = 0;
};

struct ScanComponent {
  std::size_t index = 0;              // of the frame
  std::optional<std::size_t> dc, ac;  // of Headers::codes; none was defined
  int dc_id = 0, ac_id = 0;
};

struct Scan {
  int count = 0;  // of components
  std::array<ScanComponent, kComponentsMax> components;
  int from = 0, to = 63;  // band of coefficients, by their place in the zigzag
  int high = 0, low = 0;  // bit positions before and behind the scan
  int restart_interval = 0;
  EntropySpan data;  // to the marker behind it; of a sequential file to the end of the source
};

enum class Colours : std::uint8_t { kGrey, kYcc, kRgb };

struct Headers {
  int width = 0, height = 0;
  bool progressive = false;
  Colours colours = Colours::kYcc;
  std::vector<FrameComponent> components;
  std::array<std::array<std::uint16_t, 64>, 4> quants{};
  std::vector<HuffmanCodes> codes;
  std::vector<Scan> scans;

  int h_max() const noexcept { return components[0].h; }  // the first has the most
  int v_max() const noexcept { return components[0].v; }
};

// nullopt: irregular.
std::optional<Headers> read_headers(ByteSpan source);

// Place in a block of the n-th coefficient of the file.
inline constexpr std::array<std::uint8_t, 64> kZigzag = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

}  // namespace imgring::codec::jpeg
