// A 4x4 picture through libvips, as imgproxy's health check does. Helper threads only.
#pragma once

namespace imgring::image {

bool self_test() noexcept;

}  // namespace imgring::image
