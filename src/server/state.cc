// The ends of what only core.h knows.
#include "imgring/server/state.h"

#include "imgring/server/core.h"

namespace imgring::server {

Process::Process(const Logger& l, loop::HelperPool& h, std::uint64_t memory_limit_bytes)
    : Shared(l, h, memory_limit_bytes) {}
Process::~Process() = default;

}  // namespace imgring::server
