// The format `best`: candidates, classes and the smallest file.
#include "../../../src/pipeline/best_format.h"

#include "imgring/image/luma.h"
#include "imgring/pipeline/estimate.h"
#include "plan_helpers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

// Entropy of nearly 8 bits, or of few.
std::string noisy(int bands = 3, double alpha = 255) {
  VipsImage* raw = nullptr;
  vips_gaussnoise(&raw, 120, 90, "sigma", 60.0, "mean", 128.0, "seed", 3, nullptr);
  const VipsImagePtr one = checked(raw);
  VipsImage* grey[] = {one.get(), one.get(), one.get()};
  VipsImage *three = nullptr, *cast = nullptr;
  vips_bandjoin(grey, &three, 3, nullptr);
  const VipsImagePtr joined = checked(three);
  vips_cast_uchar(joined.get(), &cast, nullptr);
  VipsImagePtr picture = as_srgb(checked(cast).get());
  if (bands == 4) {
    VipsImage* with = nullptr;
    vips_bandjoin_const1(picture.get(), &with, alpha, nullptr);
    picture = as_srgb(checked(with).get());
  }
  return encoded(picture.get(), ".png");
}
std::string drawing() { return encoded(quarters(120, 90).get(), ".png"); }

Request best_of(std::string source, std::initializer_list<ImageType> accepted = {}) {
  Request request;
  request.source = std::move(source);
  request.options.best_format = true;
  for (const ImageType type : accepted) {
    if (type == kWebp) request.options.prefer_webp = true;
    if (type == kAvif) request.options.prefer_avif = true;
    if (type == kJxl) request.options.prefer_jxl = true;
  }
  return request;
}

RenderedImage made(Request& request) {
  auto out = request.run();
  if (!out) {
    ADD_FAILURE() << out.error().detail;
    return {};
  }
  return std::move(*out);
}

std::size_t size_as(const Request& best, ImageType type) {
  Request request;
  request.source = best.source;
  request.options.format = type;
  return made(request).bytes.size();
}

TEST(BestFormat, Candidates) {
  url::RequestOptions o;
  config::ProcessingConfig c;
  PlanInput input;
  input.options = &o;
  input.config = &c;
  const auto of = [&] { return best_candidates(input, format::Abilities::all()); };
  EXPECT_EQ(of(), (std::vector<ImageType>{kJpeg, kPng}));
  c.preferred_formats = {kWebp, kPng, kAvif, kIco};
  EXPECT_EQ(of(), (std::vector<ImageType>{kPng})) << "nobody accepts the others";
  o.prefer_avif = o.prefer_webp = o.prefer_jxl = true;
  EXPECT_EQ(of(), (std::vector<ImageType>{kWebp, kPng, kAvif, kJxl}));
  c.preferred_formats = {kGif};
  o = {};
  EXPECT_EQ(of(), (std::vector<ImageType>{kJpeg})) << "something there must be";
}

TEST(BestFormat, OfAPhotographIsTheSmallestLossyFile) {
  Request request = best_of(noisy());
  EXPECT_EQ(made(request).type, kJpeg);
  Request web = best_of(noisy(), {kWebp});
  const RenderedImage out = made(web);
  const std::size_t jpeg = size_as(web, kJpeg), webp = size_as(web, kWebp);
  EXPECT_EQ(out.type, webp < jpeg ? kWebp : kJpeg);
  EXPECT_EQ(out.bytes.size(), std::min(webp, jpeg));
}

TEST(BestFormat, OfADrawingIsPackedWithoutLoss) {
  Request request = best_of(drawing());
  const RenderedImage png = made(request);
  EXPECT_EQ(png.type, kPng);
  EXPECT_EQ(as_text(png.bytes.span())[25], 3) << "a palette";
  Request web = best_of(drawing(), {kWebp});
  const RenderedImage out = made(web);
  if (out.type == kWebp) {
    EXPECT_NE(as_text(out.bytes.span()).find("VP8L"), std::string_view::npos);
  }
  EXPECT_LE(out.bytes.size(), png.bytes.size());
  // The URL's own words stay.
  Request own = best_of(drawing());
  own.options.encoders.png_given = true;
  EXPECT_NE(as_text(made(own).bytes.span())[25], 3);
  // Not measured: lossy.
  Request lossy = best_of(drawing());
  lossy.config.best_format.complexity_threshold = 0;
  EXPECT_EQ(made(lossy).type, kJpeg);
}

TEST(BestFormat, KeepsAlphaThatShows) {
  Request clear = best_of(noisy(4, 128));
  EXPECT_EQ(made(clear).type, kPng) << "nothing else holds it";
  Request web = best_of(noisy(4, 128), {kWebp});
  EXPECT_EQ(made(web).type, kWebp);
  EXPECT_EQ(vips_image_get_bands(outcome_of(web).picture.get()), 4);
  Request opaque = best_of(noisy(4, 255));
  EXPECT_EQ(made(opaque).type, kJpeg) << "an alpha that shows nothing is none";
  Request flat = best_of(noisy(4, 128));
  flat.config.preferred_formats = {kJpeg};
  EXPECT_EQ(made(flat).type, kPng) << "though it is not preferred";
  Request none = best_of(noisy(4, 128));
  none.config.preferred_formats = {kWebp, kAvif};
  EXPECT_EQ(made(none).type, kPng) << "the client takes none of them";
}

