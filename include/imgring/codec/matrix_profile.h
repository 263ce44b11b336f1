// RGB colour profiles that are three curves and a matrix, as those of cameras and telephones are
// (Display P3, Adobe RGB): what they say, and pixels of theirs made sRGB.
// Owns its tables. Any thread.
// Promises: within one level of lcms (relative colorimetric); nothing is read outside the profile,
// and nothing is allocated on its word. Whatever is not plain is left to lcms.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "imgring/base/text.h"

namespace imgring::codec {

class MatrixProfile {
 public:
  // Null: not a profile of RGB to XYZ by curves and a matrix alone, or one that is damaged, or
  // whose curves fall anywhere or do not reach from black to white.
  static std::shared_ptr<const MatrixProfile> parse(ByteSpan profile);
  // `bands` 3 or 4, alpha stays as it is. `out` may be `row`.
  void to_srgb(const std::uint8_t* row, std::size_t pixel_count, int bands,
               std::uint8_t* out) const noexcept;

 private:
  // What a sample adds to red, green and blue of linear sRGB; the fourth is nothing.
  using Share = std::array<float, 4>;
  alignas(16) std::array<std::array<Share, 256>, 3> shares_{};
};

}  // namespace imgring::codec
