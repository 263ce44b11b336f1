// The first picture by its properties and references.
#include "imgring/format/heif_boxes.h"

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "heif_reader.h"

namespace imgring::format {
namespace {

// Each of them is looked for in lists of as many; a grid of 200 MP in tiles of 512 has 763.
constexpr std::size_t kPiecesMax = 1024;

std::uint32_t primary_item(ByteSpan meta) noexcept {
  const ByteSpan body = find_box(meta, "pitm");
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

void read_colour(ByteSpan meta, HeifSays* says) {
  HeifProperties(meta).for_each(primary_item(meta), [says](const Box& property) {
    says->monochrome = says->monochrome || is_monochrome(property);
    if (property.name != "colr" || !as_text(property.body).starts_with("nclx")) return;
    says->primaries = read_be(property.body, 4, 2).value_or(2);
    says->transfer = read_be(property.body, 6, 2).value_or(2);
  });
}

// Empty: no such item.
std::string_view type_of(ByteSpan meta, std::uint32_t item) noexcept {
  const ByteSpan entries = item_entries(meta);
  std::size_t at = 0;
  for (std::size_t i = 0; i < kBoxesMax; ++i) {
    const auto entry = next_box(entries, &at);
    if (!entry) return {};
    const auto found = item_of(*entry);
    if (found && found->id == item) return found->type;
  }
  return {};
}

// The items that a derived one is made of.
std::vector<std::uint32_t> inputs_of(ByteSpan meta, std::uint32_t item) {
  std::vector<std::uint32_t> inputs;
  for (const HeifReference& reference : references_of(meta)) {
    if (reference.kind != "dimg" || reference.from != item) continue;
    for (std::size_t i = 0; i < reference.count(); ++i) inputs.push_back(reference.item(i));
  }
  return inputs;
}

// `clap` of ISO/IEC 14496-12: sides and offsets of the middles, as fractions. What is cut off at
// the right and below alone, as encoders do that want even sides. False: it is another one.
bool read_cut(ByteSpan clap, HeifPieces* piece) noexcept {
  constexpr std::size_t kNumberBytes = 4;
  std::array<std::int64_t, 8> said{};
  for (std::size_t i = 0; i < said.size(); ++i) {
    const auto number = read_be(clap, i * kNumberBytes, kNumberBytes);
    if (!number) return false;
    said[i] = static_cast<std::int32_t>(*number);
  }
  const auto [width, width_by, height, height_by, across, across_by, down, down_by] = said;
  if (width_by != 1 || height_by != 1 || width <= 0 || height <= 0 || width > piece->width ||
      height > piece->height) {
    return false;
  }
  if (2 * across != (width - piece->width) * across_by ||
      2 * down != (height - piece->height) * down_by || across_by <= 0 || down_by <= 0) {
    return false;
  }
  piece->cut_width = static_cast<std::uint32_t>(width);
  piece->cut_height = static_cast<std::uint32_t>(height);
  return true;
}

// As coded.
std::optional<HeifPieces> piece_of(const HeifProperties& properties, std::uint32_t item) noexcept {
  HeifPieces piece;
  bool others = false;
  const bool read = properties.for_each(item, [&piece, &others](const Box& property) {
    const ByteSpan body = property.body;
    if (property.name == "irot") {
      piece.quarter_turns += static_cast<int>(read_be(body, 0, 1).value_or(0) & 3);
    } else if (property.name == "ispe") {
      piece.width = read_be(body, 4, 4).value_or(0);
      piece.height = read_be(body, 8, 4).value_or(0);
    } else if (property.name == "colr" && as_text(body).starts_with("nclx")) {
      constexpr std::size_t kMatrixAt = 8, kRangeAt = 10;
      constexpr std::uint32_t kFull = 0x80;
      piece.matrix = static_cast<int>(read_be(body, kMatrixAt, 2).value_or(2));
      piece.full_range = (read_be(body, kRangeAt, 1).value_or(0) & kFull) != 0;
    }
    const bool cut = property.name == "clap";
    others = others || property.name == "imir" ||
             (cut && (piece.quarter_turns != 0 || piece.cut_width != 0 || !read_cut(body, &piece)));
  });
  piece.quarter_turns %= 4;
  if (!read || others) return std::nullopt;
  return piece;
}

bool is_coded(std::string_view type) noexcept { return type == "av01" || type == "hvc1"; }

}  // namespace

std::optional<HeifPieces> heif_pieces(ByteSpan source) {
  const ByteSpan meta = full(find_box(source, "meta"));
  const std::uint32_t primary = primary_item(meta);
  const HeifProperties properties(meta);
  const auto whole = piece_of(properties, primary);
  const std::string_view type = type_of(meta, primary);
  if (!whole || is_coded(type)) return whole;
  if (type != "grid" || whole->cut_width != 0) return std::nullopt;
  const std::vector<std::uint32_t> inputs = inputs_of(meta, primary);
  if (inputs.empty() || inputs.size() > kPiecesMax) return std::nullopt;
  std::optional<HeifPieces> first;
  for (const std::uint32_t input : inputs) {
    const auto piece = piece_of(properties, input);
    if (!piece || piece->quarter_turns != 0 || piece->cut_width != 0 ||
        !is_coded(type_of(meta, input))) {
      return std::nullopt;
    }
    if (first && *piece != *first) return std::nullopt;
    first = piece;
  }
  if (inputs.size() == 1) {  // as libheif writes odd sides of HEVC
    if (whole->width > first->width || whole->height > first->height) return std::nullopt;
    first->cut_width = whole->width;
    first->cut_height = whole->height;
  }
  first->count = static_cast<int>(inputs.size());
  first->quarter_turns = whole->quarter_turns;
  return first;
}

HeifSays heif_says(ByteSpan source) {
  HeifSays says;
  const ByteSpan meta = full(find_box(source, "meta"));
  says.premultiplied = !find_box(full(find_box(meta, "iref")), "prem").empty();
  read_colour(meta, &says);
  return says;
}

ByteSpan without_second_file(ByteSpan source) noexcept {
  std::size_t at = 0, end = 0;
  for (std::size_t i = 0; i < kBoxesMax; ++i) {
    const auto box = next_box(source, &at);
    if (!box) break;
    if (box->name == "ftyp" && i > 0) return source.first(end);
    end = at;
  }
  return source;
}

}  // namespace imgring::format
