// Codes are made as ITU-T T.81 K.2 says (figures K.1 to K.4); of equally rare symbols the greatest
// is taken first, as libjpeg does. Segments: T.81 B.2.
#include "imgring/codec/jpeg_codes.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "imgring/codec/png_writer.h"
#include "jpeg/entropy_reader.h"
#include "jpeg/loops.h"

namespace imgring::codec {
namespace {

constexpr int kPlainBits = 8;
constexpr int kPlainDcSymbols = 12, kPlainAcSymbols = 255;  // one code, of ones alone, is left out
constexpr int kStartOfScan = 0xDA, kCodeTables = 0xC4;
constexpr std::size_t kMarkerBytes = 2;

// A symbol and all that were joined with it, by how often they occur together.
struct Tree {
  std::uint64_t key;  // count << 9, and less the greater the symbol
  int symbol() const noexcept { return 511 - static_cast<int>(key & 511); }
  std::uint64_t count() const noexcept { return key >> 9; }
  bool operator>(const Tree& other) const noexcept { return key > other.key; }
};
Tree tree(std::uint64_t count, int symbol) noexcept {
  return {count << 9 | static_cast<std::uint64_t>(511 - symbol)};
}

constexpr int kReserved = 256;  // a symbol that never occurs gets the code of ones alone
using Lengths = std::array<std::uint8_t, kReserved + 1>;

// Without a bound: less than 2^31 symbols make codes of less than 48 bits.
Lengths lengths_of(const JpegCounts& counts) {
  std::vector<Tree> leaves;
  leaves.reserve(kReserved + 1);
  for (int symbol = 0; symbol < kReserved; ++symbol) {
    const std::uint32_t count = counts[static_cast<std::size_t>(symbol)];
    if (count > 0) leaves.push_back(tree(count, symbol));
  }
  leaves.push_back(tree(1, kReserved));
  std::priority_queue<Tree, std::vector<Tree>, std::greater<>> trees({}, std::move(leaves));
  Lengths lengths{};
  std::array<std::int16_t, kReserved + 1> next;  // of the same tree
  next.fill(-1);
  while (trees.size() > 1) {
    const Tree rarest = trees.top();
    trees.pop();
    const Tree second = trees.top();
    trees.pop();
    // The rest of the second is put behind the last of the rarest.
    auto last = static_cast<std::size_t>(rarest.symbol());
    for (;; last = static_cast<std::size_t>(next[last])) {
      ++lengths[last];
      if (next[last] < 0) break;
    }
    next[last] = static_cast<std::int16_t>(second.symbol());
    for (int at = second.symbol(); at >= 0; at = next[static_cast<std::size_t>(at)])
      ++lengths[static_cast<std::size_t>(at)];
    trees.push(tree(rarest.count() + second.count(), rarest.symbol()));
  }
  return lengths;
}

// Codes as they are written, highest bit first.
struct Code {
  std::uint16_t bits = 0;
  std::uint8_t length = 0;
};
using CodeTable = std::array<Code, kJpegSymbolCount>;

CodeTable table_of(const JpegCodes& codes) noexcept {
  CodeTable table{};
  std::uint32_t bits = 0;
  std::size_t index = 0;
  for (std::size_t length = 1; length <= kJpegCodeBitsMax; ++length, bits <<= 1) {
    for (int i = 0; i < codes.counts[length]; ++i, ++bits) {
      table[codes.symbols[index++]] = {static_cast<std::uint16_t>(bits),
                                       static_cast<std::uint8_t>(length)};
    }
  }
  return table;
}

// DC and AC of the codes 0 and 1.
template <class T>
struct OfEach {
  std::array<T, 2> dc{}, ac{};
};

// Reads the plain codes of a scan and calls use.mcu() before each MCU, use.dc() and use.ac() with
// the number of codes, a symbol, and the bits of its value. False: the scan ends too early, or
// mcu() said so.
template <class Use>
bool each_symbol(jpeg::EntropySpan scan, const JpegMcus& mcus, Use* given) {
  Use use = *given;  // in registers, since nobody else can know it
  jpeg::Feed feed;
  feed.start(scan);
  jpeg::Bits bits;
  bits.at = feed.ahead(feed.begin());
  const auto next = [&bits](int* symbol) noexcept {
    bits.refill();
    *symbol = static_cast<int>(bits.bits >> (64 - kPlainBits));
    const int size = *symbol & 15;
    // Shifted twice, since a size may be 0.
    const auto value = static_cast<std::uint32_t>(bits.bits << kPlainBits >> 1 >> (63 - size));
    bits.drop(kPlainBits + size);
    return value;
  };
  for (std::int64_t i = 0; i < mcus.count; ++i) {
    bits.at = feed.ahead(bits.at);
    if (feed.overrun(bits.at) || !use.mcu()) return false;
    for (int block = 0; block < mcus.first_blocks + mcus.other_blocks; ++block) {
      const auto codes = static_cast<std::size_t>(block >= mcus.first_blocks);
      int symbol;
      const std::uint32_t first = next(&symbol);
      use.dc(codes, symbol, first);
      for (int at = 1; at < 64; at += (symbol >> 4) + 1) {
        const std::uint32_t value = next(&symbol);
        use.ac(codes, symbol, value);
        if (symbol == 0) break;
      }
    }
  }
  if (feed.ended() && (feed.end() - bits.at) * 8 + bits.count < 0) return false;
  *given = use;
  return true;
}

struct Counting {
  OfEach<JpegCounts> counts;

