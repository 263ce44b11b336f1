// Autoquality: the search against looking at every quality, its limits, and what wins over what.
#include "../../../src/pipeline/quality_search.h"

#include <cmath>
#include <functional>

#include "../../../src/pipeline/save_result.h"
#include "imgring/codec/ssim.h"
#include "imgring/image/luma.h"
#include "imgring/pipeline/estimate.h"
#include "plan_helpers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using config::AutoqualityMethod;
using enum ImageType;

class Curve final : public TrialMaker {
 public:
  explicit Curve(std::function<double(int)> value) : value_(std::move(value)) {}
  Result<Trial> make(int quality) override {
    tried.push_back(quality);
    Trial trial;
    trial.quality = quality;
    trial.value = value_(quality);
    return trial;
  }
  bool time_for_another() override { return tried.size() < most; }
  std::vector<int> tried;
  std::size_t most = 1000;

 private:
  std::function<double(int)> value_;
};

TEST(QualitySearch, OfASizeFindsTheLargestThatFits) {
  const auto size = [](int quality) { return quality * quality + 10.0; };
  for (const auto& [least, most] : {std::pair{1, 100}, {70, 80}, {50, 50}, {3, 4}}) {
    for (int target = 0; target < 11'000; target += 37) {
      SCOPED_TRACE(std::to_string(least) + ".." + std::to_string(most) + " for " +
                   std::to_string(target));
      int wanted = least;  // where none fits
      for (int q = least; q <= most; ++q) wanted = size(q) <= target ? q : wanted;
      const QualitySearch search{.method = AutoqualityMethod::kSize,
                                 .target = static_cast<double>(target),
                                 .least = least,
                                 .most = most};
      Curve curve(size);
      ASSERT_EQ(search_quality(search, &curve)->quality, wanted);
      ASSERT_LE(static_cast<int>(curve.tried.size()), std::min(8, trials_max(search)));
    }
  }
}

TEST(QualitySearch, OfALikenessFindsOneNearTheTarget) {
  const auto off = [](int quality) { return 0.5 * std::pow(1 - quality / 101.0, 2); };
  for (int first = 1; first <= 100; first += 9) {
    for (double target = 0; target < 0.6; target += 0.013) {
      for (const double error : {0.0, 0.002, 0.05}) {
        const QualitySearch search{.method = AutoqualityMethod::kDssim,
                                   .target = target,
                                   .allowed_error = error,
                                   .least = 1,
                                   .most = 100,
                                   .first = first};
        Curve curve(off);
        const double found = std::abs(search_quality(search, &curve)->value - target);
        double nearest = 1;
        for (int q = 1; q <= 100; ++q) nearest = std::min(nearest, std::abs(off(q) - target));
        ASSERT_LE(found, std::max(error, nearest) + 1e-12) << target << " from " << first;
        ASSERT_EQ(curve.tried.front(), first);
        ASSERT_LE(static_cast<int>(curve.tried.size()), trials_max(search));
      }
    }
  }
  const QualitySearch usual{
      .method = AutoqualityMethod::kDssim, .target = 0, .least = 70, .most = 80, .first = 80};
  Curve curve(off);
  static_cast<void>(search_quality(usual, &curve));
  EXPECT_LE(curve.tried.size(), 5u);
}

TEST(QualitySearch, OutOfTimeGivesTheBestSoFar) {
  const auto size = [](int quality) { return quality * 100.0; };
  QualitySearch search{.method = AutoqualityMethod::kSize, .target = 2000, .least = 1, .most = 100};
  Curve curve(size);
  curve.most = 1;
  EXPECT_EQ(search_quality(search, &curve)->quality, 50) << "there is an answer";
  Curve two(size);
  two.most = 3;  // 50, 25, 12
  EXPECT_EQ(search_quality(search, &two)->quality, 12);
  search.target = 0;
  Curve none(size);
  none.most = 2;
  EXPECT_EQ(search_quality(search, &none)->quality, 25) << "the smaller one";
}

TEST(QualitySearch, AFailureEndsIt) {
  class Broken final : public TrialMaker {
    Result<Trial> make(int) override { return fail(ErrorCode::kOverloaded, "no"); }
    bool time_for_another() override { return true; }
  } broken;
  EXPECT_FALSE(search_quality({}, &broken).has_value());
}

