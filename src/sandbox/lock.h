// How a child shuts itself in.
// Main thread of the child, once, before any other thread.
// Promises: after lock_in() the process can compute, take memory up to a gigabyte of addresses,
// talk over the socket it has, open the files that it kept (kept_files.h), and make what calls its
// kind names; other calls fail.
#pragma once

#include "imgring/base/error.h"
#include "imgring/sandbox/kind.h"

namespace imgring::sandbox {

// What every child does before it reads its first file.
void leave_the_server(const Kind& kind);
// The error says what the kernel refused.
Result<void> lock_in(const Kind& kind);

}  // namespace imgring::sandbox
