// The tables, which libseccomp makes a program of: 0.2 ms of each child's start.
#include "call_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "imgring/base/sanitized.h"

namespace imgring::sandbox {
namespace {

#if defined(__x86_64__) || defined(__aarch64__)
constexpr bool kKnownProcessor = true;
#else
constexpr bool kKnownProcessor = false;  // nobody has tried it there
#endif

// Of every child: memory, threads, time, and the descriptors it has.
constexpr int kAllowed[] = {
    SYS_read,
    SYS_readv,
    SYS_pread64,
    SYS_write,
    SYS_writev,
    SYS_pwrite64,
    SYS_pwritev,
    SYS_lseek,
    SYS_close,
    SYS_fstat,
    SYS_dup,
    SYS_ppoll,
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_membarrier,
    SYS_futex,
    SYS_sched_yield,
    SYS_set_robust_list,
    SYS_set_tid_address,
    SYS_rseq,
    SYS_gettid,
    SYS_getpid,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_getrusage,
    SYS_getrandom,
    SYS_restart_syscall,
    SYS_getcpu,
    SYS_uname,
    SYS_sysinfo,
#if defined(SYS_poll)
    SYS_poll,
    SYS_time,
#endif
};

// Answered by our own handler of SIGSYS (kept_files.cc).
constexpr int kTrapped[] = {
    SYS_openat,     SYS_faccessat, SYS_faccessat2, SYS_sched_getaffinity,
#if defined(SYS_open)
    SYS_open,       SYS_access,
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

// libseccomp's filter, and the first error that making it met.
class Filter {
 public:
  Filter() : all_(seccomp_init(SCMP_ACT_ERRNO(EPERM))), error_(all_ == nullptr ? -ENOMEM : 0) {
    // Another architecture than the one this was compiled for.
    set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() {
    if (all_ != nullptr) seccomp_release(all_);
  }

  int error() const noexcept { return -error_; }
  void set(scmp_filter_attr what, std::uint32_t value) {
    if (error_ == 0) error_ = seccomp_attr_set(all_, what, value);
  }
  void add(int call, std::uint32_t action) {
    if (error_ == 0) error_ = seccomp_rule_add_exact(all_, action, call, 0);
  }
  void add(const Conditional& c) {
    const scmp_arg_cmp low_half{c.argument, SCMP_CMP_MASKED_EQ, c.mask, c.value};
    if (error_ != 0) return;
    error_ = seccomp_rule_add_exact_array(all_, SCMP_ACT_ALLOW, c.call, 1, &low_half);
  }
  void add(int call, const scmp_arg_cmp& one, const scmp_arg_cmp& other) {
    const scmp_arg_cmp both[] = {one, other};
    if (error_ == 0) error_ = seccomp_rule_add_exact_array(all_, SCMP_ACT_ALLOW, call, 2, both);
  }
  // A second architecture, of which nothing is allowed. After all rules, which are for the first.
  void refuse_calls_of(std::uint32_t architecture) {
    Filter other;
    if (other.error_ == 0) other.error_ = seccomp_arch_add(other.all_, architecture);
    if (other.error_ == 0) other.error_ = seccomp_arch_remove(other.all_, SCMP_ARCH_NATIVE);
    if (error_ == 0) error_ = other.error_;
    if (error_ == 0) error_ = seccomp_merge(all_, other.all_);
    if (error_ == 0) other.all_ = nullptr;  // its parts are ours now
  }
  void load() {
    if (error_ == 0) error_ = seccomp_load(all_);
  }

 private:
  scmp_filter_ctx all_;
  int error_;  // 0 or less
};

void put_rules(int socket, std::span<const int> more, Filter& filter) {
  for (const int call : kAllowed) filter.add(call, SCMP_ACT_ALLOW);
  for (const int call : more) filter.add(call, SCMP_ACT_ALLOW);
  for (const int call : kTrapped) filter.add(call, SCMP_ACT_TRAP);
  for (const Conditional& c : conditional_calls(socket)) filter.add(c);
  // Our own limits may be read, and of them that of CPU time be set: the server gave the one of
  // addresses.
  const scmp_arg_cmp ourselves{0, SCMP_CMP_EQ, 0, 0};
  filter.add(SYS_prlimit64, ourselves, {2, SCMP_CMP_EQ, 0, 0});
  filter.add(SYS_prlimit64, ourselves, {1, SCMP_CMP_EQ, RLIMIT_CPU, 0});
  // How sanitizers find out whether memory can be read; without, each object looks like none.
  if (kSanitized) filter.add(SYS_pipe2, SCMP_ACT_ALLOW);
#if defined(SYS_pipe)
  if (kSanitized) filter.add(SYS_pipe, SCMP_ACT_ALLOW);
#endif
  // Its flags are in memory, where no filter looks; on ENOSYS the C library takes clone.
  filter.add(SYS_clone3, SCMP_ACT_ERRNO(ENOSYS));
#if defined(__x86_64__)
  filter.refuse_calls_of(SCMP_ARCH_X32);  // the other numbers of the same kernel
#endif
}

}  // namespace

Result<void> install_call_filter(int socket, std::span<const int> more) {
  if (!kKnownProcessor) {
    return fail(ErrorCode::kInternal, "no list of system calls for this kind of processor");
  }
  Filter filter;
  put_rules(socket, more, filter);
  // Of a sanitizer's own threads we know nothing.
  filter.set(SCMP_FLTATR_CTL_TSYNC, kSanitized ? 0 : 1);
  filter.set(SCMP_FLTATR_CTL_NNP, 1);
  filter.set(SCMP_FLTATR_API_SYSRAWRC, 1);  // the kernel's own error, if it refuses
  filter.load();
  if (filter.error() == 0) return {};
  return fail(is_shortage(filter.error()) ? ErrorCode::kOverloaded : ErrorCode::kInternal,
              std::string("seccomp (a filter of system calls): ") + std::strerror(filter.error()));
}

}  // namespace imgring::sandbox
