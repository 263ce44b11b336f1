// The list, and the handler of SIGSYS.
#include "imgring/sandbox/kept_files.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace imgring::sandbox {
namespace {

struct KeptFile {
  std::string path;
  int fd;
};
// A signal handler finds nothing but what is static. Written before the handler is there.
std::vector<KeptFile>* kept_files = nullptr;

// Descriptors we may hold, with some to spare for the pictures.
std::size_t descriptors_max() noexcept {
  constexpr rlim_t kSpare = 64;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  prlimit(0, RLIMIT_NOFILE, &limit, nullptr);
  return limit.rlim_max > kSpare ? static_cast<std::size_t>(limit.rlim_max - kSpare) : 0;
}

// Null: no file of that name.
const KeptFile* file_of(const char* path) noexcept {
  if (kept_files == nullptr) return nullptr;
  const auto at = std::lower_bound(
      kept_files->begin(), kept_files->end(), path,
      [](const KeptFile& file, const char* name) { return file.path.compare(name) < 0; });
  return at != kept_files->end() && at->path == path ? &*at : nullptr;
}

long open_kept(const char* path, std::uint64_t flags) noexcept {
  const KeptFile* file = (flags & O_ACCMODE) == O_RDONLY ? file_of(path) : nullptr;
  if (file == nullptr) return -EACCES;
  const int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return -EMFILE;
  lseek(fd, 0, SEEK_SET);
  return fd;
}

// cairo asks before it opens.
long may_read(const char* path, std::uint64_t mode) noexcept {
  return (mode & ~std::uint64_t{R_OK}) == 0 && file_of(path) != nullptr ? 0 : -EACCES;
}

// fstat of newer C libraries; by a name, nothing is there.
long stat_at(int fd, const char* path, void* into, std::uint64_t flags) noexcept {
  const bool of_descriptor = path != nullptr && path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0;
  if (!of_descriptor) return -EACCES;
  return syscall(SYS_fstat, fd, into) == 0 ? 0 : -errno;
}

// Of the processors that there may be, those that are shown.
constexpr std::size_t kShownWords = 16;
constexpr unsigned kWordBits = 64;
std::uint64_t shown_processors[kShownWords] = {1};

long shown_affinity(std::uint64_t size_bytes, void* into) noexcept {
  if (size_bytes < sizeof shown_processors[0] || into == nullptr) return -EINVAL;
  const std::size_t count = std::min<std::size_t>(size_bytes, sizeof shown_processors);
  std::memcpy(into, shown_processors, count);
  return static_cast<long>(count);
}

struct Call {
  std::uint64_t argument[4];
};
const char* text_of(std::uint64_t address) noexcept {
  return reinterpret_cast<const char*>(address);
}

long answer_call(int number, const Call& call) noexcept {
  const auto& a = call.argument;
#if defined(SYS_open)
  if (number == SYS_open) return open_kept(text_of(a[0]), a[1]);
  if (number == SYS_access) return may_read(text_of(a[0]), a[1]);
#endif
  if (number == SYS_sched_getaffinity) return shown_affinity(a[1], reinterpret_cast<void*>(a[2]));
  if (number == SYS_openat) return open_kept(text_of(a[1]), a[2]);
  if (number == SYS_faccessat || number == SYS_faccessat2) return may_read(text_of(a[1]), a[2]);
#if defined(SYS_newfstatat)
  if (number == SYS_newfstatat) {
    return stat_at(static_cast<int>(a[0]), text_of(a[1]), reinterpret_cast<void*>(a[2]), a[3]);
  }
#endif
  return -ENOSYS;
}

void on_trapped_call(int, siginfo_t* info, void* context) {
  const int before = errno;
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  const auto at = [&](int index) { return static_cast<std::uint64_t>(registers.gregs[index]); };
  const Call call{{at(REG_RDI), at(REG_RSI), at(REG_RDX), at(REG_R10)}};
  registers.gregs[REG_RAX] = answer_call(info->si_syscall, call);
#elif defined(__aarch64__)
  const Call call{{registers.regs[0], registers.regs[1], registers.regs[2], registers.regs[3]}};
  registers.regs[0] = static_cast<std::uint64_t>(answer_call(info->si_syscall, call));
#else
  static_cast<void>(info);
  static_cast<void>(registers);
#endif
  errno = before;
}

}  // namespace

std::size_t keep_files(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  kept_files = new std::vector<KeptFile>;
  const std::size_t room = std::min(descriptors_max(), kKeptFilesMax);
  for (std::string& path : paths) {
    if (kept_files->size() >= room) break;
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) kept_files->push_back({std::move(path), fd});
  }
  return kept_files->size();
}

void show_processors(unsigned count_max) noexcept {
  std::uint64_t all[kShownWords] = {};
  if (syscall(SYS_sched_getaffinity, 0, sizeof all, all) < 0) return;
  unsigned left = count_max;
  for (std::size_t i = 0; i < kShownWords; ++i) {
    shown_processors[i] = 0;
    for (unsigned bit = 0; bit < kWordBits && left > 0; ++bit) {
      const std::uint64_t one = std::uint64_t{1} << bit;
      if ((all[i] & one) == 0) continue;
      shown_processors[i] |= one;
      --left;
    }
  }
}

bool answer_trapped_calls() noexcept {
  struct sigaction action = {};
  action.sa_sigaction = on_trapped_call;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGSYS, &action, nullptr) == 0;
}

}  // namespace imgring::sandbox
