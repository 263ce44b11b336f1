// Colours by code points, as AVIF, HEIC and PNG say them. A value; any thread.
#pragma once

#include <cstdint>

namespace imgring::format {

// Code points of ISO/IEC 23091-2; 2: nothing is said.
struct CodedColours {
  std::uint32_t primaries = 2, transfer = 2;
};

}  // namespace imgring::format
