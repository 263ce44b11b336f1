// Boxes, and the lists of items and references in them.
#include "heif_reader.h"

#include <algorithm>

namespace imgring::format {

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

ByteSpan find_box(ByteSpan s, std::string_view name) noexcept {
  std::size_t at = 0;
  for (std::size_t i = 0; i < kBoxesMax; ++i) {
    const auto box = next_box(s, &at);
    if (!box) return {};
    if (box->name == name) return box->body;
  }
  return {};
}

std::vector<Box> boxes_of(ByteSpan s) {
  std::vector<Box> boxes;
  std::size_t at = 0;
  while (boxes.size() < kBoxesMax) {
    const auto box = next_box(s, &at);
    if (!box) break;
    boxes.push_back(*box);
  }
  return boxes;
}

std::optional<HeifItem> item_of(const Box& infe) noexcept {
  if (infe.name != "infe" || infe.body.empty() || infe.body[0] < 2) return std::nullopt;
  const int id_bytes = infe.body[0] == 3 ? 4 : 2;
  const auto id = read_be(infe.body, 4, id_bytes);
  const auto type = slice(infe.body, 4 + static_cast<std::size_t>(id_bytes) + 2, 4);
  if (!id) return std::nullopt;
  return HeifItem{*id, type ? as_text(*type) : std::string_view()};
}

ByteSpan item_entries(ByteSpan meta) noexcept {
  const ByteSpan iinf = find_box(meta, "iinf");
  if (iinf.empty()) return {};
  return iinf.subspan(std::min<std::size_t>(iinf.size(), iinf[0] == 0 ? 6 : 8));
}

std::vector<HeifReference> references_of(ByteSpan meta) {
  const ByteSpan iref = find_box(meta, "iref");
  std::vector<HeifReference> out;
  if (iref.empty()) return out;
  const int id_bytes = iref[0] == 0 ? 2 : 4;
  const auto first = static_cast<std::size_t>(id_bytes) + 2;
  for (const Box& box : boxes_of(full(iref))) {
    const auto from = read_be(box.body, 0, id_bytes);
    const auto count = read_be(box.body, first - 2, 2);
    if (!from || !count) continue;
    // Of a list that is cut off, what is there.
    const std::size_t most = (box.body.size() - first) / static_cast<std::size_t>(id_bytes);
    const std::size_t bytes =
        std::min<std::size_t>(*count, most) * static_cast<std::size_t>(id_bytes);
    out.push_back({box.name, *from, box.body.subspan(first, bytes), id_bytes});
  }
  return out;
}

HeifProperties::HeifProperties(ByteSpan meta) {
  const ByteSpan iprp = find_box(meta, "iprp");
  boxes_ = boxes_of(find_box(iprp, "ipco"));
  uses_ = find_box(iprp, "ipma");
}

}  // namespace imgring::format
