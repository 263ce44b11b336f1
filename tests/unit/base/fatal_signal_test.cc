// Processes that end by a signal, and the one line that they leave.
#include "imgring/base/fatal_signal.h"

#include <gtest/gtest.h>
#include <link.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "imgring/base/check.h"
#include "imgring/base/sanitized.h"
#include "imgring/base/text.h"

namespace imgring {
namespace {

struct End {
  std::string said;
  int signal = 0;
};

// What a child says on stderr, and what ends it.
End end_of(const std::function<void()>& body) {
  int ends[2];
  IMGRING_CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    tell_of_fatal_signals();
    const SignalStack stack;
    body();
    _exit(0);
  }
  close(ends[1]);
  End out;
  char piece[512];
  for (;;) {
    const ssize_t got = read(ends[0], piece, sizeof piece);
    if (got <= 0) break;
    out.said.append(piece, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) out.signal = WTERMSIG(status);
  return out;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

std::uintptr_t load_address() {
  std::uintptr_t base = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        *static_cast<std::uintptr_t*>(out) = info->dlpi_addr;
        return 1;  // the program is the first
      },
      &base);
  return base;
}

// Whether a frame lies in the first bytes of a function of this program.
bool names(const std::string& said, void (*function)()) {
  constexpr std::uintptr_t kFunctionBytes = 512;
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(function) - load_address();
  for (const std::string& word : words_of(said)) {
    if (!word.starts_with("+0x")) continue;
    const std::uintptr_t offset = std::stoull(word.substr(3), nullptr, 16);
    if (offset >= begin && offset < begin + kFunctionBytes) return true;
  }
  return false;
}

// The build id as it stands in the program's file, behind its owner's name.
bool is_own_build_id(const std::string& hex) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  std::string id;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    id += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return id.size() == 20 && bytes.find(std::string("GNU\0", 4) + id) != std::string::npos;
}

volatile int* volatile nowhere = nullptr;
__attribute__((noinline)) void fault() { *nowhere = 1; }
__attribute__((noinline)) void break_invariant() { IMGRING_CHECK(nowhere != nullptr); }
__attribute__((noinline)) void kill_self() { kill(getpid(), SIGSEGV); }
__attribute__((noinline)) int overflow(int depth) {
  volatile char room[4096];
  room[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : overflow(depth + 1) + room[0];
}

#define IMGRING_NOT_SANITIZED() \
  if (kSanitized) GTEST_SKIP() << "the signals are the sanitizer's"

TEST(FatalSignal, AFaultLeavesOneLine) {
  IMGRING_NOT_SANITIZED();
  const End end = end_of(fault);
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_TRUE(end.said.starts_with("imgring: fatal signal 11 (SEGV), build ")) << end.said;
  EXPECT_EQ(end.said.find('\n'), end.said.size() - 1) << end.said;
  EXPECT_TRUE(names(end.said, fault)) << end.said;
  const std::vector<std::string> words = words_of(end.said);
  ASSERT_GT(words.size(), 7u);
  EXPECT_EQ(words[5], "build");
  EXPECT_TRUE(is_own_build_id(words[6].substr(0, words[6].size() - 1))) << end.said;
}

TEST(FatalSignal, ABrokenInvariantSaysWhichAndWhere) {
  IMGRING_NOT_SANITIZED();
  const End end = end_of(break_invariant);
  EXPECT_EQ(end.signal, SIGABRT);
  EXPECT_NE(end.said.find("broken invariant: nowhere != nullptr\n"), std::string::npos);
  EXPECT_NE(end.said.find("imgring: fatal signal 6 (ABRT)"), std::string::npos) << end.said;
  EXPECT_TRUE(names(end.said, break_invariant)) << end.said;
}

TEST(FatalSignal, ASignalFromOutsideIsTold) {
  IMGRING_NOT_SANITIZED();
  const End end = end_of(kill_self);
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_TRUE(names(end.said, kill_self)) << end.said;
}

#if defined(__x86_64__)
// GLib ends a program so, and loops behind it.
TEST(FatalSignal, ABreakpointIsTheEnd) {
  IMGRING_NOT_SANITIZED();
  const End end = end_of([] { asm volatile("int3"); });
  EXPECT_EQ(end.signal, SIGTRAP);
  EXPECT_TRUE(end.said.starts_with("imgring: fatal signal 5 (TRAP)")) << end.said;
}
#endif

TEST(FatalSignal, AThreadWithoutAnyStackLeftHasALine) {
  IMGRING_NOT_SANITIZED();
  const End end = end_of([] {
    std::thread([] {
      const SignalStack stack;
      static_cast<void>(overflow(0));
    }).join();
  });
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_TRUE(end.said.starts_with("imgring: fatal signal 11 (SEGV)")) << end.said;
}

TEST(FatalSignal, TwoThreadsAtOnceLeaveOneLine) {
  IMGRING_NOT_SANITIZED();
  const End end = end_of([] {
    std::thread other(fault);
    std::thread third(fault);
    other.join();
    third.join();
  });
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_EQ(end.said.find('\n'), end.said.size() - 1) << end.said;
}

}  // namespace
}  // namespace imgring
