// Children of the tests' own making: forked, never shut in, each with a script for what it says;
// and jobs for them.
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
#include <memory>
#include <string>
#include <string_view>
#include <utility>

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

// ---- a kind without a child of its own, and its jobs

inline constexpr ErrorCode kBelieved[] = {ErrorCode::kBrokenSvg};
inline constexpr std::size_t kLargeBytes = 1000;
inline const Kind kKind{.name = "test",
                        .texts = {.does = "does tests",
                                  .does_one = "does this test",
                                  .one = "test",
                                  .broken = "Tests can't be done"},
                        .errors = kBelieved,
                        .calls = {},
                        .inherited = {},
                        .environment = {},
                        .large_bytes = kLargeBytes};
inline const Kind kOtherKind{.name = "other",
                             .texts = kKind.texts,
                             .errors = {},
                             .calls = {},
                             .inherited = {},
                             .environment = {}};

inline constexpr std::string_view kSource = "a source";
inline constexpr std::size_t kRoomBytes = 96;

inline Result<std::unique_ptr<Job>> begin(Children* children,
                                          std::size_t source_bytes = kSource.size()) {
  return children->begin(kKind, {.source_bytes = source_bytes}, kNoStop);
}

// A whole job: a source, a question without bytes, and one with room for pixels.
inline Result<Bytes> work(Children* children, const StopFlag& stop = kNoStop,
                          const Kind& kind = kKind) {
  IMGRING_TRY(const auto job, children->begin(kind, {.source_bytes = kSource.size()}, stop));
  Request request;
  request.parts[Part::kSource] = as_bytes(kSource);
  IMGRING_TRY_VOID(job->ask(request));
  request.parts[Part::kSource] = {};
  IMGRING_TRY_VOID(job->ask(request));
  request.room_bytes = kRoomBytes;
  IMGRING_TRY(Answer answer, job->ask(request));
  return std::move(answer.parts[Part::kPixels]);
}

}  // namespace imgring::sandbox::test
