// What admission is told of a job before it runs: facts out of headers and what follows from them:
// tests of src/pipeline/estimate.cc and src/format/headers.cc.
#include "imgring/pipeline/estimate.h"

#include "imgring/format/headers.h"
#include "plan_helpers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

constexpr std::int64_t kMega = 1'000'000;
std::string number_bytes(std::uint32_t value, int count, bool big) {
  std::string out;
  for (int i = 0; i < count; ++i)
    out.push_back(static_cast<char>(value >> 8 * (big ? count - 1 - i : i)));
  return out;
}

struct Asked {
  std::string source;
  ImageType type = kSvg;
  url::RequestOptions options{};
  config::ProcessingConfig config{};

  Estimate estimate() const {
    RenderJob job;
    job.source = as_bytes(source);
    job.source_type = type;
    job.options = &options;
    job.config = &config;
    return pipeline::estimate(job, read_facts(job.source, type, options.pages_max()));
  }
};
Asked estimated(std::string source, ImageType type, std::string_view path, ImageType result) {
  Asked out{std::move(source), type};
  out.options = options_of(path);
  out.options.format = result;
  return out;
}
SourceFacts facts_in(const std::string& source, ImageType type, int frames_max = 1) {
  return format::facts_of_header(as_bytes(source), type, frames_max).value_or(SourceFacts());
}

std::string icon(const char* attributes) {
  std::string out = std::string("<svg xmlns='http://www.w3.org/2000/svg' ") + attributes + ">";
  for (int i = 0; i < 40; ++i) out += "<path d='M12 2 L22 8.5 L22 15.5 L12 22 Z' fill='#048'/>";
  return out + "</svg>";
}

// A child's addresses come in pieces of 32 MiB.
constexpr std::int64_t kSmallSvg = 42 * kMega;

TEST(Estimate, OrdinarySvgsAreQuickAndSmall) {
  for (const char* attributes : {"width='24' height='24'", "viewBox='0 0 24 24'",
                                 "width='512' height='512' viewBox='0 0 24 24'", ""}) {
    for (const char* path : {"w:100", "w:300/h:300", "w:500/h:500"}) {
      for (const ImageType to : {kPng, kJpeg}) {
        SCOPED_TRACE(std::string(attributes) + " " + path + std::string(facts_of(to).extension));
        const Estimate e = estimated(icon(attributes), kSvg, path, to).estimate();
        EXPECT_FALSE(e.work.patient()) << e.work.all().count();
        EXPECT_LT(e.bytes, kSmallSvg);
      }
    }
  }
  // Passed through: sanitised, and looked at by a child.
  const Estimate e = estimated(icon(""), kSvg, "", kUnknown).estimate();
  EXPECT_FALSE(e.work.patient());
  EXPECT_LT(e.bytes, kSmallSvg);
}

// Was planned as 16 MB and quick, and made a picture of 529 MB.
TEST(Estimate, AnSvgCountsWhatIsDrawnOfIt) {
  for (const char* attributes : {"width='9' height='9'", ""}) {
    SCOPED_TRACE(attributes);
    Asked large = estimated(icon(attributes), kSvg, "w:11500/h:11500", kJpeg);
    EXPECT_GT(large.estimate().bytes, 2000 * kMega);
    EXPECT_TRUE(large.estimate().work.patient());
    large.options.max_result_dimension = 200;
    EXPECT_LT(large.estimate().bytes, kSmallSvg);
    EXPECT_FALSE(large.estimate().work.patient());
    EXPECT_GT(estimated(icon(attributes), kSvg, "w:1000/dpr:3", kJpeg).estimate().bytes,
              140 * kMega);
    EXPECT_GT(estimated(icon(attributes), kSvg, "h:100/z:30:30", kJpeg).estimate().bytes,
              140 * kMega);
  }
  const Estimate beyond = estimated(icon(""), kSvg, "w:2000000000/h:2000000000", kPng).estimate();
  EXPECT_LT(beyond.bytes, 3000 * kMega);  // no more pixels are drawn
  // A vector over the limit of its own size is drawn within it.
  const Estimate guarded = estimated(icon("width='9e5' height='9e5'"), kSvg, "", kJpeg).estimate();
  EXPECT_NEAR(static_cast<double>(guarded.bytes) / (50 * kMega * 18), 1, 0.1);
}

