// Preloaded into the server and its children: one allocation of a size fails, the one that a test
// asks for.
//
// The file that IMGRING_FAILING_MEMORY names is shared with the test (run_memory.py). It begins
// with five numbers of 64 bits: how many large allocations are to succeed before one fails (0: none
// fails), how many failed, how many there were, from which size on one is large, and the bytes of
// the text behind them, which says where the last one was asked for. GLib's are left alone: it ends
// the process (decision 8).
// A child gets no LD_PRELOAD from the server, so the server's posix_spawn() hands it down. It maps
// the file before it shuts itself in, and needs nothing else of the system afterwards.
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kTextBytesMax = 16000;
struct Control {
  std::atomic<std::int64_t> countdown, failed, seen, large_bytes, text_bytes;
  char text[kTextBytesMax];
};
Control* control = nullptr;
pid_t own_pid = 0;                 // nobody may ask once shut in
thread_local bool inside = false;  // this file's own

// What dlsym() itself asks for, before the functions are known.
alignas(16) char early[64 << 10];
std::atomic<std::size_t> early_used = 0;
bool is_early(const void* p) noexcept { return p >= early && p < early + sizeof early; }
void* early_block(std::size_t size) noexcept {
  const std::size_t at = early_used.fetch_add((size + 15) / 16 * 16);
  return at + size <= sizeof early ? early + at : nullptr;
}

template <class F>
F next(const char* name) noexcept {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

struct Functions {
  void* (*malloc)(std::size_t);
  void* (*calloc)(std::size_t, std::size_t);
  void* (*realloc)(void*, std::size_t);
  void (*free)(void*);
  int (*posix_memalign)(void**, std::size_t, std::size_t);
  void* (*aligned_alloc)(std::size_t, std::size_t);
  void* (*memalign)(std::size_t, std::size_t);
  void* (*mmap)(void*, std::size_t, int, int, int, off_t);
  decltype(&::posix_spawn) posix_spawn;
};
Functions known;
std::atomic<bool> is_known = false;
// False while dlsym() is at it.
bool know_functions() noexcept {
  if (is_known.load()) return true;
  if (inside) return false;
  inside = true;
  known = {next<decltype(Functions::malloc)>("malloc"),
           next<decltype(Functions::calloc)>("calloc"),
           next<decltype(Functions::realloc)>("realloc"),
           next<decltype(Functions::free)>("free"),
           next<decltype(Functions::posix_memalign)>("posix_memalign"),
           next<decltype(Functions::aligned_alloc)>("aligned_alloc"),
           next<decltype(Functions::memalign)>("memalign"),
           next<decltype(Functions::mmap)>("mmap"),
           next<decltype(Functions::posix_spawn)>("posix_spawn")};
  inside = false;
  is_known = true;
  return true;
}

[[gnu::constructor]] void open_control() noexcept {
  know_functions();
  own_pid = getpid();
  const char* path = std::getenv("IMGRING_FAILING_MEMORY");
  const int file = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void* const mapped =
      known.mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  void* frames[1];
  backtrace(frames, 1);  // the first one loads a library
  if (mapped != MAP_FAILED) control = static_cast<Control*>(mapped);
}

// They end the process: GLib, orc, libimagequant and cgif, which do not look at what they get, and
// whoever finds mimalloc without an arena.
constexpr const char* kLeftAlone[] = {"libglib", "liborc", "libimagequant", "libcgif",
                                      "libmimalloc"};
// libvips takes what libpng has no memory for as a file that was cut off.
bool called_by_vips() noexcept {
  constexpr int kFrames = 12;
  void* frames[kFrames];
  const int count = backtrace(frames, kFrames);
  for (int i = 0; i < count; ++i) {
    Dl_info where{};
    const bool known = dladdr(frames[i], &where) != 0 && where.dli_fname != nullptr;
    if (known && std::strstr(where.dli_fname, "libvips") != nullptr) return true;
    if (known && std::strcmp(where.dli_fname, program_invocation_name) == 0) return false;
  }
  return false;
}
bool left_alone(const void* caller) noexcept {
  Dl_info where{};
  if (dladdr(caller, &where) == 0 || where.dli_fname == nullptr) return false;
  if (std::strstr(where.dli_fname, "libpng") != nullptr && called_by_vips()) return true;
  for (const char* name : kLeftAlone) {
    if (std::strstr(where.dli_fname, name) != nullptr) return true;
  }
  return false;
}

void say_where(std::size_t size) noexcept {
  void* frames[24];
  const int count = backtrace(frames, 24);
  std::string text = std::to_string(size) + " bytes in process " + std::to_string(own_pid) + "\n";
  if (char** names = backtrace_symbols(frames, count); names != nullptr) {
    for (int i = 0; i < count; ++i) text.append(names[i]).append("\n");
    known.free(names);
  }
  text.resize(std::min(text.size(), kTextBytesMax));
  std::memcpy(control->text, text.data(), text.size());
  control->text_bytes = static_cast<std::int64_t>(text.size());
}

bool fails(std::size_t size, const void* caller) noexcept {
  if (control == nullptr || inside) return false;
  if (static_cast<std::int64_t>(size) < control->large_bytes.load()) return false;
  inside = true;
  bool now = false;
  if (!left_alone(caller)) {
    ++control->seen;
    now = control->countdown.load() > 0 && --control->countdown == 0;
  }
  if (now) {
    say_where(size);
    ++control->failed;
  }
  inside = false;
  return now;
}

void* refused() noexcept {
  errno = ENOMEM;
  return nullptr;
}

}  // namespace

