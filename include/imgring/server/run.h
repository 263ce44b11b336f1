// The server as a whole: configuration to exit status. Main thread.
#pragma once

namespace imgring::server {

// Exit statuses: 0 ended as asked, 1 bad configuration or a failed start, 78 io_uring refused.
inline constexpr int kExitOk = 0;
inline constexpr int kExitUnclean = 1;  // stuck helpers, or work left when the grace time was over
inline constexpr int kExitConfig = 1;
inline constexpr int kExitNoUring = 78;  // EX_CONFIG (decision 17)

int run_command(int argc, char** argv, char** environment);

}  // namespace imgring::server
