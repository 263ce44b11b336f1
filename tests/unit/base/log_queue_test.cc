// Tests of src/base/log_queue.cc and log_ring.cc: nobody waits for the log.
#include "imgring/base/log_queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "imgring/base/check.h"
#include "imgring/base/text.h"

namespace imgring {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kSmallRing = 32 << 10;
const std::string kLine = std::string(99, '.') + "\n";

// A descriptor pair: what is written to one is read from the other.
struct Ends {
  int reader = -1, writer = -1;
  ~Ends() {
    close_reader();
    close_writer();
  }
  void close_reader() {
    if (reader >= 0) close(std::exchange(reader, -1));
  }
  void close_writer() {
    if (writer >= 0) close(std::exchange(writer, -1));
  }
  // To the end, or until `enough` says so.
  template <class Enough>
  std::string read_until(Enough enough) const {
    std::string text;
    char piece[4096];
    ssize_t n = 0;
    while (!enough(text) && (n = read(reader, piece, sizeof piece)) > 0) {
      text.append(piece, static_cast<std::size_t>(n));
    }
    return text;
  }
  std::string read_all() const {
    return read_until([](const std::string&) { return false; });
  }
};

// A pipe that holds next to nothing.
Ends small_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) std::abort();
  EXPECT_EQ(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
  return {fds[0], fds[1]};
}

LogQueueOptions options_for(int fd, std::size_t ring_bytes = kSmallRing) {
  LogQueueOptions options;
  options.fd = fd;
  options.ring_bytes = ring_bytes;
  return options;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

// Until one finds no room; how many found some. Its end is the proof that nobody waits.
std::size_t fill(LogQueue& queue, LogLevel level) {
  const std::uint64_t before = queue.dropped();
  std::size_t taken = 0;
  while (true) {
    queue.push(level, kLine);
    if (queue.dropped() != before) return taken;
    ++taken;
  }
}

TEST(LogQueue, AJournalIsToldTheLevelOfEachLine) {
  Ends ends = small_pipe();
  {
    LogQueue queue({.fd = ends.writer, .priorities = true});
    const Logger log(LogFormat::kJson, LogLevel::kDebug, queue);
    log.debug("a");
    log.info("a");
    log.warning("a");
    log.error("a");
    log.critical("a");
    queue.flush();
  }
  ends.close_writer();
  const std::string text = ends.read_all();
  std::string levels;
  for (const std::string_view line : split(trim(text), "\n")) {
    levels += line.substr(0, 4);
    EXPECT_EQ(line.substr(4, 2), "\"t");
  }
  EXPECT_EQ(levels, "<7>{<6>{<4>{<3>{<2>{");
}

TEST(LogQueue, AJournalIsKnownByWhatSystemdSays) {
  const Ends ends = small_pipe();
  struct stat facts{};
  ASSERT_EQ(fstat(ends.writer, &facts), 0);
  unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(is_journal(ends.writer));
  const std::string own = std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino);
  setenv("JOURNAL_STREAM", own.c_str(), 1);
  EXPECT_TRUE(is_journal(ends.writer));
  EXPECT_FALSE(is_journal(STDIN_FILENO) && own.empty());
  setenv("JOURNAL_STREAM", "1:1", 1);
  EXPECT_FALSE(is_journal(ends.writer));  // moved on: standard output is no journal any more
  unsetenv("JOURNAL_STREAM");
}

