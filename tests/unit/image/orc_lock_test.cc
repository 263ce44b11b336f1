// Threads that set up and free libvips' vector loops at the same time, as many small resizes do.
// Without the lock Orc writes to wild addresses: the process ended in one of three such runs.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <vector>

#include "imgring/base/sanitized.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {
namespace {

bool resized_once(int side) {
  VipsImage* black = nullptr;
  if (vips_black(&black, 64, 64, "bands", 3, nullptr) != 0) return false;
  const VipsImagePtr source(black);
  VipsImage* out = nullptr;
  if (vips_resize(source.get(), &out, side / 64.0, nullptr) != 0) return false;
  const VipsImagePtr resized(out);
  double mean = 1;
  return vips_avg(resized.get(), &mean, nullptr) == 0 && mean == 0 &&
         vips_image_get_width(resized.get()) == side;
}

TEST(OrcLock, ManyThreadsSetUpVectorLoopsAtOnce) {
  // A sanitizer sees nothing of what Orc's code writes.
  constexpr int kThreads = 4, kResizes = kSanitized ? 100 : 1500;
  std::atomic<int> good{0};
  std::vector<std::function<void()>> joins;
  for (int t = 0; t < kThreads; ++t) {
    joins.push_back(start_thread([&good] {
      for (int i = 0; i < kResizes; ++i) {
        if (resized_once(20 + i % 30)) good.fetch_add(1);
        job_finished();
      }
    }));
  }
  for (const auto& join : joins) join();
  EXPECT_EQ(good.load(), kThreads * kResizes);
}

}  // namespace
}  // namespace imgring::image
