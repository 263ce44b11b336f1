// libvips alone, without any server: what one picture costs at best when a thread pulls its rows.
//
//   bare_pull RECIPE THREADS COUNT FILE...
//
// RECIPE is jpeg500, thumb100, webp500 or png400, with the steps imgproxy takes for them: JPEGs are
// shrunk on load by the largest power of two, resized by vips_resize, and the rows pulled strip by
// strip into the encoder; PNGs with alpha are premultiplied, resized and saved by libvips itself.
// Prints one JSON line: CPU ms, voluntary context switches and bytes per picture, pictures per
// second, and memory. Every cache of libvips is off and its thread count is one, as in the server.
#include <sys/resource.h>
#include <vips/vips.h>
#include <webp/encode.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <jpeglib.h>

namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using ImagePtr = std::unique_ptr<VipsImage, Deleter<g_object_unref>>;
using SourcePtr = std::unique_ptr<VipsSource, Deleter<g_object_unref>>;
using RegionPtr = std::unique_ptr<VipsRegion, Deleter<g_object_unref>>;
using TargetPtr = std::unique_ptr<VipsTarget, Deleter<g_object_unref>>;

constexpr int kStripRows = 16;
constexpr int kJpegQuality = 80;
constexpr float kWebpQuality = 80;

enum class Output { kJpeg, kWebp, kPng };

struct Recipe {
  std::string_view name;
  int width;
  Output output;
};

constexpr Recipe kRecipes[] = {
    {"jpeg500", 500, Output::kJpeg},
    {"thumb100", 100, Output::kJpeg},
    {"webp500", 500, Output::kWebp},
    {"png400", 400, Output::kPng},
};

// Benchmarks end at the first thing that goes wrong.
void need(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s: %s\n", what, vips_error_buffer());
  std::exit(1);
}

ImagePtr load_jpeg(const std::string& bytes, int shrink) {
  SourcePtr source(vips_source_new_from_memory(bytes.data(), bytes.size()));
  VipsImage* image = nullptr;
  need(!vips_jpegload_source(source.get(), &image, "access", VIPS_ACCESS_SEQUENTIAL, "shrink",
                             shrink, nullptr),
       "jpegload");
  return ImagePtr(image);
}

int shrink_for(double factor) {
  if (factor >= 8) return 8;
  if (factor >= 4) return 4;
  return factor >= 2 ? 2 : 1;
}

ImagePtr resize(VipsImage* in, int width, int height) {
  VipsImage* out = nullptr;
  double across = static_cast<double>(width) / in->Xsize;
  double down = static_cast<double>(height) / in->Ysize;
  need(!vips_resize(in, &out, across, "vscale", down, nullptr), "resize");
  return ImagePtr(out);
}

ImagePtr resized_jpeg(const std::string& bytes, int width) {
  ImagePtr in = load_jpeg(bytes, 1);
  double factor = static_cast<double>(in->Xsize) / width;
  int height = static_cast<int>(std::lround(in->Ysize / factor));
  if (factor <= 1) return in;
  if (int shrink = shrink_for(factor); shrink > 1) in = load_jpeg(bytes, shrink);
  return resize(in.get(), width, height);
}

ImagePtr resized_png(const std::string& bytes, int width) {
  SourcePtr source(vips_source_new_from_memory(bytes.data(), bytes.size()));
  VipsImage* step = nullptr;
  need(!vips_pngload_source(source.get(), &step, "access", VIPS_ACCESS_SEQUENTIAL, nullptr),
       "pngload");
  ImagePtr in(step);
  int height = static_cast<int>(std::lround(static_cast<double>(in->Ysize) * width / in->Xsize));
  need(!vips_premultiply(in.get(), &step, nullptr), "premultiply");
  ImagePtr premultiplied(step);
  ImagePtr small = resize(premultiplied.get(), width, height);
  need(!vips_unpremultiply(small.get(), &step, nullptr), "unpremultiply");
  ImagePtr straight(step);
  need(!vips_cast(straight.get(), &step, in->BandFmt, nullptr), "cast");
  return ImagePtr(step);
}

// Calls take(first row, count, address of a row) for each strip.
template <class Take>
void pull(VipsImage* image, Take take) {
  RegionPtr region(vips_region_new(image));
  for (int y = 0; y < image->Ysize; y += kStripRows) {
    VipsRect strip = {0, y, image->Xsize, std::min(kStripRows, image->Ysize - y)};
    need(!vips_region_prepare(region.get(), &strip), "prepare");
    take(strip, region.get());
  }
}

