// Rows are looked at where they stand, but for the last ones: the loops read behind a row.
#include "small_rows.h"

#include <cstring>

namespace imgring::image {
namespace {

NativeJob job_of(PixelView pixels, const ResizeAxes& axes) noexcept {
  NativeJob job;
  job.bands = pixels.bands;
  job.loaded_width = pixels.size.width;
  job.loaded_height = pixels.size.height;
  job.across = axes.across;
  job.down = axes.down;
  job.resized = true;
  return job;
}

codec::ResizeAxis coarser_axis(const codec::ResizeAxis& axis, int size, int by) noexcept {
  codec::ResizeAxis coarser = whole_axis(size, axis.resized);
  coarser.shrink = axis.shrink / by;
  coarser.start = (axis.size - axis.resized * axis.shrink) / 2 / by;
  return coarser;
}

}  // namespace

codec::ResizeAxis whole_axis(int size, int resized) noexcept {
  return {0, size, resized, static_cast<double>(size) / resized, 0, resized};
}

bool resizable(const codec::ResizeAxis& axis) noexcept {
  return axis.resized > 0 && axis.shrink >= 1 && codec::box_of(axis) <= codec::kBoxMax;
}

bool resizable(const ResizeAxes& axes) noexcept {
  return resizable(axes.across) && resizable(axes.down);
}

ResizeAxes whole_axes(PlaneSize size, PlaneSize resized) noexcept {
  return {whole_axis(size.width, resized.width), whole_axis(size.height, resized.height)};
}

ResizeAxes coarser_axes(const ResizeAxes& axes, PlaneSize plane, int by_across,
                        int by_down) noexcept {
  return {coarser_axis(axes.across, plane.width, by_across),
          coarser_axis(axes.down, plane.height, by_down)};
}

Result<const std::uint8_t*> SmallRows::Source::next_row(std::uint8_t* room) {
  const std::uint8_t* const row = pixels_.first + row_ * pixels_.stride_bytes;
  const std::size_t below = static_cast<std::size_t>(pixels_.size.height) - ++row_;
  if (below * pixels_.stride_bytes >= codec::kRowPadBytes) return row;
  std::memcpy(
      room, row,
      static_cast<std::size_t>(pixels_.size.width) * static_cast<std::size_t>(pixels_.bands));
  return room;
}

SmallRows::SmallRows(PixelView pixels, const ResizeAxes& axes, const StopFlag& stop)
    : job_(job_of(pixels, axes)), source_(pixels), rows_(job_, &source_, stop) {}

Result<const std::uint8_t*> SmallRows::next() {
  if (given_ == strip_.row_count) {
    top_ += given_;
    given_ = 0;
    IMGRING_TRY(strip_, rows_.pull(top_));
  }
  return strip_.first + static_cast<std::size_t>(given_++) * strip_.stride_bytes;
}

}  // namespace imgring::image