  bool mcu() noexcept { return true; }
  void dc(std::size_t codes, int symbol, std::uint32_t) noexcept {
    ++counts.dc[codes][static_cast<std::size_t>(symbol)];
  }
  void ac(std::size_t codes, int symbol, std::uint32_t) noexcept {
    ++counts.ac[codes][static_cast<std::size_t>(symbol)];
  }
};

// The room that an MCU gets is for values of no more bits.
bool has_possible_values(const Counting& counting) noexcept {
  for (std::size_t symbol = 0; symbol < kJpegSymbolCount; ++symbol) {
    const bool dc = symbol <= static_cast<std::size_t>(jpeg::kDcBitsMax);
    const bool ac = static_cast<int>(symbol & 15) <= jpeg::kAcBitsMax;
    for (const JpegCounts& counts : counting.counts.dc) {
      if (!dc && counts[symbol] != 0) return false;
    }
    for (const JpegCounts& counts : counting.counts.ac) {
      if (!ac && counts[symbol] != 0) return false;
    }
  }
  return true;
}

// The file that is made.
class Output {
 public:
  bool reserve(std::size_t more_bytes) noexcept {
    if (room_bytes_ - size_bytes_ >= more_bytes) return true;
    const std::size_t room_bytes =
        std::max(size_bytes_ + more_bytes, room_bytes_ + room_bytes_ / 2);
    void* bytes = std::realloc(bytes_.get(), room_bytes);
    if (bytes == nullptr) return false;
    [[maybe_unused]] auto* old = bytes_.release();
    bytes_.reset(static_cast<std::uint8_t*>(bytes));
    room_bytes_ = room_bytes;
    return true;
  }
  // Into room reserved before.
  void append(ByteSpan bytes) noexcept {
    std::memcpy(end(), bytes.data(), bytes.size());
    size_bytes_ += bytes.size();
  }
  std::uint8_t* end() noexcept { return bytes_.get() + size_bytes_; }
  void end_at(const std::uint8_t* end) noexcept {
    size_bytes_ = static_cast<std::size_t>(end - bytes_.get());
  }
  Bytes take() { return Bytes::of_malloc(bytes_.release(), size_bytes_); }

 private:
  std::unique_ptr<std::uint8_t, FreeBytes> bytes_;
  std::size_t size_bytes_ = 0, room_bytes_ = 0;
};

// Not 0 if a byte of the word is 0xFF.
std::uint64_t ones_in(std::uint64_t word) noexcept {
  constexpr std::uint64_t kEach = 0x0101010101010101, kHighest = 0x8080808080808080;
  return word & kHighest & ~(word + kEach);
}

// Bits of the scan; behind a byte of ones goes one of zeros.
class Writing {
 public:
  Writing(const OfEach<CodeTable>& tables, int mcu_blocks, Output* out) noexcept
      : tables_(&tables), out_(out), at_(out->end()),
        mcu_bytes_max_(
            static_cast<std::size_t>(mcu_blocks * jpeg::Feed::kBlockBitsMax / 8 * 2 + 16)) {}

