// Datasets of IPTC-IIM 4.2 and image resources of Photoshop.
#include <algorithm>
#include <array>
#include <string>

#include "imgring/base/byte_reader.h"
#include "imgring/info/metadata.h"
#include "latin.h"

namespace imgring::info {
namespace {

enum class Form : std::uint8_t { kText, kNumber, kBinary };

// Of IIM 4.2, chapters 5 and 6: bytes of a value, and whether there may be several.
struct Dataset {
  std::uint8_t record, tag;
  const char* title;
  std::size_t size_min = 0, size_max = 0;
  bool repeated = false;
  Form form = Form::kText;
};

// clang-format off
constexpr Dataset kDatasets[] = {
    {1, 0, "Model Version", 2, 2, false, Form::kNumber},
    {1, 5, "Destination", 0, 1024, true},
    {1, 20, "File Format", 2, 2, false, Form::kNumber},
    {1, 22, "File Version", 2, 2, false, Form::kNumber},
    {1, 30, "Service Identifier", 0, 10},
    {1, 40, "Envelope Number", 8, 8},
    {1, 50, "Product I.D.", 0, 32, true},
    {1, 60, "Envelope Priority", 1, 1},
    {1, 70, "Date Sent", 8, 8},
    {1, 80, "Time Sent", 11, 11},
    {1, 90, "Coded Character Set", 0, 32, false, Form::kBinary},
    {1, 100, "Unique Name of Object", 14, 80},
    {1, 120, "ARM Identifier", 2, 2, false, Form::kNumber},
    {1, 122, "ARM Version", 2, 2, false, Form::kNumber},
    {2, 0, "Record Version", 2, 2, false, Form::kNumber},
    {2, 3, "Object Type Reference", 3, 67},
    {2, 4, "Object Attribute Reference", 4, 68, true},
    {2, 5, "Object Name", 0, 64},
    {2, 7, "Edit Status", 0, 64},
    {2, 8, "Editorial Update", 2, 2},
    {2, 10, "Urgency", 1, 1},
    {2, 12, "Subject Reference", 13, 236, true},
    {2, 15, "Category", 0, 3},
    {2, 20, "Supplemental Category", 0, 32, true},
    {2, 22, "Fixture Identifier", 0, 32},
    {2, 25, "Keywords", 0, 64, true},
    {2, 26, "Content Location Code", 3, 3, true},
    {2, 27, "Content Location Name", 0, 64, true},
    {2, 30, "Release Date", 8, 8},
    {2, 35, "Release Time", 11, 11},
    {2, 37, "Expiration Date", 8, 8},
    {2, 38, "Expiration Time", 11, 11},
    {2, 40, "Special Instructions", 0, 256},
    {2, 42, "Action Advised", 2, 2},
    {2, 45, "Reference Service", 0, 10, true},
    {2, 47, "Reference Date", 8, 8, true},
    {2, 50, "Reference Number", 8, 8, true},
    {2, 55, "Date Created", 8, 19},  // some write dashes, and the time behind it
    {2, 60, "Time Created", 6, 11},  // or leave the zone out
    {2, 62, "Digital Creation Date", 8, 8},
    {2, 63, "Digital Creation Time", 11, 11},
    {2, 65, "Originating Program", 0, 32},
    {2, 70, "Program Version", 0, 10},
    {2, 75, "Object Cycle", 1, 1},
    {2, 80, "By-line", 0, 32, true},
    {2, 85, "By-line Title", 0, 32, true},
    {2, 90, "City", 0, 32},
    {2, 92, "Sub-location", 0, 32},
    {2, 95, "Province/State", 0, 32},
    {2, 100, "Country Code", 3, 3},
    {2, 101, "Country Name", 0, 64},
    {2, 103, "Original Transmission Reference", 0, 32},
    {2, 105, "Headline", 0, 256},
    {2, 110, "Credit", 0, 32},
    {2, 115, "Source", 0, 32},
    {2, 116, "Copyright Notice", 0, 128},
    {2, 118, "Contact", 0, 128, true},
    {2, 120, "Caption/Abstract", 0, 2000},
    {2, 122, "Writer/Editor", 0, 32, true},
    {2, 130, "Image Type", 2, 2},
    {2, 131, "Image Orientation", 1, 1},
    {2, 135, "Language Identifier", 2, 3},
};
// clang-format on

// The names that these two had before.
struct OtherName {
  std::string_view title, other;
};
constexpr OtherName kOtherNames[] = {{"Object Name", "Name"}, {"Caption/Abstract", "Caption"}};

const Dataset* dataset_of(std::uint32_t record, std::uint32_t tag) noexcept {
  for (const Dataset& one : kDatasets) {
    if (one.record == record && one.tag == tag) return &one;
  }
  return nullptr;
}

Json value_json(const Dataset& dataset, ByteSpan value) {
  if (dataset.form == Form::kNumber) {
    return Json::number(read_be(value, 0, static_cast<int>(value.size())).value_or(0));
  }
  if (dataset.form == Form::kBinary) return Json::text(base64_encode(value));
  return Json::text(as_utf8(as_text(value)));
}

void add_value(const Dataset& dataset, ByteSpan value, Json* out) {
  if (value.size() < dataset.size_min || value.size() > dataset.size_max) return;
  if (!dataset.repeated) {
    out->replace(dataset.title, value_json(dataset, value));
    for (const OtherName& one : kOtherNames) {
      if (one.title == dataset.title) out->replace(one.other, value_json(dataset, value));
    }
    return;
  }
  if (!out->has(dataset.title)) out->set(dataset.title, Json::array());
  out->find(dataset.title)->add(value_json(dataset, value));
}

// A dataset's head and value; what stands between two of them is skipped.
struct Read {
  std::uint32_t record = 0, tag = 0;
  ByteSpan value;
  std::size_t next = 0;
};
std::optional<Read> read_dataset(ByteSpan s, std::size_t at) noexcept {
  constexpr std::size_t kHeadBytes = 5;
  constexpr std::uint32_t kExtended = 0x8000;
  if (!slice(s, at, kHeadBytes)) return std::nullopt;
  Read out{s[at + 1], s[at + 2], {}, 0};
  std::uint32_t size = *read_be(s, at + 3, 2);
  at += kHeadBytes;
  if (size >= kExtended) {
    const std::uint32_t width = size - kExtended;
    if (width != 4) return std::nullopt;
    const auto wide = read_be(s, at, 4);
    if (!wide) return std::nullopt;
    size = *wide;
    at += width;
  }
  const auto value = slice(s, at, size);
  if (!value) return std::nullopt;
  out.value = *value;
  out.next = at + size;
  return out;
}

// As a number of 16 bits before and 16 behind the point.
Json fixed_json(std::uint32_t value) {
  constexpr double kOne = 65536;
  return Json::real(value / kOne);
}

}  // namespace

Json iptc_json(ByteSpan datasets) {
  constexpr std::uint8_t kMark = 0x1C;
  const ByteSpan s = datasets.first(std::min(datasets.size(), kIptcBlockBytesMax));
  Json out = Json::object();
  std::size_t at = 0;
  for (std::size_t values = 0; at < s.size() && values < kIptcValuesMax;) {
    if (s[at] != kMark) {
      ++at;
      continue;
    }
    const auto read = read_dataset(s, at);
    if (!read) break;
    const Dataset* dataset = dataset_of(read->record, read->tag);
    if (dataset != nullptr) add_value(*dataset, read->value, &out);
    at = read->next;
    ++values;
  }
  return out;
}

PhotoshopBlock photoshop_block(ByteSpan s) noexcept {
  constexpr std::string_view kResource = "8BIM";
  constexpr std::uint32_t kIptc = 0x0404, kResolution = 0x03ED;
  PhotoshopBlock out;
  std::size_t at = 0;
  while (s.size() - at >= 12) {
    if (as_text(s).substr(at, 4) != kResource) {
      ++at;
      continue;
    }
    const std::uint32_t id = *read_be(s, at + 4, 2);
    // A name that counts itself, to an even number of bytes.
    const std::size_t name = (std::size_t{s[at + 6]} + 2) & ~std::size_t{1};
    const auto size = read_be(s, at + 6 + name, 4);
    if (!size) break;
    const auto data = slice(s, at + 6 + name + 4, *size);
    if (!data) break;
    if (id == kIptc && out.iptc.empty()) out.iptc = *data;
    if (id == kResolution && out.resolution.empty()) out.resolution = *data;
    at = std::min(s.size(), at + 6 + name + 4 + *size + (*size & 1));
  }
  return out;
}

Json photoshop_json(ByteSpan resolution) {
  constexpr std::size_t kBytes = 16;
  constexpr std::array<const char*, 6> kNames = {"XResolution", "XResolutionUnit", "WidthUnit",
                                                 "YResolution", "YResolutionUnit", "HeightUnit"};
  Json out = Json::object();
  if (resolution.size() < kBytes) return out;
  Json values = Json::object();
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    // Of each direction a fixed number, and two units of 16 bits.
    const std::size_t at = i / 3 * 8 + (i % 3 == 0 ? 0 : i % 3 == 1 ? 4 : 6);
    if (i % 3 == 0) {
      values.set(kNames[i], fixed_json(*read_be(resolution, at, 4)));
    } else {
      constexpr std::uint32_t kCentimetres = 2;
      values.set(kNames[i],
                 Json::text(*read_be(resolution, at, 2) == kCentimetres ? "cm" : "inches"));
    }
  }
  out.set("resolution", std::move(values));
  return out;
}

}  // namespace imgring::info
