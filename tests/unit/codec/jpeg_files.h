// JPEGs as libjpeg-turbo writes and reads them, for what compares our decoder with it.
#pragma once

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "imgring/codec/jpeg_codes.h"
#include "imgring/codec/jpeg_decoder.h"

#include <jpeglib.h>  // after cstdio, which it wants

namespace imgring::codec::test {

struct Pixels {
  int width = 0, height = 0, bands = 0;
  std::vector<std::uint8_t> bytes;

  std::size_t row_bytes() const { return static_cast<std::size_t>(width * bands); }
  const std::uint8_t* row(int y) const {
    return bytes.data() + row_bytes() * static_cast<std::size_t>(y);
  }
  std::uint8_t* row(int y) { return bytes.data() + row_bytes() * static_cast<std::size_t>(y); }
};

struct Writing {
  int h = 2, v = 2;  // luma's sampling; chroma has one
  int chroma_h = 1, chroma_v = 1;
  int quality = 85;
  int restart_mcus = 0;
  bool progressive = false, optimised = false;
  bool plain_codes = false;         // those of imgring/codec/jpeg_codes.h
  J_COLOR_SPACE space = JCS_YCbCr;  // in the file; grey pictures are grey
};

inline void put_codes(const JpegCodes& codes, JHUFF_TBL* table) {
  std::copy(codes.counts.begin(), codes.counts.end(), table->bits);
  std::copy(codes.symbols.begin(), codes.symbols.end(), table->huffval);
}

inline std::vector<std::uint8_t> written(const Pixels& picture, const Writing& how) {
  jpeg_compress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &out, &size);
  jpeg.image_width = static_cast<JDIMENSION>(picture.width);
  jpeg.image_height = static_cast<JDIMENSION>(picture.height);
  jpeg.input_components = picture.bands;
  jpeg.in_color_space = picture.bands == 1   ? JCS_GRAYSCALE
                        : picture.bands == 3 ? JCS_RGB
                                             : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  if (picture.bands == 3) jpeg_set_colorspace(&jpeg, how.space);
  jpeg_set_quality(&jpeg, how.quality, TRUE);
  jpeg.optimize_coding = how.optimised ? TRUE : FALSE;
  for (int i = 0; how.plain_codes && i < 2; ++i) {
    put_codes(plain_jpeg_codes(JpegSymbols::kDc), jpeg.dc_huff_tbl_ptrs[i]);
    put_codes(plain_jpeg_codes(JpegSymbols::kAc), jpeg.ac_huff_tbl_ptrs[i]);
  }
  jpeg.restart_interval = static_cast<unsigned>(how.restart_mcus);
  if (picture.bands == 3 && how.space == JCS_YCbCr) {
    jpeg.comp_info[0].h_samp_factor = how.h;
    jpeg.comp_info[0].v_samp_factor = how.v;
    for (int i = 1; i < 3; ++i) {
      jpeg.comp_info[i].h_samp_factor = how.chroma_h;
      jpeg.comp_info[i].v_samp_factor = how.chroma_v;
    }
  }
  if (how.progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < picture.height; ++y) {
    JSAMPROW row = const_cast<JSAMPROW>(picture.row(y));
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  const std::vector<std::uint8_t> bytes(out, out + size);
  std::free(out);
  return bytes;
}

struct TurboErrors {
  jpeg_error_mgr base;
  std::jmp_buf back;
};
inline void turbo_gives_up(j_common_ptr info) {
  std::longjmp(reinterpret_cast<TurboErrors*>(info->err)->back, 1);
}
inline void turbo_warns(j_common_ptr info, int level) {
  if (level < 0) turbo_gives_up(info);
}

// As the server calls it, warnings are errors. Holds nothing that longjmp would leave behind.
inline bool turbo_reads(ByteSpan file, int shrink, J_DCT_METHOD method, Pixels* out,
                        JDIMENSION rows_max = JPEG_MAX_DIMENSION) {
  static_assert(offsetof(TurboErrors, base) == 0);
  jpeg_decompress_struct jpeg;
  TurboErrors errors;
  jpeg.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = turbo_gives_up;
  errors.base.emit_message = turbo_warns;
  jpeg_create_decompress(&jpeg);
  volatile bool done = false;
  if (setjmp(errors.back) == 0) {
    jpeg_mem_src(&jpeg, file.data(), static_cast<unsigned long>(file.size()));
    jpeg_read_header(&jpeg, TRUE);
    if (jpeg.num_components == 4) turbo_gives_up(reinterpret_cast<j_common_ptr>(&jpeg));
    jpeg.out_color_space = jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg.scale_num = 1;
    jpeg.scale_denom = static_cast<unsigned>(shrink);
    jpeg.dct_method = method;
    jpeg_start_decompress(&jpeg);
    out->width = static_cast<int>(jpeg.output_width);
    out->height = static_cast<int>(jpeg.output_height);
    out->bands = jpeg.num_components;
    out->bytes.resize(out->row_bytes() * jpeg.output_height);
    const JDIMENSION rows = std::min(rows_max, jpeg.output_height);
    while (jpeg.output_scanline < rows) {
      JSAMPROW row = out->row(static_cast<int>(jpeg.output_scanline));
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    done = rows < jpeg.output_height || jpeg_finish_decompress(&jpeg) != FALSE;
  }
  jpeg_destroy_decompress(&jpeg);
  return done;
}
inline std::optional<Pixels> turbo(ByteSpan file, int shrink, J_DCT_METHOD method = JDCT_ISLOW) {
  Pixels out;
  if (!turbo_reads(file, shrink, method, &out)) return std::nullopt;
  return out;
}

// Ours; `setup` without its source.
inline JpegEnd read_ours(ByteSpan file, JpegSetup setup, Pixels* out) {
  setup.source = file;
  JpegDecoder decoder;
  if (const JpegEnd end = decoder.open(setup); end != JpegEnd::kFine) return end;
  *out = {decoder.width(), decoder.height(), decoder.bands(), {}};
  out->bytes.resize(out->row_bytes() * static_cast<std::size_t>(out->height));
  std::vector<std::uint8_t> row(out->row_bytes() + kJpegRowPadBytes);
  for (int y = 0; y < out->height; ++y) {
    if (const JpegEnd end = decoder.next_row(row.data()); end != JpegEnd::kFine) return end;
    std::copy_n(row.data(), out->row_bytes(), out->row(y));
  }
  return decoder.finish(out->height);
}
inline std::optional<Pixels> ours(ByteSpan file, int shrink, JpegKernel kernel) {
  Pixels out;
  if (read_ours(file, {.shrink = shrink, .kernel = kernel}, &out) != JpegEnd::kFine)
    return std::nullopt;
  return out;
}

}  // namespace imgring::codec::test
