// Children of the tests' own making: forked, never shut in, each with a script for what it says.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../../../src/sandbox/talk.h"
#include "../../../src/sandbox/wire.h"
#include "imgring/sandbox/children.h"

namespace imgring::sandbox::test {

using namespace std::chrono_literals;

inline const StopFlag kNoStop;

using Script = void (*)(int socket);

inline void say(int socket, std::uint32_t good, const Picture& picture = {},
                std::uint64_t pixel_bytes = 0) {
  Told told;
  told.good = good;
  told.facts.picture = picture;
  told.part_bytes[Part::kPixels] = pixel_bytes;
  send_packet(socket, &told, sizeof told);
}

// The first descriptor of the next question. Ends the child with its server.
inline loop::Fd hear(int socket, Ask* ask = nullptr) {
  Ask heard;
  Descriptors files;
  if (hear_packet(socket, &heard, sizeof heard, &files) != Heard::kPacket) _exit(0);
  if (ask != nullptr) *ask = heard;
  return std::move(files[0]);
}

inline void wait_for_the_end(int socket) {
  for (;;) hear(socket);
}

// Whatever room it gets it fills with zeros.
inline void answer_all(int socket) {
  for (;;) {
    Ask ask;
    hear(socket, &ask);
    if (ask.kind == AskKind::kAsk) say(socket, 1, {.width = 6, .height = 4}, ask.room_bytes);
  }
}

inline Result<ChildProcess> fork_child(Script script, bool greets = true) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail(ErrorCode::kInternal, std::strerror(errno));
  }
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    if (greets) say(ends[1], 1);
    script(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  ChildProcess process;
  process.pid = pid;
  process.socket = loop::Fd(ends[0]);
  return process;
}

inline ChildrenOptions scripted(Script script) {
  ChildrenOptions options;
  options.time_max = 60s;
  options.start = [script](const Kind&) { return fork_child(script); };
  return options;
}

inline void end_all_idle(Children* children) { children->end_idle(Children::Clock::now()); }

}  // namespace imgring::sandbox::test
