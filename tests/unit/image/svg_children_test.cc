// Children that draw SVGs: the real one, and ones that lie, die and say nothing.
#include "imgring/image/svg_children.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "../../../src/image/memory_file.h"
#include "../../../src/image/svg_lock.h"
#include "../../../src/image/svg_talk.h"
#include "../../../src/image/svg_wire.h"
#include "imgring/image/encoder.h"
#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image {
namespace {

using test::pixels_of;
using namespace std::chrono_literals;

const std::string kPicture =
    "<svg xmlns='http://www.w3.org/2000/svg' width='60' height='40'><rect width='30' height='20' "
    "fill='#c03020'/><text x='4' y='30' font-size='14'>text</text></svg>";
const StopFlag kNoStop;

SvgChildrenOptions real_children() {
  SvgChildrenOptions options;
  options.children_max = 2;
  options.time_max = 60s;
  options.start_max = 60s;  // a sanitizer's build starts slowly
  options.start = []() -> Result<SvgProcess> {
    const char* program = std::getenv("IMGRING_BIN");
    if (program == nullptr) return fail(ErrorCode::kInternal, "IMGRING_BIN must name the program");
    return start_svg_process(program);
  };
  return options;
}

std::string proc_text(pid_t pid, const char* name) {
  std::stringstream out;
  out << std::ifstream("/proc/" + std::to_string(pid) + "/" + name).rdbuf();
  return out.str();
}

Result<VipsImagePtr> draw(SvgChildren* children, const std::string& source, double scale,
                          const StopFlag& stop = kNoStop) {
  IMGRING_TRY(auto drawing, children->open(as_bytes(source), {}, stop));
  IMGRING_TRY_VOID(drawing->look(1));
  IMGRING_TRY_VOID(drawing->look(scale));
  return drawing->draw();
}

TEST(SvgChild, DrawsWhatThisProcessWouldDraw) {
  SvgChildren children(real_children());
  for (const double scale : {1.0, 0.5, 3.0}) {
    const auto there = draw(&children, kPicture, scale);
    ASSERT_TRUE(there.has_value()) << there.error().detail;
    const auto drawing = draw_here(as_bytes(kPicture), {});
    ASSERT_TRUE(drawing->look(scale).has_value());
    const auto here = drawing->draw();
    ASSERT_TRUE(here.has_value());
    // Text too: the child has no files, but fonts.
    EXPECT_EQ(pixels_of(there->get()), pixels_of(here->get())) << scale;
    EXPECT_EQ(vips_image_get_interpretation(there->get()),
              vips_image_get_interpretation(here->get()));
    EXPECT_DOUBLE_EQ(vips_image_get_xres(there->get()), vips_image_get_xres(here->get()));
  }
  EXPECT_EQ(children.numbers().died, 0u);
  // A sanitizer's child is larger than what is kept.
  if (!kSanitized) EXPECT_EQ(children.numbers().started, 1u);
}

std::string with_picture(const std::string& type, const std::string& bytes) {
  return "<svg xmlns='http://www.w3.org/2000/svg' xmlns:x='http://www.w3.org/1999/xlink' "
         "width='8' height='8'><image width='8' height='8' x:href='data:image/" + type +
         ";base64," + base64_encode(as_bytes(bytes)) + "'/></svg>";
}

// What reads them must be there before the child has no files.
TEST(SvgChild, DrawsPicturesInsideOfEveryFormat) {
  SvgChildren children(real_children());
  const VipsImagePtr image = test::picture(8, 8, 3);
  const config::ProcessingConfig config;
  SaveParams params;
  params.config = &config;
  const auto own = [&](ImageType type) {
    const auto bytes = save(image.get(), type, params, kNoStop);
    EXPECT_TRUE(bytes.has_value());
    return bytes ? test::text_of(*bytes) : std::string();
  };
  const auto by_vips = [&](const char* suffix) {
    return test::saved_by_vips(image.get(), suffix);
  };
  const std::string sources[] = {
      with_picture("png", by_vips(".png")),   with_picture("jpg", by_vips(".jpg")),
      with_picture("gif", by_vips(".gif")),   with_picture("webp", by_vips(".webp")),
      with_picture("tiff", by_vips(".tif")),  with_picture("bmp", own(ImageType::kBmp)),
      with_picture("x-icon", own(ImageType::kIco)), with_picture("svg+xml", kPicture),
  };
  std::vector<std::string> all(std::begin(sources), std::end(sources));
  for (const ImageType type : {ImageType::kAvif, ImageType::kHeic, ImageType::kJxl}) {
    if (test::can_load(type) && test::can_save(type))
      all.push_back(with_picture("avif", own(type)));
  }
  for (const std::string& source : all) {
    SCOPED_TRACE(source.substr(100, 80));
    const auto there = draw(&children, source, 1);
    ASSERT_TRUE(there.has_value()) << there.error().detail;
    const auto drawing = draw_here(as_bytes(source), {});
    ASSERT_TRUE(drawing->look(1).has_value());
    const auto here = drawing->draw();
    ASSERT_TRUE(here.has_value());
    const auto pixels = pixels_of(there->get());
    EXPECT_EQ(pixels, pixels_of(here->get()));
    EXPECT_GT(std::count(pixels.begin(), pixels.end(), 255), 0);  // something is there
  }
  EXPECT_EQ(children.numbers().died, 0u);
}

// What pipeline/estimate.cc grants for 12 MP; with less the picture would be left out or the child
// would die.
TEST(SvgChild, DrawsAPhotoInsideWithWhatItIsGranted) {
  const VipsImagePtr tile = test::picture(50, 50, 3);  // packs well
  VipsImage* tiled = nullptr;
  ASSERT_EQ(vips_replicate(tile.get(), &tiled, 80, 60, nullptr), 0);
  const VipsImagePtr photo(tiled);
  const struct {
    const char* suffix;
    std::uint64_t bytes_of_pixel;
  } kKinds[] = {{".jpg", 10}, {".png", 10}, {".webp", 28}, {".tif[compression=deflate]", 28},
                {".avif[compression=av1,effort=0]", 28}};
  for (const auto& [suffix, bytes_of_pixel] : kKinds) {
    SCOPED_TRACE(suffix);
    if (std::string_view(suffix).starts_with(".avif") && !test::can_save(ImageType::kAvif))
      continue;
    SvgChildren children(real_children());
    const std::string source = with_picture("any", test::saved_by_vips(photo.get(), suffix));
    SvgParams params;
    params.memory_bytes = (std::uint64_t{32} << 20) + bytes_of_pixel * 12'000'000 +
                          source.size() * 60;
    auto drawing = children.open(as_bytes(source), params, kNoStop);
    ASSERT_TRUE(drawing.has_value()) << drawing.error().detail;
    ASSERT_TRUE((*drawing)->look(1).has_value());
    const auto picture = (*drawing)->draw();
    ASSERT_TRUE(picture.has_value()) << picture.error().detail;
    const auto pixels = pixels_of(picture->get());
    EXPECT_GT(std::count(pixels.begin(), pixels.end(), 255), 0);  // something is there
  }
}

// The encodings are ready before the child has no files; what is read twice is the same text.
TEST(SvgChild, DrawsWhateverTheEncoding) {
  SvgChildren children(real_children());
  const auto plain = draw(&children, kPicture, 1);
  ASSERT_TRUE(plain.has_value()) << plain.error().detail;
  std::string wide = "\xFF\xFE";
  for (const char c : kPicture) wide += {c, '\0'};
  for (const std::string& source :
       {wide, "<?xml version='1.0' encoding='windows-1252'?>" + kPicture,
        "<?xml version='1.0' encoding='Shift_JIS'?>" + kPicture,
        "<?xml version='1.0' encoding='ISO-8859-16'?>" + kPicture,
        "<?xml version='1.0' encoding='windows-949'?>" + kPicture,
        "<?xml version='1.0' encoding='utf-16'?>" + kPicture}) {
    const auto there = draw(&children, source, 1);
    ASSERT_TRUE(there.has_value()) << there.error().detail;
    EXPECT_EQ(pixels_of(there->get()), pixels_of(plain->get()));
    const auto drawing = draw_here(as_bytes(source), {});
    ASSERT_TRUE(drawing->look(1).has_value());
    const auto here = drawing->draw();
    ASSERT_TRUE(here.has_value()) << here.error().detail;
    EXPECT_EQ(pixels_of(here->get()), pixels_of(plain->get()));
  }
  const auto unknown =
      draw(&children, "<?xml version='1.0' encoding='x-mine'?>" + kPicture, 1);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::kBrokenSvg);
  EXPECT_EQ(children.numbers().died, 0u);
}

