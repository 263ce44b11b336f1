// The program's commands, `imgring NAME ARGUMENT...`; without a name it serves. Main thread.
#pragma once

namespace imgring::cli {

// The exit status: one of imgring/server/run.h's.
int run_command(int argc, char** argv, char** environment);

}  // namespace imgring::cli