std::optional<QualitySearch> asked(const url::RequestOptions& o, const config::ProcessingConfig& c,
                                   ImageType type = kJpeg) {
  return quality_search(type, 1e6, o, c);
}

TEST(QualitySearch, TheUrlsWinsOverItsQualityAndThatOverTheConfigured) {
  config::ProcessingConfig c;
  c.autoquality.method = AutoqualityMethod::kDssim;
  c.autoquality.format_min[static_cast<std::size_t>(kAvif)] = 60;
  c.autoquality.format_max[static_cast<std::size_t>(kAvif)] = 65;
  url::RequestOptions o;
  EXPECT_FALSE(asked(o, c)) << "options have the configuration's once they are parsed";
  o.autoquality.method = AutoqualityMethod::kDssim;
  ASSERT_TRUE(asked(o, c));
  EXPECT_EQ(asked(o, c)->least, 70);
  EXPECT_EQ(asked(o, c)->most, 80);
  EXPECT_EQ(asked(o, c)->first, 80);
  EXPECT_EQ(asked(o, c, kAvif)->least, 60);
  EXPECT_EQ(asked(o, c, kAvif)->most, 65);
  EXPECT_FALSE(asked(o, c, kPng)) << "no quality";
  o.quality = 50;
  EXPECT_FALSE(asked(o, c));
  o.quality = 0;
  o.format_quality[static_cast<std::size_t>(kJpeg)] = 50;
  EXPECT_FALSE(asked(o, c));
  EXPECT_TRUE(asked(o, c, kWebp));
  o.autoquality.given = true;
  ASSERT_TRUE(asked(o, c));
  EXPECT_EQ(asked(o, c)->first, 70) << "kept within the limits";
  o.autoquality.min = 90;
  EXPECT_EQ(asked(o, c)->least, 80) << "swapped";
  EXPECT_EQ(asked(o, c)->most, 90);
  o.autoquality.max = 95;
  EXPECT_EQ(asked(o, c, kAvif)->most, 95) << "the URL's for every format";
  o.autoquality.method = AutoqualityMethod::kMl;
  EXPECT_EQ(asked(o, c)->method, AutoqualityMethod::kDssim);
  c.autoquality.max_resolution = 999'999;
  EXPECT_FALSE(asked(o, c));
  o.autoquality.method = AutoqualityMethod::kNone;
  EXPECT_FALSE(asked(o, config::ProcessingConfig()));
}

// Slopes with some noise, which an encoder has to do with.
std::string photo() {
  VipsImage *noise = nullptr, *slope = nullptr, *mixed = nullptr, *whole = nullptr;
  vips_gaussnoise(&noise, 300, 200, "sigma", 12.0, "mean", 0.0, "seed", 5, nullptr);
  vips_zone(&slope, 300, 200, "uchar", TRUE, nullptr);
  const VipsImagePtr a = checked(noise), b = checked(slope);
  EXPECT_EQ(vips_add(a.get(), b.get(), &mixed, nullptr), 0);
  const VipsImagePtr sum = checked(mixed);
  VipsImage* bands[] = {sum.get(), b.get(), sum.get()};
  vips_bandjoin(bands, &whole, 3, nullptr);
  const VipsImagePtr joined = checked(whole);
  VipsImage* out = nullptr;
  vips_cast_uchar(joined.get(), &out, nullptr);
  const VipsImagePtr cast = checked(out);
  return encoded(as_srgb(cast.get()).get(), ".png");
}

Request photo_request(ImageType type) {
  Request request;
  request.source = photo();
  request.options.format = type;
  return request;
}

std::string result_of(Request request) {
  const auto out = request.run();
  EXPECT_TRUE(out.has_value()) << out.error().detail;
  return out ? std::string(as_text(out->bytes.span())) : "";
}

std::string at_quality(const Request& plain, int quality) {
  Request request;
  request.source = plain.source;
  request.options = plain.options;
  request.options.quality = quality;
  request.options.autoquality = {};
  return result_of(std::move(request));
}

Request with_search(ImageType type, AutoqualityMethod method, double target, int least, int most) {
  Request request = photo_request(type);
  request.options.autoquality = {
      .given = true, .method = method, .target = target, .min = least, .max = most};
  return request;
}

