// Threads that are tried out before a library needs them, and libgomp's teams of one.
#include "../../../src/image/library_threads.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "imgring/base/image_type.h"

extern "C" void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags);

namespace imgring::image {
namespace {

TEST(LibraryThreads, ThereAreSome) {
  EXPECT_TRUE(expect_threads(0).has_value());
  EXPECT_TRUE(expect_threads(40).has_value());
}

// In a process of its own, whose user has no other.
TEST(LibraryThreads, WithoutThemItIsA503ThatNamesTheLimit) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be somebody else, whom RLIMIT_NPROC binds";
  const pid_t pid = fork();
  if (pid == 0) {
    const rlimit few{4, 4};
    if (setrlimit(RLIMIT_NPROC, &few) != 0) _exit(2);
    if (setuid(300'000 + static_cast<unsigned>(getpid())) != 0) _exit(3);
    if (!expect_threads(3)) _exit(4);
    const Result<void> none = expect_threads(4);
    if (none || none.error().code != ErrorCode::kOverloaded) _exit(5);
    if (none.error().detail.find("threads of this user: 4") == std::string::npos) _exit(6);
    _exit(expect_threads(3) ? 0 : 7);  // those that started have ended
  }
  int status = 1;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST(LibraryThreads, OnlyWhatCannotFailOtherwiseIsTriedOut) {
  const std::string plain = "ftypheic....meta....infe....hvc1";
  const std::string tiles = "ftypheic....meta....infe....grid";
  EXPECT_EQ(threads_to_load(ImageType::kJpeg, as_bytes(tiles)), 0u);
  EXPECT_GT(threads_to_load(ImageType::kJxl, as_bytes(plain)), 0u);
  EXPECT_GT(threads_to_load(ImageType::kAvif, as_bytes(plain)), 0u);
  EXPECT_GT(threads_to_load(ImageType::kHeic, as_bytes(plain)), 0u);
  EXPECT_GT(threads_to_load(ImageType::kHeic, as_bytes(tiles)),
            threads_to_load(ImageType::kHeic, as_bytes(plain)));
  EXPECT_GT(threads_to_load(ImageType::kAvif, as_bytes(tiles)),
            threads_to_load(ImageType::kAvif, as_bytes(plain)));
  EXPECT_GT(threads_to_save(ImageType::kJxl), 0u);
  EXPECT_GT(threads_to_save(ImageType::kHeic), threads_to_save(ImageType::kJxl));
  for (const ImageType type :
       {ImageType::kJpeg, ImageType::kPng, ImageType::kGif, ImageType::kWebp, ImageType::kAvif}) {
    EXPECT_EQ(threads_to_save(type), 0u);
  }
}

TEST(LibraryThreads, LibgompStartsNone) {
  int bodies = 0;
  GOMP_parallel([](void* data) { ++*static_cast<int*>(data); }, &bodies, 8, 0);
  EXPECT_EQ(bodies, 1);
}

}  // namespace
}  // namespace imgring::image
