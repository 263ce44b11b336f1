// A walk over the boxes of ISO/IEC 14496-12 and 23008-12.
#include "imgring/format/heif_boxes.h"

#include <optional>
#include <string_view>

#include "imgring/base/byte_reader.h"

namespace imgring::format {
namespace {

constexpr int kBoxesMax = 4096;  // at one level; a grid of 48 MP has some hundred

struct Box {
  std::string_view name;
  ByteSpan body;
};

// The box at `*at`, which moves on behind it.
std::optional<Box> next_box(ByteSpan s, std::size_t* at) noexcept {
  const auto small = read_be(s, *at, 4);
  const auto name = slice(s, *at + 4, 4);
  if (!small || !name) return std::nullopt;
  std::size_t head_bytes = 8;
  std::uint64_t size = *small;
  if (size == 1) {
    head_bytes = 16;
    size = std::uint64_t{read_be(s, *at + 8, 4).value_or(0)} << 32 |
           read_be(s, *at + 12, 4).value_or(0);
  } else if (size == 0) {
    size = s.size() - *at;
  }
  if (size < head_bytes || size > s.size() - *at) return std::nullopt;
  const Box box{as_text(*name), s.subspan(*at + head_bytes, size - head_bytes)};
  *at += size;
  return box;
}

// The first of that name; empty: none.
ByteSpan find(ByteSpan s, std::string_view name) noexcept {
  std::size_t at = 0;
  for (int i = 0; i < kBoxesMax; ++i) {
    const auto box = next_box(s, &at);
    if (!box) return {};
    if (box->name == name) return box->body;
  }
  return {};
}
// Of a full box, behind its version and flags.
ByteSpan full(ByteSpan body) noexcept { return body.size() < 4 ? ByteSpan{} : body.subspan(4); }

// `index` counts from 1; empty: none.
Box box_number(ByteSpan s, std::uint32_t index) noexcept {
  std::size_t at = 0;
  std::optional<Box> box;
  for (std::uint32_t i = 0; i < index && i < kBoxesMax; ++i) {
    box = next_box(s, &at);
    if (!box) return {};
  }
  return box.value_or(Box{});
}

std::uint32_t primary_item(ByteSpan meta) noexcept {
  const ByteSpan body = find(meta, "pitm");
  if (body.empty()) return 0;
  return read_be(body, 4, body[0] == 0 ? 2 : 4).value_or(0);
}

// One channel, by the configuration of AV1 or HEVC.
bool is_monochrome(const Box& property) noexcept {
  constexpr std::size_t kAv1At = 2, kHevcAt = 16;
  constexpr std::uint32_t kAv1Bit = 0x10, kHevcBits = 3;
  if (property.name == "av1C") {
    return (read_be(property.body, kAv1At, 1).value_or(0) & kAv1Bit) != 0;
  }
  return property.name == "hvcC" &&
         (read_be(property.body, kHevcAt, 1).value_or(1) & kHevcBits) == 0;
}

// What an item's properties say; those of one entry of `ipma` from `at` on.
void read_properties(ByteSpan ipco, ByteSpan ipma, std::size_t at, HeifSays* says) noexcept {
  const bool wide = (ipma[3] & 1) != 0;
  const std::uint32_t count = read_be(ipma, at, 1).value_or(0);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t where = at + 1 + std::size_t{i} * (wide ? 2 : 1);
    const std::uint32_t index = read_be(ipma, where, wide ? 2 : 1).value_or(0);
    const Box property = box_number(ipco, index & (wide ? 0x7FFF : 0x7F));
    says->monochrome = says->monochrome || is_monochrome(property);
    if (property.name != "colr" || !as_text(property.body).starts_with("nclx")) continue;
    says->primaries = read_be(property.body, 4, 2).value_or(2);
    says->transfer = read_be(property.body, 6, 2).value_or(2);
  }
}

void read_colour(ByteSpan meta, HeifSays* says) noexcept {
  const ByteSpan iprp = find(meta, "iprp"), ipco = find(iprp, "ipco"), ipma = find(iprp, "ipma");
  if (ipma.size() < 8) return;
  const std::uint32_t primary = primary_item(meta);
  const int id_bytes = ipma[0] == 0 ? 2 : 4;
  const std::size_t each = (ipma[3] & 1) != 0 ? 2 : 1;
  const std::uint32_t entries = read_be(ipma, 4, 4).value_or(0);
  std::size_t at = 8;
  for (std::uint32_t i = 0; i < entries && i < kBoxesMax; ++i) {
    const auto id = read_be(ipma, at, id_bytes);
    if (!id) return;
    at += static_cast<std::size_t>(id_bytes);
    if (*id == primary) return read_properties(ipco, ipma, at, says);
    at += 1 + std::size_t{read_be(ipma, at, 1).value_or(0)} * each;
  }
}

}  // namespace

HeifSays heif_says(ByteSpan source) noexcept {
  HeifSays says;
  const ByteSpan meta = full(find(source, "meta"));
  says.premultiplied = !find(full(find(meta, "iref")), "prem").empty();
  read_colour(meta, &says);
  return says;
}

ByteSpan without_second_file(ByteSpan source) noexcept {
  std::size_t at = 0, end = 0;
  for (int i = 0; i < kBoxesMax; ++i) {
    const auto box = next_box(source, &at);
    if (!box) break;
    if (box->name == "ftyp" && i > 0) return source.first(end);
    end = at;
  }
  return source;
}

}  // namespace imgring::format
