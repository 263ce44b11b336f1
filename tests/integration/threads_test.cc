// No more threads, no more children: what is asked for meanwhile, and that the process outlives it.
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <csignal>
#include <span>
#include <vector>

#include "world.h"

namespace imgring::test {
namespace {

constexpr unsigned kPlenty = 4096;

// Each starts threads in its own way: helpers of the patient lane, libvips' pools and writers, and
// those of the encoders.
struct Kind {
  std::string_view options, ending, path = "/p.png";
};

class Threads : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_set_user()) {
      GTEST_SKIP() << "RLIMIT_NPROC binds users other than root: only root can start the program "
                      "as one, and only where others may run what lies there";
    }
    if (slow_build()) GTEST_SKIP() << "the sanitizer needs threads of its own";
    source.on("/p.png", serve_picture(png_picture({300, 200})));
    source.on("/p.svg", serve_picture("<svg xmlns='http://www.w3.org/2000/svg' width='40' "
                                      "height='30'><rect width='9' height='9'/></svg>",
                                      "Content-Type: image/svg+xml\r\n"));
  }
  static Environment environment() {
    return {{"IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES", "true"},
            {"IMGRING_LOOPS", "1"},
            {"IMGPROXY_WORKERS", "1"}};
  }
  Answer ask(const ServerProcess& server, std::string_view options, std::string_view ending,
             std::string_view path = "/p.png") const {
    return get(server.port(), plain_target(options, source.url(path)) + std::string(ending));
  }
  void expect_200_or_503(const ServerProcess& server, std::span<const Kind> kinds) const;
  SourceServer source;
};

constexpr Kind kKinds[] = {
    {"w:100", "@avif"},     {"w:100", "@gif"},         {"w:100", "@webp"},
    {"w:100/bl:5", "@jpg"}, {"w:100/sh:2", "@png"},    {"w:90/h:90/g:sm/rs:fill", "@jpg"},
    {"w:100/t:10", "@png"}, {"w:100/rot:90", "@tiff"}, {"w:120", "@heic"},
    {"w:100", "@jxl"},      {"w:30", "@png", "/p.svg"}};

TEST_F(Threads, WithoutThreadsForLibrariesThereAre200And503AndTheServerLivesOn) {
  ServerProcess server(environment(), 0, LogReader::kReads, own_user());
  ASSERT_TRUE(server.wait_until_ready()) << server.log();
  // The helpers of both lanes are there: what the libraries start is not.
  std::vector<Kind> kinds(std::begin(kKinds), std::end(kKinds));
  for (const std::string_view path : {"/p.heic", "/p.jxl", "/p.avif"}) {
    const Answer picture = ask(server, "w:100", "@" + std::string(path.substr(3)));
    ASSERT_EQ(picture.status, 200) << path;
    source.on(std::string(path), serve_picture(picture.body));
    kinds.push_back({"w:50", "@png", path});
  }
  expect_200_or_503(server, kinds);
  server.stop();
}

TEST_F(Threads, WithoutHelpersThatTakeTheirTimeTheOthersServe) {
  ServerProcess server(environment(), 0, LogReader::kReads, own_user());
  ASSERT_TRUE(server.wait_until_ready()) << server.log();
  expect_200_or_503(server, kKinds);
  EXPECT_TRUE(server.wait_for_log("can't be started, these get 503"));
  server.stop();
}

void Threads::expect_200_or_503(const ServerProcess& server, std::span<const Kind> kinds) const {
  server.limit_threads(1);
  int refused = 0;
  for (int round = 0; round < 2; ++round) {
    for (const Kind& kind : kinds) {
      SCOPED_TRACE(std::string(kind.options) + std::string(kind.ending));
      const Answer answer = ask(server, kind.options, kind.ending, kind.path);
      EXPECT_TRUE(answer.status == 200 || answer.status == 503) << answer.status << server.log();
      EXPECT_TRUE(answer.status == 200 || answer.header("Retry-After") == "1");
      refused += answer.status == 503 ? 1 : 0;
      EXPECT_EQ(get(server.port(), "/health").status, 200);
    }
  }
  EXPECT_GT(refused, 0) << "else the limit did not hold";
  EXPECT_TRUE(server.wait_for_log("raise RLIMIT_NPROC (ulimit -u, threads of this user: 1)"));
  server.limit_threads(kPlenty);
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(std::string(kind.options) + std::string(kind.ending));
    const auto good = [&] {
      return ask(server, kind.options, kind.ending, kind.path).status == 200;
    };
    EXPECT_TRUE(eventually(good)) << server.log();
  }
}