  bool mcu() noexcept { return reserve(mcu_bytes_max_); }
  void dc(std::size_t codes, int symbol, std::uint32_t value) noexcept {
    put(tables_->dc[codes], symbol, value);
  }
  void ac(std::size_t codes, int symbol, std::uint32_t value) noexcept {
    put(tables_->ac[codes], symbol, value);
  }
  // The last byte is filled with ones.
  bool end() noexcept {
    if (!reserve(2 * sizeof pending_)) return false;
    const int rest = room_ & 7;
    if (rest > 0) put(~std::uint64_t{0} >> (64 - rest), rest);
    for (int left = 64 - room_; left > 0; left -= 8)
      put_byte(static_cast<std::uint8_t>(pending_ >> (left - 8)));
    out_->end_at(at_);
    return true;
  }

 private:
  bool reserve(std::size_t more_bytes) noexcept {
    out_->end_at(at_);
    const bool done = out_->reserve(more_bytes);
    at_ = out_->end();
    return done;
  }
  void put(const CodeTable& table, int symbol, std::uint32_t value) noexcept {
    const Code code = table[static_cast<std::size_t>(symbol)];
    const int size = symbol & 15;
    put(std::uint64_t{code.bits} << size | value, code.length + size);
  }
  void put(std::uint64_t bits, int count) noexcept {  // 1 to 31
    room_ -= count;
    if (room_ >= 0) {
      pending_ = pending_ << count | bits;
      return;
    }
    put_word(pending_ << (count + room_) | bits >> -room_);
    pending_ = bits;  // of which the higher ones are shifted out in time
    room_ += 64;
  }
  void put_word(std::uint64_t word) noexcept {
    if (ones_in(word) != 0) {
      for (int shift = 56; shift >= 0; shift -= 8)
        put_byte(static_cast<std::uint8_t>(word >> shift));
      return;
    }
    const std::uint64_t bytes = __builtin_bswap64(word);
    std::memcpy(at_, &bytes, sizeof bytes);
    at_ += sizeof bytes;
  }
  void put_byte(std::uint8_t byte) noexcept {
    *at_++ = byte;
    if (byte == 0xFF) *at_++ = 0;
  }

