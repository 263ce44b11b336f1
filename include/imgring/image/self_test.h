// A 4x4 picture through libvips, as imgproxy's health check does. Gives back what libvips keeps for
// the calling thread, which is none of the loops'.
#pragma once

namespace imgring::image {

bool self_test() noexcept;

}  // namespace imgring::image
