// What the program writes, and that nothing waits for who reads it.
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

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
  EXPECT_EQ(ended.text,
            "imgring: standard output did not take all of it; is the disk full?\n");
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
      "IMGRING_PORT_FILE=" + port + " \"$IMGRING_BIN\" <&- >&- 2>&- 3>&- & "
      "for i in $(seq 500); do [ -s " + port + " ] && break; sleep 0.02; done; "
      "readlink /proc/$!/fd/0 /proc/$!/fd/1 /proc/$!/fd/2; kill $!; wait $!; echo status $?");
  EXPECT_EQ(ended.text, "/dev/null\n/dev/null\n/dev/null\nstatus 0\n");
}

}  // namespace
}  // namespace imgring::test
