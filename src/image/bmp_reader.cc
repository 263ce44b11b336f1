// BMP pictures, and the header-less bitmaps inside icons. Rows are decoded when libvips asks for
// them.
// Every size is checked in 64 bits against the bytes that are there; only run-length pictures take
// memory of their own, and that after the caller had the size to judge. A picture cut short is
// refused, run lengths leave neither row nor picture.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "imgring/base/byte_reader.h"
#include "imgring/image/vips_image.h"
#include "readers.h"

namespace imgring::image {
namespace {

constexpr std::size_t kFileHeadBytes = 14;
// OS/2 1, Windows 3, with three masks, with four, OS/2 2, and versions 4 and 5.
constexpr std::size_t kCoreHeadBytes = 12, kInfoHeadBytes = 40, kMasksHeadBytes = 52;
constexpr std::size_t kAlphaMaskHeadBytes = 56, kOs2HeadBytes = 64, kV4HeadBytes = 108;
constexpr std::size_t kV5HeadBytes = 124;
constexpr std::array kHeadSizes = {kCoreHeadBytes,      kInfoHeadBytes, kMasksHeadBytes,
                                   kAlphaMaskHeadBytes, kOs2HeadBytes,  kV4HeadBytes,
                                   kV5HeadBytes};
constexpr std::uint32_t kRgb = 0, kRle8 = 1, kRle4 = 2, kBitfields = 3, kAlphaBitfields = 6;

enum class Packing : std::uint8_t { kPalette, kRle, kMasks, k565, kBytes };

struct Masks {
  std::uint32_t red = 0, green = 0, blue = 0, alpha = 0;
  bool operator==(const Masks&) const = default;
};
constexpr Masks k565Masks{0xF800, 0x07E0, 0x001F, 0}, k555Masks{0x7C00, 0x03E0, 0x001F, 0};
constexpr Masks k888Masks{0x00FF0000, 0x0000FF00, 0x000000FF, 0};
constexpr std::uint32_t kAlphaMask = 0xFF000000;

struct Header {
  std::size_t info_bytes = 0;
  std::uint32_t compression = kRgb;
  int width = 0, height = 0;
  bool in_icon = false, height_doubled = false;
  bool top_down = false;
  int depth = 0;  // bits per pixel
  int bands = 3;
  Packing packing = Packing::kBytes;
  Masks masks;
  std::uint32_t colours = 0;
  std::size_t colour_bytes = 4;  // of the palette
  std::size_t palette_at = 0, pixels_at = 0;
  std::size_t clear_at = 0;  // icons: bits of what is clear, like the pixels from there on; 0: none