TEST(LogQueue, LinesOfEachThreadKeepTheirOrder) {
  constexpr int kThreads = 4, kLines = 5000;
  Ends ends = small_pipe();
  std::string text;
  std::thread reader([&] { text = ends.read_all(); });
  {
    LogQueue queue(options_for(ends.writer, 4 << 20));
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&queue, t] {
        for (int i = 0; i < kLines; ++i) {
          const std::string size(static_cast<std::size_t>(i % 200), 'x');
          queue.push(LogLevel::kInfo, std::to_string(t) + " " + std::to_string(i) + size + "\n");
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(queue.flush(milliseconds(60000)));
    EXPECT_EQ(queue.dropped(), 0u);
  }
  ends.close_writer();
  reader.join();
  int next[kThreads] = {};
  const auto lines = split(text, "\n");
  ASSERT_EQ(lines.size(), kThreads * kLines + 1u);
  for (const std::string_view line : std::span(lines).first(lines.size() - 1)) {
    const int t = line[0] - '0';
    const std::string size(static_cast<std::size_t>(next[t] % 200), 'x');
    EXPECT_EQ(line, std::to_string(t) + " " + std::to_string(next[t]) + size);
    ++next[t];
  }
}

TEST(LogQueue, WhatAStalledReaderCostIsSaidOnceWhenItGoesOn) {
  Ends ends = small_pipe();
  std::string text, rest;
  std::size_t taken = 0;
  std::uint64_t dropped = 0;
  std::thread reader;
  {
    LogQueue queue(options_for(ends.writer));
    taken = fill(queue, LogLevel::kInfo) + 41;
    for (int i = 0; i < 41; ++i) queue.push(LogLevel::kDebug, kLine);
    dropped = queue.dropped();
    EXPECT_GE(dropped, 1u);
    const auto is_said = [](const std::string& so_far) {
      const std::size_t at = so_far.find(" lines=");
      return at != std::string::npos && so_far.find('\n', at) != std::string::npos;
    };
    text = ends.read_until(is_said);
    EXPECT_EQ(queue.dropped(), dropped);
    reader = std::thread([&] { rest = ends.read_all(); });
    queue.push(LogLevel::kInfo, "after\n");
  }
  ends.close_writer();
  reader.join();
  text += rest;
  EXPECT_EQ(count_of(text, "level=\"WARNING\" msg=\"" + std::to_string(dropped) +
                               " lines were dropped because the log's reader was slow\""),
            1u)
      << text;
  EXPECT_EQ(count_of(text, "were dropped"), 1u);
  EXPECT_EQ(count_of(text, kLine), taken + 1 - dropped);
  EXPECT_TRUE(text.ends_with("after\n"));
}

TEST(LogQueue, WhatMattersMoreFindsRoomWhenRequestsDoNot) {
  Ends ends = small_pipe();
  LogQueueOptions options = options_for(ends.writer);
  options.flush_time = milliseconds(1);
  LogQueue queue(options);
  fill(queue, LogLevel::kInfo);
  EXPECT_GT(fill(queue, LogLevel::kWarning), 0u);
  EXPECT_EQ(fill(queue, LogLevel::kInfo), 0u);
  EXPECT_GT(fill(queue, LogLevel::kCritical), 0u);
  EXPECT_EQ(fill(queue, LogLevel::kError), 0u);
  ends.close_reader();  // ends the write that its thread waits in
}

// SIGPIPE's default action would end this test's process.
TEST(LogQueue, AReaderThatIsGoneCostsLinesOnly) {
  EXPECT_EQ(std::signal(SIGPIPE, SIG_DFL), SIG_DFL);
  Ends ends = small_pipe();
  ends.close_reader();
  LogQueue queue(options_for(ends.writer));
  for (int i = 0; i < 10; ++i) queue.push(LogLevel::kError, kLine);
  EXPECT_TRUE(queue.flush());
  EXPECT_EQ(queue.dropped(), 10u);
}

TEST(LogQueue, ADiskThatIsFullIsSaidWhenItHasRoomAgain) {
  const int disk = memfd_create("log", MFD_CLOEXEC);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit no_disk{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &no_disk), 0);
  {
    LogQueue queue(options_for(disk));
    queue.push(LogLevel::kInfo, kLine);
    queue.push(LogLevel::kInfo, kLine);
    EXPECT_TRUE(queue.flush());
    EXPECT_EQ(queue.dropped(), 2u);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    queue.push(LogLevel::kInfo, "again\n");
  }
  char text[512];
  const ssize_t size = pread(disk, text, sizeof text, 0);
  ASSERT_GT(size, 0);
  const std::string_view got(text, static_cast<std::size_t>(size));
  EXPECT_TRUE(got.starts_with("again\n")) << got;
  EXPECT_NE(got.find("msg=\"2 lines were dropped because the log's descriptor refused them\" "
                     "lines=2 error=\"File too large\"\n"),
            std::string_view::npos)
      << got;
  close(disk);
}

TEST(LogQueue, ADiskThatStaysFullCostsLinesOnly) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  LogQueue queue(options_for(full));
  close(full);
  for (int i = 0; i < 10; ++i) queue.push(LogLevel::kError, kLine);
  EXPECT_TRUE(queue.flush());
  EXPECT_EQ(queue.dropped(), 10u);
}

