// The real child that draws SVGs: what it draws, what it says, and what it is shut in.
#include "../sandbox/scripted_children.h"
#include "imgring/base/sanitized.h"
#include "svg_children_helpers.h"

namespace imgring::image {
namespace {

TEST(SvgChild, DrawsWhatThisProcessWouldDraw) {
  sandbox::Children children(real_children());
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
  // One that grew much is not kept, and a sanitizer's never is.
  if (!kSanitized) {
    EXPECT_LT(children.numbers().started, 3u);
  }
}

std::string with_picture(const std::string& type, const std::string& bytes) {
  return "<svg xmlns='http://www.w3.org/2000/svg' xmlns:x='http://www.w3.org/1999/xlink' "
         "width='8' height='8'><image width='8' height='8' x:href='data:image/" +
         type + ";base64," + base64_encode(as_bytes(bytes)) + "'/></svg>";
}

// What reads them must be there before the child has no files.
TEST(SvgChild, DrawsPicturesInsideOfEveryFormat) {
  sandbox::Children children(real_children());
  const VipsImagePtr image = test::picture(8, 8, 3);
  const config::ProcessingConfig config;
  SaveParams params;
  params.config = &config;
  const auto own = [&](ImageType type) {
    const auto bytes = save(image.get(), type, params, kNoStop);
    EXPECT_TRUE(bytes.has_value());
    return bytes ? test::text_of(*bytes) : std::string();
  };
  const auto by_vips = [&](const char* suffix) { return test::saved_by_vips(image.get(), suffix); };
  const std::string sources[] = {
      with_picture("png", by_vips(".png")),         with_picture("jpg", by_vips(".jpg")),
      with_picture("gif", by_vips(".gif")),         with_picture("webp", by_vips(".webp")),
      with_picture("tiff", by_vips(".tif")),        with_picture("bmp", own(ImageType::kBmp)),
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
  // Addresses are not bounded under sanitizers.
  const int across = kSanitized ? 16 : 80, down = kSanitized ? 12 : 60;
  ASSERT_EQ(vips_replicate(tile.get(), &tiled, across, down, nullptr), 0);
  const VipsImagePtr photo(tiled);
  const struct {
    const char* suffix;
    std::uint64_t bytes_of_pixel;
  } kKinds[] = {{".jpg", 10},
                {".png", 10},
                {".webp", 28},
                {".tif[compression=deflate]", 28},
                {".avif[compression=av1,effort=0]", 28}};
  for (const auto& [suffix, bytes_of_pixel] : kKinds) {
    SCOPED_TRACE(suffix);
    if (std::string_view(suffix).starts_with(".avif") && !test::can_save(ImageType::kAvif))
      continue;
    sandbox::Children children(real_children());
    const std::string source = with_picture("any", test::saved_by_vips(photo.get(), suffix));
    SvgParams params;
    params.memory_bytes =
        (std::uint64_t{32} << 20) + bytes_of_pixel * 12'000'000 + source.size() * 60;
    auto drawing = draw_in_child(children, as_bytes(source), params, kNoStop);
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
  sandbox::Children children(real_children());
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
  const auto unknown = draw(&children, "<?xml version='1.0' encoding='x-mine'?>" + kPicture, 1);
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
  sandbox::Children children(real_children());
  const std::string broken = "<svg xmlns='http://www.w3.org/2000/svg' width='6' height='4'><g>";
  const std::string over =
      "<svg xmlns='http://www.w3.org/2000/svg' width='6' height='4'>"
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
  sandbox::ChildrenOptions options = real_children();
  options.start = [&pid, start = options.start](const sandbox::Kind& kind) {
    auto process = start(kind);
    if (process) pid = process->pid;
    return process;
  };
  sandbox::Children children(std::move(options));
  const auto drawing = draw_in_child(children, as_bytes(kPicture), {}, kNoStop);
  ASSERT_TRUE(drawing.has_value()) << drawing.error().detail;
  const std::string status = proc_text(pid, "status");
  EXPECT_NE(status.find("Seccomp:\t2"), std::string::npos) << status;
  EXPECT_NE(status.find("NoNewPrivs:\t1"), std::string::npos) << status;
  if (kSanitized) return;
  const std::string limits = proc_text(pid, "limits");
  std::istringstream line(limits.substr(limits.find("Max address space")));
  std::string word, number;
  line >> word >> word >> word >> number;
  EXPECT_EQ(number, std::to_string(sandbox::kAddressBytesMax)) << limits;
}

TEST(SvgChild, KeepsNextToNothingOfALargePicture) {
  if (kSanitized) GTEST_SKIP() << "its allocator keeps what was freed";
  sandbox::Children children(real_children());
  ASSERT_TRUE(draw(&children, kPicture, 1).has_value());
  const std::uint64_t before = children.numbers().anon_bytes;
  ASSERT_TRUE(draw(&children, kPicture, 50).has_value());  // 24 MB of pixels
  EXPECT_LT(children.numbers().anon_bytes, before + sandbox::kGrownBytes);
  EXPECT_EQ(children.numbers().started, 1u);
}

// Sizes are the picture's: the sandbox does not look at them.
TEST(SvgChild, ImpossibleSizesAreLies) {
  struct Case {
    const char* what;
    sandbox::test::Script script;
  };
  using sandbox::test::hear, sandbox::test::say, sandbox::test::wait_for_the_end;
  constexpr Case kCases[] = {
      {"no width",
       [](int s) {
         hear(s);
         say(s, 1, {.width = 0, .height = 4});
         wait_for_the_end(s);
       }},
      {"a negative height",
       [](int s) {
         hear(s);
         say(s, 1, {.width = 4, .height = -4});
         wait_for_the_end(s);
       }},
      {"impossibly wide",
       [](int s) {
         hear(s);
         say(s, 1, {.width = 0x7FFFFFFF, .height = 1});
         wait_for_the_end(s);
       }},
      {"fewer pixels than it told of",
       [](int s) {
         for (int i = 0; i < 3; ++i) {
           hear(s);
           say(s, 1, {.width = 6, .height = 4}, i == 2 ? 95 : 0);
         }
         wait_for_the_end(s);
       }},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.what);
    sandbox::Children children(sandbox::test::scripted(c.script));
    const auto drawn = draw(&children, kPicture, 0.1);
    ASSERT_FALSE(drawn.has_value());
    EXPECT_EQ(drawn.error().status(), 422) << drawn.error().detail;
    EXPECT_EQ(children.numbers().died, 1u);
    EXPECT_EQ(children.numbers().alive, 0u);
  }
}

TEST(SvgChild, SizesThatCantBeDrawnAreRefusedHere) {
  sandbox::Children children(real_children());
  const auto wide = draw(&children, kPicture, 500);  // 30 000 x 20 000
  ASSERT_FALSE(wide.has_value());
  EXPECT_EQ(wide.error().code, ErrorCode::kResolutionTooLarge);
  const std::string large(kSvgLargeBytes * 11, ' ');
  const auto long_one = draw_in_child(children, as_bytes(large), {}, kNoStop);
  ASSERT_FALSE(long_one.has_value());
  EXPECT_EQ(long_one.error().code, ErrorCode::kBrokenSvg);
}

}  // namespace
}  // namespace imgring::image