  bool core() const noexcept { return info_bytes == kCoreHeadBytes; }
  std::size_t row_bytes() const noexcept {
    return (static_cast<std::size_t>(width) * static_cast<std::size_t>(depth) + 31) / 32 * 4;
  }
  std::size_t clear_row_bytes() const noexcept {
    return (static_cast<std::size_t>(width) + 31) / 32 * 4;
  }
  std::size_t pixels_end() const noexcept {
    return pixels_at + row_bytes() * static_cast<std::size_t>(height);
  }
  // What is read of a row: the last one of a file may come without what fills it up.
  std::size_t used_row_bytes() const noexcept {
    return (static_cast<std::size_t>(width) * static_cast<std::size_t>(depth) + 7) / 8;
  }
};

std::unexpected<Error> broken(const char* what) {
  return fail(ErrorCode::kBrokenImage, std::string("bmpload: ") + what);
}

Result<void> read_size(ByteSpan s, std::size_t info_at, Header* h) {
  std::int64_t width = le16(s, info_at + 4), rows = le16(s, info_at + 6);
  if (!h->core()) {
    width = static_cast<std::int32_t>(le32(s, info_at + 4));
    rows = static_cast<std::int32_t>(le32(s, info_at + 8));
  }
  if (h->height_doubled) rows /= 2;
  h->top_down = rows < 0;
  rows = rows < 0 ? -rows : rows;
  if (width <= 0 || rows <= 0 || width > VIPS_MAX_COORD || rows > VIPS_MAX_COORD) {
    return broken("unsupported dimensions");
  }
  h->width = static_cast<int>(width);
  h->height = static_cast<int>(rows);
  return {};
}

// In the header or right behind it; alpha where there is room for it, or when the compression says
// so.
Result<void> read_masks(ByteSpan s, std::size_t info_at, Header* h) {
  const std::size_t at = info_at + kInfoHeadBytes;
  const bool alpha = h->info_bytes >= kAlphaMaskHeadBytes || h->compression == kAlphaBitfields;
  if (!slice(s, at, alpha ? 16 : 12)) return broken("no colour masks");
  h->masks = {le32(s, at), le32(s, at + 4), le32(s, at + 8), alpha ? le32(s, at + 12) : 0};
  if ((h->masks.red | h->masks.green | h->masks.blue) == 0) return broken("empty colour masks");
  h->packing = h->depth == 16 && h->masks == k565Masks ? Packing::k565 : Packing::kMasks;
  Masks colours = h->masks;
  colours.alpha = 0;
  const bool bytes = h->depth == 32 && colours == k888Masks &&
                     (h->masks.alpha == 0 || h->masks.alpha == kAlphaMask);
  if (bytes) h->packing = Packing::kBytes;
  return {};
}

// Of pixels without masks. The fourth byte is unused, but icons and a header with a mask for it
// have alpha there.
void set_plain_packing(ByteSpan s, std::size_t info_at, Header* h) noexcept {
  h->masks = k888Masks;
  if (h->depth <= 8) h->packing = Packing::kPalette;
  if (h->depth == 16) {
    h->packing = Packing::kMasks;
    h->masks = k555Masks;
  }
  const bool masked = h->info_bytes >= kV4HeadBytes && le32(s, info_at + 52) != 0;
  if (h->depth == 32 && (h->in_icon || masked)) h->masks.alpha = kAlphaMask;
}

Result<void> read_packing(ByteSpan s, std::size_t info_at, Header* h) {
  constexpr std::array kDepths = {1, 2, 4, 8, 16, 24, 32};
  const std::size_t planes_at = info_at + (h->core() ? 8 : 12);
  // Some writers leave the number of planes out.
  if (le16(s, planes_at) > 1) return broken("more than one plane");
  h->depth = le16(s, planes_at + 2);
  if (std::find(kDepths.begin(), kDepths.end(), h->depth) == kDepths.end()) {
    return broken("unsupported bit depth");
  }
  h->compression = h->core() ? kRgb : le32(s, info_at + 16);
  set_plain_packing(s, info_at, h);
  const bool rle =
      (h->compression == kRle8 && h->depth == 8) || (h->compression == kRle4 && h->depth == 4);
  const bool masks = (h->compression == kBitfields || h->compression == kAlphaBitfields) &&
                     h->info_bytes != kOs2HeadBytes;  // its 3 is a fax
  if (rle) h->packing = Packing::kRle;
  if (rle || h->compression == kRgb) return {};
  if (!masks || (h->depth != 16 && h->depth != 32)) return broken("unsupported compression");
  return read_masks(s, info_at, h);
}

// `after`: behind the header and its masks.
Result<void> read_colours(ByteSpan s, std::size_t info_at, std::size_t* after, Header* h) {
  if (h->depth > 8) return {};
  const std::uint32_t colours_max = 1u << h->depth;
  if (h->core()) h->colour_bytes = 3;
  h->colours = h->core() ? 0 : le32(s, info_at + 32);
  if (h->colours == 0) h->colours = colours_max;
  if (h->colours > colours_max) return broken("more colours than the depth allows");
  // Some writers leave out colours that they don't use.
  const std::size_t pixels_at = le32(s, 10);
  if (!h->in_icon && pixels_at > *after) {
    const std::size_t room = (pixels_at - *after) / h->colour_bytes;
    h->colours = static_cast<std::uint32_t>(std::min<std::size_t>(h->colours, room));
  }
  if (!slice(s, *after, h->colours * h->colour_bytes)) return broken("palette cut short");
  *after += h->colours * h->colour_bytes;
  return {};
}

Result<Header> read_header(ByteSpan s, std::size_t info_at, Header h) {
  const auto info_bytes = read_le(s, info_at, 4);
  if (!info_bytes) return broken("no header");
  h.info_bytes = *info_bytes;
  if (std::find(kHeadSizes.begin(), kHeadSizes.end(), h.info_bytes) == kHeadSizes.end()) {
    return broken("unsupported header length");
  }
  if (!slice(s, info_at, h.info_bytes)) return broken("header cut short");
  IMGRING_TRY_VOID(read_size(s, info_at, &h));
  IMGRING_TRY_VOID(read_packing(s, info_at, &h));
  std::size_t after = info_at + h.info_bytes;
  if (h.info_bytes == kInfoHeadBytes) {
    if (h.compression == kBitfields) after += 12;
    if (h.compression == kAlphaBitfields) after += 16;
  }
  h.palette_at = after;
  IMGRING_TRY_VOID(read_colours(s, info_at, &after, &h));
  h.pixels_at = h.in_icon ? after : le32(s, 10);
  if (h.pixels_at > s.size()) return broken("pixels outside of the file");
  return h;
}

bool enough_bytes(ByteSpan s, const Header& h) noexcept {
  if (h.packing == Packing::kRle) return s.size() - h.pixels_at >= 2;
  return s.size() - h.pixels_at >=
         h.row_bytes() * (static_cast<std::uint64_t>(h.height) - 1) + h.used_row_bytes();
}

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
};
// 256 entries, those the file does not have are black.
std::array<Colour, 256> read_palette(ByteSpan s, const Header& h) {
  std::array<Colour, 256> palette{};
  for (std::uint32_t i = 0; i < h.colours && i < palette.size(); ++i) {
    const std::size_t at = h.palette_at + i * h.colour_bytes;
    palette[i] = {s[at + 2], s[at + 1], s[at]};
  }
  return palette;
}

void put_colour(const Colour& c, std::uint8_t* to) noexcept {
  to[0] = c.red;
  to[1] = c.green;
  to[2] = c.blue;
}

// Index of pixel `x` in a row of `depth` bits a pixel.
std::uint8_t index_at(const std::uint8_t* row, int x, int depth) noexcept {
  const int bit = x * depth;
  const int shift = 8 - depth - bit % 8;
  return static_cast<std::uint8_t>(row[bit / 8] >> shift & ((1 << depth) - 1));
}

// What a mask leaves of a pixel, as 0 to 255.
std::uint8_t masked(std::uint32_t pixel, std::uint32_t mask) noexcept {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const std::uint64_t most = mask >> shift, value = (pixel & mask) >> shift;
  return static_cast<std::uint8_t>((value * 255 + most / 2) / most);
}

std::uint32_t pixel_at(const std::uint8_t* row, int x, int depth) noexcept {
  const std::uint8_t* from = row + std::ptrdiff_t{x} * (depth / 8);
  const std::uint32_t low = from[0] | static_cast<std::uint32_t>(from[1]) << 8;
  if (depth == 16) return low;
  return low | static_cast<std::uint32_t>(from[2]) << 16 |
         (depth == 32 ? static_cast<std::uint32_t>(from[3]) << 24 : 0u);
}

Colour colour_of(const Header& h, std::uint32_t pixel) noexcept {
  if (h.packing == Packing::kBytes) {
    return {static_cast<std::uint8_t>(pixel >> 16), static_cast<std::uint8_t>(pixel >> 8),
            static_cast<std::uint8_t>(pixel)};
  }
  if (h.packing == Packing::k565) {
    // imgproxy shifts 565 without filling the low bits: white is 248, 252, 248.
    return {static_cast<std::uint8_t>((pixel >> 11 & 31) << 3),
            static_cast<std::uint8_t>((pixel >> 5 & 63) << 2),
            static_cast<std::uint8_t>((pixel & 31) << 3)};
  }
  return {masked(pixel, h.masks.red), masked(pixel, h.masks.green), masked(pixel, h.masks.blue)};
}

// Columns [left, left + width) of one row.
struct Columns {
  int left, width;
};
void decode_row(const Header& h, const std::array<Colour, 256>& palette, const std::uint8_t* row,
                Columns columns, std::uint8_t* to) noexcept {
  const int end = columns.left + columns.width;
  for (int x = columns.left; x < end; ++x, to += h.bands) {
    if (h.packing == Packing::kPalette) {
      put_colour(palette[index_at(row, x, h.depth)], to);
      continue;
    }
    const std::uint32_t pixel = pixel_at(row, x, h.depth);
    put_colour(colour_of(h, pixel), to);
    if (h.bands == 4) to[3] = masked(pixel, h.masks.alpha);
  }
}

// Alpha out of the bits of an icon; rows of them that are cut off clear nothing.
void put_clear_bits(ByteSpan file, const Header& h, int file_row, Columns columns,
                    std::uint8_t* to) noexcept {
  const std::size_t at = h.clear_at + static_cast<std::size_t>(file_row) * h.clear_row_bytes();
  const auto bits = slice(file, at, h.clear_row_bytes());
  for (int i = 0; i < columns.width; ++i) {
    const int x = columns.left + i;
    const bool clear = bits && ((*bits)[static_cast<std::size_t>(x / 8)] >> (7 - x % 8) & 1) != 0;
    to[i * h.bands + 3] = clear ? 0 : 255;
  }
}

// Any bit of the mask in any pixel; at most a look at every byte of the file.
bool any_alpha(ByteSpan s, const Header& h) noexcept {
  for (int y = 0; y < h.height; ++y) {
    const std::uint8_t* row = s.data() + h.pixels_at + static_cast<std::size_t>(y) * h.row_bytes();
    for (int x = 0; x < h.width; ++x) {
      if ((pixel_at(row, x, h.depth) & h.masks.alpha) != 0) return true;
    }
  }
  return false;
}
bool any_clear(ByteSpan s, const Header& h) noexcept {
  if (h.pixels_end() >= s.size()) return false;
  const std::size_t size = h.clear_row_bytes() * static_cast<std::size_t>(h.height);
  const ByteSpan bits = s.subspan(h.pixels_end()).first(std::min(size, s.size() - h.pixels_end()));
  return std::any_of(bits.begin(), bits.end(), [](std::uint8_t byte) { return byte != 0; });
}

// Alpha that is 0 everywhere is none, and a mask that clears nothing neither. Call when all pixels
// are there.
void settle_alpha(ByteSpan s, Header* h) noexcept {
  if (h->masks.alpha != 0 && any_alpha(s, *h)) {
    h->bands = 4;
    return;
  }
  h->masks.alpha = 0;
  if (!h->height_doubled || h->packing == Packing::kRle || !any_clear(s, *h)) return;
  h->bands = 4;
  h->clear_at = h->pixels_end();
}

// Run-length picture into rows of palette colours, in file order. Skipped pixels stay 0.
class RleDecoder {
 public:
  RleDecoder(ByteSpan s, const Header& h, const std::array<Colour, 256>& palette,
             std::uint8_t* pixels) noexcept
      : s_(s), h_(h), palette_(palette), pixels_(pixels), at_(h.pixels_at) {}

