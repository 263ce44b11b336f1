// Tables are filled by walking the codes in ascending order.
#include "huffman.h"

#include <algorithm>

namespace imgring::codec::jpeg {
namespace {

std::size_t power_of_2(int exponent) noexcept { return std::size_t{1} << exponent; }

// Calls use(code, length, symbol) for every code of at most `longest` bits, ascending.
template <class Use>
void each_code(const HuffmanCodes& codes, int longest, Use use) noexcept {
  std::size_t code = 0, index = 0;
  for (std::size_t length = 1; length <= static_cast<std::size_t>(longest); ++length) {
    for (int i = 0; i < codes.counts[length]; ++i)
      use(code++, static_cast<int>(length), codes.symbols[index++]);
    code <<= 1;
  }
}

struct AcSymbol {
  int run, size;
  explicit AcSymbol(int symbol) noexcept : run(symbol >> 4), size(symbol & 15) {}
  bool eob() const noexcept { return run == 0 && size == 0; }
  // Of a sequential scan: a value, sixteen zeros, or an EOB of one block.
  bool sequential() const noexcept {
    return size <= kAcBitsMax && (size > 0 || run == 15 || run == 0);
  }
};

std::uint16_t skip_entry(int bits, int advance) noexcept {
  return static_cast<std::uint16_t>(bits | advance << 8);
}

// Entries for every window of `room` bits that come behind `used` bits and `advance` coefficients.
struct SkipWindow {
  std::uint16_t* entries;
  int room, used, advance;
};

class SkipBuilder {
 public:
  SkipBuilder(const HuffmanCodes& ac, bool only_eob) noexcept : ac_(ac), only_eob_(only_eob) {}

  // Codes have a bit or more, so this goes kSkipBits deep at most.
  void fill(const SkipWindow& w) const noexcept {
    const int stop = w.used == 0 ? kEscape : w.advance;
    std::fill_n(w.entries, power_of_2(w.room), skip_entry(w.used, stop));
    each_code(ac_, w.room, [&](std::size_t code, int length, int symbol) {
      add(w, w.entries + (code << (w.room - length)), length, AcSymbol(symbol));
    });
  }

 private:
  void add(const SkipWindow& w, std::uint16_t* entries, int length,
           const AcSymbol& s) const noexcept {
    const int bits = w.used + length + s.size;
    const int next = w.advance + (s.eob() ? kEob : s.run + 1);
    if (!s.eob()) {
      if (only_eob_ || !s.sequential() || next > 63 || bits > kSkipBitsMax) return;
      const int left = w.room - length - s.size;
      if (left > 0 && next < 63) {
        fill({entries, left, bits, next});
        for (std::size_t i = 1; i < power_of_2(s.size); ++i)
          std::memcpy(entries + (i << left), entries, sizeof(*entries) << left);
        return;
      }
    }
    std::fill_n(entries, power_of_2(w.room - length), skip_entry(bits, next));
  }

