// Where the parts of a message stand, and how the child writes them.
#include "wire.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "imgring/base/check.h"

namespace imgring::sandbox {
namespace {

// Rows that one call writes.
constexpr int kRowsMax = 16;

constexpr std::uint64_t aligned(std::uint64_t offset) noexcept {
  return (offset + kPartAlignment - 1) / kPartAlignment * kPartAlignment;
}

}  // namespace

std::optional<Layout> layout_of(const Parts<std::uint64_t>& part_bytes, std::uint64_t bytes_max) {
  Layout layout;
  for (std::size_t i = 0; i < kPartCount; ++i) {
    const std::uint64_t size = part_bytes.all[i];
    if (size == 0) continue;
    const std::uint64_t offset = aligned(layout.end_bytes);
    if (offset > bytes_max || size > bytes_max - offset) return std::nullopt;
    layout.offsets.all[i] = offset;
    layout.end_bytes = offset + size;
  }
  return layout;
}

// Bytes of a part that has grown go behind those it had.
Result<std::uint64_t> Room::place_for(Part part, std::uint64_t bytes) {
  for (std::size_t later = static_cast<std::size_t>(part) + 1; later < kPartCount; ++later) {
    IMGRING_CHECK(part_bytes_.all[later] == 0);
  }
  Parts<std::uint64_t> grown = part_bytes_;
  grown[part] += bytes;
  const auto layout = layout_of(grown, size_bytes_);
  if (!layout) return fail(ErrorCode::kBrokenImage, "no room for the answer");
  const std::uint64_t place = layout->offsets[part] + part_bytes_[part];
  part_bytes_ = grown;
  return place;
}

Result<void> Room::append(Part part, const Rows& rows) {
  const auto row_count = static_cast<std::uint64_t>(rows.row_count);
  IMGRING_TRY(std::uint64_t place, place_for(part, row_count * rows.row_bytes));
  std::array<iovec, kRowsMax> pieces;
  for (int done = 0; done < rows.row_count;) {
    const int count = std::min(kRowsMax, rows.row_count - done);
    for (int i = 0; i < count; ++i) {
      const std::uint8_t* row = rows.first + static_cast<std::size_t>(done + i) * rows.stride_bytes;
      pieces[static_cast<std::size_t>(i)] = {const_cast<std::uint8_t*>(row), rows.row_bytes};
    }
    const std::size_t wanted = rows.row_bytes * static_cast<std::size_t>(count);
    const ssize_t got = pwritev(fd_, pieces.data(), count, static_cast<off_t>(place));
    if (got != static_cast<ssize_t>(wanted)) {
      return fail(ErrorCode::kBrokenImage, std::string("no room for pixels: ") + strerror(errno));
    }
    done += count;
    place += wanted;
  }
  return {};
}

Result<void> Room::append(Part part, ByteSpan bytes) {
  return append(part, Rows{bytes.data(), bytes.size(), bytes.size(), 1});
}

}  // namespace imgring::sandbox