  bool run() noexcept {
    const std::uint64_t operations_max =
        static_cast<std::uint64_t>(h_.width) * h_.height + h_.height;
    for (std::uint64_t operations = 0; y_ < h_.height; ++operations) {
      const auto command = slice(s_, at_, 2);
      // A whole picture may lack the mark of its end.
      if (!command) return y_ == h_.height - 1 && x_ >= h_.width;
      if (operations > operations_max) return false;
      at_ += 2;
      const int count = (*command)[0], value = (*command)[1];
      if (count == 0 && value == 1) return true;
      if (count == 0 && !escape(value)) return false;
      for (int i = 0; i < count; ++i) put(nibble_or_byte(static_cast<std::uint8_t>(value), i));
    }
    return true;
  }

 private:
  void put(std::uint8_t index) noexcept {
    if (x_ >= h_.width) return;
    const std::size_t pixel = static_cast<std::size_t>(y_) * h_.width + x_;
    put_colour(palette_[index], pixels_ + pixel * h_.bands);
    ++x_;
  }
  std::uint8_t nibble_or_byte(std::uint8_t value, int i) const noexcept {
    if (h_.depth == 8) return value;
    return static_cast<std::uint8_t>(i % 2 == 0 ? value >> 4 : value & 15);
  }
  // End of line, move, or literal pixels.
  bool escape(int value) noexcept {
    if (value == 0) {
      x_ = 0;
      ++y_;
      return true;
    }
    if (value == 2) {
      const auto move = slice(s_, at_, 2);
      if (!move) return false;
      at_ += 2;
      x_ = std::min(x_ + (*move)[0], h_.width);
      y_ += (*move)[1];
      return true;
    }
    const std::size_t bytes = (static_cast<std::size_t>(value) * h_.depth + 7) / 8;
    const auto literal = slice(s_, at_, bytes);
    if (!literal) return false;
    for (int i = 0; i < value; ++i) {
      put(nibble_or_byte((*literal)[static_cast<std::size_t>(i) * h_.depth / 8], i));
    }
    at_ += (bytes + 1) & ~std::size_t{1};
    return true;
  }

