// AVIF and its like through the whole program: children decode and encode them, and whatever
// becomes of a child, the server goes on (hardening.md section 5).
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>

#include "world.h"

namespace imgring::test {
namespace {

using namespace std::chrono_literals;

Environment with_ticks(Environment more) {
  more.emplace("IMGPROXY_FREE_MEMORY_INTERVAL", "1");
  more.emplace("IMGRING_SANDBOX", "risky");
  return more;
}

std::string name_of_process(int id) {
  std::string name;
  std::getline(std::ifstream("/proc/" + std::to_string(id) + "/comm"), name);
  return name;
}

std::vector<int> picture_children_of(const World& world) {
  std::vector<int> out;
  for (const int thread : world.server.thread_ids()) {
    const std::string pid = std::to_string(world.server.pid());
    std::ifstream file("/proc/" + pid + "/task/" + std::to_string(thread) + "/children");
    for (int id = 0; file >> id;) {
      if (name_of_process(id) == "imgring-picture") out.push_back(id);
    }
  }
  return out;
}

double children_ended(const World& world, const char* reason) {
  const std::string name = std::string("picture_children_ended_total{reason=\"") + reason + "\"}";
  return world.server.metric("imgring_" + name).value_or(-1);
}
double children_started(const World& world) {
  return world.server.metric("imgring_picture_children_started_total").value_or(-1);
}

// Nor in the server's numbers, which know of it a moment later.
bool no_child_is_left(const World& world) {
  return eventually(
      [&] {
        return picture_children_of(world).empty() &&
               world.server.metric("imgring_picture_children") == 0;
      },
      patience(20000));
}

// "" where this libvips has no AVIF.
std::string avif_of(const World& world, std::string_view options, std::string_view file) {
  const Answer made = world.get(plain_target(options, "local:///" + std::string(file)) + "@avif");
  return made.status == 200 ? made.body : std::string();
}

TEST(PictureChildren, DecodeAndEncodeAndEndWhenTheyAreIdle) {
  World world(with_ticks({}));
  world.folder.write("p.jpg", jpeg_picture({300, 200}));
  EXPECT_EQ(world.get(plain_target("w:50", "local:///p.jpg")).status, 200);
  EXPECT_EQ(children_started(world), 0);  // none before it is needed
  const std::string avif = avif_of(world, "w:200", "p.jpg");
  if (avif.empty()) GTEST_SKIP() << "no AVIF here";
  EXPECT_EQ(avif.substr(4, 8), "ftypavif");
  world.folder.write("p.avif", avif);
  for (int i = 0; i < 3; ++i) {
    const Answer back = world.get(plain_target("w:100", "local:///p.avif") + "@png");
    ASSERT_EQ(back.status, 200) << back.body;
    EXPECT_EQ(facts_of_picture(back.body), (PictureFacts{"png", 100, 67}));
  }
  const Answer tiff = world.get(plain_target("w:100", "local:///p.avif") + "@tiff");
  ASSERT_EQ(tiff.status, 200);
  world.folder.write("p.tiff", tiff.body);
  EXPECT_EQ(facts_of_picture(world.get(plain_target("w:50", "local:///p.tiff") + "@png").body),
            (PictureFacts{"png", 50, 34}));
  EXPECT_GE(children_started(world), 1);
  EXPECT_EQ(children_ended(world, "died"), 0);
  EXPECT_EQ(world.server.metric("imgring_sandbox_given_up"), 0);
  EXPECT_TRUE(no_child_is_left(world));
}

TEST(PictureChildren, AreNoneWhereTheyAreTurnedOff) {
  World world(with_ticks({{"IMGRING_SANDBOX", "svg"}}));
  world.folder.write("p.jpg", jpeg_picture({300, 200}));
  const std::string avif = avif_of(world, "w:64", "p.jpg");
  if (avif.empty()) GTEST_SKIP() << "no AVIF here";
  EXPECT_EQ(children_started(world), 0);
}

TEST(PictureChildren, WhatNothingStopsEndsAtTheTimeout) {
  // Long enough for a child to begin, and far too short for it to end.
  World world(
      with_ticks({{"IMGPROXY_TIMEOUT", slow_build() ? "5" : "1"}, {"IMGPROXY_AVIF_SPEED", "0"}}));
  world.folder.write("p.jpg", jpeg_picture({2000, 1500}));
  const auto before = std::chrono::steady_clock::now();
  const Answer late = world.get(plain_target("q:90", "local:///p.jpg") + "@avif");
  if (late.status == 422) GTEST_SKIP() << "no AVIF here";
  EXPECT_EQ(late.status, 503);
  EXPECT_LT(std::chrono::steady_clock::now() - before, slow_build() ? 25s : 3s);
  EXPECT_TRUE(no_child_is_left(world));
  EXPECT_EQ(children_ended(world, "stopped"), 1);
  EXPECT_EQ(world.get(plain_target("w:50", "local:///p.jpg")).status, 200);
}

TEST(PictureChildren, AClientThatLeavesEndsTheirWork) {
  World world(with_ticks({{"IMGPROXY_TIMEOUT", "60"}, {"IMGPROXY_AVIF_SPEED", "0"}}));
  world.folder.write("p.jpg", jpeg_picture({2000, 1500}));
  if (avif_of(world, "w:32", "p.jpg").empty()) GTEST_SKIP() << "no AVIF here";
  RawClient client(world.port());
  client.send(get_text(plain_target("q:90", "local:///p.jpg") + "@avif"));
  ASSERT_TRUE(eventually([&] { return world.server.metric("images_in_progress") == 1; }));
  std::this_thread::sleep_for(500ms);
  client.reset();
  EXPECT_TRUE(no_child_is_left(world));
}

// Each kill costs the request whose child it was, and nothing else.
TEST(PictureChildren, AStormOfKillsCostsOneRequestEach) {
  World world(with_ticks({{"IMGPROXY_TIMEOUT", "60"}, {"IMGPROXY_AVIF_SPEED", "6"}}));
  world.folder.write("p.jpg", jpeg_picture({640, 480}));
  if (avif_of(world, "w:32", "p.jpg").empty()) GTEST_SKIP() << "no AVIF here";
  std::atomic<bool> over{false};
  std::atomic<int> good{0}, lost{0}, other{0};
  std::vector<std::jthread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&, i] {
      while (!over) {
        const std::string options = "q:" + std::to_string(50 + i);
        const int status = world.get(plain_target(options, "local:///p.jpg") + "@avif").status;
        ++(status == 200 ? good : status == 422 ? lost : other);
      }
    });
  }
  // Until one was at work, too: on a busy machine many are killed before they are.
  constexpr std::string_view kDeath = "A child died over a picture";
  const auto end = Clock::now() + (slow_build() ? 6s : 3s), last = end + patience(20000);
  int killed = 0;
  auto pause = 150ms;
  while (Clock::now() < end ||
         (Clock::now() < last && (killed < 5 || !world.server.log().contains(kDeath)))) {
    for (const int child : picture_children_of(world)) killed += kill(child, SIGKILL) == 0 ? 1 : 0;
    std::this_thread::sleep_for(pause);
    if (Clock::now() > end) pause += 50ms;
  }
  over = true;
  clients.clear();
  EXPECT_EQ(other, 0);
  EXPECT_GT(lost, 0);
  EXPECT_LE(lost, killed);  // an idle one's death costs nobody anything
  EXPECT_EQ(world.get(plain_target("w:64", "local:///p.jpg") + "@avif").status, 200);
  EXPECT_TRUE(world.server.wait_for_log(kDeath));
  EXPECT_NE(world.server.log().find("\"avif\""), std::string::npos);
  EXPECT_TRUE(no_child_is_left(world));
}