#define CALLER __builtin_return_address(0)

extern "C" {
void* malloc(std::size_t size) {
  if (!know_functions()) return early_block(size);
  return fails(size, CALLER) ? refused() : known.malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  if (!know_functions()) return early_block(count * size);
  return fails(count * size, CALLER) ? refused() : known.calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  if (!know_functions()) return early_block(size);
  return fails(size, CALLER) ? refused() : known.realloc(old, size);
}
void free(void* p) {
  if (p != nullptr && !is_early(p) && know_functions()) known.free(p);
}
int posix_memalign(void** into, std::size_t alignment, std::size_t size) {
  return !know_functions() || fails(size, CALLER) ? ENOMEM
                                                  : known.posix_memalign(into, alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return !know_functions() || fails(size, CALLER) ? refused()
                                                  : known.aligned_alloc(alignment, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  return !know_functions() || fails(size, CALLER) ? refused() : known.memalign(alignment, size);
}
void* mmap(void* at, std::size_t size, int rights, int flags, int file, off_t offset) {
  if (!know_functions() || fails(size, CALLER)) return refused(), MAP_FAILED;
  return known.mmap(at, size, rights, flags, file, offset);
}
int posix_spawn(pid_t* pid, const char* program, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const arguments[],
                char* const environment[]) {
  std::vector<char*> all;
  for (char* const* one = environment; *one != nullptr; ++one) all.push_back(*one);
  std::string handed_down[2] = {"LD_PRELOAD", "IMGRING_FAILING_MEMORY"};
  for (std::string& one : handed_down) {
    const char* value = std::getenv(one.c_str());
    if (value != nullptr) all.push_back(one.append("=").append(value).data());
  }
  all.push_back(nullptr);
  return known.posix_spawn(pid, program, actions, attributes, arguments, all.data());
}
}

namespace {
void* made(std::size_t size, const void* caller) noexcept {
  return know_functions() && !fails(size, caller) ? known.malloc(size) : nullptr;
}
void* made_or_thrown(std::size_t size, const void* caller) {
  void* const block = made(size, caller);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
}  // namespace

void* operator new(std::size_t size) { return made_or_thrown(size, CALLER); }
void* operator new[](std::size_t size) { return made_or_thrown(size, CALLER); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return made(size, CALLER); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return made(size, CALLER);
}
void operator delete(void* p) noexcept { free(p); }
void operator delete[](void* p) noexcept { free(p); }
void operator delete(void* p, std::size_t) noexcept { free(p); }
void operator delete[](void* p, std::size_t) noexcept { free(p); }