size_t encode_jpeg(VipsImage* image) {
  jpeg_compress_struct encoder;
  jpeg_error_mgr errors;
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &out, &size);
  encoder.image_width = static_cast<JDIMENSION>(image->Xsize);
  encoder.image_height = static_cast<JDIMENSION>(image->Ysize);
  encoder.input_components = image->Bands;
  encoder.in_color_space = image->Bands == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, kJpegQuality, TRUE);
  encoder.optimize_coding = TRUE;
  jpeg_start_compress(&encoder, TRUE);
  pull(image, [&](const VipsRect& strip, VipsRegion* region) {
    JSAMPROW rows[kStripRows];
    for (int i = 0; i < strip.height; i++) rows[i] = VIPS_REGION_ADDR(region, 0, strip.top + i);
    jpeg_write_scanlines(&encoder, rows, static_cast<JDIMENSION>(strip.height));
  });
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  std::free(out);
  return size;
}

size_t encode_webp(VipsImage* image) {
  size_t row_bytes = static_cast<size_t>(image->Xsize) * 3;
  std::vector<unsigned char> pixels(row_bytes * static_cast<size_t>(image->Ysize));
  pull(image, [&](const VipsRect& strip, VipsRegion* region) {
    for (int y = strip.top; y < strip.top + strip.height; y++) {
      std::copy_n(VIPS_REGION_ADDR(region, 0, y), row_bytes,
                  pixels.data() + row_bytes * static_cast<size_t>(y));
    }
  });
  WebPConfig config;
  WebPPicture picture;
  WebPMemoryWriter writer;
  need(WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, kWebpQuality) && WebPPictureInit(&picture),
       "webp");
  WebPMemoryWriterInit(&writer);
  picture.width = image->Xsize;
  picture.height = image->Ysize;
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  need(WebPPictureImportRGB(&picture, pixels.data(), static_cast<int>(row_bytes)), "import");
  need(WebPEncode(&config, &picture), "encode");
  WebPPictureFree(&picture);
  size_t size = writer.size;
  WebPMemoryWriterClear(&writer);
  return size;
}

size_t encode_png(VipsImage* image) {
  TargetPtr target(vips_target_new_to_memory());
  need(!vips_pngsave_target(image, target.get(), "filter", VIPS_FOREIGN_PNG_FILTER_ALL, "strip",
                            TRUE, nullptr),
       "pngsave");
  size_t size = 0;
  vips_blob_get(target->blob, &size);
  return size;
}

size_t run_one(const Recipe& recipe, const std::string& bytes) {
  size_t size = 0;
  switch (recipe.output) {
    case Output::kJpeg: size = encode_jpeg(resized_jpeg(bytes, recipe.width).get()); break;
    case Output::kWebp: size = encode_webp(resized_jpeg(bytes, recipe.width).get()); break;
    case Output::kPng: size = encode_png(resized_png(bytes, recipe.width).get()); break;
  }
  vips_error_clear();
  return size;
}

struct Usage {
  double cpu_ms = 0;
  long switches = 0;
  double rss_peak_mb = 0;
};

Usage usage_now() {
  rusage u;
  getrusage(RUSAGE_SELF, &u);
  auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return {ms(u.ru_utime) + ms(u.ru_stime), u.ru_nvcsw, static_cast<double>(u.ru_maxrss) / 1024};
}

void run_all(const Recipe& recipe, int thread_count, long count,
             const std::vector<std::string>& files) {
  run_one(recipe, files.front());  // first use loads modules and tables
  std::atomic<long> next = 0;
  std::atomic<size_t> bytes = 0;
  Usage before = usage_now();
  auto started = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; i++) {
    threads.emplace_back([&] {
      for (long n = next++; n < count; n = next++) {
        bytes += run_one(recipe, files[static_cast<size_t>(n) % files.size()]);
      }
      vips_thread_shutdown();
    });
  }
  for (auto& thread : threads) thread.join();
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
  Usage after = usage_now();
  auto each = static_cast<double>(count);
  std::printf(
      "{\"per_s\": %.2f, \"cpu_ms\": %.3f, \"switches\": %.3f, \"bytes\": %.0f, "
      "\"rss_peak_mb\": %.1f}\n",
      each / seconds.count(), (after.cpu_ms - before.cpu_ms) / each,
      static_cast<double>(after.switches - before.switches) / each,
      static_cast<double>(bytes) / each, after.rss_peak_mb);
}

}  // namespace

int main(int argc, char** argv) {
  const Recipe* recipe = nullptr;
  for (const Recipe& known : kRecipes) {
    if (argc > 4 && known.name == argv[1]) recipe = &known;
  }
  if (!recipe) {
    std::fputs("usage: bare_pull jpeg500|thumb100|webp500|png400 THREADS COUNT FILE...\n", stderr);
    return 2;
  }
  need(!VIPS_INIT(argv[0]), "vips");
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  vips_cache_set_max_mem(0);
  std::vector<std::string> files;
  for (int i = 4; i < argc; i++) {
    std::ifstream file(argv[i], std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  run_all(*recipe, std::max(1, std::atoi(argv[2])), std::max(1L, std::atol(argv[3])), files);
  vips_shutdown();
}
