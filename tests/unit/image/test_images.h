// Pictures for the image tests, made by libvips, and readers of what came out. Starts libvips once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "imgring/base/text.h"
#include "imgring/format/format.h"
#include "imgring/image/encoder.h"
#include "imgring/image/vips_image.h"

namespace imgring::image::test {

// Colourful, with edges and slopes; `bands` 1..4, 8 bit.
VipsImagePtr picture(int width, int height, int bands);
VipsImagePtr picture16(int width, int height, int bands);
VipsImagePtr cmyk_picture(int width, int height);

// Encoded by a libvips saver, e.g. saved_by_vips(im, ".jpg[Q=80]").
std::string saved_by_vips(VipsImage* image, const char* suffix);
// Pixels of an image, decoded.
std::vector<std::uint8_t> pixels_of(VipsImage* image);
// Of samples; 255: they are not of one size.
double mean_difference(VipsImage* a, VipsImage* b);
// Decoded by a libvips loader found by content (tests only).
VipsImagePtr decoded(ByteSpan bytes);

std::string gzipped(const std::string& bytes);
ByteSpan bytes_of(const std::string& text);
std::string text_of(const Bytes& bytes);
// Asked of the libraries once.
bool can_save(ImageType type);
bool can_load(ImageType type);
// A profile that libvips ships: "srgb", "cmyk", "p3".
std::string built_in(const char* name);
// Standard sRGB profile as libvips ships it.
std::string srgb_profile();

VipsImagePtr own_copy(VipsImage* image);
bool has_field(VipsImage* image, const char* field);
void set_blob(VipsImage* image, const char* field, const std::string& bytes);

}  // namespace imgring::image::test
