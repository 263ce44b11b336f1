// Threads that are tried out, and libgomp's teams of one.
#include "library_threads.h"

#include <dlfcn.h>
#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "imgring/mem/machine.h"

namespace {

using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
constexpr const char* kParallelName = "GOMP_parallel";

}  // namespace

// libgomp's own signature; libimagequant calls it for each of its loops.
extern "C" [[gnu::visibility("default")]] void GOMP_parallel(void (*body)(void*), void* data,
                                                             unsigned threads, unsigned flags) {
  static const auto next = reinterpret_cast<Parallel>(dlsym(RTLD_NEXT, kParallelName));
  static_cast<void>(threads);
  next(body, data, 1, flags);
}

namespace imgring::image {
namespace {

// One for the library, one that another picture takes meanwhile.
constexpr unsigned kOneThread = 2;
// Tiles that libheif decodes at once, each with a decoder's thread of its own, and one to spare.
constexpr unsigned kTileThreads = 4 * 2 + 1;
// Beside a thread for each processor x265 has up to six that go through frames.
constexpr unsigned kFrameThreads = 6 + 1;

// dav1d and x265 start a thread for each.
unsigned processors() noexcept { return std::thread::hardware_concurrency(); }

void* wait_for_all(void* held) {
  const std::lock_guard lock(*static_cast<std::mutex*>(held));
  return nullptr;
}

// "grid": an item made of tiles, as the photos of phones are. Where it is something else, a few
// threads are tried out for nothing.
bool in_tiles(ByteSpan source) noexcept {
  constexpr std::size_t kHeadBytes = 64 << 10;
  return as_text(source.first(std::min(source.size(), kHeadBytes))).find("grid") !=
         std::string_view::npos;
}

}  // namespace

Result<void> expect_threads(unsigned count) {
  std::mutex held;
  std::vector<pthread_t> started;
  started.reserve(count);
  {
    const std::lock_guard lock(held);  // all of them are there at once
    pthread_t thread{};
    while (started.size() < count && pthread_create(&thread, nullptr, wait_for_all, &held) == 0) {
      started.push_back(thread);
    }
  }
  for (const pthread_t thread : started) pthread_join(thread, nullptr);
  if (started.size() == count) return {};
  return fail(ErrorCode::kOverloaded,
              std::to_string(count) +
                  " threads that a library needs can't be started: " + mem::thread_limits_text());
}

unsigned threads_to_load(ImageType type, ByteSpan source) noexcept {
  if (type == ImageType::kJxl) return kOneThread;
  if (type != ImageType::kHeic && type != ImageType::kAvif) return 0;
  const unsigned decoder = type == ImageType::kHeic ? kOneThread : processors() + 1;
  return in_tiles(source) ? decoder + kTileThreads : decoder;
}

unsigned threads_to_save(ImageType type) noexcept {
  if (type == ImageType::kJxl) return kOneThread;
  return type == ImageType::kHeic ? processors() + kFrameThreads : 0;
}

void show_processors_to_x265() noexcept {
  using NodeOf = int (*)(int);
  const auto node_of = reinterpret_cast<NodeOf>(dlsym(RTLD_DEFAULT, "numa_node_of_cpu"));
  const auto count = static_cast<int>(processors());
  for (int i = 0; node_of != nullptr && i < count; ++i) static_cast<void>(node_of(i));
}

void guard_openmp() noexcept {}

}  // namespace imgring::image
