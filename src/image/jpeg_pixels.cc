// Rows of a JPEG by libjpeg-turbo.
// libjpeg reports errors by longjmp: the functions that call it hold no C++ object with a
// destructor.
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include "imgring/codec/jpeg_arrays.h"
#include "pixel_source.h"

#include <jerror.h>
#include <jpeglib.h>  // after cstdio, which it wants

namespace imgring::image {
namespace {

using codec::JpegArrays;

struct Decoder : JpegArrays {
  jpeg_decompress_struct jpeg;
  jpeg_error_mgr errors;
  std::jmp_buf back;
  bool created, out_of_memory;
  DecodeScratch* scratch;        // null: everything is libjpeg's
  DecodeScratch::Block* arrays;  // where what was taken is kept
};

void* take_arrays(JpegArrays* self, std::size_t bytes) noexcept {
  auto* decoder = static_cast<Decoder*>(self);
  *decoder->arrays = decoder->scratch->take(bytes);
  return decoder->arrays->data();
}

void give_up(j_common_ptr info) {
  auto* decoder = static_cast<Decoder*>(static_cast<JpegArrays*>(info->client_data));
  decoder->out_of_memory = decoder->errors.msg_code == JERR_OUT_OF_MEMORY;
  std::longjmp(decoder->back, 1);
}
// Warnings have a negative level: what is not quite in order is libvips' business.
void on_message(j_common_ptr info, int level) {
  if (level < 0) give_up(info);
}

bool plain_colour(const jpeg_decompress_struct& jpeg, int bands) noexcept {
  const J_COLOR_SPACE wanted = bands == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
  return jpeg.num_components == bands && jpeg.jpeg_color_space == wanted &&
         jpeg.data_precision == 8;
}

struct DecodeSetup {
  const std::uint8_t* data;
  std::size_t size_bytes;
  int shrink, loaded_width, loaded_height, bands;
};

// The settings are those of the libvips loader: everything as libjpeg has it.
bool start(Decoder* d, const DecodeSetup* setup) noexcept {
  d->jpeg.err = jpeg_std_error(&d->errors);
  d->errors.error_exit = give_up;
  d->errors.emit_message = on_message;
  d->jpeg.client_data = static_cast<JpegArrays*>(d);
  if (setjmp(d->back) != 0) return false;
  jpeg_create_decompress(&d->jpeg);
  d->created = true;
  if (d->scratch != nullptr) codec::use_own_arrays(&d->jpeg, d);
  jpeg_mem_src(&d->jpeg, setup->data, static_cast<unsigned long>(setup->size_bytes));
  jpeg_read_header(&d->jpeg, TRUE);
  if (!plain_colour(d->jpeg, setup->bands)) return false;
  d->jpeg.out_color_space = setup->bands == 1 ? JCS_GRAYSCALE : JCS_RGB;
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

bool read_row(Decoder* d, std::uint8_t* room) noexcept {
  if (setjmp(d->back) != 0) return false;
  JSAMPROW row = room;
  return jpeg_read_scanlines(&d->jpeg, &row, 1) == 1;
}

// libjpeg-turbo's fast decoder says nothing of broken Huffman codes, but they leave bytes over.
bool end_decoding(Decoder* d) noexcept {
  if (setjmp(d->back) != 0) return false;
  return jpeg_finish_decompress(&d->jpeg) != FALSE;
}

class JpegPixels final : public PixelSource {
 public:
  JpegPixels() : decoder_(static_cast<Decoder*>(std::calloc(1, sizeof(Decoder)))) {}
  JpegPixels(const JpegPixels&) = delete;
  JpegPixels& operator=(const JpegPixels&) = delete;
  ~JpegPixels() override {
    if (decoder_ != nullptr && decoder_->created) jpeg_destroy_decompress(&decoder_->jpeg);
    std::free(decoder_);
  }

  Result<void> begin(const NativeJob& job) {
    if (decoder_ == nullptr) return std::unexpected(no_memory_for_rows());
    decoder_->take = take_arrays;
    decoder_->take_bytes_min = DecodeScratch::kBlockBytesMin;
    decoder_->scratch = job.scratch;
    decoder_->arrays = &arrays_;
    const DecodeSetup setup{job.source.data(), job.source.size(), job.shrink,
                            job.loaded_width,  job.loaded_height, job.bands};
    return checked(start(decoder_, &setup));
  }

  int width() const noexcept override { return static_cast<int>(decoder_->jpeg.output_width); }

  Result<const std::uint8_t*> next_row(std::uint8_t* room) override {
    IMGRING_TRY_VOID(checked(read_row(decoder_, room)));
    return room;
  }

  // libvips reads somewhat more than is wanted of a cut picture.
  Result<void> finish(std::uint8_t* room) override {
    constexpr JDIMENSION kMore = 8, kTileRows = 16;
    const JDIMENSION end =
        (decoder_->jpeg.output_scanline + kMore) / kTileRows * kTileRows + kTileRows;
    const JDIMENSION whole = decoder_->jpeg.output_height;
    while (decoder_->jpeg.output_scanline < std::min(end, whole)) {
      IMGRING_TRY_VOID(checked(read_row(decoder_, room)));
    }
    if (end < whole) return {};
    return checked(end_decoding(decoder_));
  }

 private:
  Result<void> checked(bool ok) const {
    if (ok) return {};
    return std::unexpected(decoder_->out_of_memory ? no_memory_for_rows()
                                                   : not_native("a JPEG for libvips"));
  }

  Decoder* decoder_;
  DecodeScratch::Block arrays_;
};

}  // namespace

Result<std::unique_ptr<PixelSource>> open_jpeg_pixels(const NativeJob& job) {
  auto pixels = std::make_unique<JpegPixels>();
  IMGRING_TRY_VOID(pixels->begin(job));
  return pixels;
}

}  // namespace imgring::image
