// EXIF by libexif, whose words for names and values these are.
#include <libexif/exif-data.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "imgring/info/metadata.h"
#include "latin.h"

namespace imgring::info {
namespace {

struct FreeExif {
  void operator()(ExifData* data) const noexcept { exif_data_unref(data); }
};
using ExifPtr = std::unique_ptr<ExifData, FreeExif>;

constexpr std::string_view kExifHead("Exif\0\0", 6);
constexpr ExifIfd kDirectories[] = {EXIF_IFD_0, EXIF_IFD_EXIF, EXIF_IFD_GPS,
                                    EXIF_IFD_INTEROPERABILITY};

ExifPtr parse_exif(ByteSpan block) {
  std::string whole(as_text(block).starts_with(kExifHead) ? "" : kExifHead);
  whole += as_text(block.first(std::min(block.size(), kExifBlockBytesMax)));
  ExifPtr data(exif_data_new());
  if (data == nullptr) return nullptr;
  // What the standard asks for and the file has not is no news of the file.
  exif_data_unset_option(data.get(), EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
  exif_data_load_data(data.get(), reinterpret_cast<const unsigned char*>(whole.data()),
                      static_cast<unsigned>(whole.size()));
  return data;
}

bool is_told(const ExifEntry& entry) noexcept {
  return entry.tag != EXIF_TAG_MAKER_NOTE && entry.tag != EXIF_TAG_PADDING && entry.data != nullptr;
}

void add_entry(ExifEntry* entry, ExifIfd directory, bool canonical_names, Json* out) {
  const char* const name = canonical_names ? exif_tag_get_name_in_ifd(entry->tag, directory)
                                           : exif_tag_get_title_in_ifd(entry->tag, directory);
  if (name == nullptr || *name == '\0') return;
  std::array<char, kExifValueBytesMax> value{};
  exif_entry_get_value(entry, value.data(), value.size());
  value.back() = '\0';
  out->set(name, Json::text(as_utf8(trim(value.data()))));
}

}  // namespace

Json exif_json(ByteSpan block, bool canonical_names) {
  Json out = Json::object();
  if (block.empty()) return out;
  const ExifPtr data = parse_exif(block);
  if (data == nullptr) return out;
  for (const ExifIfd directory : kDirectories) {
    const ExifContent* content = data->ifd[directory];
    if (content == nullptr) continue;
    for (unsigned i = 0; i < content->count && out.size() < kExifEntriesMax; ++i) {
      ExifEntry* entry = content->entries[i];
      if (is_told(*entry)) add_entry(entry, directory, canonical_names, &out);
    }
  }
  return out;
}

}  // namespace imgring::info
