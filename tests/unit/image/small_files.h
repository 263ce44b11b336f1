// Small files of icons and bitmaps, made byte by byte.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image::test {

inline std::string le(std::uint32_t value, int width) {
  std::string out;
  for (int i = 0; i < width; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

struct Bmp {
  std::int32_t width = 2, height = 2;
  std::uint32_t planes = 1, depth = 24, compression = 0, colours = 0, header = 40;
  std::string palette{}, pixels{};
  std::vector<std::uint32_t> masks{};  // in the header, or right behind one of 40
};
inline std::string info_of(const Bmp& b) {
  if (b.header == 12) {
    return le(12, 4) + le(static_cast<std::uint32_t>(b.width), 2) +
           le(static_cast<std::uint32_t>(b.height), 2) + le(b.planes, 2) + le(b.depth, 2);
  }
  std::string out = le(b.header, 4) + le(static_cast<std::uint32_t>(b.width), 4) +
                    le(static_cast<std::uint32_t>(b.height), 4) + le(b.planes, 2) + le(b.depth, 2) +
                    le(b.compression, 4) + std::string(12, 0) + le(b.colours, 4) + le(0, 4);
  for (const std::uint32_t mask : b.masks) out += le(mask, 4);
  if (out.size() < b.header) out.resize(b.header, '\0');
  return out;
}
inline std::string file_of(const Bmp& b) {
  const std::string info = info_of(b);
  const auto offset = static_cast<std::uint32_t>(14 + info.size() + b.palette.size());
  return "BM" + std::string(8, 0) + le(offset, 4) + info + b.palette + b.pixels;
}

struct Entry {
  int width, height;
  std::string data;
  std::uint32_t size_bytes = 0xFFFFFFFE, offset = 0xFFFFFFFE;  // those: the true ones
};
inline std::string icon_of(const std::vector<Entry>& entries) {
  std::string head = le(0, 2) + le(1, 2) + le(static_cast<std::uint32_t>(entries.size()), 2);
  std::string body;
  for (const Entry& e : entries) {
    const auto size = e.size_bytes == 0xFFFFFFFE ? e.data.size() : e.size_bytes;
    const auto at = e.offset == 0xFFFFFFFE ? 6 + 16 * entries.size() + body.size() : e.offset;
    head.push_back(static_cast<char>(e.width));
    head.push_back(static_cast<char>(e.height));
    head += le(0, 2) + le(1, 2) + le(32, 2) + le(static_cast<std::uint32_t>(size), 4) +
            le(static_cast<std::uint32_t>(at), 4);
    body += e.data;
  }
  return head + body;
}
inline std::string png_of(int width, int height) {
  return saved_by_vips(picture(width, height, 3).get(), ".png");
}

inline void expect_broken(const std::string& file, ImageType type) {
  const auto image = load(bytes_of(file), type, LoadParams{});
  if (!image) {
    EXPECT_EQ(image.error().code, ErrorCode::kBrokenImage) << image.error().detail;
    return;
  }
  // The header was fine: then the pixels must fail.
  const auto memory = copy_to_memory(image->get(), StopFlag{});
  ASSERT_FALSE(memory.has_value());
  EXPECT_EQ(memory.error().code, ErrorCode::kBrokenImage) << memory.error().detail;
}
inline std::vector<std::uint8_t> loaded(const std::string& file, ImageType type) {
  const auto image = load(bytes_of(file), type, LoadParams{});
  if (!image) {
    ADD_FAILURE() << image.error().detail;
    return {};
  }
  return pixels_of(image->get());
}
using Pixels = std::vector<std::uint8_t>;

}  // namespace imgring::image::test
