// Tables of quantisation of JPEG, as mozjpeg numbers them: what each coefficient of a block of 8 x
// 8 is divided by at quality 50. Immutable, any thread.
#pragma once

namespace imgring::image {

inline constexpr int kJpegTablesMax = 8;  // 0..8

struct JpegTables {
  const unsigned* luma;  // 64, row by row
  const unsigned* chroma;
};
// 0: ITU-T T.81 Annex K; 1: all 16; 2: tuned for MSSIM; 3: N. Robidoux's of ImageMagick; 4: tuned
// for PSNR-HVS-M; 5: Klein, Silverstein and Carney 1992; 6: Watson, Taylor and Borthwick 1997;
// 7: Ahumada, Watson and Peterson 1993; 8: Peterson, Ahumada and Watson 1993.
const JpegTables& jpeg_tables(int number) noexcept;

}  // namespace imgring::image
