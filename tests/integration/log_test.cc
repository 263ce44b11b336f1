// What the program writes, and that nothing waits for who reads it.
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "imgring/base/text.h"
#include "world.h"

namespace imgring::test {
namespace {

struct Ended {
  int status = -1;
  std::string text;
};

// A shell's command; $IMGRING_BIN is the program.
Ended shell(const std::string& command) {
  Ended out;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  char piece[4096];
  std::size_t n = 0;
  while ((n = std::fread(piece, 1, sizeof piece, pipe)) > 0) out.text.append(piece, n);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) out.status = WEXITSTATUS(status);
  return out;
}

// The number behind `name` in a line; 0: there is none.
double number_after(std::string_view line, std::string_view name) {
  const std::size_t at = line.find(name);
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = line.substr(at + name.size());
  return parse_float(rest.substr(0, rest.find(' '))).value_or(0);
}

TEST(Commands, AReaderThatHasEnoughIsNoFault) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  constexpr int kGone = 9;  // a shell knows descriptors of one digit
  ASSERT_EQ(dup2(ends[1], kGone), kGone);
  for (const char* command : {"help", "man", "print-config", "version"}) {
    const Ended ended = shell("\"$IMGRING_BIN\" " + std::string(command) + " 2>&1 >&9");
    EXPECT_EQ(ended.status, 0) << command;
    EXPECT_EQ(ended.text, "") << command;
  }
  close(kGone);
  close(ends[1]);
}

TEST(Commands, ADiskThatIsFullIsSaid) {
  const Ended ended = shell("\"$IMGRING_BIN\" man 2>&1 >/dev/full");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.text, "imgring: standard output did not take all of it; is the disk full?\n");
}

// A warning is due at the start, and whoever read standard output is gone.
TEST(Log, AStartWithoutAReaderServes) {
  ServerProcess server(Environment{{"IMGPROXY_DOWNLOAD_BUFFER_SIZE", "100000000"}}, 0,
                       LogReader::kGone);
  ASSERT_TRUE(server.wait_until_ready());
  EXPECT_EQ(get(server.port(), "/health").status, 200);
  server.stop();
}

// The first socket would else be descriptor 1, and a client would read the log.
TEST(Log, AStartWithoutStandardFilesServes) {
  const TempFolder folder;
  const std::string port = folder.path() + "/port";
  const Ended ended = shell(
      "exec 3>&1; IMGPROXY_BIND=127.0.0.1:0 IMGRING_LOOPS=1 IMGPROXY_LOG_LEVEL=debug "
      "IMGRING_PORT_FILE=" +
      port +
      " \"$IMGRING_BIN\" <&- >&- 2>&- 3>&- & "
      "for i in $(seq 500); do [ -s " +
      port +
      " ] && break; sleep 0.02; done; "
      "readlink /proc/$!/fd/0 /proc/$!/fd/1 /proc/$!/fd/2; kill $!; wait $!; echo status $?");
  EXPECT_EQ(ended.text, "/dev/null\n/dev/null\n/dev/null\nstatus 0\n");
}

// Lines of some kilobytes for each request: a ring that is full after a hundred of them.
std::string long_target() {
  return plain_target("w:10/cb:" + std::string(4000, 'b'), "local:///p.png");
}

struct StalledServer {
  StalledServer()
      : server(Environment{{"IMGPROXY_LOCAL_FILESYSTEM_ROOT", folder.path()},
                           {"IMGRING_LOOPS", "2"},
                           {"IMGPROXY_WORKERS", "2"}},
               0, LogReader::kStalls) {
    folder.write("p.png", png_picture({40, 30}));
    EXPECT_TRUE(server.wait_until_ready());
  }
  double dropped() const { return server.metric("log_lines_dropped_total").value_or(-1); }
  // Asks for pictures until the log has no room for more.
  void fill_log() const {
    const std::string target = long_target();
    for (int i = 0; i < 2000 && dropped() == 0; ++i) {
      EXPECT_EQ(get(server.port(), target).status, 200);
    }
    EXPECT_GT(dropped(), 0);
  }

  TempFolder folder;
  ServerProcess server;
};