TEST(Autoquality, OfASizeIsTheLargestFileThatFits) {
  for (const ImageType type : {kJpeg, kWebp}) {
    SCOPED_TRACE(facts_of(type).name);
    const Request plain = photo_request(type);
    std::string wanted;
    constexpr std::size_t kTarget = 24'000;
    for (int q = 50; q <= 80; ++q) {
      const std::string file = at_quality(plain, q);
      if (file.size() <= kTarget) wanted = file;
    }
    ASSERT_FALSE(wanted.empty());
    EXPECT_EQ(result_of(with_search(type, AutoqualityMethod::kSize, kTarget, 50, 80)), wanted);
    EXPECT_EQ(result_of(with_search(type, AutoqualityMethod::kSize, 1, 50, 80)),
              at_quality(plain, 50));
  }
}

TEST(Autoquality, OfALikenessIsTheOneNearestToIt) {
  const Request plain = photo_request(kJpeg);
  const image::StopFlag stop;
  const auto light = [&](const std::string& bytes, ImageType type) {
    auto picture = image::load(as_bytes(bytes), type, {});
    return *image::luma_of(picture->get(), 1, stop);
  };
  const codec::Luma source = light(plain.source, kPng);
  double nearest = 1;
  constexpr double kTarget = 0.03;
  std::string wanted;
  for (int q = 60; q <= 80; ++q) {
    const std::string file = at_quality(plain, q);
    const double off = std::abs(codec::dssim(source, light(file, kJpeg)) - kTarget);
    if (off < nearest) wanted = file;
    nearest = std::min(nearest, off);
  }
  Request request = with_search(kJpeg, AutoqualityMethod::kDssim, kTarget, 60, 80);
  request.options.autoquality.allowed_error = 0;
  EXPECT_EQ(result_of(std::move(request)), wanted);
  Request loose = with_search(kJpeg, AutoqualityMethod::kDssim, kTarget, 60, 80);
  loose.options.autoquality.allowed_error = 0.9;
  loose.config.quality = 66;
  EXPECT_EQ(result_of(std::move(loose)), at_quality(plain, 66)) << "the first is near enough";
}

TEST(Autoquality, MaxBytesGoesOnFromThere) {
  Request request = with_search(kJpeg, AutoqualityMethod::kSize, 24'000, 30, 90);
  request.options.max_bytes = 8000;
  EXPECT_LE(result_of(std::move(request)).size(), 8000u);
}

// A clock that a test winds on at each look.
class Winding final : public TimeSource {
 public:
  explicit Winding(std::chrono::milliseconds step) : step_(step) {}
  Time now() const noexcept override { return time_ += step_; }
  std::int64_t unix_s() const noexcept override { return 0; }

 private:
  std::chrono::milliseconds step_;
  mutable Time time_{std::chrono::seconds(1)};
};

TEST(Autoquality, EndsBeforeTheRequestDoes) {
  const Request request = with_search(kJpeg, AutoqualityMethod::kSize, 24'000, 1, 100);
  RenderJob job;
  job.source = as_bytes(request.source);
  job.source_type = kPng;
  job.options = &request.options;
  job.config = &request.config;
  const Winding slow(std::chrono::seconds(3));
  job.time = {&slow, TimeSource::Time(std::chrono::seconds(10))};
  const image::StopFlag stop;
  const auto out = render(job, stop);
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(std::string(as_text(out->bytes.span())), at_quality(photo_request(kJpeg), 50))
      << "the middle, and no more";
}

TEST(Autoquality, IsCountedInTheEstimate) {
  const auto estimated = [](const Request& request) {
    RenderJob job;
    job.source = as_bytes(request.source);
    job.source_type = kPng;
    job.options = &request.options;
    job.config = &request.config;
    return estimate(job, read_facts(job.source, kPng, 1));
  };
  const Estimate once = estimated(photo_request(kAvif)),
                 size = estimated(with_search(kAvif, AutoqualityMethod::kSize, 1, 1, 100)),
                 light = estimated(with_search(kAvif, AutoqualityMethod::kDssim, 1, 1, 100));
  EXPECT_EQ(size.work.encode / once.work.encode, 7);
  EXPECT_GT(light.work.encode, size.work.encode);
  EXPECT_GT(size.bytes, once.bytes);
  EXPECT_TRUE(size.work.patient());
}

}  // namespace
}  // namespace imgring::pipeline
