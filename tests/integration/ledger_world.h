// A server under a memory limit of 256 MiB, and what it holds at most: the fixture of the ledger's
// tests.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "world.h"

namespace imgring::test {

inline constexpr double kMiB = 1 << 20;
inline constexpr double kLimitBytes = 256 * kMiB;

inline Environment limited(Environment more = {}) {
  more.emplace("IMGRING_MEMORY_LIMIT", "256");
  return more;
}

// Field of a file of /proc in bytes ("VmRSS:"); 0: none.
inline double proc_bytes(const std::string& path, std::string_view field) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field)) return std::strtod(line.c_str() + field.size(), nullptr) * 1024;
  }
  return 0;
}

inline std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> out;
  DIR* tasks = opendir(("/proc/" + std::to_string(pid) + "/task").c_str());
  if (tasks == nullptr) return out;
  while (const dirent* task = readdir(tasks)) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/task/" + task->d_name + "/children");
    for (pid_t child = 0; file >> child;) out.push_back(child);
  }
  closedir(tasks);
  return out;
}

// The most that a server and its children hold together, looked at all the time: resident memory of
// the server, and of the children what is theirs alone.
class PeakMemory {
 public:
  explicit PeakMemory(pid_t pid)
      : thread_([this, pid] {
          while (!ending_.load()) {
            double sum = proc_bytes("/proc/" + std::to_string(pid) + "/status", "VmRSS:");
            for (const pid_t child : children_of(pid)) {
              sum += proc_bytes("/proc/" + std::to_string(child) + "/status", "RssAnon:");
            }
            if (sum > most_) most_ = sum;
            usleep(2000);
          }
        }) {}
  ~PeakMemory() { end(); }
  double end() {
    ending_.store(true);
    if (thread_.joinable()) thread_.join();
    return most_;
  }

 private:
  std::atomic<bool> ending_{false};
  double most_ = 0;
  std::thread thread_;
};

inline void expect_below_the_limit(PeakMemory& peak) {
  const double most = peak.end();
  testing::Test::RecordProperty("peak_mib", static_cast<int>(most / kMiB));
  EXPECT_LT(most, kLimitBytes) << most / kMiB << " MiB";
}

inline void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

inline std::string part(std::string_view family, std::string_view name) {
  return std::string(family) + "{part=\"" + std::string(name) + "\"}";
}

class LedgerWorld : public World {
 public:
  explicit LedgerWorld(const Environment& more = {}) : World(limited(more)) {
    folder.write("small.png", png_picture({64, 48}));
  }
  // A picture as anybody asks for it.
  int good() const { return get(plain_target("w:32", "local:///small.png")).status; }
  bool good_soon() const {
    return eventually([&] { return good() == 200; });
  }
  double peak_of(std::string_view name) const {
    return server.metric(part("memory_part_peak_bytes", name)).value_or(0);
  }
  // But for idle buffers: a quarter of the part at most.
  bool downloads_end() const {
    return eventually([&] {
      const auto now = server.metric(part("memory_part_bytes", "downloads"));
      return now && *now <= size_of("downloads") / 4;
    });
  }
  double size_of(std::string_view name) const {
    return server.metric(part("memory_part_bytes_max", name)).value_or(0);
  }
};

// Without a sanitizer: its own memory is above such a limit, and everything would be refused.
class Ledger : public testing::Test {
 protected:
  void SetUp() override {
    if (slow_build()) GTEST_SKIP() << "a sanitizer's build holds more than 256 MiB at rest";
  }
};

}  // namespace imgring::test
