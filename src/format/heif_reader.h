// A walk over the boxes of ISO/IEC 14496-12 and 23008-12: what all readers of them share.
// Owns nothing; views of the source. Any thread. Promises: nothing outside the span is read, and at
// most kBoxesMax boxes of one level.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "imgring/base/byte_reader.h"

namespace imgring::format {

inline constexpr std::size_t kBoxesMax = 4096;  // a grid of 48 MP has some hundred

struct Box {
  std::string_view name;
  ByteSpan body;
};

// The box at `*at`, which moves on behind it.
std::optional<Box> next_box(ByteSpan s, std::size_t* at) noexcept;
// The first of that name; empty: none.
ByteSpan find_box(ByteSpan s, std::string_view name) noexcept;
std::vector<Box> boxes_of(ByteSpan s);
// Of a full box, behind its version and flags.
inline ByteSpan full(ByteSpan body) noexcept {
  return body.size() < 4 ? ByteSpan{} : body.subspan(4);
}

// An entry of `iinf`. Nothing: it is of a version that has no types.
struct HeifItem {
  std::uint32_t id = 0;
  std::string_view type;  // four letters
};
std::optional<HeifItem> item_of(const Box& infe) noexcept;
// Behind the count of `iinf`.
ByteSpan item_entries(ByteSpan meta) noexcept;

// A reference of `iref`: from one item to some.
struct HeifReference {
  std::string_view kind;
  std::uint32_t from = 0;
  ByteSpan to;  // numbers of `id_bytes` each
  int id_bytes = 2;

  std::size_t count() const noexcept { return to.size() / static_cast<std::size_t>(id_bytes); }
  std::uint32_t item(std::size_t i) const noexcept {
    return read_be(to, i * static_cast<std::size_t>(id_bytes), id_bytes).value_or(0);
  }
};
std::vector<HeifReference> references_of(ByteSpan meta);

// Which properties the items have.
class HeifProperties {
 public:
  explicit HeifProperties(ByteSpan meta);

  // Calls `take` with each item and each of its properties, in the order of the table. False: the
  // table is none.
  template <class Take>
  bool for_all(Take take) const {
    return walk(take, [](std::uint32_t) { return Entry::kTaken; });
  }
  // Of the first entry of one item.
  template <class Take>
  bool for_each(std::uint32_t item, Take take) const {
    return walk([&take](std::uint32_t, const Box& property) { take(property); },
                [item](std::uint32_t id) { return id == item ? Entry::kLast : Entry::kSkipped; });
  }
  std::uint32_t entry_count() const noexcept { return read_be(uses_, 4, 4).value_or(0); }

 private:
  enum class Entry : std::uint8_t { kTaken, kSkipped, kLast };
  // `choose` is asked before each entry.
  template <class Take, class Choose>
  bool walk(Take take, Choose choose) const {
    if (uses_.size() < 8) return false;
    const int id_bytes = uses_[0] == 0 ? 2 : 4;
    const bool wide = (uses_[3] & 1) != 0;
    const std::size_t each = wide ? 2 : 1;
    std::size_t at = 8;
    for (std::uint32_t i = 0; i < entry_count() && i < kBoxesMax; ++i) {
      const auto id = read_be(uses_, at, id_bytes);
      if (!id) return false;
      const Entry entry = choose(*id);
      at += static_cast<std::size_t>(id_bytes);
      const std::size_t count = read_be(uses_, at, 1).value_or(0);
      for (std::size_t j = 0; j < count && entry != Entry::kSkipped; ++j) {
        const std::uint32_t said = read_be(uses_, at + 1 + j * each, wide ? 2 : 1).value_or(0);
        const std::uint32_t index = said & (wide ? 0x7FFF : 0x7F);  // counts from 1
        if (index > 0 && index <= boxes_.size()) take(*id, boxes_[index - 1]);
      }
      if (entry == Entry::kLast) return true;
      at += 1 + count * each;
    }
    return true;
  }

  std::vector<Box> boxes_;
  ByteSpan uses_;
};

}  // namespace imgring::format
