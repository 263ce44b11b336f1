// What is known of a picture beside its pixels, as bytes that go from one process to the other: its
// header as a struct, and its metadata, or any other named values, as a list.
// Values. Helper threads, and the child. What comes from a child is believed to be a list and
// nothing else: names, which stand there once, types, lengths and counts are checked, and that a
// pixel has no more samples than any loader leaves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/text.h"
#include "imgring/image/vips_image.h"
#include "imgring/sandbox/kind.h"

namespace imgring::image {

// Beside the sizes of sandbox::Picture.
struct PictureHeader {
  std::int32_t format = 0, interpretation = 0;
  std::int32_t offset_x = 0, offset_y = 0;
  double pixels_per_mm_x = 1, pixels_per_mm_y = 1;
};

sandbox::Picture sizes_of(VipsImage* image) noexcept;
PictureHeader header_of(VipsImage* image) noexcept;
// Inks and alpha: loaders leave no other samples (samples.h), and plans count with four.
inline constexpr int kPictureBandsMost = 5;
// Bytes of one pixel; 0: no such picture can be, or its resolution is no number.
std::size_t pixel_bytes_of(const sandbox::Picture& sizes, const PictureHeader& header) noexcept;
// For an image that has no pixels yet, or others of these sizes.
void set_header(const sandbox::Picture& sizes, const PictureHeader& header, VipsImage* image);

enum class FieldType : std::uint32_t { kInt = 1, kDouble, kText, kBlob, kInts, kDoubles };
struct Field {
  std::string_view name;
  FieldType type = FieldType::kInt;
  ByteSpan value;

  // Of the first number; 0 where there is none.
  int whole() const noexcept;
  double real() const noexcept;
};

class FieldList {
 public:
  // A value that is too long for a list (kFieldBytesMax) is left out.
  void add(std::string_view name, FieldType type, ByteSpan value);
  void add(std::string_view name, int value);
  void add(std::string_view name, double value);
  void add_fields_of(VipsImage* image);
  const std::string& bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

// A profile has 4 MiB at most (blobs.h); names of EXIF's fields some 40 bytes.
inline constexpr std::size_t kFieldBytesMax = std::size_t{8} << 20;
inline constexpr std::size_t kFieldNameBytesMax = 200;
inline constexpr std::size_t kFieldCountMax = 4'000;
// All of one picture: those that loaders make have 14 MiB at most.
inline constexpr std::size_t kFieldListBytesMax = std::size_t{24} << 20;

// Views of these bytes. kBrokenImage: they are no list, a name is there twice, or a value is over
// what a loader leaves of its kind (blobs.h).
Result<std::vector<Field>> parse_fields(ByteSpan bytes);
// These and no others, and the header's resolution.
void set_fields(const std::vector<Field>& fields, const PictureHeader& header, VipsImage* image);

}  // namespace imgring::image
