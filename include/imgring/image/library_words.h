// What libraries say through GLib, as log lines. GLib's own handler writes to standard error and
// waits for whoever reads that: a helper would hang in it.
// Owns: GLib's default handler, while it lives. say: any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "imgring/base/log.h"

namespace imgring::image {

class LibraryWords {
 public:
  // A picture may make a library say anything any number of times: the others of a second are
  // dropped, as all of libvips' warnings are (init_vips).
  static constexpr std::uint32_t kLinesMax = 10;

  explicit LibraryWords(const Logger& log);
  ~LibraryWords();
  LibraryWords(const LibraryWords&) = delete;
  LibraryWords& operator=(const LibraryWords&) = delete;

 private:
  bool admit() noexcept;
  void say(const char* domain, unsigned level, const char* message);

  const Logger& log_;
  std::atomic<std::uint64_t> said_{0};  // a second, and how many in it
};

}  // namespace imgring::image
