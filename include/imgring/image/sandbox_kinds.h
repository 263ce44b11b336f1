// The kinds of work of this module that children do (sandbox/kind.h): drawing SVGs,
// decoding and encoding pictures.
// Values of the process's life. Any thread.
#pragma once

#include <span>

#include "imgring/sandbox/kind.h"

namespace imgring::image {

extern const sandbox::Kind kSvgKind, kPictureKind;
std::span<const sandbox::Kind* const> sandbox_kinds() noexcept;

}  // namespace imgring::image
