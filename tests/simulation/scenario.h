// One seed: a server of two loops with its helpers, its clients, its sources and its operator, from
// the start to the end of the process, and what must be true then.
#pragma once

#include <cstdint>

#include "kernel.h"

namespace imgring::simulation {

// One client asks for so many pictures at most, all on one connection.
inline constexpr std::uint64_t kWishesMost = 5;

struct Outcome {
  std::uint64_t trace = 0, steps = 0, asked = 0, answered = 0, good = 0;
  double simulated_s = 0;
  std::uint64_t completions = 0;
  bool fault_done = false;
};

// Ends the process with a text on stderr when anything is wrong.
Outcome run_seed(std::uint64_t seed, bool verbose);
// A few requests in fair weather, and one completion that is not as it was.
Outcome run_few(std::uint64_t seed, bool verbose, CompletionFault fault);

}  // namespace imgring::simulation
