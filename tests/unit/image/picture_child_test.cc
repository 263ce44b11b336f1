// Pictures in the real child: what it loads and saves is what this process would, and children that
// lie about it.
#include <csignal>
#include <cstdlib>
#include <limits>
#include <map>
#include <thread>
#include <tuple>

#include "../../../src/image/blobs.h"
#include "../../../src/image/picture_fields.h"
#include "../../../src/image/picture_kind.h"
#include "../sandbox/scripted_children.h"
#include "imgring/image/sandbox_kinds.h"
#include "imgring/image/shelter.h"
#include "svg_children_helpers.h"

namespace imgring::image {
namespace {

Shelter::Settings settings_with(sandbox::Children* children, const StopFlag& stop = kNoStop) {
  return {children, config::Sandbox::kAll, &stop, 0};
}

Result<VipsImagePtr> loaded_by(Shelter* shelter, ByteSpan source, ImageType type,
                               LoadParams params = {}) {
  params.shelter = shelter;
  return load(source, type, params);
}

// Name and bytes of each field.
std::map<std::string, std::string> fields_of(VipsImage* image) {
  FieldList list;
  list.add_fields_of(image);
  std::map<std::string, std::string> out;
  const auto fields = parse_fields(as_bytes(list.bytes()));
  EXPECT_TRUE(fields.has_value());
  if (!fields) return out;
  for (const Field& field : *fields) out[std::string(field.name)] = as_text(field.value);
  return out;
}

void expect_same(VipsImage* there, VipsImage* here) {
  EXPECT_EQ(vips_image_get_width(there), vips_image_get_width(here));
  EXPECT_EQ(vips_image_get_height(there), vips_image_get_height(here));
  EXPECT_EQ(vips_image_get_bands(there), vips_image_get_bands(here));
  EXPECT_EQ(vips_image_get_format(there), vips_image_get_format(here));
  EXPECT_EQ(vips_image_get_interpretation(there), vips_image_get_interpretation(here));
  EXPECT_DOUBLE_EQ(vips_image_get_xres(there), vips_image_get_xres(here));
  EXPECT_TRUE(fields_of(there) == fields_of(here));
  EXPECT_TRUE(pixels_of(there) == pixels_of(here));
}

// With everything that a file can hold.
VipsImagePtr decorated(int width, int height, int bands) {
  VipsImagePtr image = test::picture(width, height, bands);
  const std::string profile = test::srgb_profile();
  vips_image_set_blob_copy(image.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  vips_image_set_string(image.get(), "exif-ifd0-Copyright", "somebody (somebody, ASCII)");
  vips_image_set_int(image.get(), VIPS_META_ORIENTATION, 6);
  return image;
}

std::vector<std::string> sources_of(const char* suffix) {
  std::vector<std::string> out;
  for (const int bands : {3, 4}) {
    out.push_back(test::saved_by_vips(decorated(70, 50, bands).get(), suffix));
  }
  // More than a strip; other encoders take a minute for it.
  if (std::string_view(suffix).starts_with(".tif")) {
    out.push_back(test::saved_by_vips(test::picture(1500, 1300, 3).get(), suffix));
  }
  return out;
}

struct Way {
  ImageType type;
  const char* suffix;
};
constexpr Way kWays[] = {
    {ImageType::kAvif, ".avif[compression=av1,effort=0]"},
    {ImageType::kHeic, ".heic"},
    {ImageType::kTiff, ".tif[compression=deflate]"},
    {ImageType::kJxl, ".jxl[effort=3]"},
    {ImageType::kGif, ".gif"},
    {ImageType::kWebp, ".webp"},
};

TEST(PictureChild, LoadsWhatThisProcessWouldLoad) {
  sandbox::Children children(real_children());
  for (const Way& way : kWays) {
    SCOPED_TRACE(way.suffix);
    if (!test::can_load(way.type) || !test::can_save(way.type)) continue;
    for (const std::string& source : sources_of(way.suffix)) {
      Shelter shelter(settings_with(&children));
      const auto there = loaded_by(&shelter, as_bytes(source), way.type);
      ASSERT_TRUE(there.has_value()) << there.error().detail;
      const auto here = load(as_bytes(source), way.type, {});
      ASSERT_TRUE(here.has_value());
      expect_same(there->get(), here->get());
    }
  }
  EXPECT_EQ(children.numbers().died, 0u);
  if (kSanitized) return;  // such a child is larger than what is kept
  EXPECT_EQ(children.numbers().started, 1u);
}

TEST(PictureChild, LoadsAllFramesOfAnAnimation) {
  sandbox::Children children(real_children());
  VipsImagePtr frames = test::picture(40, 90, 3);
  vips_image_set_int(frames.get(), VIPS_META_PAGE_HEIGHT, 30);
  const int delays[] = {100, 50, 70};
  vips_image_set_array_int(frames.get(), "delay", delays, 3);
  vips_image_set_int(frames.get(), "loop", 4);
  for (const Way& way : {Way{ImageType::kGif, ".gif"}, Way{ImageType::kWebp, ".webp"}}) {
    SCOPED_TRACE(way.suffix);
    const std::string source = test::saved_by_vips(frames.get(), way.suffix);
    Shelter shelter(settings_with(&children));
    LoadParams params;
    params.pages = 3;
    const auto there = loaded_by(&shelter, as_bytes(source), way.type, params);
    ASSERT_TRUE(there.has_value()) << there.error().detail;
    EXPECT_EQ(vips_image_get_height(there->get()), 90);
    const auto here = load(as_bytes(source), way.type, params);
    ASSERT_TRUE(here.has_value());
    expect_same(there->get(), here->get());
  }
}

TEST(PictureChild, SavesWhatThisProcessWouldSave) {
  sandbox::Children children(real_children());
  const config::ProcessingConfig config;
  for (const ImageType type : {ImageType::kAvif, ImageType::kHeic, ImageType::kJxl}) {
    SCOPED_TRACE(std::string(facts_of(type).name));
    if (!test::can_save(type)) continue;
    for (const VipsImagePtr& image :
         {decorated(70, 50, 3), decorated(64, 48, 4), test::picture16(40, 40, 3)}) {
      SaveParams params;
      params.quality = 60;
      params.config = &config;
      const auto here = save(image.get(), type, params, kNoStop);
      ASSERT_TRUE(here.has_value()) << here.error().detail;
      Shelter shelter(settings_with(&children));
      params.shelter = &shelter;
      const auto there = save(image.get(), type, params, kNoStop);
      ASSERT_TRUE(there.has_value()) << there.error().detail;
      // Newer x265 goes by the processors that it sees.
      if (test::text_of(*there) == test::text_of(*here)) continue;
      EXPECT_EQ(type, ImageType::kHeic) << there->size();
      EXPECT_LT(test::mean_difference(test::decoded(there->span()).get(),
                                      test::decoded(here->span()).get()),
                1.0);
    }
  }
  EXPECT_EQ(children.numbers().died, 0u);
}

// One source, two ways, as where a thumbnail is tried: one child, and whichever is asked for
// pixels.
TEST(PictureChild, OneChildOpensASourceTwice) {
  if (!test::can_load(ImageType::kTiff)) GTEST_SKIP() << "no loader of TIFF";
  sandbox::Children children(real_children());
  const std::string source = test::saved_by_vips(test::picture(60, 50, 3).get(), ".tif");
  Shelter shelter(settings_with(&children));
  const auto first = loaded_by(&shelter, as_bytes(source), ImageType::kTiff);
  LoadParams other;
  other.unlimited = true;
  const auto second = loaded_by(&shelter, as_bytes(source), ImageType::kTiff, other);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(children.numbers().alive, 1u);
  const auto here = load(as_bytes(source), ImageType::kTiff, {});
  EXPECT_EQ(pixels_of(first->get()), pixels_of(here->get()));
}

TEST(PictureChild, BrokenOnesAreThePicturesFaultAndKillNobody) {
  sandbox::Children children(real_children());
  for (const Way& way : kWays) {
    SCOPED_TRACE(way.suffix);
    if (!test::can_load(way.type) || !test::can_save(way.type)) continue;
    const std::string whole = test::saved_by_vips(test::picture(90, 70, 3).get(), way.suffix);
    for (const std::size_t size : {whole.size() / 2, std::size_t{20}}) {
      const std::string cut = whole.substr(0, size);
      const auto here = load(as_bytes(cut), way.type, {});
      const bool opens = here.has_value() && copy_to_memory(here->get(), kNoStop).has_value();
      Shelter shelter(settings_with(&children));
      const auto there = loaded_by(&shelter, as_bytes(cut), way.type);
      const auto pixels = there ? copy_to_memory(there->get(), kNoStop) : Result<VipsImagePtr>();
      EXPECT_EQ(there.has_value() && pixels.has_value(), opens);
      if (there && pixels) continue;
      const Error& error = there ? pixels.error() : there.error();
      EXPECT_EQ(error.code, ErrorCode::kBrokenImage) << error.detail;
    }
  }
  EXPECT_EQ(children.numbers().died, 0u);
}

// The pool's child, as its process.
sandbox::ChildrenOptions children_with(pid_t* pid) {
  sandbox::ChildrenOptions options = real_children();
  options.start = [pid, start = options.start](const sandbox::Kind& kind) {
    auto process = start(kind);
    if (process) *pid = process->pid;
    return process;
  };
  return options;
}

TEST(PictureChild, DeathsBetweenTwoStripsAreThePicturesFault) {
  pid_t pid = -1;
  sandbox::Children children(children_with(&pid));
  const std::string source = test::saved_by_vips(test::picture(1500, 1300, 3).get(), ".tif");
  Shelter shelter(settings_with(&children));
  const auto image = loaded_by(&shelter, as_bytes(source), ImageType::kTiff);
  ASSERT_TRUE(image.has_value()) << image.error().detail;
  ASSERT_GT(pid, 0) << "no child; -1 would be every process of this machine";
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  const auto pixels = copy_to_memory(image->get(), kNoStop);
  ASSERT_FALSE(pixels.has_value());
  EXPECT_EQ(pixels.error().code, ErrorCode::kBrokenImage);
  EXPECT_NE(pixels.error().detail.find("signal 9"), std::string::npos) << pixels.error().detail;
  EXPECT_EQ(children.numbers().died, 1u);
  Shelter next(settings_with(&children));
  EXPECT_TRUE(loaded_by(&next, as_bytes(source), ImageType::kTiff).has_value());
}

TEST(PictureChild, IsShutIn) {
  pid_t pid = -1;
  sandbox::Children children(children_with(&pid));
  const std::string source = test::saved_by_vips(test::picture(9, 9, 3).get(), ".tif");
  Shelter shelter(settings_with(&children));
  ASSERT_TRUE(loaded_by(&shelter, as_bytes(source), ImageType::kTiff).has_value());
  const std::string status = proc_text(pid, "status");
  EXPECT_NE(status.find("Seccomp:\t2"), std::string::npos) << status;
  EXPECT_NE(status.find("NoNewPrivs:\t1"), std::string::npos) << status;
}

// One that can be stopped between strips stays; one whose library knows no stop is killed.
TEST(PictureChild, IsToldToStopBeforeItIsKilled) {
  if (!test::can_save(ImageType::kAvif)) GTEST_SKIP() << "no encoder of AVIF";
  sandbox::Children children(real_children());
  const VipsImagePtr large = test::picture(2000, 1500, 3);
  const std::string source = test::saved_by_vips(large.get(), ".tif");
  StopFlag stop;
  {
    Shelter shelter(settings_with(&children, stop));
    const auto image = loaded_by(&shelter, as_bytes(source), ImageType::kTiff);
    ASSERT_TRUE(image.has_value());
    stop.stop(StopReason::kClientGone);
    EXPECT_FALSE(copy_to_memory(image->get(), kNoStop).has_value());
  }
  EXPECT_EQ(children.numbers().stopped, 0u);
  config::ProcessingConfig slow;
  slow.avif_speed = 0;
  // On a busy machine the stop may come before the encoder has begun.
  for (auto delay = 200ms; delay < 10s && children.numbers().stopped == 0; delay *= 2) {
    StopFlag timeout;
    Shelter shelter(settings_with(&children, timeout));
    SaveParams params;
    params.config = &slow;
    params.shelter = &shelter;
    std::jthread stopper([&timeout, delay] {
      std::this_thread::sleep_for(delay);
      timeout.stop(StopReason::kTimeout);
    });
    const auto before = std::chrono::steady_clock::now();
    const auto saved = save(large.get(), ImageType::kAvif, params, timeout);
    const auto took = std::chrono::steady_clock::now() - before;
    ASSERT_FALSE(saved.has_value());
    EXPECT_EQ(saved.error().code, ErrorCode::kTimeout);
    EXPECT_LT(took, delay + (kSanitized ? 10s : 2s));
  }
  EXPECT_EQ(children.numbers().stopped, 1u);
  EXPECT_EQ(children.numbers().alive, 0u);
}

TEST(PictureChild, WhereNoneCanBeShutInThisProcessWorks) {
  sandbox::ChildrenOptions options;
  int tried = 0;
  options.start = [&tried](const sandbox::Kind&) -> Result<sandbox::ChildProcess> {
    ++tried;
    return fail(ErrorCode::kInternal, "the kernel says no");
  };
  sandbox::Children children(std::move(options));
  const std::string source = test::saved_by_vips(test::picture(30, 20, 3).get(), ".tif");
  for (int i = 0; i < 2; ++i) {
    Shelter shelter(settings_with(&children));
    const auto image = loaded_by(&shelter, as_bytes(source), ImageType::kTiff);
    ASSERT_TRUE(image.has_value()) << image.error().detail;
    EXPECT_EQ(pixels_of(image->get()).size(), 30u * 20 * 3);
  }
  EXPECT_TRUE(children.gave_up(kPictureKind));
  EXPECT_FALSE(children.gave_up(kSvgKind));
  EXPECT_EQ(tried, 1);
}

// A shortage passes: nothing is opened in this process because of it.
TEST(PictureChild, AShortageIsNoReasonToWorkHere) {
  sandbox::ChildrenOptions options;
  options.start = [](const sandbox::Kind&) -> Result<sandbox::ChildProcess> {
    return fail(ErrorCode::kOverloaded, "no descriptors");
  };
  sandbox::Children children(std::move(options));
  const std::string source = test::saved_by_vips(test::picture(30, 20, 3).get(), ".tif");
  Shelter shelter(settings_with(&children));
  const auto image = loaded_by(&shelter, as_bytes(source), ImageType::kTiff);
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().code, ErrorCode::kOverloaded);
  EXPECT_FALSE(children.gave_up(kPictureKind));
}

// ---- what a child may say

void say_picture(int socket, const sandbox::Picture& sizes, const PictureHeader& header,
                 const std::string& fields = {}) {
  sandbox::Ask ask;
  sandbox::Descriptors files;
  if (sandbox::hear_packet(socket, &ask, sizeof ask, &files) != sandbox::Heard::kPacket) _exit(0);
  sandbox::Told told;
  told.good = 1;
  told.facts = {sizes, sandbox::Numbers(header)};
  told.part_bytes[sandbox::Part::kFields] = fields.size();
  const ssize_t written = pwrite(files[1].get(), fields.data(), fields.size(), 0);
  if (written != static_cast<ssize_t>(fields.size())) _exit(1);
  files[1].reset();
  sandbox::send_packet(socket, &told, sizeof told);
}

struct PictureLiar {
  const char* what;
  sandbox::test::Script script;
};
constexpr sandbox::Picture kSmall{.width = 6, .height = 4, .bands = 3};
constexpr PictureLiar kPictureLiars[] = {
    {"no bands",
     [](int s) {
       say_picture(s, {.width = 6, .height = 4, .bands = 0}, {});
       sandbox::test::wait_for_the_end(s);
     }},
    {"thousands of bands",
     [](int s) {
       say_picture(s, {.width = 6, .height = 4, .bands = 5000}, {});
       sandbox::test::wait_for_the_end(s);
     }},
    {"more samples than colours and alpha",
     [](int s) {
       say_picture(s, {.width = 6, .height = 4, .bands = 6}, {});
       sandbox::test::wait_for_the_end(s);
     }},
    {"a resolution that is no number",
     [](int s) {
       say_picture(s, kSmall, {.pixels_per_mm_x = std::numeric_limits<double>::quiet_NaN()});
       sandbox::test::wait_for_the_end(s);
     }},
    {"a resolution below zero",
     [](int s) {
       say_picture(s, kSmall, {.pixels_per_mm_y = -1});
       sandbox::test::wait_for_the_end(s);
     }},
    {"a width beyond any",
     [](int s) {
       say_picture(s, {.width = 0x7FFFFFFF, .height = 4, .bands = 3}, {});
       sandbox::test::wait_for_the_end(s);
     }},
    {"a format that there is not",
     [](int s) {
       say_picture(s, kSmall, {.format = 77});
       sandbox::test::wait_for_the_end(s);
     }},
    {"an interpretation that there is not",
     [](int s) {
       say_picture(s, kSmall, {.format = 0, .interpretation = -3});
       sandbox::test::wait_for_the_end(s);
     }},
    {"fields that are none",
     [](int s) {
       say_picture(s, kSmall, {}, "fields that are no fields at all, and long enough");
       sandbox::test::wait_for_the_end(s);
     }},
    {"fewer rows than asked for",
     [](int s) {
       say_picture(s, kSmall, {});
       sandbox::test::hear(s);
       sandbox::test::say(s, 1, {}, 71);
       sandbox::test::wait_for_the_end(s);
     }},
};

TEST(PictureChild, LiesEndIt) {
  for (const PictureLiar& liar : kPictureLiars) {
    SCOPED_TRACE(liar.what);
    sandbox::Children children(sandbox::test::scripted(liar.script));
    Shelter shelter(settings_with(&children));
    const auto image = loaded_by(&shelter, as_bytes("II*\0 a source"), ImageType::kTiff);
    const auto pixels = image ? copy_to_memory(image->get(), kNoStop) : Result<VipsImagePtr>();
    ASSERT_FALSE(image.has_value() && pixels.has_value());
    EXPECT_EQ((image ? pixels.error() : image.error()).status(), 422);
    EXPECT_EQ(children.numbers().died, 1u);
    EXPECT_EQ(children.numbers().alive, 0u);
  }
}

// A grey profile would turn colours into alpha.
TEST(PictureChild, AProfileOfOtherColoursIsNotTaken) {
  for (const bool grey : {false, true}) {
    static std::string fields;
    FieldList list;
    std::string profile = test::srgb_profile();
    if (grey) profile.replace(16, 4, "GRAY");
    list.add(VIPS_META_ICC_NAME, FieldType::kBlob, as_bytes(profile));
    fields = list.bytes();
    sandbox::Children children(sandbox::test::scripted([](int s) {
      say_picture(s, kSmall, {.interpretation = VIPS_INTERPRETATION_sRGB}, fields);
      sandbox::test::wait_for_the_end(s);
    }));
    Shelter shelter(settings_with(&children));
    const auto image = loaded_by(&shelter, as_bytes("II*\0 a source"), ImageType::kTiff);
    ASSERT_TRUE(image.has_value()) << image.error().detail;
    EXPECT_EQ(vips_image_get_typeof(image->get(), VIPS_META_ICC_NAME) != 0, !grey);
  }
}

TEST(PictureFields, ListsThatAreNoneAreRefused) {
  FieldList good;
  good.add("delay", FieldType::kInts, as_bytes("12345678"));
  good.add("loop", 3);
  good.add("name", FieldType::kText, as_bytes("text"));
  const std::string all = good.bytes();
  ASSERT_TRUE(parse_fields(as_bytes(all)).has_value());
  for (std::size_t size = 1; size < all.size(); ++size) {
    const auto cut = parse_fields(as_bytes(all).first(size));
    EXPECT_LT(cut ? cut->size() : 0, 3u);
  }
  // Any byte may be another.
  for (std::size_t at = 0; at < all.size(); ++at) {
    for (const char other : {'\0', '\xFF', '\x80'}) {
      std::string changed = all;
      changed[at] = other;
      const auto fields = parse_fields(as_bytes(changed));
      if (!fields) continue;
      const VipsImagePtr image = test::picture(4, 4, 3);
      set_fields(*fields, {}, image.get());
    }
  }
  FieldList of_header;
  of_header.add("width", 70000);
  EXPECT_FALSE(parse_fields(as_bytes(of_header.bytes())).has_value());
  FieldList twice;
  twice.add("loop", 1);
  twice.add("loop", 1);
  EXPECT_FALSE(parse_fields(as_bytes(twice.bytes())).has_value());
  // What no loader leaves; of other names and types it may be as long.
  const std::string large(kExifBytesMax + 1, 'E');
  for (const auto& [name, type, good_name] :
       {std::tuple{VIPS_META_EXIF_NAME, FieldType::kBlob, false},
        std::tuple{VIPS_META_ICC_NAME, FieldType::kBlob, true},
        std::tuple{"comment", FieldType::kText, true}}) {
    FieldList list;
    list.add(name, type, as_bytes(large));
    EXPECT_EQ(parse_fields(as_bytes(list.bytes())).has_value(), good_name) << name;
  }
  FieldList short_number;
  short_number.add("loop", FieldType::kInt, as_bytes("123"));
  EXPECT_FALSE(parse_fields(as_bytes(short_number.bytes())).has_value());
}

TEST(PictureFields, AResolutionThatIsNoNumberIsThatOfLibvips) {
  const VipsImagePtr image = test::picture(8, 8, 3);
  image->Xres = std::numeric_limits<double>::infinity();
  image->Yres = -3;
  const PictureHeader header = header_of(image.get());
  EXPECT_EQ(header.pixels_per_mm_x, 1);
  EXPECT_EQ(header.pixels_per_mm_y, 1);
  EXPECT_GT(pixel_bytes_of(sizes_of(image.get()), header), 0u);
}

TEST(PictureFields, ComeBackAsTheyWere) {
  const VipsImagePtr image = decorated(8, 8, 3);
  const int numbers[] = {1, -2, 3};
  vips_image_set_array_int(image.get(), "delay", numbers, 3);
  const double reals[] = {0.5, 1e9};
  vips_image_set_array_double(image.get(), "reals", reals, 2);
  vips_image_set_double(image.get(), "real", -2.25);
  FieldList list;
  list.add_fields_of(image.get());
  const auto fields = parse_fields(as_bytes(list.bytes()));
  ASSERT_TRUE(fields.has_value());
  const VipsImagePtr other = test::picture(8, 8, 3);
  set_fields(*fields, header_of(image.get()), other.get());
  EXPECT_EQ(fields_of(other.get()), fields_of(image.get()));
  double* back = nullptr;
  int count = 0;
  ASSERT_EQ(vips_image_get_array_double(other.get(), "reals", &back, &count), 0);
  EXPECT_EQ(std::vector<double>(back, back + count), std::vector<double>(reals, reals + 2));
}

}  // namespace
}  // namespace imgring::image
