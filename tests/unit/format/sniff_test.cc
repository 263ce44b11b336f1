// Types by content.
#include "imgring/format/sniff.h"

#include <gtest/gtest.h>

#include <string>

namespace imgring::format {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::string_view head;
  ImageType type;
  std::string_view extension = "", content_type = "";
};

constexpr Case kCases[] = {
    {"\xff\xd8\xff\xe0"sv, ImageType::kJpeg},
    {"\xff\xd8"sv, ImageType::kJpeg},
    {"\xff"sv, ImageType::kUnknown},
    {""sv, ImageType::kUnknown},
    {"\xff\x0a"sv, ImageType::kJxl},
    {"\0\0\0\x0cJXL \x0d\x0a\x87\x0a"sv, ImageType::kJxl},
    {"\0\0\0\x0cJXL \x0d\x0a\x87"sv, ImageType::kUnknown},
    {"\x89PNG\r\n\x1a\n"sv, ImageType::kPng},
    {"\x89PNG\r\n\x1a"sv, ImageType::kUnknown},
    {"RIFF\0\0\0\0WEBP"sv, ImageType::kWebp},
    {"RIFF\0\0\0\0WAVE"sv, ImageType::kUnknown},
    {"GIF87a"sv, ImageType::kGif},
    {"GIF89a"sv, ImageType::kGif},
    {"GIF89b"sv, ImageType::kUnknown},
    {"\0\0\1\0"sv, ImageType::kIco},
    {"\0\0\2\0"sv, ImageType::kUnknown},
    {"....ftypheic"sv, ImageType::kHeic},
    {"....ftypmif1"sv, ImageType::kHeic},
    {"....ftypavif"sv, ImageType::kAvif},
    {"....ftypavis"sv, ImageType::kAvif},
    {"\0\0\0\x18"
     "ftypmif1\0\0\0\0mif1avif"sv,
     ImageType::kAvif},
    {"\0\0\0\x18"
     "ftypmif1\0\0\0\0mif1heic"sv,
     ImageType::kHeic},
    {"\0\0\0\x18"
     "ftypmsf1\0\0\0\0msf1avis"sv,
     ImageType::kAvif},
    {"\0\0\0\x18"
     "ftypmsf1\0\0\0\0msf1hevc"sv,
     ImageType::kHeic},
    {"\0\0\0\x1c"
     "ftypmiaf\0\0\0\0miafmif1MA1B"sv,
     ImageType::kAvif},
    {"\0\0\0\x14"
     "ftypmiaf\0\0\0\0miaf....infe....av01"sv,
     ImageType::kAvif},
    {"\0\0\0\x14"
     "ftypmiaf\0\0\0\0miaf....infe....hvc1"sv,
     ImageType::kHeic},
    {"....ftypisom"sv, ImageType::kUnknown},
    {"....ftypmsf1"sv, ImageType::kHeic},
    {"BM"sv, ImageType::kBmp},
    {"II*\0"sv, ImageType::kTiff},
    {"MM\0*"sv, ImageType::kTiff},
    {"II+\0\x8\0\0\0"sv, ImageType::kTiff},
    {"MM\0+\0\x8\0\0"sv, ImageType::kTiff},
    {"MM\0+\0\x8\0\0"sv, ImageType::kUnknown, ".dng"sv},
    {"II*\0"sv, ImageType::kUnknown, ".dng"sv},
    {"II*\0"sv, ImageType::kUnknown, "NEF"sv},
    {"II*\0"sv, ImageType::kTiff, ".tif"sv},
    {"MM\0*"sv, ImageType::kUnknown, ""sv, "image/x-canon-cr2"sv},
    {"MM\0*"sv, ImageType::kTiff, ""sv, "image/tiff"sv},
    {"\0\0\0\x18"
     "ftypMA1B\0\0\0\0avifmif1"sv,
     ImageType::kAvif},
    {"\0\0\0\x14"
     "ftypabcd\0\0\0\0heic"sv,
     ImageType::kHeic},
    {"\0\0\0\x18"
     "ftypisom\0\0\0\0mp41mif1"sv,
     ImageType::kUnknown},
    {"\0\0\0\x14"
     "ftypabcd\0\0\0\0av01"sv,
     ImageType::kUnknown},
    {"<svg"sv, ImageType::kUnknown},  // the name may go on
    {"<svg>"sv, ImageType::kSvg},
    {"<svg/>"sv, ImageType::kSvg},
    {"<svg xmlns='x'"sv, ImageType::kSvg},
    {"<svgs>"sv, ImageType::kUnknown},
    {"<SVG>"sv, ImageType::kUnknown},
    {"\xEF\xBB\xBF<?xml version='1.0'?>\n<!-- <svg> -->\n<svg:svg >"sv, ImageType::kSvg},
    {"<!DOCTYPE svg [<!ENTITY a \"<x>\"> <!-- ]> ' -->]><svg>"sv, ImageType::kSvg},
    {"<!DOCTYPE html><html><body><p title='<svg>'></p></body></html>"sv, ImageType::kUnknown},
    {"<html><svg>"sv, ImageType::kSvg},
    {"<![CDATA[<svg>]]><x>"sv, ImageType::kUnknown},
    {"<!-- <svg>"sv, ImageType::kUnknown},
    {"<a b=\"<svg>\""sv, ImageType::kUnknown},
    {"text \0 <svg>"sv, ImageType::kUnknown},
    {"< svg>"sv, ImageType::kUnknown},
    {"%PDF-1.4"sv, ImageType::kUnknown},
    {"\xff\xfe<\0s\0v\0g\0>\0"sv, ImageType::kSvg},
    {"\xfe\xff\0<\0s\0v\0g\0 "sv, ImageType::kSvg},
    {"\xff\xfe<\0?\0x\0?\0>\0\x16\x20<\0s\0v\0g\0/\0"sv, ImageType::kSvg},
    {"\xff\xfe<\0s\0v\0g\0"sv, ImageType::kUnknown},
    {"\xff\xfe\0\0<\0s\0v\0g\0>\0"sv, ImageType::kUnknown},
    {"\xff\xfe\0<\0s\0v\0g\0>"sv, ImageType::kUnknown},  // the other order
    {"\xff\xfe"sv, ImageType::kUnknown},
};

TEST(Sniff, TypesByTheirFirstBytes) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.head) + " " + std::string(c.extension));
    EXPECT_EQ(detect_type(as_bytes(c.head), c.extension, c.content_type), c.type);
  }
}

TEST(Sniff, LooksAt32KibOnly) {
  const std::string near = "<!--" + std::string(30'000, ' ') + "--><svg>";
  const std::string far = "<!--" + std::string(33'000, ' ') + "--><svg>";
  EXPECT_EQ(detect_type(as_bytes(near), "", ""), ImageType::kSvg);
  EXPECT_EQ(detect_type(as_bytes(far), "", ""), ImageType::kUnknown);
}

}  // namespace
}  // namespace imgring::format
