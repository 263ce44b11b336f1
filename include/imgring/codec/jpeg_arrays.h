// libjpeg's arrays of coefficients in memory of ours. A progressive JPEG has them for the whole
// picture, two bytes a sample; libjpeg's own manager would allocate them anew for each picture.
// Owned by the decoder's own struct, beside its jpeg_decompress_struct. Helper threads only.
#pragma once

#include <cstddef>
#include <cstdio>

#include <jpeglib.h>  // after cstdio, which it wants

namespace imgring::codec {

// jpeg_decompress_struct::client_data points to one (or to what derives from it). Plain data: the
// functions may be left by longjmp.
struct JpegArrays {
  // Memory for `bytes`, which lives as long as the decoder; null: the system has none. Does not
  // throw. Asked once, for arrays of `take_bytes_min` and more in all; libjpeg's pool has others.
  void* (*take)(JpegArrays* self, std::size_t bytes) noexcept;
  std::size_t take_bytes_min;
  jvirt_barray_control* asked;         // for jpeg_memory_mgr::realize_virt_arrays, newest first
  void (*realize_rest)(j_common_ptr);  // libjpeg's own, for arrays of samples
};

// After jpeg_create_decompress, before jpeg_start_decompress.
void use_own_arrays(jpeg_decompress_struct* jpeg, JpegArrays* arrays) noexcept;

}  // namespace imgring::codec
