// Whole children of kinds that the sandbox knows nothing of: started, shut in, asked, ended.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "imgring/base/sanitized.h"
#include "imgring/sandbox/children.h"
#include "test_kinds.h"

namespace imgring::sandbox {
namespace {

using namespace test;
using namespace std::chrono_literals;

const StopFlag kNoStop;

ChildrenOptions patient() {
  ChildrenOptions options;
  options.time_max = 60s;
  options.start_max = 60s;
  return options;
}

Result<Answer> ask(Children* children, const Kind& kind, const Request& request,
                   std::uint64_t memory_bytes = 0) {
  IMGRING_TRY(const auto job, children->begin(kind, {.memory_bytes = memory_bytes}, kNoStop));
  return job->ask(request);
}

template <class T>
Request with(T number) {
  Request request;
  request.facts.numbers = Numbers(number);
  return request;
}

TEST(Kinds, PartsAndFactsGoThereAndBack) {
  Children children(patient());
  const std::string source(100'000, 's'), fields = "fields", frame(1, 'f');
  Request request;
  request.facts.picture = {.width = 7, .height = 5, .pages = 3, .bands = 4};
  request.facts.numbers = Numbers(std::uint64_t{0x1234567890});
  request.parts[Part::kSource] = as_bytes(source);
  request.parts[Part::kFields] = as_bytes(fields);
  request.room_bytes = 300'000;
  const auto job = children.begin(kEcho, {.source_bytes = source.size()}, kNoStop);
  ASSERT_TRUE(job.has_value()) << job.error().detail;
  const auto first = (*job)->ask(request);
  ASSERT_TRUE(first.has_value()) << first.error().detail;
  EXPECT_EQ(first->facts.picture.width, 7);
  EXPECT_EQ(first->facts.picture.height, 5);
  EXPECT_EQ(first->facts.picture.pages, 3);
  EXPECT_EQ(first->facts.picture.bands, 4);
  EXPECT_EQ(first->facts.numbers.as<std::uint64_t>(), 0x1234567890u);
  EXPECT_EQ(as_text(first->parts[Part::kSource].span()), source);
  EXPECT_EQ(as_text(first->parts[Part::kResult].span()), source);
  EXPECT_EQ(as_text(first->parts[Part::kFields].span()), fields);
  EXPECT_TRUE(first->parts[Part::kPixels].empty());
  // The first source is there for the whole job, a later part for its question.
  Request later;
  later.parts[Part::kPixels] = as_bytes(frame);
  later.room_bytes = source.size() + 64;
  const auto second = (*job)->ask(later);
  ASSERT_TRUE(second.has_value()) << second.error().detail;
  EXPECT_EQ(as_text(second->parts[Part::kPixels].span()), frame);
  EXPECT_EQ(as_text(second->parts[Part::kResult].span()), source);
  EXPECT_EQ(as_text(first->parts[Part::kSource].span()), source);  // it stays
}

TEST(Kinds, AnswersOutliveTheirJobAndTheirChild) {
  Bytes kept;
  {
    Children children(patient());
    const std::string source = "source";
    Request request;
    request.parts[Part::kSource] = as_bytes(source);
    request.room_bytes = 4096;
    auto answer = ask(&children, kEcho, request);
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    kept = std::move(answer->parts[Part::kResult]);
  }
  EXPECT_EQ(as_text(kept.span()), "source");
}

TEST(Kinds, ANewJobKnowsNothingOfTheLast) {
  Children children(patient());
  for (const std::string source : {"one", "another"}) {
    Request request;
    request.parts[Part::kSource] = as_bytes(source);
    request.room_bytes = 4096;
    const auto answer = ask(&children, kEcho, request);
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    EXPECT_EQ(as_text(answer->parts[Part::kResult].span()), source);
  }
  EXPECT_EQ(children.numbers().died, 0u);
  if (kSanitized) return;
  EXPECT_EQ(children.numbers().started, 1u);
}

TEST(Kinds, DeathsAreThePicturesFaultAndTheNextChildWorks) {
  Children children(patient());
  const struct {
    Whim whim;
    const char* word;
  } kDeaths[] = {
      {Whim::kAbort, "signal 6"}, {Whim::kFault, "signal 11"}, {Whim::kExit, "status 3"}};
  std::uint64_t died = 0;
  for (const auto& [whim, word] : kDeaths) {
    SCOPED_TRACE(word);
    const auto answer = ask(&children, kFickle, with(whim));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kBrokenImage);
    if (!kSanitized) {  // which reports faults and exits
      EXPECT_NE(answer.error().detail.find(word), std::string::npos) << answer.error().detail;
    }
    EXPECT_EQ(answer.error().detail.find("the child that does this test is gone"), 0u)
        << answer.error().detail;
    EXPECT_EQ(children.numbers().died, ++died);
    EXPECT_TRUE(ask(&children, kFickle, with(Whim::kNothing)).has_value());
  }
}

TEST(Kinds, OneThatLoopsIsStoppedInTime) {
  ChildrenOptions options = patient();
  options.time_max = 1s;
  Children children(std::move(options));
  const auto before = Children::Clock::now();
  const auto answer = ask(&children, kFickle, with(Whim::kLoop));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
  EXPECT_GE(Children::Clock::now() - before, 1s);
  EXPECT_EQ(children.numbers().stopped, 1u);
  EXPECT_EQ(children.numbers().alive, 0u);
}

// It is told, stops, and works on; one that does not listen is killed.
TEST(Kinds, OneThatListensIsToldToStop) {
  Children children(patient());
  const auto stop_soon = [](StopFlag* stop) {
    return std::jthread([stop] {
      std::this_thread::sleep_for(30ms);
      stop->stop(StopReason::kClientGone);
    });
  };
  const struct {
    Whim whim;
    std::uint64_t stopped;
  } kWhims[] = {{Whim::kObedient, 0}, {Whim::kObedient, 0}, {Whim::kLoop, 1}};
  for (const auto& [whim, stopped] : kWhims) {
    StopFlag stop;
    const auto job = children.begin(kPolite, {}, stop);
    ASSERT_TRUE(job.has_value()) << job.error().detail;
    const std::jthread stopper = stop_soon(&stop);
    const auto answer = (*job)->ask(with(whim));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
    EXPECT_EQ((*job)->ask(with(Whim::kNothing)).error().code, ErrorCode::kCancelled);
    EXPECT_EQ(children.numbers().stopped, stopped);
  }
  // What was told to one job is not told to the next.
  EXPECT_TRUE(ask(&children, kPolite, with(Whim::kNothing)).has_value());
  EXPECT_EQ(children.numbers().died, 0u);
}

TEST(Kinds, LibrariesSeeAFewProcessors) {
  Children children(patient());
  const auto one = ask(&children, kFickle, with(Whim::kProcessors));
  const auto two = ask(&children, kPolite, with(Whim::kProcessors));
  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_EQ(one->facts.picture.width, 1);
  EXPECT_EQ(two->facts.picture.width,
            std::min(2, static_cast<int>(std::thread::hardware_concurrency())));
}

TEST(Kinds, OnlyTheErrorsOfTheRowAreBelieved) {
  Children children(patient());
  const auto believed = ask(&children, kFickle, with(Whim::kBrokenSvg));
  ASSERT_FALSE(believed.has_value());
  EXPECT_EQ(believed.error().code, ErrorCode::kBrokenSvg);
  EXPECT_EQ(believed.error().detail, "as it is");
  const auto other = ask(&children, kFickle, with(Whim::kForbidden));
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, ErrorCode::kBrokenImage);
  EXPECT_EQ(children.numbers().died, 0u);
}

TEST(Kinds, WhatIsTooLargeForTheRoomIsAnError) {
  Children children(patient());
  for (const std::size_t room_bytes : {0u, 4096u}) {
    Request request = with(Whim::kNoRoom);
    request.room_bytes = room_bytes;
    const auto answer = ask(&children, kFickle, request);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kBrokenImage);
    EXPECT_EQ(answer.error().detail, "no room for the answer");
  }
  EXPECT_EQ(children.numbers().died, 0u);
}

