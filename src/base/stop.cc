// A stop as the error its client gets.
#include "imgring/base/stop.h"

namespace imgring {

Error stop_error(StopReason reason) {
  return reason == StopReason::kTimeout ? Error(ErrorCode::kTimeout, "stopped at the deadline")
                                        : Error(ErrorCode::kCancelled, "stopped: nobody waits");
}

}  // namespace imgring
