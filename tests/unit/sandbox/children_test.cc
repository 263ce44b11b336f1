// The pool of children: ones that lie, die and say nothing, kept and replaced.
#include "imgring/sandbox/children.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "../../../src/sandbox/memory_file.h"
#include "imgring/base/log.h"
#include "scripted_children.h"

namespace imgring::sandbox {
namespace {

using namespace test;

void say_bytes(int socket, std::size_t size_bytes) {
  const std::string bytes(size_bytes, '\x01');
  send_packet(socket, bytes.data(), bytes.size());
}

// The third question's, after two answers.
loop::Fd hear_third(int socket) {
  for (int i = 0; i < 2; ++i) {
    hear(socket);
    say(socket, 1);
  }
  return hear(socket);
}

struct Liar {
  const char* what;
  Script script;
};
constexpr Liar kLiars[] = {
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
       hear_third(s);
       kill(getpid(), SIGKILL);
     }},
    {"keeps a mapping of the pixels",
     [](int s) {
       const loop::Fd file = hear_third(s);
       const void* at =
           mmap(nullptr, kRoomBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
       say(s, at != MAP_FAILED ? 1 : 0, {}, kRoomBytes);
       wait_for_the_end(s);
     }},
    {"tells of more than there is room for",
     [](int s) {
       hear_third(s);
       say(s, 1, {}, kRoomBytes + 1);
       wait_for_the_end(s);
     }},
    {"tells of parts beyond any size",
     [](int s) {
       hear_third(s);
       Told told;
       told.good = 1;
       told.part_bytes.all.fill(~std::uint64_t{0} - 100);
       send_packet(s, &told, sizeof told);
       wait_for_the_end(s);
     }},
    {"tells of parts where there is no room at all",
     [](int s) {
       hear(s);
       say(s, 1, {}, 1);
       wait_for_the_end(s);
     }},
};

TEST(Children, LiesAndDeathsAreThePicturesFault) {
  for (const Liar& liar : kLiars) {
    SCOPED_TRACE(liar.what);
    Children children(scripted(liar.script));
    const auto done = work(&children);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().status(), 422) << done.error().detail;
    const ChildrenNumbers numbers = children.numbers();
    EXPECT_EQ(numbers.died, 1u);
    EXPECT_EQ(numbers.alive, 0u);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // no zombie
    EXPECT_EQ(errno, ECHILD);
  }
}

TEST(Children, OnlyThePicturesFaultsAreBelieved) {
  Children children(scripted([](int s) {
    hear(s);
    Told told;
    told.code = static_cast<std::uint32_t>(ErrorCode::kForbidden);
    told.detail_bytes = 0xFFFFFFFF;
    std::memcpy(told.detail, "line\nlevel=x", 12);
    send_packet(s, &told, sizeof told);
    wait_for_the_end(s);
  }));
  const auto done = work(&children);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kBrokenImage);
  EXPECT_EQ(done.error().detail.substr(0, 12), "line?level=x");
  EXPECT_EQ(done.error().detail.size(), kDetailBytesMax);
}

TEST(Children, PixelsCantChangeAfterwards) {
  Children children(scripted(answer_all));
  const auto done = work(&children);
  ASSERT_TRUE(done.has_value()) << done.error().detail;
  EXPECT_EQ(as_text(done->span()), std::string(kRoomBytes, '\0'));
  const auto file = empty_memory_file(96);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(seal_content(file->get(), 96).has_value());
  EXPECT_EQ(pwrite(file->get(), "x", 1, 0), -1);
  EXPECT_EQ(ftruncate(file->get(), 1), -1);
  EXPECT_FALSE(Mapping::of(file->get(), 97).has_value());
}

TEST(Children, OneThatTakesForEverIsKilled) {
  ChildrenOptions options = scripted(wait_for_the_end);
  options.time_max = 1s;
  Children children(std::move(options));
  const auto done = work(&children);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(children.numbers().stopped, 1u);
  EXPECT_EQ(children.numbers().died, 0u);
  EXPECT_EQ(children.numbers().alive, 0u);
}

