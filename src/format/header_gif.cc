// The screen of a GIF, and a walk over its blocks that counts frames.
#include <cmath>

#include "header_fields.h"
#include "imgring/format/headers.h"

namespace imgring::format {
namespace {

class GifWalk {
 public:
  explicit GifWalk(ByteSpan source) noexcept : s_(source) {}

  int frames(int most) noexcept {
    constexpr std::uint8_t kPicture = 0x2C, kExtension = 0x21;
    constexpr std::size_t kScreenBytes = 13, kDescriptorBytes = 10;
    at_ = kScreenBytes + table_bytes(kScreenBytes - 3);
    int count = 0;
    while (at_ < s_.size() && count < most && blocks_ < kHeaderStepsMax) {
      const std::uint8_t kind = s_[at_];
      if (kind == kPicture) {
        ++count;
        at_ += kDescriptorBytes + table_bytes(at_ + kDescriptorBytes - 1) + 1;
      } else if (kind == kExtension) {
        at_ += 2;
      } else {
        return count;  // the end, or noise
      }
      skip_blocks();
    }
    if (blocks_ < kHeaderStepsMax) return count;
    // The rest is like what was seen.
    const double share = static_cast<double>(s_.size()) / static_cast<double>(at_);
    return static_cast<int>(std::min<double>(most, std::ceil(std::max(1, count) * share)));
  }

 private:
  std::size_t table_bytes(std::size_t flags_at) const noexcept {
    const std::uint32_t flags = number(s_, flags_at, 1, false);
    return (flags & 0x80) != 0 ? std::size_t{6} << (flags & 7) : 0;
  }
  // To behind the empty one.
  void skip_blocks() noexcept {
    while (at_ < s_.size() && blocks_ < kHeaderStepsMax) {
      ++blocks_;
      const std::size_t size = s_[at_];
      at_ += 1 + size;
      if (size == 0) return;
    }
  }

  ByteSpan s_;
  std::size_t at_ = 0;
  int blocks_ = 0;
};

}  // namespace

SourceFacts read_gif_header(ByteSpan s, int frames_max) {
  SourceFacts out = facts_of_size(ImageType::kGif, number(s, 6, 2, false), number(s, 8, 2, false));
  out.palette = true;
  if (frames_max > 1) set_frames(&out, GifWalk(s).frames(frames_max));
  return out;
}

}  // namespace imgring::format
