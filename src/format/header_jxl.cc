// The size header of JPEG XL, bare or in boxes.
#include <string_view>

#include "header_fields.h"
#include "imgring/format/headers.h"

namespace imgring::format {
namespace {

// Fields of JPEG XL, lowest bit first.
class Bits {
 public:
  explicit Bits(ByteSpan bytes) noexcept : bytes_(bytes) {}
  std::uint32_t take(int count) noexcept {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const std::uint32_t byte = at_ / 8 < bytes_.size() ? bytes_[at_ / 8] : 0u;
      value |= (byte >> at_ % 8 & 1) << i;
    }
    return value;
  }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
};

// SizeHeader of ISO/IEC 18181-1: a side, and the other one or its ratio to the first.
SourceFacts jxl_size(ByteSpan codestream) {
  struct Ratio {
    std::uint32_t across, down;
  };
  constexpr Ratio kRatios[] = {{1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}};
  constexpr int kSideBits[] = {9, 13, 18, 30}, kEighthsBits = 5;
  Bits bits(codestream.subspan(std::min<std::size_t>(2, codestream.size())));
  const bool eighths = bits.take(1) != 0;
  const auto side = [&] {
    if (eighths) return (bits.take(kEighthsBits) + 1) * 8;
    return bits.take(kSideBits[bits.take(2)]) + 1;
  };
  const std::uint32_t height = side();
  const std::uint32_t ratio = bits.take(3);
  if (ratio == 0) return facts_of_size(ImageType::kJxl, side(), height);
  const auto [across, down] = kRatios[ratio - 1];
  const std::uint64_t width = std::uint64_t{height} * across / down;
  return facts_of_size(ImageType::kJxl, static_cast<std::uint32_t>(width), height);
}

}  // namespace

// The codestream as it is, or in the first box of a container that holds some of it.
SourceFacts read_jxl_header(ByteSpan s, int) {
  constexpr std::size_t kSearchBytes = 16 << 10;
  if (s.size() > 1 && s[0] == 0xFF && s[1] == 0x0A) return jxl_size(s);
  const std::string_view text = as_text(s.first(std::min(s.size(), kSearchBytes)));
  const std::size_t whole = text.find("jxlc\xFF\x0A"), part = text.find("jxlp");
  if (whole != std::string_view::npos) return jxl_size(s.subspan(whole + 4));
  if (part == std::string_view::npos || part + 8 > s.size()) return {};
  return jxl_size(s.subspan(part + 8));  // behind its number
}

}  // namespace imgring::format