// A starved machine answered 500 for it.
TEST(Children, OneThatDoesNotStartInTimeIsOverload) {
  ChildrenOptions options;
  options.start_max = 50ms;
  options.start = [](const Kind&) { return fork_child(wait_for_the_end, false); };
  Children children(std::move(options));
  const auto done = work(&children);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(children.numbers().alive, 0u);
}

TEST(Children, TheStopFlagEndsTheWait) {
  Children children(scripted(wait_for_the_end));
  StopFlag stop;
  std::thread stopper([&stop] {
    std::this_thread::sleep_for(20ms);
    stop.stop(StopReason::kClientGone);
  });
  const auto done = work(&children, stop);
  stopper.join();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(children.numbers().stopped, 1u);
  EXPECT_EQ(children.numbers().alive, 0u);
}

TEST(Children, AreReplacedAfterSoManyJobs) {
  ChildrenOptions options = scripted(answer_all);
  options.jobs_max = 2;
  Children children(std::move(options));
  for (const std::uint64_t started : {1, 1, 2, 2, 3}) {
    ASSERT_TRUE(work(&children).has_value());
    EXPECT_EQ(children.numbers().started, started);
  }
  EXPECT_EQ(children.numbers().died, 0u);
}

TEST(Children, OneThatGrewIsNotKept) {
  Children children(scripted([](int s) {
    for (;;) {
      hear(s);
      Told told;
      told.good = 1;
      told.resident_bytes = kKeptBytes + 1;
      send_packet(s, &told, sizeof told);
    }
  }));
  ASSERT_TRUE(work(&children).has_value());
  EXPECT_EQ(children.numbers().alive, 0u);
}

// What else the child wrote would be held for as long as the answer lives.
TEST(Children, ASmallAnswerHoldsLittle) {
  Children children(scripted([](int s) {
    Ask ask;
    const loop::Fd room = hear(s, &ask);
    const std::string bytes(std::size_t{16} << 20, 'b');
    if (pwrite(room.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
      _exit(1);
    }
    say(s, 1, {}, 100);
    wait_for_the_end(s);
  }));
  const auto shared_bytes = [] {
    std::ifstream file("/proc/meminfo");
    std::string line;
    long kib = 0;
    while (std::getline(file, line)) {
      if (std::sscanf(line.c_str(), "Shmem: %ld", &kib) == 1) break;
    }
    return kib * 1024;
  };
  Request request;
  request.room_bytes = std::size_t{64} << 20;
  const long before = shared_bytes();
  auto job = begin(&children);
  ASSERT_TRUE(job.has_value());
  const auto answer = (*job)->ask(request);
  ASSERT_TRUE(answer.has_value()) << answer.error().detail;
  EXPECT_EQ(answer->parts[Part::kPixels].size(), 100u);
  EXPECT_LT(shared_bytes() - before, 8 << 20);
}

TEST(Children, LargeJobsAreDoneOneAfterTheOther) {
  ChildrenOptions options = scripted(answer_all);
  options.children_max = 2;
  Children children(std::move(options));
  auto first = begin(&children, kLargeBytes);
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(begin(&children).has_value());  // small ones pass
  StopFlag stop;
  stop.stop(StopReason::kTimeout);
  EXPECT_FALSE(children.begin(kKind, {.source_bytes = kLargeBytes}, stop).has_value());
  first->reset();
  EXPECT_TRUE(begin(&children, kLargeBytes).has_value());
}

TEST(Children, NoMoreThanHelpers) {
  Children children(scripted(answer_all));
  const auto first = begin(&children);
  ASSERT_TRUE(first.has_value());
  const auto second = begin(&children);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kOverloaded);
}

TEST(Children, ASecondOfOneJobEndsWithIt) {
  ChildrenOptions options = scripted(answer_all);
  options.children_max = 2;
  options.warm_max = 1;
  Children children(std::move(options));
  auto first = begin(&children), second = begin(&children);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(children.numbers().alive, 2u);
  second->reset();
  EXPECT_EQ(children.numbers().alive, 1u);
  first->reset();
  EXPECT_EQ(children.numbers().alive, 1u);  // the last stays
  EXPECT_EQ(children.numbers().died, 0u);
}

