// Matching and blocks of the deflate in png_writer.h, and the bytes that it grows.
// Everything allocated here goes through the Reallocate it was given.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "imgring/base/check.h"
#include "imgring/codec/png_writer.h"
#include "png_codes.h"

namespace imgring::codec {
namespace {

constexpr std::uint32_t kWindow = 32768;
constexpr std::uint32_t kDistanceMax = kWindow - 1;  // a position and its chain entry never meet
constexpr std::uint32_t kMatchMin = 6;
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

constexpr std::size_t kGrowBytes = 16 * 1024;

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

// A literal is its byte; a match has its length above 16 bits of distance.
using Token = std::uint32_t;

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

}  // namespace imgring::codec
