// Four numbers for each field, its name and its value, in the machine's own order.
#include "picture_fields.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>

#include "blobs.h"
#include "imgring/base/byte_reader.h"

namespace imgring::image {
namespace {

struct FieldHead {
  std::uint32_t type = 0, name_bytes = 0;
  std::uint64_t value_bytes = 0;
};

// The header's own, which libvips lists among the others.
constexpr std::string_view kOfHeader[] = {"width",   "height",         "bands",   "format",
                                          "coding",  "xres",           "yres",    "xoffset",
                                          "yoffset", "interpretation", "filename"};

bool of_header(std::string_view name) noexcept {
  return std::ranges::find(kOfHeader, name) != std::end(kOfHeader);
}

bool good_name(std::string_view name) noexcept {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7F; });
}

template <class T>
ByteSpan bytes_of(const T* values, std::size_t count) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(values), count * sizeof(T)};
}

template <class T>
std::vector<T> numbers_of(ByteSpan value) {
  std::vector<T> out(value.size() / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), value.data(), out.size() * sizeof(T));
  return out;
}

template <class T>
T first_of(ByteSpan value) noexcept {
  T out{};
  if (value.size() >= sizeof out) std::memcpy(&out, value.data(), sizeof out);
  return out;
}

void* add_field(VipsImage*, const char* name, GValue* value, void* list) {
  auto* fields = static_cast<FieldList*>(list);
  const GType type = G_VALUE_TYPE(value);
  if (of_header(name) || !good_name(name)) return nullptr;
  if (type == G_TYPE_INT) {
    fields->add(name, g_value_get_int(value));
  } else if (type == G_TYPE_DOUBLE) {
    fields->add(name, g_value_get_double(value));
  } else if (type == VIPS_TYPE_REF_STRING) {
    std::size_t length = 0;
    const char* text = vips_value_get_ref_string(value, &length);
    if (text != nullptr) fields->add(name, FieldType::kText, as_bytes({text, length}));
  } else if (type == VIPS_TYPE_BLOB) {
    std::size_t length = 0;
    const void* data = vips_value_get_blob(value, &length);
    if (data == nullptr) return nullptr;
    fields->add(name, FieldType::kBlob, {static_cast<const std::uint8_t*>(data), length});
  } else if (type == VIPS_TYPE_ARRAY_INT) {
    int count = 0;
    const int* numbers = vips_value_get_array_int(value, &count);
    fields->add(name, FieldType::kInts, bytes_of(numbers, static_cast<std::size_t>(count)));
  } else if (type == VIPS_TYPE_ARRAY_DOUBLE) {
    int count = 0;
    const double* numbers = vips_value_get_array_double(value, &count);
    fields->add(name, FieldType::kDoubles, bytes_of(numbers, static_cast<std::size_t>(count)));
  }
  return nullptr;
}

bool lists(VipsImage* image, std::string_view name) {
  char** const names = vips_image_get_fields(image);
  bool found = false;
  for (char** one = names; one != nullptr && *one != nullptr; ++one) found = found || name == *one;
  g_strfreev(names);
  return found;
}

bool whole_numbers(const Field& field) noexcept {
  const std::size_t size = field.value.size();
  switch (field.type) {
    case FieldType::kInt: return size == sizeof(int);
    case FieldType::kDouble: return size == sizeof(double);
    case FieldType::kInts: return size % sizeof(int) == 0;
    case FieldType::kDoubles: return size % sizeof(double) == 0;
    case FieldType::kText:
    case FieldType::kBlob: return true;
  }
  return false;
}

void set_field(const Field& field, VipsImage* image) {
  const std::string name(field.name);
  switch (field.type) {
    case FieldType::kInt: vips_image_set_int(image, name.c_str(), field.whole()); break;
    case FieldType::kDouble: vips_image_set_double(image, name.c_str(), field.real()); break;
    case FieldType::kText: {
      const std::string text(as_text(field.value));
      vips_image_set_string(image, name.c_str(), text.c_str());
      break;
    }
    case FieldType::kBlob:
      vips_image_set_blob_copy(image, name.c_str(), field.value.data(), field.value.size());
      break;
    case FieldType::kInts: {
      const auto numbers = numbers_of<int>(field.value);
      vips_image_set_array_int(image, name.c_str(), numbers.data(),
                               static_cast<int>(numbers.size()));
      break;
    }
    case FieldType::kDoubles: {
      const auto numbers = numbers_of<double>(field.value);
      vips_image_set_array_double(image, name.c_str(), numbers.data(),
                                  static_cast<int>(numbers.size()));
      break;
    }
  }
}

bool is_resolution(double pixels_per_mm) noexcept {
  return std::isfinite(pixels_per_mm) && pixels_per_mm >= 0;
}
// A file may tell of anything: libvips' own is 1.
double resolution_of(double pixels_per_mm) noexcept {
  return is_resolution(pixels_per_mm) ? pixels_per_mm : 1;
}

Error no_list() { return Error(ErrorCode::kBrokenImage, "what is known of a picture is no list"); }

}  // namespace

sandbox::Picture sizes_of(VipsImage* image) noexcept {
  return {.width = vips_image_get_width(image),
          .height = vips_image_get_height(image),
          .bands = vips_image_get_bands(image)};
}

