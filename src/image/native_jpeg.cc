// See the header. Decoded rows live in a ring just long enough for the taps of one result row:
// first the rows are weighed into one, then its pixels.
// libjpeg reports errors by longjmp: the functions that call it hold no C++ object with a
// destructor.
#include "imgring/image/native_jpeg.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <jpeglib.h>  // after cstdio, which it wants

#include <jerror.h>

#include "encoders.h"
#include "imgring/base/check.h"
#include "row_puller.h"

namespace imgring::image {
namespace {

constexpr int kBands = 3;

struct Decoder {
  jpeg_decompress_struct jpeg;
  jpeg_error_mgr errors;
  std::jmp_buf back;
  bool created, out_of_memory;
};

void give_up(j_common_ptr info) {
  auto* decoder = static_cast<Decoder*>(info->client_data);
  decoder->out_of_memory = decoder->errors.msg_code == JERR_OUT_OF_MEMORY;
  std::longjmp(decoder->back, 1);
}
// Warnings have a negative level: what is not quite in order is libvips' business.
void on_message(j_common_ptr info, int level) {
  if (level < 0) give_up(info);
}

bool plain_colour(const jpeg_decompress_struct& jpeg) noexcept {
  return jpeg.num_components == kBands && jpeg.jpeg_color_space == JCS_YCbCr &&
         jpeg.data_precision == 8;
}

struct DecodeSetup {
  const std::uint8_t* data;
  std::size_t size_bytes;
  int shrink, loaded_width, loaded_height;
};

// The settings are those of the libvips loader: everything as libjpeg has it.
bool start(Decoder* d, const DecodeSetup* setup) noexcept {
  d->jpeg.err = jpeg_std_error(&d->errors);
  d->errors.error_exit = give_up;
  d->errors.emit_message = on_message;
  d->jpeg.client_data = d;
  if (setjmp(d->back) != 0) return false;
  jpeg_create_decompress(&d->jpeg);
  d->created = true;
  jpeg_mem_src(&d->jpeg, setup->data, static_cast<unsigned long>(setup->size_bytes));
  jpeg_read_header(&d->jpeg, TRUE);
  if (!plain_colour(d->jpeg)) return false;
  d->jpeg.out_color_space = JCS_RGB;
  d->jpeg.scale_num = 1;
  d->jpeg.scale_denom = static_cast<unsigned>(setup->shrink);
  jpeg_calc_output_dimensions(&d->jpeg);
  const auto fits = [](JDIMENSION given, int wanted) {
    return given >= static_cast<JDIMENSION>(wanted) && given <= static_cast<JDIMENSION>(wanted) + 1;
  };
  if (!fits(d->jpeg.output_width, setup->loaded_width)) return false;
  if (!fits(d->jpeg.output_height, setup->loaded_height)) return false;
  return jpeg_start_decompress(&d->jpeg) != FALSE;
}

struct Ring {
  std::uint8_t* bytes;
  std::size_t stride_bytes;
  int row_count;
  std::uint8_t* row(int index) const noexcept {
    return bytes + static_cast<std::size_t>(index % row_count) * stride_bytes;
  }
};

// Rows up to `last` into the ring, those above it over the oldest.
bool read_to(Decoder* d, const Ring* ring, int last) noexcept {
  if (setjmp(d->back) != 0) return false;
  while (d->jpeg.output_scanline <= static_cast<JDIMENSION>(last)) {
    JSAMPROW row = ring->row(static_cast<int>(d->jpeg.output_scanline));
    if (jpeg_read_scanlines(&d->jpeg, &row, 1) != 1) return false;
  }
  return true;
}

// libjpeg-turbo's fast decoder says nothing of broken Huffman codes, but they leave bytes over.
bool finish(Decoder* d) noexcept {
  if (setjmp(d->back) != 0) return false;
  return jpeg_finish_decompress(&d->jpeg) != FALSE;
}

Error no_memory() { return Error(ErrorCode::kOverloaded, "no memory for the rows of a JPEG"); }
Error not_native() { return Error(ErrorCode::kBrokenImage, "a JPEG for libvips"); }

struct Free {
  void operator()(void* p) const noexcept { std::free(p); }
};
using BytesPtr = std::unique_ptr<std::uint8_t, Free>;

std::size_t stride_of(int width) noexcept {
  return static_cast<std::size_t>(width) * kBands + kRowPadBytes;
}
// Zeroed: the loops read behind the rows, and weigh what is there with nothing.
BytesPtr rows_of(int count, std::size_t stride_bytes) {
  return BytesPtr(static_cast<std::uint8_t*>(
      std::calloc(static_cast<std::size_t>(count), stride_bytes)));
}

class NativeRows final : public RowSource {
 public:
  NativeRows(const NativeJpegJob& job, const StopFlag& stop)
      : job_(job), stop_(stop), loops_(resize_loops()), across_(make_weights(job.across)),
        down_(make_weights(job.down)),
        decoder_(static_cast<Decoder*>(std::calloc(1, sizeof(Decoder)))) {}
  NativeRows(const NativeRows&) = delete;
  NativeRows& operator=(const NativeRows&) = delete;
  ~NativeRows() override {
    if (decoder_ != nullptr && decoder_->created) jpeg_destroy_decompress(&decoder_->jpeg);
    std::free(decoder_);
  }