// The program where the kernel takes no filter of calls.
class NoFilters {
 public:
  NoFilters() : before_(std::getenv("IMGRING_BIN")) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    const std::string path = folder_.write(
        "imgring", "#!/bin/sh\nexec " + self + "/refuse_calls seccomp " + before_ + " \"$@\"\n");
    chmod(path.c_str(), S_IRWXU);
    setenv("IMGRING_BIN", path.c_str(), 1);
  }
  ~NoFilters() { setenv("IMGRING_BIN", before_.c_str(), 1); }
  NoFilters(const NoFilters&) = delete;
  NoFilters& operator=(const NoFilters&) = delete;

 private:
  TempFolder folder_;
  std::string before_;
};

TEST(PictureChildren, WhereNoneCanBeShutInTheServerWorksAndSaysSo) {
  if (slow_build()) GTEST_SKIP() << "the leak check at the end of a half locked child needs /proc";
  const NoFilters no_filters;
  World world(with_ticks({}));
  world.folder.write("p.jpg", jpeg_picture({300, 200}));
  world.folder.write("p.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='6' height='4'/>");
  EXPECT_EQ(world.get(plain_target("w:6", "local:///p.svg") + "@png").status, 500);
  const std::string avif = avif_of(world, "w:64", "p.jpg");
  if (avif.empty()) GTEST_SKIP() << "no AVIF here";
  EXPECT_FALSE(avif_of(world, "w:50", "p.jpg").empty());
  EXPECT_EQ(world.server.metric("imgring_sandbox_given_up"), 1);
  EXPECT_EQ(children_started(world), 1);  // it is not tried again
  EXPECT_TRUE(world.server.wait_for_log("are worked on in the server itself"));
}

TEST(PictureChildren, AStartMayAskForThem) {
  if (slow_build()) GTEST_SKIP() << "the leak check at the end of a half locked child needs /proc";
  {
    World world(with_ticks({{"IMGRING_SANDBOX_REQUIRED", "true"}}));
    EXPECT_EQ(world.get("/health").status, 200);
    EXPECT_EQ(children_started(world), 1);
  }
  const NoFilters no_filters;
  ServerProcess server(with_ticks({{"IMGRING_SANDBOX_REQUIRED", "true"}}));
  EXPECT_FALSE(server.wait_until_ready());
  EXPECT_EQ(server.wait_for_exit(), 78);
  EXPECT_NE(server.log().find("IMGRING_SANDBOX_REQUIRED"), std::string::npos);
}

}  // namespace
}  // namespace imgring::test
