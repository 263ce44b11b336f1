// One child of the pool, and the words for what it says and how it ends.
// Owns its socket. The pool or one job has it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "imgring/mem/budget.h"
#include "imgring/mem/own_memory.h"
#include "imgring/sandbox/children.h"
#include "wire.h"

namespace imgring::sandbox {

struct Child {
  const Kind* kind = nullptr;
  ChildProcess process;
  int jobs = 0;
  std::uint64_t most_bytes = 0;        // resident, by its own word: it only ever ends the child
  std::uint64_t ready_bytes = 0;       // mapped before its first job
  std::uint64_t ready_anon_bytes = 0;  // of its own then
  std::chrono::steady_clock::time_point idle_since{};
  std::chrono::nanoseconds cpu_when_idle{};
  std::uint64_t idle_bytes = 0;  // of its own then
  mem::Grant idle;
};

// Of a child that somebody else has reaped.
inline constexpr int kStatusUnknown = -1;

// Printable ASCII of what a child says for the log.
std::string detail_of(const Told& told);
std::string words_of(int status);
// What waits in this pipe, printable; empty for none.
std::string last_words(int pipe);
mem::OwnMemory memory_of(pid_t pid);
// That it has used so far; nothing where that cannot be told.
std::optional<std::chrono::nanoseconds> cpu_of(pid_t pid) noexcept;

}  // namespace imgring::sandbox
