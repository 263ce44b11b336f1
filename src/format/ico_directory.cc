// Sides and depth by each picture's own header, then sorted by area and depth.
#include "imgring/format/ico_directory.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "imgring/base/byte_reader.h"
#include "imgring/format/sniff.h"

namespace imgring::format {
namespace {

constexpr std::size_t kDirectoryBytes = 6, kEntryBytes = 16;

// A stored side of 0 is 256.
int side_of(std::uint8_t stored) noexcept { return stored == 0 ? 256 : stored; }

int bounded(std::uint32_t side) noexcept {
  constexpr std::uint32_t kMost = std::numeric_limits<int>::max();
  return static_cast<int>(std::min(side, kMost));
}

void read_png(ByteSpan png, IcoEntry* entry) noexcept {
  constexpr int kSamples[] = {1, 0, 3, 1, 2, 0, 4};  // by colour type
  const auto width = read_be(png, 16, 4), height = read_be(png, 20, 4);
  if (!width || !height || png.size() < 26) return;
  const std::uint8_t type = png[25];
  entry->width = bounded(*width);
  entry->height = bounded(*height);
  entry->depth = png[24] * (type < std::size(kSamples) ? kSamples[type] : 0);
}

std::uint64_t pixel_bytes(const IcoEntry& entry, std::uint64_t rows) noexcept {
  const auto width = static_cast<std::uint64_t>(entry.width);
  return (width * static_cast<std::uint64_t>(entry.depth) + 31) / 32 * 4 * rows;
}

// Twice its height: the pixels, and bits of what is clear. Some writers have no mask and say the
// height that the directory says.
void read_info(ByteSpan bitmap, IcoEntry* entry) noexcept {
  const int said = entry->height;
  const auto height = static_cast<std::int32_t>(le32(bitmap, 8));
  entry->width = bounded(le32(bitmap, 4));
  entry->height = static_cast<int>(std::abs(std::int64_t{height}) / 2);
  entry->depth = le16(bitmap, 14);
  if (said != std::abs(std::int64_t{height})) return;
  if (bitmap.size() < le32(bitmap, 0) + pixel_bytes(*entry, static_cast<std::uint64_t>(said))) {
    return;
  }
  entry->height = said;
  entry->mask = false;
}

void read_bitmap(ByteSpan bitmap, IcoEntry* entry) noexcept {
  constexpr std::uint32_t kCoreHeadBytes = 12, kHeadBytesMax = 124;
  const std::uint32_t head = le32(bitmap, 0);
  if (head < kCoreHeadBytes || head > kHeadBytesMax) return;
  if (head == kCoreHeadBytes) {
    entry->width = le16(bitmap, 4);
    entry->height = le16(bitmap, 6) / 2;
    entry->depth = le16(bitmap, 10);
    return;
  }
  read_info(bitmap, entry);
}

// From there to the next picture of the directory, or the end.
ByteSpan room_at(ByteSpan source, std::size_t offset, std::uint32_t count) noexcept {
  std::size_t end = source.size();
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t other = le32(source, kDirectoryBytes + i * kEntryBytes + 12);
    if (other > offset) end = std::min(end, other);
  }
  return source.subspan(offset, end - offset);
}

// All the room, when the directory says fewer bytes than the picture takes.
void believe_the_picture(ByteSpan room, IcoEntry* entry) noexcept {
  const bool png = is_png(entry->data);
  const auto rows = static_cast<std::uint64_t>(std::max(entry->height, 0));
  const std::uint64_t least = le32(entry->data, 0) + pixel_bytes(*entry, rows);
  if ((png || entry->data.size() < least) && room.size() > entry->data.size()) entry->data = room;
}

bool better(const IcoEntry& a, const IcoEntry& b) noexcept {
  const std::int64_t area_a = std::int64_t{a.width} * a.height;
  const std::int64_t area_b = std::int64_t{b.width} * b.height;
  return area_a != area_b ? area_a > area_b : a.depth > b.depth;
}

}  // namespace

std::vector<IcoEntry> ico_entries(ByteSpan source) {
  std::vector<IcoEntry> entries;
  const std::uint32_t count = std::min<std::uint32_t>(le16(source, 4), kIcoEntriesMax);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t at = kDirectoryBytes + i * kEntryBytes;
    if (!slice(source, at, kEntryBytes)) break;
    const std::size_t offset = le32(source, at + 12), size_bytes = le32(source, at + 8);
    if (offset >= source.size()) continue;
    const ByteSpan rest = source.subspan(offset);
    IcoEntry entry{side_of(source[at]), side_of(source[at + 1]), le16(source, at + 6),
                   rest.first(std::min(rest.size(), size_bytes))};
    if (entry.data.size() < kIcoDataBytesMin) continue;
    if (is_png(entry.data))
      read_png(entry.data, &entry);
    else
      read_bitmap(entry.data, &entry);
    believe_the_picture(room_at(source, offset, count), &entry);
    entries.push_back(entry);
  }
  std::stable_sort(entries.begin(), entries.end(), better);
  return entries;
}

}  // namespace imgring::format