// What shows through need not come from the source.
TEST(BestFormat, KeepsAlphaThatStepsMake) {
  const auto of = [](auto set) {
    Request request = best_of(noisy());
    request.config.preferred_formats = {kJpeg};
    set(request.options.first());
    const RenderedImage out = made(request);
    return out.type;
  };
  EXPECT_EQ(of([](url::PixelOptions& o) { o.padding.top = 10; }), kPng);
  EXPECT_EQ(of([](url::PixelOptions& o) {
              o.extend.on = true;
              o.width = o.height = 200;
              o.resizing_type = url::ResizingType::kFit;
            }),
            kPng);
  EXPECT_EQ(of([](url::PixelOptions& o) {
              o.extend_aspect_ratio.on = true;
              o.width = 50;
              o.height = 100;
            }),
            kPng);
  EXPECT_EQ(of([](url::PixelOptions& o) {
              o.padding.top = 10;
              o.background = url::Color{1, 2, 3};
            }),
            kJpeg);
  EXPECT_EQ(of([](url::PixelOptions& o) { o.extend.on = true; }), kJpeg) << "nothing is added";
}

TEST(BestFormat, OfALargeOneIsChosenByRank) {
  Request request = best_of(noisy(), {kWebp});
  request.config.best_format.max_resolution = 120 * 90 - 1;
  EXPECT_EQ(made(request).type, kWebp);
}

TEST(BestFormat, StopsTryingAtHalfOfItsTime) {
  class Late final : public TimeSource {
   public:
    Time now() const noexcept override { return time_ += std::chrono::seconds(4); }
    std::int64_t unix_s() const noexcept override { return 0; }

   private:
    mutable Time time_{std::chrono::seconds(0)};
  } late;
  const Request request = best_of(noisy(), {kWebp});
  RenderJob job;
  job.source = as_bytes(request.source);
  job.source_type = kPng;
  job.options = &request.options;
  job.config = &request.config;
  job.time = {&late, TimeSource::Time(std::chrono::seconds(11))};
  const image::StopFlag stop;
  const auto out = render(job, stop);
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->type, kWebp) << "the first by rank, without a second file";
}

TEST(BestFormat, OfAnAnimationAnimates) {
  Request request = best_of(animation(20, 10, {{255, 0, 0}, {0, 255, 0}}));
  request.type = kGif;
  request.options.max_animation_frames = 5;
  EXPECT_EQ(made(request).type, kGif);
  request.options.prefer_webp = true;
  EXPECT_EQ(made(request).type, kWebp);
  request.options.disable_animation = true;
  const ImageType still = made(request).type;
  EXPECT_TRUE(still == kPng || still == kWebp) << "one frame of one colour, whichever is smaller";
}

TEST(BestFormat, ByDefaultAndSkips) {
  url::RequestOptions o;
  config::ProcessingConfig c;
  EXPECT_FALSE(wants_best(o, c));
  c.best_format.by_default = true;
  EXPECT_TRUE(wants_best(o, c));
  o.format = kPng;
  EXPECT_FALSE(wants_best(o, c));
  o = {};
  EXPECT_FALSE(skips_processing(kSvg, o, c)) << "drawn, as it might be smaller so";
  c.best_format.allow_skips = true;
  EXPECT_TRUE(skips_processing(kSvg, o, c));
  o.skip_processing.add(kPng);
  EXPECT_TRUE(skips_processing(kPng, o, c));
}

TEST(BestFormat, MaxBytesHoldsForEach) {
  Request request = best_of(noisy());
  request.options.max_bytes = 2000;
  EXPECT_LE(made(request).bytes.size(), 2000u);
}

TEST(BestFormat, PlanAndEstimateKnowTheCandidates) {
  Request request = best_of(noisy(), {kWebp, kAvif});
  RenderJob job;
  job.source = as_bytes(request.source);
  job.source_type = kPng;
  job.options = &request.options;
  job.config = &request.config;
  const auto seen = foresee(job);
  ASSERT_TRUE(seen.has_value());
  EXPECT_NE(describe(seen->plan).find("save the best of jpeg, png, avif, webp: 120x90"),
            std::string::npos)
      << describe(seen->plan);
  const Estimate best = estimate(job, read_facts(job.source, kPng, 1));
  request.options.best_format = false;
  request.options.format = kAvif;
  const Estimate avif = estimate(job, read_facts(job.source, kPng, 1));
  EXPECT_GT(best.work.encode, avif.work.encode);
  EXPECT_GT(best.bytes, avif.bytes);
}

TEST(BestFormat, EntropyIsThatOfTheGreys) {
  const image::StopFlag stop;
  EXPECT_NEAR(*image::grey_entropy(plain(10, 10, {90, 90, 90}).get(), stop), 0, 1e-9);
  EXPECT_NEAR(*image::grey_entropy(quarters(40, 40).get(), stop), 2, 1e-9);
  const VipsImagePtr black = plain(8, 8, {0, 0, 0});
  const VipsImagePtr half = put(black.get(), plain(4, 8, {255, 255, 255}).get(), 4, 0);
  EXPECT_NEAR(*image::grey_entropy(half.get(), stop), 1, 1e-9);
}

}  // namespace
}  // namespace imgring::pipeline
