// Loading: what the arguments do, what is refused, orientation.
#include "imgring/image/loader.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
// jpeglib.h needs size_t and FILE declared before it.
#include "test_images.h"

#include <jpeglib.h>

namespace imgring::image::test {
namespace {

TEST(Loader, JpegShrinksByWholeFactors) {
  const std::string jpeg = saved_by_vips(picture(401, 203, 3).get(), ".jpg");
  const struct {
    int shrink, width, height;
  } kCases[] = {{1, 401, 203}, {2, 200, 101}, {4, 100, 50}, {8, 50, 25}};
  for (const auto& c : kCases) {
    const auto image = load(bytes_of(jpeg), ImageType::kJpeg, {.shrink = c.shrink});
    ASSERT_TRUE(image.has_value()) << image.error().detail;
    EXPECT_EQ(vips_image_get_width(image->get()), c.width);
    EXPECT_EQ(vips_image_get_height(image->get()), c.height);
  }
}

// Arithmetic coding; empty where the JPEG library cannot write it.
std::string arithmetic_jpeg(const std::vector<std::uint8_t>& rgb, unsigned width, unsigned height) {
  jpeg_compress_struct coder{};
  jpeg_error_mgr errors{};
  coder.err = jpeg_std_error(&errors);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_create_compress(&coder);
  jpeg_mem_dest(&coder, &data, &size);
  coder.image_width = width;
  coder.image_height = height;
  coder.input_components = 3;
  coder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&coder);
  coder.arith_code = TRUE;
  jpeg_start_compress(&coder, TRUE);
  while (coder.next_scanline < height) {
    JSAMPROW row = const_cast<JSAMPROW>(rgb.data() + coder.next_scanline * width * 3);
    jpeg_write_scanlines(&coder, &row, 1);
  }
  jpeg_finish_compress(&coder);
  jpeg_destroy_compress(&coder);
  std::string bytes(reinterpret_cast<char*>(data), size);
  std::free(data);
  return bytes;
}

TEST(Loader, ArithmeticCodingIsRead) {
  const VipsImagePtr original = picture(96, 64, 3);
  const std::vector<std::uint8_t> pixels = pixels_of(original.get());
  const std::string jpeg = arithmetic_jpeg(pixels, 96, 64);
  ASSERT_NE(jpeg.find("\xff\xc9"), std::string::npos) << "no frame of arithmetic coding";
  const auto image = load(bytes_of(jpeg), ImageType::kJpeg, {});
  ASSERT_TRUE(image.has_value()) << image.error().detail;
  const std::vector<std::uint8_t> read = pixels_of(image->get());
  ASSERT_EQ(read.size(), pixels.size());
  double off = 0;
  for (std::size_t i = 0; i < read.size(); ++i) off += std::abs(read[i] - pixels[i]);
  EXPECT_LT(off / static_cast<double>(read.size()), 12);
}

// 12 bits a sample, and the lossless process: one is patched into the frame header of a good file.
TEST(Loader, JpegOfTwelveBitsOrWithoutLossIsRefused) {
  const std::string good = saved_by_vips(picture(64, 64, 3).get(), ".jpg");
  const std::size_t frame = good.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  std::string deep = good, lossless = good;
  deep[frame + 4] = 12;
  lossless[frame + 1] = '\xc3';
  for (const std::string& bytes : {deep, lossless}) {
    const auto image = load(bytes_of(bytes), ImageType::kJpeg, {});
    const auto pixels = image ? copy_to_memory(image->get(), StopFlag{}) : Result<VipsImagePtr>();
    const Error* error = !image ? &image.error() : pixels ? nullptr : &pixels.error();
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->code, ErrorCode::kBrokenImage) << error->detail;
    EXPECT_FALSE(error->detail.empty());
  }
}

TEST(Loader, WebpScales) {
  const std::string webp = saved_by_vips(picture(400, 200, 3).get(), ".webp");
  const auto image = load(bytes_of(webp), ImageType::kWebp, {.scale = 1 / 3.0});
  ASSERT_TRUE(image.has_value()) << image.error().detail;
  EXPECT_EQ(vips_image_get_width(image->get()), 133);
  EXPECT_EQ(vips_image_get_height(image->get()), 67);
}

TEST(Loader, OneSvgPixelIsOnePixelAtScaleOne) {
  const std::string svg =
      "<svg xmlns='http://www.w3.org/2000/svg' width='100' height='80'>"
      "<rect width='9' height='9'/></svg>";
  const struct {
    double scale;
    int width, height;
  } kCases[] = {{1, 100, 80}, {0.5, 50, 40}, {3, 300, 240}};
  for (const auto& c : kCases) {
    const auto image = load(bytes_of(svg), ImageType::kSvg, {.scale = c.scale});
    ASSERT_TRUE(image.has_value()) << image.error().detail;
    EXPECT_EQ(vips_image_get_width(image->get()), c.width);
    EXPECT_EQ(vips_image_get_height(image->get()), c.height);
  }
}

// Three frames of 20x10.
VipsImagePtr animation() {
  VipsImagePtr frames = picture(20, 30, 3);
  const int delays[] = {50, 60, 70};
  vips_image_set_int(frames.get(), "page-height", 10);
  vips_image_set_array_int(frames.get(), "delay", delays, 3);
  vips_image_set_int(frames.get(), "loop", 2);
  return frames;
}