TEST_F(Threads, AStartWithoutThreadsEndsWithItsCure) {
  for (const unsigned threads : {1u, 2u, 3u}) {
    ServerProcess server(environment(), 0, LogReader::kReads, own_user(threads));
    EXPECT_EQ(server.wait_for_exit(), 1) << threads;
    EXPECT_NE(server.log().find("threads of this user: " + std::to_string(threads)),
              std::string::npos)
        << server.log();
  }
}

// Helpers that do not get on, whatever they are at: held by their threads.
class HeldHelpers {
 public:
  // Empty where this process may not trace.
  explicit HeldHelpers(const ServerProcess& server) {
    for (const int id : server.thread_ids()) {
      if (server.thread_name(id) != "helper") continue;
      if (ptrace(PTRACE_SEIZE, id, nullptr, nullptr) != 0) continue;
      ptrace(PTRACE_INTERRUPT, id, nullptr, nullptr);
      int status = 0;
      EXPECT_EQ(waitpid(id, &status, __WALL), id);
      held_.push_back(id);
    }
  }
  ~HeldHelpers() { let_go(); }
  HeldHelpers(const HeldHelpers&) = delete;
  HeldHelpers& operator=(const HeldHelpers&) = delete;
  bool any() const { return !held_.empty(); }
  void let_go() {
    for (const int id : held_) ptrace(PTRACE_DETACH, id, nullptr, nullptr);
    held_.clear();
  }
  // Of a process that has ended: it is no more there for others before who traces has seen that.
  void see_their_end() {
    for (const int id : held_) {
      int status = 0;
      while (waitpid(id, &status, __WALL) == id && !WIFEXITED(status) && !WIFSIGNALED(status)) {
      }
    }
    held_.clear();
  }

 private:
  std::vector<int> held_;
};

// hardening.md section 1: no new traffic for a server whose helper is stuck; it is not ill for it.
TEST(Stuck, AQuickHelperForTwiceTheTimeMakesReadinessFailUntilItGoesOn) {
  World world(Environment{{"IMGPROXY_TIMEOUT", "1"}, {"IMGPROXY_WORKERS", "1"}});
  world.folder.write("p.png", png_picture({100, 100}));
  const std::string target = plain_target("rs:force:1000:1000/el:1/bl:20", "local:///p.png@jpg");
  std::vector<RawClient> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(world.port()).send(get_text(target));
  const auto running = [&] { return world.server.metric("jobs_running{lane=\"quick\"}") == 1; };
  ASSERT_TRUE(eventually(running));
  EXPECT_EQ(world.get("/ready").status, 200);
  HeldHelpers held(world.server);
  if (!held.any()) GTEST_SKIP() << "threads of the program can't be traced here";
  ASSERT_TRUE(running()) << "held in the middle of a job";
  const auto ready_is = [&](int status) {
    return eventually([&] { return world.get("/ready").status == status; });
  };
  EXPECT_TRUE(ready_is(503));
  EXPECT_EQ(world.get("/health").status, 200);
  held.let_go();
  EXPECT_TRUE(ready_is(200));
}

// Asked to end with a helper that does not come back: who needs none is served, who waits for it is
// told at the end of the grace time, and the process leaves without its thread, with status 1.
TEST(Stuck, ASignalDrainsWhatCanBeServedAndTheRestIsLeft) {
  World world(Environment{{"IMGPROXY_TIMEOUT", "60"},
                          {"IMGPROXY_WORKERS", "1"},
                          {"IMGPROXY_GRACEFUL_STOP_TIMEOUT", "2"}});
  world.folder.write("p.png", png_picture({100, 100}));
  const std::string png = png_picture({40, 30});
  world.source.on("/raw", held(world.gate, png));
  RawClient waiting(world.port()), served(world.port());
  waiting.send(get_text(plain_target("rs:force:6000:6000/el:1/bl:60", "local:///p.png@jpg")));
  const auto running = [&] { return world.server.metric_sum("jobs_running{") == 1; };
  ASSERT_TRUE(eventually(running));
  HeldHelpers helpers(world.server);
  if (!helpers.any()) GTEST_SKIP() << "threads of the program can't be traced here";
  ASSERT_TRUE(running()) << "held in the middle of a job";
  served.send(get_text(world.target("raw:1", "/raw")));
  ASSERT_TRUE(world.source.wait_for_visits("/raw", 1));
  const auto start = Clock::now();
  world.server.signal(SIGTERM);
  ASSERT_TRUE(eventually([&] { return !RawClient(world.port()).connected(); }));
  world.gate.open();
  const Answer answer = served.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, png);
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_EQ(waiting.read().status, 503);
  EXPECT_GE(seconds_since(start), 1.9) << "the grace time is theirs";
  EXPECT_TRUE(world.server.wait_for_log("Jobs were still running when the grace time was over"));
  helpers.see_their_end();
  EXPECT_EQ(world.server.wait_for_exit(), 1);
}

}  // namespace
}  // namespace imgring::test
