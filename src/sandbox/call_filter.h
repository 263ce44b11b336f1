// The list of system calls that a locked-in child may make (seccomp(2), mode filter).
// Owns nothing; the kernel keeps the program, for all threads of the process: later versions of
// Pango keep one that looks for fonts.
// Promises: no new files, sockets, programs or memory that can run; what is not listed fails with
// EPERM, and does not end the process, so that libraries may ask and be refused.
#pragma once

#include <span>

#include "imgring/base/error.h"

namespace imgring::sandbox {

// `socket`: the only one that messages may be sent over; `more`: calls that are allowed beside
// those of every child. Sets "no new privileges".
Result<void> install_call_filter(int socket, std::span<const int> more = {});

}  // namespace imgring::sandbox
