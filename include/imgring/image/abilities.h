// What this libvips and its codecs load and save, asked of them. At start, off the loops, once: the
// codecs of HEIC and AVIF are tried with a picture of 16 x 16, which takes 2 MB.
#pragma once

#include "imgring/format/abilities.h"

namespace imgring::image {

format::Abilities ask_abilities();

}  // namespace imgring::image
