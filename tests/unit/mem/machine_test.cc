// Trees of control groups of our own.
#include "imgring/mem/machine.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "../byte_units.h"

namespace imgring::mem {
namespace {

constexpr std::uint64_t kGiB = 1 << 30;

// A directory that stands for "/", gone at the end of the test.
class Root {
 public:
  Root() {
    std::string name = testing::TempDir() + "imgring-machine-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary directory";
    path_ = name;
  }
  ~Root() { std::filesystem::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  Root& file(const std::string& name, std::string_view text) {
    std::filesystem::create_directories((path_ + name).substr(0, (path_ + name).rfind('/')));
    std::ofstream(path_ + name) << text;
    return *this;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

constexpr std::string_view kV1File =
    "12:cpu,cpuacct:/docker/abc\n9:memory:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n";

TEST(Machine, CgroupFileParses) {
  const auto entries = parse_cgroup_file("4:cpu,cpuacct:/a\n3:name=systemd:/\n0::/u/s:1\nx\n1:2\n");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].controllers, (std::vector<std::string_view>{"cpu", "cpuacct"}));
  EXPECT_EQ(entries[0].path, "/a");
  EXPECT_TRUE(entries[2].controllers.empty());
  EXPECT_EQ(entries[2].path, "/u/s:1") << "a path may hold colons";
  EXPECT_TRUE(parse_cgroup_file("").empty());
}

TEST(Machine, MemoryLimitTexts) {
  EXPECT_EQ(parse_memory_limit("134217728\n"), 128 * kMiB);
  EXPECT_EQ(parse_memory_limit("0"), 0u);
  for (const std::string_view none : {"max\n", "", "9223372036854771712\n", "9223372036854710272",
                                      "18446744073709551616", "-1", "12 34", "0x10"}) {
    SCOPED_TRACE(none);
    EXPECT_EQ(parse_memory_limit(none), std::nullopt);
  }
}

TEST(Machine, CpuMaxTexts) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  for (const std::string_view none :
       {"max 100000\n", "max", "", "1 0", "0 100000", "a b", "-1 1"}) {
    SCOPED_TRACE(none);
    EXPECT_EQ(parse_cpu_max(none), std::nullopt);
  }
}

TEST(Machine, ThreadLimitsAreToldWithTheirNumbers) {
  Root root;
  root.file("/proc/self/cgroup", "0::/a/b\n")
      .file("/sys/fs/cgroup/a/b/pids.max", "max\n")
      .file("/sys/fs/cgroup/a/pids.max", "512\n")
      .file("/sys/fs/cgroup/pids.max", "4096\n");
  EXPECT_EQ(thread_limits_text_below(root.path(), 64),
            "raise RLIMIT_NPROC (ulimit -u, threads of this user: 64) or TasksMax (pids.max: 512)");
  root.file("/proc/self/cgroup", "7:pids:/c\n").file("/sys/fs/cgroup/pids/c/pids.max", "9\n");
  EXPECT_NE(thread_limits_text_below(root.path(), 64).find("pids.max: 9)"), std::string::npos);
  EXPECT_EQ(thread_limits_text_below("/no/such/root", RLIM_INFINITY),
            "raise RLIMIT_NPROC (ulimit -u, threads of this user: unlimited) or TasksMax "
            "(pids.max: unlimited)");
}

TEST(Machine, V2TakesTheSmallestOnTheWay) {
  Root root;
  root.file("/proc/self/cgroup", "0::/system.slice/imgring.service\n")
      .file("/sys/fs/cgroup/system.slice/imgring.service/memory.max", "1073741824\n")
      .file("/sys/fs/cgroup/system.slice/memory.max", "536870912\n")
      .file("/sys/fs/cgroup/system.slice/imgring.service/cpu.max", "max 100000\n")
      .file("/sys/fs/cgroup/system.slice/cpu.max", "250000 100000\n");
  const MemoryLimit limit = memory_limit_below(root.path(), 8 * kGiB);
  EXPECT_EQ(limit.bytes, 512 * kMiB);
  EXPECT_EQ(limit.origin, "cgroup v2");
  EXPECT_EQ(usable_cpus_below(root.path(), 8), 3);
  EXPECT_EQ(usable_cpus_below(root.path(), 2), 2) << "affinity is less";
  root.file("/sys/fs/cgroup/system.slice/imgring.service/memory.high", "402653184\n");
  EXPECT_EQ(memory_limit_below(root.path(), 8 * kGiB).bytes, 384 * kMiB);
}

TEST(Machine, V2InsideAContainerSeesItsOwnRoot) {
  Root root;
  root.file("/proc/self/cgroup", "0::/\n")
      .file("/sys/fs/cgroup/memory.max", "268435456\n")
      .file("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(memory_limit_below(root.path(), 8 * kGiB).bytes, 256 * kMiB);
  EXPECT_EQ(usable_cpus_below(root.path(), 4), 1);
}

TEST(Machine, V1WithHostPathsInsideAContainer) {
  Root root;  // the mount shows the container's directory itself
  root.file("/proc/self/cgroup", kV1File)
      .file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n")
      .file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n")
      .file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  const MemoryLimit limit = memory_limit_below(root.path(), 8 * kGiB);
  EXPECT_EQ(limit.bytes, 128 * kMiB);
  EXPECT_EQ(limit.origin, "cgroup v1");
  EXPECT_EQ(usable_cpus_below(root.path(), 16), 2);
}

TEST(Machine, V1OnTheHost) {
  Root root;
  root.file("/proc/self/cgroup", kV1File)
      .file("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "134217728\n")
      .file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
      .file("/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "-1\n")
      .file("/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(memory_limit_below(root.path(), 8 * kGiB).bytes, 128 * kMiB);
  EXPECT_EQ(usable_cpus_below(root.path(), 16), 16);
}

TEST(Machine, WithoutLimitsItIsTheMachine) {
  Root empty;
  EXPECT_EQ(memory_limit_below(empty.path(), 8 * kGiB).bytes, 8 * kGiB);
  EXPECT_EQ(memory_limit_below(empty.path(), 8 * kGiB).origin, "RAM");
  EXPECT_EQ(usable_cpus_below(empty.path(), 4), 4);
  EXPECT_EQ(usable_cpus_below(empty.path(), 0), 1);
  Root larger;
  larger.file("/proc/self/cgroup", "0::/\n").file("/sys/fs/cgroup/memory.max", "99999999999\n");
  EXPECT_EQ(memory_limit_below(larger.path(), 8 * kGiB).origin, "RAM");
}

TEST(Machine, ThisMachineHasSome) {
  EXPECT_GT(memory_limit().bytes, 16 * kMiB);
  EXPECT_GE(usable_cpus(), 1);
}

}  // namespace
}  // namespace imgring::mem
