// JPEGs without metadata, which libvips does not open: the same bytes as where it does.
#include "imgring/base/sanitized.h"
#include "imgring/format/headers.h"
#include "imgring/url/request.h"
#include "native_pictures.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

std::string segment(char marker, const std::string& body) {
  const std::size_t length = body.size() + 2;
  return std::string{'\xFF', marker, static_cast<char>(length >> 8), static_cast<char>(length)} +
         body;
}

// Behind the first two bytes, where writers put what is theirs.
std::string with_segment(std::string jpeg, char marker, const std::string& body) {
  return jpeg.insert(2, segment(marker, body));
}

VipsImagePtr colourful(int bands) { return photo({700, 500}, bands); }

// As the URL says them.
Request request_for(const std::string& path) {
  static const auto rules = [] {
    std::vector<std::string> warnings;
    return url::UrlRules::build(config::Config{}, &warnings).value();
  }();
  auto parsed = rules->parse("/" + path + "/plain/local:///p", {}, 0);
  Request request;
  request.type = kJpeg;
  if (!parsed) {
    ADD_FAILURE() << path << ": " << parsed.error().detail;
    return request;
  }
  request.options = std::move(parsed->options);
  return request;
}

constexpr const char* kSuffixes[] = {".jpg[strip]", ".jpg[strip,interlace]",
                                     ".jpg[strip,subsample_mode=off]", ".jpg[strip,Q=95]"};

int bands_in(const std::string& jpeg) {
  return format::read_jpeg_header(as_bytes(jpeg), 1).bare_bands;
}

TEST(Bare, IsAJpegWithoutAnythingBesidePixels) {
  for (const int bands : {1, 3}) {
    for (const char* suffix : kSuffixes) {
      const std::string jpeg = encoded(colourful(bands).get(), suffix);
      EXPECT_EQ(bands_in(jpeg), bands) << suffix;
      EXPECT_EQ(bands_in(with_segment(jpeg, '\xFE', "a comment")), bands);
      EXPECT_EQ(bands_in(with_segment(jpeg, '\xE1', std::string("Exif\0\0", 6))), 0);
      EXPECT_EQ(bands_in(with_segment(jpeg, '\xE1', "http://ns.adobe.com/xap/1.0/")), 0);
      EXPECT_EQ(bands_in(with_segment(jpeg, '\xE2', "ICC_PROFILE")), 0);
      EXPECT_EQ(bands_in(with_segment(jpeg, '\xED', "Photoshop 3.0")), 0);
      EXPECT_EQ(bands_in(jpeg.substr(0, jpeg.size() / 4)), bands) << "the scan has begun";
      EXPECT_EQ(bands_in(jpeg.substr(0, 30)), 0);
    }
  }
  VipsImage* cmyk = nullptr;
  ASSERT_EQ(vips_colourspace(colourful(3).get(), &cmyk, VIPS_INTERPRETATION_CMYK, nullptr), 0);
  EXPECT_EQ(bands_in(encoded(checked(cmyk).get(), ".jpg[strip]")), 0);
}

std::string opened_by_libvips(const std::string& jpeg) {
  return with_segment(jpeg, '\xEA', "of an application");
}

struct Case {
  const char* options;
  ImageType format;
  bool bare;  // the short way is taken
};

// An application's segment that no library knows makes no metadata, but the file goes the way of
// all others.
void expect_same(const std::string& jpeg, Request request, std::optional<bool> bare) {
  request.source = jpeg;
  const auto own = request.run();
  request.source = opened_by_libvips(jpeg);
  ASSERT_EQ(bands_in(request.source), 0);
  const auto by_libvips = request.run();
  ASSERT_TRUE(own.has_value()) << own.error().detail;
  ASSERT_TRUE(by_libvips.has_value()) << by_libvips.error().detail;
  if (bare) {
    EXPECT_EQ(own->bare, *bare);
  }
  EXPECT_FALSE(by_libvips->bare);
  EXPECT_EQ(own->native, by_libvips->native);
  EXPECT_EQ(own->result_width, by_libvips->result_width);
  EXPECT_EQ(own->origin_height, by_libvips->origin_height);
  EXPECT_TRUE(as_text(own->bytes.span()) == as_text(by_libvips->bytes.span()));
}