  ByteSpan s_;
  const Header& h_;
  const std::array<Colour, 256>& palette_;
  std::uint8_t* pixels_;
  std::size_t at_;
  int x_ = 0, y_ = 0;
};

// What an image needs as long as its pixels may be asked for. Freed when libvips closes the image.
struct Picture {
  ByteSpan file;
  Header header;
  std::array<Colour, 256> palette;
  std::once_flag unpacked;  // run lengths only: libvips may ask from several threads
  std::unique_ptr<std::uint8_t, Deleter<std::free>> pixels;
  const char* why_none = "pixels cut short";

  // Only now, after the limits on the header's size were checked, pixels take memory.
  void unpack() noexcept {
    const auto rows = static_cast<std::size_t>(header.height);
    const std::size_t row_bytes = static_cast<std::size_t>(header.width) * header.bands;
    pixels.reset(static_cast<std::uint8_t*>(std::calloc(rows, row_bytes)));
    if (pixels == nullptr) {
      why_none = kShortageWords;
    } else if (!RleDecoder(file, header, palette, pixels.get()).run()) {
      pixels.reset();
    }
  }
};

bool put_row(const Picture& picture, int file_row, Columns columns, std::uint8_t* to) noexcept {
  const Header& h = picture.header;
  if (h.packing == Packing::kRle) {
    const std::size_t at = static_cast<std::size_t>(file_row) * h.width + columns.left;
    std::memcpy(to, picture.pixels.get() + at * h.bands,
                static_cast<std::size_t>(columns.width) * h.bands);
    return true;
  }
  const auto row = slice(picture.file, h.pixels_at + file_row * h.row_bytes(), h.used_row_bytes());
  if (!row) return false;
  decode_row(h, picture.palette, row->data(), columns, to);
  if (h.clear_at != 0) put_clear_bits(picture.file, h, file_row, columns, to);
  return true;
}

// libvips calls this for every region it wants.
int generate(VipsRegion* out, void*, void* a, void*, gboolean*) noexcept {
  auto* picture = static_cast<Picture*>(a);
  const Header& h = picture->header;
  if (h.packing == Packing::kRle) {
    std::call_once(picture->unpacked, [picture]() noexcept { picture->unpack(); });
    if (picture->pixels == nullptr) {
      vips_error("bmpload", "%s", picture->why_none);
      return -1;
    }
  }
  const VipsRect& area = out->valid;
  for (int row = area.top; row < area.top + area.height; ++row) {
    const int file_row = h.top_down ? row : h.height - 1 - row;
    if (!put_row(*picture, file_row, {area.left, area.width},
                 VIPS_REGION_ADDR(out, area.left, row))) {
      vips_error("bmpload", "%s", picture->why_none);
      return -1;
    }
  }
  return 0;
}

void drop_picture(VipsImage*, void* picture) noexcept { delete static_cast<Picture*>(picture); }

int palette_bits(std::uint32_t colours) noexcept {
  return colours > 16 ? 8 : colours > 4 ? 4 : colours > 2 ? 2 : 1;
}

Result<VipsImagePtr> picture_of(ByteSpan s, Header h) {
  if (!enough_bytes(s, h)) return broken("pixels cut short");
  settle_alpha(s, &h);
  VipsImagePtr image(vips_image_new());
  if (image == nullptr) return std::unexpected(vips_failure("bmpload"));
  vips_image_init_fields(image.get(), h.width, h.height, h.bands, VIPS_FORMAT_UCHAR,
                         VIPS_CODING_NONE, VIPS_INTERPRETATION_sRGB, 1.0, 1.0);
  if (h.depth <= 8) {
    const int bits = palette_bits(h.colours);
    vips_image_set_int(image.get(), "palette-bit-depth", bits);
    vips_image_set_int(image.get(), "bits-per-sample", bits);
    vips_image_set_int(image.get(), "palette", 1);
  }
  auto* picture = new Picture{s, h, read_palette(s, h), {}, nullptr};
  g_signal_connect(image.get(), "close", reinterpret_cast<GCallback>(drop_picture), picture);
  if (vips_image_pipelinev(image.get(), VIPS_DEMAND_STYLE_THINSTRIP, nullptr) != 0 ||
      vips_image_generate(image.get(), nullptr, generate, nullptr, picture, nullptr) != 0) {
    return std::unexpected(vips_failure("bmpload"));
  }
  return image;
}

}  // namespace

Result<VipsImagePtr> load_bmp(ByteSpan source) {
  if (!as_text(source).starts_with("BM")) return broken("no BMP");
  IMGRING_TRY(const Header header, read_header(source, kFileHeadBytes, {}));
  return picture_of(source, header);
}

Result<VipsImagePtr> load_ico_bitmap(ByteSpan entry, bool mask) {
  Header icon;
  icon.in_icon = true;
  icon.height_doubled = mask;
  IMGRING_TRY(const Header header, read_header(entry, 0, icon));
  return picture_of(entry, header);
}

}  // namespace imgring::image
