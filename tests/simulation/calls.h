// What the simulated system calls share with the scenario.
#pragma once

#include <cstdint>

namespace imgring::simulation {

// What is written to it is a line of the server's log, and part of the trace.
inline constexpr int kLogDescriptor = 999;

// What /proc/self/statm says.
extern std::uint64_t resident_bytes;

}  // namespace imgring::simulation
