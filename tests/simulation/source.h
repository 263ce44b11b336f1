// Servers of pictures out in the simulated network: what a path asks for they do, good or bad.
#pragma once

#include <cstdint>
#include <string>

#include "content.h"
#include "kernel.h"

namespace imgring::simulation {

// What a source does with a request; a word of its URL.
enum class Manner : int {
  kGood,      // all of it at once
  kSlow,      // in pieces
  kChunked,   // without a length
  kClosing,   // and closes behind it
  kMoved,     // redirects to a good one first
  kMissing,   // 404
  kBroken,    // 500
  kCut,       // ends in the middle
  kReset,     // breaks off in the middle
  kSilent,    // never says anything
  kStalling,  // stops in the middle
  kGarbage,   // no HTTP
  kText,      // no picture
  kLeaving,   // closes without a word
  kEnd
};
constexpr bool is_good(Manner manner) noexcept { return manner <= Manner::kMoved; }

struct Wish {
  Facts facts;
  Manner manner = Manner::kGood;
  std::size_t size_bytes = 1000;
};
std::string path_of(const Wish& wish);
// Where the picture of an id is asked for, and whether anybody answers there.
std::string host_of(std::uint32_t id);
bool is_reachable(std::uint32_t id) noexcept;

// Connects the server's sockets to sources: by the last number of the address, some do not answer.
void connect_sources(Kernel& kernel);
// What names mean: s0.sim to s9.sim have addresses, any other has none.
void set_names();

}  // namespace imgring::simulation
