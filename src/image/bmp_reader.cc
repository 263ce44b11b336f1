// BMP pictures, and the header-less bitmaps inside icons. Rows are decoded when libvips asks for
// them.
// Every size is checked in 64 bits against the bytes that are there; only run-length pictures take
// memory of their own, and that after the caller had the size to judge. A picture cut short is
// refused, run lengths leave neither row nor picture.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "byte_reader.h"
#include "readers.h"

namespace imgring::image {
namespace {

constexpr std::size_t kFileHeadBytes = 14, kInfoHeadBytes = 40, kV4HeadBytes = 108;
constexpr std::size_t kV5HeadBytes = 124, kPaletteItemBytes = 4;
constexpr std::uint32_t kRgb = 0, kRle8 = 1, kRle4 = 2, kBitfields = 3, kAlphaBitfields = 6;

enum class Packing : std::uint8_t { kPalette, kRle, k555, k565, kBytes };

struct Header {
  int width = 0, height = 0;
  bool top_down = false;
  int depth = 0;  // bits per pixel
  int bands = 3;
  Packing packing = Packing::kBytes;
  std::uint32_t colours = 0;
  std::size_t palette_at = 0, pixels_at = 0;
};

std::unexpected<Error> broken(const char* what) {
  return fail(ErrorCode::kBrokenImage, std::string("bmpload: ") + what);
}

struct Masks {
  std::uint32_t red, green, blue, alpha;
  bool operator==(const Masks&) const = default;
};
constexpr Masks k565Masks{0xF800, 0x07E0, 0x001F, 0}, k555Masks{0x7C00, 0x03E0, 0x001F, 0};
constexpr Masks k8888Masks{0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000};

// Only the three plain mask sets; nothing else is in use.
Result<void> apply_masks(ByteSpan s, std::size_t at, Header* h) {
  const int count = h->depth > 24 ? 4 : 3;
  if (!slice(s, at, static_cast<std::size_t>(count) * 4)) return broken("no colour masks");
  Masks masks{le32(s, at), le32(s, at + 4), le32(s, at + 8), 0};
  if (count == 4) masks.alpha = le32(s, at + 12);
  if (h->depth == 16 && masks == k565Masks) {
    h->packing = Packing::k565;
  } else if (h->depth == 16 && masks == k555Masks) {
    h->packing = Packing::k555;
  } else if (h->depth != 32 || masks != k8888Masks) {
    return broken("unsupported colour masks");
  }
  return {};
}

Result<void> read_size(ByteSpan s, std::size_t info_at, bool height_doubled, Header* h) {
  const auto width = static_cast<std::int32_t>(le32(s, info_at + 4));
  const auto height = static_cast<std::int32_t>(le32(s, info_at + 8));
  std::int64_t rows = height;
  if (height_doubled) rows /= 2;
  h->top_down = rows < 0;
  rows = rows < 0 ? -rows : rows;
  if (width <= 0 || rows <= 0 || width > VIPS_MAX_COORD || rows > VIPS_MAX_COORD) {
    return broken("unsupported dimensions");
  }
  h->width = width;
  h->height = static_cast<int>(rows);
  return {};
}

Result<void> read_compression(ByteSpan s, std::size_t info_at, std::size_t info_bytes, Header* h) {
  constexpr std::array kDepths = {1, 2, 4, 8, 16, 24, 32};
  const std::uint32_t compression = le32(s, info_at + 16);
  h->depth = le16(s, info_at + 14);
  if (le16(s, info_at + 12) != 1) return broken("more than one plane");
  if (std::find(kDepths.begin(), kDepths.end(), h->depth) == kDepths.end()) {
    return broken("unsupported bit depth");
  }
  if (h->depth <= 8) h->packing = Packing::kPalette;
  if (h->depth == 16) h->packing = Packing::k555;
  const bool alpha_masked = info_bytes == kInfoHeadBytes || le32(s, info_at + 52) != 0;
  if (h->depth == 32 && alpha_masked) h->bands = 4;
  const bool rle = (compression == kRle8 && h->depth == 8) ||
                   (compression == kRle4 && h->depth == 4);
  if (rle) {
    h->packing = Packing::kRle;
    return {};
  }
  if (compression == kBitfields || compression == kAlphaBitfields) {
    return apply_masks(s, info_at + kInfoHeadBytes, h);
  }
  if (compression != kRgb) return broken("unsupported compression");
  return {};
}

Result<Header> read_header(ByteSpan s, std::size_t info_at, bool in_icon) {
  Header h;
  const auto info_bytes = read_le(s, info_at, 4);
  if (!info_bytes) return broken("no header");
  if (*info_bytes != kInfoHeadBytes && *info_bytes != kV4HeadBytes && *info_bytes != kV5HeadBytes) {
    return broken("unsupported header length");
  }
  if (!slice(s, info_at, *info_bytes)) return broken("header cut short");
  IMGRING_TRY_VOID(read_size(s, info_at, in_icon, &h));
  IMGRING_TRY_VOID(read_compression(s, info_at, *info_bytes, &h));
  std::size_t after = info_at + *info_bytes;
  const std::uint32_t compression = le32(s, info_at + 16);
  const bool masks_follow = *info_bytes == kInfoHeadBytes &&
                            (compression == kBitfields || compression == kAlphaBitfields);
  if (masks_follow) after += h.depth > 24 ? 16 : 12;
  h.palette_at = after;
  if (h.depth <= 8) {
    const std::uint32_t colours_max = 1u << h.depth;
    h.colours = le32(s, info_at + 32);
    if (h.colours == 0) h.colours = colours_max;
    if (h.colours > colours_max) return broken("more colours than the depth allows");
    if (!slice(s, after, h.colours * kPaletteItemBytes)) return broken("palette cut short");
    after += h.colours * kPaletteItemBytes;
  }
  h.pixels_at = in_icon ? after : le32(s, 10);
  if (h.pixels_at > s.size()) return broken("pixels outside of the file");
  return h;
}

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
};
// 256 entries, those the file does not have are black.
std::array<Colour, 256> read_palette(ByteSpan s, const Header& h) {
  std::array<Colour, 256> palette{};
  for (std::uint32_t i = 0; i < h.colours && i < palette.size(); ++i) {
    const std::size_t at = h.palette_at + i * kPaletteItemBytes;
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

std::uint8_t widen_5_bits(std::uint32_t value) noexcept {
  return static_cast<std::uint8_t>(((value & 31) * 255 + 15) / 31);
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
    } else if (h.depth == 16) {
      const std::uint32_t v = row[x * 2] | static_cast<std::uint32_t>(row[x * 2 + 1]) << 8;
      if (h.packing == Packing::k565) {
        // imgproxy shifts 565 without filling the low bits: white is 248, 252, 248.
        to[0] = static_cast<std::uint8_t>((v >> 11 & 31) << 3);
        to[1] = static_cast<std::uint8_t>((v >> 5 & 63) << 2);
        to[2] = static_cast<std::uint8_t>((v & 31) << 3);
      } else {
        to[0] = widen_5_bits(v >> 10);
        to[1] = widen_5_bits(v >> 5);
        to[2] = widen_5_bits(v);
      }
    } else {
      const std::uint8_t* from = row + static_cast<std::size_t>(x) * (h.depth / 8);
      put_colour({from[2], from[1], from[0]}, to);
      if (h.bands == 4) to[3] = from[3];
    }
  }
}

std::size_t file_row_bytes(const Header& h) noexcept {
  return (static_cast<std::size_t>(h.width) * h.depth + 31) / 32 * 4;
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
      if (!command || operations > operations_max) return false;
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

  // Only now, after the limits on the header's size were checked, pixels take memory.
  void unpack() noexcept {
    const auto rows = static_cast<std::size_t>(header.height);
    const std::size_t row_bytes = static_cast<std::size_t>(header.width) * header.bands;
    pixels.reset(static_cast<std::uint8_t*>(std::calloc(rows, row_bytes)));
    if (pixels == nullptr) return;
    if (!RleDecoder(file, header, palette, pixels.get()).run()) pixels.reset();
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
  const std::size_t row_bytes = file_row_bytes(h);
  const auto row = slice(picture.file, h.pixels_at + file_row * row_bytes, row_bytes);
  if (!row) return false;
  decode_row(h, picture.palette, row->data(), columns, to);
  return true;
}

// libvips calls this for every region it wants.
int generate(VipsRegion* out, void*, void* a, void*, gboolean*) noexcept {
  auto* picture = static_cast<Picture*>(a);
  const Header& h = picture->header;
  if (h.packing == Packing::kRle) {
    std::call_once(picture->unpacked, [picture]() noexcept { picture->unpack(); });
    if (picture->pixels == nullptr) {
      vips_error("bmpload", "%s", "pixels cut short");
      return -1;
    }
  }
  const VipsRect& area = out->valid;
  for (int row = area.top; row < area.top + area.height; ++row) {
    const int file_row = h.top_down ? row : h.height - 1 - row;
    if (!put_row(*picture, file_row, {area.left, area.width},
                 VIPS_REGION_ADDR(out, area.left, row))) {
      vips_error("bmpload", "%s", "pixels cut short");
      return -1;
    }
  }
  return 0;
}

void drop_picture(VipsImage*, void* picture) noexcept { delete static_cast<Picture*>(picture); }

bool enough_bytes(ByteSpan s, const Header& h) noexcept {
  const std::size_t there = s.size() - h.pixels_at;
  if (h.packing == Packing::kRle) return there >= 2;
  return there >= file_row_bytes(h) * static_cast<std::uint64_t>(h.height);
}

int palette_bits(std::uint32_t colours) noexcept {
  return colours > 16 ? 8 : colours > 4 ? 4 : colours > 2 ? 2 : 1;
}

Result<VipsImagePtr> picture_of(ByteSpan s, const Header& h) {
  if (!enough_bytes(s, h)) return broken("pixels cut short");
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
  IMGRING_TRY(const Header header, read_header(source, kFileHeadBytes, false));
  return picture_of(source, header);
}

Result<VipsImagePtr> load_ico_bitmap(ByteSpan entry) {
  IMGRING_TRY(const Header header, read_header(entry, 0, true));
  return picture_of(entry, header);
}

}  // namespace imgring::image