TEST(Kinds, AJobHasTheAddressesThatItWasGranted) {
  if (kSanitized) GTEST_SKIP() << "it reserves terabytes";
  Children children(patient());
  const Request greedy = with(Whim::kGreedy);
  EXPECT_FALSE(ask(&children, kFickle, greedy, std::uint64_t{64} << 20).has_value());
  EXPECT_TRUE(ask(&children, kFickle, greedy).has_value());  // the same child
  EXPECT_EQ(children.numbers().started, 1u);
}

TEST(Kinds, TheEnvironmentIsWhatTheRowSays) {
  setenv("IMGRING_TEST_HANDED_DOWN", "down", 1);
  setenv("IMGRING_TEST_SECRET", "key", 1);
  Children children(patient());
  const auto value_of = [&children](std::string_view name) -> std::string {
    Request request;
    request.parts[Part::kSource] = as_bytes(name);
    request.room_bytes = 4096;
    const auto answer = ask(&children, kCurious, request);
    return answer ? std::string(as_text(answer->parts[Part::kResult].span())) : "none";
  };
  EXPECT_EQ(value_of("IMGRING_TEST_HANDED_DOWN"), "down");
  EXPECT_EQ(value_of("IMGRING_TEST_SET"), "yes");
  EXPECT_EQ(value_of("IMGRING_TEST_SECRET"), "none");
  EXPECT_EQ(value_of("PATH"), "none");
}