// The text went with the picture, and the next look read freed memory.
TEST(SvgDrawing, ATranscodedSourceOutlivesThePictureAndTheDrawing) {
  const std::string source = "<?xml version='1.0' encoding='windows-1252'?>" + kPicture;
  auto drawing = draw_here(as_bytes(source), {});
  ASSERT_TRUE(drawing->look(1).has_value());
  ASSERT_TRUE(drawing->draw().has_value());
  EXPECT_FALSE(drawing->draw().has_value());
  const auto size = drawing->look(2);
  ASSERT_TRUE(size.has_value()) << size.error().detail;
  EXPECT_EQ(size->width, 120);
  const auto image = drawing->draw();
  ASSERT_TRUE(image.has_value()) << image.error().detail;
  drawing.reset();
  EXPECT_EQ(pixels_of(image->get()).size(), 120u * 80 * 4);
}

TEST(SvgChild, TellsWhatIsWrongWithAPicture) {
  SvgChildren children(real_children());
  const std::string broken = "<svg xmlns='http://www.w3.org/2000/svg' width='6' height='4'><g>";
  const std::string over = "<svg xmlns='http://www.w3.org/2000/svg' width='6' height='4'>"
                           "<text font-size='1000000000'>a</text></svg>";
  const auto first = draw(&children, broken, 1);
  ASSERT_FALSE(first.has_value());
  EXPECT_EQ(first.error().status(), 422);
  const auto second = draw(&children, over, 1);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kBrokenSvg);
  EXPECT_NE(second.error().detail.find("font-size"), std::string::npos) << second.error().detail;
  EXPECT_TRUE(draw(&children, kPicture, 1).has_value());
  EXPECT_EQ(children.numbers().died, 0u);  // no child was lost over it
  if (!kSanitized) EXPECT_EQ(children.numbers().started, 1u);
}