PictureHeader header_of(VipsImage* image) noexcept {
  return {.format = vips_image_get_format(image),
          .interpretation = vips_image_get_interpretation(image),
          .offset_x = vips_image_get_xoffset(image),
          .offset_y = vips_image_get_yoffset(image),
          .pixels_per_mm_x = resolution_of(vips_image_get_xres(image)),
          .pixels_per_mm_y = resolution_of(vips_image_get_yres(image))};
}

std::size_t pixel_bytes_of(const sandbox::Picture& sizes, const PictureHeader& header) noexcept {
  const auto within = [](int value, int max) { return value >= 1 && value <= max; };
  const bool good = within(sizes.width, VIPS_MAX_COORD) && within(sizes.height, VIPS_MAX_COORD) &&
                    within(sizes.bands, kPictureBandsMost) &&
                    is_resolution(header.pixels_per_mm_x) &&
                    is_resolution(header.pixels_per_mm_y) && header.format >= VIPS_FORMAT_UCHAR &&
                    header.format < VIPS_FORMAT_LAST && header.interpretation >= 0 &&
                    header.interpretation < VIPS_INTERPRETATION_LAST;
  if (!good) return 0;
  return static_cast<std::size_t>(vips_format_sizeof(static_cast<VipsBandFormat>(header.format))) *
         static_cast<std::size_t>(sizes.bands);
}

void set_header(const sandbox::Picture& sizes, const PictureHeader& header, VipsImage* image) {
  vips_image_init_fields(image, sizes.width, sizes.height, sizes.bands,
                         static_cast<VipsBandFormat>(header.format), VIPS_CODING_NONE,
                         static_cast<VipsInterpretation>(header.interpretation),
                         header.pixels_per_mm_x, header.pixels_per_mm_y);
  image->Xoffset = header.offset_x;
  image->Yoffset = header.offset_y;
}

int Field::whole() const noexcept { return first_of<int>(value); }
double Field::real() const noexcept { return first_of<double>(value); }

void FieldList::add(std::string_view name, FieldType type, ByteSpan value) {
  if (value.size() > kFieldBytesMax || name.size() > kFieldNameBytesMax) return;
  FieldHead head;
  head.type = static_cast<std::uint32_t>(type);
  head.name_bytes = static_cast<std::uint32_t>(name.size());
  head.value_bytes = value.size();
  if (bytes_.size() + sizeof head + name.size() + value.size() > kFieldListBytesMax) return;
  bytes_.append(as_text(bytes_of(&head, 1))).append(name).append(as_text(value));
}

void FieldList::add(std::string_view name, int value) {
  add(name, FieldType::kInt, bytes_of(&value, 1));
}

void FieldList::add(std::string_view name, double value) {
  add(name, FieldType::kDouble, bytes_of(&value, 1));
}

void FieldList::add_fields_of(VipsImage* image) {
  vips_image_map(image, add_field, this);
  constexpr const char* kUnlisted = "palette-bit-depth";  // of libvips before 8.15
  int depth = 0;
  if (!lists(image, kUnlisted) && vips_image_get_typeof(image, kUnlisted) == G_TYPE_INT &&
      vips_image_get_int(image, kUnlisted, &depth) == 0) {
    add(kUnlisted, depth);
  }
}

Result<std::vector<Field>> parse_fields(ByteSpan bytes) {
  std::vector<Field> out;
  std::set<std::string_view> names;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto raw = slice(bytes, at, sizeof(FieldHead));
    if (!raw || out.size() == kFieldCountMax) return std::unexpected(no_list());
    const auto head = first_of<FieldHead>(*raw);
    at += sizeof head;
    const auto name = slice(bytes, at, head.name_bytes);
    const auto value = name ? slice(bytes, at + head.name_bytes, head.value_bytes) : std::nullopt;
    if (!value || head.name_bytes > kFieldNameBytesMax) return std::unexpected(no_list());
    const Field field{as_text(*name), static_cast<FieldType>(head.type), *value};
    const bool large = field.type == FieldType::kBlob && value->size() > blob_bytes_max(field.name);
    if (!good_name(field.name) || of_header(field.name) || !whole_numbers(field) || large ||
        !names.insert(field.name).second) {
      return std::unexpected(no_list());
    }
    out.push_back(field);
    at += name->size() + value->size();
  }
  return out;
}

// libvips reads EXIF as soon as it is set, and makes fields and a resolution of it: blobs come
// first.
void set_fields(const std::vector<Field>& fields, const PictureHeader& header, VipsImage* image) {
  for (const Field& field : fields) {
    if (field.type == FieldType::kBlob) set_field(field, image);
  }
  char** const names = vips_image_get_fields(image);
  for (char** name = names; name != nullptr && *name != nullptr; ++name) {
    const std::string_view text(*name);
    const bool said =
        of_header(text) || std::ranges::find(fields, text, &Field::name) != fields.end();
    if (!said) vips_image_remove(image, *name);
  }
  g_strfreev(names);
  for (const Field& field : fields) {
    if (field.type != FieldType::kBlob) set_field(field, image);
  }
  image->Xres = header.pixels_per_mm_x;
  image->Yres = header.pixels_per_mm_y;
}

}  // namespace imgring::image