  const OfEach<CodeTable>* tables_;
  Output* out_;
  std::uint8_t* at_;
  std::size_t mcu_bytes_max_;
  std::uint64_t pending_ = 0;
  int room_ = 64;
};

// Where the code tables of a file are, and its scan.
struct Places {
  std::size_t tables = 0, scan_head = 0, scan = 0;
};
std::optional<Places> places_in(ByteSpan file) noexcept {
  Places p;
  for (std::size_t at = kMarkerBytes; at + 2 * kMarkerBytes <= file.size();) {
    if (file[at] != 0xFF) return std::nullopt;
    const std::size_t next = at + kMarkerBytes + (file[at + 2] << 8 | file[at + 3]);
    if (file[at + 1] == kCodeTables && p.tables == 0) p.tables = at;
    if (file[at + 1] == kStartOfScan) {
      p.scan_head = at;
      p.scan = next;
      if (p.tables == 0 || next + kMarkerBytes > file.size()) return std::nullopt;
      return p;
    }
    at = next;
  }
  return std::nullopt;
}

constexpr std::size_t kTableBytesMax = kMarkerBytes + 3 + kJpegCodeBitsMax + kJpegSymbolCount;

// A segment of its own for each, as libjpeg writes them.
void put_table(const JpegCodes& codes, int place, Output* out) noexcept {
  std::array<std::uint8_t, kTableBytesMax> bytes;
  std::size_t symbol_count = 0;
  for (const std::uint8_t count : codes.counts) symbol_count += count;
  const std::size_t length = 3 + kJpegCodeBitsMax + symbol_count;
  bytes[0] = 0xFF;
  bytes[1] = kCodeTables;
  bytes[2] = static_cast<std::uint8_t>(length >> 8);
  bytes[3] = static_cast<std::uint8_t>(length);
  bytes[4] = static_cast<std::uint8_t>(place);
  std::copy(codes.counts.begin() + 1, codes.counts.end(), bytes.begin() + 5);
  std::copy_n(codes.symbols.begin(), symbol_count, bytes.begin() + 5 + kJpegCodeBitsMax);
  out->append({bytes.data(), kMarkerBytes + length});
}

std::unexpected<Error> no_memory() {
  return fail(ErrorCode::kOverloaded, "no memory for the encoded picture");
}

}  // namespace

JpegCodes plain_jpeg_codes(JpegSymbols kind) noexcept {
  JpegCodes codes;
  const int count = kind == JpegSymbols::kDc ? kPlainDcSymbols : kPlainAcSymbols;
  codes.counts[kPlainBits] = static_cast<std::uint8_t>(count);
  for (int i = 0; i < count; ++i)
    codes.symbols[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i);
  return codes;
}

JpegCodes fitting_jpeg_codes(const JpegCounts& counts) {
  constexpr std::size_t kLongest = 64;
  const Lengths lengths = lengths_of(counts);
  std::array<int, kLongest + 1> of_length{};
  for (const std::uint8_t length : lengths) ++of_length[length];
  // Two codes that are too long: one becomes a bit shorter, by the room of their common beginning;
  // the other goes beside a short one that becomes longer (figure K.3).
  for (std::size_t length = kLongest; length > kJpegCodeBitsMax; --length) {
    while (of_length[length] > 0) {
      std::size_t shorter = length - 2;
      while (of_length[shorter] == 0) --shorter;
      of_length[length] -= 2;
      ++of_length[length - 1];
      of_length[shorter + 1] += 2;
      --of_length[shorter];
    }
  }
  std::size_t longest = kJpegCodeBitsMax;
  while (of_length[longest] == 0) --longest;
  --of_length[longest];  // the reserved one
  JpegCodes codes;
  for (std::size_t length = 1; length <= kJpegCodeBitsMax; ++length)
    codes.counts[length] = static_cast<std::uint8_t>(of_length[length]);
  std::size_t index = 0;
  for (std::size_t length = 1; length <= kLongest; ++length) {
    for (std::size_t symbol = 0; symbol < kJpegSymbolCount; ++symbol) {
      if (lengths[symbol] == length) codes.symbols[index++] = static_cast<std::uint8_t>(symbol);
    }
  }
  return codes;
}

bool can_refit_jpeg() noexcept { return jpeg::supported(); }

Result<Bytes> refit_jpeg(ByteSpan file, const JpegMcus& mcus) {
  const std::optional<Places> places = places_in(file);
  if (!places) return fail(ErrorCode::kInternal, "a JPEG to be refitted has no scan");
  const jpeg::EntropySpan scan{file.data() + places->scan, file.data() + file.size()};
  Counting counting;
  if (!each_symbol(scan, mcus, &counting) || !has_possible_values(counting))
    return fail(ErrorCode::kInternal,
                "a JPEG to be refitted ends too early, or has no plain codes");

  Output out;
  // All fits: what is shorter by other codes may be longer by a zero behind a byte of ones, seldom.
  if (!out.reserve(file.size() + 4 * kTableBytesMax)) return no_memory();
  out.append(file.first(places->tables));
  OfEach<CodeTable> tables;
  for (std::size_t i = 0; i <= static_cast<std::size_t>(mcus.other_blocks > 0); ++i) {
    const JpegCodes dc = fitting_jpeg_codes(counting.counts.dc[i]);
    const JpegCodes ac = fitting_jpeg_codes(counting.counts.ac[i]);
    put_table(dc, static_cast<int>(i), &out);
    put_table(ac, static_cast<int>(i | 0x10), &out);
    tables.dc[i] = table_of(dc);
    tables.ac[i] = table_of(ac);
  }
  out.append(file.subspan(places->scan_head, places->scan - places->scan_head));
  Writing writing(tables, mcus.first_blocks + mcus.other_blocks, &out);
  if (!each_symbol(scan, mcus, &writing) || !writing.end() || !out.reserve(kMarkerBytes))
    return no_memory();
  constexpr std::array<std::uint8_t, kMarkerBytes> kEnd{0xFF, 0xD9};
  out.append(kEnd);
  return out.take();
}

}  // namespace imgring::codec
