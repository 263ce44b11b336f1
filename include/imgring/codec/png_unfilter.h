// The five filters of PNG undone, in place.
// Owns nothing. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imgring::codec {

// `row`: filtered bytes, become pixels. `above`: the pixels above, zeros for the first row.
// `pixel_bytes`: 1 to 4. One byte behind both rows may be read. False: no such filter.
bool unfilter_png_row(std::uint8_t filter, std::uint8_t* row, const std::uint8_t* above,
                      std::size_t size_bytes, int pixel_bytes) noexcept;

}  // namespace imgring::codec
