// What a child does before the first source comes.
#include "lock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
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

// A shortage passes; what the kernel does not have, it never has.
Error refused(const char* what) {
  const int number = errno;
  return Error(is_shortage(number) ? ErrorCode::kOverloaded : ErrorCode::kInternal,
               std::string(what) + ": " + std::strerror(number));
}

Result<void> set_limits(const Kind& kind) {
  const rlimit no_core{0, 0};
  const rlimit addresses{kind.address_bytes_max, kind.address_bytes_max};
  if (prlimit(0, RLIMIT_CORE, &no_core, nullptr) != 0) {
    return std::unexpected(refused("RLIMIT_CORE"));
  }
  const int first_free = fcntl(kSocket, F_DUPFD_CLOEXEC, 0);
  if (first_free < 0) return std::unexpected(refused("descriptors"));
  close(first_free);
  rlimit descriptors{};
  if (prlimit(0, RLIMIT_NOFILE, nullptr, &descriptors) != 0) {
    return std::unexpected(refused("RLIMIT_NOFILE"));
  }
  const rlim_t most = static_cast<rlim_t>(first_free) + kind.descriptors_max;
  descriptors.rlim_max = std::min(descriptors.rlim_max, most);
  descriptors.rlim_cur = descriptors.rlim_max;
  if (prlimit(0, RLIMIT_NOFILE, &descriptors, nullptr) != 0) {
    return std::unexpected(refused("RLIMIT_NOFILE"));
  }
  if (!kSanitized && prlimit(0, RLIMIT_AS, &addresses, nullptr) != 0) {
    return std::unexpected(refused("RLIMIT_AS"));
  }
  return {};
}

// A second wall behind the filter of system calls, where the kernel has it: no file of any name, no
// port, no abstract socket and no signal to others, whatever call asks. The flags are those of
// landlock(7), of which older headers lack the later ones.
#if defined(SYS_landlock_create_ruleset) && defined(SYS_landlock_restrict_self)
struct LandlockRules {
  std::uint64_t files, network, scopes;
};
constexpr unsigned kAskVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION

LandlockRules all_rules_of(long version) noexcept {
  // The highest right of files that each version brought: refer, truncate, ioctl.
  constexpr std::uint64_t kFirst = (1U << 13) - 1, kRefer = 1U << 13, kTruncate = 1U << 14,
                          kIoctl = 1U << 15;
  constexpr std::uint64_t kBindAndConnect = 3, kSocketAndSignal = 3;
  LandlockRules rules{kFirst, 0, 0};
  if (version >= 2) rules.files |= kRefer;
  if (version >= 3) rules.files |= kTruncate;
  if (version >= 4) rules.network = kBindAndConnect;
  if (version >= 5) rules.files |= kIoctl;
  if (version >= 6) rules.scopes = kSocketAndSignal;
  return rules;
}

Result<void> forbid_names() {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, kAskVersion);
  if (version < 1) return {};
  const LandlockRules rules = all_rules_of(version);
  // Kernels before the fourth and the sixth version know a shorter struct; zeros behind it are
  // taken.
  const int set = static_cast<int>(syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0));
  if (set < 0) return std::unexpected(refused("Landlock"));
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const long restricted = syscall(SYS_landlock_restrict_self, set, 0);
  const int error = errno;
  close(set);
  errno = error;
  if (restricted != 0) return std::unexpected(refused("Landlock"));
  return {};
}
#else
Result<void> forbid_names() { return {}; }
#endif

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
  IMGRING_TRY_VOID(set_limits(kind));
  prctl(PR_SET_DUMPABLE, 0);  // no other process of our user looks into this one
  show_processors(kind.threads_max);
  IMGRING_TRY_VOID(forbid_names());
  if (!answer_trapped_calls()) return std::unexpected(refused("a handler of SIGSYS"));
  IMGRING_TRY_VOID(install_call_filter(kSocket, kind.calls));
  return try_the_lock();
}

}  // namespace imgring::sandbox
