// What the filter of system calls answers, each call in a process of its own.
#include "../../../src/sandbox/call_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "imgring/base/sanitized.h"

namespace imgring::sandbox {
namespace {

constexpr int kChannel = 3;  // of these processes; whether it is a socket does not matter
constexpr int kNotFiltered = 200;

// The exit status of a process that does this, or minus the signal that ended it.
template <class Work>
int outcome_of(Work work) {
  const pid_t pid = fork();
  if (pid == 0) _exit(work());
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

struct Call {
  long number;
  std::vector<long> arguments = {};
};

// The call's errno, 0 when it went well.
int answer_to(const Call& call) {
  return outcome_of([&] {
    std::vector<long> a = call.arguments;
    a.resize(6);
    if (!install_call_filter(kChannel)) return kNotFiltered;
    return syscall(call.number, a[0], a[1], a[2], a[3], a[4], a[5]) == -1 ? errno : 0;
  });
}

TEST(CallFilter, AllowsWhatIsListed) {
  EXPECT_EQ(answer_to({SYS_getpid}), 0);
  EXPECT_EQ(answer_to({SYS_sched_yield}), 0);
}

TEST(CallFilter, AnswersEpermToWhatIsNot) {
  EXPECT_EQ(answer_to({SYS_socket, {AF_INET, SOCK_STREAM, 0}}), EPERM);
  EXPECT_EQ(answer_to({SYS_execve}), EPERM);
  EXPECT_EQ(answer_to({SYS_io_uring_setup, {1}}), EPERM);
  EXPECT_EQ(answer_to({SYS_ptrace}), EPERM);
}

// Calls that a later kernel has, and numbers that none has.
TEST(CallFilter, AnswersEpermToNumbersAboveThoseAllowed) {
  for (const long number : {SYS_clone3 + 1L, 460L, 512L, 1000L, 0x3FFFFFFFL}) {
    EXPECT_EQ(answer_to({number}), EPERM) << number;
  }
}

TEST(CallFilter, AnswersEpermToTheOtherNumbersOfTheSameKernel) {
#if defined(__x86_64__)
  constexpr long kX32 = 0x40000000;
  EXPECT_EQ(answer_to({kX32 + SYS_getpid}), EPERM);
  EXPECT_EQ(answer_to({kX32 + SYS_openat}), EPERM);
  EXPECT_EQ(answer_to({kX32 + 1000}), EPERM);
#endif
}

TEST(CallFilter, TrapsWhatTheHandlerAnswers) {
  const std::string path = "/dev/null";
  const long text = reinterpret_cast<long>(path.c_str());
  EXPECT_EQ(answer_to({SYS_openat, {AT_FDCWD, text, O_RDONLY}}), -SIGSYS);
  EXPECT_EQ(answer_to({SYS_faccessat, {AT_FDCWD, text, R_OK}}), -SIGSYS);
}

// glibc asks for clone3 first and takes this answer for an old kernel's.
TEST(CallFilter, AnswersEnosysToClone3) { EXPECT_EQ(answer_to({SYS_clone3}), ENOSYS); }

TEST(CallFilter, LooksAtArguments) {
  const long page = sysconf(_SC_PAGESIZE);
  const long own = MAP_PRIVATE | MAP_ANONYMOUS;
  EXPECT_EQ(answer_to({SYS_mmap, {0, page, PROT_READ | PROT_WRITE, own, -1}}), 0);
  EXPECT_EQ(answer_to({SYS_mmap, {0, page, PROT_READ | PROT_EXEC, own, -1}}), EPERM);
  EXPECT_EQ(answer_to({SYS_mprotect, {0, 0, PROT_EXEC}}), EPERM);
  EXPECT_EQ(answer_to({SYS_mprotect, {0, 0, PROT_READ}}), 0);
  EXPECT_EQ(answer_to({SYS_clone, {SIGCHLD}}), EPERM);        // a process
  EXPECT_EQ(answer_to({SYS_clone, {CLONE_THREAD}}), EINVAL);  // asked the kernel: no memory shared
  EXPECT_EQ(answer_to({SYS_prlimit64, {0, RLIMIT_CORE, 0, 0}}), 0);
  EXPECT_EQ(answer_to({SYS_prlimit64, {1, RLIMIT_CORE, 0, 0}}), EPERM);
  EXPECT_EQ(answer_to({SYS_fcntl, {0, F_GETFD}}), 0);
  EXPECT_EQ(answer_to({SYS_fcntl, {0, F_GETFL}}), 0);
  EXPECT_EQ(answer_to({SYS_fcntl, {0, F_SETFL, O_NONBLOCK}}), EPERM);
  EXPECT_EQ(answer_to({SYS_fcntl, {0, F_DUPFD, 0}}), EPERM);
  const std::string name = "renamed";
  EXPECT_EQ(answer_to({SYS_prctl, {PR_SET_NAME, reinterpret_cast<long>(name.c_str())}}), 0);
  EXPECT_EQ(answer_to({SYS_prctl, {PR_SET_DUMPABLE, 1}}), EPERM);
  EXPECT_EQ(answer_to({SYS_tgkill, {getpid(), getpid(), 0}}), EPERM);  // its parent
  // The channel is asked of the kernel, which finds no message at address 0.
  EXPECT_NE(answer_to({SYS_sendmsg, {kChannel}}), EPERM);
  EXPECT_EQ(answer_to({SYS_sendmsg, {kChannel + 1}}), EPERM);
  EXPECT_EQ(answer_to({SYS_recvmsg, {kChannel + 1}}), EPERM);
}

TEST(CallFilter, ItsOwnProcessMayBeEnded) {
  EXPECT_EQ(outcome_of([] {
              if (!install_call_filter(kChannel)) return kNotFiltered;
              return syscall(SYS_tgkill, getpid(), gettid(), 0) == -1 ? errno : 0;
            }),
            0);
}

TEST(CallFilter, KillsWhoCallsByAnotherArchitecture) {
#if defined(__x86_64__)
  const int outcome = outcome_of([] {
    if (!install_call_filter(kChannel)) return kNotFiltered;
    constexpr long kGetpid32 = 20;
    long answer = kGetpid32;
    asm volatile("int $0x80" : "+a"(answer) : : "memory", "r8", "r9", "r10", "r11");
    return 0;
  });
  EXPECT_TRUE(outcome == -SIGSYS || outcome == -SIGSEGV) << outcome;  // SEGV: a kernel without them
#endif
}

TEST(CallFilter, HoldsForThreadsThatAreThere) {
  if (kSanitized) return;
  const int answer = outcome_of([] {
    std::atomic<bool> filtered = false;
    int error = 0;
    std::thread other([&] {
      while (!filtered) sched_yield();
      error = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) == -1 ? errno : 0;
    });
    const bool installed = install_call_filter(kChannel).has_value();
    filtered = true;
    other.join();
    return installed ? error : kNotFiltered;
  });
  EXPECT_EQ(answer, EPERM);
}

}  // namespace
}  // namespace imgring::sandbox
