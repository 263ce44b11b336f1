// Children that draw SVGs, kept and replaced: ones that lie, die and say nothing.
#include "svg_children_helpers.h"

namespace imgring::image {
namespace {

// ---- children of our own making: forked, never shut in

using Script = void (*)(int socket);

void say(int socket, std::uint32_t good, int width, int height) {
  SvgTold told;
  told.good = good;
  told.width = width;
  told.height = height;
  send_packet(socket, &told, sizeof told);
}

loop::Fd hear(int socket) {
  SvgAsk ask;
  loop::Fd file;
  if (hear_packet(socket, &ask, sizeof ask, &file) != Heard::kPacket) _exit(0);
  return file;
}

Result<SvgProcess> fork_child(Script script, bool greets = true) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail(ErrorCode::kInternal, std::strerror(errno));
  }
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    if (greets) say(ends[1], 1, 0, 0);
    script(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  SvgProcess process;
  process.pid = pid;
  process.socket = loop::Fd(ends[0]);
  return process;
}

SvgChildrenOptions scripted(Script script) {
  SvgChildrenOptions options;
  options.time_max = 60s;
  options.start = [script] { return fork_child(script); };
  return options;
}

void say_bytes(int socket, std::size_t size_bytes) {
  const std::string bytes(size_bytes, '\x01');
  send_packet(socket, bytes.data(), bytes.size());
}

void wait_for_the_end(int socket) {
  for (;;) hear(socket);
}

void draw_nothing(int socket) {
  for (;;) {
    hear(socket);
    say(socket, 1, 6, 4);
  }
}

struct Liar {
  const char* what;
  Script script;
};
constexpr Liar kLiars[] = {
    {"no width",
     [](int s) {
       hear(s);
       say(s, 1, 0, 4);
       wait_for_the_end(s);
     }},
    {"a negative height",
     [](int s) {
       hear(s);
       say(s, 1, 4, -4);
       wait_for_the_end(s);
     }},
    {"impossibly wide",
     [](int s) {
       hear(s);
       say(s, 1, 0x7FFFFFFF, 1);
       wait_for_the_end(s);
     }},
    {"a short answer",
     [](int s) {
       hear(s);
       say_bytes(s, 7);
       wait_for_the_end(s);
     }},
    {"a long answer",
     [](int s) {
       hear(s);
       say_bytes(s, 5000);
       wait_for_the_end(s);
     }},
    {"ends with the question", [](int s) { hear(s); }},
    {"aborts with the question",
     [](int s) {
       hear(s);
       std::abort();
     }},
    {"dies before the pixels",
     [](int s) {
       hear(s);
       say(s, 1, 6, 4);
       hear(s);
       say(s, 1, 6, 4);
       hear(s);
       kill(getpid(), SIGKILL);
     }},
    {"keeps a mapping of the pixels",
     [](int s) {
       hear(s);
       say(s, 1, 6, 4);
       hear(s);
       say(s, 1, 6, 4);
       const loop::Fd file = hear(s);
       const void* at = mmap(nullptr, 96, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
       say(s, at != MAP_FAILED ? 1 : 0, 6, 4);
       wait_for_the_end(s);
     }},
};

TEST(SvgChildren, LiesAndDeathsAreThePicturesFault) {
  for (const Liar& liar : kLiars) {
    SCOPED_TRACE(liar.what);
    SvgChildren children(scripted(liar.script));
    const auto drawn = draw(&children, kPicture, 0.1);
    ASSERT_FALSE(drawn.has_value());
    EXPECT_EQ(drawn.error().status(), 422) << drawn.error().detail;
    const SvgChildrenNumbers numbers = children.numbers();
    EXPECT_EQ(numbers.died, 1u);
    EXPECT_EQ(numbers.alive, 0u);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // no zombie
    EXPECT_EQ(errno, ECHILD);
  }
}

TEST(SvgChildren, OnlyThePicturesFaultsAreBelieved) {
  SvgChildren children(scripted([](int s) {
    hear(s);
    SvgTold told;
    told.code = static_cast<std::uint32_t>(ErrorCode::kForbidden);
    told.detail_bytes = 0xFFFFFFFF;
    std::memcpy(told.detail, "line\nlevel=x", 12);
    send_packet(s, &told, sizeof told);
    wait_for_the_end(s);
  }));
  const auto drawn = draw(&children, kPicture, 1);
  ASSERT_FALSE(drawn.has_value());
  EXPECT_EQ(drawn.error().code, ErrorCode::kBrokenImage);
  EXPECT_EQ(drawn.error().detail.substr(0, 12), "line?level=x");
  EXPECT_EQ(drawn.error().detail.size(), kSvgDetailBytesMax);
}

TEST(SvgChildren, PixelsCantChangeAfterwards) {
  SvgChildren children(scripted(draw_nothing));
  const auto drawn = draw(&children, kPicture, 1);
  ASSERT_TRUE(drawn.has_value()) << drawn.error().detail;
  EXPECT_EQ(pixels_of(drawn->get()), std::vector<std::uint8_t>(6 * 4 * 4, 0));
  const auto file = empty_memory_file(96);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(seal_content(file->get()).has_value());
  EXPECT_EQ(pwrite(file->get(), "x", 1, 0), -1);
  EXPECT_EQ(ftruncate(file->get(), 1), -1);
  EXPECT_FALSE(Mapping::of(file->get(), 97).has_value());
}

TEST(SvgChildren, OneThatTakesForEverIsKilled) {
  SvgChildrenOptions options = scripted(wait_for_the_end);
  options.time_max = 1s;
  SvgChildren children(std::move(options));
  const auto drawn = draw(&children, kPicture, 1);
  ASSERT_FALSE(drawn.has_value());
  EXPECT_EQ(drawn.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(children.numbers().stopped, 1u);
  EXPECT_EQ(children.numbers().died, 0u);
  EXPECT_EQ(children.numbers().alive, 0u);
}

// A starved machine answered 500 for it.
TEST(SvgChildren, OneThatDoesNotStartInTimeIsOverload) {
  SvgChildrenOptions options;
  options.start_max = 50ms;
  options.start = [] { return fork_child(wait_for_the_end, false); };
  SvgChildren children(std::move(options));
  const auto drawn = draw(&children, kPicture, 1);
  ASSERT_FALSE(drawn.has_value());
  EXPECT_EQ(drawn.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(children.numbers().alive, 0u);
}

TEST(SvgChildren, TheStopFlagEndsTheWait) {
  SvgChildren children(scripted(wait_for_the_end));
  StopFlag stop;
  std::thread stopper([&stop] {
    std::this_thread::sleep_for(20ms);
    stop.stop(StopReason::kClientGone);
  });
  const auto drawn = draw(&children, kPicture, 1, stop);
  stopper.join();
  ASSERT_FALSE(drawn.has_value());
  EXPECT_EQ(drawn.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(children.numbers().stopped, 1u);
  EXPECT_EQ(children.numbers().alive, 0u);
}

TEST(SvgChildren, AreReplacedAfterSoManyJobs) {
  SvgChildrenOptions options = scripted(draw_nothing);
  options.jobs_max = 2;
  SvgChildren children(std::move(options));
  for (const std::uint64_t started : {1, 1, 2, 2, 3}) {
    ASSERT_TRUE(draw(&children, kPicture, 1).has_value());
    EXPECT_EQ(children.numbers().started, started);
  }
  EXPECT_EQ(children.numbers().died, 0u);
}

TEST(SvgChildren, OneThatGrewIsNotKept) {
  SvgChildren children(scripted([](int s) {
    for (;;) {
      hear(s);
      SvgTold told;
      told.good = 1;
      told.width = told.height = 4;
      told.resident_bytes = kSvgKeptBytes + 1;
      send_packet(s, &told, sizeof told);
    }
  }));
  ASSERT_TRUE(draw(&children, kPicture, 1).has_value());
  EXPECT_EQ(children.numbers().alive, 0u);
}

constexpr std::size_t kGrowth = kSvgGrownBytes + (4 << 20);

// Takes memory with each question; at the end of the job it gives that back or does not.
template <bool kGivesBack>
void grow(int socket) {
  void* taken = nullptr;
  for (;;) {
    SvgAsk ask;
    loop::Fd file;
    if (hear_packet(socket, &ask, sizeof ask, &file) != Heard::kPacket) _exit(0);
    if (taken == nullptr) {
      taken = mmap(nullptr, kGrowth, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      std::memset(taken, 1, kGrowth);
    }
    if (ask.kind != SvgAskKind::kEnd) {
      say(socket, 1, 6, 4);
    } else if (kGivesBack) {
      munmap(std::exchange(taken, nullptr), kGrowth);
    }
  }
}

// It says nothing of it: the kernel is asked.
TEST(SvgChildren, OneThatKeepsWhatItsJobTookIsEnded) {
  SvgChildren children(scripted(grow<false>));
  for (const std::uint64_t started : {1, 2}) {
    ASSERT_TRUE(draw(&children, kPicture, 1).has_value());
    EXPECT_EQ(children.numbers().alive, 0u);
    EXPECT_EQ(children.numbers().started, started);
  }
  EXPECT_EQ(children.numbers().died, 0u);
}

TEST(SvgChildren, OneThatGivesItBackIsKept) {
  SvgChildren children(scripted(grow<true>));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(draw(&children, kPicture, 1).has_value());
  EXPECT_EQ(children.numbers().alive, 1u);
  EXPECT_EQ(children.numbers().started, 1u);
}

TEST(SvgChildren, IdleOnesAreInTheLedgerWithWhatTheyHold) {
  SvgChildrenOptions options = scripted(draw_nothing);
  mem::Budget budget(std::uint64_t{1} << 30);
  options.idle_budget = &budget;
  {
    SvgChildren children(std::move(options));
    ASSERT_TRUE(draw(&children, kPicture, 1).has_value());
    EXPECT_GE(budget.current(), std::max(children.numbers().anon_bytes, mem::kIdleChildBytes));
    const auto busy = children.open(as_bytes(kPicture), {}, kNoStop);
    EXPECT_EQ(budget.current(), 0u) << "a job's memory is its grant's";
  }
  EXPECT_EQ(budget.current(), 0u);
}

TEST(SvgChild, KeepsNextToNothingOfALargePicture) {
  if (kSanitized) GTEST_SKIP() << "its allocator keeps what was freed";
  SvgChildren children(real_children());
  ASSERT_TRUE(draw(&children, kPicture, 1).has_value());
  const std::uint64_t before = children.numbers().anon_bytes;
  ASSERT_TRUE(draw(&children, kPicture, 50).has_value());  // 24 MB of pixels
  EXPECT_LT(children.numbers().anon_bytes, before + kSvgGrownBytes);
  EXPECT_EQ(children.numbers().started, 1u);
}

TEST(SvgChildren, EndWhenTheyHaveNothingToDo) {
  SvgChildrenOptions options = scripted(draw_nothing);
  options.idle_max = 0ms;
  SvgChildren children(std::move(options));
  ASSERT_TRUE(draw(&children, kPicture, 1).has_value());
  EXPECT_EQ(children.numbers().alive, 1u);
  EXPECT_GT(children.numbers().resident_bytes, 0u);
  {
    const auto busy = children.open(as_bytes(kPicture), {}, kNoStop);
    ASSERT_TRUE(busy.has_value());
    children.end_idle();
    EXPECT_EQ(children.numbers().alive, 1u);  // not one with a source
  }
  children.end_idle();
  EXPECT_FALSE(children.any());
  EXPECT_EQ(children.numbers().died, 0u);
  EXPECT_TRUE(draw(&children, kPicture, 1).has_value());
}

TEST(SvgChildren, OneThatDiedIdleIsReplacedWithoutAWord) {
  static pid_t last = -1;
  SvgChildrenOptions options;
  options.start = [] {
    auto process = fork_child(draw_nothing);
    last = process->pid;
    return process;
  };
  SvgChildren children(std::move(options));
  ASSERT_TRUE(draw(&children, kPicture, 1).has_value());
  ASSERT_EQ(kill(last, SIGKILL), 0);
  siginfo_t gone{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(last), &gone, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(draw(&children, kPicture, 1).has_value());
  EXPECT_EQ(children.numbers().started, 2u);
  EXPECT_EQ(children.numbers().died, 1u);
}

TEST(SvgChildren, LargeOnesAreDrawnOneAfterTheOther) {
  SvgChildrenOptions options = scripted(draw_nothing);
  options.children_max = 2;
  SvgChildren children(std::move(options));
  const std::string large(kSvgLargeBytes, ' ');
  auto first = children.open(as_bytes(large), {}, kNoStop);
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(children.open(as_bytes(kPicture), {}, kNoStop).has_value());  // small ones pass
  StopFlag stop;
  stop.stop(StopReason::kTimeout);
  EXPECT_FALSE(children.open(as_bytes(large), {}, stop).has_value());
  first->reset();
  EXPECT_TRUE(children.open(as_bytes(large), {}, kNoStop).has_value());
}

TEST(SvgChildren, NoMoreThanHelpers) {
  SvgChildren children(scripted(draw_nothing));
  const auto first = children.open(as_bytes(kPicture), {}, kNoStop);
  ASSERT_TRUE(first.has_value());
  const auto second = children.open(as_bytes(kPicture), {}, kNoStop);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kOverloaded);
}

// Somebody kills children, the kernel for want of memory perhaps: no fault of the installation.
TEST(SvgChildren, OneThatIsKilledWhileItStartsCostsItsPictureOnly) {
  SvgChildrenOptions options;
  int starts = 0;
  options.start = [&starts] {
    const bool killed = ++starts == 1;
    return killed ? fork_child([](int) { kill(getpid(), SIGKILL); }, false)
                  : fork_child(draw_nothing);
  };
  SvgChildren children(std::move(options));
  const auto first = children.open(as_bytes(kPicture), {}, kNoStop);
  ASSERT_FALSE(first.has_value());
  EXPECT_EQ(first.error().status(), 422) << first.error().detail;
  EXPECT_NE(first.error().detail.find("signal 9"), std::string::npos) << first.error().detail;
  EXPECT_TRUE(children.open(as_bytes(kPicture), {}, kNoStop).has_value());
  EXPECT_EQ(children.numbers().died, 1u);
}

TEST(SvgChildren, OneThatEndsItselfWhileItStartsIsAFaultOfTheInstallation) {
  SvgChildrenOptions options;
  options.start = [] { return fork_child([](int) { _exit(127); }, false); };
  SvgChildren children(std::move(options));
  const auto drawing = children.open(as_bytes(kPicture), {}, kNoStop);
  ASSERT_FALSE(drawing.has_value());
  EXPECT_EQ(drawing.error().code, ErrorCode::kInternal) << drawing.error().detail;
}

// Out of descriptors in a process of its own: the shortage passes, so it is a 503.
TEST(SvgChildren, ShortagesAtTheStartAreNoFaultOfAnybody) {
  const pid_t pid = fork();
  if (pid == 0) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_NOFILE, &none);
    const auto started = start_svg_process();
    _exit(!started && started.error().code == ErrorCode::kOverloaded ? 0 : 1);
  }
  int status = 1;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST(SvgChildren, WhereNoneStartsTheErrorSaysWhyAndTheLogOnce) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Logger log(LogFormat::kStructured, LogLevel::kError, ends[1]);
  SvgChildrenOptions options;
  options.start = [] { return start_svg_process("/nowhere/imgring"); };
  options.log = &log;
  {
    SvgChildren children(std::move(options));
    for (int i = 0; i < 2; ++i) {
      const auto drawing = children.open(as_bytes(kPicture), {}, kNoStop);
      ASSERT_FALSE(drawing.has_value());
      EXPECT_EQ(drawing.error().code, ErrorCode::kInternal);
      EXPECT_NE(drawing.error().detail.find("No such file"), std::string::npos);
    }
    EXPECT_FALSE(children.any());
  }
  close(ends[1]);
  std::string text(4096, '\0');
  const ssize_t got = read(ends[0], text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  close(ends[0]);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_NE(text.find("SVGs can't be drawn"), std::string::npos) << text;
}

}  // namespace
}  // namespace imgring::image