// Half a line is on the disk when it is full: the next one does not follow in the middle of it.
TEST(LogQueue, ATornLineIsEndedBeforeTheNext) {
  const int disk = memfd_create("log", MFD_CLOEXEC);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit short_disk{50, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &short_disk), 0);
  {
    LogQueue queue(options_for(disk));
    queue.push(LogLevel::kInfo, kLine);
    EXPECT_TRUE(queue.flush());
    EXPECT_EQ(queue.dropped(), 1u);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    queue.push(LogLevel::kInfo, "next\n");
  }
  char text[512];
  const ssize_t size = pread(disk, text, sizeof text, 0);
  ASSERT_GT(size, 0);
  const std::string_view got(text, static_cast<std::size_t>(size));
  EXPECT_TRUE(got.starts_with(kLine.substr(0, 50) + "\nnext\n")) << got;
  close(disk);
}

// As a journal's socket may be, or a pipe that a shell has set so.
TEST(LogQueue, ADescriptorThatDoesNotBlockGetsWholeLines) {
  for (const bool is_socket : {false, true}) {
    SCOPED_TRACE(is_socket);
    Ends ends = small_pipe();
    if (is_socket) {
      int fds[2];
      ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
      ends.close_reader();
      ends.close_writer();
      ends.reader = fds[0];
      ends.writer = fds[1];
    }
    ASSERT_EQ(fcntl(ends.writer, F_SETFL, O_NONBLOCK), 0);
    constexpr std::size_t kLines = 5000;
    std::string text;
    {
      LogQueue queue(options_for(ends.writer, 1 << 20));
      for (std::size_t i = 0; i < kLines; ++i) queue.push(LogLevel::kWarning, kLine);
      EXPECT_EQ(queue.dropped(), 0u);
      text = ends.read_until([&](const std::string& t) { return t.size() == kLines * 100; });
    }
    EXPECT_EQ(count_of(text, kLine), kLines);
  }
}

TEST(LogQueue, AStalledReaderHoldsUpTheEndForAShortTimeOnly) {
  for (const int flags : {0, O_NONBLOCK}) {
    Ends ends = small_pipe();
    ASSERT_EQ(fcntl(ends.writer, F_SETFL, flags), 0);
    LogQueueOptions options = options_for(ends.writer);
    options.flush_time = milliseconds(20);
    {
      LogQueue queue(options);
      fill(queue, LogLevel::kInfo);
      EXPECT_FALSE(queue.flush());
    }
    ends.close_reader();
  }
}

TEST(LogQueue, WhatWasPushedIsWrittenAtTheEnd) {
  const int disk = memfd_create("log", MFD_CLOEXEC);
  constexpr int kLines = 2000;
  {
    LogQueue queue(options_for(disk, kLogRingBytes));
    for (int i = 0; i < kLines; ++i) queue.push(LogLevel::kInfo, kLine);
  }
  EXPECT_EQ(lseek(disk, 0, SEEK_END), kLines * 100);
  close(disk);
}

TEST(LogQueue, TheLongestLineGoesThroughARingOfAnyFilling) {
  Ends ends = small_pipe();
  std::string text;
  std::thread reader([&] { text = ends.read_all(); });
  const std::string longest = std::string(kLogLineBytesMax - 1, 'l') + "\n";
  {
    LogQueue queue(options_for(ends.writer));
    for (int i = 0; i < 50; ++i) {
      queue.push(LogLevel::kCritical, longest);
      queue.push(LogLevel::kCritical, std::string(static_cast<std::size_t>(i) + 1, 's') + "\n");
      EXPECT_TRUE(queue.flush(milliseconds(60000)));
    }
    EXPECT_EQ(queue.dropped(), 0u);
  }
  ends.close_writer();
  reader.join();
  EXPECT_EQ(count_of(text, longest), 50u);
  EXPECT_EQ(text.size(), 50 * longest.size() + 51 * 50 / 2 + 50);
}

TEST(LogQueueDeath, ABrokenInvariantLeavesTheLinesBeforeIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        LogQueue queue(options_for(STDERR_FILENO));
        queue.push(LogLevel::kInfo, "the line before\n");
        IMGRING_CHECK(queue.dropped() > 0);
      },
      "the line before");
}

// Standard error is full and nobody reads it: the process ends nevertheless.
TEST(LogQueueDeath, ABrokenInvariantWaitsForNoReader) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Ends ends = small_pipe();
        dup2(ends.writer, STDERR_FILENO);
        LogQueueOptions options = options_for(STDERR_FILENO);
        LogQueue queue(options);
        fill(queue, LogLevel::kInfo);
        IMGRING_CHECK(queue.dropped() == 0);
      },
      "");
}

}  // namespace
}  // namespace imgring
