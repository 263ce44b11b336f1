// Reading /proc/self for the process_* numbers.
#include "imgring/observe/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "imgring/base/text.h"
#include "imgring/mem/own_memory.h"

namespace imgring::observe {
namespace {

std::string read_start(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  // /proc/stat has one line per CPU and a long one of interrupts before btime.
  std::string text;
  std::array<char, 4096> piece;
  ssize_t got = 0;
  while (text.size() < 1 << 20 && (got = ::read(fd, piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  return text;
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

std::optional<std::uint64_t> count_open_fds() {
  // Linux 6.2 and later say it as the size of the directory; before, it is 0 and we count.
  struct stat facts = {};
  if (::stat("/proc/self/fd", &facts) != 0) return std::nullopt;
  if (facts.st_size > 0) return static_cast<std::uint64_t>(facts.st_size);
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc/self/fd"));
  if (!directory) return std::nullopt;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count > 0 ? count - 1 : 0;  // without the directory's own
}

// Only digits are numbers here: no sign.
std::optional<std::uint64_t> parse_count(std::string_view text) {
  const auto value = parse_int(text);
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

}  // namespace

std::optional<ProcessTimes> parse_stat(std::string_view text) {
  // The second field is the program's name in brackets, which may hold blanks and brackets itself.
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string_view::npos) return std::nullopt;
  const auto fields = split(trim(text.substr(name_end + 2)), " ");  // from the third on
  constexpr std::size_t kUser = 14 - 3, kSystem = 15 - 3, kStart = 22 - 3;
  if (fields.size() <= kStart) return std::nullopt;
  const auto user = parse_count(fields[kUser]);
  const auto system = parse_count(fields[kSystem]);
  const auto start = parse_count(fields[kStart]);
  if (!user || !system || !start) return std::nullopt;
  return ProcessTimes{.cpu_ticks = *user + *system, .start_ticks = *start};
}

namespace {

double seconds_of(const timespec& t) noexcept {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// When the machine started, by its clocks: /proc/stat is hidden where ProcSubset=pid holds.
double boot_time_seconds() noexcept {
  timespec wall{}, since_boot{};
  clock_gettime(CLOCK_REALTIME, &wall);
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return seconds_of(wall) - seconds_of(since_boot);
}

std::optional<double> start_time_seconds() {
  const auto times = parse_stat(read_start("/proc/self/stat"));
  if (!times) return std::nullopt;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return boot_time_seconds() + static_cast<double>(times->start_ticks) / ticks;
}

}  // namespace

ProcessNumbers read_process_numbers() {
  ProcessNumbers numbers;
  // The clock of the process: no file to read, and finer than the ticks of /proc/self/stat.
  timespec cpu{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) numbers.cpu_seconds = seconds_of(cpu);
  static const std::optional<double> start = start_time_seconds();  // does not change
  numbers.start_time_seconds = start;
  numbers.open_fds = count_open_fds();
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) numbers.max_fds = limit.rlim_cur;
  if (const auto memory = mem::own_memory()) {
    numbers.resident_bytes = memory->rss_bytes;
    numbers.virtual_bytes = memory->virtual_bytes;
  }
  return numbers;
}

}  // namespace imgring::observe
