// Fuzz target: our decoder of JPEGs with libjpeg-turbo beside it. The first byte picks scale,
// kernel and window. What it checks beside memory errors: what ours reads, libjpeg-turbo reads
// without a warning, but for progressive files, of which ours passes over scans; where both read a
// file whose coefficients pixels can have, averages of boxes are the same.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "../unit/codec/jpeg_files.h"
#include "imgring/base/check.h"
#include "target.h"

namespace {

using namespace imgring;
using namespace imgring::codec;
using namespace imgring::codec::test;

struct Facts {
  int width = 0, height = 0;
  bool progressive = false;
  bool large = false;  // too large for this test
  bool even = true;    // chroma is reduced alike in both directions, and by libjpeg as by us
  bool whole = false;  // coefficients could be read, and no block has more than pixels can make
};

constexpr int kSideMax = 1024;

// 16 bit have room for every block that pixels can make, and for any whose coefficients behind the
// first sum to this.
constexpr int kBlockSumMax = 500;

bool block_fits(const JCOEF* block, const JQUANT_TBL* quant) {
  int sum = 0;
  for (int k = 1; k < DCTSIZE2; ++k) sum += std::abs(block[k]) * quant->quantval[k];
  return sum <= kBlockSumMax;
}

bool blocks_fit(jpeg_decompress_struct* jpeg, jvirt_barray_ptr* arrays) {
  for (int i = 0; i < jpeg->num_components; ++i) {
    const jpeg_component_info& c = jpeg->comp_info[i];
    const JQUANT_TBL* quant = jpeg->quant_tbl_ptrs[c.quant_tbl_no];
    for (JDIMENSION y = 0; y < c.height_in_blocks; ++y) {
      auto* info = reinterpret_cast<j_common_ptr>(jpeg);
      JBLOCKARRAY rows = jpeg->mem->access_virt_barray(info, arrays[i], y, 1, FALSE);
      for (JDIMENSION x = 0; x < c.width_in_blocks; ++x) {
        if (!block_fits(rows[0][x], quant)) return false;
      }
    }
  }
  return true;
}

// Holds nothing that longjmp would leave behind.
void read_facts(ByteSpan file, Facts* out) {
  jpeg_decompress_struct jpeg;
  TurboErrors errors;
  jpeg.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = turbo_gives_up;
  errors.base.emit_message = turbo_warns;
  jpeg_create_decompress(&jpeg);
  if (setjmp(errors.back) == 0) {
    jpeg_mem_src(&jpeg, file.data(), static_cast<unsigned long>(file.size()));
    jpeg_read_header(&jpeg, TRUE);
    out->width = static_cast<int>(jpeg.image_width);
    out->height = static_cast<int>(jpeg.image_height);
    out->progressive = jpeg.progressive_mode != FALSE;
    out->large = out->width > kSideMax || out->height > kSideMax;
    for (int i = 0; i < jpeg.num_components; ++i) {
      const jpeg_component_info& c = jpeg.comp_info[i];
      const int across = jpeg.max_h_samp_factor / c.h_samp_factor;
      out->even = out->even && across == jpeg.max_v_samp_factor / c.v_samp_factor;
    }
    if (!out->large && jpeg.num_components <= 3) {
      jvirt_barray_ptr* arrays = jpeg_read_coefficients(&jpeg);
      out->whole = blocks_fit(&jpeg, arrays);
    }
  }
  jpeg_destroy_decompress(&jpeg);
}

void expect_same(const Pixels& ours, const Pixels& theirs) {
  constexpr int kLevelsMax = 6;
  IMGRING_CHECK(ours.width == theirs.width);
  IMGRING_CHECK(ours.height == theirs.height);
  IMGRING_CHECK(ours.bands == theirs.bands);
  for (std::size_t i = 0; i < ours.bytes.size(); ++i)
    IMGRING_CHECK(std::abs(ours.bytes[i] - theirs.bytes[i]) <= kLevelsMax);
}

// Any window is read without a memory error; its pixels are the whole picture's (unit tests).
void read_window(ByteSpan file, const JpegSetup& how, int pick) {
  JpegSetup setup = how;
  setup.source = file;
  JpegDecoder decoder;
  if (decoder.open(setup) != JpegEnd::kFine) return;
  const int left = pick * 37 % decoder.width(), top = pick * 11 % decoder.height();
  decoder.want({left, decoder.width() / 3, top});
  std::vector<std::uint8_t> row(static_cast<std::size_t>(decoder.width() * decoder.bands()) +
                                kJpegRowPadBytes);
  for (int y = 0; y < decoder.height() - pick % 3; ++y) {
    if (decoder.next_row(row.data()) != JpegEnd::kFine) return;
  }
  (void)decoder.finish(decoder.height());
}

}  // namespace

FUZZ_TARGET(jpeg_decoder) {
  constexpr int kShrinks[] = {1, 2, 4, 8};
  if (size < 1) return 0;
  // A copy of its own, so that reading past the end is seen.
  const std::vector<std::uint8_t> file(data + 1, data + size);
  Facts facts;
  read_facts(file, &facts);
  if (facts.large) return 0;
  const int pick = data[0];
  const JpegSetup how{.shrink = kShrinks[pick & 3],
                      .kernel = (pick & 4) != 0 ? JpegKernel::kLow : JpegKernel::kBox,
                      .pixels_max = kSideMax * kSideMax};
  if ((pick & 8) != 0) read_window(file, how, pick >> 4);
  Pixels ours;
  if (read_ours(file, how, &ours) != JpegEnd::kFine) return 0;
  const auto theirs = turbo(file, how.shrink);
  IMGRING_CHECK(theirs || facts.progressive);
  const bool same_filter = how.kernel == JpegKernel::kBox || how.shrink == 1;
  const bool same_chroma = facts.even || how.shrink == 1;
  if (theirs && facts.whole && same_filter && same_chroma) expect_same(ours, *theirs);
  return 0;
}