TEST(Kinds, OneThatCantGetReadySaysWhy) {
  Children children(patient());
  const auto job = children.begin(kUnready, {}, kNoStop);
  ASSERT_FALSE(job.has_value());
  EXPECT_EQ(job.error().code, ErrorCode::kInternal);
  EXPECT_EQ(job.error().detail.find("the child that does tests can't start: something is missing"),
            0u)
      << job.error().detail;
}

TEST(Kinds, AnUnknownOneDoesNotStart) {
  Kind unknown = kEcho;
  unknown.name = "unknown";
  Children children(patient());
  const auto job = children.begin(unknown, {}, kNoStop);
  ASSERT_FALSE(job.has_value());
  EXPECT_EQ(job.error().code, ErrorCode::kInternal) << job.error().detail;
}

// ---- what is locked (lock.h)

Result<int> errno_of(Children* children, const Kind& kind, Try what) {
  static const std::string source(kTriedSourceBytes, 's');
  Request request = with(what);
  request.parts[Part::kSource] = as_bytes(source);
  request.room_bytes = kTriedRoomBytes;
  IMGRING_TRY(const Answer answer, ask(children, kind, request));
  return answer.facts.numbers.as<int>();
}

TEST(Lock, NothingOutsideIsToBeHad) {
  const struct {
    const char* what;
    Try trial;
    int error;
  } kTries[] = {
      {"reads a file", Try::kReadFile, EACCES},
      {"reads a file that it kept", Try::kReadKeptFile, 0},
      {"writes a file that it kept", Try::kWriteKeptFile, EACCES},
      {"makes a file", Try::kMakeFile, EACCES},
      {"looks at a file", Try::kLookAtFile, EACCES},
      {"removes a file", Try::kRemoveFile, EPERM},
      {"opens a socket", Try::kSocket, EPERM},
      {"opens a local socket", Try::kUnixSocket, EPERM},
      {"forks", Try::kFork, EPERM},
      {"starts a program", Try::kProgram, EPERM},
      {"signals another process", Try::kSignalServer, EPERM},
      {"traces another process", Try::kTrace, EPERM},
      {"reads another process", Try::kReadServer, EPERM},
      {"sets up a ring", Try::kRing, EPERM},
      {"maps memory that runs", Try::kCodeMemory, EPERM},
      {"makes its memory run", Try::kCodeLater, EPERM},
      {"maps a block to run", Try::kCodeOfFile, EPERM},
      {"takes more addresses than it was granted", Try::kRaiseAddresses, EPERM},
      {"writes a sealed block", Try::kWriteSource, EPERM},
      {"grows a sealed block", Try::kGrowSource, EPERM},
      {"shrinks a sealed block", Try::kShrinkSource, EPERM},
      {"maps a sealed block to write", Try::kMapSourceForWriting, EPERM},
      {"grows the room", Try::kGrowRoom, EPERM},
      {"shrinks the room", Try::kShrinkRoom, EPERM},
      {"seals the room", Try::kUnsealRoom, EPERM},
      {"asks for its parent", Try::kParentsId, EPERM},
      {"opens a file that it kept, over and over", Try::kManyDescriptors, EMFILE},
  };
  Children children(patient());
  for (const auto& [what, trial, error] : kTries) {
    SCOPED_TRACE(what);
    const auto got = errno_of(&children, kPrisoner, trial);
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(*got, error) << std::strerror(*got);
  }
  EXPECT_EQ(children.numbers().died, 0u);
  if (kSanitized) return;
  const auto much = errno_of(&children, kPrisoner, Try::kMuchMemory);
  ASSERT_TRUE(much.has_value()) << much.error().detail;
  EXPECT_EQ(*much, ENOMEM);
}

TEST(Lock, TheCallsOfARowAreAllowedToItAlone) {
  Children children(patient());
  const auto allowed = errno_of(&children, kTrusty, Try::kParentsId);
  ASSERT_TRUE(allowed.has_value()) << allowed.error().detail;
  EXPECT_EQ(*allowed, 0);
  const auto file = errno_of(&children, kTrusty, Try::kReadKeptFile);  // which kept none
  ASSERT_TRUE(file.has_value()) << file.error().detail;
  EXPECT_EQ(*file, EACCES);
}

}  // namespace
}  // namespace imgring::sandbox
