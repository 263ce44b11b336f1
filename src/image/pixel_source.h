// Decoders that give rows of 8-bit pixels from top to bottom, for native.cc. They decode what is in
// perfect order and leave the rest to libvips.
// Own their codec's state; the source bytes are the caller's. Helper threads only.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "imgring/codec/jpeg_decoder.h"
#include "imgring/image/native.h"
#include "yuv_source.h"

namespace imgring::image {

struct FreeMalloced {
  void operator()(void* bytes) const noexcept { std::free(bytes); }
};
using MallocedBytes = std::unique_ptr<std::uint8_t, FreeMalloced>;

class PixelSource {
 public:
  virtual ~PixelSource() = default;
  // Of a row, in pixels of job.bands samples: at least what the job says was loaded.
  virtual int width() const noexcept = 0;
  // Before the first row: pixels above and beside these are never looked at. What they are is open.
  virtual void want(const codec::JpegWindow&) noexcept {}
  // The next row: in `room`, which has codec::kRowPadBytes behind it, or in memory of the decoder's
  // own until the next call.
  virtual Result<const std::uint8_t*> next_row(std::uint8_t* room) = 0;
  // No more rows are wanted. Reads on as libvips would, which sees what is broken there; `room`
  // is overwritten.
  virtual Result<void> finish(std::uint8_t* room) = 0;
};

Result<std::unique_ptr<PixelSource>> open_own_jpeg_pixels(const NativeJob& job,
                                                          const StopFlag& stop);
Result<std::unique_ptr<PixelSource>> open_jpeg_pixels(const NativeJob& job);
Result<std::unique_ptr<PixelSource>> open_png_pixels(const NativeJob& job);
// At the size of the job's loaded picture, which is the source's or less.
Result<std::unique_ptr<PixelSource>> open_webp_pixels(const NativeJob& job, const StopFlag& stop);
// Its planes as they are, where the job does no more than to cut them and to make them smaller;
// null: they have to become colours.
std::unique_ptr<YuvSource> open_webp_planes(const NativeJob& job, const StopFlag& stop);

// kOverloaded; and the one that asks for libvips.
Error no_memory_for_rows();
Error not_native(const char* why);

}  // namespace imgring::image
