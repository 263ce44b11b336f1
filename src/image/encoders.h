// The encoders behind save(), one file each. Helper threads only.
// Pull encoders say by can_pull_* whether they write an image exactly as the libvips saver would;
// what they do not know goes to the saver on a memory image.
#pragma once

#include <cstdint>
#include <vector>

#include "imgring/image/encoder.h"

namespace imgring::image {

// One frame in 8 bits of grey or sRGB, with or without alpha, and no EXIF but the plain case.
bool is_plain_still(VipsImage* image) noexcept;

bool can_pull_jpeg(VipsImage* image) noexcept;
Result<Bytes> save_jpeg(VipsImage* image, const SaveParams& params, const StopFlag& stop);

bool can_pull_png(VipsImage* image, const SaveParams& params) noexcept;
enum class PngFilters : std::uint8_t { kNone, kAll };
Result<Bytes> save_png(VipsImage* image, const SaveParams& params, PngFilters filters,
                       const StopFlag& stop);

bool can_pull_webp(VipsImage* image) noexcept;
Result<Bytes> save_webp(VipsImage* image, const SaveParams& params, const StopFlag& stop);

// The same from rows of another maker: size, bands and metadata of `header`, pixels of `rows`.
class RowSource;
bool can_save_rows(VipsImage* header, ImageType type, const SaveParams& params) noexcept;
Result<Bytes> save_rows(VipsImage* header, ImageType type, RowSource* rows,
                        const SaveParams& params, const StopFlag& stop);
Result<Bytes> save_jpeg_rows(VipsImage* header, RowSource* rows, const SaveParams& params);
bool can_save_png_rows(VipsImage* header, const SaveParams& params) noexcept;
Result<Bytes> save_png_rows(VipsImage* header, RowSource* rows, const SaveParams& params);
Result<Bytes> save_webp_rows(VipsImage* header, RowSource* rows, const SaveParams& params,
                             const StopFlag& stop);
// Of planes as they are, where the file is to have such: neither lossless nor of sharper chroma.
class YuvSource;
bool can_save_webp_planes(VipsImage* header, const SaveParams& params) noexcept;
Result<Bytes> save_webp_planes(VipsImage* header, YuvSource* planes, const SaveParams& params,
                               const StopFlag& stop);

// The libvips saver of the format on a memory image.
Result<Bytes> save_by_vips(VipsImage* image, ImageType type, const SaveParams& params,
                           const StopFlag& stop);
// The same of an image in memory, told what to tell the saver: for the child.
class SaverCall;
Result<Bytes> save_memory(VipsImage* memory, ImageType type, const SaverCall& call,
                          const StopFlag& stop);
// A PNG without palette, for what wraps one.
Result<Bytes> save_png_by_vips(VipsImage* image, const StopFlag& stop);
bool vips_has_saver(ImageType type) noexcept;
// Those of the formats that we serve and libvips holds for untrusted (init_vips).
void unblock_savers() noexcept;
bool has_own_saver(ImageType type) noexcept;
bool has_saver(ImageType type) noexcept;  // either of them
// Tries it, where libvips has the saver and may lack the codec; true for all others.
bool codec_works(ImageType type);

Result<Bytes> save_bmp(VipsImage* image, const StopFlag& stop);
Result<Bytes> save_ico(VipsImage* image, const StopFlag& stop);

// Metadata; empty when absent. A profile that does not fit the bands is left out, as the libvips
// savers do.
ByteSpan blob_of(VipsImage* image, const char* field) noexcept;
ByteSpan fitting_profile(VipsImage* image) noexcept;
// Of these only what libpng writes: where a profile is another length than it says, it ends the
// file (png_write_iCCP of libpng 1.6.45 and newer; older ones leave the profile out).
ByteSpan png_profile(VipsImage* image) noexcept;
// Without a profile that libpng would not write.
Result<VipsImagePtr> ready_for_png(VipsImage* image);
// Depth of the palette the source had, 0 when none.
int palette_depth(VipsImage* image) noexcept;
// 8-bit B_W or sRGB with the bands wanted, from whatever the pipeline left (16 bit, CMYK, float
// ...).
Result<VipsImagePtr> to_8bit_rgb(VipsImage* image, bool keep_alpha);

}  // namespace imgring::image