TEST(Bare, HasTheBytesOfTheWayThroughLibvips) {
  const Case kCases[] = {{"w:100", kJpeg, true},
                         {"w:100", kWebp, true},
                         {"w:300", kPng, true},
                         {"rs:fill:200:200/g:no", kJpeg, true},
                         {"rs:fit:333:0/dpr:1.5", kJpeg, true},
                         {"w:300/rot:90", kJpeg, true},
                         {"w:300/fl:1:1", kWebp, true},
                         {"c:400:300/w:200", kJpeg, true},
                         {"w:200/dpi:300", kJpeg, true},
                         {"w:200/sm:0", kJpeg, false},
                         {"w:200/kcr:0", kJpeg, true},
                         {"w:200/scp:0", kJpeg, true},
                         {"rs:fit:200:300/ex:1", kJpeg, false},
                         {"w:200/pd:10/bg:255:0:0", kPng, false},
                         {"rs:fill:100:200/g:sm", kJpeg, false},
                         {"w:1400/el:1", kJpeg, false},
                         {"w:200/mb:3000", kJpeg, false},
                         {"t:10/w:100", kJpeg, false},
                         {"w:300", kTiff, false},
                         {"w:300", kGif, false}};
  int turn = 0;
  for (const int bands : {1, 3}) {
    for (const char* suffix : kSuffixes) {
      const std::string jpeg = encoded(colourful(bands).get(), suffix);
      for (const Case& c : kCases) {
        if (kSanitized && ++turn % 3 != 0) continue;  // each case with some suffix
        SCOPED_TRACE(std::string(suffix) + " " + c.options + " " +
                     std::string(facts_of(c.format).name) + " " + std::to_string(bands));
        Request request = request_for(c.options);
        request.options.format = c.format;
        // Grey is made colour for WebP, by libvips.
        expect_same(jpeg, std::move(request), c.bare && (bands == 3 || c.format != kWebp));
      }
    }
  }
}

// Colours by the components' names, by what Adobe's segment says, and by the other decoder.
TEST(Bare, ColoursAreThoseOfItsDecoder) {
  std::string jpeg = encoded(colourful(3).get(), ".jpg[strip,subsample_mode=off]");
  std::string named = jpeg;
  const std::size_t frame = named.find("\xFF\xC0"), scan = named.find("\xFF\xDA");
  for (std::size_t i = 0; i < 3; ++i) {
    named[frame + 10 + 3 * i] = "RGB"[i];
    named[scan + 5 + 2 * i] = "RGB"[i];
  }
  const auto adobe = [&](char transform) {
    return with_segment(jpeg, '\xEE', std::string("Adobe\0\x64\0\0\0\0", 11) + transform);
  };
  for (const std::string& source : {jpeg, named, adobe('\0'), adobe('\1'), adobe('\2')}) {
    for (const config::JpegReader decoder :
         {config::JpegReader::kOwn, config::JpegReader::kTurbo}) {
      Request request = request_for("w:200");
      request.options.format = kPng;
      request.config.jpeg_decoder = decoder;
      // RGB that is not made YCbCr is libjpeg-turbo's business, or libvips'.
      expect_same(source, std::move(request), std::nullopt);
    }
  }
}

// Each of them costs as much as the picture has coefficients, and libjpeg-turbo would go through
// all.
TEST(Bare, ScansAreCountedBeforeAnyIsDecoded) {
  std::string jpeg = encoded(colourful(1).get(), ".jpg[strip,interlace]");
  const std::size_t first = jpeg.find("\xFF\xDA");
  std::size_t end = first + 2;
  while (jpeg[end] != '\xFF' || jpeg[end + 1] == '\0') ++end;
  const std::string scan = jpeg.substr(first, end - first);
  for (int i = 0; i < 101; ++i) jpeg.insert(end, scan);
  ASSERT_EQ(bands_in(jpeg), 1);
  Request request = request_for("w:100");
  request.options.format = kJpeg;
  request.source = jpeg;
  const auto result = request.run();
  ASSERT_FALSE(result.has_value());
  request.source = opened_by_libvips(jpeg);
  const auto by_libvips = request.run();
  ASSERT_FALSE(by_libvips.has_value());
  EXPECT_EQ(result.error().code, by_libvips.error().code);
  EXPECT_EQ(result.error().detail, by_libvips.error().detail);
}

// What ends early, or is not what its header says, is judged by libvips as ever.
TEST(Bare, BrokenOnesFailAsOthersDo) {
  const std::string bare = encoded(colourful(3).get(), ".jpg[strip]");
  std::string no_tables = bare;
  for (std::size_t at = no_tables.find("\xFF\xC4"); at != std::string::npos;
       at = no_tables.find("\xFF\xC4")) {
    no_tables[at + 1] = '\xFE';  // comments now
  }
  for (const std::string& source :
       {no_tables, bare.substr(0, bare.size() / 2), bare.substr(0, 700)}) {
    Request request = request_for("w:100");
    request.options.format = kJpeg;
    request.source = source;
    ASSERT_EQ(bands_in(source), 3) << "it begins like others";
    const auto own = request.run();
    request.source = opened_by_libvips(source);
    const auto by_libvips = request.run();
    ASSERT_EQ(own.has_value(), by_libvips.has_value());
    if (own) {
      EXPECT_TRUE(as_text(own->bytes.span()) == as_text(by_libvips->bytes.span()));
    } else {
      EXPECT_EQ(own.error().code, by_libvips.error().code) << own.error().detail;
    }
  }
}

}  // namespace
}  // namespace imgring::pipeline
