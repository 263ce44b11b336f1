// The health check's picture: black, 4x4, all of its rows.
#include "imgring/image/self_test.h"

#include "imgring/image/vips_image.h"

namespace imgring::image {
namespace {

bool draw_black() noexcept {
  VipsImage* made = nullptr;
  if (vips_black(&made, 4, 4, static_cast<const char*>(nullptr)) != 0) return false;
  const VipsImagePtr black(made);
  const VipsRegionPtr region(vips_region_new(black.get()));
  const VipsRect all{0, 0, 4, 4};
  return vips_region_prepare(region.get(), &all) == 0;
}

}  // namespace

bool self_test() noexcept {
  const bool good = draw_black();
  // The words of a job that fails meanwhile stay: nothing here clears them but our own failure.
  if (!good) drop_vips_error();
  vips_thread_shutdown();
  return good;
}

}  // namespace imgring::image
