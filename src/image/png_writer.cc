// Matching, Huffman codes and blocks of the deflate in png_writer.h, and the rows around it.
// Everything allocated here goes through the Reallocate it was given.
#include "png_writer.h"

#include <libdeflate.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "imgring/base/check.h"

namespace imgring::image {
namespace {

constexpr std::uint32_t kWindow = 32768;
constexpr std::uint32_t kDistanceMax = kWindow - 1;  // a position and its chain entry never meet
constexpr std::uint32_t kMatchMin = 6, kMatchMax = 258;
// zlib's numbers for level 6, but for the laziness. With chains of 32, slopes grow by 60 %; chains
// of 256 gain 0.2 % for a third more time (tests/bench/png_bench.cc).
constexpr int kChainMax = 128, kChainMaxInHand = 32;
constexpr std::uint32_t kInHandMin = 8;     // looking for no less than this: the shorter chain
constexpr std::uint32_t kLazyMax = 32;      // matches this long are not bettered at the next byte
constexpr std::uint32_t kNiceLength = 128;  // and here the search ends
constexpr unsigned kHashBits = 15;
// The least a match must gain, in quarters of a byte, to be preferred to the one a byte before.
constexpr int kLazyGainMin = 2;

// Statistics are compared part by part; zlib ends blocks at 16 K tokens whatever they hold.
constexpr std::size_t kPartTokens = 4096, kBlockTokensMax = 56 * 1024;
constexpr std::uint32_t kWindowBytes = 160 * 1024;
constexpr std::uint32_t kKeptMax = 64 * 1024;  // what stays for a stored block
constexpr std::uint32_t kLookahead = kMatchMax + 16;
constexpr std::size_t kPadding = 16;  // 8-byte reads at the last byte

constexpr std::size_t kEndOfBlock = 256, kFirstLength = 257;
constexpr unsigned kCodeBitsMax = 15, kCodeLengthBitsMax = 7;
constexpr std::size_t kCodeLengthCodes = 19;

constexpr std::size_t kGrowBytes = 16 * 1024;
constexpr std::size_t kRawBytesMax = std::size_t{1} << 30;
constexpr std::uint8_t kZlibHead[] = {0x78, 0x9C};  // 32 KiB window, default level
constexpr std::uint8_t kEnd[] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};

std::uint32_t load32(const std::uint8_t* bytes) noexcept {
  std::uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}
// Little endian on every machine: the first byte is the lowest.
std::uint64_t load64(const std::uint8_t* bytes) noexcept {
  std::uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  return value;
}
void store64(std::uint8_t* bytes, std::uint64_t value) noexcept {
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  std::memcpy(bytes, &value, sizeof value);
}
void store32_big(std::uint8_t* bytes, std::uint32_t value) noexcept {
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

// Length codes 0..28, RFC 1951 3.2.5.
struct LengthTables {
  std::array<std::uint16_t, 29> base{};
  std::array<std::uint8_t, 29> extra{};
  std::array<std::uint8_t, kMatchMax + 1> code{};
};
constexpr LengthTables length_tables() {
  LengthTables t;
  std::size_t length = 3;
  for (std::size_t code = 0; code < 28; ++code) {
    const std::size_t extra = code < 8 ? 0 : (code - 4) / 4;
    t.base[code] = static_cast<std::uint16_t>(length);
    t.extra[code] = static_cast<std::uint8_t>(extra);
    for (std::size_t i = 0; i < (std::size_t{1} << extra); ++i) {
      t.code[std::min<std::size_t>(length + i, kMatchMax)] = static_cast<std::uint8_t>(code);
    }
    length += std::size_t{1} << extra;
  }
  t.base[28] = kMatchMax;
  t.code[kMatchMax] = 28;
  return t;
}
constexpr LengthTables kLengths = length_tables();

// From 5 on the codes halve each power of two.
unsigned distance_code(std::uint32_t distance) noexcept {
  const std::uint32_t from_0 = distance - 1;
  if (from_0 < 4) return from_0;
  const auto power = static_cast<unsigned>(std::bit_width(from_0)) - 1;
  return 2 * power + ((from_0 >> (power - 1)) & 1);
}
unsigned distance_extra(unsigned code) noexcept { return code < 4 ? 0 : code / 2 - 1; }
std::uint32_t distance_base(unsigned code) noexcept {
  return code < 4 ? code + 1 : ((2 + (code & 1)) << distance_extra(code)) + 1;
}

// A literal is its byte; a match has its length above 16 bits of distance.
using Token = std::uint32_t;

// Code lengths of at most `bits_max` for the counts; 0 where the count is 0.
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

template <std::size_t kCodes>
void find_lengths(const std::array<std::uint32_t, kCodes>& counts, unsigned bits_max,
                  std::uint8_t* lengths) noexcept {
  Leaves leaves;
  std::size_t count = 0;
  for (std::size_t i = 0; i < kCodes; ++i) {
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

struct Code {
  std::uint16_t bits = 0;  // as they are written: the first bit is the lowest
  std::uint8_t length = 0;
};
// Canonical codes of the lengths.
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

// Lengths and codes of one block.
struct BlockCodes {
  std::array<std::uint8_t, 288> literal_lengths{};
  std::array<std::uint8_t, PngDeflate::kDistanceCodes> distance_lengths{};
  std::array<Code, 288> literals;
  std::array<Code, PngDeflate::kDistanceCodes> distances;

  void make_codes() noexcept {
    find_codes(literal_lengths, literals.data());
    find_codes(distance_lengths, distances.data());
  }
};
constexpr std::array<std::uint8_t, 288> fixed_lengths() {
  std::array<std::uint8_t, 288> lengths{};
  for (std::size_t i = 0; i < 288; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  return lengths;
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

// The code lengths of a block, packed as RFC 1951 3.2.7 says: runs of one length become one item.
struct PackedLengths {
  struct Item {
    std::uint8_t symbol, extra, extra_bits;
  };
  std::array<Item, PngDeflate::kLiteralCodes + PngDeflate::kDistanceCodes> items;
  std::size_t item_count = 0;
  std::size_t literal_count = PngDeflate::kLiteralCodes;
  std::size_t distance_count = PngDeflate::kDistanceCodes;
  std::array<std::uint8_t, kCodeLengthCodes> lengths{};
  std::size_t length_count = kCodeLengthCodes;  // of those sent

  void add(std::uint8_t symbol, std::size_t extra, std::uint8_t extra_bits) noexcept {
    items[item_count++] = {symbol, static_cast<std::uint8_t>(extra), extra_bits};
  }
  void add_run(std::uint8_t length, std::size_t run) noexcept;
  std::uint64_t bits() const noexcept;
};
constexpr std::array<std::uint8_t, kCodeLengthCodes> kLengthOrder = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

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

void write_lengths(const PackedLengths& packed, PngOutput* out) noexcept {
  std::array<Code, kCodeLengthCodes> codes;
  find_codes(packed.lengths, codes.data());
  out->bits(packed.literal_count - kFirstLength, 5);
  out->bits(packed.distance_count - 1, 5);
  out->bits(packed.length_count - 4, 4);
  for (std::size_t i = 0; i < packed.length_count; ++i) {
    out->bits(packed.lengths[kLengthOrder[i]], 3);
  }
  for (std::size_t i = 0; i < packed.item_count; ++i) {
    const PackedLengths::Item& item = packed.items[i];
    out->bits(codes[item.symbol].bits, codes[item.symbol].length);
    out->bits(item.extra, item.extra_bits);
  }
}

void write_tokens(std::span<const Token> tokens, const BlockCodes& codes, PngOutput* out) noexcept {
  for (const Token token : tokens) {
    if (token >> 16 == 0) {
      out->bits(codes.literals[token].bits, codes.literals[token].length);
      continue;
    }
    // 15 + 5 + 15 + 13 = 48 bits at most
    const std::uint32_t length = token >> 16, distance = token & 0xFFFF;
    const std::size_t length_code = kLengths.code[length];
    const Code& first = codes.literals[kFirstLength + length_code];
    std::uint64_t bits = first.bits;
    unsigned count = first.length;
    bits |= std::uint64_t{length - kLengths.base[length_code]} << count;
    count += kLengths.extra[length_code];
    const unsigned code = distance_code(distance);
    bits |= std::uint64_t{codes.distances[code].bits} << count;
    count += codes.distances[code].length;
    bits |= std::uint64_t{distance - distance_base(code)} << count;
    out->bits(bits, count + distance_extra(code));
  }
  const Code& end = codes.literals[kEndOfBlock];
  out->bits(end.bits, end.length);
}

// About the bits a block with these counts takes: entropy, extra bits, and 3.5 bits for each code
// in use.
double estimated_bits(const PngDeflate::Counts& counts) noexcept {
  constexpr double kHeadBits = 60, kBitsPerCode = 3.5;
  double bits = kHeadBits, literals = 1, distances = 0;
  for (std::size_t i = 0; i < counts.literals.size(); ++i) {
    const auto count = static_cast<float>(counts.literals[i]);
    if (counts.literals[i] == 0) continue;
    const int extra = i < kFirstLength ? 0 : kLengths.extra[i - kFirstLength];
    bits += kBitsPerCode - count * (std::log2(count) - static_cast<float>(extra));
    literals += count;
  }
  for (unsigned i = 0; i < counts.distances.size(); ++i) {
    const auto count = static_cast<float>(counts.distances[i]);
    if (counts.distances[i] == 0) continue;
    bits += kBitsPerCode - count * (std::log2(count) - static_cast<float>(distance_extra(i)));
    distances += count;
  }
  return bits + literals * std::log2(literals) + distances * std::log2(std::max(distances, 1.0));
}

PngDeflate::Counts joined(const PngDeflate::Counts& a, const PngDeflate::Counts& b) noexcept {
  PngDeflate::Counts sum = a;
  for (std::size_t i = 0; i < sum.literals.size(); ++i) sum.literals[i] += b.literals[i];
  for (std::size_t i = 0; i < sum.distances.size(); ++i) sum.distances[i] += b.distances[i];
  return sum;
}

Error no_memory() { return Error(ErrorCode::kOverloaded, "no memory for the encoded picture"); }

}  // namespace

void FreeBytes::operator()(void* bytes) const noexcept { std::free(bytes); }

bool PngOutput::reserve(std::size_t more_bytes) noexcept {
  const std::size_t wanted = size_bytes_ + more_bytes + sizeof pending_;
  if (failed_ || wanted <= room_bytes_) return !failed_;
  const std::size_t room = wanted + room_bytes_ / 2 + kGrowBytes;
  void* grown = reallocate_(bytes_.get(), room);
  if (grown == nullptr) {
    failed_ = true;
    return false;
  }
  static_cast<void>(bytes_.release());
  bytes_.reset(static_cast<std::uint8_t*>(grown));
  room_bytes_ = room;
  return true;
}

void PngOutput::append(ByteSpan bytes) noexcept {
  if (!reserve(bytes.size()) || bytes.empty()) return;
  std::memcpy(at(size_bytes_), bytes.data(), bytes.size());
  size_bytes_ += bytes.size();
}

void PngOutput::bits(std::uint64_t value, unsigned count) noexcept {
  pending_ |= value << pending_count_;
  pending_count_ += count;
  store64(at(size_bytes_), pending_);
  const unsigned whole = pending_count_ / 8;
  size_bytes_ += whole;
  pending_ >>= 8 * whole;
  pending_count_ %= 8;
}

void PngOutput::end_byte() noexcept {
  if (pending_count_ > 0) bits(0, 8 - pending_count_);
}

Bytes PngOutput::take() noexcept {
  void* fitted = reallocate_(bytes_.get(), size_bytes_);
  if (fitted != nullptr) {
    static_cast<void>(bytes_.release());
    bytes_.reset(static_cast<std::uint8_t*>(fitted));
  }
  return Bytes::of_malloc(bytes_.release(), size_bytes_);
}

struct PngDeflate::Work {
  std::array<std::uint32_t, std::size_t{1} << kHashBits> heads;  // last position of each hash
  std::array<std::uint32_t, kWindow> previous;                   // with the same hash, by position
  std::array<Token, kBlockTokensMax + kPartTokens> tokens;
  std::array<std::uint8_t, kWindowBytes + kPadding> window;
};

bool PngDeflate::begin() noexcept {
  work_.reset(static_cast<Work*>(reallocate_(nullptr, sizeof(Work))));
  if (work_ == nullptr) return false;
  work_->heads.fill(0);
  base_ = position_ = end_ = block_start_ = part_start_ = kWindow;
  return true;
}

const std::uint8_t* PngDeflate::at(std::uint32_t position) const noexcept {
  return work_->window.data() + (position - base_);
}

void PngDeflate::add(ByteSpan bytes) noexcept {
  while (!bytes.empty()) {
    const std::uint32_t room = base_ + kWindowBytes - end_;
    const std::size_t taken = std::min<std::size_t>(bytes.size(), room);
    std::memcpy(work_->window.data() + (end_ - base_), bytes.data(), taken);
    end_ += static_cast<std::uint32_t>(taken);
    bytes = bytes.subspan(taken);
    if (taken < room) return;
    match_up_to(end_ - kLookahead);
    slide();
  }
}

void PngDeflate::end() noexcept {
  match_up_to(end_);
  const Counts both = joined(block_, part_);
  if (block_tokens_ > 0 && token_count_ > block_tokens_ &&
      estimated_bits(both) > estimated_bits(block_) + estimated_bits(part_)) {
    write_block(block_, {block_tokens_, part_start_ - block_start_, false});
    std::copy(work_->tokens.begin() + block_tokens_, work_->tokens.begin() + token_count_,
              work_->tokens.begin());
    block_start_ = part_start_;
    token_count_ -= block_tokens_;
    write_block(part_, {token_count_, position_ - block_start_, true});
  } else {
    write_block(both, {token_count_, position_ - block_start_, true});
  }
  if (!out_.failed()) out_.end_byte();
}

// Drops what no match reaches, but keeps what a stored block may need.
void PngDeflate::slide() noexcept {
  std::uint32_t first = position_ - kWindow;
  if (position_ - block_start_ <= kKeptMax) first = std::min(first, block_start_);
  IMGRING_CHECK(first > base_);
  std::memmove(work_->window.data(), at(first), end_ - first);
  base_ = first;
}

// The position before with the same hash.
std::uint32_t PngDeflate::insert(std::uint32_t position) noexcept {
  constexpr std::uint64_t kSpread = 0x9E3779B185EBCA87;  // 2^64 / golden ratio, odd
  if (end_ - position < sizeof(std::uint64_t)) return 0;
  const std::uint64_t bytes = load64(at(position)) << (64 - 8 * kMatchMin);
  const std::uint64_t hash = bytes * kSpread >> (64 - kHashBits);
  const std::uint32_t before = work_->heads[hash];
  work_->previous[position % kWindow] = before;
  work_->heads[hash] = position;
  return before;
}

PngDeflate::Match PngDeflate::find(std::uint32_t position, Search search) const noexcept {
  Match match;
  const std::uint32_t longest = std::min(kMatchMax, end_ - position);
  std::uint32_t beaten = search.length_min - 1, candidate = search.candidate;
  if (beaten >= longest) return match;
  const std::uint8_t* here = at(position);
  const int depth_max = search.length_min >= kInHandMin ? kChainMaxInHand : kChainMax;
  for (int depth = 0; depth < depth_max && position - candidate <= kDistanceMax; ++depth) {
    const std::uint8_t* there = at(candidate);
    const std::uint32_t distance = position - candidate;
    candidate = work_->previous[candidate % kWindow];
    if (load32(there + beaten - 3) != load32(here + beaten - 3)) continue;
    if (load32(there) != load32(here)) continue;
    std::uint32_t length = sizeof(std::uint32_t);
    while (length < longest) {
      const std::uint64_t differ = load64(there + length) ^ load64(here + length);
      if (differ != 0) {
        length += static_cast<std::uint32_t>(std::countr_zero(differ)) / 8;
        break;
      }
      length += sizeof differ;
    }
    length = std::min(length, longest);
    if (length <= beaten) continue;
    match = {length, distance};
    beaten = length;
    if (length >= kNiceLength || length == longest) break;
  }
  return match;
}

// A match goes a little past `stop`; nothing else is kept between calls.
void PngDeflate::match_up_to(std::uint32_t stop) noexcept {
  while (position_ < stop && !out_.failed()) {
    Match match = find(position_, {insert(position_), kMatchMin});
    if (match.length == 0) {
      put_literal(*at(position_));
      continue;
    }
    std::uint32_t inserted = position_ + 1;
    while (match.length < kLazyMax && position_ + 1 < stop) {
      const std::uint32_t before = insert(inserted);
      const Match later = find(inserted++, {before, std::max(kMatchMin, match.length - 1)});
      const int longer = static_cast<int>(later.length) - static_cast<int>(match.length);
      const int nearer = std::bit_width(match.distance) - std::bit_width(later.distance);
      if (later.length == 0 || 4 * longer + nearer <= kLazyGainMin) break;
      put_literal(*at(position_));
      match = later;
    }
    const std::uint32_t end = position_ + match.length;
    for (; inserted < end; ++inserted) insert(inserted);
    put_match(match);
  }
}

void PngDeflate::put_literal(std::uint8_t byte) noexcept {
  work_->tokens[token_count_++] = byte;
  ++part_.literals[byte];
  ++position_;
  if (token_count_ - block_tokens_ == kPartTokens) end_part();
}

void PngDeflate::put_match(const Match& match) noexcept {
  work_->tokens[token_count_++] = match.length << 16 | match.distance;
  ++part_.literals[kFirstLength + kLengths.code[match.length]];
  ++part_.distances[distance_code(match.distance)];
  position_ += match.length;
  if (token_count_ - block_tokens_ == kPartTokens) end_part();
}

// The part joins the block where that costs no more bits; else the block is written and the part
// is the next block's first.
void PngDeflate::end_part() noexcept {
  const Counts both = joined(block_, part_);
  const bool joins = block_tokens_ == 0 ||
                     (token_count_ <= kBlockTokensMax &&
                      estimated_bits(both) <= estimated_bits(block_) + estimated_bits(part_));
  if (joins) {
    block_ = both;
  } else {
    write_block(block_, {block_tokens_, part_start_ - block_start_, false});
    std::copy(work_->tokens.begin() + block_tokens_, work_->tokens.begin() + token_count_,
              work_->tokens.begin());
    token_count_ -= block_tokens_;
    block_start_ = part_start_;
    block_ = part_;
  }
  block_tokens_ = token_count_;
  part_start_ = position_;
  part_ = Counts{};
}

// By codes of its own, by the fixed codes, or stored: whichever is smallest.
void PngDeflate::write_block(const Counts& counts, Block block) noexcept {
  constexpr std::uint64_t kStoredHeadBits = 5 * 8;
  Counts ended = counts;
  ended.literals[kEndOfBlock] = 1;
  BlockCodes own, fixed;
  find_lengths(ended.literals, kCodeBitsMax, own.literal_lengths.data());
  find_lengths(ended.distances, kCodeBitsMax, own.distance_lengths.data());
  fixed.literal_lengths = fixed_lengths();
  fixed.distance_lengths.fill(5);
  const PackedLengths packed = pack_lengths(own);
  const std::uint64_t own_bits = packed.bits() + token_bits(ended, own);
  const std::uint64_t fixed_bits = token_bits(ended, fixed);
  const std::uint64_t bits = std::min(own_bits, fixed_bits);
  const std::uint64_t stored_bits = std::uint64_t{block.raw_bytes} * 8 + kStoredHeadBits;
  if (block_start_ >= base_ && stored_bits < bits) return write_stored(block);

  if (!out_.reserve(bits / 8 + 2)) return;  // 3 bits of kind, up to 7 before, rounded up
  BlockCodes& codes = own_bits <= fixed_bits ? own : fixed;
  codes.make_codes();
  out_.bits(block.last ? 1 : 0, 1);
  out_.bits(own_bits <= fixed_bits ? 2 : 1, 2);
  if (own_bits <= fixed_bits) write_lengths(packed, &out_);
  write_tokens({work_->tokens.data(), block.token_count}, codes, &out_);
}

void PngDeflate::write_stored(Block block) noexcept {
  constexpr std::uint32_t kStoredMax = 65535;
  std::uint32_t done = 0;
  do {
    const std::uint32_t taken = std::min(block.raw_bytes - done, kStoredMax);
    if (!out_.reserve(taken + std::size_t{16})) return;
    out_.bits(block.last && done + taken == block.raw_bytes ? 1 : 0, 1);
    out_.bits(0, 2);
    out_.end_byte();
    out_.bits(taken, 16);
    out_.bits(taken ^ 0xFFFF, 16);
    out_.append({at(block_start_ + done), taken});
    done += taken;
  } while (done < block.raw_bytes);
}

PngWriter::PngWriter(Reallocate reallocate) noexcept
    : reallocate_(reallocate), out_(reallocate), deflate_(reallocate, out_) {}

bool PngWriter::fits(const PngShape& shape) noexcept {
  return shape.width <= kRawBytesMax / shape.pixel_bytes() - 1 &&
         shape.height <= kRawBytesMax / (shape.width * shape.pixel_bytes() + 1);
}

Result<void> PngWriter::begin(const PngShape& shape, ByteSpan head) {
  IMGRING_CHECK(fits(shape));
  shape_ = shape;
  row_bytes_ = shape.width * shape.pixel_bytes();
  const std::size_t room = kPngRowMargin + row_bytes_;
  rows_.reset(static_cast<std::uint8_t*>(reallocate_(nullptr, 4 * room)));
  if (rows_ == nullptr || !deflate_.begin()) return std::unexpected(no_memory());
  std::memset(rows_.get(), 0, 2 * room);
  row_ = rows_.get() + kPngRowMargin;
  above_ = row_ + room;
  best_ = above_ + room;
  tried_ = best_ + room;

  constexpr std::uint8_t kChunk[] = {0, 0, 0, 0, 'I', 'D', 'A', 'T'};
  out_.append(head);
  out_.append(kChunk);
  data_at_ = out_.size_bytes();
  out_.append(kZlibHead);
  if (out_.failed()) return std::unexpected(no_memory());
  return {};
}

// 16-bit samples go with their high byte first.
void PngWriter::put_pixels(const std::uint8_t* pixels) noexcept {
  if (shape_.sample_bytes == 1 || std::endian::native == std::endian::big) {
    std::memcpy(row_, pixels, row_bytes_);
    return;
  }
  for (std::size_t i = 0; i < row_bytes_; i += 2) {
    row_[i] = pixels[i + 1];
    row_[i + 1] = pixels[i];
  }
}

void PngWriter::add(ByteSpan bytes) noexcept {
  adler_ = libdeflate_adler32(adler_, bytes.data(), bytes.size());
  deflate_.add(bytes);
}

// The filter with the smallest sum of magnitudes, the first of equals: libpng's choice.
Result<void> PngWriter::row(const std::uint8_t* pixels) {
  IMGRING_CHECK(row_count_ < shape_.height);
  put_pixels(pixels);
  const PngRows rows{row_, above_, row_bytes_, shape_.pixel_bytes()};
  std::uint64_t least = ~std::uint64_t{0};
  std::uint8_t chosen = 0;
  for (std::uint8_t filter = 0; filter < kPngFilterCount; ++filter) {
    const std::uint64_t sum = filter_png_row(static_cast<PngFilter>(filter), rows, tried_);
    if (sum >= least) continue;
    least = sum;
    chosen = filter;
    std::swap(best_, tried_);
  }
  add({&chosen, 1});
  add({best_, row_bytes_});
  std::swap(row_, above_);
  ++row_count_;
  if (out_.failed()) return std::unexpected(no_memory());
  return {};
}

Result<Bytes> PngWriter::end() {
  IMGRING_CHECK(row_count_ == shape_.height);
  deflate_.end();
  std::uint8_t sum[4];
  store32_big(sum, adler_);
  out_.append(sum);
  out_.reserve(sizeof sum + sizeof kEnd);
  if (out_.failed()) return std::unexpected(no_memory());
  const std::size_t data_bytes = out_.size_bytes() - data_at_;
  store32_big(out_.at(data_at_ - 8), static_cast<std::uint32_t>(data_bytes));
  store32_big(sum, libdeflate_crc32(0, out_.at(data_at_ - 4), data_bytes + 4));
  out_.append(sum);
  out_.append(kEnd);
  return out_.take();
}

}  // namespace imgring::image
