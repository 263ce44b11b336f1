// The part of threads.cc that the scenario calls.
#pragma once

namespace imgring::simulation {

// Before a seed: nobody waits for anything yet.
void reset_threads();

}  // namespace imgring::simulation