TEST(Loader, PagesAreStacked) {
  for (const ImageType type : {ImageType::kGif, ImageType::kWebp}) {
    SCOPED_TRACE(facts_of(type).name);
    const auto bytes = save(animation().get(), type, SaveParams{}, StopFlag{});
    ASSERT_TRUE(bytes.has_value()) << bytes.error().detail;
    const struct {
      int pages, height;
    } kCases[] = {{1, 10}, {2, 20}, {3, 30}, {-1, 30}};
    for (const auto& c : kCases) {
      const auto image = load(bytes->span(), type, {.pages = c.pages});
      ASSERT_TRUE(image.has_value()) << image.error().detail;
      EXPECT_EQ(vips_image_get_height(image->get()), c.height);
      int pages = 0, loop = 0;
      EXPECT_EQ(vips_image_get_int(image->get(), "n-pages", &pages), 0);
      EXPECT_EQ(vips_image_get_int(image->get(), "loop", &loop), 0);
      EXPECT_EQ(pages, 3);
      EXPECT_EQ(loop, 2);
    }
  }
}

TEST(Loader, TruncatedPicturesAreLoadedAsFarAsTheyGo) {
  for (const auto& [suffix, type] :
       {std::pair{".jpg", ImageType::kJpeg}, std::pair{".png", ImageType::kPng}}) {
    std::string bytes = saved_by_vips(picture(200, 200, 3).get(), suffix);
    bytes.resize(bytes.size() / 2);
    const auto image = load(bytes_of(bytes), type, {});
    ASSERT_TRUE(image.has_value()) << image.error().detail;
    EXPECT_TRUE(copy_to_memory(image->get(), StopFlag{}).has_value()) << suffix;
  }
}

TEST(Loader, GarbageIsBrokenForEveryType) {
  const std::string heads[] = {"", "x", std::string(100, '\0'), std::string(5000, 'z')};
  for (int t = 1; t < kImageTypeCount; ++t) {
    const auto type = static_cast<ImageType>(t);
    for (const std::string& bytes : heads) {
      SCOPED_TRACE(std::string(facts_of(type).name) + " " + std::to_string(bytes.size()));
      const auto image = load(bytes_of(bytes), type, {});
      ASSERT_FALSE(image.has_value());
      EXPECT_EQ(image.error().code, ErrorCode::kBrokenImage) << image.error().detail;
    }
  }
}

TEST(Loader, UnknownIsUnsupported) {
  EXPECT_FALSE(has_loader(ImageType::kUnknown));
  const auto image = load(bytes_of("x"), ImageType::kUnknown, {});
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().code, ErrorCode::kSourceUnsupported);
}

TEST(Loader, TheUsualFormatsCanBeLoaded) {
  constexpr ImageType kUsual[] = {ImageType::kJpeg, ImageType::kPng, ImageType::kWebp,
                                  ImageType::kGif,  ImageType::kIco, ImageType::kSvg,
                                  ImageType::kBmp,  ImageType::kTiff};
  for (const ImageType type : kUsual) {
    EXPECT_TRUE(has_loader(type)) << facts_of(type).name;
  }
}

TEST(Loader, OrientationIsOneToEight) {
  const struct {
    int stored, read;
  } kCases[] = {{1, 1}, {6, 6}, {8, 8}, {0, 1}, {9, 1}, {-1, 1}};
  for (const auto& c : kCases) {
    const VipsImagePtr image = picture(4, 4, 3);
    EXPECT_EQ(orientation_of(image.get()), 1);
    vips_image_set_int(image.get(), "orientation", c.stored);
    EXPECT_EQ(orientation_of(image.get()), c.read);
  }
}

TEST(VipsImage, LoaderMessagesAreBrokenImages) {
  const struct {
    const char* domain;
    const char* text;
    ErrorCode code;
  } kCases[] = {
      {"jpegload_source", "bad", ErrorCode::kBrokenImage},
      {"pngload_buffer", "bad", ErrorCode::kBrokenImage},
      {"webp2vips", "bad", ErrorCode::kBrokenImage},
      {"VipsJpeg", "bad", ErrorCode::kBrokenImage},
      {"VipsForeignLoad", "images do not match between header and load", ErrorCode::kBrokenImage},
      {"glib", "XML parse error: Error", ErrorCode::kBrokenImage},
      {"extract_area", "bad extract area", ErrorCode::kInternal},
      {"load", "?", ErrorCode::kInternal}};
  for (const auto& c : kCases) {
    drop_vips_error();
    vips_error(c.domain, "%s", c.text);
    EXPECT_EQ(vips_failure("").code, c.code) << c.domain;
    EXPECT_TRUE(take_vips_error().empty());
  }
}

TEST(VipsImage, ArgumentsAreProbed) {
  EXPECT_TRUE(vips_has_operation("jpegload_source"));
  EXPECT_FALSE(vips_has_operation("no_such_operation"));
  EXPECT_TRUE(vips_has_argument("jpegload_source", "shrink"));
  EXPECT_FALSE(vips_has_argument("jpegload_source", "no-such-argument"));
  EXPECT_FALSE(vips_has_argument("no_such_operation", "shrink"));
}

TEST(VipsImage, UntrustedLoadersAreBlocked) {
  // PPM is one of libvips' untrusted loaders; nothing of ours calls it, and nobody else may.
  const std::string ppm = "P6 1 1 255 abc";
  EXPECT_EQ(vips_image_new_from_buffer(ppm.data(), ppm.size(), "", nullptr), nullptr);
  drop_vips_error();
}

}  // namespace
}  // namespace imgring::image::test
