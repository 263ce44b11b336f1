// Our PNG encoder beside the libvips saver as imgproxy calls it (all filters, level 6).
//
//   png_bench ROUNDS SET WIDTH FILE... [: SET WIDTH FILE...]
//
// Each file is loaded, shrunk to WIDTH (0: as it is) and kept in memory, so that only saving is
// measured. Savers take turns for ROUNDS rounds; the smallest CPU time of the process (all its
// threads) counts for each picture. Prints one line per set: bytes and CPU ms per picture of both,
// their ratios, and the worst size ratio of one file. The set `drawn` needs no files: flat
// graphics, text, slopes, 16 bit and noise, made here.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/image/encoder.h"

namespace {

using imgring::image::VipsImagePtr;

struct Measured {
  double bytes = 0, cpu_ms = 1e9;
};
struct Picture {
  VipsImagePtr image;
  std::string name;
  Measured saver, ours;
};

// Benchmarks end at the first thing that goes wrong.
void need(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s: %s\n", what, vips_error_buffer());
  std::exit(1);
}

double cpu_ms() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

double saved_by_vips(VipsImage* image) {
  VipsTarget* target = vips_target_new_to_memory();
  need(!vips_pngsave_target(image, target, "filter", VIPS_FOREIGN_PNG_FILTER_ALL, "strip", TRUE,
                            nullptr),
       "pngsave");
  std::size_t size = 0;
  vips_blob_get(target->blob, &size);
  g_object_unref(target);
  return static_cast<double>(size);
}

double saved_by_us(VipsImage* image) {
  const imgring::image::StopFlag stop;
  const auto bytes = imgring::image::save(image, imgring::ImageType::kPng, {}, stop);
  need(bytes.has_value(), "save");
  return static_cast<double>(bytes->size());
}

template <class Save>
void measure(Save save, VipsImage* image, Measured* best) {
  const double before = cpu_ms();
  best->bytes = save(image);
  best->cpu_ms = std::min(best->cpu_ms, cpu_ms() - before);
}

// Pixels in memory, no metadata.
VipsImagePtr kept(VipsImage* image) {
  VipsImagePtr memory(vips_image_copy_memory(image));
  need(memory != nullptr, "memory");
  for (const char* field : {VIPS_META_ICC_NAME, VIPS_META_EXIF_NAME, VIPS_META_XMP_NAME,
                            "palette-bit-depth", "bits-per-sample"}) {
    vips_image_remove(memory.get(), field);
  }
  return memory;
}

VipsImagePtr loaded(const char* file, int width) {
  VipsImage* image = nullptr;
  if (width > 0) {
    need(!vips_thumbnail(file, &image, width, nullptr), file);
  } else {
    image = vips_image_new_from_file(file, nullptr);
    need(image != nullptr, file);
  }
  const VipsImagePtr owner(image);
  return kept(image);
}

VipsImagePtr drawn(const std::string& svg) {
  VipsImage* image = nullptr;
  need(!vips_svgload_buffer(const_cast<char*>(svg.data()), svg.size(), &image, nullptr), "svg");
  const VipsImagePtr owner(image);
  return kept(image);
}

VipsImagePtr flattened(const VipsImagePtr& in) {
  VipsImage* image = nullptr;
  need(!vips_flatten(in.get(), &image, nullptr), "flatten");
  const VipsImagePtr owner(image);
  return kept(image);
}

VipsImagePtr in_space(const VipsImagePtr& in, VipsInterpretation space) {
  VipsImage* image = nullptr;
  need(!vips_colourspace(in.get(), &image, space, nullptr), "colourspace");
  const VipsImagePtr owner(image);
  return kept(image);
}

VipsImagePtr noise(int side) {
  VipsImage* step = nullptr;
  need(!vips_gaussnoise(&step, side, side, "sigma", 60.0, "mean", 128.0, nullptr), "noise");
  const VipsImagePtr wide(step);
  need(!vips_cast(wide.get(), &step, VIPS_FORMAT_UCHAR, nullptr), "cast");
  const VipsImagePtr narrow(step);
  need(!vips_copy(narrow.get(), &step, "interpretation", VIPS_INTERPRETATION_B_W, nullptr), "copy");
  const VipsImagePtr owner(step);
  return kept(step);
}

std::string svg_of(const std::string& shapes) {
  return "<svg xmlns='http://www.w3.org/2000/svg' width='500' height='400'>" + shapes + "</svg>";
}

void add_drawn(std::vector<Picture>* set) {
  std::string boxes = "<rect width='500' height='400' fill='#f4f4f8'/>";
  std::string text = boxes, slope = boxes;
  for (int i = 0; i < 40; ++i) {
    const std::string x = std::to_string(i * 83 % 460), y = std::to_string(i * 57 % 370);
    const std::string colour = "fill='hsl(" + std::to_string(i * 47 % 360) + ",60%,50%)'";
    boxes += "<rect x='" + x + "' y='" + y + "' width='60' height='34' " + colour + "/>";
    boxes += "<circle cx='" + y + "' cy='" + x + "' r='19' " + colour + "/>";
    text += "<text x='9' y='" + std::to_string(i * 11) + "' font-size='10'>Line " + x + y +
            ": the quick brown fox jumps over the lazy dog, again and again, " + y + "</text>";
  }
  slope +=
      "<defs><linearGradient id='g' x2='1' y2='1'><stop stop-color='#124'/><stop offset='1' "
      "stop-color='#fc6'/></linearGradient></defs><rect width='500' height='400' "
      "fill='url(#g)'/>";
  const VipsImagePtr boxes_rgba = drawn(svg_of(boxes));
  set->push_back({flattened(boxes_rgba), "boxes rgb", {}, {}});
  set->push_back({in_space(set->back().image, VIPS_INTERPRETATION_B_W), "boxes grey", {}, {}});
  set->push_back({kept(boxes_rgba.get()), "boxes rgba", {}, {}});
  set->push_back({flattened(drawn(svg_of(text))), "text rgb", {}, {}});
  set->push_back({drawn(svg_of(text)), "text rgba", {}, {}});
  set->push_back({flattened(drawn(svg_of(slope))), "slope rgb", {}, {}});
  set->push_back({in_space(set->back().image, VIPS_INTERPRETATION_RGB16), "slope 16 bit", {}, {}});
  set->push_back({noise(300), "noise grey", {}, {}});
}

void run(const char* name, int rounds, std::vector<Picture>* set) {
  Measured saver{0, 0}, ours{0, 0};
  double worst = 0;
  for (Picture& picture : *set) {
    for (int round = 0; round < rounds; ++round) {
      measure(saved_by_vips, picture.image.get(), &picture.saver);
      measure(saved_by_us, picture.image.get(), &picture.ours);
    }
    worst = std::max(worst, picture.ours.bytes / picture.saver.bytes);
    saver.bytes += picture.saver.bytes;
    saver.cpu_ms += picture.saver.cpu_ms;
    ours.bytes += picture.ours.bytes;
    ours.cpu_ms += picture.ours.cpu_ms;
    if (std::getenv("PNG_BENCH_EACH") == nullptr) continue;
    std::printf("  %-40s %8.0f %8.0f bytes  %7.2f %7.2f ms\n", picture.name.c_str(),
                picture.saver.bytes, picture.ours.bytes, picture.saver.cpu_ms, picture.ours.cpu_ms);
  }
  const auto count = static_cast<double>(set->size());
  std::printf(
      "%-8s %3.0f pictures  saver %8.0f bytes %7.2f ms  ours %8.0f bytes %7.2f ms  "
      "size x%.4f (worst x%.4f)  cpu x%.3f\n",
      name, count, saver.bytes / count, saver.cpu_ms / count, ours.bytes / count,
      ours.cpu_ms / count, ours.bytes / saver.bytes, worst, ours.cpu_ms / saver.cpu_ms);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: png_bench ROUNDS (drawn | SET WIDTH FILE...) [: ...]\n", stderr);
    return 2;
  }
  need(!VIPS_INIT(argv[0]), "vips");
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  const int rounds = std::max(1, std::atoi(argv[1]));
  for (int at = 2; at < argc; ++at) {
    const char* name = argv[at];
    std::vector<Picture> set;
    if (std::string_view(name) == "drawn") {
      add_drawn(&set);
      ++at;
    } else {
      need(at + 2 < argc, "a set has a width and files");
      const int width = std::atoi(argv[at + 1]);
      for (at += 2; at < argc && std::string_view(argv[at]) != ":"; ++at) {
        set.push_back({loaded(argv[at], width), argv[at], {}, {}});
      }
    }
    run(name, rounds, &set);
  }
  vips_shutdown();
}