  const HuffmanCodes& ac_;
  bool only_eob_;
};

int value_of(int extra, int size) noexcept {
  return extra < (1 << size >> 1) ? extra + 1 - (1 << size) : extra;
}
std::uint32_t value_entry(int bits, int advance, int value) noexcept {
  return static_cast<std::uint32_t>(bits) | static_cast<std::uint32_t>(advance) << 8 |
         static_cast<std::uint32_t>(value) << 16;
}

void build_values(const HuffmanCodes& ac, std::uint32_t* values) noexcept {
  std::fill_n(values, power_of_2(kValueBits), value_entry(0, kEscape, 0));
  each_code(ac, kValueBits, [&](std::size_t code, int length, int symbol) {
    const AcSymbol s(symbol);
    if (!s.sequential()) return;
    const int left = kValueBits - length - s.size, advance = s.eob() ? kEob : s.run + 1;
    std::uint32_t* out = values + (code << (kValueBits - length));
    if (left < 0) {
      std::fill_n(out, power_of_2(kValueBits - length),
                  value_entry(length + s.size, kEscape + advance, length));
      return;
    }
    for (int extra = 0; extra < 1 << s.size; ++extra, out += power_of_2(left)) {
      std::fill_n(out, power_of_2(left),
                  value_entry(length + s.size, advance, value_of(extra, s.size)));
    }
  });
}

void build_firsts(const SequentialTables& tables, bool skip, std::uint32_t* firsts) noexcept {
  std::fill_n(firsts, power_of_2(kFirstBits), value_entry(0, kEscape, 0));
  std::array<std::uint16_t, 1 << kFirstBits> follow;
  const SkipBuilder builder(*tables.ac, !skip);
  each_code(*tables.dc, kFirstBits, [&](std::size_t code, int length, int size) {
    if (size > kDcBitsMax || length + size > kFirstBits) return;
    const int left = kFirstBits - length - size;
    // Without a bit used, a window says that it knows nothing; a DC code has one or more.
    builder.fill({follow.data(), left, length + size, 0});
    std::uint32_t* out = firsts + (code << (kFirstBits - length));
    for (int extra = 0; extra < 1 << size; ++extra) {
      for (std::size_t i = 0; i < power_of_2(left); ++i)
        *out++ = value_entry(0, 0, value_of(extra, size)) | follow[i];
    }
  });
}

}  // namespace

bool complete(HuffmanCodes* codes) noexcept {
  std::uint32_t code = 0;
  int index = 0;
  for (int length = 1; length <= kCodeBitsMax; ++length) {
    const auto at = static_cast<std::size_t>(length);
    codes->first[at] = index - static_cast<int>(code);
    code += codes->counts[at];
    index += codes->counts[at];
    if (code >= 1u << length || index > 256) return false;
    codes->limit[at] = code << (kCodeBitsMax - length);
    code <<= 1;
  }
  return true;
}

int slow_symbol(const HuffmanCodes& codes, Bits* bits, int shortest) noexcept {
  const auto code = static_cast<std::uint32_t>(bits->bits >> (64 - kCodeBitsMax));
  auto length = static_cast<std::size_t>(shortest);
  if (code < codes.limit[length - 1]) length = 1;  // a short one that no entry may have
  for (; length <= kCodeBitsMax; ++length) {
    if (code >= codes.limit[length]) continue;
    bits->drop(static_cast<int>(length));
    const int place = codes.first[length] + static_cast<int>(code >> (kCodeBitsMax - length));
    return codes.symbols[static_cast<std::size_t>(place)];
  }
  return -1;
}

void build(SequentialNeeds needs, SequentialTables* tables) noexcept {
  build_firsts(*tables, !needs.values, tables->firsts.data());
  if (needs.values) build_values(*tables->ac, tables->values.data());
  if (needs.skips) SkipBuilder(*tables->ac, false).fill({tables->skips.data(), kSkipBits, 0, 0});
}

void build(const HuffmanCodes& codes, Symbols kind, StepTable* table) noexcept {
  const bool dc = kind == Symbols::kDc;
  table->codes = &codes;
  table->steps.fill(63u << 8 | std::uint32_t{kStepEscape} << 16);
  each_code(codes, kStepBits, [&](std::size_t code, int length, int symbol) {
    const int run = symbol >> 4, size = dc ? symbol : symbol & 15;
    if (size > (dc ? kDcBitsMax : kAcBitsMax)) return;
    const int value_step = size == 0 && run < 15 ? kStepEob + run : run + 1;
    const int advance = dc ? 0 : value_step;
    const auto entry = static_cast<std::uint32_t>((length + size) | (63 - size) << 8 |
                                                  advance << 16 | length << 24);
    std::fill_n(table->steps.data() + (code << (kStepBits - length)),
                power_of_2(kStepBits - length), entry);
  });
}

}  // namespace imgring::codec::jpeg
