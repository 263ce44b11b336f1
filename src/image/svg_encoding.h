// An SVG's encoding, settled once: what is checked, sanitised and drawn is the same UTF-8.
// Plain functions over spans, any thread (the C library may read a file of its own: no loop).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "imgring/base/error.h"
#include "imgring/base/text.h"

namespace imgring::image {

// The encodings that are known beside UTF-8 and UTF-16, by the labels of the WHATWG that are met,
// which are imgproxy's. None is one with states, where iconv has had its worst holes.
struct SvgEncoding {
  std::string_view label;  // lower case
  const char* name;        // iconv's
};
inline constexpr SvgEncoding kSvgEncodings[] = {
    {"windows-1252", "WINDOWS-1252"}, {"cp1252", "WINDOWS-1252"},
    {"iso-8859-1", "WINDOWS-1252"},   {"latin1", "WINDOWS-1252"},
    {"us-ascii", "WINDOWS-1252"},     {"ascii", "WINDOWS-1252"},
    {"windows-1250", "WINDOWS-1250"}, {"windows-1251", "WINDOWS-1251"},
    {"windows-1253", "WINDOWS-1253"}, {"windows-1254", "WINDOWS-1254"},
    {"iso-8859-9", "WINDOWS-1254"},   {"iso-8859-2", "ISO-8859-2"},
    {"iso-8859-5", "ISO-8859-5"},     {"iso-8859-7", "ISO-8859-7"},
    {"iso-8859-15", "ISO-8859-15"},   {"koi8-r", "KOI8-R"},
    {"koi8-u", "KOI8-U"},             {"shift_jis", "SHIFT_JIS"},
    {"euc-jp", "EUC-JP"},             {"gbk", "GBK"},
    {"gb2312", "GBK"},                {"gb18030", "GB18030"},
    {"big5", "BIG5"},                 {"euc-kr", "EUC-KR"},
};

// nullopt: the source serves as it is. Else it in UTF-8, and its XML declaration says so. As in
// imgproxy a mark of the byte order counts first, `utf-` anything without one is UTF-8, and what is
// no character becomes U+FFFD. kBrokenSvg: an encoding nobody knows, or more than 10 MiB.
Result<std::optional<std::string>> svg_to_utf8(ByteSpan source);

}  // namespace imgring::image
