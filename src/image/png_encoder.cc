// PNG from pulled rows. libpng writes the chunks in front of the pixels; the pixels are packed by
// our own writer (png_writer.h), which takes a quarter of the time for smaller files. Interlaced
// and unfiltered pictures are libpng's altogether: the same bytes as the libvips saver at level 6.
// libpng reports errors by longjmp: the functions that call it hold no C++ object with a
// destructor.
#include <png.h>

#include <cmath>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "encoders.h"
#include "exif_block.h"
#include "imgring/codec/png_writer.h"
#include "row_puller.h"

namespace imgring::image {
namespace {

using codec::PngShape;
using codec::PngWriter;

constexpr int kCompressionLevel = 6;
constexpr double kMmPerMetre = 1000;
constexpr std::size_t kExifPrefixBytes = 6;  // "Exif\0\0", which PNG leaves out
constexpr std::size_t kGrowBytes = 64 * 1024;

struct Encoder {
  png_structp png;
  png_infop info;
  std::uint8_t* bytes;
  std::size_t size_bytes, room_bytes;
  bool out_of_memory;
  char message[200];
};

struct Setup {
  png_uint_32 width, height;
  int depth, colour_type, interlace, filters;
  png_uint_32 x_per_metre, y_per_metre;
  const std::uint8_t* profile;
  std::size_t profile_bytes;
  const std::uint8_t* exif;
  std::size_t exif_bytes;
};

void on_error(png_structp png, png_const_charp message) {
  auto* e = static_cast<Encoder*>(png_get_error_ptr(png));
  std::strncpy(e->message, message, sizeof e->message - 1);
  png_longjmp(png, 1);
}
void on_warning(png_structp, png_const_charp) {}

void on_write(png_structp png, png_bytep data, png_size_t size) {
  auto* e = static_cast<Encoder*>(png_get_io_ptr(png));
  if (size > e->room_bytes - e->size_bytes) {
    const std::size_t room = e->size_bytes + size + e->room_bytes / 2 + kGrowBytes;
    auto* grown = static_cast<std::uint8_t*>(std::realloc(e->bytes, room));
    if (grown == nullptr) {
      e->out_of_memory = true;
      png_error(png, "no memory for the encoded picture");
    }
    e->bytes = grown;
    e->room_bytes = room;
  }
  std::memcpy(e->bytes + e->size_bytes, data, size);
  e->size_bytes += size;
}
void on_flush(png_structp) {}

bool create(Encoder* e) noexcept {
  e->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, e, on_error, on_warning);
  if (e->png == nullptr) return false;
  if (setjmp(png_jmpbuf(e->png)) != 0) return false;
  // A profile that only says it is sRGB goes through as it is.
  png_set_option(e->png, PNG_SKIP_sRGB_CHECK_PROFILE, PNG_OPTION_ON);
  png_set_write_fn(e->png, e, on_write, on_flush);
  e->info = png_create_info_struct(e->png);
  return e->info != nullptr;
}

bool set_header(Encoder* e, const Setup* s) noexcept {
  if (setjmp(png_jmpbuf(e->png)) != 0) return false;
  png_set_compression_level(e->png, kCompressionLevel);
  png_set_filter(e->png, 0, s->filters);
  png_set_user_limits(e->png, 10'000'000, 10'000'000);  // libvips' own bound
  png_set_IHDR(e->png, e->info, s->width, s->height, s->depth, s->colour_type, s->interlace,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_pHYs(e->png, e->info, s->x_per_metre, s->y_per_metre, PNG_RESOLUTION_METER);
  return true;
}

// A profile libpng refuses is left out, as the libvips saver does.
void set_profile(Encoder* e, const Setup* s) noexcept {
  if (s->profile_bytes == 0) return;
  if (setjmp(png_jmpbuf(e->png)) != 0) return;
  png_set_iCCP(e->png, e->info, "icc", PNG_COMPRESSION_TYPE_BASE, s->profile,
               static_cast<png_uint_32>(s->profile_bytes));
}

bool write_header(Encoder* e, const Setup* s, int* passes) noexcept {
  if (setjmp(png_jmpbuf(e->png)) != 0) return false;
  if (s->exif_bytes > 0) {
    png_set_eXIf_1(e->png, e->info, static_cast<png_uint_32>(s->exif_bytes),
                   const_cast<png_bytep>(s->exif));
  }
  png_write_info(e->png, e->info);
  if (s->depth > 8 && G_BYTE_ORDER == G_LITTLE_ENDIAN) png_set_swap(e->png);
  *passes = s->interlace == PNG_INTERLACE_ADAM7 ? png_set_interlace_handling(e->png) : 1;
  return true;
}

bool put_rows(Encoder* e, const Strip* strip) noexcept {
  if (setjmp(png_jmpbuf(e->png)) != 0) return false;
  for (int row = 0; row < strip->row_count; ++row) {
    png_write_row(e->png, strip->first + static_cast<std::size_t>(row) * strip->stride_bytes);
  }
  return true;
}

bool finish(Encoder* e) noexcept {
  if (setjmp(png_jmpbuf(e->png)) != 0) return false;
  png_write_end(e->png, e->info);
  return true;
}

// Owns the libpng state.
class LibpngWriter {
 public:
  LibpngWriter() noexcept = default;
  LibpngWriter(const LibpngWriter&) = delete;
  LibpngWriter& operator=(const LibpngWriter&) = delete;
  ~LibpngWriter() {
    if (encoder_.png != nullptr) png_destroy_write_struct(&encoder_.png, &encoder_.info);
    std::free(encoder_.bytes);
  }

  Result<int> begin(const Setup& setup) {
    IMGRING_TRY_VOID(checked(create(&encoder_)));
    IMGRING_TRY_VOID(checked(set_header(&encoder_, &setup)));
    set_profile(&encoder_, &setup);
    int passes = 1;
    IMGRING_TRY_VOID(checked(write_header(&encoder_, &setup, &passes)));
    return passes;
  }
  // What is written so far; until the next call.
  ByteSpan written() const noexcept { return {encoder_.bytes, encoder_.size_bytes}; }
  Result<void> rows(const Strip& strip) { return checked(put_rows(&encoder_, &strip)); }
  Result<Bytes> end() {
    IMGRING_TRY_VOID(checked(finish(&encoder_)));
    Bytes bytes = Bytes::of_malloc(encoder_.bytes, encoder_.size_bytes);
    encoder_.bytes = nullptr;
    return bytes;
  }

 private:
  Result<void> checked(bool ok) const {
    if (ok) return {};
    if (encoder_.out_of_memory || encoder_.png == nullptr || tells_of_shortage(encoder_.message)) {
      return fail(ErrorCode::kOverloaded, "no memory for the encoded picture");
    }
    return fail(ErrorCode::kInternal, std::string("vips2png: ") + encoder_.message);
  }

  Encoder encoder_{};
};

void* find_comment(VipsImage*, const char* name, GValue*, void* found) noexcept {
  if (std::strncmp(name, "png-comment-", 12) == 0) *static_cast<bool*>(found) = true;
  return nullptr;
}

bool wants_palette(VipsImage* image, const SaveParams& params) noexcept {
  const int depth = palette_depth(image);
  return params.encoders.png_quantize || (depth >= 1 && depth <= 8);
}

constexpr int kColourTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};

Setup setup_of(VipsImage* image, const SaveParams& params) noexcept {
  Setup s{};
  s.width = static_cast<png_uint_32>(vips_image_get_width(image));
  s.height = static_cast<png_uint_32>(vips_image_get_height(image));
  s.depth = vips_image_get_format(image) == VIPS_FORMAT_USHORT ? 16 : 8;
  s.colour_type = kColourTypes[vips_image_get_bands(image) - 1];
  s.interlace = params.encoders.png_interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE;
  s.x_per_metre = static_cast<png_uint_32>(std::rint(vips_image_get_xres(image) * kMmPerMetre));
  s.y_per_metre = static_cast<png_uint_32>(std::rint(vips_image_get_yres(image) * kMmPerMetre));
  const ByteSpan profile = png_profile(image);
  s.profile = profile.data();
  s.profile_bytes = profile.size();
  return s;
}

// Empty when there is none. The block must outlive the setup.
std::vector<std::uint8_t> exif_of(VipsImage* image) {
  if (vips_image_get_typeof(image, VIPS_META_EXIF_NAME) == 0) return {};
  return plain_exif_block(image);
}
void set_exif(const std::vector<std::uint8_t>& block, Setup* setup) noexcept {
  if (block.empty()) return;
  setup->exif = block.data() + kExifPrefixBytes;
  setup->exif_bytes = block.size() - kExifPrefixBytes;
}

PngShape shape_of(VipsImage* image, const Setup& setup) noexcept {
  const std::size_t sample_bytes = setup.depth == 16 ? 2 : 1;
  return {setup.width, setup.height, static_cast<std::size_t>(vips_image_get_bands(image)),
          sample_bytes};
}

Result<Bytes> save_by_writer(VipsImage* header, const Setup& setup, RowSource* rows) {
  PngWriter writer(std::realloc);
  {
    LibpngWriter head;
    IMGRING_TRY_VOID(head.begin(setup));
    IMGRING_TRY_VOID(writer.begin(shape_of(header, setup), head.written()));
  }
  for (int top = 0; top < vips_image_get_height(header);) {
    IMGRING_TRY(const Strip strip, rows->pull(top));
    for (int row = 0; row < strip.row_count; ++row) {
      const std::size_t offset = static_cast<std::size_t>(row) * strip.stride_bytes;
      IMGRING_TRY_VOID(writer.row(strip.first + offset));
    }
    top += strip.row_count;
  }
  return writer.end();
}

// Whether our own writer takes it.
bool for_writer(VipsImage* image, const Setup& setup) noexcept {
  return setup.interlace == PNG_INTERLACE_NONE && PngWriter::fits(shape_of(image, setup));
}

Result<Bytes> save_by_libpng(VipsImage* image, const Setup& setup, const StopFlag& stop) {
  VipsImagePtr memory;  // interlaced: seven passes over the pixels
  if (setup.interlace == PNG_INTERLACE_ADAM7) {
    IMGRING_TRY(memory, copy_to_memory(image, stop));
  }
  LibpngWriter writer;
  IMGRING_TRY(const int passes, writer.begin(setup));
  for (int pass = 0; pass < passes; ++pass) {
    RowPuller rows(memory != nullptr ? memory.get() : image, stop);
    for (int top = 0; top < vips_image_get_height(image);) {
      IMGRING_TRY(const Strip strip, rows.pull(top));
      IMGRING_TRY_VOID(writer.rows(strip));
      top += strip.row_count;
    }
  }
  return writer.end();
}

}  // namespace