TEST(SvgChild, IsShutIn) {
  pid_t pid = -1;
  SvgChildrenOptions options = real_children();
  options.start = [&pid, start = options.start] {
    auto process = start();
    if (process) pid = process->pid;
    return process;
  };
  SvgChildren children(std::move(options));
  const auto drawing = children.open(as_bytes(kPicture), {}, kNoStop);
  ASSERT_TRUE(drawing.has_value()) << drawing.error().detail;
  const std::string status = proc_text(pid, "status");
  EXPECT_NE(status.find("Seccomp:\t2"), std::string::npos) << status;
  EXPECT_NE(status.find("NoNewPrivs:\t1"), std::string::npos) << status;
  if (kSanitized) return;
  const std::string limits = proc_text(pid, "limits");
  std::istringstream line(limits.substr(limits.find("Max address space")));
  std::string word, number;
  line >> word >> word >> word >> number;
  EXPECT_EQ(number, std::to_string(kSvgAddressBytesMax)) << limits;
}

TEST(SvgChild, SizesThatCantBeDrawnAreRefusedHere) {
  SvgChildren children(real_children());
  const auto wide = draw(&children, kPicture, 500);  // 30 000 x 20 000
  ASSERT_FALSE(wide.has_value());
  EXPECT_EQ(wide.error().code, ErrorCode::kResolutionTooLarge);
  const std::string large(kSvgLargeBytes * 11, ' ');
  const auto long_one = children.open(as_bytes(large), {}, kNoStop);
  ASSERT_FALSE(long_one.has_value());
  EXPECT_EQ(long_one.error().code, ErrorCode::kBrokenSvg);
}

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
    {"no width", [](int s) { hear(s); say(s, 1, 0, 4); wait_for_the_end(s); }},
    {"a negative height", [](int s) { hear(s); say(s, 1, 4, -4); wait_for_the_end(s); }},
    {"impossibly wide", [](int s) { hear(s); say(s, 1, 0x7FFFFFFF, 1); wait_for_the_end(s); }},
    {"a short answer", [](int s) { hear(s); say_bytes(s, 7); wait_for_the_end(s); }},
    {"a long answer", [](int s) { hear(s); say_bytes(s, 5000); wait_for_the_end(s); }},
    {"ends with the question", [](int s) { hear(s); }},
    {"aborts with the question", [](int s) { hear(s); std::abort(); }},
    {"dies before the pixels", [](int s) { hear(s); say(s, 1, 6, 4); hear(s); say(s, 1, 6, 4);
                                           hear(s); kill(getpid(), SIGKILL); }},
    {"keeps a mapping of the pixels", [](int s) {
       hear(s); say(s, 1, 6, 4); hear(s); say(s, 1, 6, 4);
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