// Standard output is a pipe of 4 KiB that nobody reads: every loop hung in write(2).
TEST(Log, AReaderThatStallsHoldsUpNobody) {
  StalledServer stalled;
  ServerProcess& server = stalled.server;
  EXPECT_EQ(stalled.dropped(), 0);
  stalled.fill_log();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(get(server.port(), "/health").status, 200);
    EXPECT_EQ(get(server.port(), long_target()).status, 200);
    EXPECT_EQ(get(server.port(), "/unsafe/w:x/plain/local:///p.png").status, 404);
  }
  server.signal(SIGHUP);  // the main thread logs, too
  EXPECT_EQ(get(server.port(), "/health").status, 200);
  server.read_log_on();
  EXPECT_TRUE(server.wait_for_log(" lines were dropped because the log's reader was slow"));
  EXPECT_EQ(get(server.port(), "/unsafe/w:11/plain/local:///p.png").status, 200);
  EXPECT_TRUE(server.wait_for_log("Started /unsafe/w:11/plain/local:///p.png"));
  const double dropped = stalled.dropped();
  server.stop();
  EXPECT_TRUE(server.wait_for_log("msg=\"Stopped\""));
  // All of them were said, in one line as long as none is dropped after it.
  double said = 0;
  const std::string log = server.log();
  for (const std::string_view line : split(log, "\n")) {
    if (line.find(" were dropped ") != std::string_view::npos) {
      said += number_after(line, " lines=");
    }
  }
  EXPECT_EQ(said, dropped);
}

TEST(Log, AReaderThatStallsDoesNotHoldUpTheEnd) {
  StalledServer stalled;
  stalled.fill_log();
  stalled.server.signal(SIGTERM);
  EXPECT_EQ(stalled.server.wait_for_exit(), 0);
}

// Thousands of refusals in a second: a hundred are written as they are, one line tells of the rest.
TEST(Log, EqualRefusalsAreSummedUp) {
  constexpr int kRequests = 3000;
  World world;
  world.folder.write("p.png", png_picture({40, 30}));
  const auto start = Clock::now();
  RawClient client(world.port());
  for (int i = 0; i < kRequests; ++i) {
    client.send(get_text("/unsafe/w:x/plain/local:///p.png"));
    EXPECT_EQ(client.read().status, 404);
  }
  const double seconds = seconds_since(start);
  for (int i = 0; i < 200; ++i) {
    client.send(get_text("/unsafe/raw:1/plain/local:///p.png"));
    EXPECT_EQ(client.read().status, 200);
  }
  client.reset();
  struct Counts {
    int started = 0, completed = 0, good = 0, summed = 0;
  };
  const auto counts = [&] {
    Counts out;
    const std::string log = world.server.log();
    for (const std::string_view line : split(log, "\n")) {
      const bool bad = line.find("/w:x/") != std::string_view::npos;
      out.started += bad && line.find("msg=\"Started") != std::string_view::npos ? 1 : 0;
      out.completed += bad && line.find("msg=\"Completed") != std::string_view::npos ? 1 : 0;
      out.good += line.find("/raw:1/") != std::string_view::npos ? 1 : 0;
      if (line.find(" more of these in the last second\"") == std::string_view::npos) continue;
      out.summed += static_cast<int>(number_after(line, " lines="));
      EXPECT_NE(line.find(" method=\"GET\" status=404 client_ip=\"127.0.0.1\" "
                          "error=\"Invalid URL: "),
                std::string_view::npos)
          << line;
    }
    return out;
  };
  EXPECT_TRUE(eventually([&] { return counts().completed + counts().summed == kRequests; }));
  EXPECT_TRUE(eventually([&] { return counts().good == 400; }));  // lines of good answers stay
  const Counts found = counts();
  EXPECT_EQ(found.started, found.completed);
  EXPECT_LE(found.completed, 100 * (static_cast<int>(seconds) + 2));
  EXPECT_EQ(world.server.metric("log_requests_summed_total"), found.summed);
}

// A decoder that crashes does so milliseconds after the line that names its picture.
TEST(Log, ACrashLeavesTheLinesBeforeIt) {
  if (slow_build()) GTEST_SKIP() << "the signal is the sanitizer's";
  World world;
  world.source.on("/slow", held(world.gate, png_picture({40, 30})));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(world.get("/unsafe/w:x/plain/local:///p.png").status, 404);
  RawClient client(world.port());
  client.send(get_text(world.target("w:10", "/slow")));
  ASSERT_TRUE(world.source.wait_for_visits("/slow", 1));
  world.server.signal(SIGSEGV);
  const std::optional<int> status = world.server.wait_for_exit();
  world.gate.open();
  EXPECT_EQ(status, 128 + SIGSEGV);
  EXPECT_NE(world.server.log().find("Started " + world.target("w:10", "/slow")), std::string::npos);
}

TEST(Log, AReaderThatStallsDoesNotHoldUpABadStart) {
  Environment environment;
  for (const char* name : {"IMGPROXY_WORKERS", "IMGPROXY_QUALITY", "IMGPROXY_TTL",
                           "IMGPROXY_TIMEOUT", "IMGPROXY_MAX_CLIENTS", "IMGPROXY_MAX_REDIRECTS"}) {
    environment.emplace(name, std::string(3000, 'x'));  // more than the pipe holds
  }
  ServerProcess server(environment, 0, LogReader::kStalls);
  EXPECT_EQ(server.wait_for_exit(), 78);
}

}  // namespace
}  // namespace imgring::test
