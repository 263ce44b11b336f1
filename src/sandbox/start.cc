// Starts this program again as a child.
// posix_spawn: no code of ours runs between fork and exec, where the locks of other threads are
// held for ever.
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/base/sanitized.h"
#include "imgring/mem/machine.h"
#include "imgring/sandbox/children.h"
#include "imgring/sandbox/worker.h"

namespace imgring::sandbox {
namespace {

// What every child may know of our environment: languages, and where libraries are. Keys and
// addresses are none of its business.
constexpr const char* kInherited[] = {
    "LANG",         "LC_ALL",        "LC_CTYPE",    "LD_LIBRARY_PATH",
    "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};

std::vector<std::string> child_environment(const Kind& kind) {
  // mimalloc from 2.1 on else takes a gigabyte of addresses at once, which is all that a child may
  // have.
  std::vector<std::string> out = {"MIMALLOC_ARENA_RESERVE=0"};
  out.insert(out.end(), kind.environment.begin(), kind.environment.end());
  const auto hand_down = [&out](const char* name) {
    const char* value = std::getenv(name);
    if (value != nullptr) out.push_back(std::string(name) + "=" + value);
  };
  std::ranges::for_each(kInherited, hand_down);
  std::ranges::for_each(kind.inherited, hand_down);
  return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// What passes by itself is the request's 503; anything else an installation that can't draw.
Error not_started(const Kind& kind, const std::string& what, int error) {
  const std::string text = "the child that " + std::string(kind.texts.does) +
                           " can't start: " + what + ": " + std::strerror(error) + "; ";
  if (!is_shortage(error)) {
    return Error(ErrorCode::kInternal,
                 text + "/proc, /dev/null and starting programs must be allowed");
  }
  return Error(ErrorCode::kOverloaded,
               text + mem::thread_limits_text() + ", LimitNOFILE or the memory limit");
}

struct Actions {
  Actions() { posix_spawn_file_actions_init(&all); }
  ~Actions() { posix_spawn_file_actions_destroy(&all); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t all;
};

struct Attributes {
  Attributes() { posix_spawnattr_init(&all); }
  ~Attributes() { posix_spawnattr_destroy(&all); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  posix_spawnattr_t all;
};

// Where no descriptor of the child's will stand.
loop::Fd moved_aside(int fd) {
  const loop::Fd before(fd);
  return loop::Fd(fcntl(before.get(), F_DUPFD_CLOEXEC, kWords + 1));
}

}  // namespace

Result<ChildProcess> start_process(const Kind& kind, const char* program) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return std::unexpected(not_started(kind, "socketpair", errno));
  }
  ChildProcess process;
  process.socket = loop::Fd(ends[0]);
  const loop::Fd other = moved_aside(ends[1]);
  int words[2];
  if (pipe2(words, O_CLOEXEC | O_NONBLOCK) != 0) {
    return std::unexpected(not_started(kind, "pipe2", errno));
  }
  process.words = loop::Fd(words[0]);
  const loop::Fd words_in = moved_aside(words[1]);
  if (!other || !words_in) return std::unexpected(not_started(kind, "descriptors", EMFILE));
  Actions actions;
  posix_spawn_file_actions_adddup2(&actions.all, other.get(), kSocket);
  posix_spawn_file_actions_adddup2(&actions.all, words_in.get(), kWords);
  posix_spawn_file_actions_addopen(&actions.all, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions.all, 1, "/dev/null", O_WRONLY, 0);
  // Nothing a picture makes a library say may come into the log; a sanitizer's report must.
  if (!kSanitized) posix_spawn_file_actions_adddup2(&actions.all, 1, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions.all, kWords + 1);
  Attributes attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes.all, &none);
  posix_spawnattr_setsigdefault(&attributes.all, &all);
  posix_spawnattr_setflags(&attributes.all, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> arguments = {"imgring", kCommand, std::string(kind.name)};
  std::vector<std::string> environment = child_environment(kind);
  const int error = posix_spawn(&process.pid, program, &actions.all, &attributes.all,
                                pointers_to(arguments).data(), pointers_to(environment).data());
  if (error == 0) return process;
  return std::unexpected(not_started(kind, program, error));
}

}  // namespace imgring::sandbox
