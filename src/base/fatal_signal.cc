// The handler, and what it must know before: it may ask the loader for nothing.
#include "imgring/base/fatal_signal.h"

#include <elf.h>
#include <link.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "imgring/base/log_queue.h"

namespace imgring {

namespace {

constexpr std::size_t kFramesMax = 32;  // the deepest of ours is some 20
constexpr std::size_t kObjectsMax =
    192;  // libvips brings 90; frames of others are shown as they are
constexpr std::size_t kStackBytes = 64 << 10;  // the handler and the unwinder take 12 KiB

// What was loaded at the start, the program first.
struct Object {
  std::uintptr_t base, begin, end;
  const char* name;  // empty: the program
};
std::array<Object, kObjectsMax> objects;
std::size_t object_count = 0;
std::array<char, 65> build_id = {"none"};
int told_fd = STDERR_FILENO;

// A line of numbers and words, without the C library.
class Line {
 public:
  void put(std::string_view text) noexcept {
    const std::size_t count = std::min(text.size(), text_.size() - size_);
    std::memcpy(text_.data() + size_, text.data(), count);
    size_ += count;
  }
  void put_number(std::uint64_t value, unsigned base) noexcept {
    char digits[20];
    char* begin = digits + sizeof digits;
    do {
      *--begin = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    put({begin, static_cast<std::size_t>(digits + sizeof digits - begin)});
  }
  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 3 << 10> text_;  // 32 frames of 80 characters, and the words
  std::size_t size_ = 0;
};

void put_frame(Line& line, std::uintptr_t address) noexcept {
  line.put(" ");
  for (std::size_t i = 0; i < object_count; ++i) {
    const Object& one = objects[i];
    if (address < one.begin || address >= one.end) continue;
    line.put(one.name);
    line.put("+");
    address -= one.base;
    break;
  }
  line.put("0x");
  line.put_number(address, 16);
}

// Of the one signal that is told of.
std::array<std::uintptr_t, kFramesMax> frames;
std::atomic<std::size_t> frame_count{0};
std::atomic<bool> taken{false};
std::atomic<pid_t> teller{0};

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void*) {
  int before = 0;  // a frame that a signal came into: the address is the instruction's own
  const std::uintptr_t address = _Unwind_GetIPInfo(context, &before);
  const std::size_t count = frame_count.load();
  if (address == 0 || count == kFramesMax) return _URC_END_OF_STACK;
  frames[count] = before != 0 ? address : address - 1;
  frame_count.store(count + 1);
  return _URC_NO_REASON;
}

void write_line(int signal) noexcept {
  constexpr int kPatienceMs = 200;
  Line line;
  line.put("imgring: fatal signal ");
  line.put_number(static_cast<std::uint64_t>(signal), 10);
  line.put(" (");
  line.put(sigabbrev_np(signal));
  line.put("), build ");
  line.put(build_id.data());
  line.put(", frames:");
  for (std::size_t i = 0; i < frame_count.load(); ++i) put_frame(line, frames[i]);
  line.put("\n");
  pollfd room{.fd = told_fd, .events = POLLOUT, .revents = 0};
  if (poll(&room, 1, kPatienceMs) == 0) return;  // nobody reads
  [[maybe_unused]] const auto written = write(told_fd, line.text().data(), line.text().size());
}

// The default action: at once for a signal that somebody sent, and for a fault when the instruction
// is tried again, so that a core file shows it. Behind a breakpoint, which GLib ends a program by,
// the next instruction would go on.
void let_die(int signal, const siginfo_t* info) noexcept {
  std::signal(signal, SIG_DFL);
  if (info->si_code <= 0 || signal == SIGTRAP) raise(signal);
}

void on_fatal_signal(int signal, siginfo_t* info, void*) {
  const int error = errno;
  const pid_t self = gettid();
  if (!taken.exchange(true)) {
    teller.store(self);
    _Unwind_Backtrace(add_frame, nullptr);
    write_line(signal);
    flush_log_for_the_end();
  } else if (teller.load() == self) {
    write_line(signal);  // the stack is no stack any more: what was found of it
  } else {
    constexpr int kOthersMs = 1000;  // another thread's fault ends the process meanwhile
    poll(nullptr, 0, kOthersMs);
  }
  let_die(signal, info);
  errno = error;
}

void read_build_id(const char* note, std::size_t size) noexcept {
  const auto rounded = [](std::size_t bytes) { return (bytes + 3) / 4 * 4; };
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head;
    std::memcpy(&head, note, sizeof head);
    const std::size_t name = sizeof head, bytes = name + rounded(head.n_namesz);
    const std::size_t whole = bytes + rounded(head.n_descsz);
    if (whole > size) return;
    if (head.n_type == NT_GNU_BUILD_ID && std::string_view(note + name, 3) == "GNU") {
      const std::size_t count = std::min<std::size_t>(head.n_descsz, build_id.size() / 2);
      for (std::size_t i = 0; i < count; ++i) {
        const auto byte = static_cast<unsigned char>(note[bytes + i]);
        build_id[2 * i] = "0123456789abcdef"[byte / 16];
        build_id[2 * i + 1] = "0123456789abcdef"[byte % 16];
      }
      build_id[2 * count] = '\0';
      return;
    }
    note += whole;
    size -= whole;
  }
}

int add_object(dl_phdr_info* info, std::size_t, void*) {
  if (object_count == kObjectsMax) return 1;
  const bool program = object_count == 0;
  Object& one = objects[object_count++];
  one = {.base = info->dlpi_addr, .begin = UINTPTR_MAX, .end = 0, .name = ""};
  const char* slash = std::strrchr(info->dlpi_name, '/');
  if (!program) one.name = slash != nullptr ? slash + 1 : info->dlpi_name;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) & part = info->dlpi_phdr[i];
    const std::uintptr_t begin = info->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_NOTE && program) {
      read_build_id(reinterpret_cast<const char*>(begin), part.p_memsz);
    }
    if (part.p_type != PT_LOAD) continue;
    one.begin = std::min(one.begin, begin);
    one.end = std::max(one.end, begin + part.p_memsz);
  }
  return 0;
}

_Unwind_Reason_Code no_frame(_Unwind_Context*, void*) { return _URC_END_OF_STACK; }

}  // namespace

void tell_of_fatal_signals(int fd) noexcept {
  told_fd = fd;
  object_count = 0;
  dl_iterate_phdr(add_object, nullptr);
  _Unwind_Backtrace(no_frame, nullptr);  // what it sets up once it sets up here
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP}) {
    struct sigaction action{};
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action.sa_sigaction = on_fatal_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(signal, &action, nullptr);
  }
}

SignalStack::SignalStack() noexcept {
  stack_t now{};
  // A sanitizer's threads have one.
  if (sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
  void* memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;
  const stack_t own{.ss_sp = memory, .ss_flags = 0, .ss_size = kStackBytes};
  if (sigaltstack(&own, nullptr) == 0) {
    memory_ = memory;
  } else {
    munmap(memory, kStackBytes);
  }
}

SignalStack::~SignalStack() {
  if (memory_ == nullptr) return;
  const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  sigaltstack(&none, nullptr);
  munmap(memory_, kStackBytes);
}

}  // namespace imgring
