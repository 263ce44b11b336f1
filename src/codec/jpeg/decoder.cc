// Rows out of strips: a strip is what a row of MCUs gave. Where chroma is blown up downwards, a
// strip's last row needs the next strip's first, and is given with that one.
#include <algorithm>
#include <cstring>

#include "imgring/base/check.h"
#include "imgring/codec/jpeg_decoder.h"
#include "progressive.h"

namespace imgring::codec {

using namespace jpeg;

namespace {

// What is above the strip of the first wanted row, less one, is never looked at.
constexpr int kStripsAround = 1;
// Pixels beside the window that its chroma looks at, and the step of the loops.
constexpr int kColumnsAround = 32;

}  // namespace

struct JpegDecoder::Parts {
  Headers headers;
  Layout layout;
  SequentialDecoder sequential;
  ProgressiveDecoder progressive;
  const StopFlag* stop = nullptr;
  Window window;  // of pixels, in steps of the loops
  int top = 0;
  int row = 0;                         // the next
  int mcu_row = 0;                     // the next
  int strip_first = 0, strip_end = 0;  // rows that can be given
  bool lags = false;                   // by a row
  std::array<Memory<std::uint8_t>, 2> chroma_rows;
  Memory<std::int16_t> sums;

  JpegEnd open(const JpegSetup& setup);
  bool take_rows();
  void want(const JpegWindow& wanted) noexcept;
  JpegEnd next_strip(bool wanted);
  const std::uint8_t* chroma_row(std::size_t index, int y);
  void sum_up(const Component& c, int y, bool high, bool wide);
  void write_row(std::uint8_t* out);
  bool stopped() const noexcept { return stop != nullptr && stop->stopped(); }
};

JpegEnd JpegDecoder::Parts::open(const JpegSetup& setup) {
  if (!supported()) return JpegEnd::kIrregular;
  std::optional<Headers> read = read_headers(setup.source);
  if (!read) return JpegEnd::kIrregular;
  headers = std::move(*read);
  const std::int64_t pixels = std::int64_t{headers.width} * headers.height;
  if (setup.pixels_max > 0 && pixels > setup.pixels_max) return JpegEnd::kIrregular;
  std::optional<Layout> made = make_layout(headers, setup.shrink, setup.kernel);
  if (!made) return JpegEnd::kNoMemory;
  layout = std::move(*made);
  stop = setup.stop;
  window = {0, layout.width};
  const Component &luma = layout.components.front(), &chroma = layout.components.back();
  lags = luma.strip_rows() != chroma.strip_rows();
  if (layout.components.size() > 1 && !take_rows()) return JpegEnd::kNoMemory;
  return headers.progressive ? progressive.begin(headers, setup, &layout)
                             : sequential.begin(headers, &layout);
}

// Room for rows that are blown up: one sum in front, registers behind.
bool JpegDecoder::Parts::take_rows() {
  const auto room = static_cast<std::size_t>(layout.width) + 4 * kRegisterBytesMax;
  for (auto& row_room : chroma_rows) row_room = zeroed<std::uint8_t>(room);
  sums = zeroed<std::int16_t>(room);
  return sums != nullptr && chroma_rows[0] != nullptr && chroma_rows[1] != nullptr;
}

void JpegDecoder::Parts::want(const JpegWindow& wanted) noexcept {
  const int left = std::clamp(wanted.left, 0, layout.width - 1);
  window.left = left / kColumnsAround * kColumnsAround;
  window.right = left + std::clamp(wanted.width, 1, layout.width - left);
  top = wanted.top;
}

JpegEnd JpegDecoder::Parts::next_strip(bool wanted) {
  IMGRING_CHECK(mcu_row < layout.mcus_y);
  if (stopped()) return JpegEnd::kStopped;
  const Window around{window.left - kColumnsAround, window.right + kColumnsAround};
  if (lags) {
    for (const Component& c : layout.components)
      std::memcpy(c.row(-1), c.row(c.strip_rows() - 1), static_cast<std::size_t>(c.stride));
  }
  if (headers.progressive) {
    if (wanted) progressive.transform_row(mcu_row, around);
  } else if (!sequential.decode_row(wanted ? &around : nullptr)) {
    return JpegEnd::kIrregular;
  }
  const int strip_rows = layout.components[0].strip_rows();
  strip_first = mcu_row * strip_rows;
  const int end = strip_first + strip_rows - (lags ? 1 : 0);
  strip_end = ++mcu_row == layout.mcus_y ? layout.height : end;
  return JpegEnd::kFine;
}

// Of the row's chroma, what the widening looks at.
void JpegDecoder::Parts::sum_up(const Component& c, int y, bool high, bool wide) {
  const int at = high ? (y >> 1) - (strip_first >> 1) : y - strip_first;
  const std::uint8_t *near = c.row(at), *far = near;
  const int from = wide ? window.left / 2 : window.left;
  const int width = wide ? divided_up(layout.width, 2) : layout.width;
  const int count = std::min(width, (wide ? divided_up(window.right, 2) : window.right) + 1) - from;
  std::int16_t* out = sums.get() + 1 + from;
  if (high) {
    const int other = (y >> 1) + (y % 2 != 0 ? 1 : -1);
    if (other >= 0 && other < divided_up(layout.height, 2)) far = c.row(at + other - (y >> 1));
    loops().blend(near + from, far + from, out, count);
  } else {
    std::copy_n(near + from, count, out);
  }
  // Beyond the edges the outermost ones repeat.
  if (from == 0)
    sums[0] = sums[1];
  else if (!high)
    sums[static_cast<std::size_t>(from)] = near[from - 1];
  else
    sums[static_cast<std::size_t>(from)] =
        static_cast<std::int16_t>(3 * near[from - 1] + far[from - 1]);
  if (from + count == width) out[count] = out[count - 1];
}

namespace {

// Where libjpeg blows up by repeating.
void repeat(const std::uint8_t* in, int times, int from, int end, std::uint8_t* out) {
  for (int x = from; x < end; ++x) out[x] = in[x / times];
}

}  // namespace

// A row of chroma as wide and high as luma; only the window's columns.
const std::uint8_t* JpegDecoder::Parts::chroma_row(std::size_t index, int y) {
  const Component &c = layout.components[index], &luma = layout.components[0];
  const bool high = c.strip_rows() != luma.strip_rows();
  const int times = luma.h * luma.nx / (c.h * c.nx);
  std::uint8_t* out = chroma_rows[index - 1].get();
  constexpr int kTriangleWidthMin = 3;
  const bool narrow = divided_up(layout.width, times) < kTriangleWidthMin;
  if (times > 1 && (times > 2 || narrow)) {
    repeat(c.row(high ? (y >> 1) - (strip_first >> 1) : y - strip_first), times, window.left,
           window.right, out);
    return out;
  }
  if (times == 1 && !high) return c.row(y - strip_first);
  sum_up(c, y, high, times == 2);
  const int from = window.left, count = window.right - from;
  if (times == 1) {
    loops().narrow(sums.get() + 1 + from, y % 2 != 0 ? 2 : 1, out + from, count);
  } else {
    loops().widen(sums.get() + 1 + from / 2, high ? 4 : 2, out + from, divided_up(count, 2));
  }
  return out;
}

void JpegDecoder::Parts::write_row(std::uint8_t* out) {
  const int from = window.left, count = window.right - from;
  const std::uint8_t* first = layout.components[0].row(row - strip_first) + from;
  if (headers.colours == Colours::kGrey) {
    std::memcpy(out + from, first, static_cast<std::size_t>(count));
    return;
  }
  const ColourPlanes planes{first, chroma_row(1, row) + from, chroma_row(2, row) + from};
  const auto write = headers.colours == Colours::kRgb ? loops().interleave : loops().colour;
  write(planes, out + std::ptrdiff_t{3} * from, count);
}

JpegDecoder::JpegDecoder() = default;
JpegDecoder::~JpegDecoder() = default;

JpegEnd JpegDecoder::open(const JpegSetup& setup) {
  IMGRING_CHECK(setup.shrink == 1 || setup.shrink == 2 || setup.shrink == 4 || setup.shrink == 8);
  parts_ = std::make_unique<Parts>();
  return parts_->open(setup);
}

void JpegDecoder::want(const JpegWindow& window) noexcept { parts_->want(window); }

int JpegDecoder::width() const noexcept { return parts_->layout.width; }
int JpegDecoder::height() const noexcept { return parts_->layout.height; }
int JpegDecoder::bands() const noexcept {
  return static_cast<int>(parts_->layout.components.size());
}

JpegEnd JpegDecoder::next_row(std::uint8_t* out) {
  Parts& p = *parts_;
  IMGRING_CHECK(p.row < p.layout.height);
  const int strip_rows = p.layout.components[0].strip_rows();
  while (p.row >= p.strip_end) {
    const bool wanted = (p.mcu_row + 1 + kStripsAround) * strip_rows > p.top;
    const JpegEnd end = p.next_strip(wanted);
    if (end != JpegEnd::kFine) return end;
  }
  if (p.row >= p.top) p.write_row(out);
  ++p.row;
  return JpegEnd::kFine;
}

JpegEnd JpegDecoder::finish(int row_end) {
  Parts& p = *parts_;
  while (p.strip_end < std::min(row_end, p.layout.height)) {
    const JpegEnd end = p.next_strip(false);
    if (end != JpegEnd::kFine) return end;
  }
  const bool whole = p.headers.progressive || p.mcu_row < p.layout.mcus_y;
  return whole || p.sequential.at_end() ? JpegEnd::kFine : JpegEnd::kIrregular;
}

}  // namespace imgring::codec
