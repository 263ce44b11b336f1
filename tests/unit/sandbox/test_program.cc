// The test program, and the child that it starts: kinds of work that echo, fail and try to get out.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "imgring/sandbox/kept_files.h"
#include "imgring/sandbox/worker.h"
#include "test_kinds.h"

namespace imgring::sandbox::test {
namespace {

template <class T>
std::unique_ptr<Work> begin_work() {
  return std::make_unique<T>();
}

class EchoWork final : public Work {
 public:
  Result<Facts> answer(const Request& request, Room& room) override {
    if (first_.empty()) first_ = request.parts[Part::kSource];
    for (std::size_t i = 0; i < kPartCount; ++i) {
      const auto part = static_cast<Part>(i);
      const ByteSpan bytes = part == Part::kResult ? first_ : request.parts[part];
      // In two pieces.
      if (bytes.empty()) continue;
      IMGRING_TRY_VOID(room.append(part, bytes.first(bytes.size() / 2)));
      IMGRING_TRY_VOID(room.append(part, bytes.subspan(bytes.size() / 2)));
    }
    return request.facts;
  }

 private:
  ByteSpan first_;
};

class FickleWork final : public Work {
 public:
  Result<Facts> answer(const Request& request, Room& room) override {
    switch (request.facts.numbers.as<Whim>()) {
      case Whim::kNothing: break;
      case Whim::kAbort: std::abort();
      case Whim::kFault: std::raise(SIGSEGV); break;
      case Whim::kExit: _exit(3);
      case Whim::kLoop:
        for (volatile bool on = true; on;) on = true;
        break;
      case Whim::kNoRoom: {
        const std::vector<std::uint8_t> bytes(request.room_bytes + 1);
        IMGRING_TRY_VOID(room.append(Part::kResult, bytes));
        break;
      }
      case Whim::kBrokenSvg: return fail(ErrorCode::kBrokenSvg, "as it is");
      case Whim::kForbidden: return fail(ErrorCode::kForbidden, "as it is");
      case Whim::kObedient:
        while (!request.stop->stopped()) usleep(1000);
        return fail(ErrorCode::kBrokenSvg, "stopped");
      case Whim::kProcessors: {
        const auto count = static_cast<std::int32_t>(std::thread::hardware_concurrency());
        return Facts{.picture = {.width = count}, .numbers = {}};
      }
      case Whim::kGreedy: {
        constexpr std::size_t kMuch = std::size_t{512} << 20;
        if (mmap(nullptr, kMuch, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) {
          return fail(ErrorCode::kBrokenSvg, "no addresses");
        }
        break;
      }
    }
    return Facts{};
  }
};

// The descriptor of a file of this size.
int descriptor_of(std::size_t size_bytes) {
  constexpr int kDescriptors = 64;
  for (int fd = 0; fd < kDescriptors; ++fd) {
    struct stat facts = {};
    if (fstat(fd, &facts) == 0 && static_cast<std::size_t>(facts.st_size) == size_bytes) return fd;
  }
  return -1;
}

int errno_of(long result) { return result == -1 ? errno : 0; }
int errno_of(const void* mapped) { return mapped == MAP_FAILED ? errno : 0; }

int opened(const char* path, int flags) { return errno_of(open(path, flags | O_CLOEXEC, 0600)); }

void* mapped(int protection, int flags, int fd, std::size_t size_bytes = 4096) {
  return mmap(nullptr, size_bytes, protection, flags, fd, 0);
}

int try_files(Try what) {
  switch (what) {
    case Try::kReadFile: return opened("/etc/passwd", O_RDONLY);
    case Try::kReadKeptFile: return opened(kKeptFile, O_RDONLY);
    case Try::kWriteKeptFile: return opened(kKeptFile, O_WRONLY);
    case Try::kMakeFile: return opened("/tmp/imgring-sandbox-test", O_WRONLY | O_CREAT);
    case Try::kLookAtFile: return errno_of(access("/etc/passwd", R_OK));
    default: return errno_of(unlink("/tmp/imgring-sandbox-test"));
  }
}

int try_descriptors() {
  constexpr int kMany = 100;
  std::vector<int> taken;
  int error = 0;
  while (error == 0 && taken.size() < kMany) {
    taken.push_back(open(kKeptFile, O_RDONLY | O_CLOEXEC));
    error = errno_of(taken.back());
  }
  for (const int fd : taken) close(fd);
  return error;
}

int try_processes(Try what) {
  const pid_t server = 1;  // there is one of this number
  char byte = 0;
  iovec here{&byte, 1}, there{&byte, 1};
  char* const none[] = {nullptr};
  switch (what) {
    case Try::kSocket: return errno_of(socket(AF_INET, SOCK_STREAM, 0));
    case Try::kUnixSocket: return errno_of(socket(AF_UNIX, SOCK_STREAM, 0));
    case Try::kFork: {
      const long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
      if (child == 0) _exit(0);
      return errno_of(child);
    }
    case Try::kProgram: return errno_of(execve("/bin/true", none, none));
    case Try::kSignalServer: return errno_of(kill(server, 0));
    case Try::kTrace: return errno_of(ptrace(PTRACE_ATTACH, server, nullptr, nullptr));
    case Try::kReadServer: return errno_of(process_vm_readv(server, &here, 1, &there, 1, 0));
    case Try::kRing: return errno_of(syscall(SYS_io_uring_setup, 1, nullptr));
    default: return errno_of(syscall(SYS_getppid));
  }
}

int try_memory(Try what) {
  constexpr int kOwn = MAP_PRIVATE | MAP_ANONYMOUS;
  constexpr int kReadWrite = PROT_READ | PROT_WRITE;
  switch (what) {
    case Try::kCodeMemory: return errno_of(mapped(PROT_READ | PROT_EXEC, kOwn, -1));
    case Try::kCodeLater: {
      void* at = mapped(kReadWrite, kOwn, -1);
      return at == MAP_FAILED ? 0 : errno_of(mprotect(at, 4096, PROT_READ | PROT_EXEC));
    }
    case Try::kCodeOfFile:
      return errno_of(mapped(PROT_READ | PROT_EXEC, MAP_PRIVATE, descriptor_of(kTriedSourceBytes)));
    case Try::kRaiseAddresses: {
      rlimit limit = {};
      if (getrlimit(RLIMIT_AS, &limit) != 0) return 0;
      limit.rlim_cur = limit.rlim_max;
      return errno_of(setrlimit(RLIMIT_AS, &limit));
    }
    default: return errno_of(mapped(kReadWrite, kOwn, -1, std::size_t{2} << 30));
  }
}

int try_blocks(Try what) {
  const int source = descriptor_of(kTriedSourceBytes), room = descriptor_of(kTriedRoomBytes);
  if (source < 0 || room < 0) return 0;
  const auto behind = static_cast<off_t>(kTriedRoomBytes);
  switch (what) {
    case Try::kWriteSource: return errno_of(pwrite(source, "x", 1, 0));
    case Try::kGrowSource: return errno_of(pwrite(source, "x", 1, kTriedSourceBytes));
    case Try::kShrinkSource: return errno_of(ftruncate(source, 1));
    case Try::kMapSourceForWriting:
      return errno_of(mapped(PROT_READ | PROT_WRITE, MAP_SHARED, source));
    case Try::kGrowRoom: return errno_of(pwrite(room, "x", 1, behind));
    case Try::kShrinkRoom: return errno_of(ftruncate(room, 1));
    default: return errno_of(fcntl(room, F_ADD_SEALS, F_SEAL_WRITE));
  }
}

class PrisonerWork final : public Work {
 public:
  Result<Facts> answer(const Request& request, Room&) override {
    const auto what = request.facts.numbers.as<Try>();
    int error = 0;
    if (what == Try::kManyDescriptors) {
      error = try_descriptors();
    } else if (what <= Try::kRemoveFile) {
      error = try_files(what);
    } else if (what <= Try::kRing || what == Try::kParentsId) {
      error = try_processes(what);
    } else if (what <= Try::kMuchMemory) {
      error = try_memory(what);
    } else {
      error = try_blocks(what);
    }
    return Facts{.picture = {}, .numbers = Numbers(error)};
  }
};

class CuriousWork final : public Work {
 public:
  Result<Facts> answer(const Request& request, Room& room) override {
    const std::string name(as_text(request.parts[Part::kSource]));
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return fail(ErrorCode::kBrokenImage, "there is none");
    IMGRING_TRY_VOID(room.append(Part::kResult, as_bytes(value)));
    return Facts{};
  }
};

Result<void> keep_one_file() {
  static_cast<void>(keep_files({kKeptFile, "/nowhere/at/all"}));
  return {};
}

Result<void> never_ready() { return fail(ErrorCode::kInternal, "something is missing"); }

constexpr Kind::Texts kTexts{.does = "does tests",
                             .does_one = "does this test",
                             .one = "test",
                             .broken = "Tests can't be done"};
constexpr ErrorCode kBelieved[] = {ErrorCode::kBrokenSvg};
constexpr int kParents[] = {SYS_getppid};
constexpr const char* kHandedDown[] = {"IMGRING_TEST_HANDED_DOWN"};
constexpr const char* kSet[] = {"IMGRING_TEST_SET=yes"};

constexpr Kind kind_of(std::string_view name, std::unique_ptr<Work> (*begin)(),
                       Result<void> (*prepare)() = nullptr) {
  return Kind{.name = name,
              .texts = kTexts,
              .errors = kBelieved,
              .calls = {},
              .inherited = kHandedDown,
              .environment = kSet,
              .prepare = prepare,
              .begin = begin};
}

constexpr Kind polite() {
  Kind kind = kind_of("polite", begin_work<FickleWork>);
  kind.stoppable = true;
  kind.threads_max = 2;
  return kind;
}

constexpr Kind trusty() {
  Kind kind = kind_of("trusty", begin_work<PrisonerWork>);
  kind.calls = kParents;
  return kind;
}

}  // namespace

const Kind kEcho = kind_of("echo", begin_work<EchoWork>);
const Kind kFickle = kind_of("fickle", begin_work<FickleWork>);
const Kind kPolite = polite();
const Kind kPrisoner = kind_of("inmate", begin_work<PrisonerWork>, keep_one_file);
const Kind kTrusty = trusty();
const Kind kCurious = kind_of("curious", begin_work<CuriousWork>);
const Kind kUnready = kind_of("unready", begin_work<EchoWork>, never_ready);

std::span<const Kind* const> test_kinds() {
  static const std::array<const Kind*, 7> kinds = {&kEcho,   &kFickle,  &kPolite, &kPrisoner,
                                                   &kTrusty, &kCurious, &kUnready};
  return kinds;
}

}  // namespace imgring::sandbox::test

int main(int argc, char** argv) {
  namespace sandbox = imgring::sandbox;
  if (argc == 3 && argv[1] == std::string_view(sandbox::kCommand)) {
    return sandbox::run_worker(sandbox::test::test_kinds(), argv[2]);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
