// Code lengths as a Huffman tree says, cut at the longest that the format has.
#include "png_codes.h"

namespace imgring::codec {
namespace {

struct Leaf {
  std::uint32_t count;
  std::uint16_t symbol;
};
using Leaves = std::array<Leaf, PngDeflate::kLiteralCodes>;
using LengthCounts = std::array<std::uint32_t, kCodeBitsMax + 1>;

// Depths of the leaves of a Huffman tree, cut at bits_max: how many leaves each depth has.
// `leaves` is sorted by count, 2 or more.
LengthCounts leaf_depths(const Leaves& leaves, std::size_t count, unsigned bits_max) noexcept {
  std::array<std::uint32_t, 2 * PngDeflate::kLiteralCodes> weight, parent, depth;
  for (std::size_t i = 0; i < count; ++i) weight[i] = leaves[i].count;
  const std::size_t root = 2 * count - 2;
  std::size_t leaf = 0, inner = count;
  for (std::size_t node = count; node <= root; ++node) {
    weight[node] = 0;
    for (int child = 0; child < 2; ++child) {
      const bool from_leaf = leaf < count && (inner >= node || weight[leaf] <= weight[inner]);
      const std::size_t taken = from_leaf ? leaf++ : inner++;
      weight[node] += weight[taken];
      parent[taken] = static_cast<std::uint32_t>(node);
    }
  }
  LengthCounts counts{};
  depth[root] = 0;
  for (std::size_t node = root; node-- > 0;) {
    depth[node] = depth[parent[node]] + 1;
    if (node < count) ++counts[std::min<std::size_t>(depth[node], bits_max)];
  }
  return counts;
}

// Cut leaves took more of the code space than there is: others go deeper until it fits.
void fit_code_space(LengthCounts* counts, unsigned bits_max) noexcept {
  std::uint64_t used = 0;
  for (unsigned bits = 1; bits <= bits_max; ++bits) {
    used += std::uint64_t{(*counts)[bits]} << (bits_max - bits);
  }
  for (; used > std::uint64_t{1} << bits_max; --used) {
    unsigned bits = bits_max - 1;
    while ((*counts)[bits] == 0) --bits;
    --(*counts)[bits_max];
    --(*counts)[bits];
    (*counts)[bits + 1] += 2;
  }
}

}  // namespace

void find_lengths(std::span<const std::uint32_t> counts, unsigned bits_max,
                  std::uint8_t* lengths) noexcept {
  Leaves leaves;
  std::size_t count = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    lengths[i] = 0;
    if (counts[i] > 0) leaves[count++] = {counts[i], static_cast<std::uint16_t>(i)};
  }
  if (count == 1) lengths[leaves[0].symbol] = 1;
  if (count < 2) return;
  std::sort(leaves.begin(), leaves.begin() + count, [](const Leaf& a, const Leaf& b) {
    return a.count != b.count ? a.count < b.count : a.symbol < b.symbol;
  });
  LengthCounts depths = leaf_depths(leaves, count, bits_max);
  fit_code_space(&depths, bits_max);
  std::size_t leaf = 0;
  for (unsigned bits = bits_max; bits > 0; --bits) {
    for (std::uint32_t i = 0; i < depths[bits]; ++i) {
      lengths[leaves[leaf++].symbol] = static_cast<std::uint8_t>(bits);
    }
  }
}

void find_codes(std::span<const std::uint8_t> lengths, Code* codes) noexcept {
  LengthCounts counts{};
  for (const std::uint8_t length : lengths) ++counts[length];
  counts[0] = 0;
  LengthCounts next{};
  for (unsigned bits = 1; bits <= kCodeBitsMax; ++bits) {
    next[bits] = (next[bits - 1] + counts[bits - 1]) << 1;
  }
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const unsigned length = lengths[i];
    codes[i] = {0, lengths[i]};
    if (length == 0) continue;
    const std::uint32_t code = next[length]++;
    std::uint32_t turned = 0;
    for (unsigned bit = 0; bit < length; ++bit) {
      turned |= ((code >> bit) & 1) << (length - 1 - bit);
    }
    codes[i].bits = static_cast<std::uint16_t>(turned);
  }
}

std::uint64_t token_bits(const PngDeflate::Counts& counts, const BlockCodes& codes) noexcept {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < PngDeflate::kLiteralCodes; ++i) {
    const unsigned extra = i < kFirstLength ? 0 : kLengths.extra[i - kFirstLength];
    bits += std::uint64_t{counts.literals[i]} * (codes.literal_lengths[i] + extra);
  }
  for (unsigned i = 0; i < PngDeflate::kDistanceCodes; ++i) {
    const unsigned each = codes.distance_lengths[i] + distance_extra(i);
    bits += std::uint64_t{counts.distances[i]} * each;
  }
  return bits;
}

void PackedLengths::add_run(std::uint8_t length, std::size_t run) noexcept {
  if (length != 0) {
    add(length, 0, 0);
    --run;
  }
  while (run >= 3) {
    const std::size_t taken = std::min<std::size_t>(run, length != 0 ? 6 : 138);
    if (length != 0) {
      add(16, taken - 3, 2);
    } else if (taken <= 10) {
      add(17, taken - 3, 3);
    } else {
      add(18, taken - 11, 7);
    }
    run -= taken;
  }
  for (; run > 0; --run) add(length, 0, 0);
}

std::uint64_t PackedLengths::bits() const noexcept {
  std::uint64_t bits = 5 + 5 + 4 + 3 * length_count;
  for (std::size_t i = 0; i < item_count; ++i) {
    bits += lengths[items[i].symbol] + std::size_t{items[i].extra_bits};
  }
  return bits;
}

PackedLengths pack_lengths(const BlockCodes& codes) noexcept {
  PackedLengths packed;
  while (codes.literal_lengths[packed.literal_count - 1] == 0) --packed.literal_count;
  while (packed.distance_count > 1 && codes.distance_lengths[packed.distance_count - 1] == 0) {
    --packed.distance_count;
  }
  std::array<std::uint8_t, PngDeflate::kLiteralCodes + PngDeflate::kDistanceCodes> all;
  std::copy_n(codes.literal_lengths.data(), packed.literal_count, all.data());
  std::copy_n(codes.distance_lengths.data(), packed.distance_count,
              all.data() + packed.literal_count);
  const std::size_t count = packed.literal_count + packed.distance_count;
  for (std::size_t first = 0; first < count;) {
    std::size_t end = first;
    while (end < count && all[end] == all[first]) ++end;
    packed.add_run(all[first], end - first);
    first = end;
  }
  std::array<std::uint32_t, kCodeLengthCodes> counts{};
  for (std::size_t i = 0; i < packed.item_count; ++i) ++counts[packed.items[i].symbol];
  find_lengths(counts, kCodeLengthBitsMax, packed.lengths.data());
  while (packed.length_count > 4 && packed.lengths[kLengthOrder[packed.length_count - 1]] == 0) {
    --packed.length_count;
  }
  return packed;
}

}  // namespace imgring::codec