  Result<void> begin() {
    if (decoder_ == nullptr) return std::unexpected(no_memory());
    const DecodeSetup setup{job_.source.data(), job_.source.size(), job_.shrink, job_.loaded_width,
                            job_.loaded_height};
    IMGRING_TRY_VOID(checked(start(decoder_, &setup)));
    const int decoded_width = static_cast<int>(decoder_->jpeg.output_width);
    ring_ = {nullptr, stride_of(decoded_width), down_.taps};
    strip_stride_ = stride_of(job_.across.count);
    ring_bytes_ = rows_of(ring_.row_count, ring_.stride_bytes);
    narrow_ = rows_of(1, stride_of(across_.source_count));
    strip_ = rows_of(kStripRows, strip_stride_);
    if (ring_bytes_ == nullptr || narrow_ == nullptr || strip_ == nullptr)
      return std::unexpected(no_memory());
    ring_.bytes = ring_bytes_.get();
    return {};
  }

  Result<Strip> pull(int top) override {
    if (stop_.stopped()) return std::unexpected(stop_error(stop_.reason()));
    Strip strip;
    strip.first = strip_.get();
    strip.stride_bytes = strip_stride_;
    strip.row_count = std::min(kStripRows, job_.down.count - top);
    for (int i = 0; i < strip.row_count; ++i) {
      std::uint8_t* out = strip_.get() + static_cast<std::size_t>(i) * strip_stride_;
      IMGRING_TRY_VOID(make_row(top + i, out));
    }
    if (top + strip.row_count == job_.down.count) IMGRING_TRY_VOID(read_past_end());
    return strip;
  }

 private:
  // libvips reads somewhat more than is wanted of a cut picture, and sees what is broken there.
  Result<void> read_past_end() {
    constexpr int kMore = 8, kTileRows = 16;
    const int wanted = static_cast<int>(decoder_->jpeg.output_scanline);
    const int whole = static_cast<int>(decoder_->jpeg.output_height);
    const int last = (wanted + kMore) / kTileRows * kTileRows + kTileRows - 1;
    IMGRING_TRY_VOID(checked(read_to(decoder_, &ring_, std::min(last, whole - 1))));
    if (last < whole - 1) return {};
    return checked(finish(decoder_));
  }

  Result<void> make_row(int index, std::uint8_t* out) {
    const int base = job_.down.offset + down_.source_first;
    const int first = down_.first[static_cast<std::size_t>(index)];
    const auto row_at = [&](int k) { return base + std::min(first + k, down_.source_count - 1); };
    IMGRING_TRY_VOID(checked(read_to(decoder_, &ring_, row_at(down_.taps_used - 1))));
    const std::size_t skipped =
        static_cast<std::size_t>(job_.across.offset + across_.source_first) * kBands;
    std::array<const std::uint8_t*, kTapsMax> rows;
    for (int k = 0; k < down_.taps_used; ++k)
      rows[static_cast<std::size_t>(k)] = ring_.row(row_at(k)) + skipped;
    const std::int16_t* weights = &down_.weights[static_cast<std::size_t>(index * down_.taps)];
    const std::uint8_t* pixels = narrow_.get();
    if (down_.identical) {
      pixels = rows[0];
    } else {
      loops_.down(rows.data(), weights, down_.taps_used,
                  static_cast<std::size_t>(across_.source_count) * kBands, narrow_.get());
    }
    if (across_.identical) {
      std::copy_n(pixels, static_cast<std::size_t>(job_.across.count) * kBands, out);
    } else {
      loops_.across(pixels, across_, out);
    }
    return {};
  }

  Result<void> checked(bool ok) const {
    if (ok) return {};
    return std::unexpected(decoder_->out_of_memory ? no_memory() : not_native());
  }

  const NativeJpegJob& job_;
  const StopFlag& stop_;
  const ResizeLoops& loops_;
  AxisWeights across_, down_;
  Decoder* decoder_;
  Ring ring_{};
  std::size_t strip_stride_ = 0;
  BytesPtr ring_bytes_, narrow_, strip_;
};

bool inside(const ResizeAxis& axis, int loaded) noexcept {
  const bool source_fits = axis.offset >= 0 && axis.size > 0 && axis.offset + axis.size <= loaded;
  return source_fits && axis.first >= 0 && axis.count > 0 &&
         axis.first + axis.count <= axis.resized;
}

}  // namespace

Result<EncodedBytes> native_jpeg(const NativeJpegJob& job, VipsImage* header,
                                 const SaveParams& params, const StopFlag& stop) {
  IMGRING_CHECK(inside(job.across, job.loaded_width));
  IMGRING_CHECK(inside(job.down, job.loaded_height));
  IMGRING_CHECK(vips_image_get_width(header) == job.across.count);
  IMGRING_CHECK(vips_image_get_height(header) == job.down.count);
  if (!can_pull_jpeg(header) || vips_image_get_bands(header) != kBands)
    return std::unexpected(not_native());
  if (stop.stopped()) return std::unexpected(stop_error(stop.reason()));
  NativeRows rows(job, stop);
  IMGRING_TRY_VOID(rows.begin());
  return save_jpeg_rows(header, &rows, params);
}

bool is_answer(const Error& error) noexcept {
  return error.code == ErrorCode::kTimeout || error.code == ErrorCode::kCancelled ||
         error.code == ErrorCode::kOverloaded;
}

}  // namespace imgring::image
