// The tables, and the classic BPF program made of them.
#include "call_filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "svg_lock.h"

namespace imgring::image {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;  // nobody has tried it there
#endif
static_assert(std::endian::native == std::endian::little, "where the halves of arguments are");

// Memory, threads, time, and the descriptors it has.
constexpr int kAllowed[] = {
    SYS_read, SYS_readv, SYS_pread64, SYS_write, SYS_writev, SYS_pwrite64, SYS_pwritev, SYS_lseek,
    SYS_close, SYS_fstat, SYS_dup, SYS_ppoll, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
    SYS_membarrier, SYS_futex, SYS_sched_yield, SYS_sched_getaffinity, SYS_set_robust_list,
    SYS_set_tid_address, SYS_rseq, SYS_gettid, SYS_getpid, SYS_exit, SYS_exit_group,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_clock_gettime,
    SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_getrusage,
    SYS_getrandom, SYS_restart_syscall, SYS_getcpu, SYS_uname, SYS_sysinfo,
#if defined(SYS_poll)
    SYS_poll, SYS_time,
#endif
};

// Answered by our own handler of SIGSYS (font_files.cc).
constexpr int kTrapped[] = {
    SYS_openat, SYS_faccessat, SYS_faccessat2,
#if defined(SYS_open)
    SYS_open, SYS_access,
#endif
#if defined(SYS_newfstatat)
    SYS_newfstatat,
#endif
};

// Allowed where the low half of an argument, masked, is the value.
struct Conditional {
  int call;
  unsigned argument;
  std::uint32_t mask, value;
};
constexpr std::uint32_t kWhole = 0xFFFFFFFF;

std::vector<Conditional> conditional_calls(int socket) {
  const auto own_pid = static_cast<std::uint32_t>(getpid());
  const auto channel = static_cast<std::uint32_t>(socket);
  return {
      {SYS_mmap, 2, PROT_EXEC, 0},
      {SYS_mprotect, 2, PROT_EXEC, 0},
      {SYS_clone, 0, CLONE_THREAD, CLONE_THREAD},
      {SYS_prlimit64, 0, kWhole, 0},  // ourselves
      {SYS_fcntl, 1, kWhole, F_DUPFD_CLOEXEC},
      {SYS_fcntl, 1, kWhole, F_GETFD},
      {SYS_fcntl, 1, kWhole, F_SETFD},
      {SYS_fcntl, 1, kWhole, F_GETFL},
      {SYS_prctl, 0, kWhole, PR_SET_NAME},
      {SYS_tgkill, 0, kWhole, own_pid},  // abort()
      {SYS_sendmsg, 0, kWhole, channel},
      {SYS_recvmsg, 0, kWhole, channel},
  };
}

class Program {
 public:
  void load(std::size_t offset) {
    add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }
  void give(std::uint32_t what) { add(BPF_RET | BPF_K, what); }
  void give_if_call(int number, std::uint32_t what) {
    skip_unless(static_cast<std::uint32_t>(number), 1);
    give(what);
  }
  void skip_if(std::uint32_t value, std::uint8_t count) {
    code_.push_back({BPF_JMP | BPF_JEQ | BPF_K, count, 0, value});
  }
  void skip_unless(std::uint32_t value, std::uint8_t count) {
    code_.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, count, value});
  }
  void skip_if_below(std::uint32_t value, std::uint8_t count) {
    code_.push_back({BPF_JMP | BPF_JGE | BPF_K, 0, count, value});
  }
  void mask(std::uint32_t bits) { add(BPF_ALU | BPF_AND | BPF_K, bits); }
  bool install() const {
    sock_fprog program{};
    program.len = static_cast<unsigned short>(code_.size());
    program.filter = const_cast<sock_filter*>(code_.data());
    // Of a sanitizer's own threads we know nothing.
    const unsigned flags = kSanitized ? 0 : SECCOMP_FILTER_FLAG_TSYNC;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
  }

 private:
  void add(std::uint16_t code, std::uint32_t value) { code_.push_back({code, 0, 0, value}); }
  std::vector<sock_filter> code_;
};

constexpr std::size_t kNumberAt = offsetof(seccomp_data, nr);
constexpr std::size_t argument_at(unsigned index) {
  return offsetof(seccomp_data, args) + index * sizeof(std::uint64_t);
}

Program program_for(int socket) {
  constexpr std::uint32_t kX32Calls = 0x40000000;  // the other numbers of the same kernel
  Program p;
  p.load(offsetof(seccomp_data, arch));
  p.skip_if(kArchitecture, 1);
  p.give(SECCOMP_RET_KILL_PROCESS);
  p.load(kNumberAt);
  p.skip_if_below(kX32Calls, 1);
  p.give(SECCOMP_RET_ERRNO | EPERM);
  for (const int call : kAllowed) p.give_if_call(call, SECCOMP_RET_ALLOW);
  for (const int call : kTrapped) p.give_if_call(call, SECCOMP_RET_TRAP);
  for (const Conditional& c : conditional_calls(socket)) {
    p.skip_unless(static_cast<std::uint32_t>(c.call), 5);
    p.load(argument_at(c.argument));
    p.mask(c.mask);
    p.skip_unless(c.value, 1);
    p.give(SECCOMP_RET_ALLOW);
    p.load(kNumberAt);
  }
  // How sanitizers find out whether memory can be read; without, each object looks like none.
  if (kSanitized) p.give_if_call(SYS_pipe2, SECCOMP_RET_ALLOW);
#if defined(SYS_pipe)
  if (kSanitized) p.give_if_call(SYS_pipe, SECCOMP_RET_ALLOW);
#endif
  // Its flags are in memory, where no filter looks; on ENOSYS the C library takes clone.
  p.give_if_call(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
  p.give(SECCOMP_RET_ERRNO | EPERM);
  return p;
}

}  // namespace

Result<void> install_call_filter(int socket) {
  const auto refused = [](const char* what) {
    return fail(ErrorCode::kInternal, std::string(what) + ": " + std::strerror(errno));
  };
  if (kArchitecture == 0) {
    return fail(ErrorCode::kInternal, "no list of system calls for this kind of processor");
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("PR_SET_NO_NEW_PRIVS");
  if (!program_for(socket).install()) return refused("seccomp (a filter of system calls)");
  return {};
}

}  // namespace imgring::image
