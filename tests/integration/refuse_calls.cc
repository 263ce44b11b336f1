// refuse_calls io_uring|5.10 COMMAND [ARGUMENT...]: runs the command where the kernel refuses some
// of its calls, as container engines and older kernels do. io_uring: its three calls are EPERM, as
// by the default rules of containers; 5.10: and every call newer than Linux 5.10 is ENOSYS, as
// there. The filter goes to all children.
#include <seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace {

constexpr int kLastOf5_10 = 440;  // process_madvise, on x86-64 as on arm64
constexpr int kNewestKnown = 600;
constexpr int kUsage = 2, kNoFilter = 3, kNoCommand = 127;

bool refuse(bool newer) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return false;
  bool good = true;
  for (const int call :
       {SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)}) {
    good = good && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0) == 0;
  }
  for (int call = kLastOf5_10 + 1; newer && call <= kNewestKnown; ++call) {
    good = good && seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0) == 0;
  }
  good = good && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return good;
}

}  // namespace

int main(int count, char** words) {
  const std::string_view what = count > 2 ? words[1] : "";
  if (what != "io_uring" && what != "5.10") {
    std::fprintf(stderr, "usage: refuse_calls io_uring|5.10 COMMAND [ARGUMENT...]\n");
    return kUsage;
  }
  if (!refuse(what == "5.10")) {
    std::fprintf(stderr, "refuse_calls: the filter was not taken: %s\n", std::strerror(errno));
    return kNoFilter;
  }
  execvp(words[2], words + 2);
  std::fprintf(stderr, "refuse_calls: %s: %s\n", words[2], std::strerror(errno));
  return kNoCommand;
}
