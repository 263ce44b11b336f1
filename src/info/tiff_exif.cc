// Entries copied one by one, values that don't fit behind their directory.
#include "tiff_exif.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "imgring/base/byte_reader.h"
#include "imgring/format/tiff_reader.h"
#include "imgring/info/metadata.h"

namespace imgring::info {
namespace {

constexpr std::size_t kEntryBytes = 12, kValueBytesMax = 4096;
constexpr std::uint32_t kEntriesMax = 500;  // the standard has 120 for a directory

// Where pixels stand, and how they are packed; pictures, profiles and blocks inside.
constexpr std::array<std::uint32_t, 16> kLeftOut = {273, 279, 288, 289, 320, 324,   325,   330,
                                                    347, 512, 513, 514, 700, 33723, 34377, 34675};
constexpr std::uint32_t kExposure = 34665, kPlace = 34853, kInteroperability = 40965;

std::size_t value_bytes(std::uint32_t type, std::uint32_t count) noexcept {
  constexpr std::array<std::size_t, 13> kBytes = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};
  return type < kBytes.size() ? kBytes[type] * std::size_t{count} : 0;
}

class Copier {
 public:
  explicit Copier(ByteSpan file) : file_(file), tiff_(file), little_(file[0] == 'I') {}

  std::string copy() {
    constexpr std::uint32_t kFirst = 8;
    out_ = as_text(file_.first(4));
    put(kFirst, 4);
    copy_directory(tiff_.u32(4), 0);
    return out_.size() <= kExifBlockBytesMax ? std::move(out_) : std::string();
  }

 private:
  void put(std::uint32_t value, std::size_t bytes) {
    out_.resize(out_.size() + bytes);
    set(out_.size() - bytes, value, bytes);
  }
  void set(std::size_t at, std::uint32_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::size_t shift = 8 * (little_ ? i : bytes - 1 - i);
      out_[at + i] = static_cast<char>(value >> shift);
    }
  }

  static bool is_wanted(std::uint32_t tag, std::size_t size) noexcept {
    return size > 0 && size <= kValueBytesMax && std::ranges::find(kLeftOut, tag) == kLeftOut.end();
  }

  // The exposure's directory may have one in it, and no deeper ones count.
  static bool is_directory(std::uint32_t tag, int depth) noexcept {
    return depth == 0 ? tag == kExposure || tag == kPlace : depth == 1 && tag == kInteroperability;
  }

  void copy_directory(std::size_t from, int depth) {
    const std::uint32_t count = std::min(tiff_.u16(from), kEntriesMax);
    std::vector<std::size_t> wanted;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::size_t at = from + 2 + i * kEntryBytes;
      if (!slice(file_, at, kEntryBytes)) break;
      const std::size_t size = value_bytes(tiff_.u16(at + 2), tiff_.u32(at + 4));
      const bool inside = size <= 4 || slice(file_, tiff_.u32(at + 8), size).has_value();
      if (inside && is_wanted(tiff_.u16(at), size)) wanted.push_back(at);
    }
    const std::size_t to = out_.size();
    out_.resize(to + 2 + wanted.size() * kEntryBytes + 4);
    set(to, static_cast<std::uint32_t>(wanted.size()), 2);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      copy_entry(wanted[i], to + 2 + i * kEntryBytes, depth);
    }
  }

  void copy_entry(std::size_t from, std::size_t to, int depth) {
    const std::string_view entry = as_text(file_.subspan(from, kEntryBytes));
    std::ranges::copy(entry, out_.begin() + static_cast<std::ptrdiff_t>(to));
    const std::size_t size = value_bytes(tiff_.u16(from + 2), tiff_.u32(from + 4));
    const std::uint32_t value = tiff_.u32(from + 8);
    if (out_.size() > kExifBlockBytesMax) return;  // too much of it: none will be told
    const auto end = static_cast<std::uint32_t>(out_.size());
    if (is_directory(tiff_.u16(from), depth)) {
      set(to + 8, end, 4);
      copy_directory(value, depth + 1);
    } else if (size > 4) {
      set(to + 8, end, 4);
      out_ += as_text(file_.subspan(value, size));
      if (size % 2 != 0) out_ += '\0';
    }
  }

  ByteSpan file_;
  format::TiffReader tiff_;
  bool little_;
  std::string out_;
};

}  // namespace

std::string exif_of_tiff(ByteSpan file) {
  constexpr std::string_view kLittle("II*\0", 4), kBig("MM\0*", 4);
  const std::string_view head = as_text(file).substr(0, 4);
  if (file.size() < 8 || (head != kLittle && head != kBig)) return {};
  return Copier(file).copy();
}

}  // namespace imgring::info
