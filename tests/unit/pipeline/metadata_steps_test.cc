// Profile, EXIF and XMP behind every step that copies pixels, from every format: as they came.
#include <functional>

#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;
using Change = void (*)(Request*);

struct FormatCase {
  ImageType type;
  const char* suffix;
};
constexpr FormatCase kFormats[] = {{kJpeg, ".jpg"},
                                   {kPng, ".png"},
                                   {kWebp, ".webp"},
                                   {kTiff, ".tif"},
                                   {kAvif, ".avif[compression=av1]"},
                                   {kHeic, ".heic[compression=hevc]"},
                                   {kJxl, ".jxl"}};

struct StepCase {
  const char* name;
  Change change;
};
constexpr StepCase kSteps[] = {
    {"none", [](Request*) {}},
    {"rot", [](Request* r) { r->options.first().rotate = 90; }},
    {"rot:180", [](Request* r) { r->options.first().rotate = 180; }},
    {"fl",
     [](Request* r) {
       r->options.first().flip_vertical = r->options.first().flip_horizontal = true;
     }},
    {"bl", [](Request* r) { r->options.first().blur = 2; }},
    {"sh", [](Request* r) { r->options.first().sharpen = 1; }},
    {"pix", [](Request* r) { r->options.first().pixelate = 4; }},
    {"t", [](Request* r) { r->options.first().trim.on = true; }},
    {"g:sm",
     [](Request* r) {
       r->options.first().resizing_type = url::ResizingType::kFill;
       r->options.first().width = r->options.first().height = 24;
       r->options.first().gravity.type = url::GravityType::kSmart;
     }},
    {"wm",
     [](Request* r) {
       r->watermark.bytes = encoded(plain(8, 8, {255, 0, 0}).get(), ".png");
       r->watermark.type = kPng;
       r->options.first().watermark.opacity = 1;
     }},
};

std::string blob(VipsImage* image, const char* field) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_get_typeof(image, field) == 0) return {};
  vips_image_get_blob(image, field, &data, &size);
  return {static_cast<const char*>(data), size};
}

VipsImagePtr tagged_quarters() {
  const VipsImagePtr plain = quarters(64, 48);
  VipsImage* own = nullptr;
  vips_copy(plain.get(), &own, nullptr);
  VipsImagePtr tagged = checked(own);
  VipsBlob* profile = nullptr;
  EXPECT_EQ(vips_profile_load("p3", &profile, nullptr), 0);
  std::size_t size = 0;
  const void* bytes = vips_blob_get(profile, &size);
  vips_image_set_blob_copy(tagged.get(), VIPS_META_ICC_NAME, bytes, size);
  vips_area_unref(reinterpret_cast<VipsArea*>(profile));
  vips_image_set_string(tagged.get(), "exif-ifd0-Copyright", "somebody");
  vips_image_set_string(tagged.get(), "exif-ifd0-Make", "something");
  return tagged;
}

Request metadata_request(const FormatCase& format) {
  Request request;
  request.source = encoded(tagged_quarters().get(), format.suffix);
  request.type = format.type;
  request.options.format = kWebp;
  return request;
}

bool can_write(const FormatCase& format) { return can_save(format.type); }

TEST(MetadataSteps, AProfileThatIsKeptIsTheSources) {
  for (const FormatCase& format : kFormats) {
    if (!can_write(format)) continue;
    Request request = metadata_request(format);
    auto source = image::load(as_bytes(request.source), request.type, {});
    ASSERT_TRUE(source.has_value()) << source.error().detail;
    const std::string profile = blob(source->get(), VIPS_META_ICC_NAME);
    ASSERT_FALSE(profile.empty()) << format.suffix;
    for (const StepCase& step : kSteps) {
      SCOPED_TRACE(std::string(format.suffix) + " " + step.name);
      Request changed = metadata_request(format);
      changed.options.strip_color_profile = false;
      step.change(&changed);
      const Outcome out = outcome_of(changed);
      EXPECT_TRUE(blob(out.picture.get(), VIPS_META_ICC_NAME) == profile);
    }
  }
}

TEST(MetadataSteps, CopyrightAndAllThatIsAskedForStay) {
  for (const FormatCase& format : kFormats) {
    if (!can_write(format)) continue;
    // libvips 8.14 writes no EXIF there.
    if (format.type == kTiff || format.type == kJxl || format.type == kPng) continue;
    for (const StepCase& step : kSteps) {
      for (const bool strip : {true, false}) {
        SCOPED_TRACE(std::string(format.suffix) + " " + step.name + (strip ? "" : " sm:0"));
        Request changed = metadata_request(format);
        changed.options.strip_metadata = strip;
        changed.options.keep_copyright = true;
        step.change(&changed);
        const std::string exif = blob(outcome_of(changed).picture.get(), VIPS_META_EXIF_NAME);
        EXPECT_NE(exif.find("somebody"), std::string::npos);
        EXPECT_EQ(exif.find("something") == std::string::npos, strip);
      }
    }
  }
}

// The colours of P3 are converted behind the step, by the profile of the source.
TEST(MetadataSteps, AProfileThatIsUsedIsTheSources) {
  for (const FormatCase& format : kFormats) {
    if (!can_write(format)) continue;
    Request plain_request = metadata_request(format);
    const auto wanted = pixel(outcome_of(plain_request).picture.get(), 16, 36);
    Request changed = metadata_request(format);
    changed.options.first().rotate = 180;
    const auto found = pixel(outcome_of(changed).picture.get(), 48, 12);
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(found[i], wanted[i], 6) << format.suffix;
    }
  }
}

}  // namespace
}  // namespace imgring::pipeline
