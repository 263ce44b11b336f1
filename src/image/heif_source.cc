// Nothing of the file is copied: its brands are read otherwise than they are. All of them: newer
// versions of libheif want a film where the first or any of them is that of one.
#include "heif_source.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <string_view>

#include "imgring/base/byte_reader.h"
#include "imgring/format/heif_boxes.h"

namespace imgring::image {
namespace {

constexpr std::size_t kMainBrandAt = 8, kBrandsAt = 16, kBrandBytes = 4;
constexpr std::string_view kKnownBrands[] = {"heic", "heix", "mif1", "avif"};
constexpr std::string_view kBrandToRead = "mif1";

bool says_known_brand(ByteSpan s) noexcept {
  const std::size_t end = std::min<std::size_t>(s.size(), read_be(s, 0, 4).value_or(0));
  for (std::size_t at = kBrandsAt; at + kBrandBytes <= end; at += kBrandBytes) {
    const std::string_view brand = as_text(s).substr(at, kBrandBytes);
    if (std::find(std::begin(kKnownBrands), std::end(kKnownBrands), brand) !=
        std::end(kKnownBrands)) {
      return true;
    }
  }
  return false;
}
// Where the first of them stands, if there is one.
bool says_any_brand(ByteSpan s) noexcept {
  const std::uint32_t box_bytes = read_be(s, 0, 4).value_or(0);
  return box_bytes >= kBrandsAt + kBrandBytes && slice(s, kBrandsAt, kBrandBytes).has_value();
}

class Patched {
 public:
  explicit Patched(ByteSpan source) noexcept
      : source_(source),
        end_(std::min<std::size_t>(source.size(), read_be(source, 0, 4).value_or(0))) {}

  std::size_t read(std::uint8_t* into, std::size_t size_bytes) noexcept {
    const std::size_t count = std::min(size_bytes, source_.size() - at_);
    if (count > 0) std::memcpy(into, source_.data() + at_, count);
    for (std::size_t at = at_; at < std::min(at_ + count, end_); ++at) {
      const bool brand = at >= kBrandsAt || (at >= kMainBrandAt && at < kMainBrandAt + kBrandBytes);
      if (brand) into[at - at_] = static_cast<std::uint8_t>(kBrandToRead[at % kBrandBytes]);
    }
    at_ += count;
    return count;
  }
  // The new place, -1 when there is no such.
  gint64 seek(gint64 offset, int whence) noexcept {
    const auto size = static_cast<gint64>(source_.size());
    gint64 from = 0;
    if (whence == SEEK_CUR) from = static_cast<gint64>(at_);
    if (whence == SEEK_END) from = size;
    if (offset < -from || offset > size - from) return -1;
    at_ = static_cast<std::size_t>(from + offset);
    return from + offset;
  }

 private:
  const ByteSpan source_;
  const std::size_t end_;  // of the brands
  std::size_t at_ = 0;
};

gint64 read_patched(VipsSourceCustom*, void* into, gint64 size_bytes, void* patched) noexcept {
  return static_cast<gint64>(static_cast<Patched*>(patched)->read(
      static_cast<std::uint8_t*>(into), static_cast<std::size_t>(size_bytes)));
}
gint64 seek_patched(VipsSourceCustom*, gint64 offset, int whence, void* patched) noexcept {
  return static_cast<Patched*>(patched)->seek(offset, whence);
}
void drop_patched(void* patched, GClosure*) noexcept { delete static_cast<Patched*>(patched); }

}  // namespace

std::optional<ByteSpan> plain_heif(ByteSpan file) noexcept {
  const ByteSpan source = format::without_second_file(file);
  if (says_known_brand(source) || !says_any_brand(source)) return source;
  return std::nullopt;
}

VipsSourcePtr open_heif(ByteSpan file) {
  if (const auto plain = plain_heif(file)) {
    return VipsSourcePtr(vips_source_new_from_memory(plain->data(), plain->size()));
  }
  const ByteSpan source = format::without_second_file(file);
  VipsSourceCustom* custom = vips_source_custom_new();
  if (custom == nullptr) return nullptr;
  auto* patched = new Patched(source);
  g_signal_connect_data(custom, "read", reinterpret_cast<GCallback>(read_patched), patched,
                        drop_patched, GConnectFlags{});
  g_signal_connect(custom, "seek", reinterpret_cast<GCallback>(seek_patched), patched);
  return VipsSourcePtr(reinterpret_cast<VipsSource*>(custom));
}

}  // namespace imgring::image
