// What a child does before the first source comes.
#include "lock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "call_filter.h"
#include "imgring/base/sanitized.h"
#include "imgring/sandbox/children.h"
#include "imgring/sandbox/kept_files.h"
#include "imgring/sandbox/worker.h"

namespace imgring::sandbox {
namespace {

// When memory is short, the kernel takes the child before the server.
void offer_to_the_oom_killer() noexcept {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  static_cast<void>(write(fd, "500", 3) == 3);
  close(fd);
}

Error refused(const char* what) {
  return Error(ErrorCode::kInternal, std::string(what) + ": " + std::strerror(errno));
}

Result<void> set_limits() {
  const rlimit no_core{0, 0};
  const rlimit addresses{kAddressBytesMax, kAddressBytesMax};
  if (prlimit(0, RLIMIT_CORE, &no_core, nullptr) != 0) {
    return std::unexpected(refused("RLIMIT_CORE"));
  }
  if (!kSanitized && prlimit(0, RLIMIT_AS, &addresses, nullptr) != 0) {
    return std::unexpected(refused("RLIMIT_AS"));
  }
  return {};
}

// Whether the lock holds: some kernels of their own say yes to a filter and have none.
Result<void> try_the_lock() {
  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  const int network = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0 && network < 0) return {};
  return fail(ErrorCode::kInternal, "the filter of system calls has no effect");
}

}  // namespace

void leave_the_server(const Kind& kind) {
  // With the server dead nobody would read the answer.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string name = "imgring-" + std::string(kind.name);
  prctl(PR_SET_NAME, name.c_str());
  offer_to_the_oom_killer();
}

Result<void> lock_in(const Kind& kind) {
  IMGRING_TRY_VOID(set_limits());
  prctl(PR_SET_DUMPABLE, 0);  // no other process of our user looks into this one
  if (!answer_trapped_calls()) return std::unexpected(refused("a handler of SIGSYS"));
  IMGRING_TRY_VOID(install_call_filter(kSocket, kind.calls));
  return try_the_lock();
}

}  // namespace imgring::sandbox
