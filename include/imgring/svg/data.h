// data: links as browsers and rasterisers read them, and what kind of picture is inside.
// Plain functions over spans, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "imgring/base/image_type.h"
#include "imgring/svg/work.h"

namespace imgring::svg {

// Levels of SVGs inside SVGs; what lies deeper is not drawn and not served.
inline constexpr int kSvgInsideDepthMax = 4;

struct SvgData {
  std::string type;  // lower case, without parameters
  std::string bytes;
  ImageType picture = ImageType::kUnknown;  // by the bytes; kSvg if they or the type say so
  bool fragment = false;                    // `#` and more stood behind it: some read no such
  bool packed = false;                      // the link has it by gzip; bytes: unpacked
};

// As a browser reads a link: without controls and spaces.
std::string link_without_spaces(std::string_view value);
// nullopt: no data: link, or none that can be decoded. Spends nothing for the link itself.
std::optional<SvgData> read_data_link(std::string_view value, SvgWork* work);
std::string data_link(std::string_view type, std::string_view bytes);

}  // namespace imgring::svg
