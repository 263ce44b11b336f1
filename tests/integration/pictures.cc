// A PNG writer over zlib, a JPEG writer over libjpeg, and readers of headers.
#include "pictures.h"

#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <vector>

// After cstdio: it uses FILE.
#include <jpeglib.h>

namespace imgring::test {

namespace {

std::uint32_t be(std::string_view bytes, std::size_t at, int count) {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i) {
    value = value << 8 | static_cast<std::uint8_t>(bytes[at + static_cast<std::size_t>(i)]);
  }
  return value;
}

std::uint32_t le(std::string_view bytes, std::size_t at, int count) {
  std::uint32_t value = 0;
  for (int i = count - 1; i >= 0; --i) {
    value = value << 8 | static_cast<std::uint8_t>(bytes[at + static_cast<std::size_t>(i)]);
  }
  return value;
}

std::string be_text(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

PictureFacts jpeg_facts(std::string_view bytes) {
  std::size_t at = 2;
  while (at + 9 < bytes.size() && bytes[at] == '\xff') {
    const auto marker = static_cast<std::uint8_t>(bytes[at + 1]);
    const bool frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      return {"jpeg", static_cast<int>(be(bytes, at + 7, 2)),
              static_cast<int>(be(bytes, at + 5, 2))};
    }
    at += 2 + be(bytes, at + 2, 2);
  }
  return {};
}

PictureFacts webp_facts(std::string_view bytes) {
  if (bytes.size() < 30) return {};
  const std::string_view kind = bytes.substr(12, 4);
  if (kind == "VP8X") {
    return {"webp", static_cast<int>(le(bytes, 24, 3)) + 1, static_cast<int>(le(bytes, 27, 3)) + 1};
  }
  if (kind == "VP8L") {
    const std::uint32_t bits = le(bytes, 21, 4);
    return {"webp", static_cast<int>(bits & 0x3fff) + 1, static_cast<int>(bits >> 14 & 0x3fff) + 1};
  }
  return {"webp", static_cast<int>(le(bytes, 26, 2) & 0x3fff),
          static_cast<int>(le(bytes, 28, 2) & 0x3fff)};
}

std::string png_chunk(std::string_view type, std::string_view data) {
  std::string body(type);
  body.append(data);
  const auto sum =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return be_text(static_cast<std::uint32_t>(data.size())) + body +
         be_text(static_cast<std::uint32_t>(sum));
}

struct PngForm {
  PictureSize size;
  char depth = 8, colour = 2;
};

std::string png_of(const PngForm& form, std::string_view rows) {
  uLongf packed_size = compressBound(rows.size());
  std::string packed(packed_size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &packed_size,
            reinterpret_cast<const Bytef*>(rows.data()), rows.size(), 1);
  packed.resize(packed_size);
  std::string header = be_text(static_cast<std::uint32_t>(form.size.width)) +
                       be_text(static_cast<std::uint32_t>(form.size.height));
  header.append({form.depth, form.colour, 0, 0, 0});
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", packed) +
         png_chunk("IEND", "");
}

void put_pixel(std::string& row, int x, int y) {
  const int noise = (x * 7919 + y * 104729) % 13;
  for (int value : {x * 3 + noise, y * 5 + noise, (x + y) * 2}) {
    row.push_back(static_cast<char>(value & 0xff));
  }
}

}  // namespace

PictureFacts facts_of_picture(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n") && bytes.size() > 24) {
    return {"png", static_cast<int>(be(bytes, 16, 4)), static_cast<int>(be(bytes, 20, 4))};
  }
  if (bytes.starts_with("\xff\xd8\xff")) return jpeg_facts(bytes);
  if (bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") return webp_facts(bytes);
  return {};
}

std::string png_picture(PictureSize size) {
  std::string rows;
  for (int y = 0; y < size.height; ++y) {
    rows.push_back('\0');  // no filter
    for (int x = 0; x < size.width; ++x) put_pixel(rows, x, y);
  }
  return png_of({.size = size}, rows);
}

std::string flat_png(PictureSize size) {
  const auto row = static_cast<std::size_t>(size.width + 7) / 8 + 1;
  return png_of({.size = size, .depth = 1, .colour = 0},
                std::string(row * static_cast<std::size_t>(size.height), '\0'));
}

std::string jpeg_picture(PictureSize size) {
  jpeg_compress_struct state{};
  jpeg_error_mgr errors{};
  state.err = jpeg_std_error(&errors);
  jpeg_create_compress(&state);
  unsigned char* memory = nullptr;
  unsigned long memory_bytes = 0;
  jpeg_mem_dest(&state, &memory, &memory_bytes);
  state.image_width = static_cast<JDIMENSION>(size.width);
  state.image_height = static_cast<JDIMENSION>(size.height);
  state.input_components = 3;
  state.in_color_space = JCS_RGB;
  jpeg_set_defaults(&state);
  jpeg_set_quality(&state, 85, TRUE);
  jpeg_start_compress(&state, TRUE);
  for (int y = 0; y < size.height; ++y) {
    std::string row;
    for (int x = 0; x < size.width; ++x) put_pixel(row, x, y);
    auto* data = reinterpret_cast<JSAMPROW>(row.data());
    jpeg_write_scanlines(&state, &data, 1);
  }
  jpeg_finish_compress(&state);
  jpeg_destroy_compress(&state);
  std::string out(reinterpret_cast<char*>(memory), memory_bytes);
  std::free(memory);
  return out;
}

std::string gzipped(std::string_view text) {
  z_stream stream{};
  constexpr int kGzipFrame = 15 + 16;
  if (deflateInit2(&stream, 6, Z_DEFLATED, kGzipFrame, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("deflateInit2");
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string input(text);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace imgring::test