// A child that may map less than that leaves the picture out, or dies of it.
TEST(Estimate, AnSvgCountsThePicturesInside) {
  const VipsImagePtr photo = quarters(4000, 3000);
  const auto with = [](const std::string& pictures) {
    Asked svg = estimated(
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>" + pictures + "</svg>", kSvg,
        "w:20", kPng);
    return svg.estimate().bytes;
  };
  const auto image = [](const char* type, const std::string& bytes) {
    return "<image href='data:image/" + std::string(type) + ";base64," +
           base64_encode(as_bytes(bytes)) + "'/>";
  };
  const std::string jpeg = image("jpeg", encoded(photo.get(), ".jpg"));
  EXPECT_GT(with(jpeg), 120 * kMega);
  EXPECT_LT(with(jpeg), 220 * kMega);
  EXPECT_LT(with(jpeg + jpeg), 240 * kMega);  // one after the other
  EXPECT_GT(with(image("png", encoded(photo.get(), ".png"))), 120 * kMega);
  EXPECT_GT(with(image("webp", encoded(photo.get(), ".webp"))), 336 * kMega);
  EXPECT_GT(with(image("tiff", encoded(photo.get(), ".tif[compression=deflate]"))), 200 * kMega);
  // A font of 30 KB and an SVG are no pictures that are decoded.
  const std::string font = "wOF2" + std::string(30'000, 'f');
  EXPECT_LT(with(image("woff2", font)), 50 * kMega);
  EXPECT_LT(with(image("svg+xml", "<svg>" + std::string(30'000, ' ') + "</svg>")), 50 * kMega);
  EXPECT_GT(with("<g/>" + image("webp", encoded(photo.get(), ".webp")) + jpeg), 336 * kMega);
  EXPECT_LT(with(image("png", encoded(quarters(64, 64).get(), ".png"))), kSmallSvg);
  for (const std::string& odd : {image("png", "x"), image("png", ""), std::string(";base64,"),
                                 std::string("<a b=';base64,####'/>")}) {
    EXPECT_LT(with(odd), kSmallSvg);
  }
}

// Such requests end as soon as they begin: nobody has to make room for them.
TEST(Estimate, WhatWillBeRefusedCostsLittle) {
  const Estimate sides =
      estimated(icon("width='24' height='24'"), kSvg, "w:100000/h:100000", kPng).estimate();
  EXPECT_LT(sides.bytes, kSmallSvg);
  EXPECT_LT(sides.work.all(), std::chrono::seconds(1));
  Asked large =
      estimated(encoded(quarters(64, 64).get(), ".png"), kPng, "w:2000000000/el:1", kAvif);
  large.options.max_src_resolution = 10;
  EXPECT_LT(large.estimate().bytes, kSmallSvg);
}

// What is refused before any work where it is more than all plans may hold.
TEST(Estimate, ResultsAndCopiesAreCertain) {
  struct Case {
    std::string path;
    ImageType to;
    std::int64_t bytes_per_pixel;
  };
  const std::string source = encoded(quarters(10, 10).get(), ".png");
  const std::string vast = "rt:force/w:16000/h:16000/el:1";
  for (const Case& c :
       {Case{vast, ImageType::kBmp, 3}, Case{vast, ImageType::kTiff, 6},
        Case{vast, ImageType::kGif, 8}, Case{vast, ImageType::kWebp, 5}, Case{vast, kAvif, 12},
        Case{vast, kJpeg, 3}, Case{vast + "/rot:90", kPng, 4},
        Case{"w:10/h:10/pd:8000:8000:8000:8000", kPng, 2},
        Case{"w:16000/h:16000/ex:1", ImageType::kBmp, 3}}) {
    SCOPED_TRACE(c.path + std::string(facts_of(c.to).extension));
    const Estimate e = estimated(source, kPng, c.path, c.to).estimate();
    EXPECT_GE(e.certain_bytes, c.bytes_per_pixel * 16000 * 16000);
    EXPECT_LE(e.certain_bytes, e.bytes);
  }
  Asked blurred = estimated(source, kPng, vast, kPng);
  blurred.options.first().blur = 2;
  EXPECT_GE(blurred.estimate().certain_bytes, std::int64_t{4} * 16000 * 16000);
  // A decoder's table is a guess.
  const Estimate small =
      estimated(encoded(quarters(3000, 2000).get(), ".webp"), ImageType::kWebp, "w:100", kJpeg)
          .estimate();
  EXPECT_LT(small.certain_bytes, kMega);
  EXPECT_GT(small.bytes, 40 * kMega);
}

// Scaled to 2000 x 200 000 before the cut to 2000 x 4: the turn copies what the cut leaves.
TEST(Estimate, ATurnCopiesOnlyWhatTheCutLeaves) {
  const std::string source = encoded(plain(1, 100, {1, 2, 3}).get(), ".png");
  for (const char* turn : {"", "/rot:180"}) {
    SCOPED_TRACE(turn);
    const std::string path = std::string("rt:fill/w:2000/h:4/el:1") + turn;
    EXPECT_LT(estimated(source, kPng, path, kPng).estimate().bytes, 2 * kMega);
  }
}

// Numbers without an end, and what comes of them.
TEST(Estimate, NoArgumentMakesItLessThanNothing) {
  for (const char* path : {"w:10/z:1e308", "z:1e308", "w:10/dpr:1e308", "z:1e308/dpr:1e308",
                           "w:10/z:1e300/pd:5/mrd:100"}) {
    SCOPED_TRACE(path);
    for (const Asked& a : {estimated(icon(""), kSvg, path, kPng),
                           estimated(std::string(100, 'x'), kAvif, path, kAvif)}) {
      EXPECT_GT(a.estimate().bytes, 0);
      EXPECT_GT(a.estimate().work.all().count(), 0);
    }
  }
}

TEST(Estimate, AnUnreadSourceCountsTheResultThatIsAskedFor) {
  const std::string unread(100, 'x');
  const std::int64_t least = estimated(unread, kAvif, "", kJpeg).estimate().bytes;
  EXPECT_LT(least, 5 * kMega);
  EXPECT_GE(estimated(unread, kAvif, "w:1000/h:1000", kAvif).estimate().bytes, least + 30 * kMega);
  EXPECT_GE(estimated(unread, kAvif, "w:1000", kAvif).estimate().bytes, least + 30 * kMega);
  EXPECT_GE(estimated(unread, kAvif, "w:9/h:9/pd:500:500:500:500", kJpeg).estimate().bytes,
            least + 6 * kMega);
  // Without `enlarge` it is no larger than the largest source.
  const std::string_view vast = "w:2000000000/h:2000000000";
  EXPECT_LE(estimated(unread, kAvif, vast, kJpeg).estimate().bytes, least + 50 * 6 * kMega);
  Asked enlarged = estimated(unread, kAvif, vast, kAvif);
  enlarged.options.first().enlarge = true;
  EXPECT_GT(enlarged.estimate().bytes, kMega * kMega);
}

TEST(Estimate, EveryFrameOfAnAnimationCounts) {
  for (const ImageType type : {kGif, kWebp}) {
    SCOPED_TRACE(facts_of(type).name);
    const std::string suffix(facts_of(type).extension);
    Asked moving =
        estimated(animation(60, 40, {kRed, kGreen, kBlue}, suffix.c_str()), type, "", type);
    const auto bytes = [&](int frames_max, ImageType to) {
      moving.options.max_animation_frames = frames_max;
      moving.options.format = to;
      return moving.estimate().bytes;
    };
    // The frames that are joined, not an encoder for each.
    EXPECT_GE(bytes(100, type), bytes(1, type) + 3 * 4 * 60 * 40);
    EXPECT_LT(bytes(100, type), bytes(1, type) * 2);
    EXPECT_GT(bytes(100, type), bytes(2, type));
    EXPECT_EQ(bytes(100, type), bytes(3, type));
    EXPECT_EQ(bytes(100, kJpeg), bytes(1, kJpeg));  // a still picture
    moving.options.max_animation_frames = 100;
    moving.options.format = type;
    const auto work = moving.estimate().work;
    moving.options.max_animation_frames = 1;
    EXPECT_GT(work.decode, moving.estimate().work.decode);
  }
}

TEST(Estimate, FramesAreCountedAsFarAsTheyAreWanted) {
  const std::string gif = animation(60, 40, {kRed, kGreen, kBlue});
  const std::string webp = animation(60, 40, {kRed, kGreen, kBlue}, ".webp");
  for (const auto& [source, type] : {std::pair{gif, kGif}, std::pair{webp, kWebp}}) {
    SCOPED_TRACE(facts_of(type).name);
    EXPECT_EQ(facts_in(source, type, 100).pages, 3);
    EXPECT_EQ(facts_in(source, type, 2).pages, 2);
    EXPECT_FALSE(facts_in(source, type, 1).animated);
    EXPECT_EQ(facts_in(source, type, 100).width, 60);
    EXPECT_EQ(facts_in(source, type, 100).height, 40);
    for (std::size_t size = 0; size < source.size(); ++size)
      EXPECT_LE(facts_in(source.substr(0, size), type, 100).pages, 3);
  }
  EXPECT_FALSE(facts_in(animation(60, 40, {kRed}), kGif, 100).animated);
  // Too long to be walked over: the rest is like what was seen, here no frame.
  std::string blocks;
  for (int i = 0; i < 20'000; ++i) blocks += std::string("\1x", 2);
  const std::string endless = "GIF89a" + std::string("\x3c\0\x28\0\0\0\0", 7) +
                              std::string("\x21\xfe", 2) + blocks + std::string(1, '\0');
  EXPECT_EQ(facts_in(endless, kGif, 40).pages, 2);
  std::string chunks;
  for (int i = 0; i < 20'000; ++i) chunks += "junk" + std::string(4, '\0');
  EXPECT_EQ(facts_in(webp + chunks, kWebp, 40).pages, 40);
}

TEST(Estimate, ReadsTheSizeOfTopDownBitmaps) {
  const auto bmp = [](std::int32_t height) {
    return "BM" + std::string(16, '\0') + number_bytes(30, 4, false) +
           number_bytes(static_cast<std::uint32_t>(height), 4, false) +
           std::string("\1\0\x18\0", 4) + std::string(24, '\0');
  };
  EXPECT_EQ(facts_in(bmp(20), kBmp).height, 20);
  EXPECT_EQ(facts_in(bmp(-20), kBmp).height, 20);
  EXPECT_EQ(facts_in(bmp(-20), kBmp).width, 30);
  EXPECT_EQ(facts_in(bmp(INT32_MIN), kBmp).height, 1 << 20);
}

std::string tiff(bool big) {
  const auto field = [&](std::uint32_t tag, std::uint32_t kind, std::uint32_t value) {
    const std::string text = number_bytes(value, kind == 3 ? 2 : 4, big);
    return number_bytes(tag, 2, big) + number_bytes(kind, 2, big) + number_bytes(1, 4, big) + text +
           std::string(4 - text.size(), '\0');
  };
  return std::string(big ? "MM\0*" : "II*\0", 4) + number_bytes(20, 4, big) + std::string(12, 'p') +
         number_bytes(4, 2, big) + field(256, 3, 3000) + field(257, 4, 2000) + field(274, 3, 6) +
         field(277, 3, 1) + std::string(4, '\0');
}

TEST(Estimate, ReadsTheSizeOfTiffAndCountsIt) {
  for (const bool big : {false, true}) {
    SCOPED_TRACE(big);
    const SourceFacts found = facts_in(tiff(big), kTiff);
    EXPECT_EQ(found.width, 3000);
    EXPECT_EQ(found.height, 2000);
    EXPECT_EQ(found.orientation, 6);
    constexpr std::int64_t kDecoderBytes = 8;
    EXPECT_GE(estimated(tiff(big), kTiff, "w:100", kJpeg).estimate().bytes,
              6 * kMega * kDecoderBytes);
    for (std::size_t size = 0; size < tiff(big).size(); ++size)
      (void)facts_in(tiff(big).substr(0, size), kTiff);
  }
  EXPECT_EQ(facts_in(encoded(quarters(33, 22).get(), ".tif"), kTiff).height, 22);
  EXPECT_EQ(facts_in(std::string("II*\0\xff\xff\xff\xff", 8), kTiff).width, 0);
}

TEST(Estimate, ReadsIconsAndBoxesBehindThePixels) {
  // All of them are the same 40 bytes, which say nothing of their size.
  const std::string entry =
      std::string(6, '\0') + number_bytes(40, 4, false) + number_bytes(54, 4, false);
  const std::string icons = std::string("\0\0\1\0\3\0", 6) + "\x10\x10" + entry + "\x30\x20" +
                            entry + "\x20\x20" + entry + std::string(40, 'x');
  EXPECT_EQ(facts_in(icons, kIco).width, 0x30);
  EXPECT_EQ(facts_in(icons, kIco).height, 0x20);
  EXPECT_EQ(facts_in(std::string("\0\0\1\0\1\0\0\0", 8) + entry + std::string(80, 'x'), kIco).width,
            256);
  EXPECT_LT(estimated(icons, kIco, "w:3000/h:3000", kPng).estimate().bytes, kMega);

  const auto box = [](const char* name, const std::string& body) {
    return number_bytes(static_cast<std::uint32_t>(body.size() + 8), 4, true) + name + body;
  };
  const std::string size =
      box("ispe", std::string(4, '\0') + number_bytes(4000, 4, true) + number_bytes(3000, 4, true));
  const std::string heic = box("ftyp", "heic") + box("mdat", std::string(100'000, 'm')) +
                           box("meta", std::string(4, '\0') + size);
  EXPECT_EQ(facts_in(heic, kHeic).width, 4000);
  EXPECT_EQ(facts_in(heic, kHeic).height, 3000);
}

TEST(Estimate, KnowsPalettesAndWhatTheyCost) {
  VipsImagePtr picture = quarters(40, 30);
  const std::string plain = encoded(picture.get(), ".png");
  const std::string palette = encoded(picture.get(), ".png[palette]");
  EXPECT_FALSE(facts_in(plain, kPng).palette);
  EXPECT_TRUE(facts_in(palette, kPng).palette);
  EXPECT_TRUE(facts_in(animation(6, 4, {kRed}), kGif).palette);
  Asked quantised = estimated(plain, kPng, "", kPng);
  EXPECT_GT(estimated(palette, kPng, "", kPng).estimate().bytes, quantised.estimate().bytes * 2);
  EXPECT_EQ(estimated(palette, kPng, "", kJpeg).estimate().work.encode,
            estimated(plain, kPng, "", kJpeg).estimate().work.encode);
  quantised.options.encoders.png_quantize = true;
  EXPECT_GT(quantised.estimate().bytes, estimated(plain, kPng, "", kPng).estimate().bytes * 2);
  EXPECT_TRUE(quantised.estimate().work.patient());
}

}  // namespace
}  // namespace imgring::pipeline
