// FUZZ_TARGET(url) { ... } in a file of its own, url_fuzz.cc, is a fuzz target: it sees (data,
// size) and returns 0. libFuzzer's build makes a program of each. Every other build makes one
// program of all, replay, which runs a target by its name over files (replay_main.cc).
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef IMGRING_LIBFUZZER
#define FUZZ_TARGET(name) \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
#else
#include <string_view>

namespace imgring::replay {

// In the list of all targets from its construction on, before main.
struct Target {
  using Function = int (*)(const std::uint8_t* data, std::size_t size);
  Target(std::string_view with_name, Function with_run)
      : name(with_name), run(with_run), next(first) {
    first = this;
  }
  std::string_view name;
  Function run;
  const Target* next;
  static inline const Target* first = nullptr;
};

}  // namespace imgring::replay

#define FUZZ_TARGET(name)                                                     \
  static int name##_target(const std::uint8_t* data, std::size_t size);       \
  static const ::imgring::replay::Target name##_listed(#name, name##_target); \
  static int name##_target(const std::uint8_t* data, std::size_t size)
#endif
