// A blob of libvips is a counted area that all images share which got it from one
// another: what is done to the area is done for them all.
#include "blobs.h"

#include <string>
#include <string_view>
#include <vector>

namespace imgring::image {
namespace {

struct Limit {
  std::string_view field, name;
  std::size_t bytes_max;
};
constexpr Limit kLimits[] = {{VIPS_META_ICC_NAME, "colour profile", kProfileBytesMax},
                             {VIPS_META_EXIF_NAME, "EXIF", kExifBytesMax},
                             {VIPS_META_XMP_NAME, "XMP", kXmpBytesMax},
                             {VIPS_META_IPTC_NAME, "IPTC", kIptcBytesMax}};

Limit limit_of(std::string_view field) noexcept {
  for (const Limit& limit : kLimits) {
    if (limit.field == field) return limit;
  }
  return {field, field, kOtherBlobBytesMax};
}

VipsArea* blob_area(const GValue* value) noexcept {
  return G_VALUE_HOLDS(value, VIPS_TYPE_BLOB) ? static_cast<VipsArea*>(g_value_get_boxed(value))
                                              : nullptr;
}

struct LargeBlob {
  std::string field;
  std::size_t size_bytes;
};
void* find_large(VipsImage*, const char* field, GValue* value, void* found) {
  const VipsArea* area = blob_area(value);
  if (area != nullptr && area->length > limit_of(field).bytes_max) {
    static_cast<std::vector<LargeBlob>*>(found)->push_back({field, area->length});
  }
  return nullptr;
}

int free_copy(void* bytes, void*) noexcept {
  g_free(bytes);
  return 0;
}
void* own_bytes(VipsImage*, const char*, GValue* value, void*) noexcept {
  VipsArea* area = blob_area(value);
  // Nobody is to free them: they are a part of something else.
  if (area == nullptr || area->free_fn != nullptr || area->length == 0) return nullptr;
  area->data = g_memdup2(area->data, area->length);
  area->free_fn = free_copy;
  return nullptr;
}

// What libvips read out of the block.
void remove_exif_fields(VipsImage* image) {
  char** names = vips_image_get_fields(image);
  for (char** name = names; name != nullptr && *name != nullptr; ++name) {
    if (std::string_view(*name).starts_with("exif-ifd")) vips_image_remove(image, *name);
  }
  g_strfreev(names);
}

}  // namespace

std::size_t blob_bytes_max(std::string_view field) noexcept { return limit_of(field).bytes_max; }

void drop_large_blobs(VipsImage* image, const Logger* log) {
  std::vector<LargeBlob> large;
  vips_image_map(image, find_large, &large);
  for (const LargeBlob& blob : large) {
    const Limit limit = limit_of(blob.field);
    vips_image_remove(image, blob.field.c_str());
    if (blob.field == VIPS_META_EXIF_NAME) remove_exif_fields(image);
    if (log == nullptr) continue;
    log->debug(std::string(limit.name) + " of " + std::to_string(blob.size_bytes) +
               " bytes left out, the most is " + std::to_string(limit.bytes_max));
  }
}

void own_blobs(VipsImage* image) { vips_image_map(image, own_bytes, nullptr); }

}  // namespace imgring::image
