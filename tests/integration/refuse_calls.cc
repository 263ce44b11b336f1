// refuse_calls io_uring|5.10|seccomp COMMAND [ARGUMENT...]: runs the command where the kernel
// refuses some of its calls, as container engines and older kernels do. io_uring: its three calls
// are EPERM, as by the default rules of containers; 5.10: and every call newer than Linux 5.10 is
// ENOSYS, as there; seccomp: no process may take on a filter. The filter goes to all children.
#include <seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace {

constexpr int kLastOf5_10 = 440;  // process_madvise, on x86-64 as on arm64
constexpr int kNewestKnown = 600;
constexpr int kUsage = 2, kNoFilter = 3, kNoCommand = 127;

bool refuse_rings(scmp_filter_ctx filter) {
  bool good = true;
  for (const int call :
       {SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)}) {
    good = good && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0) == 0;
  }
  return good;
}

bool refuse_newer(scmp_filter_ctx filter) {
  bool good = true;
  for (int call = kLastOf5_10 + 1; call <= kNewestKnown; ++call) {
    good = good && seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0) == 0;
  }
  return good;
}

bool refuse_filters(scmp_filter_ctx filter) {
  const scmp_arg_cmp filters{0, SCMP_CMP_EQ, PR_SET_SECCOMP, 0};
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0) == 0 &&
         seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1, &filters) == 0;
}

bool refuse(std::string_view what) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return false;
  bool good = what == "seccomp" ? refuse_filters(filter) : refuse_rings(filter);
  if (what == "5.10") good = good && refuse_newer(filter);
  good = good && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return good;
}

}  // namespace

int main(int count, char** words) {
  const std::string_view what = count > 2 ? words[1] : "";
  if (what != "io_uring" && what != "5.10" && what != "seccomp") {
    std::fprintf(stderr, "usage: refuse_calls io_uring|5.10|seccomp COMMAND [ARGUMENT...]\n");
    return kUsage;
  }
  if (!refuse(what)) {
    std::fprintf(stderr, "refuse_calls: the filter was not taken: %s\n", std::strerror(errno));
    return kNoFilter;
  }
  execvp(words[2], words + 2);
  std::fprintf(stderr, "refuse_calls: %s: %s\n", words[2], std::strerror(errno));
  return kNoCommand;
}
