// Our own decoder of JPEGs for thumbnails: rows of RGB or grey at 1/1, 1/2, 1/4 or 1/8, of which
// only those coefficients are decoded that the size asked for shows; the others are parsed over.
// It takes what nearly every photograph is (8 bit, Huffman, sequential in one scan or progressive,
// grey, YCbCr or RGB) and gives up at the first irregularity: then the file is libjpeg-turbo's,
// from its first byte (docs/design/jpeg.md).
// Owns: tables, one row of MCUs, and what a progressive file's coefficients need. The source bytes
// are the caller's. Helper threads only.
// Promises: reads nothing beyond the source; holds two rows of MCUs, some 64 KiB and, of a
// progressive file, the coefficients that are kept, in rows of whole sets of 16 MCUs; looks at the
// stop flag once in a row of blocks; what it accepts, libjpeg-turbo accepts without a warning, but
// for damage in scans that were not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "imgring/base/stop.h"
#include "imgring/base/text.h"

namespace imgring::codec {

// How blocks are made smaller. kLow keeps the N x N low coefficients, which is nearer to Lanczos of
// the whole picture. kBox averages pixels as libjpeg-turbo does: to compare the two in tests.
enum class JpegKernel : std::uint8_t { kLow, kBox };

enum class JpegEnd : std::uint8_t { kFine, kIrregular, kStopped, kNoMemory };

// Pixels of the smaller picture that are wanted.
struct JpegWindow {
  int left = 0, width = 0, top = 0;
};

struct JpegSetup {
  ByteSpan source = {};
  int shrink = 1;  // 1, 2, 4 or 8
  JpegKernel kernel = JpegKernel::kLow;
  // A frame of more is irregular, before any memory is taken for it; 0: any size is welcome.
  std::int64_t pixels_max = 0;
  const StopFlag* stop = nullptr;
  // Memory for coefficients of `take_bytes_min` and more; null: the allocator. It need not be
  // cleared, and lives as long as the decoder.
  void* (*take)(void* owner, std::size_t bytes) noexcept = nullptr;
  void* take_owner = nullptr;
  std::size_t take_bytes_min = 0;
};

class JpegDecoder {
 public:
  JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;
  ~JpegDecoder();

  // Reads the headers, and all of a progressive file. Anything but kFine ends the decoder.
  JpegEnd open(const JpegSetup& setup);
  int width() const noexcept;
  int height() const noexcept;
  int bands() const noexcept;

  // Before the first row, if at all: rows above the window are passed over without a word of them,
  // and what is beside it has no meaning.
  void want(const JpegWindow& window) noexcept;
  // The next row, into room for width() pixels and kJpegRowPadBytes. Not to be called again after
  // the last one.
  JpegEnd next_row(std::uint8_t* row);
  // Reads on without making pixels until `row_end` rows are through; with all of them, the end of
  // the file is looked at.
  JpegEnd finish(int row_end);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// What next_row() may write behind a row.
inline constexpr std::size_t kJpegRowPadBytes = 128;

}  // namespace imgring::codec
