// The subcommands of the program. Main thread.
#pragma once

namespace imgring::server {

int serve(char** environment);

}  // namespace imgring::server
