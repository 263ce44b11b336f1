// What main() does in a child: makes ready what needs files, shuts itself in, and answers until the
// server is gone. Main thread of a fresh process.
#pragma once

#include <span>
#include <string_view>

#include "imgring/sandbox/kind.h"

namespace imgring::sandbox {

// The hidden command that start_process gives this program, before the kind's name.
inline constexpr const char* kCommand = "sandbox-worker";

// Its end of the socket.
inline constexpr int kSocket = 3;
// Of a pipe that takes what it says at its end, and waits for nobody.
inline constexpr int kWords = 4;

// The exit status; 1 for a name that is none.
int run_worker(std::span<const Kind* const> kinds, std::string_view name);

}  // namespace imgring::sandbox
