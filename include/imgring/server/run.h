// The server as a whole: configuration to exit status. Main thread.
#pragma once

namespace imgring::server {

// Exit statuses: 0 ended as asked, 78 what another start would meet again (a bad configuration,
// an engine refused: EX_CONFIG of sysexits.h), 1 the rest (the address is taken, a picture of the
// configuration can't be fetched, the command line is wrong).
inline constexpr int kExitOk = 0;
inline constexpr int kExitUnclean = 1;  // stuck helpers, or work left when the grace time was over
inline constexpr int kExitFailed = 1;
inline constexpr int kExitConfig = 78;
inline constexpr int kExitNoUring = 78;

// Serves until it is told to end.
int serve(char** environment);

}  // namespace imgring::server