bool can_pull_png(VipsImage* image, const SaveParams& params) noexcept {
  const VipsInterpretation type = vips_image_get_interpretation(image);
  const VipsBandFormat format = vips_image_get_format(image);
  const int bands = vips_image_get_bands(image);
  if (vips_image_get_coding(image) != VIPS_CODING_NONE) return false;
  if (wants_palette(image, params)) return false;
  // The saver packs XMP and comments in its own way.
  bool comment = vips_image_get_typeof(image, VIPS_META_XMP_NAME) != 0;
  vips_image_map(image, find_comment, &comment);
  if (comment || !has_plain_exif(image) || bands < 1 || bands > 4) return false;
  const bool narrow = format == VIPS_FORMAT_UCHAR;
  if (!narrow && format != VIPS_FORMAT_USHORT) return false;
  if (bands <= 2) return type == (narrow ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_GREY16);
  return type == (narrow ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_RGB16);
}

Result<Bytes> save_png(VipsImage* image, const SaveParams& params, PngFilters filters,
                       const StopFlag& stop) {
  Setup setup = setup_of(image, params);
  setup.filters = filters == PngFilters::kAll ? PNG_ALL_FILTERS : PNG_FILTER_NONE;
  const std::vector<std::uint8_t> exif = exif_of(image);
  set_exif(exif, &setup);
  if (filters != PngFilters::kAll || !for_writer(image, setup))
    return save_by_libpng(image, setup, stop);
  RowPuller rows(image, stop);
  return save_by_writer(image, setup, &rows);
}

bool can_save_png_rows(VipsImage* header, const SaveParams& params) noexcept {
  return can_pull_png(header, params) && for_writer(header, setup_of(header, params));
}

Result<Bytes> save_png_rows(VipsImage* header, RowSource* rows, const SaveParams& params) {
  Setup setup = setup_of(header, params);
  setup.filters = PNG_ALL_FILTERS;
  const std::vector<std::uint8_t> exif = exif_of(header);
  set_exif(exif, &setup);
  return save_by_writer(header, setup, rows);
}

}  // namespace imgring::image