TEST(Children, AnotherKindOfWorkTakesThePlaceOfAnIdleChild) {
  Children children(scripted(answer_all));  // one at a time
  ASSERT_TRUE(work(&children).has_value());
  ASSERT_TRUE(work(&children, kNoStop, kOtherKind).has_value());
  EXPECT_EQ(children.numbers().started, 2u);
  EXPECT_EQ(children.numbers().alive, 1u);
  ASSERT_TRUE(work(&children, kNoStop, kOtherKind).has_value());
  EXPECT_EQ(children.numbers().started, 2u);
  EXPECT_EQ(children.numbers().died, 0u);
}

TEST(Children, AnIdleOneServesItsOwnKindOnly) {
  ChildrenOptions options = scripted(answer_all);
  options.children_max = 2;
  Children children(std::move(options));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(work(&children).has_value());
    ASSERT_TRUE(work(&children, kNoStop, kOtherKind).has_value());
    EXPECT_EQ(children.numbers().started, 2u);
    EXPECT_EQ(children.numbers().alive, 2u);
  }
}

TEST(Children, AnAnswerThatIsRefutedEndsItsChild) {
  Children children(scripted(answer_all));
  const auto job = begin(&children);
  ASSERT_TRUE(job.has_value());
  ASSERT_TRUE((*job)->ask({}).has_value());
  const Error error = (*job)->refute("told of an impossible size");
  EXPECT_EQ(error.detail.find("the child that does this test told of an impossible size: ended"),
            0u)
      << error.detail;
  EXPECT_EQ(children.numbers().died, 1u);
  EXPECT_EQ(children.numbers().alive, 0u);
  const auto again = (*job)->ask({});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().status(), 422);
}

// Somebody kills children, the kernel for want of memory perhaps: no fault of the installation.
TEST(Children, OneThatIsKilledWhileItStartsCostsItsPictureOnly) {
  ChildrenOptions options;
  int starts = 0;
  options.start = [&starts](const Kind&) {
    const bool killed = ++starts == 1;
    return killed ? fork_child([](int) { kill(getpid(), SIGKILL); }, false)
                  : fork_child(answer_all);
  };
  Children children(std::move(options));
  const auto first = begin(&children);
  ASSERT_FALSE(first.has_value());
  EXPECT_EQ(first.error().status(), 422) << first.error().detail;
  EXPECT_NE(first.error().detail.find("signal 9"), std::string::npos) << first.error().detail;
  EXPECT_TRUE(begin(&children).has_value());
  EXPECT_EQ(children.numbers().died, 1u);
}

TEST(Children, OneThatEndsItselfWhileItStartsIsAFaultOfTheInstallation) {
  ChildrenOptions options;
  options.start = [](const Kind&) { return fork_child([](int) { _exit(127); }, false); };
  Children children(std::move(options));
  const auto job = begin(&children);
  ASSERT_FALSE(job.has_value());
  EXPECT_EQ(job.error().code, ErrorCode::kInternal) << job.error().detail;
}

// Out of descriptors in a process of its own: the shortage passes, so it is a 503.
TEST(Children, ShortagesAtTheStartAreNoFaultOfAnybody) {
  const pid_t pid = fork();
  if (pid == 0) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_NOFILE, &none);
    const auto started = start_process(kKind);
    _exit(!started && started.error().code == ErrorCode::kOverloaded ? 0 : 1);
  }
  int status = 1;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST(Children, WhereNoneStartsTheErrorSaysWhyAndTheLogOnce) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Logger log(LogFormat::kStructured, LogLevel::kError, ends[1]);
  ChildrenOptions options;
  options.start = [](const Kind& kind) { return start_process(kind, "/nowhere/imgring"); };
  options.log = &log;
  {
    Children children(std::move(options));
    for (int i = 0; i < 2; ++i) {
      const auto job = begin(&children);
      ASSERT_FALSE(job.has_value());
      EXPECT_EQ(job.error().code, ErrorCode::kInternal);
      EXPECT_NE(job.error().detail.find("No such file"), std::string::npos);
    }
    EXPECT_FALSE(children.any());
  }
  close(ends[1]);
  std::string text(4096, '\0');
  const ssize_t got = read(ends[0], text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  close(ends[0]);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_NE(text.find("Tests can't be done"), std::string::npos) << text;
}

}  // namespace
}  // namespace imgring::sandbox
