// Photoshop resource blocks ("8BIM") and the IPTC records inside.
#include <optional>

#include "copyright.h"
#include "imgring/base/byte_reader.h"

namespace imgring::image {
namespace {

constexpr std::string_view kBlockName("Photoshop 3.0\0", 14), kResource = "8BIM";
constexpr std::uint32_t kIptcResource = 0x0404;
constexpr std::uint8_t kTagMark = 0x1C, kApplicationRecord = 2;
constexpr std::uint8_t kByLine = 80, kCredit = 110, kCopyrightNotice = 116;

void append_be(std::string* out, std::uint32_t value, int width_bytes) {
  for (int i = width_bytes - 1; i >= 0; --i) out->push_back(static_cast<char>(value >> (8 * i)));
}

// The data of the IPTC resource, if there is one.
std::optional<ByteSpan> iptc_resource(ByteSpan block) noexcept {
  std::size_t at = kBlockName.size();
  while (at + 12 <= block.size()) {
    if (as_text(block.subspan(at, 4)) != kResource) {
      ++at;
      continue;
    }
    const std::uint32_t id = *read_be(block, at + 4, 2);
    const std::size_t name_bytes = std::size_t{block[at + 6]} + 1;  // Pascal string, padded to even
    at += 6 + name_bytes + name_bytes % 2;
    const auto size = read_be(block, at, 4);
    if (!size) return std::nullopt;
    const auto data = slice(block, at + 4, *size);
    if (!data) return std::nullopt;
    if (id == kIptcResource) return data;
    at += 4 + std::size_t{*size} + *size % 2;
  }
  return std::nullopt;
}

bool stays(std::uint8_t record, std::uint8_t tag) noexcept {
  return record != kApplicationRecord || tag == kByLine || tag == kCredit ||
         tag == kCopyrightNotice;
}

// Size of a data set's value and where it starts; extended sizes have the high bit and a width.
struct Value {
  std::size_t at, size_bytes;
};
std::optional<Value> value_of(ByteSpan s, std::size_t at) noexcept {
  const auto plain = read_be(s, at, 2);
  if (!plain) return std::nullopt;
  if (*plain < 0x8000) return Value{at + 2, *plain};
  if (*plain != 0x8004) return std::nullopt;
  const auto size = read_be(s, at + 2, 4);
  if (!size) return std::nullopt;
  return Value{at + 6, *size};
}

}  // namespace

std::string copyright_of_iptc(ByteSpan block) {
  if (!as_text(block).starts_with(kBlockName)) return {};
  const auto iptc = iptc_resource(block);
  if (!iptc) return {};
  std::string kept;
  for (std::size_t at = 0; at + 5 <= iptc->size();) {
    if ((*iptc)[at] != kTagMark) {
      ++at;
      continue;
    }
    const auto value = value_of(*iptc, at + 3);
    const auto data = value ? slice(*iptc, value->at, value->size_bytes) : std::nullopt;
    if (!data) break;
    const std::size_t end = value->at + value->size_bytes;
    if (stays((*iptc)[at + 1], (*iptc)[at + 2])) kept += as_text(iptc->subspan(at, end - at));
    at = end;
  }
  if (kept.empty()) return {};
  std::string out(kBlockName);
  out += kResource;
  append_be(&out, kIptcResource, 2);
  append_be(&out, 0, 2);  // no name
  append_be(&out, static_cast<std::uint32_t>(kept.size()), 4);
  out += kept;
  if (kept.size() % 2 != 0) out.push_back('\0');
  return out;
}

}  // namespace imgring::image
