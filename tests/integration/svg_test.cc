// SVGs through the whole program: a child process draws each, and whatever becomes of the child,
// the server goes on (hardening.md section 5).
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "imgring/base/text.h"
#include "world.h"

namespace imgring::test {
namespace {

constexpr std::string_view kSmall =
    "<svg xmlns='http://www.w3.org/2000/svg' width='60' height='40'><rect width='30' height='20' "
    "fill='red'/></svg>";

// Minutes of work at 2000 pixels, which no limit foresees: nobody says how large a group is.
std::string endless() {
  std::string out =
      "<svg xmlns='http://www.w3.org/2000/svg' width='60' height='40'>"
      "<filter id='f' x='0' y='0' width='1' height='1'>";
  for (int i = 0; i < 90; ++i) out += "<feTurbulence baseFrequency='0.9' numOctaves='10'/>";
  return out + "</filter><g filter='url(#f)'><rect width='60' height='40'/></g></svg>";
}

// Time to take back what is idle, often: a test's end looks whether anything is left.
Environment quick_ticks(const char* timeout_s) {
  return {{"IMGPROXY_FREE_MEMORY_INTERVAL", "1"}, {"IMGPROXY_TIMEOUT", timeout_s}};
}

// Ids of the server's children, zombies among them.
std::vector<int> children_of(const ServerProcess& server) {
  std::vector<int> out;
  for (const int thread : server.thread_ids()) {
    const std::string pid = std::to_string(server.pid());
    std::ifstream file("/proc/" + pid + "/task/" + std::to_string(thread) + "/children");
    for (int id = 0; file >> id;) out.push_back(id);
  }
  return out;
}

std::vector<int> children_of(const World& world) { return children_of(world.server); }

// Nor in the server's numbers, which know of it a moment later.
bool no_child_is_left(const World& world) {
  return eventually(
      [&] { return children_of(world).empty() && world.server.metric("svg_children") == 0; },
      patience(20000));
}

// A child is shut in, and has used a second's tenth of its processor since.
bool draws(const World& world) {
  const std::vector<int> children = children_of(world);
  if (children.size() != 1) return false;
  const std::string folder = "/proc/" + std::to_string(children[0]);
  std::stringstream status, times;
  status << std::ifstream(folder + "/status").rdbuf();
  times << std::ifstream(folder + "/stat").rdbuf();
  const std::string text = times.str();
  const std::string_view all = text;
  const auto fields = split(all.substr(std::min(all.size(), all.rfind(") ") + 2)), " ");
  constexpr std::size_t kUserTime = 11;  // the 14th, counted from the state
  constexpr int kTicks = 60;             // hundredths: more than the start takes
  return status.str().find("Seccomp:\t2") != std::string::npos && fields.size() > kUserTime &&
         parse_int(fields[kUserTime]).value_or(0) > kTicks;
}

class SvgPictures : public ::testing::Test {
 protected:
  void write_into(World* world) {
    world->folder.write("small.svg", kSmall);
    world->folder.write("endless.svg", endless());
  }
  static std::string small() { return "/unsafe/w:30/plain/local:///small.svg@png"; }
  static std::string long_one() { return "/unsafe/w:2000/plain/local:///endless.svg@jpg"; }
};

TEST_F(SvgPictures, AreDrawnByAChildThatEndsWhenItIsIdle) {
  World world(quick_ticks("30"));
  write_into(&world);
  EXPECT_TRUE(children_of(world).empty());  // none before the first SVG
  for (int i = 0; i < 5; ++i) {
    const Answer answer = world.get(small());
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(facts_of_picture(answer.body), (PictureFacts{"png", 30, 20}));
  }
  EXPECT_GE(world.server.metric("svg_children_started_total").value_or(0), 1);
  EXPECT_EQ(world.server.metric_sum("svg_children_ended_total"), 0);
  EXPECT_TRUE(no_child_is_left(world));
  EXPECT_EQ(world.get(small()).status, 200);  // and another when there is work again
  EXPECT_TRUE(no_child_is_left(world));
}

TEST_F(SvgPictures, AChildsDeathIsTheAnswerOfOneRequest) {
  World world(quick_ticks("60"));
  write_into(&world);
  RawClient client(world.port());
  client.send(get_text(long_one()));
  ASSERT_TRUE(eventually([&] { return draws(world); }, patience(20000)));
  ASSERT_EQ(kill(children_of(world)[0], SIGKILL), 0);
  EXPECT_EQ(client.read(patience(20000)).status, 422);
  EXPECT_EQ(world.server.metric("svg_children_ended_total{reason=\"died\"}"), 1);
  EXPECT_EQ(world.get(small()).status, 200);
  EXPECT_TRUE(no_child_is_left(world));
}

TEST_F(SvgPictures, AnEndlessOneIsAnsweredByTheTimeout) {
  World world(quick_ticks("1"));
  write_into(&world);
  EXPECT_EQ(world.get(long_one()).status, 503);
  EXPECT_TRUE(no_child_is_left(world));
  EXPECT_EQ(world.server.metric("svg_children_ended_total{reason=\"stopped\"}"), 1);
}

TEST_F(SvgPictures, AClientThatLeavesEndsItsChild) {
  World world(quick_ticks("60"));
  write_into(&world);
  RawClient client(world.port());
  client.send(get_text(long_one()));
  ASSERT_TRUE(eventually([&] { return children_of(world).size() == 1; }));
  client.reset();
  EXPECT_TRUE(no_child_is_left(world));
}

// What the kernel counts for this process alone.
double anon_bytes_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  double size = 0, resident = 0, shared = 0;
  file >> size >> resident >> shared;
  return (resident - shared) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Ticks are an hour apart; the look at the memory is what ends the child. The process holds so much
// at rest, by two pictures with bytes behind their end, that the child makes the difference.
TEST_F(SvgPictures, AnIdleChildEndsWhenMemoryIsShort) {
  if (slow_build()) GTEST_SKIP() << "a sanitizer's build holds what no limit of the program's fits";
  TempFolder folder;
  folder.write("small.svg", kSmall);
  const std::string large =
      folder.write("large.png", png_picture({100, 100}) + std::string(63 << 20, '\1'));
  const Environment environment{{"IMGRING_LOOPS", "1"},
                                {"IMGPROXY_WORKERS", "1"},
                                {"IMGPROXY_FREE_MEMORY_INTERVAL", "3600"},
                                {"IMGPROXY_LOCAL_FILESYSTEM_ROOT", folder.path()},
                                {"IMGPROXY_FALLBACK_IMAGE_PATH", large},
                                {"IMGPROXY_WATERMARK_PATH", large}};
  constexpr double kMiB = 1 << 20;
  // A child in each of these: what both hold, and then the limit that this is above 85 % of.
  const auto draw_one = [](ServerProcess& server) {
    RawClient client(server.port());
    client.send(get_text(small()));
    EXPECT_EQ(client.read(patience(20000)).status, 200);
    return children_of(server);
  };
  double held = 0;
  {
    ServerProcess roomy(environment);
    ASSERT_TRUE(roomy.wait_until_ready());
    const std::vector<int> children = draw_one(roomy);
    ASSERT_EQ(children.size(), 1u);
    held = roomy.metric("memory_rss_bytes").value_or(0) + anon_bytes_of(children[0]);
    roomy.stop();
  }
  Environment tight = environment;
  tight["IMGRING_MEMORY_LIMIT"] = std::to_string(static_cast<int>(held / kMiB / 0.875));
  ServerProcess server(tight);
  ASSERT_TRUE(server.wait_until_ready());
  draw_one(server);
  RawClient prober(server.port());  // whose coming has the memory looked at
  prober.send(get_text("/health"));
  EXPECT_TRUE(eventually([&] { return children_of(server).empty(); }, patience(20000)))
      << server.metrics_text();
  EXPECT_EQ(server.metric("svg_children_started_total"), 1);
  server.stop();
}

TEST_F(SvgPictures, TheServerEndsWithABusyChild) {
  World world({{"IMGPROXY_TIMEOUT", "60"}, {"IMGPROXY_GRACEFUL_STOP_TIMEOUT", "1"}});
  write_into(&world);
  RawClient client(world.port());
  client.send(get_text(long_one()));
  ASSERT_TRUE(eventually([&] { return children_of(world).size() == 1; }));
  const int child = children_of(world)[0];
  world.server.stop();
  EXPECT_TRUE(eventually([&] { return kill(child, 0) != 0; }));
}

}  // namespace
}  // namespace imgring::test
