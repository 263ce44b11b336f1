// Tests of src/observe/process.cc.
#include "imgring/observe/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>

namespace imgring::observe {
namespace {

TEST(Process, StatTexts) {
  const auto times = parse_stat(
      "42 (a) b) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 7 8 20 0 3 0 9000 123456 78 0 0\n");
  ASSERT_TRUE(times.has_value());
  EXPECT_EQ(times->cpu_ticks, 200u);
  EXPECT_EQ(times->start_ticks, 9000u);
  for (const std::string_view bad :
       {"", "42 (a) S 1 2", "42 a S 1 42 42 0 -1 4194304 100 0 0 0 150 50 7 8 20 0 3 0 9000 1 7 0",
        "42 (a) S 1 42 42 0 -1 4194304 100 0 0 0 x 50 7 8 20 0 3 0 9000 123456 78 0 0",
        "42 (a) S 1 42 42 0 -1 4194304 100 0 0 0 -1 50 7 8 20 0 3 0 9000 123456 78 0 0"}) {
    EXPECT_FALSE(parse_stat(bad).has_value()) << bad;
  }
}

TEST(Process, NumbersOfThisProcess) {
  const ProcessNumbers before = read_process_numbers();
  ASSERT_TRUE(before.open_fds && before.max_fds && before.resident_bytes && before.virtual_bytes);
  ASSERT_TRUE(before.cpu_seconds && before.start_time_seconds);
  EXPECT_GE(*before.cpu_seconds, 0);
  EXPECT_NEAR(*before.start_time_seconds, static_cast<double>(std::time(nullptr)), 60);
  EXPECT_GE(*before.max_fds, *before.open_fds);
  EXPECT_GE(*before.virtual_bytes, *before.resident_bytes);
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(*read_process_numbers().open_fds, *before.open_fds + 1);
  ::close(fd);
}

}  // namespace
}  // namespace imgring::observe
